//! The log as its readers see it: the hot and the archived part as one.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Position, Recorded, StreamId, Version};
use tokio::sync::watch;

use super::{Archive, HotLog};
use crate::log::{decode_all, decode_stream};
use crate::{AppendBatch, AppendError, Appended, EventLog, LogInfo, ReadError, Wants};

/// An adapter's log together with its archive.
#[derive(Debug)]
pub(crate) struct TieredLog {
    hot: Arc<dyn HotLog>,
    archive: Arc<Archive>,
}

impl TieredLog {
    pub(crate) fn new(hot: Arc<dyn HotLog>, archive: Arc<Archive>) -> Self {
        Self { hot, archive }
    }

    /// The result of a conflicting batch if it is a retry of archived events. Only the archive has
    /// their ids (INV-7).
    async fn written_before(
        &self,
        batch: &AppendBatch,
        actual: Version,
    ) -> Result<Option<Appended>, ReadError> {
        let count = batch.events.len();
        if actual.0 < batch.expected.0 + count as u64 || self.archive.look().await?.0 == 0 {
            return Ok(None);
        }
        let from = Version(batch.expected.0 + 1);
        let written = self.read_stream(&batch.stream, from, count as u32).await?;
        let same = written.len() == count
            && written.iter().zip(&batch.events).all(|(written, new)| written.id == new.id);
        let (Some(first), Some(last), true) = (written.first(), written.last(), same) else {
            return Ok(None);
        };
        Ok(Some(Appended {
            first: first.position,
            last: last.position,
            version: actual,
            recorded_at: first.recorded_at,
            repeated: true,
        }))
    }
}

#[async_trait]
impl EventLog for TieredLog {
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError> {
        match self.hot.append(batch).await {
            Err(AppendError::Conflict { expected, actual }) => {
                match self.written_before(batch, actual).await {
                    Ok(Some(appended)) => Ok(appended),
                    Ok(None) => Err(AppendError::Conflict { expected, actual }),
                    Err(error) => Err(AppendError::Unknown(Box::new(error))),
                }
            }
            outcome => outcome,
        }
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: u32,
    ) -> Result<Vec<Recorded>, ReadError> {
        let page = self.hot.read_stream(stream, from, limit).await?;
        let mut rows = Vec::with_capacity(page.archived.len() + page.hot.len());
        for position in page.archived {
            rows.push((*self.archive.row(position).await?).clone());
        }
        rows.extend(page.hot);
        decode_stream(stream, from, rows)
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError> {
        self.read_wanted(after, limit, &|_| true).await
    }

    async fn read_wanted(
        &self,
        after: Position,
        limit: u32,
        wants: Wants<'_>,
    ) -> Result<Vec<Recorded>, ReadError> {
        let (mut rows, mut reached) = (Vec::new(), after);
        while rows.len() < limit as usize && reached.0 < u64::MAX {
            let room = limit as usize - rows.len();
            if self.archive.holds(reached.next()) {
                let archived = self.archive.rows_after(reached, room).await?;
                reached = Position(reached.0 + archived.len() as u64);
                rows.extend(archived);
                continue;
            }
            let hot = self.hot.read_all(reached, room as u32).await?;
            let follows =
                hot.first().is_some_and(|(placement, _)| placement.position == reached.next());
            // Missing events may have been trimmed since the mark was last read.
            if !follows && self.archive.look().await? > reached {
                continue;
            }
            rows.extend(hot);
            break;
        }
        decode_all(after, rows, wants)
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.hot.head()
    }

    async fn info(&self) -> Result<LogInfo, ReadError> {
        self.hot.info().await
    }

    async fn has_room(&self) -> Result<(), AppendError> {
        self.hot.has_room().await
    }
}
