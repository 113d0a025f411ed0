//! The work queue's port.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{InvalidIdentity, Login, StreamId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{Ability, AnnouncedWorker, Announcement, WorkerId};

/// A queue of submissions that wait for an evaluator.
///
/// Delivery is at least once: work whose lease expired is delivered again. Effects are exactly once
/// because the log fences (INV-7). `AppendBatch::enqueue` adds work and `AppendBatch::complete`
/// removes it.
#[async_trait]
pub trait WorkQueue: Send + Sync + fmt::Debug {
    /// Takes the next work: lanes in the requested order, and within a lane the accounts in turn.
    /// Returns `None` at once if there is none.
    ///
    /// Of the accounts that have work in the lane which is free and which the worker can do, the
    /// one with the fewest pieces in flight in this lane comes first; of these, the one that was
    /// served longest ago, where turns older than [`TURN_MEMORY`] do not count; of these, the one
    /// whose work was queued first. All work without an account counts as one account's. An account
    /// gets its own work in the order in which it was queued, so work that was delivered before
    /// comes before its new work.
    ///
    /// A worker does not get back what it released itself for one lease, so that another worker can
    /// try. Declined work goes only to workers that have all abilities it needs. Damaged work is an
    /// error once for each lease; the next call passes it over.
    async fn take(&self, request: &TakeRequest) -> Result<Option<Work>, QueueError>;

    /// Renews the lease, counted from now. [`QueueError::LeaseLost`] if another worker has the work
    /// or it is done.
    async fn extend(&self, receipt: &WorkReceipt, lease: Duration) -> Result<(), QueueError>;

    /// Returns the work to the queue, where others can take it at once. A lost lease is not an
    /// error.
    async fn release(&self, receipt: &WorkReceipt) -> Result<(), QueueError>;

    /// Returns work that needs abilities which this worker does not have. Only workers that have all
    /// of `needs` get it from now on, and this delivery does not count. Without needs, any worker
    /// gets it at once, also this one. A lost lease is not an error.
    async fn decline(
        &self,
        receipt: &WorkReceipt,
        needs: &BTreeSet<Ability>,
    ) -> Result<(), QueueError>;

    /// At most `limit` declined work of a lane that no worker holds, in the order in which it was
    /// queued, after the work with this receipt. Their receipts can only be used to
    /// [`discard`](Self::discard) it; the worker in them is empty.
    async fn declined(
        &self,
        lane: Lane,
        after: Option<&WorkReceipt>,
        limit: u32,
    ) -> Result<Vec<Declined>, QueueError>;

    /// Announces that a worker runs and what it can do. Counts for [`PRESENCE`](crate::PRESENCE). An
    /// announcement that is further than that in the future was made before the clock was set back,
    /// and does not count. Returns whether the worker's name is drained.
    async fn announce(&self, announcement: &Announcement) -> Result<bool, QueueError>;

    /// The workers that announced themselves within [`PRESENCE`](crate::PRESENCE), by name.
    async fn workers(&self) -> Result<Vec<AnnouncedWorker>, QueueError>;

    /// All abilities of these workers; `None` if there are none.
    async fn announced(&self) -> Result<Option<BTreeSet<Ability>>, QueueError> {
        let abilities = self.workers().await?.into_iter().map(|worker| worker.abilities);
        Ok(abilities.reduce(|all, abilities| &all | &abilities))
    }

    /// Sets whether workers with this name should take no new work. They learn it when they announce
    /// themselves, and obey. It holds until it is changed, whether or not such a worker runs.
    async fn set_drained(&self, name: &str, drained: bool) -> Result<(), QueueError>;

    /// The names of the workers that should take no new work.
    async fn drained(&self) -> Result<BTreeSet<String>, QueueError>;

    /// The number of pieces of work that an account has in a lane: those that wait and those that a
    /// worker holds.
    async fn unfinished(&self, lane: Lane, account: &Login) -> Result<u64, QueueError>;

    /// Removes work that waits and that nobody needs any more. Work that a worker holds, or held
    /// until its lease expired, stays.
    async fn withdraw(&self, item: &WorkItem) -> Result<(), QueueError>;

    /// Removes work that is already done.
    async fn discard(&self, receipt: &WorkReceipt) -> Result<(), QueueError>;

    /// Changes when there may be work to take. It is only a wake-up: take until `None`. An expired
    /// lease causes no wake-up, so takers must also poll.
    fn ready(&self) -> watch::Receiver<u64>;

    /// Statistics of every lane.
    async fn stats(&self) -> Result<Vec<LaneStats>, QueueError>;
}

/// How long the queue remembers when an account was served. An account that waits for longer than
/// this comes before most others anyway, because its work is old.
pub const TURN_MEMORY: Duration = Duration::from_secs(60 * 60);

/// A priority class of work, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// New submissions.
    Submit,
    /// Code run on the author's own inputs.
    Run,
    /// Old submissions judged again.
    Rejudge,
}

impl Lane {
    /// All lanes, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Submit, Self::Run, Self::Rejudge];

    /// The name used in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Run => "run",
            Self::Rejudge => "rejudge",
        }
    }
}

/// Work for an evaluator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItem {
    /// The lane it waits in.
    pub lane: Lane,
    /// The stream of the aggregate to work on.
    pub stream: StreamId,
    /// The account whose turn it uses; `None` for work that no single account asked for.
    pub account: Option<Login>,
}

/// A worker's request for work.
#[derive(Debug, Clone)]
pub struct TakeRequest {
    /// The worker that asks.
    pub worker: WorkerId,
    /// Lanes to search, in this order.
    pub lanes: Vec<Lane>,
    /// How long the worker holds the work unless it extends the lease.
    pub lease: Duration,
    /// What the worker can do.
    pub abilities: Arc<BTreeSet<Ability>>,
}

/// Work that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Work for an evaluator.
    pub item: WorkItem,
    /// The receipt for extending, releasing or completing it.
    pub receipt: WorkReceipt,
    /// Number of deliveries so far, including this one.
    pub deliveries: u32,
}

/// Work that was declined, and that no worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declined {
    /// The work.
    pub item: WorkItem,
    /// The receipt for discarding it.
    pub receipt: WorkReceipt,
    /// What a worker must be able to do to get it.
    pub needs: BTreeSet<Ability>,
}

/// Identifies work held by one worker. Only the adapter interprets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkReceipt {
    /// The work's lane.
    pub lane: Lane,
    /// The store's id for the work.
    pub id: String,
    /// The worker that holds it.
    pub worker: WorkerId,
}

/// Statistics of one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStats {
    /// The lane these numbers describe.
    pub lane: Lane,
    /// Number of items that no worker holds.
    pub waiting: u64,
    /// Number of items held under a live lease.
    pub in_flight: u64,
    /// Time since the oldest waiting item was queued; zero if none waits.
    pub oldest_wait: Duration,
}

/// Why a queue operation failed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Another worker has the work, or it is done.
    #[error("the lease was lost")]
    LeaseLost,
    /// The store did not answer in time.
    #[error("the queue does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A stored field has a value that Assay never writes.
    #[error("the queue is damaged: {0}")]
    Damaged(String),
}

/// Wakes all workers that wait for work.
pub(crate) fn wake(ready: &watch::Sender<u64>) {
    ready.send_modify(|wakes| *wakes += 1);
}

/// The receipt of work that no worker holds.
pub(crate) fn receipt_without_worker(lane: Lane, id: String) -> WorkReceipt {
    WorkReceipt { lane, id, worker: WorkerId(String::new()) }
}

/// The work's account as stores keep it; empty if it has none.
pub(crate) fn account_text(item: &WorkItem) -> String {
    item.account.as_ref().map(Login::to_string).unwrap_or_default()
}

/// The account in a store's text.
pub(crate) fn account_in(text: &str) -> Result<Option<Login>, InvalidIdentity> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// Abilities as a JSON array, as SQLite keeps them.
pub(crate) fn json(abilities: &BTreeSet<Ability>) -> String {
    serde_json::to_string(abilities).expect("names are JSON")
}

/// A duration in microseconds, as stores keep it; a very long one if it does not fit.
pub(crate) fn micros(lease: Duration) -> i64 {
    i64::try_from(lease.as_micros()).unwrap_or(i64::MAX / 4)
}
