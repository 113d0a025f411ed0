//! Views in one SQLite file.
//!
//! One writer and a few readers, each a connection of its own; in WAL mode they do not wait for
//! each other. `synchronous=NORMAL` may lose the last commits with the power, but never half of
//! one: documents and checkpoint go back together, and the log has the rest (INV-9, INV-10).

mod generations;
mod query;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use sqlite::{File, Profile, Readers, Synchronous};
use tokio::task;

use crate::names::Namespace;
use crate::{Generation, OpenError, Views};

/// How long a query may take.
const READ_MAX: Duration = Duration::from_secs(10);
/// Page size of a new file, in bytes. Of documents of a few KiB hardly any fit into SQLite's usual
/// 4 KiB.
const PAGE_BYTES: u32 = 16 << 10;
const PROFILE: Profile = Profile {
    synchronous: Synchronous::Normal,
    page_bytes: Some(PAGE_BYTES),
    // 256 MiB (64 MiB with SQLite's usual pages), so that a replay seldom stops for it.
    wal_pages: Some((256 << 20) / PAGE_BYTES),
    cache_kib: Some(65_536),
};

type BoxedError = Box<dyn Error + Send + Sync>;

pub(crate) async fn open(path: &str, namespace: Namespace) -> Result<Views, OpenError> {
    let path = PathBuf::from(path);
    let opened = task::spawn_blocking(move || {
        let file = File::create(path, PROFILE)?;
        let connection = file.connect()?;
        file.use_write_ahead_log(&connection)?;
        Ok::<_, BoxedError>((connection, Readers::new(file, READ_MAX)))
    });
    let opened = opened.await.map_err(BoxedError::from).flatten();
    let (connection, readers) = opened.map_err(OpenError::Unavailable)?;
    let writer = writer::SqliteWriter::new(connection, namespace.clone());
    let reader = reader::SqliteReader {
        readers: readers.clone(),
        namespace: namespace.clone(),
        pinned: None,
    };
    let generations =
        generations::SqliteGenerations { readers, writer: writer.at(Generation::FIRST), namespace };
    Ok(Views {
        reader: Arc::new(reader),
        writer: Arc::new(writer),
        generations: Arc::new(generations),
    })
}

/// A collection that was not prepared yet has no table, and that is no error.
fn table_exists(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")?
        .query_row([table], |row| row.get(0))
}
