//! The tables of runs, and how other processes notice new events in them.

use rusqlite::{Connection, params};

use crate::run_watches::RunWatches;

/// The tables. They are created when a file without them is opened.
pub(super) const TABLES: &str = include_str!("runs.sql");
/// Events of other processes that are read at once.
const CHANGES_PAGE: u32 = 1_000;

/// The number of the last event of any run.
pub(super) fn last_change(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(number), 0) FROM run_events", [], |row| row.get(0))
}

/// Wakes the followers of the runs that have events after this number. Returns the last number.
pub(super) fn wake_changed(
    connection: &Connection,
    mut seen: i64,
    watches: &RunWatches,
) -> rusqlite::Result<i64> {
    loop {
        let page: Vec<(i64, String)> = connection
            .prepare_cached(
                "SELECT number, run FROM run_events WHERE number > ?1 ORDER BY number LIMIT ?2",
            )?
            .query_map(params![seen, CHANGES_PAGE], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (number, run) in &page {
            seen = *number;
            if let Ok(run) = run.parse() {
                watches.wake(run);
            }
        }
        if page.len() < CHANGES_PAGE as usize {
            return Ok(seen);
        }
    }
}
