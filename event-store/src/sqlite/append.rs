//! One append inside the writer's transaction.

use domain::{Position, Version};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::writer::JobError;
use super::{now_us, timestamp};
use crate::archive::POSITION_BYTES;
use crate::queue::account_text;
use crate::{AppendBatch, AppendError, Appended};

/// An encoded batch for the writer's thread.
pub(super) struct Append {
    stream: String,
    expected: i64,
    events: Vec<(Uuid, String)>,
    /// The lane, the stream and the account of the work.
    enqueue: Option<(&'static str, String, String)>,
    complete: Option<String>,
}

impl Append {
    /// Checks the batch's limits.
    pub(super) fn new(batch: &AppendBatch) -> Result<Self, AppendError> {
        let bodies = batch.check()?;
        let ids = batch.events.iter().map(|new| new.id.0);
        let enqueue = batch.enqueue.as_ref();
        Ok(Self {
            stream: batch.stream.to_string(),
            expected: batch.expected.0.cast_signed(),
            events: ids.zip(bodies).collect(),
            enqueue: enqueue
                .map(|item| (item.lane.as_str(), item.stream.to_string(), account_text(item))),
            complete: batch.complete.as_ref().map(|receipt| receipt.id.clone()),
        })
    }

    /// The atomic step of INV-6.
    pub(super) fn run(self, connection: &Connection) -> Result<Appended, JobError<AppendError>> {
        let actual: i64 = connection
            .prepare_cached(
                "SELECT coalesce(
                    (SELECT max(version) FROM events WHERE stream = ?1),
                    (SELECT length(positions) / ?2 FROM trimmed_streams WHERE stream = ?1),
                    0
                 )",
            )?
            .query_row(params![self.stream, POSITION_BYTES as i64], |row| row.get(0))?;
        if actual != self.expected {
            return match self.written_before(connection, actual)? {
                Some(appended) => Ok(appended),
                None => Err(JobError::Refused(AppendError::Conflict {
                    expected: Version(self.expected.cast_unsigned()),
                    actual: Version(actual.cast_unsigned()),
                })),
            };
        }
        let (head, head_at) = last_event(connection)?;
        // The machine's clock may have been set back, but the log's times never decrease.
        let now = now_us();
        let recorded_at = now.max(head_at);

        let mut insert = connection.prepare_cached(
            "INSERT INTO events (position, stream, version, recorded_at, event_id, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let (mut position, mut version) = (head, self.expected);
        for (id, body) in &self.events {
            (position, version) = (position + 1, version + 1);
            let id = id.as_bytes().as_slice();
            insert.execute(params![position, self.stream, version, recorded_at, id, body])?;
        }
        if let Some((lane, stream, account)) = &self.enqueue {
            connection
                .prepare_cached(
                    "INSERT INTO work (lane, stream, account, enqueued_at) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![lane, stream, account, now])?;
        }
        if let Some(id) = &self.complete {
            connection.prepare_cached("DELETE FROM work WHERE id = ?1")?.execute([id])?;
        }
        Ok(Appended {
            first: Position(head.cast_unsigned() + 1),
            last: Position(position.cast_unsigned()),
            version: Version(version.cast_unsigned()),
            recorded_at: timestamp(recorded_at)?,
            repeated: false,
        })
    }

    /// The earlier result if this batch is already in its place, so that it is a retry.
    fn written_before(
        &self,
        connection: &Connection,
        actual: i64,
    ) -> rusqlite::Result<Option<Appended>> {
        let last = self.expected + self.events.len() as i64;
        if actual < last {
            return Ok(None);
        }
        let mut query = connection.prepare_cached(
            "SELECT position, recorded_at, event_id FROM events
             WHERE stream = ?1 AND version > ?2 AND version <= ?3 ORDER BY version",
        )?;
        let written: Vec<(i64, i64, Vec<u8>)> = query
            .query_map(params![self.stream, self.expected, last], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let same = written.len() == self.events.len()
            && written.iter().zip(&self.events).all(|(row, (id, _))| row.2 == id.as_bytes());
        let (Some(first), Some(last), true) = (written.first(), written.last(), same) else {
            return Ok(None);
        };
        Ok(Some(Appended {
            first: Position(first.0.cast_unsigned()),
            last: Position(last.0.cast_unsigned()),
            version: Version(actual.cast_unsigned()),
            recorded_at: timestamp(first.1)?,
            repeated: true,
        }))
    }
}

/// The last event's position and time; zeros if the log is empty.
pub(super) fn last_event(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    connection
        .prepare_cached(
            "SELECT position, recorded_at FROM (
                SELECT * FROM (SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1)
                UNION ALL SELECT position, recorded_at FROM trimmed
             ) ORDER BY position DESC LIMIT 1",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map(Option::unwrap_or_default)
}
