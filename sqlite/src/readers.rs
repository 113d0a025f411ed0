//! A bounded pool of connections that only read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::ffi::{Error as SqliteError, SQLITE_BUSY, SQLITE_INTERRUPT};
use rusqlite::{Connection, Error};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::File;

/// Connections that read at the same time.
const READERS_MAX: usize = 4;
/// Instructions of SQLite's virtual machine between two checks whether a query is still wanted.
/// `sqlite3_interrupt` would not do: it has no effect on a query that is about to begin.
const INSTRUCTIONS_PER_CHECK: i32 = 10_000;

/// A bounded pool of connections that only read.
#[derive(Debug, Clone)]
pub struct Readers {
    file: File,
    query_max: Duration,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// A pool whose queries take at most `query_max`, including the wait for a connection.
    pub fn new(file: File, query_max: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(READERS_MAX));
        Self { file, query_max, idle: Arc::default(), permits }
    }

    /// Runs a query off the async threads. It is interrupted at the deadline, and when the caller
    /// is cancelled; its place in the pool is free once it has ended.
    ///
    /// # Errors
    /// What the query returns; SQLite's `BUSY` if no connection was free in time, and `INTERRUPT`
    /// from the query after the deadline.
    pub async fn run<T, E>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let deadline = Instant::now() + self.query_max;
        let permit = timeout_at(deadline, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(permit) = permit else {
            return Err(failed(SQLITE_BUSY, "all readers are busy").into());
        };
        let permit = permit.expect("the semaphore is never closed");
        let (readers, unwanted) = (self.clone(), Arc::new(AtomicBool::new(false)));
        // Dropped with this future.
        let interrupting = SetOnDrop(Arc::clone(&unwanted));
        let mut task = spawn_blocking(move || {
            // Declared first and so released last: there are never more connections than permits.
            let _permit = permit;
            let idle = lock(&readers.idle).pop();
            let connection = match idle {
                Some(connection) => connection,
                None => readers.file.connect_reader()?,
            };
            let is_unwanted = move || unwanted.load(Ordering::Relaxed);
            connection.progress_handler(INSTRUCTIONS_PER_CHECK, Some(is_unwanted))?;
            let outcome = query(&connection);
            connection.progress_handler(0, None::<fn() -> bool>)?;
            lock(&readers.idle).push(connection);
            outcome
        });
        let ended = match timeout_at(deadline, &mut task).await {
            Ok(ended) => ended,
            Err(_) => {
                drop(interrupting);
                task.await
            }
        };
        ended.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(failed(SQLITE_INTERRUPT, "the program ends").into()),
        })
    }
}

fn failed(code: i32, message: &str) -> Error {
    Error::SqliteFailure(SqliteError::new(code), Some(message.to_owned()))
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A panic elsewhere leaves no list half made.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use rusqlite::ErrorCode;
    use tempfile::TempDir;
    use tokio::time::timeout;

    use super::*;
    use crate::{Profile, Synchronous};

    const ENDLESS: &str =
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n";
    const QUERIES: usize = 1_000;

    fn readers(query_max: Duration) -> (TempDir, Readers) {
        let folder = TempDir::new().unwrap();
        let profile = Profile {
            synchronous: Synchronous::Normal,
            page_bytes: None,
            wal_pages: None,
            cache_kib: Some(65_536),
        };
        let file = File::create(folder.path().join("test.db"), profile).unwrap();
        (folder, Readers::new(file, query_max))
    }

    async fn endless(readers: &Readers) -> Result<i64, Error> {
        readers.run(|connection| connection.query_row(ENDLESS, [], |row| row.get(0))).await
    }

    /// A number that a query returns at once.
    async fn answer(readers: &Readers) -> i64 {
        let answer =
            readers.run(|connection| connection.query_row("SELECT 7", [], |row| row.get(0)));
        answer.await.unwrap()
    }

    fn connections(folder: &TempDir) -> usize {
        let path = folder.path().join("test.db");
        let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        open.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|link| link == path)).count()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn queries_of_cancelled_callers_end_and_do_not_pile_up() {
        let (folder, readers) = readers(Duration::from_secs(3_600));
        for number in 0..QUERIES {
            // Some are cancelled before they begin, some after.
            let patience = Duration::from_micros(number as u64 % 7 * 50);
            timeout(patience, endless(&readers)).await.unwrap_err();
        }
        assert_eq!(answer(&readers).await, 7);
        // The last ones may still be on their way to an end; an endless one would never free its
        // place.
        let every_place = readers.permits.acquire_many(READERS_MAX as u32);
        drop(timeout(Duration::from_secs(60), every_place).await.expect("queries end").unwrap());
        assert!(connections(&folder) <= READERS_MAX, "{} connections", connections(&folder));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_query_ends_at_its_deadline() {
        let (_folder, readers) = readers(Duration::from_millis(100));
        let error = endless(&readers).await.unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::OperationInterrupted), "{error}");
        assert_eq!(answer(&readers).await, 7);
    }
}
