//! The in-memory log and its queue.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::{Login, Position, Recorded, StreamId, Version};
use event_store::{
    Ability, AnnouncedWorker, Announcement, AppendBatch, AppendError, Appended, Declined, EventLog,
    Lane, LaneStats, LogInfo, QueueError, ReadError, TakeRequest, Work, WorkItem, WorkQueue,
    WorkReceipt,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{Journal, lock};
use crate::Clock;

/// An in-memory log and its queue.
#[derive(Debug)]
pub struct MemoryLog(Mutex<Journal>);

impl MemoryLog {
    /// An empty log with this clock and id.
    pub fn new(clock: Arc<Clock>, id: Uuid) -> Self {
        Self(Mutex::new(Journal::new(clock, id)))
    }

    /// Runs one atomic step.
    pub(crate) fn step<T>(&self, step: impl FnOnce(&mut Journal) -> T) -> T {
        step(&mut lock(&self.0))
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError> {
        self.step(|journal| journal.append(batch))
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: u32,
    ) -> Result<Vec<Recorded>, ReadError> {
        Ok(self.step(|journal| journal.read_stream(stream, from, limit as usize)))
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError> {
        Ok(self.step(|journal| journal.read_all(after, limit as usize)))
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.step(Journal::watch_head)
    }

    async fn info(&self) -> Result<LogInfo, ReadError> {
        Ok(self.step(|journal| journal.info()))
    }

    async fn has_room(&self) -> Result<(), AppendError> {
        Ok(())
    }
}

#[async_trait]
impl WorkQueue for MemoryLog {
    async fn take(&self, request: &TakeRequest) -> Result<Option<Work>, QueueError> {
        Ok(self.step(|journal| journal.take(request)))
    }

    async fn extend(&self, receipt: &WorkReceipt, lease: Duration) -> Result<(), QueueError> {
        self.step(|journal| journal.extend(receipt, lease))
    }

    async fn release(&self, receipt: &WorkReceipt) -> Result<(), QueueError> {
        self.step(|journal| journal.release(receipt));
        Ok(())
    }

    async fn decline(
        &self,
        receipt: &WorkReceipt,
        needs: &BTreeSet<Ability>,
    ) -> Result<(), QueueError> {
        self.step(|journal| journal.decline(receipt, needs));
        Ok(())
    }

    async fn declined(
        &self,
        lane: Lane,
        after: Option<&WorkReceipt>,
        limit: u32,
    ) -> Result<Vec<Declined>, QueueError> {
        Ok(self.step(|journal| journal.declined(lane, after, limit as usize)))
    }

    async fn announce(&self, announcement: &Announcement) -> Result<bool, QueueError> {
        Ok(self.step(|journal| journal.announce_worker(announcement.clone())))
    }

    async fn workers(&self) -> Result<Vec<AnnouncedWorker>, QueueError> {
        Ok(self.step(|journal| journal.workers()))
    }

    async fn set_drained(&self, name: &str, drained: bool) -> Result<(), QueueError> {
        self.step(|journal| journal.set_drained(name.to_owned(), drained));
        Ok(())
    }

    async fn drained(&self) -> Result<BTreeSet<String>, QueueError> {
        Ok(self.step(|journal| journal.drained()))
    }

    async fn unfinished(&self, lane: Lane, account: &Login) -> Result<u64, QueueError> {
        Ok(self.step(|journal| journal.unfinished(lane, account)))
    }

    async fn withdraw(&self, item: &WorkItem) -> Result<(), QueueError> {
        self.step(|journal| journal.withdraw(item));
        Ok(())
    }

    async fn discard(&self, receipt: &WorkReceipt) -> Result<(), QueueError> {
        self.step(|journal| journal.finish(receipt));
        Ok(())
    }

    fn ready(&self) -> watch::Receiver<u64> {
        self.step(Journal::watch_ready)
    }

    async fn stats(&self) -> Result<Vec<LaneStats>, QueueError> {
        Ok(self.step(|journal| journal.stats()))
    }
}
