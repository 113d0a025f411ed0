//! [`EventLog`] over one file.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use domain::record::Placement;
use domain::{Position, Recorded, StreamId, Version};
use rusqlite::{Connection, ErrorCode, Row, params};
use tokio::sync::watch;
use uuid::Uuid;

use super::append::Append;
use super::database::{Database, Kind, Readers};
use super::timestamp;
use super::writer::{WriteError, Writer};
use crate::log::{announce, decode_all, decode_stream};
use crate::queue::wake;
use crate::resolver::OpenError;
use crate::{AppendBatch, AppendError, Appended, EventLog, LogInfo, ReadError};

const KIND: Kind = Kind {
    port: "log",
    application_id: 0x4173_4C67, // "AsLg"
    schema: 1,
    create: include_str!("log.sql"),
};

/// How often the file is looked at for what other processes wrote.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The log and its queue.
#[derive(Debug)]
pub(crate) struct SqliteLog {
    pub(super) writer: Writer,
    pub(super) readers: Readers,
    pub(super) ready: Arc<watch::Sender<u64>>,
    head: Arc<watch::Sender<Position>>,
    log_id: Uuid,
    /// Its end is the watching thread's.
    _watching: mpsc::SyncSender<()>,
}

impl SqliteLog {
    pub(crate) async fn open(path: PathBuf) -> Result<Self, OpenError> {
        tokio::task::spawn_blocking(|| Self::open_blocking(path)).await.map_err(unavailable)?
    }

    fn open_blocking(path: PathBuf) -> Result<Self, OpenError> {
        let (database, connection) = Database::open(path, &KIND)?;
        let log_id = log_id(&connection).map_err(unavailable)?;
        let watched = database.connect_reader().map_err(unavailable)?;
        let head = Arc::new(watch::Sender::new(head(&watched).map_err(unavailable)?));
        let ready = Arc::new(watch::Sender::new(0));
        let (watching, ended) = mpsc::sync_channel(0);
        let (head_seen, ready_seen) = (Arc::clone(&head), Arc::clone(&ready));
        thread::Builder::new()
            .name("sqlite-watch".to_owned())
            .spawn(move || watch_file(&watched, &ended, &head_seen, &ready_seen))
            .map_err(unavailable)?;
        Ok(Self {
            writer: Writer::start(connection).map_err(unavailable)?,
            readers: Readers::new(database),
            ready,
            head,
            log_id,
            _watching: watching,
        })
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> OpenError {
    OpenError::Unavailable { port: KIND.port, source: Box::new(error) }
}

/// The log's identity, made the first time that anybody asks.
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
    let head: i64 = connection
        .prepare_cached("SELECT ifnull(max(position), 0) FROM events")?
        .query_row([], |row| row.get(0))?;
    Ok(Position(head.cast_unsigned()))
}

/// Wakes this process for what other processes wrote: the command line works beside the server.
fn watch_file(
    connection: &Connection,
    ended: &mpsc::Receiver<()>,
    head_seen: &watch::Sender<Position>,
    ready_seen: &watch::Sender<u64>,
) {
    let mut version_seen = 0;
    while ended.recv_timeout(LOOK_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
        let mut look = || -> rusqlite::Result<()> {
            // Changes whenever another connection has committed, and costs no disk access.
            let version: i64 =
                connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
            if version == version_seen {
                return Ok(());
            }
            announce(head_seen, head(connection)?);
            let waiting: bool = connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM work WHERE worker IS NULL)")?
                .query_row([], |row| row.get(0))?;
            if waiting {
                wake(ready_seen);
            }
            version_seen = version;
            Ok(())
        };
        if let Err(error) = look() {
            tracing::warn!(%error, "the log's file cannot be watched, trying again");
        }
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError> {
        let append = Append::new(batch)?;
        let appended =
            self.writer.run(move |connection| append.run(connection)).await.map_err(|error| {
                match error {
                    WriteError::Refused(error) => error,
                    WriteError::NotWritten(error) => AppendError::Unavailable(error),
                    WriteError::Unknown(error) => AppendError::Unknown(error),
                }
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
    ) -> Result<Vec<Recorded>, ReadError> {
        let name = stream.to_string();
        let rows = self
            .readers
            .run(move |connection| {
                read(
                    connection,
                    "SELECT position, stream, version, recorded_at, body FROM events
                     WHERE stream = ?1 AND version >= ?2 ORDER BY version LIMIT ?3",
                    params![name, bound(from.0), limit],
                )
            })
            .await?;
        decode_stream(stream, from, rows)
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError> {
        let rows = self
            .readers
            .run(move |connection| {
                read(
                    connection,
                    "SELECT position, stream, version, recorded_at, body FROM events
                     WHERE position > ?1 ORDER BY position LIMIT ?2",
                    params![bound(after.0), limit],
                )
            })
            .await?;
        decode_all(after, rows)
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    async fn info(&self) -> Result<LogInfo, ReadError> {
        let head = self.readers.run(head).await.map_err(read_error)?;
        Ok(LogInfo {
            log_id: self.log_id,
            head,
            archived_through: Position::START,
            durability: "on this machine's disk, after a power failure too".to_owned(),
        })
    }
}

/// SQLite's integers are signed; nothing stands beyond the largest of them.
fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn read(
    connection: &Connection,
    query: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<(Placement, String)>, ReadFailure> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(params)?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        read.push(placed(row)?);
    }
    Ok(read)
}

fn placed(row: &Row<'_>) -> Result<(Placement, String), ReadFailure> {
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

/// Lets `?` turn SQLite's errors into the port's without naming SQLite in the port.
struct ReadFailure(ReadError);

impl From<rusqlite::Error> for ReadFailure {
    fn from(error: rusqlite::Error) -> Self {
        Self(read_error(error))
    }
}

impl From<ReadFailure> for ReadError {
    fn from(failure: ReadFailure) -> Self {
        failure.0
    }
}

fn read_error(error: rusqlite::Error) -> ReadError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ReadError::Damaged(error.to_string())
        }
        _ => ReadError::Unavailable(Box::new(error)),
    }
}
