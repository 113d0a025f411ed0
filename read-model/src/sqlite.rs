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
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::task;

use crate::names::Namespace;
use crate::{Generation, OpenError, Views};

/// Views hold messages of compilers and validators, and who hands in what: nobody else's business.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// How long a connection waits for another process's write.
const BUSY_MAX: Duration = Duration::from_secs(5);
/// Reads at the same time, at most; more wait.
const READERS_MAX: usize = 4;
/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 256;
/// Bytes of a page, in a file that is made. Of documents of a few KiB hardly any fit into SQLite's usual 4 KiB.
const PAGE_BYTES: i64 = 16 << 10;
/// Pages in the WAL after which they are moved into the file: 256 MiB (64 MiB where pages are SQLite's usual ones), so
/// that a replay seldom stops for it.
const WAL_PAGES: i64 = (256 << 20) / PAGE_BYTES;
/// Bytes that the WAL keeps of its size once they are.
const WAL_BYTES_KEPT: i64 = 64 << 20;
/// Page cache of a connection, in KiB.
const CACHE_KIB: i64 = 65_536;

type BoxedError = Box<dyn Error + Send + Sync>;

pub(crate) async fn open(path: &str, namespace: Namespace) -> Result<Views, OpenError> {
    let path = PathBuf::from(path);
    let opened = task::spawn_blocking(move || {
        let writer = open_writer(&path)?;
        let pool = Pool { path, idle: Mutex::new(vec![]), permits: Semaphore::new(READERS_MAX) };
        Ok::<_, BoxedError>((writer, pool))
    });
    let (connection, pool) = joined(opened.await).map_err(OpenError::Unavailable)?;
    let writer = writer::SqliteWriter::new(connection, namespace.clone());
    let pool = Arc::new(pool);
    let reader = reader::SqliteReader {
        pool: Arc::clone(&pool),
        namespace: namespace.clone(),
        pinned: None,
    };
    let generations =
        generations::SqliteGenerations { pool, writer: writer.at(Generation::FIRST), namespace };
    Ok(Views {
        reader: Arc::new(reader),
        writer: Arc::new(writer),
        generations: Arc::new(generations),
    })
}

fn open_writer(path: &Path) -> Result<Connection, BoxedError> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(parent)?;
    }
    // SQLite gives the files beside it the same mode.
    OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_MAX)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    tune(&connection)?;
    Ok(connection)
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_MAX)?;
    tune(&connection)?;
    Ok(connection)
}

fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Negative is how SQLite is told KiB instead of pages.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)
}

/// The readers' connections, made when they are needed first.
#[derive(Debug)]
struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Pool {
    /// Runs a read where it may block.
    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection) -> Result<T, BoxedError> + Send + 'static,
    ) -> Result<T, BoxedError> {
        let _permit = self.permits.acquire().await?;
        let pool = Arc::clone(self);
        let result = task::spawn_blocking(move || {
            let idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = idle.map_or_else(|| open_reader(&pool.path), Ok)?;
            let result = read(&connection);
            pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        });
        joined(result.await)
    }
}

/// A task's own result; it was neither cancelled nor did it panic, or that is the error.
fn joined<T>(result: Result<Result<T, BoxedError>, task::JoinError>) -> Result<T, BoxedError> {
    result.map_err(BoxedError::from)?
}

/// A collection that was not prepared yet has no table, and that is no error.
fn table_exists(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")?
        .query_row([table], |row| row.get(0))
}
