//! The archive's operations in the log's file: the manifest, the mark and trimming.

use std::collections::HashMap;

use domain::{Position, Version};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::timestamp;
use super::writer::JobError;
use crate::archive::{
    HotUsage, POSITION_BYTES, SegmentEntry, StoreFault, TRIM_EVENTS_MAX, pack, unpack,
};

/// The position of the last trimmed event.
pub(super) fn mark(connection: &Connection) -> rusqlite::Result<Position> {
    let mark: Option<i64> = connection
        .prepare_cached("SELECT position FROM trimmed")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(Position(mark.unwrap_or_default().cast_unsigned()))
}

/// The positions of a stream's trimmed events.
pub(super) fn positions(
    connection: &Connection,
    stream: &str,
    from: Version,
    limit: u32,
) -> rusqlite::Result<Vec<Position>> {
    Ok(unpack(&packed(connection, stream)?, from, limit))
}

fn packed(connection: &Connection, stream: &str) -> rusqlite::Result<Vec<u8>> {
    connection
        .prepare_cached("SELECT positions FROM trimmed_streams WHERE stream = ?1")?
        .query_row([stream], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
}

/// The number of events that are not trimmed, and the file's size without its free pages.
pub(super) fn usage(connection: &Connection) -> rusqlite::Result<HotUsage> {
    connection.query_row(
        "SELECT (SELECT count(*) FROM events),
                (page_count - freelist_count) * page_size
         FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()",
        [],
        |row| {
            let (events, bytes): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok(HotUsage { events: events.cast_unsigned(), bytes: bytes.cast_unsigned() })
        },
    )
}

/// The manifest, ordered by position.
pub(super) fn segments(connection: &Connection) -> rusqlite::Result<Vec<SegmentEntry>> {
    connection
        .prepare_cached(
            "SELECT first, last, digest, events, bytes, sealed_at FROM segments ORDER BY first",
        )?
        .query_map([], segment)?
        .collect()
}

fn segment(row: &Row<'_>) -> rusqlite::Result<SegmentEntry> {
    let number = |index: usize| row.get(index).map(i64::cast_unsigned);
    let digest: String = row.get(2)?;
    Ok(SegmentEntry {
        first: Position(number(0)?),
        last: Position(number(1)?),
        digest: digest.parse().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                2,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })?,
        events: number(3)?,
        bytes: number(4)?,
        sealed_at: timestamp(row.get(5)?)?,
    })
}

/// Enters a segment in place of others, or after the last one.
pub(super) fn enter(
    connection: &Connection,
    entry: &SegmentEntry,
    replaced: &[SegmentEntry],
) -> Result<bool, JobError<StoreFault>> {
    let first = entry.first.0.cast_signed();
    let last = entry.last.0.cast_signed();
    let there = segments(connection)?;
    let fits = if replaced.is_empty() {
        entry.first == sealed_through(&there).next()
    } else {
        let range = entry.first..=entry.last;
        there.iter().filter(|it| range.contains(&it.first)).eq(replaced)
            && replaced.last().is_some_and(|it| it.last == entry.last)
    };
    if !fits {
        return Ok(false);
    }
    connection.execute("DELETE FROM segments WHERE first BETWEEN ?1 AND ?2", [first, last])?;
    connection.execute(
        "INSERT INTO segments (first, last, digest, events, bytes, sealed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            first,
            last,
            entry.digest.to_string(),
            entry.events.cast_signed(),
            entry.bytes.cast_signed(),
            entry.sealed_at.as_microsecond(),
        ],
    )?;
    Ok(true)
}

fn sealed_through(segments: &[SegmentEntry]) -> Position {
    segments.last().map_or(Position::START, |segment| segment.last)
}

/// Moves the mark by one step, and records the positions of the trimmed events per stream.
pub(super) fn trim(
    connection: &Connection,
    to: Position,
) -> Result<Position, JobError<StoreFault>> {
    let mark = mark(connection)?;
    let to = to.min(Position(mark.0 + TRIM_EVENTS_MAX));
    if to <= mark {
        return Ok(mark);
    }
    let sealed = sealed_through(&segments(connection)?);
    if to > sealed {
        let refused = format!("{to} is not in the archive, which ends at {sealed}");
        return Err(JobError::Refused(StoreFault::Refused(refused)));
    }
    let mut streams: HashMap<String, Vec<u8>> = HashMap::new();
    let mut recorded_at = 0;
    let mut query = connection.prepare_cached(
        "SELECT stream, version, position, recorded_at FROM events
         WHERE position <= ?1 ORDER BY position",
    )?;
    let mut rows = query.query([to.0.cast_signed()])?;
    let mut expected = mark.next();
    while let Some(row) = rows.next()? {
        let (stream, version, position): (String, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        recorded_at = row.get(3)?;
        let position = Position(position.cast_unsigned());
        if !streams.contains_key(&stream) {
            streams.insert(stream.clone(), packed(connection, &stream)?);
        }
        let packed = streams.entry(stream).or_default();
        pack(packed, position);
        if position != expected || packed.len() / POSITION_BYTES != version as usize {
            let refused = format!("{position} is not what follows, in the log or in its stream");
            return Err(JobError::Refused(StoreFault::Refused(refused)));
        }
        expected = position.next();
    }
    drop(rows);
    if expected != to.next() {
        let refused = format!("{expected} is missing");
        return Err(JobError::Refused(StoreFault::Refused(refused)));
    }
    let mut keep = connection.prepare_cached(
        "INSERT OR REPLACE INTO trimmed_streams (stream, positions) VALUES (?1, ?2)",
    )?;
    for (stream, positions) in streams {
        keep.execute(params![stream, positions])?;
    }
    connection.execute("DELETE FROM events WHERE position <= ?1", [to.0.cast_signed()])?;
    connection.execute(
        "INSERT OR REPLACE INTO trimmed (id, position, recorded_at) VALUES (1, ?1, ?2)",
        [to.0.cast_signed(), recorded_at],
    )?;
    Ok(to)
}
