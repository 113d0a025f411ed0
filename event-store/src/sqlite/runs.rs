//! [`Runs`] in the log's own file, in tables of their own.

use async_trait::async_trait;
use domain::{Login, RunId, Version};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::watch;

use super::log::SqliteLog;
use super::now_us;
use super::writer::{JobError, WriteError};
use crate::queue::wake;
use crate::runs::{ENDED_KEPT, decode};
use crate::{Creation, NewRun, RunBatch, Runs, RunsError, StoredRun};

/// Runs removed in one transaction.
const SWEEP_PAGE: u32 = 500;

#[async_trait]
impl Runs for SqliteLog {
    async fn create(&self, new: &NewRun) -> Result<Creation, RunsError> {
        let new = new.clone();
        let created = self.writer.run(move |connection| create(connection, &new)).await;
        let created = created.map_err(runs_error)?;
        if created == Creation::Created {
            wake(&self.ready);
        }
        Ok(created)
    }

    async fn append(&self, batch: &RunBatch) -> Result<(), RunsError> {
        let owned = batch.clone();
        let appended = self.writer.run(move |connection| append(connection, &owned)).await;
        appended.map_err(runs_error)?;
        self.run_watches.wake(batch.run);
        Ok(())
    }

    async fn read(&self, id: RunId, now: Timestamp) -> Result<Option<StoredRun>, RunsError> {
        let rows = self.readers.run(move |connection| read(connection, id, now)).await;
        let rows = rows.map_err(|error: rusqlite::Error| unavailable(error))?;
        rows.map(|(request, times, events)| decode(id, &request, times, events)).transpose()
    }

    fn changes(&self, id: RunId) -> watch::Receiver<u64> {
        self.run_watches.follow(id)
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, RunsError> {
        let mut removed = 0;
        loop {
            let swept = self.writer.run(move |connection| sweep(connection, now)).await;
            let swept = swept.map_err(runs_error)?;
            removed += swept;
            if swept < u64::from(SWEEP_PAGE) {
                return Ok(removed);
            }
        }
    }
}

fn create(connection: &Connection, new: &NewRun) -> Result<Creation, JobError<RunsError>> {
    let (id, author) = (new.request.run.to_string(), new.request.author.as_str());
    let now = new.requested_at.as_microsecond();
    let expires_at: Option<i64> = connection
        .prepare_cached("SELECT expires_at FROM runs WHERE id = ?1")?
        .query_row([&id], |row| row.get(0))
        .optional()?;
    match expires_at {
        Some(expires_at) if expires_at > now => return Ok(Creation::Existed),
        Some(_) => remove(connection, &id)?,
        None => {}
    }
    let open: u32 = connection
        .prepare_cached(
            "SELECT count(*) FROM runs WHERE author = ?1 AND is_open = 1 AND expires_at > ?2",
        )?
        .query_row(params![author, now], |row| row.get(0))?;
    if open >= new.open_max {
        return Ok(Creation::TooManyOpen);
    }
    connection
        .prepare_cached(
            "INSERT INTO runs (id, author, requested_at, expires_at, request)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![id, author, now, new.expires_at.as_microsecond(), new.encode()])?;
    let work = new.work();
    connection
        .prepare_cached(
            "INSERT INTO work (lane, stream, account, enqueued_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![work.lane.as_str(), work.stream.to_string(), author, now_us()])?;
    Ok(Creation::Created)
}

fn append(connection: &Connection, batch: &RunBatch) -> Result<(), JobError<RunsError>> {
    let id = batch.run.to_string();
    let actual: Option<i64> = connection
        .prepare_cached(
            "SELECT (SELECT coalesce(max(version), 0) FROM run_events WHERE run = runs.id)
             FROM runs WHERE id = ?1",
        )?
        .query_row([&id], |row| row.get(0))
        .optional()?;
    let Some(actual) = actual else { return Err(JobError::Refused(RunsError::NotFound)) };
    let expected = batch.expected.0.cast_signed();
    if actual != expected {
        let stored: Option<String> = connection
            .prepare_cached("SELECT body FROM run_events WHERE run = ?1 AND version = ?2")?
            .query_row(params![id, expected + 1], |row| row.get(0))
            .optional()?;
        return match stored.is_some_and(|stored| batch.wrote(&stored)) {
            true => Ok(()),
            false => Err(JobError::Refused(RunsError::Conflict {
                expected: batch.expected,
                actual: Version(actual.cast_unsigned()),
            })),
        };
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO run_events (run, version, recorded_at, body) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (version, body) in (expected + 1..).zip(batch.encode()) {
        insert.execute(params![id, version, now_us(), body])?;
    }
    if batch.is_final() {
        connection.prepare_cached("UPDATE runs SET is_open = 0 WHERE id = ?1")?.execute([&id])?;
        remove_oldest(connection, &batch.author)?;
    }
    if let Some(receipt) = &batch.complete {
        connection.prepare_cached("DELETE FROM work WHERE id = ?1")?.execute([&receipt.id])?;
    }
    Ok(())
}

/// A run's request, its times, and its events with theirs.
type Fields = (String, (i64, i64), Vec<(i64, String)>);

fn read(connection: &Connection, id: RunId, now: Timestamp) -> rusqlite::Result<Option<Fields>> {
    // One moment, so that the run is not removed between the two reads.
    let moment = connection.unchecked_transaction()?;
    let run = moment
        .prepare_cached(
            "SELECT request, requested_at, expires_at FROM runs WHERE id = ?1 AND expires_at > ?2",
        )?
        .query_row(params![id.to_string(), now.as_microsecond()], |row| {
            Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
        })
        .optional()?;
    let Some((request, times)) = run else { return Ok(None) };
    let events = moment
        .prepare_cached("SELECT recorded_at, body FROM run_events WHERE run = ?1 ORDER BY version")?
        .query_map([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some((request, times, events)))
}

fn sweep(connection: &Connection, now: Timestamp) -> Result<u64, JobError<RunsError>> {
    let expired: Vec<String> = connection
        .prepare_cached("SELECT id FROM runs WHERE expires_at <= ?1 LIMIT ?2")?
        .query_map(params![now.as_microsecond(), SWEEP_PAGE], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &expired {
        remove(connection, id)?;
    }
    Ok(expired.len() as u64)
}

/// Removes the author's ended runs except the newest.
fn remove_oldest(connection: &Connection, author: &Login) -> rusqlite::Result<()> {
    let oldest: Vec<String> = connection
        .prepare_cached(
            "SELECT id FROM runs WHERE author = ?1 AND is_open = 0
             ORDER BY requested_at DESC, id LIMIT -1 OFFSET ?2",
        )?
        .query_map(params![author.as_str(), ENDED_KEPT], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    oldest.iter().try_for_each(|id| remove(connection, id))
}

fn remove(connection: &Connection, id: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM run_events WHERE run = ?1")?.execute([id])?;
    connection.prepare_cached("DELETE FROM runs WHERE id = ?1")?.execute([id])?;
    Ok(())
}

fn unavailable(error: rusqlite::Error) -> RunsError {
    RunsError::Unavailable(Box::new(error))
}

fn runs_error(error: WriteError<RunsError>) -> RunsError {
    match error {
        WriteError::Refused(error) => error,
        WriteError::NotWritten(error) | WriteError::Unknown(error) => RunsError::Unavailable(error),
    }
}
