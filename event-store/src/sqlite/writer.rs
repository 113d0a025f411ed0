//! The single writer of a file: a thread that commits all waiting jobs in one transaction.
//!
//! A commit costs one disk sync, whatever the number of jobs. Each job runs in its own savepoint,
//! so that a refused job does not affect the others.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rusqlite::{Connection, ErrorCode};
use sqlite::Readers;
use tokio::sync::{mpsc, oneshot};

use super::database::{Database, Kind};
use crate::open_error::OpenError;

/// Capacity of the queue of jobs. Further callers wait for room.
const JOBS_WAITING_MAX: usize = 1024;
/// Maximum number of jobs in one transaction.
const JOBS_PER_COMMIT_MAX: usize = 256;

/// Why a job failed inside the transaction.
#[derive(Debug)]
pub(super) enum JobError<E> {
    /// Refused by the port's rules.
    Refused(E),
    /// SQLite failed.
    Store(rusqlite::Error),
}

impl<E> From<rusqlite::Error> for JobError<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error)
    }
}

/// Why a write failed.
#[derive(Debug)]
pub(super) enum WriteError<E> {
    /// Refused by the port's rules.
    Refused(E),
    /// Nothing was written.
    NotWritten(Box<dyn Error + Send + Sync>),
    /// It may or may not have been written.
    Unknown(Box<dyn Error + Send + Sync>),
}

#[derive(Debug, thiserror::Error)]
#[error("the store's writer has ended")]
struct WriterEnded;

#[derive(Debug, thiserror::Error)]
#[error("another write of the same transaction ended it")]
struct RolledBack;

/// The outcome of a transaction, shared by its jobs.
#[derive(Clone)]
enum Commit {
    Done,
    NotWritten(Arc<dyn Error + Send + Sync>),
    Unknown(Arc<dyn Error + Send + Sync>),
}

/// A job together with its caller's reply channel.
trait Job: Send {
    /// Runs inside the open transaction.
    fn run(&mut self, connection: &Connection);
    /// Replies to the caller after the transaction has ended.
    fn finish(self: Box<Self>, commit: Commit);
}

struct Waiting<W, T, E> {
    work: Option<W>,
    outcome: Option<Result<T, JobError<E>>>,
    reply: oneshot::Sender<Result<T, WriteError<E>>>,
}

impl<W, T, E> Job for Waiting<W, T, E>
where
    W: FnOnce(&Connection) -> Result<T, JobError<E>> + Send,
    T: Send,
    E: Send,
{
    fn run(&mut self, connection: &Connection) {
        self.outcome = self.work.take().map(|work| in_savepoint(connection, work));
    }

    fn finish(self: Box<Self>, commit: Commit) {
        let answer = match (commit, self.outcome) {
            // A refused job wrote nothing, whatever happened to the transaction.
            (_, Some(Err(JobError::Refused(error)))) => Err(WriteError::Refused(error)),
            (_, Some(Err(JobError::Store(error)))) => Err(WriteError::NotWritten(Box::new(error))),
            (Commit::Done, Some(Ok(value))) => Ok(value),
            (Commit::Done, None) => Err(WriteError::NotWritten(Box::new(WriterEnded))),
            (Commit::NotWritten(error), _) => Err(WriteError::NotWritten(Box::new(error))),
            (Commit::Unknown(error), _) => Err(WriteError::Unknown(Box::new(error))),
        };
        // The receiver is gone if the caller was cancelled.
        let _ = self.reply.send(answer);
    }
}

/// A handle to the writer. The thread ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<BoxedJob>,
}

type BoxedJob = Box<dyn Job>;

/// Opens a file and starts its writer and readers.
pub(super) async fn open(
    path: PathBuf,
    kind: &'static Kind,
) -> Result<(Writer, Readers), OpenError> {
    fn unavailable(port: &'static str, source: impl Error + Send + Sync + 'static) -> OpenError {
        OpenError::Unavailable { port, source: Box::new(source) }
    }
    let opened = tokio::task::spawn_blocking(|| Database::open(path, kind)).await;
    let (database, connection) = opened.map_err(|error| unavailable(kind.port, error))??;
    let writer = Writer::start(connection).map_err(|error| unavailable(kind.port, error))?;
    Ok((writer, database.readers()))
}

impl Writer {
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(JOBS_WAITING_MAX);
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || run(&connection, waiting))?;
        Ok(Self { jobs })
    }

    /// Runs the job in the next transaction and returns once that is on disk.
    pub(super) async fn run<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JobError<E>> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Waiting { work: Some(work), outcome: None, reply });
        if self.jobs.send(job).await.is_err() {
            return Err(WriteError::NotWritten(Box::new(WriterEnded)));
        }
        answer.await.unwrap_or_else(|_| Err(WriteError::Unknown(Box::new(WriterEnded))))
    }
}

fn run(connection: &Connection, mut waiting: mpsc::Receiver<BoxedJob>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut jobs = Vec::new();
        let commit = match connection.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => {
                let mut next = Some(first);
                while let Some(mut job) = next.take() {
                    job.run(connection);
                    jobs.push(job);
                    // SQLite itself rolls back the whole transaction if, for example, the disk is
                    // full.
                    if !connection.is_autocommit() && jobs.len() < JOBS_PER_COMMIT_MAX {
                        next = waiting.try_recv().ok();
                    }
                }
                commit(connection)
            }
            Err(error) => {
                jobs.push(first);
                Commit::NotWritten(Arc::new(error))
            }
        };
        for job in jobs {
            job.finish(commit.clone());
        }
    }
}

fn commit(connection: &Connection) -> Commit {
    if connection.is_autocommit() {
        return Commit::NotWritten(Arc::new(RolledBack));
    }
    let Err(error) = connection.execute_batch("COMMIT") else { return Commit::Done };
    if !connection.is_autocommit()
        && let Err(rollback) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%rollback, "cannot roll back a failed transaction");
    }
    match error.sqlite_error_code() {
        // The commit record may have reached the disk although the sync failed.
        Some(ErrorCode::SystemIoFailure) => Commit::Unknown(Arc::new(error)),
        _ => Commit::NotWritten(Arc::new(error)),
    }
}

fn in_savepoint<T, E>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, JobError<E>>,
) -> Result<T, JobError<E>> {
    connection.execute_batch("SAVEPOINT job")?;
    match work(connection) {
        Ok(value) => {
            connection.execute_batch("RELEASE job")?;
            Ok(value)
        }
        Err(error) => {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK TO job; RELEASE job")?;
            }
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::mpsc::sync_channel;

    use futures::future::join_all;

    use super::*;

    fn table() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE kept (number INTEGER, filling BLOB)").unwrap();
        connection
    }

    async fn kept(writer: &Writer) -> Vec<i64> {
        let query = |connection: &Connection| -> Result<Vec<i64>, JobError<Infallible>> {
            let mut query = connection.prepare("SELECT number FROM kept ORDER BY number")?;
            let rows = query.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        };
        writer.run(query).await.unwrap()
    }

    fn keep(connection: &Connection, number: i64, bytes: i64) -> rusqlite::Result<usize> {
        connection.execute("INSERT INTO kept VALUES (?1, zeroblob(?2))", [number, bytes])
    }

    /// INV-6: a refused job does not affect the other jobs of its transaction.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_refused_job_leaves_the_others_of_its_transaction_alone() {
        const JOBS: i64 = 20;
        let writer = Writer::start(table()).unwrap();
        // Blocks the writer until all other jobs wait.
        let (go, held) = sync_channel::<()>(1);
        let holding = tokio::spawn({
            let writer = writer.clone();
            async move {
                let hold = move |_: &Connection| -> Result<(), JobError<Infallible>> {
                    held.recv().expect("the test says when");
                    Ok(())
                };
                writer.run(hold).await.unwrap();
            }
        });
        let jobs = (0..JOBS).map(|number| {
            writer.run(move |connection| {
                keep(connection, number, 0)?;
                if number % 3 == 0 { Err(JobError::Refused(number)) } else { Ok(number) }
            })
        });
        let (outcomes, _) = tokio::join!(join_all(jobs), async { go.send(()).unwrap() });
        holding.await.unwrap();
        for (number, outcome) in (0..).zip(outcomes) {
            match outcome {
                Ok(done) => assert!(done == number && number % 3 != 0),
                Err(WriteError::Refused(refused)) => assert!(refused == number && number % 3 == 0),
                Err(error) => panic!("{error:?}"),
            }
        }
        assert!(kept(&writer).await.into_iter().eq((0..JOBS).filter(|number| number % 3 != 0)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_disk_acknowledges_nothing_that_is_not_there() {
        const JOBS: i64 = 200;
        let connection = table();
        connection.pragma_update(None, "max_page_count", 50).unwrap();
        let writer = Writer::start(connection).unwrap();
        let jobs = (0..JOBS).map(|number| {
            writer.run(move |connection| -> Result<i64, JobError<Infallible>> {
                keep(connection, number, 3000)?;
                Ok(number)
            })
        });
        let outcomes = join_all(jobs).await;
        assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(WriteError::NotWritten(_)))));
        let acknowledged: Vec<i64> = outcomes.into_iter().filter_map(Result::ok).collect();
        assert!(acknowledged.len() < JOBS as usize);
        assert_eq!(kept(&writer).await, acknowledged);
        // Make room again.
        let clear = |connection: &Connection| -> Result<usize, JobError<Infallible>> {
            Ok(connection.execute("DELETE FROM kept", [])?)
        };
        writer.run(clear).await.unwrap();
        let again = |connection: &Connection| -> Result<usize, JobError<Infallible>> {
            Ok(keep(connection, 1, 3000)?)
        };
        writer.run(again).await.unwrap();
    }
}
