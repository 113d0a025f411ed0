//! What an adapter of the log gives; everything else about tiers is made of it in one place.

use std::error::Error;

use async_trait::async_trait;
use domain::{Position, Recorded, StreamId, Version};
use serde::Serialize;
use tokio::sync::watch;
use uuid::Uuid;

use super::SegmentEntry;
use crate::log::Row;
use crate::{AppendBatch, AppendError, Appended, LogInfo, ReadError, WorkItem};

/// Events that are trimmed in one step, so that appends need not wait long.
pub(crate) const TRIM_EVENTS_MAX: u64 = 4_096;

/// The part of the log that is in the store itself. [`TieredLog`](super::TieredLog) makes an
/// [`EventLog`](crate::EventLog) of it and the archive.
///
/// The *mark* is the position through which events were trimmed: there are none at or below it.
#[async_trait]
pub(crate) trait HotLog: Send + Sync + std::fmt::Debug {
    /// As [`EventLog::append`](crate::EventLog::append), but that a retry of events below the mark
    /// is a conflict.
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError>;

    /// As [`EventLog::read_stream`](crate::EventLog::read_stream), seen at one moment.
    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: u32,
    ) -> Result<StreamPage, ReadError>;

    /// At most `limit` events after a position, in order. Below the mark, those after the mark.
    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Row>, ReadError>;

    /// As [`EventLog::head`](crate::EventLog::head).
    fn head(&self) -> watch::Receiver<Position>;

    /// As [`EventLog::info`](crate::EventLog::info).
    async fn info(&self) -> Result<LogInfo, ReadError>;

    /// As [`EventLog::has_room`](crate::EventLog::has_room).
    async fn has_room(&self) -> Result<(), AppendError>;

    /// What the events above the mark take.
    async fn usage(&self) -> Result<HotUsage, ReadError>;

    /// The manifest, in order.
    async fn segments(&self) -> Result<Vec<SegmentEntry>, ReadError>;

    /// Enters a segment in the manifest, on disk when this returns: in the place of `replaced`, or,
    /// without those, behind the last. `false`, with nothing done, when the manifest is not such
    /// that this is possible: another archiver was faster.
    async fn enter_segment(
        &self,
        entry: &SegmentEntry,
        replaced: &[SegmentEntry],
    ) -> Result<bool, StoreFault>;

    /// Moves the mark towards `to`, by at most [`TRIM_EVENTS_MAX`] events, and returns it. The
    /// store itself refuses to trim what no segment of the manifest holds.
    async fn trim(&self, to: Position) -> Result<Position, StoreFault>;

    /// Gives the space of what was trimmed back to the file system, as far as the store can.
    async fn give_back_space(&self) -> Result<(), StoreFault>;

    /// Makes an empty log the one with this id, and not to be opened until
    /// [`Self::finish_restore`]. `false`, with nothing done, when it is not empty.
    async fn begin_restore(&self, log_id: Uuid) -> Result<bool, StoreFault>;

    /// Appends events as another log recorded them: the same positions, versions and times. Only
    /// between [`Self::begin_restore`] and [`Self::finish_restore`].
    async fn import(&self, events: &[Recorded]) -> Result<(), StoreFault>;

    /// Queues work and makes the log one that can be opened, in one step.
    async fn finish_restore(&self, work: &[WorkItem]) -> Result<(), StoreFault>;
}

/// Events of a stream, the older of which may be in the archive.
#[derive(Debug, Default)]
pub(crate) struct StreamPage {
    /// Where those at or below the mark stand.
    pub(crate) archived: Vec<Position>,
    /// The others, which follow.
    pub(crate) hot: Vec<Row>,
}

/// What the part of the log that is not archived takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HotUsage {
    /// How many events.
    pub events: u64,
    /// Bytes of the file, or of memory.
    pub bytes: u64,
}

/// The store of the log could not do what the archive or a restore asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// It does not answer, or not in time.
    #[error("the log does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// It would harm the log.
    #[error("the log refuses: {0}")]
    Refused(String),
}

/// Bytes of a position in a stream's packed positions, whose number is a version.
pub(crate) const POSITION_BYTES: usize = 6;

/// Adds a position to packed ones.
pub(crate) fn pack(packed: &mut Vec<u8>, position: Position) {
    packed.extend_from_slice(&position.0.to_be_bytes()[8 - POSITION_BYTES..]);
}

/// The packed positions of versions from `from` on, at most `limit`.
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
