//! The event log's port, and the code that all its adapters share.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use domain::event::DecodeError;
use domain::record::Placement;
use domain::{Checkpoint, NewEvent, Position, Recorded, StreamId, Version};
use tokio::sync::watch;
use uuid::Uuid;

use crate::queue::{WorkItem, WorkReceipt};

/// Maximum size of one encoded event, in bytes.
pub const EVENT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Maximum number of events in one batch.
pub const EVENTS_PER_BATCH_MAX: usize = 64;

/// One totally ordered log.
///
/// Positions are gapless from 1 and the same for every reader (INV-5). `recorded_at` comes from the
/// store's clock and is never earlier than the previous event's.
#[async_trait]
pub trait EventLog: Send + Sync + std::fmt::Debug {
    /// Appends events, queues work and finishes work in one atomic step (INV-6).
    ///
    /// `batch.expected` is the concurrency check, the fencing token and the idempotency key. The
    /// same event ids at the same expected version are a retry: it succeeds again with
    /// [`Appended::repeated`] set and queues no work. Any other batch on a stream that has moved on
    /// is a conflict (INV-7). When this returns `Ok`, the events are on disk.
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError>;

    /// Up to `limit` events of a stream, in order, starting at version `from` (the first is 1).
    /// Empty if there are none.
    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: u32,
    ) -> Result<Vec<Recorded>, ReadError>;

    /// Up to `limit` events after a position, in order. Empty at the head.
    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError>;

    /// Like `read_all`, but leaves out events of unwanted streams. The last event read is always
    /// returned, because its position shows how far the read got.
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

    /// Changes when this process or another appends. It is only a wake-up: it may come late, or
    /// once for many events. Read events by position.
    fn head(&self) -> watch::Receiver<Position>;

    /// The log's id, head and archive mark.
    async fn info(&self) -> Result<LogInfo, ReadError>;

    /// Fails if the store is known to be unable to take an event now, for example because its disk
    /// is full. Writes nothing.
    async fn has_room(&self) -> Result<(), AppendError>;
}

/// Returns whether a reader wants the events of a stream.
pub type Wants<'a> = &'a (dyn Fn(&StreamId) -> bool + Sync);

/// One atomic write.
#[derive(Debug, Clone, PartialEq)]
pub struct AppendBatch {
    /// The stream the events go to.
    pub stream: StreamId,
    /// The stream version the events were decided on; [`Version::NONE`] if the stream must not
    /// exist yet.
    pub expected: Version,
    /// 1 to [`EVENTS_PER_BATCH_MAX`] events, each of at most [`EVENT_BYTES_MAX`] bytes encoded.
    pub events: Vec<NewEvent>,
    /// Work to queue with the events.
    pub enqueue: Option<WorkItem>,
    /// Work that these events finish. Finishing it twice is not an error.
    pub complete: Option<WorkReceipt>,
}

/// The place of a batch in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The first event's position; the others follow without a gap.
    pub first: Position,
    /// The last event's position.
    pub last: Position,
    /// The stream's current version.
    pub version: Version,
    /// When the store recorded the batch, by its own clock.
    pub recorded_at: jiff::Timestamp,
    /// Whether the batch was already in the log, so that this call was a retry.
    pub repeated: bool,
}

impl Appended {
    /// The batch as the log recorded it, built without reading it back.
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

/// The log's id, head and archive mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInfo {
    /// Unique id of the log, generated when it was created.
    pub log_id: Uuid,
    /// The last event's position.
    pub head: Position,
    /// Events up to and including this position are in the archive only.
    pub archived_through: Position,
    /// Human-readable description of what an acknowledged append survives.
    pub durability: String,
}

/// Why an append failed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The stream is not at the version the events were decided on.
    #[error("the stream is at version {actual}, not {expected}")]
    Conflict {
        /// The version the writer expected.
        expected: Version,
        /// The stream's actual version.
        actual: Version,
    },
    /// The events may or may not have been written. Retry with the same ids.
    #[error("the log did not confirm whether it wrote the events")]
    Unknown(#[source] Box<dyn Error + Send + Sync>),
    /// Nothing was written.
    #[error("the log takes no events")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The batch exceeds a limit, so retrying cannot help.
    #[error("{what} is {actual}, the limit is {max}")]
    TooLarge {
        /// The quantity that is too large.
        what: &'static str,
        /// Its value.
        actual: usize,
        /// Its limit.
        max: usize,
    },
    /// Streams of this kind are never in the log.
    #[error("{0} does not belong in the log")]
    NotInLog(StreamId),
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store did not answer in time.
    #[error("the log does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Positions are not gapless: the log is damaged (INV-5).
    #[error("the log is damaged: position {expected} is missing, {found} follows")]
    Gap {
        /// The position that should come next.
        expected: Position,
        /// The position that came instead.
        found: Position,
    },
    /// An event of a stream is missing: the log is damaged (INV-5).
    #[error("the log is damaged: {0} is missing")]
    Missing(String),
    /// A stored event cannot be decoded.
    #[error("the event at position {position} cannot be read")]
    Undecodable {
        /// The event's position.
        position: Position,
        /// The decoding error.
        #[source]
        source: DecodeError,
    },
    /// A stored field has a value that Assay never writes.
    #[error("the log is damaged: {0}")]
    Damaged(String),
    /// This is a different log than before, or it lost events that were already read (INV-8).
    #[error("the log has diverged from what was read before: {0}")]
    Diverged(String),
}

impl AppendBatch {
    /// Checks the batch against the limits and returns the encoded events. Every adapter calls this
    /// first.
    ///
    /// # Errors
    /// [`AppendError::TooLarge`] if the batch exceeds a limit, and [`AppendError::NotInLog`] if its
    /// stream must not be in the log.
    pub fn check(&self) -> Result<Vec<String>, AppendError> {
        if let StreamId::Run(_) = self.stream {
            return Err(AppendError::NotInLog(self.stream.clone()));
        }
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

/// An event as a store keeps it: its placement and its body.
pub(crate) type Row = (Placement, String);

/// Announces a new head. Appends finish in any order, so a smaller position is ignored.
pub(crate) fn announce(head: &watch::Sender<Position>, to: Position) {
    head.send_if_modified(|head| {
        let grown = to > *head;
        *head = to.max(*head);
        grown
    });
}

/// Decodes the rows read after `after`, which must be gapless (INV-5). Skips unwanted streams,
/// except in the last row.
pub(crate) fn decode_all(
    after: Position,
    rows: impl IntoIterator<Item = Row>,
    wants: Wants<'_>,
) -> Result<Vec<Recorded>, ReadError> {
    // No row can follow the largest `u64`, so the saturated value is never compared.
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

/// Decodes a stream's rows from version `from` on, which must be gapless too (INV-5).
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
            if placement.stream == *stream && version > expected {
                return Err(ReadError::Missing(format!("version {expected} of {stream}")));
            }
            if placement.stream != *stream || version != expected {
                let found = &placement.stream;
                return Err(ReadError::Damaged(format!(
                    "position {position} holds version {version} of {found}; expected version {expected} of {stream}"
                )));
            }
            decode(placement, body)
        })
        .collect()
}

fn decode(placement: Placement, body: String) -> Result<Recorded, ReadError> {
    let position = placement.position;
    Recorded::decode(placement, body).map_err(|source| ReadError::Undecodable { position, source })
}

/// Maximum attempts for an append whose outcome is unknown, and the delay after the first attempt.
const APPEND_TRIES_MAX: u32 = 5;
const APPEND_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Appends, and retries while the outcome is unknown. The event ids make the retry safe.
///
/// # Errors
/// As [`EventLog::append`]; `Unknown` only after the last attempt.
pub async fn append_surely(
    log: &dyn EventLog,
    batch: &AppendBatch,
) -> Result<Appended, AppendError> {
    let mut tries = 1;
    loop {
        match log.append(batch).await {
            Err(AppendError::Unknown(cause)) if tries < APPEND_TRIES_MAX => {
                tracing::warn!(stream = %batch.stream, tries, %cause, "append outcome unknown, retrying");
                tokio::time::sleep(APPEND_RETRY_DELAY * tries).await;
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}

/// Maximum number of events per read of a stream.
const STREAM_PAGE: u32 = 256;

/// Reads a whole stream, page by page.
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

/// Checks that a checkpoint matches the log (INV-8).
///
/// # Errors
/// [`ReadError::Diverged`] if this is another log, it ends before the checkpoint, or it has another
/// event there.
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
