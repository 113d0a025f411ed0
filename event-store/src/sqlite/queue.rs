//! [`WorkQueue`] in the log's own file.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use domain::Login;
use rusqlite::{Connection, named_params, params};
use tokio::sync::watch;

use super::log::SqliteLog;
use super::now_us;
use super::take::{FREE, item, take};
use super::writer::{JobError, WriteError};
use crate::queue::{all_known, json, micros, receipt_without_worker, wake};
use crate::{
    Ability, Lane, LaneStats, PRESENCE, QueueError, TakeRequest, Work, WorkItem, WorkQueue,
    WorkReceipt, WorkerId,
};

/// Whether an announcement counts at `:now`. One that is more than `:presence` ahead was made before
/// the clock was set back, and would count for too long.
const PRESENT: &str = "(abs(announced_at - :now) < :presence)";

#[async_trait]
impl WorkQueue for SqliteLog {
    async fn take(&self, request: &TakeRequest) -> Result<Option<Work>, QueueError> {
        let request = request.clone();
        let taken = self.writer.run(move |connection| take(connection, &request)).await;
        taken.map_err(queue_error)?.transpose()
    }

    async fn extend(&self, receipt: &WorkReceipt, lease: Duration) -> Result<(), QueueError> {
        let receipt = receipt.clone();
        self.writer
            .run(move |connection| {
                let lease = micros(lease);
                let until = now_us().saturating_add(lease);
                let held = connection
                    .prepare_cached(
                        "UPDATE work SET lease_until = ?1, lease = ?2 WHERE id = ?3 AND worker = ?4",
                    )?
                    .execute(params![until, lease, receipt.id, receipt.worker.0])?;
                if held == 1 { Ok(()) } else { Err(JobError::Refused(QueueError::LeaseLost)) }
            })
            .await
            .map_err(queue_error)
    }

    async fn release(&self, receipt: &WorkReceipt) -> Result<(), QueueError> {
        let receipt = receipt.clone();
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "UPDATE work SET worker = NULL, lease_until = NULL, lease = NULL,
                                released_by = ?2, released_at = ?3
                         WHERE id = ?1 AND worker = ?2",
                    )?
                    .execute(params![receipt.id, receipt.worker.0, now_us()])?;
                Ok(())
            })
            .await
            .map_err(queue_error)?;
        wake(&self.ready);
        Ok(())
    }

    async fn decline(
        &self,
        receipt: &WorkReceipt,
        needs: &BTreeSet<Ability>,
    ) -> Result<(), QueueError> {
        let (receipt, needs) = (receipt.clone(), json(needs));
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "UPDATE work SET worker = NULL, lease_until = NULL, lease = NULL,
                                deliveries = deliveries - 1, needs = ?3
                         WHERE id = ?1 AND worker = ?2",
                    )?
                    .execute(params![receipt.id, receipt.worker.0, needs])?;
                Ok(())
            })
            .await
            .map_err(queue_error)?;
        wake(&self.ready);
        Ok(())
    }

    async fn declined(
        &self,
        lane: Lane,
        after: Option<&WorkReceipt>,
        limit: u32,
    ) -> Result<Vec<(WorkItem, WorkReceipt)>, QueueError> {
        let after = after.map_or_else(|| "0".to_owned(), |receipt| receipt.id.clone());
        let declined: Vec<(i64, String, String)> = self
            .readers
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT id, stream, account FROM work
                         WHERE lane = ?1 AND id > ?2 AND worker IS NULL
                           AND needs IS NOT NULL AND needs <> '[]'
                         ORDER BY id LIMIT ?3",
                    )?
                    .query_map(params![lane.as_str(), after, limit], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                    })?
                    .collect()
            })
            .await
            .map_err(|error: rusqlite::Error| QueueError::Unavailable(Box::new(error)))?;
        let declined = declined.into_iter().map(|(id, stream, account)| {
            let item = item(lane, id, &stream, &account)?;
            Ok((item, receipt_without_worker(lane, id.to_string())))
        });
        declined.collect()
    }

    async fn announce(
        &self,
        worker: &WorkerId,
        abilities: &BTreeSet<Ability>,
    ) -> Result<(), QueueError> {
        let (worker, abilities) = (worker.0.clone(), json(abilities));
        self.writer
            .run(move |connection| {
                let now = now_us();
                connection
                    .prepare_cached(&format!("DELETE FROM workers WHERE NOT {PRESENT}"))?
                    .execute(named_params! { ":now": now, ":presence": micros(PRESENCE) })?;
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO workers (name, abilities, announced_at)
                         VALUES (?1, ?2, ?3)",
                    )?
                    .execute(params![worker, abilities, now])?;
                Ok(())
            })
            .await
            .map_err(queue_error)
    }

    async fn announced(&self) -> Result<Option<BTreeSet<Ability>>, QueueError> {
        let announced: Vec<String> = self
            .readers
            .run(|connection| {
                connection
                    .prepare_cached(&format!("SELECT abilities FROM workers WHERE {PRESENT}"))?
                    .query_map(
                        named_params! { ":now": now_us(), ":presence": micros(PRESENCE) },
                        |row| row.get(0),
                    )?
                    .collect()
            })
            .await
            .map_err(|error: rusqlite::Error| QueueError::Unavailable(Box::new(error)))?;
        let names = announced
            .into_iter()
            .map(|text| serde_json::from_str(&text).unwrap_or_else(|_| vec![text]));
        Ok(all_known(names.collect()))
    }

    async fn discard(&self, receipt: &WorkReceipt) -> Result<(), QueueError> {
        let id = receipt.id.clone();
        self.writer
            .run(move |connection| {
                connection.prepare_cached("DELETE FROM work WHERE id = ?1")?.execute([id])?;
                Ok(())
            })
            .await
            .map_err(queue_error)
    }

    async fn unfinished(&self, lane: Lane, account: &Login) -> Result<u64, QueueError> {
        let account = account.to_string();
        let count: rusqlite::Result<i64> = self
            .readers
            .run(move |connection| {
                connection
                    .prepare_cached("SELECT count(*) FROM work WHERE lane = ?1 AND account = ?2")?
                    .query_row(params![lane.as_str(), account], |row| row.get(0))
            })
            .await;
        count.map(i64::cast_unsigned).map_err(|error| QueueError::Unavailable(Box::new(error)))
    }

    fn ready(&self) -> watch::Receiver<u64> {
        self.ready.subscribe()
    }

    async fn stats(&self) -> Result<Vec<LaneStats>, QueueError> {
        self.readers
            .run(|connection| Lane::ALL.iter().map(|lane| stats(connection, *lane)).collect())
            .await
            .map_err(|error: rusqlite::Error| QueueError::Unavailable(Box::new(error)))
    }
}

fn stats(connection: &Connection, lane: Lane) -> rusqlite::Result<LaneStats> {
    let now = now_us();
    connection
        .prepare_cached(&format!(
            "SELECT count(*) FILTER (WHERE {FREE}), count(*) FILTER (WHERE NOT {FREE}),
                    min(enqueued_at) FILTER (WHERE {FREE})
             FROM work WHERE lane = :lane"
        ))?
        .query_row(named_params! { ":now": now, ":lane": lane.as_str() }, |row| {
            let oldest: Option<i64> = row.get(2)?;
            let waited_us = oldest.map_or(0, |oldest| now.saturating_sub(oldest));
            Ok(LaneStats {
                lane,
                waiting: row.get::<_, i64>(0)?.cast_unsigned(),
                in_flight: row.get::<_, i64>(1)?.cast_unsigned(),
                oldest_wait: Duration::from_micros(waited_us.try_into().unwrap_or_default()),
            })
        })
}

fn queue_error(error: WriteError<QueueError>) -> QueueError {
    match error {
        WriteError::Refused(error) => error,
        WriteError::NotWritten(error) | WriteError::Unknown(error) => {
            QueueError::Unavailable(error)
        }
    }
}
