//! A restore's operations in the log's file.

use domain::Recorded;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::append::last_event;
use super::now_us;
use super::writer::JobError;
use crate::WorkItem;
use crate::archive::StoreFault;
use crate::queue::account_text;

/// Whether a restore is unfinished.
pub(super) fn is_restoring(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM restoring)", [], |row| row.get(0))
}

/// Gives an empty log this id and starts the restore.
pub(super) fn begin(connection: &Connection, log_id: Uuid) -> Result<bool, JobError<StoreFault>> {
    let used: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM events) OR EXISTS (SELECT 1 FROM segments)
             OR EXISTS (SELECT 1 FROM work)",
        [],
        |row| row.get(0),
    )?;
    if used {
        return Ok(false);
    }
    connection.execute("UPDATE log SET log_id = ?1", [log_id.to_string()])?;
    connection.execute("INSERT OR IGNORE INTO restoring (id) VALUES (1)", [])?;
    Ok(true)
}

/// Adds events exactly as they were recorded.
pub(super) fn import(
    connection: &Connection,
    events: &[Recorded],
) -> Result<(), JobError<StoreFault>> {
    let refused = |why: String| Err(JobError::Refused(StoreFault::Refused(why)));
    if !is_restoring(connection)? {
        return refused("events are imported by a restore only".to_owned());
    }
    let (head, _) = last_event(connection)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO events (position, stream, version, recorded_at, event_id, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (expected, event) in (head + 1..).zip(events) {
        let position = event.position.0.cast_signed();
        if position != expected {
            return refused(format!("{position} does not follow {}", expected - 1));
        }
        insert.execute(params![
            position,
            event.stream.to_string(),
            event.version.0.cast_signed(),
            event.recorded_at.as_microsecond(),
            event.id.0.as_bytes().as_slice(),
            &*event.body,
        ])?;
    }
    Ok(())
}

/// Queues work and ends the restore.
pub(super) fn finish(
    connection: &Connection,
    work: &[WorkItem],
) -> Result<(), JobError<StoreFault>> {
    let now = now_us();
    let mut queue = connection.prepare_cached(
        "INSERT INTO work (lane, stream, account, enqueued_at) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for item in work {
        let (lane, stream) = (item.lane.as_str(), item.stream.to_string());
        queue.execute(params![lane, stream, account_text(item), now])?;
    }
    connection.execute("DELETE FROM restoring", [])?;
    Ok(())
}
