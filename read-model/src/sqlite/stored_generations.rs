//! The list of generations as it is stored in SQLite, for readers and writers.

use rusqlite::Connection;

use super::table::{BoxedError, table_exists, text_of};
use crate::generation::Known;
use crate::names::Namespace;
use crate::stored::damaged;
use crate::writer::unavailable;
use crate::{CommitError, Generation, Generations, ReadError};

/// All stored generations, as this connection's transaction sees them.
pub(super) fn known(connection: &Connection, namespace: &Namespace) -> Result<Known, ReadError> {
    let table = namespace.generations();
    let rows = rows(connection, &table).map_err(ReadError::Unavailable)?.into_iter();
    let rows = rows.map(|(projection, text)| {
        let generations = serde_json::from_str(&text)
            .map_err(|source| damaged(table.clone(), &projection, source))?;
        Ok((projection, generations))
    });
    rows.collect()
}

fn rows(connection: &Connection, table: &str) -> Result<Vec<(String, String)>, BoxedError> {
    let sql = format!("SELECT projection, generations FROM \"{table}\"");
    let mut statement = match connection.prepare_cached(&sql) {
        Ok(statement) => statement,
        Err(_) if !table_exists(connection, table)? => return Ok(vec![]),
        // The table is new and this connection still has the old schema.
        Err(_) => connection.prepare_cached(&sql)?,
    };
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a generation must not be written.
pub(super) fn takes_no_commits(
    connection: &Connection,
    namespace: &Namespace,
    projection: &str,
    generation: Generation,
) -> Result<bool, CommitError> {
    let table = namespace.generations();
    if !table_exists(connection, &table).map_err(unavailable)? {
        return Ok(false);
    }
    let known = stored(connection, &table, projection)?;
    Ok(known.is_some_and(|known| !known.takes_commits(generation)))
}

pub(super) fn stored(
    connection: &Connection,
    table: &str,
    projection: &str,
) -> Result<Option<Generations>, CommitError> {
    let text = text_of(connection, table, "generations", projection).map_err(unavailable)?;
    text.map(|it| serde_json::from_str(&it)).transpose().map_err(|error| {
        CommitError::Damaged(format!("the generations of {projection} do not parse: {error}"))
    })
}

/// Creates the table of generations if needed, and returns its name.
pub(super) fn make(connection: &Connection, namespace: &Namespace) -> rusqlite::Result<String> {
    let table = namespace.generations();
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS \"{table}\" \
         (projection TEXT NOT NULL PRIMARY KEY, generations TEXT NOT NULL) WITHOUT ROWID"
    ))?;
    Ok(table)
}
