//! Views in one SQLite file.
//!
//! One writer and a few readers, each with its own connection; in WAL mode they do not wait for
//! each other. With `synchronous=NORMAL` a power failure may lose the last commits, but never part
//! of one: documents and checkpoint go back together, and the log still has the events (INV-9,
//! INV-10).

mod generations;
mod query;
mod reader;
mod stored_generations;
mod table;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlite::{File, Profile, Readers, Synchronous};
use tokio::task;

use self::table::BoxedError;
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
