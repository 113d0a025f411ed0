//! Reads the log ahead while earlier events are applied.

use std::sync::Arc;

use domain::{Position, Recorded};
use event_store::{EventLog, ReadError};
use tokio_util::task::AbortOnDropHandle;

use crate::Projection;

/// Reads the log for one projection, page by page. If there is more, it starts reading the next
/// page in advance.
#[derive(Debug)]
pub(crate) struct Ahead {
    log: Arc<dyn EventLog>,
    projection: Arc<dyn Projection>,
    next: Option<Next>,
}

/// A page that is being read.
#[derive(Debug)]
struct Next {
    after: Position,
    limit: u32,
    events: AbortOnDropHandle<Result<Vec<Recorded>, ReadError>>,
}

impl Ahead {
    pub(crate) fn new(log: Arc<dyn EventLog>, projection: Arc<dyn Projection>) -> Self {
        Self { log, projection, next: None }
    }

    /// The wanted events among the next `limit` ones, and always the last of them.
    pub(crate) async fn read(
        &mut self,
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, ReadError> {
        let next = self.next.take().filter(|next| (next.after, next.limit) == (after, limit));
        let read = next.unwrap_or_else(|| self.begin(after, limit)).events.await;
        let events = read.unwrap_or_else(|error| Err(ReadError::Unavailable(error.into())))?;
        if let Some(last) = events.last()
            && last.position.0 == after.0 + u64::from(limit)
        {
            self.next = Some(self.begin(last.position, limit));
        }
        Ok(events)
    }

    fn begin(&self, after: Position, limit: u32) -> Next {
        let (log, projection) = (Arc::clone(&self.log), Arc::clone(&self.projection));
        let reading = tokio::spawn(async move {
            log.read_wanted(after, limit, &|stream| projection.wants(stream)).await
        });
        Next { after, limit, events: AbortOnDropHandle::new(reading) }
    }
}
