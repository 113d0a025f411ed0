//! Detects a server that comes back with a different log (INV-8).
//!
//! A restarted server may have a different log: an older file, or that of a replica that was
//! behind. Readers waiting for new events would not notice, and would continue in another history
//! once it is long enough. So every new connection is checked for the last event seen. If that
//! event is missing, neither this connection nor a later one is used.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use domain::Position;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError};
use tokio::sync::watch;
use uuid::Uuid;

use super::keys::Keys;
use super::library::Function;

/// The part of the log that this process has seen.
#[derive(Debug)]
pub(super) struct Witness {
    keys: Keys,
    log_id: OnceLock<Uuid>,
    /// The last known head.
    head: Arc<watch::Sender<Position>>,
    /// Position and id of the last event that this process read or appended.
    last: Mutex<(Position, String)>,
    diverged: OnceLock<String>,
}

impl Witness {
    pub(super) fn new(keys: Keys, head: Arc<watch::Sender<Position>>) -> Self {
        let (log_id, diverged) = (OnceLock::new(), OnceLock::new());
        Self { keys, log_id, head, last: Mutex::default(), diverged }
    }

    /// Sets the log's id. Until then, any log is accepted.
    pub(super) fn identify(&self, log_id: Uuid) {
        // Set once, while opening.
        let _ = self.log_id.set(log_id);
    }

    /// Records the event at this position.
    pub(super) fn saw(&self, position: Position, event: impl FnOnce() -> String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if position > last.0 {
            *last = (position, event());
        }
    }

    /// How the log differs, if it has diverged.
    pub(super) fn divergence(&self) -> Option<&str> {
        self.diverged.get().map(String::as_str)
    }

    /// Checks a new connection. A divergence is remembered.
    pub(super) async fn examine(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<(), RedisError> {
        let Some(question) = self.question() else { return Ok(()) };
        let reason: String = question.query_async(connection).await?;
        if !reason.is_empty() && self.diverged.set(reason.clone()).is_ok() {
            tracing::error!(
                alert = true,
                reason,
                "the log has diverged and is no longer used; run: assay audit verify"
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
