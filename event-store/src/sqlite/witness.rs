//! Detects a file that loses events, or gets others in their place, while it is open (INV-8).

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use domain::Position;
use rusqlite::{Connection, OptionalExtension};

use super::archive;
use super::failure::ReadFailure;
use crate::ReadError;

/// The last event that this process has seen. A divergence is remembered, and the log is not used
/// again.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness {
    last: Arc<Mutex<Seen>>,
    diverged: Arc<OnceLock<String>>,
}

/// An event in the file, or its beginning.
#[derive(Debug, Clone, Default)]
struct Seen {
    position: i64,
    event: Vec<u8>,
}

impl Witness {
    /// Reads from the file as it is at one moment, if it still has the last event seen.
    pub(super) fn read<T>(
        &self,
        connection: &Connection,
        read: impl FnOnce(&Connection) -> Result<T, ReadFailure>,
    ) -> Result<T, ReadFailure> {
        // Before the moment begins, because others may append and see more at any time.
        let seen = self.seen();
        let moment = connection.unchecked_transaction()?;
        self.compare(&seen, &moment)?;
        if let Some(newest) = newest(&moment)? {
            self.saw(newest);
        }
        read(&moment)
    }

    /// Compares the file with the last event seen, inside the writer's transaction. Events of an
    /// open transaction are not remembered, because it may be rolled back.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), ReadFailure> {
        self.compare(&self.seen(), connection)
    }

    fn compare(&self, seen: &Seen, connection: &Connection) -> Result<(), ReadFailure> {
        if let Some(how) = self.diverged.get() {
            return Err(ReadFailure(ReadError::Diverged(how.clone())));
        }
        let position = Position(seen.position.cast_unsigned());
        if position == Position::START || archive::mark(connection)? >= position {
            return Ok(());
        }
        let event = event_at(connection, seen.position)?;
        if event.as_ref() == Some(&seen.event) {
            return Ok(());
        }
        let how = match (event, newest(connection)?) {
            (Some(_), _) => format!("another event is at position {position}"),
            (None, newest) => {
                let head = newest.map_or(0, |newest| newest.position);
                format!("{position} was read, but it ends at {head}")
            }
        };
        if self.diverged.set(how.clone()).is_ok() {
            tracing::error!(
                alert = true,
                reason = how,
                "the log has diverged and is no longer used; run: assay audit verify"
            );
        }
        Err(ReadFailure(ReadError::Diverged(how)))
    }

    fn seen(&self) -> Seen {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn saw(&self, newest: Seen) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.position > last.position {
            *last = newest;
        }
    }
}

fn event_at(connection: &Connection, position: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT event_id FROM events WHERE position = ?1")?
        .query_row([position], |row| row.get(0))
        .optional()
}

fn newest(connection: &Connection) -> rusqlite::Result<Option<Seen>> {
    connection
        .prepare_cached("SELECT position, event_id FROM events ORDER BY position DESC LIMIT 1")?
        .query_row([], |row| Ok(Seen { position: row.get(0)?, event: row.get(1)? }))
        .optional()
}
