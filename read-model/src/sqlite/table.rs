//! The tables of the file.

use std::error::Error;

use rusqlite::{Connection, OptionalExtension};

pub(super) type BoxedError = Box<dyn Error + Send + Sync>;

/// Whether the table exists. A collection that is not prepared yet has none, which is not an error.
pub(super) fn table_exists(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")?
        .query_row([table], |row| row.get(0))
}

/// The text in a column of a projection's row.
pub(super) fn text_of(
    connection: &Connection,
    table: &str,
    column: &str,
    projection: &str,
) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(&format!("SELECT {column} FROM \"{table}\" WHERE projection = ?1"))?
        .query_row([projection], |row| row.get(0))
        .optional()
}
