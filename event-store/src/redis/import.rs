//! A restore's operations in Redis.

use domain::Recorded;
use uuid::Uuid;

use super::archive::fault;
use super::library::Function;
use super::log::RedisLog;
use crate::WorkItem;
use crate::archive::StoreFault;
use crate::queue::account_text;

/// Number of events per call, small enough not to block the server.
const EVENTS_PER_CALL: usize = 256;

impl RedisLog {
    pub(super) async fn begin(&self, log_id: Uuid) -> Result<bool, StoreFault> {
        let mut keys = vec![self.keys.meta.clone(), self.keys.tail.clone(), self.keys.log.clone()];
        keys.extend(self.keys.lanes());
        let mut begin = Function::BeginRestore.call(&keys);
        begin.arg(log_id.to_string());
        self.general.query(&begin).await.map_err(fault)
    }

    /// Never sent twice: the server would refuse events it already has.
    pub(super) async fn import_events(&self, events: &[Recorded]) -> Result<(), StoreFault> {
        for some in events.chunks(EVENTS_PER_CALL) {
            let mut keys =
                vec![self.keys.meta.clone(), self.keys.log.clone(), self.keys.tail.clone()];
            keys.extend(some.iter().map(|event| self.keys.bucket(&event.stream)));
            let mut import = Function::Import.call(&keys);
            for event in some {
                import.arg(event.position.0).arg(event.stream.to_string()).arg(event.version.0);
                import.arg(event.recorded_at.as_microsecond()).arg(event.id.to_string());
                import.arg(&*event.body);
            }
            self.general.query::<()>(&import).await.map_err(fault)?;
        }
        Ok(())
    }

    pub(super) async fn finish(&self, work: &[WorkItem]) -> Result<(), StoreFault> {
        let mut keys = vec![self.keys.meta.clone()];
        keys.extend(work.iter().map(|item| self.keys.lane(item.lane)));
        let mut finish = Function::FinishRestore.call(&keys);
        for item in work {
            finish.arg(item.stream.to_string()).arg(account_text(item));
        }
        self.general.query::<()>(&finish).await.map_err(fault)
    }
}
