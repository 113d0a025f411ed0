//! Moves events into the archive, step by step.

use bytes::Bytes;
use domain::Position;
use jiff::Timestamp;

use super::{
    Archive, HotUsage, Known, SegmentEntry, SegmentFault, SegmentWriter, StoreFault,
    TRIM_EVENTS_MAX, unreadable,
};
use crate::{BlobError, LogInfo, ReadError};

/// Maximum number of events per read.
const PAGE: u32 = 1_024;

/// Why old events could not be archived.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The log cannot be read.
    #[error("the archive failed at reading the log")]
    Read(#[from] ReadError),
    /// The blob store rejected the segment.
    #[error("the archive failed at writing a segment")]
    Blobs(#[from] BlobError),
    /// The log's store failed.
    #[error("the archive failed at the log's store")]
    Store(#[from] StoreFault),
}

/// The distribution of a log over store and archive.
#[derive(Debug, Clone)]
pub struct ArchiveStatus {
    /// The log. `archived_through` is the mark: events up to it are in the archive only.
    pub log: LogInfo,
    /// The manifest. It may reach beyond the mark after an interrupted run.
    pub segments: Vec<SegmentEntry>,
    /// The size of the part that is not archived.
    pub hot: HotUsage,
}

impl Archive {
    /// Reads the archive's status.
    ///
    /// # Errors
    /// When the log does not answer.
    pub async fn status(&self) -> Result<ArchiveStatus, ReadError> {
        Ok(ArchiveStatus {
            log: self.hot.info().await?,
            segments: self.hot.segments().await?,
            hot: self.hot.usage().await?,
        })
    }

    /// Archives all events up to and including a position and reports progress. Finishes an
    /// interrupted run first. Returns the mark.
    ///
    /// # Errors
    /// At the first step that fails. Finished steps are kept, and the log reads the same.
    pub async fn archive(
        &self,
        through: Position,
        reached: impl Fn(Position),
    ) -> Result<Position, ArchiveError> {
        loop {
            let mark = self.trim(through).await?;
            reached(mark);
            match self.write_segment(through).await? {
                // Another archiver may be faster. This one then continues after its segment.
                Some(entry) => self.enter(&entry).await?,
                None => return Ok(mark),
            };
        }
    }

    /// The first step: writes the next segment, of events not in a segment yet and up to this
    /// position, to the blobs. `None` if there are no such events.
    ///
    /// # Errors
    /// When the log cannot be read or the blob cannot be written.
    pub async fn write_segment(
        &self,
        through: Position,
    ) -> Result<Option<SegmentEntry>, ArchiveError> {
        let through = through.min(self.hot.info().await?.head);
        let writer = loop {
            if let Some(writer) = self.collect(through).await? {
                break writer;
            }
        };
        let Some((entry, bytes)) = writer.finish(Timestamp::now()) else { return Ok(None) };
        self.blobs.put(bytes).await?;
        Ok(Some(entry))
    }

    /// The events of the next segment. `None` if another archiver has trimmed them.
    async fn collect(&self, through: Position) -> Result<Option<SegmentWriter>, ArchiveError> {
        let mut sealed = sealed_through(&self.hot.segments().await?);
        let mut writer = SegmentWriter::new(sealed.next());
        while sealed < through && !writer.is_full() {
            let wanted = u32::try_from(through.0 - sealed.0).unwrap_or(u32::MAX);
            let rows = self.hot.read_all(sealed, wanted.min(PAGE)).await?;
            let first = rows.first().map(|(placement, _)| placement.position);
            if first != Some(sealed.next()) && self.look().await? > sealed {
                return Ok(None);
            }
            if rows.is_empty() {
                let (expected, found) = (sealed.next(), through);
                return Err(ReadError::Gap { expected, found }.into());
            }
            for (placement, body) in rows {
                let (expected, found) = (sealed.next(), placement.position);
                if found != expected {
                    return Err(ReadError::Gap { expected, found }.into());
                }
                if writer.is_full() {
                    break;
                }
                writer.push(&placement, &body);
                sealed = found;
            }
        }
        Ok(Some(writer))
    }

    /// The second step: enters the segment in the manifest. `false` if another archiver was faster.
    ///
    /// # Errors
    /// When the log's store does not answer.
    pub async fn enter(&self, entry: &SegmentEntry) -> Result<bool, ArchiveError> {
        Ok(self.hot.enter_segment(entry, &[]).await?)
    }

    /// The third step: reads every segment back from the blobs, then trims its events, up to this
    /// position. A segment whose blob is lost or damaged is rebuilt, as long as none of its events
    /// are trimmed. Returns the mark.
    ///
    /// # Errors
    /// When a segment does not match the manifest. None of its events are trimmed then.
    pub async fn trim(&self, through: Position) -> Result<Position, ArchiveError> {
        let known = Known { mark: Position::START, segments: self.hot.segments().await? };
        let to = through.min(sealed_through(&known.segments));
        let mut mark = self.hot.info().await?.archived_through;
        while mark < to {
            let next = mark.next();
            let Some(segment) = known.segment_with(next) else {
                return Err(super::nowhere(next).into());
            };
            match self.load(segment).await {
                Err(fault) if fault.is_of_the_blob() && next == segment.first => {
                    let bytes = self.made_again(segment).await?;
                    let bytes = bytes.ok_or_else(|| unreadable(segment, next, fault.into()))?;
                    self.keep(segment, bytes).await?;
                }
                read_back => {
                    read_back.map_err(|fault| unreadable(segment, next, fault.into()))?;
                }
            }
            let end = segment.last.min(to);
            while mark < end {
                mark = self.hot.trim(end.min(Position(mark.0 + TRIM_EVENTS_MAX))).await?;
            }
        }
        Ok(mark)
    }

    /// Stores a segment and reads it back, because a blob already stored under its digest may be
    /// damaged.
    pub(super) async fn keep(
        &self,
        entry: &SegmentEntry,
        bytes: Bytes,
    ) -> Result<(), ArchiveError> {
        self.blobs.put(bytes.clone()).await?;
        let unreadable = |fault: SegmentFault| unreadable(entry, entry.first, fault.into());
        match self.load(entry).await {
            Err(fault) if fault.is_of_the_blob() => {
                self.blobs.put_again(bytes).await?;
                self.load(entry).await.map_err(unreadable)?;
            }
            outcome => drop(outcome.map_err(unreadable)?),
        }
        Ok(())
    }

    /// Rebuilds a segment from the log's store; `None` if an event is trimmed or the result
    /// differs.
    async fn made_again(&self, entry: &SegmentEntry) -> Result<Option<Bytes>, ArchiveError> {
        let mut writer = SegmentWriter::new(entry.first);
        while writer.next_position() <= entry.last {
            let next = writer.next_position();
            let wanted = u32::try_from(entry.last.0 - next.0 + 1).unwrap_or(PAGE).min(PAGE);
            let rows = self.hot.read_all(Position(next.0 - 1), wanted).await?;
            if rows.first().is_none_or(|(placement, _)| placement.position != next) {
                return Ok(None);
            }
            for (placement, body) in rows {
                let (expected, found) = (writer.next_position(), placement.position);
                if found != expected {
                    return Err(ReadError::Gap { expected, found }.into());
                }
                writer.push(&placement, &body);
            }
        }
        let made = writer.finish(entry.sealed_at);
        Ok(made.filter(|(made, _)| made == entry).map(|(_, bytes)| bytes))
    }

    /// Returns the space of trimmed events to the file system, as far as the store can.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn give_back_space(&self) -> Result<(), ArchiveError> {
        Ok(self.hot.give_back_space().await?)
    }
}

fn sealed_through(segments: &[SegmentEntry]) -> Position {
    segments.last().map_or(Position::START, |segment| segment.last)
}
