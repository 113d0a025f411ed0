//! The log and its queue, over an unreliable network.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Login, Position, Recorded, StreamId, Version};
use event_store::{
    Ability, AnnouncedWorker, Announcement, AppendBatch, AppendError, Appended, Declined, EventLog,
    Lane, LaneStats, LogInfo, QueueError, ReadError, TakeRequest, Work, WorkItem, WorkQueue,
    WorkReceipt,
};
use tokio::sync::watch;

use super::{cause, outcome};
use crate::memory::{Journal, MemoryLog};
use crate::process::{Process, Silence};
use crate::{Sabotage, story};

/// The log and its queue as one process sees them.
#[derive(Debug)]
pub(super) struct DistantLog {
    pub(super) process: Arc<Process>,
    pub(super) log: Arc<MemoryLog>,
}

impl DistantLog {
    /// Asks the store to do one step.
    async fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        step: impl Fn(&mut Journal) -> (T, String) + Send + 'static,
    ) -> Result<T, Silence> {
        let log = Arc::clone(&self.log);
        self.process.ask(what, move || log.step(&step)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        step: impl Fn(&mut Journal) -> T + Send + 'static,
    ) -> Result<T, ReadError> {
        let read = self.ask(what, move |journal| (step(journal), String::new())).await;
        read.map_err(|silence| ReadError::Unavailable(cause(silence)))
    }

    async fn append_whole(&self, batch: AppendBatch) -> Result<Appended, AppendError> {
        let fenced = self.process.world.sabotage != Some(Sabotage::FenceRemoved);
        let appended = self.ask("append", move |journal| {
            let appended = match journal.append(&batch) {
                Err(AppendError::Conflict { actual, .. }) if !fenced => {
                    journal.append(&AppendBatch { expected: actual, ..batch.clone() })
                }
                appended => appended,
            };
            let text = outcome(&appended, |it| story::appended(&batch, it));
            (appended, text)
        });
        match appended.await {
            Ok(appended) => appended,
            Err(silence @ Silence::NotDone) => Err(AppendError::Unavailable(cause(silence))),
            Err(silence @ Silence::Unknown) => Err(AppendError::Unknown(cause(silence))),
        }
    }

    /// Appends and finishes the work in separate steps, as if log and queue were different stores.
    async fn append_in_two_steps(
        &self,
        batch: AppendBatch,
        receipt: &WorkReceipt,
    ) -> Result<Appended, AppendError> {
        let work_first = self.process.world.dice().falls(500);
        if work_first {
            // Ignoring the result is part of the deliberate bug.
            let _ = self.discard(receipt).await;
        }
        let appended = self.append_whole(batch).await?;
        if !work_first {
            let _ = self.discard(receipt).await;
        }
        Ok(appended)
    }
}

#[async_trait]
impl EventLog for DistantLog {
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError> {
        match (self.process.world.sabotage, &batch.complete) {
            (Some(Sabotage::CompleteNotAtomic), Some(receipt)) => {
                let events = AppendBatch { complete: None, ..batch.clone() };
                self.append_in_two_steps(events, receipt).await
            }
            _ => self.append_whole(batch.clone()).await,
        }
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: u32,
    ) -> Result<Vec<Recorded>, ReadError> {
        let stream = stream.clone();
        self.read("read_stream", move |journal| journal.read_stream(&stream, from, limit as usize))
            .await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError> {
        self.read("read_all", move |journal| journal.read_all(after, limit as usize)).await
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.process.relay(self.log.head())
    }

    async fn info(&self) -> Result<LogInfo, ReadError> {
        self.read("info", |journal| journal.info()).await
    }

    async fn has_room(&self) -> Result<(), AppendError> {
        self.log.has_room().await
    }
}

fn unavailable(silence: Silence) -> QueueError {
    QueueError::Unavailable(cause(silence))
}

#[async_trait]
impl WorkQueue for DistantLog {
    async fn take(&self, request: &TakeRequest) -> Result<Option<Work>, QueueError> {
        let (request, process) = (request.clone(), Arc::clone(&self.process));
        let take = self.ask("take", move |journal| {
            if process.world.strikes(process.world.weather.lease_lost) {
                journal.lose_leases();
            }
            let work = journal.take(&request);
            let text = match &work {
                Some(work) => format!("{}, delivery {}", work.item.stream, work.deliveries),
                None => "nothing".to_owned(),
            };
            (work, text)
        });
        take.await.map_err(unavailable)
    }

    async fn extend(&self, receipt: &WorkReceipt, lease: Duration) -> Result<(), QueueError> {
        let receipt = receipt.clone();
        let extend = self.ask("extend", move |journal| {
            let extended = journal.extend(&receipt, lease);
            let text = outcome(&extended, |()| receipt.id.clone());
            (extended, text)
        });
        extend.await.map_err(unavailable)?
    }

    async fn release(&self, receipt: &WorkReceipt) -> Result<(), QueueError> {
        let receipt = receipt.clone();
        let release = move |journal: &mut Journal| (journal.release(&receipt), receipt.id.clone());
        self.ask("release", release).await.map_err(unavailable)
    }

    async fn decline(
        &self,
        receipt: &WorkReceipt,
        needs: &BTreeSet<Ability>,
    ) -> Result<(), QueueError> {
        let (receipt, needs) = (receipt.clone(), needs.clone());
        let decline =
            move |journal: &mut Journal| (journal.decline(&receipt, &needs), receipt.id.clone());
        self.ask("decline", decline).await.map_err(unavailable)
    }

    async fn declined(
        &self,
        lane: Lane,
        after: Option<&WorkReceipt>,
        limit: u32,
    ) -> Result<Vec<Declined>, QueueError> {
        let after = after.cloned();
        let declined = move |journal: &mut Journal| {
            let declined = journal.declined(lane, after.as_ref(), limit as usize);
            let text = declined.len().to_string();
            (declined, text)
        };
        self.ask("declined", declined).await.map_err(unavailable)
    }

    async fn announce(&self, announcement: &Announcement) -> Result<bool, QueueError> {
        let announcement = announcement.clone();
        let announce = move |journal: &mut Journal| {
            let is_drained = journal.announce_worker(announcement.clone());
            (is_drained, announcement.worker.0.clone())
        };
        self.ask("announce", announce).await.map_err(unavailable)
    }

    async fn workers(&self) -> Result<Vec<AnnouncedWorker>, QueueError> {
        let workers = self.read("workers", |journal| journal.workers()).await;
        workers.map_err(|error| QueueError::Unavailable(Box::new(error)))
    }

    async fn set_drained(&self, name: &str, drained: bool) -> Result<(), QueueError> {
        let name = name.to_owned();
        let change = move |journal: &mut Journal| {
            journal.set_drained(name.clone(), drained);
            ((), name.clone())
        };
        self.ask("set drained", change).await.map_err(unavailable)
    }

    async fn drained(&self) -> Result<BTreeSet<String>, QueueError> {
        let drained = self.read("drained", |journal| journal.drained()).await;
        drained.map_err(|error| QueueError::Unavailable(Box::new(error)))
    }

    async fn unfinished(&self, lane: Lane, account: &Login) -> Result<u64, QueueError> {
        let account = account.clone();
        let count = move |journal: &mut Journal| {
            let count = journal.unfinished(lane, &account);
            (count, count.to_string())
        };
        self.ask("unfinished", count).await.map_err(unavailable)
    }

    async fn withdraw(&self, item: &WorkItem) -> Result<(), QueueError> {
        let item = item.clone();
        let withdraw =
            move |journal: &mut Journal| (journal.withdraw(&item), item.stream.to_string());
        self.ask("withdraw", withdraw).await.map_err(unavailable)
    }

    async fn discard(&self, receipt: &WorkReceipt) -> Result<(), QueueError> {
        let receipt = receipt.clone();
        let discard = move |journal: &mut Journal| (journal.finish(&receipt), receipt.id.clone());
        self.ask("discard", discard).await.map_err(unavailable)
    }

    fn ready(&self) -> watch::Receiver<u64> {
        self.process.relay(self.log.ready())
    }

    async fn stats(&self) -> Result<Vec<LaneStats>, QueueError> {
        let stats = self.ask("stats", |journal| (journal.stats(), String::new()));
        stats.await.map_err(unavailable)
    }
}
