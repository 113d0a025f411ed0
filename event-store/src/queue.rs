//! The port of the work that waits.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use domain::StreamId;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Submissions that wait for an evaluator.
///
/// Delivery is at least once: work whose lease ran out is delivered again. Effects are exactly once
/// because the log fences (INV-7). Work enters by `AppendBatch::enqueue` and leaves by
/// `AppendBatch::complete`.
#[async_trait]
pub trait WorkQueue: Send + Sync + fmt::Debug {
    /// The first work that waits, lane by lane in the order asked for, oldest first within a lane.
    /// `None`, at once, when there is none.
    ///
    /// Work whose lease ran out, or that was released, comes before new work of its lane. Work that
    /// this very worker released is withheld from it for one lease, so that another gets to try.
    async fn take(&self, request: &TakeRequest) -> Result<Option<Work>, QueueError>;

    /// Holds the work for another lease from now. [`QueueError::LeaseLost`] when another worker has
    /// it, or it is done.
    async fn extend(&self, receipt: &WorkReceipt, lease: Duration) -> Result<(), QueueError>;

    /// Gives the work back, for others at once. Losing the lease meanwhile is no error.
    async fn release(&self, receipt: &WorkReceipt) -> Result<(), QueueError>;

    /// Removes work that turned out to be done already.
    async fn discard(&self, receipt: &WorkReceipt) -> Result<(), QueueError>;

    /// Wakes when there may be something to take. A wake-up only: take until `None`. Leases that run
    /// out wake nobody, so a taker also looks again every now and then.
    fn ready(&self) -> watch::Receiver<u64>;

    /// How much waits, for every lane.
    async fn stats(&self) -> Result<Vec<LaneStats>, QueueError>;
}

/// A line of work. The order here is the order of priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Submissions to a running contest.
    Contest,
    /// Other submissions.
    Submit,
    /// Code run on the author's own inputs.
    Run,
    /// Old submissions judged again.
    Rejudge,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Contest, Self::Submit, Self::Run, Self::Rejudge];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contest => "contest",
            Self::Submit => "submit",
            Self::Run => "run",
            Self::Rejudge => "rejudge",
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItem {
    /// How urgent.
    pub lane: Lane,
    /// The aggregate that wants something done.
    pub stream: StreamId,
}

/// A worker's name, unique to one life of one process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkerId(pub String);

/// Who asks for work.
#[derive(Debug, Clone)]
pub struct TakeRequest {
    /// The worker.
    pub worker: WorkerId,
    /// Lanes to look in, in this order.
    pub lanes: Vec<Lane>,
    /// How long the worker holds the work unless it extends.
    pub lease: Duration,
}

/// Work in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// What is to be done.
    pub item: WorkItem,
    /// What to extend, release or complete it with.
    pub receipt: WorkReceipt,
    /// How often it was delivered, this time included.
    pub deliveries: u32,
}

/// Names one piece of work in one worker's hands. Opaque but to the adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkReceipt {
    /// Its lane.
    pub lane: Lane,
    /// The store's name for it.
    pub id: String,
    /// Who holds it.
    pub worker: WorkerId,
}

/// How much waits in a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStats {
    /// The lane.
    pub lane: Lane,
    /// Not with a worker.
    pub waiting: u64,
    /// With a worker, its lease not run out.
    pub in_flight: u64,
    /// How long the oldest that waits has waited since it was queued.
    pub oldest_wait: Duration,
}

/// A queue operation did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Another worker has it, or it is done.
    #[error("the lease was lost")]
    LeaseLost,
    /// The store does not answer, or not in time.
    #[error("the queue does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A stored field is not what an Assay wrote.
    #[error("the queue is damaged: {0}")]
    Damaged(String),
}

/// Wakes those who wait for work.
pub(crate) fn wake(ready: &watch::Sender<u64>) {
    ready.send_modify(|wakes| *wakes += 1);
}

/// A lease in the unit that stores keep; the longest there is when it does not fit.
pub(crate) fn micros(lease: Duration) -> i64 {
    i64::try_from(lease.as_micros()).unwrap_or(i64::MAX / 4)
}
