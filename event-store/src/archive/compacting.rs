//! Merges small neighbouring segments.

use std::ops::Range;

use jiff::Timestamp;

use super::{
    Archive, ArchiveError, SEGMENT_BYTES_MAX, SEGMENT_EVENTS_MAX, SegmentEntry, SegmentWriter,
    unreadable,
};

impl Archive {
    /// Merges neighbouring segments that fit into one and reports the number of segments processed.
    /// Returns the number of segments before and after. The old blobs stay, because readers may
    /// still use them.
    ///
    /// # Errors
    /// When a segment cannot be read, or a store does not answer. Finished merges are kept.
    pub async fn compact(&self, reached: impl Fn(usize)) -> Result<(usize, usize), ArchiveError> {
        let segments = self.hot.segments().await?;
        let mut merged = segments.len();
        for run in runs(&segments) {
            reached(run.start);
            let old = &segments[run];
            let mut writer = SegmentWriter::new(old[0].first);
            for entry in old {
                let segment = self.load(entry).await;
                let segment =
                    segment.map_err(|fault| unreadable(entry, entry.first, fault.into()))?;
                for position in entry.first.0..=entry.last.0 {
                    if let Some((placement, body)) = segment.row(domain::Position(position)) {
                        writer.push(&placement, &body);
                    }
                }
            }
            let Some((entry, bytes)) = writer.finish(Timestamp::now()) else { continue };
            self.keep(&entry, bytes).await?;
            if self.hot.enter_segment(&entry, old).await? {
                merged -= old.len() - 1;
            }
        }
        reached(segments.len());
        Ok((segments.len(), merged))
    }
}

/// Ranges of two or more segments that fit into one, oldest first.
fn runs(segments: &[SegmentEntry]) -> Vec<Range<usize>> {
    let (mut runs, mut start) = (Vec::new(), 0);
    while start < segments.len() {
        let (mut events, mut bytes) = (0, 0);
        let fitting = segments[start..].iter().take_while(|segment| {
            events += segment.events;
            bytes += segment.bytes;
            events <= SEGMENT_EVENTS_MAX && bytes <= SEGMENT_BYTES_MAX as u64
        });
        let end = start + fitting.count().max(1);
        if end - start > 1 {
            runs.push(start..end);
        }
        start = end;
    }
    runs
}

#[cfg(test)]
mod tests {
    use domain::{Digest, Position};

    use super::*;

    fn segments(sizes: &[(u64, u64)]) -> Vec<SegmentEntry> {
        let mut last = 0;
        let entry = |(events, bytes): &(u64, u64)| {
            let first = last + 1;
            last += events;
            SegmentEntry {
                first: Position(first),
                last: Position(last),
                digest: Digest::of(b""),
                events: *events,
                bytes: *bytes,
                sealed_at: Timestamp::UNIX_EPOCH,
            }
        };
        sizes.iter().map(entry).collect()
    }

    #[test]
    fn neighbours_are_merged_while_they_fit() {
        const FULL: u64 = SEGMENT_EVENTS_MAX;
        const HEAVY: u64 = SEGMENT_BYTES_MAX as u64;
        for (sizes, expected) in [
            (vec![], None),
            (vec![(5, 5)], None),
            (vec![(5, 5), (5, 5)], Some(0..2)),
            (vec![(FULL, 5), (5, 5), (6, 6), (FULL, 5)], Some(1..3)),
            (vec![(FULL - 1, 5), (1, 5), (1, 5)], Some(0..2)),
            (vec![(1, HEAVY - 1), (1, 2), (1, 3)], Some(1..3)),
            (vec![(1, 2 * HEAVY), (1, 2 * HEAVY)], None),
        ] {
            let expected: Vec<_> = expected.into_iter().collect();
            assert_eq!(runs(&segments(&sizes)), expected, "{sizes:?}");
        }
    }
}
