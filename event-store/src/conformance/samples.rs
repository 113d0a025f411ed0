//! Sample data and waiting for the cases.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::account::{AccountRegistered, RoleGranted};
use domain::{Actor, EventId, Metadata, NewEvent, Position, Recorded, Role, StreamId, Version};
use tokio::sync::watch;
use uuid::Uuid;

use super::case::LogUrls;
use super::opening::{open_blobs, open_log};
use crate::{
    AppendBatch, AppendError, Appended, Archive, Blobs, EventLog, Lane, LogInfo, ReadError,
    TakeRequest, Wants, Work, WorkItem, WorkQueue, WorkerId,
};

/// Maximum wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Poll interval for changes without a wake-up.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A lease that outlasts every case.
pub(super) const LONG: Duration = Duration::from_secs(600);
/// A lease that a case waits out.
pub(super) const SHORT: Duration = Duration::from_millis(150);

/// The log and its queue, through one handle.
pub(super) struct Store {
    pub(super) urls: LogUrls,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) queue: Arc<dyn WorkQueue>,
    archive: Option<Arc<Archive>>,
    pub(super) blobs: Arc<dyn Blobs>,
}

impl Store {
    pub(super) async fn open(urls: LogUrls) -> Self {
        let blobs = open_blobs(&urls.blobs).await.unwrap();
        let (mut log, queue, archive) = open_log(&urls.log, Arc::clone(&blobs)).await.unwrap();
        if urls.archived {
            let archive = archive.clone().expect("every log of Assay's has an archive");
            log = Arc::new(Archiving { log, archive });
        }
        Self { urls, log, queue, archive, blobs }
    }

    /// The log's archive.
    pub(super) fn archive(&self) -> &Archive {
        self.archive.as_ref().expect("every log of Assay's has an archive")
    }

    /// A second handle, as another process would have.
    pub(super) async fn another_handle(&self) -> Self {
        Self::open(self.urls.clone()).await
    }

    /// Opens the store again, as after a restart.
    pub(super) async fn reopen(self) -> Self {
        let urls = self.urls.clone();
        drop(self);
        Self::open(urls).await
    }

    /// Appends; panics on failure.
    pub(super) async fn append(&self, batch: &AppendBatch) -> Appended {
        self.log.append(batch).await.unwrap()
    }

    /// Queues one piece of work.
    pub(super) async fn enqueue(&self, lane: Lane, name: &str) -> WorkItem {
        self.enqueue_item(WorkItem { lane, stream: stream(name), account: None }).await
    }

    /// Queues one piece of work that uses this account's turn.
    pub(super) async fn enqueue_for(&self, account: &str, lane: Lane, name: &str) -> WorkItem {
        let account = Some(account.parse().unwrap());
        self.enqueue_item(WorkItem { lane, stream: stream(name), account }).await
    }

    async fn enqueue_item(&self, item: WorkItem) -> WorkItem {
        let StreamId::Account(name) = &item.stream else { panic!("{item:?} is no account's") };
        let new = AppendBatch { enqueue: Some(item.clone()), ..batch(name.as_str(), 0, 1) };
        self.append(&new).await;
        item
    }

    /// Takes the next work of any lane.
    pub(super) async fn take(&self, worker: &str, lease: Duration) -> Option<Work> {
        self.queue.take(&request(worker, lease)).await.unwrap()
    }

    /// Takes work that is available now, or becomes so when a lease expires.
    pub(super) async fn take_in_time(&self, worker: &str, lease: Duration) -> Work {
        in_time("work to be there", async {
            loop {
                if let Some(work) = self.take(worker, lease).await {
                    return work;
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        })
        .await
    }
}

/// A log that archives everything after each append.
#[derive(Debug)]
struct Archiving {
    log: Arc<dyn EventLog>,
    archive: Arc<Archive>,
}

#[async_trait]
impl EventLog for Archiving {
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError> {
        let appended = self.log.append(batch).await;
        self.archive.archive(Position(u64::MAX), |_| ()).await.unwrap();
        appended
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: u32,
    ) -> Result<Vec<Recorded>, ReadError> {
        self.log.read_stream(stream, from, limit).await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError> {
        self.log.read_all(after, limit).await
    }

    async fn read_wanted(
        &self,
        after: Position,
        limit: u32,
        wants: Wants<'_>,
    ) -> Result<Vec<Recorded>, ReadError> {
        self.log.read_wanted(after, limit, wants).await
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.log.head()
    }

    async fn info(&self) -> Result<LogInfo, ReadError> {
        self.log.info().await
    }

    async fn has_room(&self) -> Result<(), AppendError> {
        self.log.has_room().await
    }
}

/// Awaits a future; panics if it takes too long.
pub(super) async fn in_time<T>(what: &str, happening: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, happening).await {
        Ok(value) => value,
        Err(_) => panic!("waited {} s for {what}", PATIENCE.as_secs()),
    }
}

/// Waits until the watched value satisfies the condition.
pub(super) async fn wait_for<T: Clone>(
    what: &str,
    mut watch: watch::Receiver<T>,
    holds: impl FnMut(&T) -> bool,
) -> T {
    in_time(what, async move { watch.wait_for(holds).await.unwrap().clone() }).await
}

pub(super) fn request(worker: &str, lease: Duration) -> TakeRequest {
    TakeRequest {
        worker: WorkerId(worker.to_owned()),
        lanes: Lane::ALL.to_vec(),
        lease,
        abilities: Arc::default(),
    }
}

pub(super) fn stream(name: &str) -> StreamId {
    StreamId::Account(name.parse().unwrap())
}

/// `count` events for the account `name`, at the expected version `expected`.
pub(super) fn batch(name: &str, expected: u64, count: usize) -> AppendBatch {
    let events = (0..count).map(|index| {
        if expected == 0 && index == 0 {
            let login = name.parse().unwrap();
            new_event(AccountRegistered { login, subject: Uuid::new_v4() })
        } else {
            new_event(RoleGranted { role: Role::Setter })
        }
    });
    AppendBatch {
        stream: stream(name),
        expected: Version(expected),
        events: events.collect(),
        enqueue: None,
        complete: None,
    }
}

fn new_event(event: impl Into<domain::Event>) -> NewEvent {
    NewEvent {
        id: EventId(Uuid::new_v4()),
        event: event.into(),
        metadata: Metadata::new(Actor::system(), Uuid::new_v4()),
    }
}

/// One event that contains a text.
pub(super) fn batch_with_text(name: &str, text: impl Into<String>) -> AppendBatch {
    let mut batch = batch(name, 0, 1);
    batch.events[0].metadata.traceparent = Some(text.into());
    batch
}
