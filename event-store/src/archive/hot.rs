//! What a log adapter implements. The rest of the tiered log is shared by all adapters.

use std::error::Error;

use async_trait::async_trait;
use domain::{Position, Recorded, StreamId, Version};
use serde::Serialize;
use tokio::sync::watch;
use uuid::Uuid;

use super::SegmentEntry;
use crate::log::Row;
use crate::{AppendBatch, AppendError, Appended, LogInfo, ReadError, WorkItem};

/// Maximum number of events trimmed in one step, so that appends do not wait long.
pub(crate) const TRIM_EVENTS_MAX: u64 = 4_096;

/// The part of the log that is in the store itself. [`TieredLog`](super::TieredLog) combines it
/// with the archive into an [`EventLog`](crate::EventLog).
///
/// The *mark* is the position of the last trimmed event: the store has no events at or below it.
#[async_trait]
pub(crate) trait HotLog: Send + Sync + std::fmt::Debug {
    /// As [`EventLog::append`](crate::EventLog::append), except that a retry of events below the
    /// mark is a conflict.
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError>;

    /// As [`EventLog::read_stream`](crate::EventLog::read_stream), as one consistent snapshot.
    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: u32,
    ) -> Result<StreamPage, ReadError>;

    /// Up to `limit` events after a position, in order. If that is below the mark, those after the
    /// mark.
    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Row>, ReadError>;

    /// As [`EventLog::head`](crate::EventLog::head).
    fn head(&self) -> watch::Receiver<Position>;

    /// As [`EventLog::info`](crate::EventLog::info).
    async fn info(&self) -> Result<LogInfo, ReadError>;

    /// As [`EventLog::has_room`](crate::EventLog::has_room).
    async fn has_room(&self) -> Result<(), AppendError>;

    /// The number and size of the events above the mark.
    async fn usage(&self) -> Result<HotUsage, ReadError>;

    /// The manifest, ordered by position.
    async fn segments(&self) -> Result<Vec<SegmentEntry>, ReadError>;

    /// Enters a segment in the manifest: in place of `replaced`, or after the last one if
    /// `replaced` is empty. It is on disk when this returns. Returns `false` and changes nothing if
    /// the manifest has changed because another archiver was faster.
    async fn enter_segment(
        &self,
        entry: &SegmentEntry,
        replaced: &[SegmentEntry],
    ) -> Result<bool, StoreFault>;

    /// Moves the mark towards `to`, by at most [`TRIM_EVENTS_MAX`] events, and returns it. The
    /// store refuses to trim events that are in no segment of the manifest.
    async fn trim(&self, to: Position) -> Result<Position, StoreFault>;

    /// Returns the space of trimmed events to the file system, as far as the store can.
    async fn give_back_space(&self) -> Result<(), StoreFault>;

    /// Gives an empty log this id and keeps it from being opened until [`Self::finish_restore`].
    /// Returns `false` and changes nothing if the log is not empty.
    async fn begin_restore(&self, log_id: Uuid) -> Result<bool, StoreFault>;

    /// Appends events with the positions, versions and times of another log. Only allowed between
    /// [`Self::begin_restore`] and [`Self::finish_restore`].
    async fn import(&self, events: &[Recorded]) -> Result<(), StoreFault>;

    /// Queues work and allows the log to be opened, in one step.
    async fn finish_restore(&self, work: &[WorkItem]) -> Result<(), StoreFault>;
}

/// A page of a stream, whose older events may be in the archive.
#[derive(Debug, Default)]
pub(crate) struct StreamPage {
    /// Positions of the events at or below the mark.
    pub(crate) archived: Vec<Position>,
    /// The events that follow, from the store.
    pub(crate) hot: Vec<Row>,
}

/// The size of the part of the log that is not archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HotUsage {
    /// Number of events.
    pub events: u64,
    /// Bytes in the file or in memory.
    pub bytes: u64,
}

/// Why the log's store could not do what the archive or a restore asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// The store did not answer in time.
    #[error("the log does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The operation would damage the log.
    #[error("the log refuses: {0}")]
    Refused(String),
}

/// Bytes per position in a stream's packed positions. The stream's version is their count.
pub(crate) const POSITION_BYTES: usize = 6;

/// Appends a position to packed ones.
pub(crate) fn pack(packed: &mut Vec<u8>, position: Position) {
    packed.extend_from_slice(&position.0.to_be_bytes()[8 - POSITION_BYTES..]);
}

/// Up to `limit` positions from packed ones, starting at version `from`.
pub(crate) fn unpack(packed: &[u8], from: Version, limit: u32) -> Vec<Position> {
    let skipped = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
    let positions = packed.chunks_exact(POSITION_BYTES).skip(skipped).take(limit as usize);
    positions
        .map(|bytes| {
            Position(bytes.iter().fold(0, |position, byte| position << 8 | u64::from(*byte)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_positions_are_unpacked() {
        let positions = [1, 255, 256, 70_000, (1 << 48) - 1].map(Position);
        let mut packed = Vec::new();
        positions.iter().for_each(|position| pack(&mut packed, *position));
        assert_eq!(packed.len(), positions.len() * POSITION_BYTES);
        assert_eq!(unpack(&packed, Version(1), 9), positions);
        assert_eq!(unpack(&packed, Version(0), 9), positions);
        assert_eq!(unpack(&packed, Version(2), 2), positions[1..3]);
        assert_eq!(unpack(&packed, Version(6), 9), []);
        assert_eq!(unpack(&packed, Version(u64::MAX), 9), []);
    }
}
