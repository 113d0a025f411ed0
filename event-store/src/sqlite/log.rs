//! The log in one SQLite file.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{io, thread};

use async_trait::async_trait;
use domain::record::Placement;
use domain::{Position, Recorded, StreamId, Version};
use rusqlite::{Connection, params};
use sqlite::Readers;
use tokio::sync::watch;
use uuid::Uuid;

use super::append::{Append, last_event};
use super::database::{Database, Kind};
use super::failure::{ReadFailure, read_error};
use super::witness::Witness;
use super::writer::{JobError, WriteError, Writer};
use super::{archive, import, run_tables, timestamp};
use crate::archive::{HotLog, HotUsage, SegmentEntry, StoreFault, StreamPage};
use crate::log::{Row, announce};
use crate::open_error::{OpenError, not_whole};
use crate::queue::wake;
use crate::run_watches::RunWatches;
use crate::{AppendBatch, AppendError, Appended, LogInfo, ReadError, WorkItem};

const KIND: Kind = Kind {
    port: "log",
    application_id: 0x4173_4C67, // "AsLg"
    create: include_str!("log.sql"),
    upgrades: &[
        include_str!("log.2.sql"),
        include_str!("log.3.sql"),
        include_str!("log.4.sql"),
        include_str!("log.5.sql"),
    ],
};

/// Free disk space below which the log counts as full, in bytes: room for a few appends and their
/// write-ahead log.
const FREE_BYTES_MIN: u64 = 1 << 20;

/// How often the file is polled for writes of other processes.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The log and its queue.
#[derive(Debug)]
pub(crate) struct SqliteLog {
    pub(super) writer: Writer,
    pub(super) readers: Readers,
    pub(super) ready: Arc<watch::Sender<u64>>,
    pub(super) run_watches: Arc<RunWatches>,
    database: Database,
    head: Arc<watch::Sender<Position>>,
    witness: Witness,
    log_id: Uuid,
    /// Dropping it ends the watching thread.
    _watching: mpsc::SyncSender<()>,
}

impl SqliteLog {
    /// A log that is being restored can only be opened with `restoring`.
    pub(crate) async fn open(path: PathBuf, restoring: bool) -> Result<Self, OpenError> {
        let opened = tokio::task::spawn_blocking(move || Self::open_blocking(path, restoring));
        opened.await.map_err(unavailable)?
    }

    fn open_blocking(path: PathBuf, restoring: bool) -> Result<Self, OpenError> {
        let (database, connection) = Database::open(path, &KIND)?;
        if import::is_restoring(&connection).map_err(unavailable)? != restoring {
            return Err(not_whole(restoring));
        }
        connection.execute_batch(run_tables::TABLES).map_err(unavailable)?;
        let log_id = log_id(&connection).map_err(unavailable)?;
        let watched = database.connect_reader().map_err(unavailable)?;
        let head = Arc::new(watch::Sender::new(head(&watched).map_err(unavailable)?));
        let ready = Arc::new(watch::Sender::new(0));
        let (watching, ended) = mpsc::sync_channel(0);
        let run_watches = Arc::new(RunWatches::default());
        let seen = Seen {
            head: Arc::clone(&head),
            ready: Arc::clone(&ready),
            runs: Arc::clone(&run_watches),
        };
        thread::Builder::new()
            .name("sqlite-watch".to_owned())
            .spawn(move || watch_file(&watched, &ended, &seen))
            .map_err(unavailable)?;
        Ok(Self {
            writer: Writer::start(connection).map_err(unavailable)?,
            readers: database.readers(),
            database,
            ready,
            run_watches,
            head,
            witness: Witness::default(),
            log_id,
            _watching: watching,
        })
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> OpenError {
    OpenError::Unavailable { port: KIND.port, source: Box::new(error) }
}

/// The log's id, created at the first call.
fn log_id(connection: &Connection) -> rusqlite::Result<Uuid> {
    let fresh = Uuid::new_v4();
    connection
        .execute("INSERT OR IGNORE INTO log (id, log_id) VALUES (1, ?1)", [fresh.to_string()])?;
    let text: String = connection.query_row("SELECT log_id FROM log", [], |row| row.get(0))?;
    Uuid::try_parse(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}

fn head(connection: &Connection) -> rusqlite::Result<Position> {
    last_event(connection).map(|(head, _)| Position(head.cast_unsigned()))
}

/// What the watching thread announces.
struct Seen {
    head: Arc<watch::Sender<Position>>,
    ready: Arc<watch::Sender<u64>>,
    runs: Arc<RunWatches>,
}

/// Announces events, work and changed runs that other processes wrote, such as the command line
/// beside the server.
fn watch_file(connection: &Connection, ended: &mpsc::Receiver<()>, seen: &Seen) {
    let (mut version_seen, mut run_event_seen) = (0, None);
    while ended.recv_timeout(POLL_INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
        let mut look = || -> rusqlite::Result<()> {
            // Changes whenever another connection commits, and needs no disk access.
            let version: i64 =
                connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
            if version == version_seen {
                return Ok(());
            }
            announce(&seen.head, head(connection)?);
            let waiting: bool = connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM work WHERE worker IS NULL)")?
                .query_row([], |row| row.get(0))?;
            if waiting {
                wake(&seen.ready);
            }
            let run_event = match run_event_seen {
                Some(run_event) => run_tables::wake_changed(connection, run_event, &seen.runs)?,
                None => {
                    let last = run_tables::last_change(connection)?;
                    seen.runs.wake_all();
                    last
                }
            };
            run_event_seen = Some(run_event);
            version_seen = version;
            Ok(())
        };
        if let Err(error) = look() {
            tracing::warn!(%error, "the log's file cannot be watched, trying again");
        }
    }
}

#[async_trait]
impl HotLog for SqliteLog {
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError> {
        let (append, witness) = (Append::new(batch)?, self.witness.clone());
        let appended = self.writer.run(move |connection| {
            let checked = witness.check(connection).map_err(ReadError::from);
            checked.map_err(|error| JobError::Refused(AppendError::Unavailable(error.into())))?;
            append.run(connection)
        });
        let appended = appended.await.map_err(|error| match error {
            WriteError::Refused(error) => error,
            WriteError::NotWritten(error) => AppendError::Unavailable(error),
            WriteError::Unknown(error) => AppendError::Unknown(error),
        })?;
        announce(&self.head, appended.last);
        if batch.enqueue.is_some() {
            wake(&self.ready);
        }
        Ok(appended)
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: u32,
    ) -> Result<StreamPage, ReadError> {
        let name = stream.to_string();
        // One moment, so that nothing is trimmed between the two reads.
        let page = self.read_at_once(move |moment| {
            let archived = archive::positions(moment, &name, from, limit)?;
            let hot = read(
                moment,
                "SELECT position, stream, version, recorded_at, body FROM events
                 WHERE stream = ?1 AND version >= ?2 ORDER BY version LIMIT ?3",
                params![name, bound(from.0), limit - archived.len() as u32],
            )?;
            Ok(StreamPage { archived, hot })
        });
        page.await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Row>, ReadError> {
        let rows = self.read_at_once(move |moment| {
            read(
                moment,
                "SELECT position, stream, version, recorded_at, body FROM events
                 WHERE position > ?1 ORDER BY position LIMIT ?2",
                params![bound(after.0), limit],
            )
        });
        rows.await
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    async fn info(&self) -> Result<LogInfo, ReadError> {
        let ends = self.read_at_once(|moment| Ok((head(moment)?, archive::mark(moment)?)));
        let (head, archived_through) = ends.await?;
        Ok(LogInfo {
            log_id: self.log_id,
            head,
            archived_through,
            durability: "on this machine's disk, after a power failure too".to_owned(),
        })
    }

    async fn has_room(&self) -> Result<(), AppendError> {
        let database = self.database.clone();
        let free = tokio::task::spawn_blocking(move || database.free_bytes()).await;
        match free.map_err(io::Error::other).flatten() {
            Ok(free) if free >= FREE_BYTES_MIN => Ok(()),
            Ok(free) => Err(AppendError::Unavailable(
                format!("its disk has {free} bytes left, and {FREE_BYTES_MIN} are needed").into(),
            )),
            Err(error) => Err(AppendError::Unavailable(error.into())),
        }
    }

    async fn usage(&self) -> Result<HotUsage, ReadError> {
        self.readers.run(archive::usage).await.map_err(read_error)
    }

    async fn segments(&self) -> Result<Vec<SegmentEntry>, ReadError> {
        self.readers.run(archive::segments).await.map_err(read_error)
    }

    async fn enter_segment(
        &self,
        entry: &SegmentEntry,
        replaced: &[SegmentEntry],
    ) -> Result<bool, StoreFault> {
        let (entry, replaced) = (entry.clone(), replaced.to_vec());
        self.write(move |connection| archive::enter(connection, &entry, &replaced)).await
    }

    async fn trim(&self, to: Position) -> Result<Position, StoreFault> {
        self.write(move |connection| archive::trim(connection, to)).await
    }

    async fn give_back_space(&self) -> Result<(), StoreFault> {
        let database = self.database.clone();
        let given = tokio::task::spawn_blocking(move || database.give_back_space()).await;
        let given = given.map_err(|error| StoreFault::Unavailable(Box::new(error)))?;
        given.map_err(|error| StoreFault::Unavailable(Box::new(error)))
    }

    async fn begin_restore(&self, log_id: Uuid) -> Result<bool, StoreFault> {
        self.write(move |connection| import::begin(connection, log_id)).await
    }

    async fn import(&self, events: &[Recorded]) -> Result<(), StoreFault> {
        let events = events.to_vec();
        self.write(move |connection| import::import(connection, &events)).await
    }

    async fn finish_restore(&self, work: &[WorkItem]) -> Result<(), StoreFault> {
        let work = work.to_vec();
        self.write(move |connection| import::finish(connection, &work)).await
    }
}

impl SqliteLog {
    /// Reads the file as it is at one moment.
    async fn read_at_once<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadFailure> + Send + 'static,
    ) -> Result<T, ReadError> {
        let witness = self.witness.clone();
        Ok(self.readers.run(move |connection| witness.read(connection, read)).await?)
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JobError<StoreFault>> + Send + 'static,
    ) -> Result<T, StoreFault> {
        self.writer.run(work).await.map_err(|error| match error {
            WriteError::Refused(fault) => fault,
            WriteError::NotWritten(error) | WriteError::Unknown(error) => {
                StoreFault::Unavailable(error)
            }
        })
    }
}

/// SQLite's integers are signed; no position or version exceeds the largest.
fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn read(
    connection: &Connection,
    query: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<Row>, ReadFailure> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(params)?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        read.push(placed(row)?);
    }
    Ok(read)
}

fn placed(row: &rusqlite::Row<'_>) -> Result<Row, ReadFailure> {
    let position = Position(row.get::<_, i64>(0)?.cast_unsigned());
    let stream: String = row.get(1)?;
    let placement = Placement {
        position,
        stream: stream.parse().map_err(|_| {
            ReadFailure(ReadError::Damaged(format!("{stream:?}, at {position}, is no stream")))
        })?,
        version: Version(row.get::<_, i64>(2)?.cast_unsigned()),
        recorded_at: timestamp(row.get(3)?)?,
    };
    Ok((placement, row.get(4)?))
}

#[cfg(test)]
mod tests {
    use domain::Digest;
    use jiff::Timestamp;

    use super::*;
    use crate::{Lane, TakeRequest, WorkQueue, WorkerId};

    const EVENT: &str = r#"{"id":"00000000-0000-0000-0000-000000000001","type":"RoleGranted","schema":1,"metadata":{"actor":"system","correlation":"00000000-0000-0000-0000-000000000002","causation":null,"traceparent":null},"data":{"role":"SETTER"}}"#;

    #[tokio::test]
    async fn a_file_of_the_first_schema_is_opened_and_can_be_archived() {
        let directory = std::env::temp_dir().join(Uuid::new_v4().to_string());
        std::fs::create_dir(&directory).unwrap();
        let path = directory.join("log.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(KIND.create).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.pragma_update(None, "application_id", KIND.application_id).unwrap();
        let insert = |position: i64, stream: &str, version: i64| {
            old.execute(
                "INSERT INTO events VALUES (?1, ?2, ?3, 7, x'01', ?4)",
                params![position, stream, version, EVENT],
            )
        };
        insert(1, "account:ada", 1).unwrap();
        old.execute(
            "INSERT INTO work (lane, stream, enqueued_at) VALUES ('run', 'account:ada', 1)",
            [],
        )
        .unwrap();

        let log = SqliteLog::open(path, false).await.unwrap();
        let request = TakeRequest {
            worker: WorkerId("w1".to_owned()),
            lanes: vec![Lane::Run],
            lease: Duration::from_secs(1),
            abilities: Arc::default(),
        };
        assert_eq!(log.take(&request).await.unwrap().unwrap().item.account, None);
        let rows = log.read_all(Position::START, 9).await.unwrap();
        assert_eq!((rows.len(), rows[0].1.as_str()), (1, EVENT));
        assert_eq!(log.info().await.unwrap().archived_through, Position::START);
        // An old file can give back space, although it was created without that setting.
        log.give_back_space().await.unwrap();

        let entry = SegmentEntry {
            first: Position(1),
            last: Position(1),
            digest: Digest::of(b""),
            events: 1,
            bytes: 1,
            sealed_at: Timestamp::UNIX_EPOCH,
        };
        assert!(log.enter_segment(&entry, &[]).await.unwrap());
        assert_eq!(log.trim(Position(1)).await.unwrap(), Position(1));
        // A process of the old version that still has the file open cannot restart the log or the
        // stream.
        insert(1, "account:bob", 1).unwrap_err();
        insert(2, "account:ada", 1).unwrap_err();
        insert(2, "account:ada", 2).unwrap();
        drop((log, old));
        std::fs::remove_dir_all(directory).unwrap();
    }
}
