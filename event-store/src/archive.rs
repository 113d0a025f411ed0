//! The archive: seals old events into segments in the blobs, then trims them from the log's store.
//!
//! There are three steps, each on disk before the next: write the blob, enter it in the manifest,
//! trim. After a crash between any two steps the log reads the same, and the next run continues.
//! [`TieredLog`] merges both tiers for all adapters; an adapter implements `HotLog`.

mod compacting;
mod hot;
mod sealing;
mod segment;
mod tiered;

use std::sync::{Arc, Mutex, PoisonError};

use domain::Position;
use moka::future::Cache;

pub(crate) use hot::{HotLog, POSITION_BYTES, StreamPage, TRIM_EVENTS_MAX, pack, unpack};
pub use hot::{HotUsage, StoreFault};
pub use sealing::{ArchiveError, ArchiveStatus};
pub use segment::{
    MalformedSegment, SEGMENT_BYTES_MAX, SEGMENT_EVENTS_MAX, Segment, SegmentEntry, SegmentWriter,
};
pub(crate) use tiered::TieredLog;

use crate::log::Row;
use crate::{BlobError, Blobs, ReadError};

/// Size of the cache for segments in use by readers of old events, in bytes.
const SEGMENTS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Size of the cache for single events of streams that are read repeatedly, such as accounts and
/// problems, in bytes.
const ROWS_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Approximate memory that a cached event takes besides its body, in bytes.
const ROW_OVERHEAD_BYTES: usize = 128;

/// The archive of one log: its segments and their events.
#[derive(Debug)]
pub struct Archive {
    pub(crate) hot: Arc<dyn HotLog>,
    blobs: Arc<dyn Blobs>,
    known: Mutex<Arc<Known>>,
    segments: Cache<domain::Digest, Arc<Segment>>,
    rows: Cache<Position, Arc<Row>>,
}

/// The mark and the manifest as this process last read them. The mark only grows and a position
/// never leaves the manifest, so an old copy stays correct, except for segments that were merged
/// since.
#[derive(Debug, Default)]
struct Known {
    mark: Position,
    segments: Vec<SegmentEntry>,
}

impl Known {
    fn segment_with(&self, position: Position) -> Option<&SegmentEntry> {
        let after = self.segments.partition_point(|segment| segment.first <= position);
        self.segments[..after].last().filter(|segment| position <= segment.last)
    }
}

/// Why a segment cannot be used.
#[derive(Debug, thiserror::Error)]
enum SegmentFault {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Malformed(#[from] MalformedSegment),
    #[error("it holds {first} to {last}")]
    AnotherRange { first: Position, last: Position },
}

impl SegmentFault {
    /// Whether the blob is missing or damaged, so that writing it again would help.
    fn is_of_the_blob(&self) -> bool {
        matches!(self, Self::Blob(BlobError::NotFound(_) | BlobError::Damaged(_)))
    }
}

impl Archive {
    pub(crate) fn new(hot: Arc<dyn HotLog>, blobs: Arc<dyn Blobs>) -> Self {
        let segments = Cache::builder()
            .max_capacity(SEGMENTS_BYTES_MAX)
            .weigher(|_, segment: &Arc<Segment>| segment.weight())
            .build();
        let rows = Cache::builder()
            .max_capacity(ROWS_BYTES_MAX)
            .weigher(|_, row: &Arc<Row>| {
                u32::try_from(row.1.len() + ROW_OVERHEAD_BYTES).unwrap_or(u32::MAX)
            })
            .build();
        Self { hot, blobs, known: Mutex::default(), segments, rows }
    }

    /// Whether the position is known to be at or below the mark.
    fn holds(&self, position: Position) -> bool {
        position <= self.known().mark
    }

    /// Reads the current mark.
    async fn look(&self) -> Result<Position, ReadError> {
        // The order matters: a manifest read after the mark covers all positions up to it.
        let mark = self.hot.info().await?.archived_through;
        if mark > self.known().mark {
            self.learn(mark).await?;
        }
        Ok(mark)
    }

    async fn learn(&self, mark: Position) -> Result<Arc<Known>, ReadError> {
        let segments = self.hot.segments().await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Arc::new(Known { mark: mark.max(known.mark), segments });
        Ok(Arc::clone(&known))
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Up to `limit` events after a position below the mark, all from one segment.
    async fn rows_after(&self, after: Position, limit: usize) -> Result<Vec<Row>, ReadError> {
        let (known, from) = (self.known(), after.next());
        let segment = self.segment_with(from).await?;
        let to = segment.last().min(known.mark).0.min(after.0.saturating_add(limit as u64));
        Ok((from.0..=to).filter_map(|position| segment.row(Position(position))).collect())
    }

    /// The event at a position below the mark.
    async fn row(&self, position: Position) -> Result<Arc<Row>, ReadError> {
        if let Some(row) = self.rows.get(&position).await {
            return Ok(row);
        }
        let row = self.segment_with(position).await?.row(position);
        let row = Arc::new(row.ok_or_else(|| nowhere(position))?);
        self.rows.insert(position, Arc::clone(&row)).await;
        Ok(row)
    }

    async fn segment_with(&self, position: Position) -> Result<Arc<Segment>, ReadError> {
        let known = self.known();
        let segment = match known.segment_with(position) {
            Some(segment) => segment.clone(),
            None => self.learned(position).await?,
        };
        match self.segment(&segment).await {
            // It may have been merged into another segment and removed.
            Err(fault) if matches!(&*fault, SegmentFault::Blob(BlobError::NotFound(_))) => {
                let newer = self.learned(position).await?;
                if newer == segment {
                    return Err(unreadable(&segment, position, fault));
                }
                self.segment(&newer).await.map_err(|fault| unreadable(&newer, position, fault))
            }
            outcome => outcome.map_err(|fault| unreadable(&segment, position, fault)),
        }
    }

    /// The current manifest's entry for the segment that holds a position.
    async fn learned(&self, position: Position) -> Result<SegmentEntry, ReadError> {
        let known = self.learn(Position::START).await?;
        known.segment_with(position).cloned().ok_or_else(|| nowhere(position))
    }

    /// The segment, from the cache or the blobs. Concurrent callers share one load.
    async fn segment(&self, entry: &SegmentEntry) -> Result<Arc<Segment>, Arc<SegmentFault>> {
        let segment = self.segments.try_get_with(entry.digest, self.load(entry)).await?;
        // The cache goes by digest, so it may have been loaded for another entry.
        in_its_place(&segment, entry)?;
        Ok(segment)
    }

    /// The segment from the blobs, checked against its digest and the manifest.
    async fn load(&self, entry: &SegmentEntry) -> Result<Arc<Segment>, SegmentFault> {
        let segment = Segment::read(&self.blobs.get(&entry.digest).await?)?;
        in_its_place(&segment, entry)?;
        Ok(Arc::new(segment))
    }
}

fn in_its_place(segment: &Segment, entry: &SegmentEntry) -> Result<(), SegmentFault> {
    let (first, last) = (segment.first(), segment.last());
    match (first, last) == (entry.first, entry.last) {
        true => Ok(()),
        false => Err(SegmentFault::AnotherRange { first, last }),
    }
}

fn nowhere(position: Position) -> ReadError {
    ReadError::Damaged(format!("{position} is in no segment of the archive"))
}

fn unreadable(entry: &SegmentEntry, position: Position, fault: Arc<SegmentFault>) -> ReadError {
    match &*fault {
        SegmentFault::Blob(BlobError::Unavailable(_)) => ReadError::Unavailable(Box::new(fault)),
        damage => {
            let SegmentEntry { first, last, digest, .. } = entry;
            ReadError::Damaged(format!(
                "position {position} is in the archive's segment {first} to {last} ({digest}), \
                 which cannot be read: {damage}"
            ))
        }
    }
}
