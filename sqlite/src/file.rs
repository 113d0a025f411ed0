//! A database file and its connections.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// Only the user may read: files hold sources, messages, and hashes of secrets.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// How long a statement waits for another process's write.
const BUSY_MAX: Duration = Duration::from_secs(10);
/// Size that the write-ahead log keeps after a checkpoint, in bytes.
const WAL_BYTES_KEPT: i64 = 64 << 20;
/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 256;

/// What differs between files.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// What a power failure may undo.
    pub synchronous: Synchronous,
    /// Page size of a new file, in bytes; `None` for SQLite's default.
    pub page_bytes: Option<u32>,
    /// Pages in the write-ahead log before they are moved into the file; `None` for SQLite's
    /// default.
    pub wal_pages: Option<u32>,
    /// Page cache of each connection, in KiB; `None` for SQLite's default.
    pub cache_kib: Option<u32>,
}

/// What a power failure may undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// Nothing that was committed.
    Full,
    /// The last commits, each as a whole.
    Normal,
}

/// A database file. Connections are opened with the pragmas of its profile.
#[derive(Debug, Clone)]
pub struct File {
    path: Arc<Path>,
    profile: Profile,
}

impl File {
    /// Creates the file and its folders, unless they exist. Only this user may read them.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: PathBuf, profile: Profile) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(parent)?;
        }
        // SQLite gives the files beside it the same mode.
        OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(&path)?;
        Ok(Self { path: path.into(), profile })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A connection that can write.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_MAX)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        let set = |pragma: &str, value: i64| connection.pragma_update(None, pragma, value);
        let Profile { synchronous, page_bytes, wal_pages, cache_kib } = self.profile;
        if let Some(bytes) = page_bytes {
            // Only an empty file takes this.
            set("page_size", bytes.into())?;
        }
        let level = match synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", level)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        set("journal_size_limit", WAL_BYTES_KEPT)?;
        if let Some(pages) = wal_pages {
            set("wal_autocheckpoint", pages.into())?;
        }
        if let Some(kib) = cache_kib {
            // A negative number means KiB instead of pages.
            set("cache_size", -i64::from(kib))?;
        }
        Ok(connection)
    }

    /// A connection that can only read.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn connect_reader(&self) -> rusqlite::Result<Connection> {
        let connection = self.connect()?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    /// Turns write-ahead logging on. Returns whether the file system has it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn use_write_ahead_log(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let mode: String =
            connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        Ok(mode == "wal")
    }
}
