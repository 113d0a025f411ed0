//! The tables of the file.

use std::error::Error;

use rusqlite::Connection;

pub(super) type BoxedError = Box<dyn Error + Send + Sync>;

/// Whether the table exists. A collection that is not prepared yet has none, which is not an error.
pub(super) fn table_exists(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")?
        .query_row([table], |row| row.get(0))
}
