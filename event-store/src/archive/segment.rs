//! A segment: one sealed part of the log, stored as a blob.
//!
//! It is text, so that the blob can be read without other tools. The first line names the format.
//! Each event follows as a header line and the stored body, byte for byte:
//!
//! ```text
//! assay-segment 1
//! <position> <version> <recorded_at in µs since 1970> <bytes of the body> <stream>
//! <body>
//! ```

use std::fmt::Write as _;
use std::ops::Range;

use domain::record::Placement;
use domain::{Digest, Position, Recorded, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ReadError;
use crate::log::{Row, decode_all};

/// Maximum number of events in one segment.
///
/// Reading a single event loads its whole segment, so segments are small.
pub const SEGMENT_EVENTS_MAX: u64 = 16_384;
/// Size of one segment before compression, in bytes. The last event may exceed it.
pub const SEGMENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The first line, with the format's version.
const HEADER: &str = "assay-segment 1\n";

/// A segment's entry in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentEntry {
    /// The first event's position.
    pub first: Position,
    /// The last event's position.
    pub last: Position,
    /// The digest of its blob.
    pub digest: Digest,
    /// Number of events, without gaps.
    pub events: u64,
    /// Size before compression, in bytes.
    pub bytes: u64,
    /// Time of writing.
    pub sealed_at: Timestamp,
}

/// The bytes are not a valid segment.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("it is not a segment of format 1: {0}")]
pub struct MalformedSegment(String);

/// Collects events until a segment is full.
#[derive(Debug)]
pub struct SegmentWriter {
    first: Position,
    events: u64,
    text: String,
}

impl SegmentWriter {
    /// A segment that begins at this position.
    pub fn new(first: Position) -> Self {
        Self { first, events: 0, text: HEADER.to_owned() }
    }

    /// Whether the segment has reached a limit.
    pub fn is_full(&self) -> bool {
        self.events >= SEGMENT_EVENTS_MAX || self.text.len() >= SEGMENT_BYTES_MAX
    }

    /// The position of the event to add next.
    pub fn next_position(&self) -> Position {
        Position(self.first.0 + self.events)
    }

    /// Adds the next event.
    ///
    /// # Panics
    /// When the event is not the next one.
    pub fn push(&mut self, placement: &Placement, body: &str) {
        let Placement { position, stream, version, recorded_at } = placement;
        assert_eq!(*position, self.next_position(), "segments have no gaps");
        let (at, bytes) = (recorded_at.as_microsecond(), body.len());
        writeln!(self.text, "{position} {version} {at} {bytes} {stream}")
            .expect("text takes more text");
        self.text.push_str(body);
        self.text.push('\n');
        self.events += 1;
    }

    /// Adds the next event from its recorded form.
    ///
    /// # Panics
    /// As [`Self::push`].
    pub fn push_recorded(&mut self, recorded: &Recorded) {
        let placement = Placement {
            position: recorded.position,
            stream: recorded.stream.clone(),
            version: recorded.version,
            recorded_at: recorded.recorded_at,
        };
        self.push(&placement, &recorded.body);
    }

    /// The blob and its manifest entry; `None` without events.
    pub fn finish(self, sealed_at: Timestamp) -> Option<(SegmentEntry, bytes::Bytes)> {
        let entry = SegmentEntry {
            first: self.first,
            last: Position((self.first.0 + self.events).checked_sub(1)?),
            digest: Digest::of(self.text.as_bytes()),
            events: self.events,
            bytes: self.text.len() as u64,
            sealed_at,
        };
        (self.events > 0).then(|| (entry, self.text.into()))
    }
}

/// A segment in memory, with access by position.
#[derive(Debug)]
pub struct Segment {
    first: Position,
    text: String,
    /// Byte offset of each event's header line.
    lines: Vec<u32>,
}

impl Segment {
    /// Parses a blob.
    ///
    /// # Errors
    /// When it is not a segment, or has a gap.
    pub fn read(bytes: &[u8]) -> Result<Self, MalformedSegment> {
        let malformed = |what: String| Err(MalformedSegment(what));
        let Ok(text) = std::str::from_utf8(bytes) else {
            return malformed("it is not text".to_owned());
        };
        if !text.starts_with(HEADER) {
            return malformed("its first line is not the header".to_owned());
        }
        let (mut at, mut lines) = (HEADER.len(), Vec::new());
        let mut next: Option<Position> = None;
        while at < text.len() {
            let Some((placement, body)) = event_at(text, at) else {
                return malformed(format!("there is no event at byte {at}"));
            };
            if next.is_some_and(|next| next != placement.position) {
                return malformed(format!("{} does not follow", placement.position));
            }
            let Ok(line) = u32::try_from(at) else {
                return malformed("it is too large".to_owned());
            };
            lines.push(line);
            next = Some(placement.position.next());
            at = body.end + 1;
        }
        let Some(after) = next else { return malformed("it has no events".to_owned()) };
        let first = Position(after.0 - lines.len() as u64);
        Ok(Self { first, text: text.to_owned(), lines })
    }

    /// The first event's position.
    pub fn first(&self) -> Position {
        self.first
    }

    /// The last event's position.
    pub fn last(&self) -> Position {
        Position(self.first.0 + self.lines.len() as u64 - 1)
    }

    /// All events, decoded.
    ///
    /// # Errors
    /// When an event cannot be decoded.
    pub fn recorded(&self) -> Result<Vec<Recorded>, ReadError> {
        let before = Position(self.first.0 - 1);
        let rows = (self.first.0..=self.last().0).filter_map(|at| self.row(Position(at)));
        decode_all(before, rows, &|_| true)
    }

    /// The event at a position, if this segment has it.
    pub(crate) fn row(&self, position: Position) -> Option<Row> {
        let index = usize::try_from(position.0.checked_sub(self.first.0)?).ok()?;
        let (placement, body) = event_at(&self.text, *self.lines.get(index)? as usize)?;
        Some((placement, self.text.get(body)?.to_owned()))
    }

    /// Memory that it takes, in bytes.
    pub(crate) fn weight(&self) -> u32 {
        u32::try_from(self.text.len() + 4 * self.lines.len()).unwrap_or(u32::MAX)
    }
}

/// The event whose header line begins at this byte offset, and the range of its body.
fn event_at(text: &str, at: usize) -> Option<(Placement, Range<usize>)> {
    let (line, _) = text.get(at..)?.split_once('\n')?;
    let mut fields = line.splitn(5, ' ');
    let position = Position(fields.next()?.parse().ok().filter(|position| *position > 0)?);
    let version = Version(fields.next()?.parse().ok()?);
    let recorded_at = Timestamp::from_microsecond(fields.next()?.parse().ok()?).ok()?;
    let bytes: usize = fields.next()?.parse().ok()?;
    let stream = fields.next()?.parse().ok()?;
    let start = at + line.len() + 1;
    let body = start..start.checked_add(bytes)?;
    // The line break after the body also shows that the length is right.
    (text.is_char_boundary(body.end) && text.as_bytes().get(body.end) == Some(&b'\n'))
        .then_some((Placement { position, stream, version, recorded_at }, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placement(position: u64) -> Placement {
        Placement {
            position: Position(position),
            stream: "account:ada".parse().unwrap(),
            version: Version(position),
            recorded_at: Timestamp::from_microsecond(1_700_000_000_000_000 + position as i64)
                .unwrap(),
        }
    }

    /// Bodies that look like header lines, are empty, or have characters of every UTF-8 width.
    const BODIES: [&str; 4] = ["{}", "", "1 1 1 1 account:ada\n\n{}\n", "größe 数 🦀"];

    fn segment(first: u64) -> (SegmentEntry, bytes::Bytes) {
        let mut writer = SegmentWriter::new(Position(first));
        for (position, body) in (first..).zip(BODIES) {
            writer.push(&placement(position), body);
        }
        writer.finish(Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn what_was_written_is_read_byte_for_byte() {
        let (entry, bytes) = segment(7);
        assert_eq!((entry.first, entry.last, entry.events), (Position(7), Position(10), 4));
        assert_eq!((entry.digest, entry.bytes), (Digest::of(&bytes), bytes.len() as u64));
        let read = Segment::read(&bytes).unwrap();
        assert_eq!((read.first(), read.last()), (entry.first, entry.last));
        for (position, body) in (7..).zip(BODIES) {
            assert_eq!(read.row(Position(position)), Some((placement(position), body.to_owned())));
        }
        assert_eq!((read.row(Position(6)), read.row(Position(11))), (None, None));
    }

    #[test]
    fn the_format_is_as_it_is_documented() {
        let (_, bytes) = segment(7);
        let beginning = "assay-segment 1\n7 7 1700000000000007 2 account:ada\n{}\n8 8 ";
        assert!(bytes.starts_with(beginning.as_bytes()));
    }

    #[test]
    fn a_segment_that_was_cut_or_changed_is_refused() {
        let (_, bytes) = segment(1);
        for end in 0..bytes.len() {
            let cut = Segment::read(&bytes[..end]);
            // A cut between two events leaves a valid but shorter segment, which the manifest check
            // finds.
            assert!(cut.is_err() || cut.unwrap().last() < Position(4), "{end}");
        }
        let text = std::str::from_utf8(&bytes).unwrap();
        for (from, to) in [
            ("segment 1", "segment 2"),
            ("1 1 1700", "0 1 1700"),
            ("2 2 1700", "3 2 1700"),
            (" 2 account", " 3 account"),
            ("account:ada\n{}", "account:\n{}"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert!(Segment::read(changed.as_bytes()).is_err(), "{from} → {to}");
        }
        assert!(Segment::read(b"\xff").is_err());
    }

    #[test]
    fn a_segment_without_events_is_none() {
        assert_eq!(SegmentWriter::new(Position(1)).finish(Timestamp::UNIX_EPOCH), None);
    }
}
