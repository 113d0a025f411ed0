//! The port of runs: programs that run on their author's own inputs.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use domain::run::{RunEvent, RunRequest, RunState};
use domain::{Login, RunId, StreamId, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

use crate::queue::WorkReceipt;
use crate::{Lane, WorkItem};

/// Stores runs for a limited time, in the store of the log and the queue, but outside the log.
///
/// A run is a request and its events, numbered from 1. Its work waits in [`Lane::Run`].
#[async_trait]
pub trait Runs: Send + Sync + fmt::Debug {
    /// Stores a run and queues its work in one atomic step. If a run with this id exists that has
    /// not expired, nothing is written. If the author has `open_max` runs that have not ended, the
    /// run is refused.
    async fn create(&self, new: &NewRun) -> Result<Creation, RunsError>;

    /// Appends events and finishes work in one atomic step (INV-6).
    ///
    /// As in the log, `batch.expected` is the concurrency check and the fencing token (INV-7). The
    /// same batch at the same version is a retry, and succeeds again. When a run ends, the author's
    /// oldest ended runs beyond 50 are removed.
    async fn append(&self, batch: &RunBatch) -> Result<(), RunsError>;

    /// The run with all its events; `None` if there is none or it has expired at `now`.
    async fn read(&self, id: RunId, now: Timestamp) -> Result<Option<StoredRun>, RunsError>;

    /// Changes when this process or another appends to the run. It is only a wake-up: it may come
    /// late, or once for several events. To miss nothing, call this before reading.
    fn changes(&self, id: RunId) -> watch::Receiver<u64>;

    /// Removes the runs that have expired at `now`, with their events. Returns their number.
    async fn sweep(&self, now: Timestamp) -> Result<u64, RunsError>;
}

/// How many ended runs of an account are kept. When another one ends, the oldest goes.
pub(crate) const ENDED_KEPT: u32 = 50;

/// A run to store.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// What to run.
    pub request: RunRequest,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// From when on it does not exist.
    pub expires_at: Timestamp,
    /// The most runs of the author that may be unfinished, this one included.
    pub open_max: u32,
}

/// The outcome of [`Runs::create`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// The run was stored.
    Created,
    /// A run with this id existed already.
    Existed,
    /// The author has too many unfinished runs.
    TooManyOpen,
}

/// Events to append to a run in one step.
#[derive(Debug, Clone)]
pub struct RunBatch {
    /// Generated once; a retry has the same id.
    pub id: Uuid,
    /// The run that the events belong to.
    pub run: RunId,
    /// The run's author.
    pub author: Login,
    /// The number of events that the run has.
    pub expected: Version,
    /// The events, at least one.
    pub events: Vec<RunEvent>,
    /// Work that these events finish. Finishing it twice is not an error.
    pub complete: Option<WorkReceipt>,
}

/// A run as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// What to run.
    pub request: RunRequest,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// From when on it does not exist.
    pub expires_at: Timestamp,
    /// Its events, in order, each with the time when the store recorded it.
    pub events: Vec<(Timestamp, RunEvent)>,
}

impl StoredRun {
    /// The run's state after its last event.
    pub fn state(&self) -> RunState {
        RunState::of(self.events.iter().map(|(_, event)| event))
    }
}

/// Why an operation on runs failed.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// The run has another number of events than expected.
    #[error("the run is at version {actual}, not {expected}")]
    Conflict {
        /// The version that the writer expected.
        expected: Version,
        /// The run's actual version.
        actual: Version,
    },
    /// The run has expired, or never existed.
    #[error("there is no such run")]
    NotFound,
    /// The store did not answer in time. A write may have happened.
    #[error("the store of runs does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A stored field has a value that Assay never writes.
    #[error("the store of runs is damaged: {0}")]
    Damaged(String),
}

impl RunsError {
    pub(crate) fn damaged(id: RunId, what: &str) -> Self {
        Self::Damaged(format!("run {id} has no valid {what}"))
    }
}

impl NewRun {
    /// The work of the run.
    pub(crate) fn work(&self) -> WorkItem {
        let account = Some(self.request.author.clone());
        WorkItem { lane: Lane::Run, stream: StreamId::Run(self.request.run), account }
    }

    pub(crate) fn encode(&self) -> String {
        serde_json::to_string(&self.request).expect("a request is maps, strings and numbers")
    }
}

/// An event with the batch that appended it, so that a retry is recognised.
#[derive(Serialize, Deserialize)]
struct Entry {
    batch: Uuid,
    event: RunEvent,
}

impl RunBatch {
    /// The events as stores keep them.
    pub(crate) fn encode(&self) -> Vec<String> {
        let entries =
            self.events.iter().map(|event| Entry { batch: self.id, event: event.clone() });
        let text = |entry| serde_json::to_string(&entry).expect("it is maps, strings and numbers");
        entries.map(text).collect()
    }

    /// Whether the run ends with these events.
    pub(crate) fn is_final(&self) -> bool {
        self.events.iter().any(RunEvent::is_final)
    }

    /// Whether this batch wrote the stored event.
    pub(crate) fn wrote(&self, stored: &str) -> bool {
        serde_json::from_str::<Entry>(stored).is_ok_and(|entry| entry.batch == self.id)
    }
}

/// A stored run from its fields. Times are in microseconds since 1970.
pub(crate) fn decode(
    id: RunId,
    request: &str,
    (requested_us, expires_us): (i64, i64),
    events: impl IntoIterator<Item = (i64, String)>,
) -> Result<StoredRun, RunsError> {
    let time =
        |us: i64| Timestamp::from_microsecond(us).map_err(|_| RunsError::damaged(id, "time"));
    let events = events.into_iter().map(|(at_us, text)| {
        let entry: Entry =
            serde_json::from_str(&text).map_err(|_| RunsError::damaged(id, "event"))?;
        Ok((time(at_us)?, entry.event))
    });
    Ok(StoredRun {
        request: serde_json::from_str(request).map_err(|_| RunsError::damaged(id, "request"))?,
        requested_at: time(requested_us)?,
        expires_at: time(expires_us)?,
        events: events.collect::<Result<_, RunsError>>()?,
    })
}
