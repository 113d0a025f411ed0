//! The port of the log, and the parts that every adapter shares.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use domain::event::DecodeError;
use domain::record::Placement;
use domain::{Checkpoint, NewEvent, Position, Recorded, StreamId, Version};
use tokio::sync::watch;
use uuid::Uuid;

use crate::queue::{WorkItem, WorkReceipt};

/// Bytes of one encoded event.
pub const EVENT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Events of one batch.
pub const EVENTS_PER_BATCH_MAX: usize = 64;

/// One totally ordered log.
///
/// Positions are gapless from 1 and the same for every reader (INV-5). The store's clock stamps
/// `recorded_at`, never earlier than the event before it.
#[async_trait]
pub trait EventLog: Send + Sync + std::fmt::Debug {
    /// Appends events, queues work and finishes work in one atomic step (INV-6).
    ///
    /// `batch.expected` is the concurrency rule, the fencing token and the idempotency key at once:
    /// the same event ids at the same expected version are a retry and succeed again, with
    /// [`Appended::repeated`] set, the work not queued twice; anything else on a stream that moved
    /// is a conflict (INV-7). When this returns `Ok`, the events are on disk.
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError>;

    /// At most `limit` events of a stream, from version `from` (the first is 1) on, in order.
    /// Empty when there are none.
    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: u32,
    ) -> Result<Vec<Recorded>, ReadError>;

    /// At most `limit` events after a position, in order. Empty at the head.
    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError>;

    /// The same, but of streams that nobody wants it gives only the very last event read, whatever it is: that says
    /// how far it has read.
    async fn read_wanted(
        &self,
        after: Position,
        limit: u32,
        wants: Wants<'_>,
    ) -> Result<Vec<Recorded>, ReadError> {
        let mut events = self.read_all(after, limit).await?;
        let last = events.last().map(|last| last.position);
        events.retain(|event| Some(event.position) == last || wants(&event.stream));
        Ok(events)
    }

    /// Wakes when the log has grown, by this process or another. A wake-up only: it may be late or
    /// come once for many events; data is always read by position.
    fn head(&self) -> watch::Receiver<Position>;

    /// What the log is and how far it goes.
    async fn info(&self) -> Result<LogInfo, ReadError>;

    /// Whether the store would take an event now, as far as it knows: a full disk is found out here before an append
    /// fails. Writes nothing.
    async fn has_room(&self) -> Result<(), AppendError>;
}

/// Which streams a reader wants.
pub type Wants<'a> = &'a (dyn Fn(&StreamId) -> bool + Sync);

/// What is written in one step.
#[derive(Debug, Clone, PartialEq)]
pub struct AppendBatch {
    /// The stream the events go to.
    pub stream: StreamId,
    /// The version the events were decided on; [`Version::NONE`] for a stream that must not exist.
    pub expected: Version,
    /// 1 to [`EVENTS_PER_BATCH_MAX`] events, each of at most [`EVENT_BYTES_MAX`] bytes encoded.
    pub events: Vec<NewEvent>,
    /// Work that begins to wait with them.
    pub enqueue: Option<WorkItem>,
    /// Work that is finished with them. Finishing what is finished already is no error.
    pub complete: Option<WorkReceipt>,
}

/// Where a batch stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Of the first event; the others follow without a gap.
    pub first: Position,
    /// Of the last event.
    pub last: Position,
    /// The stream's version now.
    pub version: Version,
    /// The store's clock.
    pub recorded_at: jiff::Timestamp,
    /// The batch was there already: this was a retry.
    pub repeated: bool,
}

impl Appended {
    /// The batch as the log holds it now, without reading it back.
    pub fn recorded(&self, batch: &AppendBatch) -> Vec<Recorded> {
        let placed = (self.first.0..).zip(batch.expected.0 + 1..);
        placed
            .zip(&batch.events)
            .map(|((position, version), new)| Recorded {
                position: Position(position),
                stream: batch.stream.clone(),
                version: Version(version),
                recorded_at: self.recorded_at,
                id: new.id,
                metadata: new.metadata.clone(),
                event: new.event.clone(),
                body: new.encode().into(),
            })
            .collect()
    }
}

/// What the log is and how far it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInfo {
    /// Made with the log; another log has another.
    pub log_id: Uuid,
    /// The last event's position.
    pub head: Position,
    /// Everything up to here is in the archive.
    pub archived_through: Position,
    /// What an acknowledged append survives, in words.
    pub durability: String,
}

/// An append did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The stream is not at the version that the events were decided on.
    #[error("the stream is at version {actual}, not {expected}")]
    Conflict {
        /// What the writer had read.
        expected: Version,
        /// What there is.
        actual: Version,
    },
    /// It may or may not have been written. Retry with the same ids.
    #[error("the log did not answer whether it wrote the events")]
    Unknown(#[source] Box<dyn Error + Send + Sync>),
    /// It was not written.
    #[error("the log takes no events")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// It can never be written.
    #[error("{what} is {actual}, the most is {max}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large.
        actual: usize,
        /// How large it may be.
        max: usize,
    },
}

/// A read did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store does not answer, or not in time.
    #[error("the log does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Positions are not gapless: the log is damaged (INV-5).
    #[error("the log is damaged: position {expected} is missing, {found} follows")]
    Gap {
        /// What should be next.
        expected: Position,
        /// What is.
        found: Position,
    },
    /// An event cannot be read.
    #[error("the event at position {position} cannot be read")]
    Undecodable {
        /// Where it stands.
        position: Position,
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// A stored field is not what an Assay wrote.
    #[error("the log is damaged: {0}")]
    Damaged(String),
    /// The log is not the one that was read before, or lost what was read (INV-8).
    #[error("the log has diverged from what was read before: {0}")]
    Diverged(String),
}

impl AppendBatch {
    /// Checks the batch's own limits. Every adapter calls this first.
    ///
    /// # Errors
    /// [`AppendError::TooLarge`], naming the limit.
    pub fn check(&self) -> Result<Vec<String>, AppendError> {
        let count = self.events.len();
        if !(1..=EVENTS_PER_BATCH_MAX).contains(&count) {
            let what = "the number of events in a batch";
            return Err(AppendError::TooLarge { what, actual: count, max: EVENTS_PER_BATCH_MAX });
        }
        let bodies: Vec<String> = self.events.iter().map(NewEvent::encode).collect();
        match bodies.iter().map(String::len).find(|bytes| *bytes > EVENT_BYTES_MAX) {
            Some(actual) => {
                let what = "an event's size in bytes";
                Err(AppendError::TooLarge { what, actual, max: EVENT_BYTES_MAX })
            }
            None => Ok(bodies),
        }
    }
}

/// An event as a store keeps it: where it stands, and its body.
pub(crate) type Row = (Placement, String);

/// Announces how far the log goes. Appends end in any order; what is announced only grows.
pub(crate) fn announce(head: &watch::Sender<Position>, to: Position) {
    head.send_if_modified(|head| {
        let grown = to > *head;
        *head = to.max(*head);
        grown
    });
}

/// Decodes rows read after `after`, which must follow one another without a gap (INV-5); of what nobody wants only the
/// last.
pub(crate) fn decode_all(
    after: Position,
    rows: impl IntoIterator<Item = Row>,
    wants: Wants<'_>,
) -> Result<Vec<Recorded>, ReadError> {
    // Nothing follows the largest number there is, so that it is never compared.
    let mut expected = Position(after.0.saturating_add(1));
    let mut rows = rows.into_iter().peekable();
    let mut events = Vec::with_capacity(rows.size_hint().0);
    while let Some((placement, body)) = rows.next() {
        let found = placement.position;
        if found != expected {
            return Err(ReadError::Gap { expected, found });
        }
        expected = expected.next();
        if rows.peek().is_none() || wants(&placement.stream) {
            events.push(decode(placement, body)?);
        }
    }
    Ok(events)
}

/// Decodes a stream's rows from version `from` on, which must follow one another likewise (INV-5).
pub(crate) fn decode_stream(
    stream: &StreamId,
    from: Version,
    rows: impl IntoIterator<Item = Row>,
) -> Result<Vec<Recorded>, ReadError> {
    (from.0.max(1)..)
        .map(Version)
        .zip(rows)
        .map(|(expected, (placement, body))| {
            let Placement { position, version, .. } = placement;
            if placement.stream != *stream || version != expected {
                let found = &placement.stream;
                let (wanted, found) =
                    (format!("{stream} {expected}"), format!("{found} {version}"));
                return Err(ReadError::Damaged(format!("{found}, not {wanted}, is at {position}")));
            }
            decode(placement, body)
        })
        .collect()
}

/// Decodes one row.
fn decode(placement: Placement, body: String) -> Result<Recorded, ReadError> {
    let position = placement.position;
    Recorded::decode(placement, body).map_err(|source| ReadError::Undecodable { position, source })
}

/// How often an append whose outcome is unknown is asked for again, and how long to wait between.
const APPEND_TRIES_MAX: u32 = 5;
const APPEND_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Appends, and asks again while the outcome is unknown: the batch's ids make that safe.
///
/// # Errors
/// As [`EventLog::append`]; `Unknown` only when the store stays silent.
pub async fn append_surely(
    log: &dyn EventLog,
    batch: &AppendBatch,
) -> Result<Appended, AppendError> {
    let mut tries = 1;
    loop {
        match log.append(batch).await {
            Err(AppendError::Unknown(cause)) if tries < APPEND_TRIES_MAX => {
                tracing::warn!(stream = %batch.stream, tries, %cause, "append unknown, asking again");
                tokio::time::sleep(APPEND_RETRY_DELAY * tries).await;
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}

/// Events of one read of a stream.
const STREAM_PAGE: u32 = 256;

/// A whole stream, however long.
///
/// # Errors
/// As [`EventLog::read_stream`].
pub async fn read_stream_whole(
    log: &dyn EventLog,
    stream: &StreamId,
) -> Result<Vec<Recorded>, ReadError> {
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let from = Version(events.len() as u64 + 1);
        let page = log.read_stream(stream, from, STREAM_PAGE).await?;
        let last = page.len() < STREAM_PAGE as usize;
        events.extend(page);
        if last {
            return Ok(events);
        }
    }
}

/// Refuses to go on from a checkpoint that the log does not bear out (INV-8).
///
/// # Errors
/// [`ReadError::Diverged`] when the log is another one, ends before the checkpoint, or holds
/// another event there.
pub async fn verify_checkpoint(
    log: &dyn EventLog,
    checkpoint: &Checkpoint,
) -> Result<(), ReadError> {
    let info = log.info().await?;
    if info.log_id != checkpoint.log {
        let (was, is) = (checkpoint.log, info.log_id);
        return Err(ReadError::Diverged(format!("it was log {was}, it is log {is}")));
    }
    if checkpoint.position == Position::START {
        return Ok(());
    }
    if info.head < checkpoint.position {
        let (read, head) = (checkpoint.position, info.head);
        return Err(ReadError::Diverged(format!("{read} was read, but it ends at {head}")));
    }
    let before = Position(checkpoint.position.0 - 1);
    match log.read_all(before, 1).await?.first() {
        Some(recorded) if recorded.id == checkpoint.event => Ok(()),
        _ => {
            let position = checkpoint.position;
            Err(ReadError::Diverged(format!("another event stands at {position}")))
        }
    }
}
