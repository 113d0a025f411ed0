//! A database file: how it is opened, and which schema it has.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use sqlite::{File, Profile, Readers, Synchronous};

use crate::resolver::OpenError;

/// How long a query may take.
const QUERY_MAX: Duration = Duration::from_secs(60);
/// A commit that was acknowledged is on disk, also after a power failure.
const PROFILE: Profile =
    Profile { synchronous: Synchronous::Full, page_bytes: None, wal_pages: None, cache_kib: None };

/// What a file is for.
#[derive(Debug)]
pub(super) struct Kind {
    /// The port, for messages.
    pub(super) port: &'static str,
    /// SQLite's own mark of what the file is, so that one kind is never opened as another.
    pub(super) application_id: i32,
    /// Statements that make the tables of schema 1.
    pub(super) create: &'static str,
    /// Statements that make each later schema of the one before.
    pub(super) upgrades: &'static [&'static str],
}

impl Kind {
    /// The newest schema, which is what a file has once it is open.
    fn schema(&self) -> i32 {
        1 + self.upgrades.len() as i32
    }
}

/// One file, opened and at the schema that this program knows.
#[derive(Debug, Clone)]
pub(super) struct Database {
    file: File,
}

impl Database {
    /// Opens the file, makes it when it is not there, and refuses it when another program wrote it.
    pub(super) fn open(path: PathBuf, kind: &Kind) -> Result<(Self, Connection), OpenError> {
        let unavailable = |source: Box<dyn Error + Send + Sync>| OpenError::Unavailable {
            port: kind.port,
            source,
        };
        let file = File::create(path, PROFILE).map_err(|error| unavailable(Box::new(error)))?;
        let database = Self { file };
        let mut connection =
            database.file.connect().map_err(|error| unavailable(Box::new(error)))?;
        database.prepare(&mut connection, kind)?;
        Ok((database, connection))
    }

    /// A pool of connections that only read.
    pub(super) fn readers(&self) -> Readers {
        Readers::new(self.file.clone(), QUERY_MAX)
    }

    /// Makes the file as small as what is in it, as far as that is possible. Others may read and
    /// write meanwhile; they wait while an old file is converted.
    pub(super) fn give_back_space(&self) -> rusqlite::Result<()> {
        /// Pages that are given back in one transaction.
        const PAGES: i64 = 1_024;
        let connection = self.file.connect()?;
        let pragma = |name: &str| -> rusqlite::Result<i64> {
            connection.pragma_query_value(None, name, |row| row.get(0))
        };
        if pragma("auto_vacuum")? == 0 {
            // A file from before this was asked of every new one.
            connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")?;
        }
        let mut free = pragma("freelist_count")?;
        while free > 0 {
            // Each row that is asked for frees one page.
            let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
            let mut rows = vacuum.query([])?;
            while rows.next()?.is_some() {}
            let left = pragma("freelist_count")?;
            if left >= free {
                break;
            }
            free = left;
        }
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// Bytes that the disk below the file has for this user.
    pub(super) fn free_bytes(&self) -> std::io::Result<u64> {
        let disk = nix::sys::statvfs::statvfs(self.file.path())?;
        Ok(disk.blocks_available() * disk.fragment_size())
    }

    /// A connection that can only read, beside the pool.
    pub(super) fn connect_reader(&self) -> rusqlite::Result<Connection> {
        self.file.connect_reader()
    }

    fn prepare(&self, connection: &mut Connection, kind: &Kind) -> Result<(), OpenError> {
        let unavailable = |error: rusqlite::Error| OpenError::Unavailable {
            port: kind.port,
            source: Box::new(error),
        };
        let path = self.file.path().display();
        // Only an empty file takes this: space can then be given back piece by piece.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(unavailable)?;
        if !self.file.use_write_ahead_log(connection).map_err(unavailable)? {
            return Err(OpenError::Refused {
                cause: format!("{path} is on a file system that has no write-ahead logging"),
                cure: "put it on a local disk".to_owned(),
            });
        }
        // Two processes may open a new file at once; the second finds what the first made.
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(unavailable)?;
        let pragma = |name: &str| -> rusqlite::Result<i32> {
            transaction.pragma_query_value(None, name, |row| row.get(0))
        };
        let application_id = pragma("application_id").map_err(unavailable)?;
        let schema = pragma("user_version").map_err(unavailable)?;
        let tables: i64 = transaction
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(unavailable)?;
        let upgrade = |from: i32| {
            kind.upgrades[from as usize - 1..]
                .iter()
                .try_for_each(|upgrade| transaction.execute_batch(upgrade))
                .and_then(|()| transaction.pragma_update(None, "user_version", kind.schema()))
        };
        if tables == 0 {
            transaction
                .execute_batch(kind.create)
                .and_then(|()| upgrade(1))
                .and_then(|()| {
                    transaction.pragma_update(None, "application_id", kind.application_id)
                })
                .and_then(|()| transaction.commit())
                .map_err(unavailable)
        } else if application_id != kind.application_id {
            Err(OpenError::Refused {
                cause: format!("{path} is a database, but not Assay's {} store", kind.port),
                cure: format!("name another file for the {} store", kind.port),
            })
        } else if (1..kind.schema()).contains(&schema) {
            upgrade(schema).and_then(|()| transaction.commit()).map_err(unavailable)
        } else if schema != kind.schema() {
            let known = kind.schema();
            Err(OpenError::Refused {
                cause: format!("{path} has schema {schema}, this Assay knows {known}"),
                cure: "open it with the version of Assay that wrote it".to_owned(),
            })
        } else {
            Ok(())
        }
    }
}
