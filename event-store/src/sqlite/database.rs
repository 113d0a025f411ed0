//! Opens database files and upgrades their schema.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use sqlite::{File, Profile, Readers, Synchronous};

use crate::open_error::OpenError;

/// Time limit of a query.
const QUERY_MAX: Duration = Duration::from_secs(60);
/// An acknowledged commit survives a power failure.
const PROFILE: Profile =
    Profile { synchronous: Synchronous::Full, page_bytes: None, wal_pages: None, cache_kib: None };

/// What a file stores.
#[derive(Debug)]
pub(super) struct Kind {
    /// The port's name in messages.
    pub(super) port: &'static str,
    /// SQLite's `application_id`, so that a file of one kind is never opened as another.
    pub(super) application_id: i32,
    /// Statements that create schema 1.
    pub(super) create: &'static str,
    /// Statements that upgrade each schema to the next.
    pub(super) upgrades: &'static [&'static str],
}

impl Kind {
    /// The newest schema version. Every open file has it.
    fn schema(&self) -> i32 {
        1 + self.upgrades.len() as i32
    }
}

/// An open file with the newest schema.
#[derive(Debug, Clone)]
pub(super) struct Database {
    file: File,
}

impl Database {
    /// Opens or creates the file. Refuses a file that another program wrote.
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

    /// Shrinks the file to its content as far as possible. Others can read and write at the same
    /// time, except while an old file is converted.
    pub(super) fn give_back_space(&self) -> rusqlite::Result<()> {
        /// Number of pages freed in one transaction.
        const PAGES: i64 = 1_024;
        let connection = self.file.connect()?;
        let pragma = |name: &str| -> rusqlite::Result<i64> {
            connection.pragma_query_value(None, name, |row| row.get(0))
        };
        if pragma("auto_vacuum")? == 0 {
            // The file is from before new files got this setting.
            connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")?;
        }
        let mut free = pragma("freelist_count")?;
        while free > 0 {
            // Each row fetched frees one page.
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

    /// Free bytes for this user on the file's disk.
    pub(super) fn free_bytes(&self) -> std::io::Result<u64> {
        let disk = nix::sys::statvfs::statvfs(self.file.path())?;
        Ok(disk.blocks_available() * disk.fragment_size())
    }

    /// A read-only connection outside the pool.
    pub(super) fn connect_reader(&self) -> rusqlite::Result<Connection> {
        self.file.connect_reader()
    }

    fn prepare(&self, connection: &mut Connection, kind: &Kind) -> Result<(), OpenError> {
        let unavailable = |error: rusqlite::Error| OpenError::Unavailable {
            port: kind.port,
            source: Box::new(error),
        };
        let path = self.file.path().display();
        // Can only be set on an empty file. It allows freeing space in steps.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(unavailable)?;
        if !self.file.use_write_ahead_log(connection).map_err(unavailable)? {
            return Err(OpenError::Refused {
                cause: format!("{path} is on a file system that has no write-ahead logging"),
                cure: "put it on a local disk".to_owned(),
            });
        }
        // Two processes may open a new file at once. The second then finds the schema of the first.
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
