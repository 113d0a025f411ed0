//! Views in one SQLite file.
//!
//! One writer and a few readers, each with its own connection; in WAL mode they do not wait for
//! each other. With `synchronous=NORMAL` a power failure may lose the last commits, but never part
//! of one: documents and checkpoint go back together, and the log still has the events (INV-9,
//! INV-10).

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

/// Time limit of a query.
const READ_MAX: Duration = Duration::from_secs(10);
/// Page size of a new file, in bytes. Documents of a few KiB hardly fit into SQLite's default of 4
/// KiB.
const PAGE_BYTES: u32 = 16 << 10;
const PROFILE: Profile = Profile {
    synchronous: Synchronous::Normal,
    page_bytes: Some(PAGE_BYTES),
    // 256 MiB (64 MiB with SQLite's default pages), so that a replay rarely waits for a checkpoint.
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

/// Whether the table exists. A collection that is not prepared yet has none, which is not an error.
fn table_exists(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")?
        .query_row([table], |row| row.get(0))
}
