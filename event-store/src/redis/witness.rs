//! What this process knows to be in the log (INV-8).
//!
//! A server that starts again may have another log than before: an older file, or a replica's that
//! had not heard of everything yet. Readers that wait for more would not notice, and would go on in
//! another history as soon as it is long enough. So every new connection is asked whether the log
//! still has what was seen; one that has not is never used, nor is any after it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use domain::Position;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError};
use tokio::sync::watch;
use uuid::Uuid;

use super::keys::Keys;
use super::library::Function;

/// What was seen of the log.
#[derive(Debug)]
pub(super) struct Witness {
    keys: Keys,
    log_id: OnceLock<Uuid>,
    /// How far it is known to go.
    head: Arc<watch::Sender<Position>>,
    /// The last event that was read or appended here, and its id.
    last: Mutex<(Position, String)>,
    diverged: OnceLock<String>,
}

impl Witness {
    pub(super) fn new(keys: Keys, head: Arc<watch::Sender<Position>>) -> Self {
        let (log_id, diverged) = (OnceLock::new(), OnceLock::new());
        Self { keys, log_id, head, last: Mutex::default(), diverged }
    }

    /// Which log it is; until this is told, any will do.
    pub(super) fn identify(&self, log_id: Uuid) {
        // It is told once, while opening.
        let _ = self.log_id.set(log_id);
    }

    /// This event stands at this position.
    pub(super) fn saw(&self, position: Position, event: impl FnOnce() -> String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if position > last.0 {
            *last = (position, event());
        }
    }

    /// How the log is found to be another one, if it was.
    pub(super) fn divergence(&self) -> Option<&str> {
        self.diverged.get().map(String::as_str)
    }

    /// Asks a new connection. The answer is kept when it is that the log diverged.
    pub(super) async fn examine(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<(), RedisError> {
        let Some(question) = self.question() else { return Ok(()) };
        let reason: String = question.query_async(connection).await?;
        if !reason.is_empty() && self.diverged.set(reason.clone()).is_ok() {
            tracing::error!(
                reason,
                "the log has diverged, and is not used any more; run: assay audit verify"
            );
        }
        Ok(())
    }

    fn question(&self) -> Option<Cmd> {
        let log_id = self.log_id.get()?;
        let (position, event) = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let head = *self.head.borrow();
        let mut holds = Function::Holds.call(&[&self.keys.meta, &self.keys.tail, &self.keys.log]);
        holds.arg(log_id.to_string()).arg(head.0).arg(position.0).arg(event);
        Some(holds)
    }
}
