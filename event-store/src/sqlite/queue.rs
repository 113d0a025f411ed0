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
use super::workers::{self, names_in};
use super::writer::{JobError, WriteError};
use crate::queue::{account_text, json, micros, receipt_without_worker, wake};
use crate::worker::known;
use crate::{
    Ability, AnnouncedWorker, Announcement, Declined, Lane, LaneStats, QueueError, TakeRequest,
    Work, WorkItem, WorkQueue, WorkReceipt,
};

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
    ) -> Result<Vec<Declined>, QueueError> {
        let after = after.map_or_else(|| "0".to_owned(), |receipt| receipt.id.clone());
        let declined: Vec<(i64, String, String, String)> = self
            .readers
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT id, stream, account, needs FROM work
                         WHERE lane = ?1 AND id > ?2 AND worker IS NULL
                           AND needs IS NOT NULL AND needs <> '[]'
                         ORDER BY id LIMIT ?3",
                    )?
                    .query_map(params![lane.as_str(), after, limit], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })?
                    .collect()
            })
            .await
            .map_err(not_read)?;
        let declined = declined.into_iter().map(|(id, stream, account, needs)| {
            let item = item(lane, id, &stream, &account)?;
            let receipt = receipt_without_worker(lane, id.to_string());
            Ok(Declined { item, receipt, needs: known(names_in(needs)) })
        });
        declined.collect()
    }

    async fn announce(&self, announcement: &Announcement) -> Result<bool, QueueError> {
        let announcement = announcement.clone();
        self.writer
            .run(move |connection| Ok(workers::announce(connection, &announcement)?))
            .await
            .map_err(queue_error)
    }

    async fn workers(&self) -> Result<Vec<AnnouncedWorker>, QueueError> {
        self.readers.run(workers::workers).await.map_err(not_read)
    }

    async fn set_drained(&self, name: &str, drained: bool) -> Result<(), QueueError> {
        let name = name.to_owned();
        self.writer
            .run(move |connection| Ok(workers::set_drained(connection, &name, drained)?))
            .await
            .map_err(queue_error)
    }

    async fn drained(&self) -> Result<BTreeSet<String>, QueueError> {
        self.readers.run(workers::drained).await.map_err(not_read)
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

    async fn withdraw(&self, item: &WorkItem) -> Result<(), QueueError> {
        let (lane, stream, account) =
            (item.lane.as_str(), item.stream.to_string(), account_text(item));
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "DELETE FROM work
                         WHERE lane = ?1 AND account = ?2 AND stream = ?3 AND worker IS NULL",
                    )?
                    .execute(params![lane, account, stream])?;
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
        count.map(i64::cast_unsigned).map_err(not_read)
    }

    fn ready(&self) -> watch::Receiver<u64> {
        self.ready.subscribe()
    }

    async fn stats(&self) -> Result<Vec<LaneStats>, QueueError> {
        self.readers
            .run(|connection| Lane::ALL.iter().map(|lane| stats(connection, *lane)).collect())
            .await
            .map_err(not_read)
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

fn not_read(error: rusqlite::Error) -> QueueError {
    QueueError::Unavailable(Box::new(error))
}

fn queue_error(error: WriteError<QueueError>) -> QueueError {
    match error {
        WriteError::Refused(error) => error,
        WriteError::NotWritten(error) | WriteError::Unknown(error) => {
            QueueError::Unavailable(error)
        }
    }
}
