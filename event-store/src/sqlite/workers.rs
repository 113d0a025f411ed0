//! The workers that announced themselves, and those that are drained.

use std::collections::BTreeSet;

use rusqlite::{Connection, named_params, params};

use super::{now_us, timestamp};
use crate::queue::{json, micros};
use crate::worker::{facts_in, known};
use crate::{AnnouncedWorker, Announcement, PRESENCE, WorkerId};

/// Whether an announcement counts at `:now`. One that is more than `:presence` ahead was made before
/// the clock was set back, and would count for too long.
const PRESENT: &str = "(abs(announced_at - :now) < :presence)";

/// Returns whether the worker is drained.
pub(super) fn announce(
    connection: &Connection,
    announcement: &Announcement,
) -> rusqlite::Result<bool> {
    let now = now_us();
    connection
        .prepare_cached(&format!("DELETE FROM workers WHERE NOT {PRESENT}"))?
        .execute(named_params! { ":now": now, ":presence": micros(PRESENCE) })?;
    let Announcement { worker, abilities, facts } = announcement;
    let facts_text = serde_json::to_string(facts).expect("facts are JSON");
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO workers (name, abilities, facts, announced_at)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![worker.0, json(abilities), facts_text, now])?;
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM drained WHERE name = ?1)")?
        .query_row([&facts.name], |row| row.get(0))
}

pub(super) fn workers(connection: &Connection) -> rusqlite::Result<Vec<AnnouncedWorker>> {
    connection
        .prepare_cached(&format!(
            "SELECT name, abilities, facts, announced_at FROM workers WHERE {PRESENT} ORDER BY name"
        ))?
        .query_map(named_params! { ":now": now_us(), ":presence": micros(PRESENCE) }, |row| {
            let (abilities, facts): (String, Option<String>) = (row.get(1)?, row.get(2)?);
            Ok(AnnouncedWorker {
                worker: WorkerId(row.get(0)?),
                abilities: known(names_in(abilities)),
                facts: facts.as_deref().and_then(facts_in),
                at: timestamp(row.get(3)?)?,
            })
        })?
        .collect()
}

/// The names of abilities in a JSON array. Text that is none is the name of no ability.
pub(super) fn names_in(abilities: String) -> Vec<String> {
    serde_json::from_str(&abilities).unwrap_or_else(|_| vec![abilities])
}

pub(super) fn set_drained(
    connection: &Connection,
    name: &str,
    drained: bool,
) -> rusqlite::Result<()> {
    let change = match drained {
        true => "INSERT OR IGNORE INTO drained (name) VALUES (?1)",
        false => "DELETE FROM drained WHERE name = ?1",
    };
    connection.prepare_cached(change)?.execute([name]).map(drop)
}

pub(super) fn drained(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    connection
        .prepare_cached("SELECT name FROM drained")?
        .query_map([], |row| row.get(0))?
        .collect()
}
