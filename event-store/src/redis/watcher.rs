//! The connection that waits for new events, work and changed runs and passes them on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use redis::{Cmd, Value, cmd};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::keys::Keys;
use super::library::Function;
use super::link::{ANSWER_WAIT, CallError, Link};
use crate::log::announce;
use crate::queue::wake;
use crate::run_watches::RunWatches;

/// How long the server blocks when there is nothing new.
const BLOCK: Duration = Duration::from_secs(5);
/// Entries kept in the stream of changed runs. A process that is further behind wakes all
/// followers.
pub(super) const CHANGES_KEPT: usize = 1_000;
/// Delay before the first reconnect, and the maximum after repeated failures.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

/// The watching task. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Watcher(JoinHandle<()>);

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the watcher announces.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) head: Arc<watch::Sender<Position>>,
    pub(super) ready: Arc<watch::Sender<u64>>,
    pub(super) runs: Arc<RunWatches>,
}

impl Watcher {
    /// Returns once the head is known.
    pub(super) async fn start(
        link: Link,
        keys: Keys,
        announced: Announced,
    ) -> Result<Self, CallError> {
        let lanes = keys.lanes();
        let mut watched = vec![keys.log];
        watched.extend(lanes);
        watched.extend([keys.released, keys.changed_runs]);
        let mut tails_of = vec![keys.tail];
        tails_of.extend_from_slice(&watched[1..]);
        let tails = Function::Tails.call(&tails_of);
        let mut task = Task { link, tails, watched, announced, seen: Tails::default() };
        task.look().await?;
        Ok(Self(tokio::spawn(task.run())))
    }
}

/// The last known ends of the log, of the work streams and of the stream of changed runs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tails {
    head: u64,
    lanes: Vec<String>,
    runs: String,
}

struct Task {
    link: Link,
    /// The call that reads the ends.
    tails: Cmd,
    /// The streams to wait on: the log, then the work streams, then the stream of changed runs.
    watched: Vec<String>,
    announced: Announced,
    seen: Tails,
}

impl Task {
    async fn run(mut self) {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            let Err(error) = self.follow(&mut delay).await;
            let error = error.into_source();
            tracing::warn!(%error, ?delay, "cannot watch the log for new events, trying again");
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    async fn follow(&mut self, delay: &mut Duration) -> Result<Infallible, CallError> {
        loop {
            self.look().await?;
            *delay = RETRY_DELAY_MIN;
            self.wait().await?;
        }
    }

    /// Reads the ends and announces changes.
    async fn look(&mut self) -> Result<(), CallError> {
        let mut reply: Vec<String> = self.query(&self.tails, ANSWER_WAIT).await?;
        let runs = reply.pop().unwrap_or_default();
        let mut reply = reply.into_iter();
        let head = reply.next().and_then(|head| head.parse().ok()).unwrap_or_default();
        let tails = Tails { head, lanes: reply.collect(), runs };
        announce(&self.announced.head, Position(tails.head));
        if tails.lanes != self.seen.lanes {
            wake(&self.announced.ready);
        }
        if tails.runs != self.seen.runs {
            self.wake_changed_runs().await?;
        }
        self.seen = tails;
        Ok(())
    }

    /// Wakes the followers of the runs that changed since the last look.
    async fn wake_changed_runs(&self) -> Result<(), CallError> {
        let runs = &self.announced.runs;
        if self.seen.runs.is_empty() {
            runs.wake_all();
            return Ok(());
        }
        let mut read = cmd("XRANGE");
        let stream = self.watched.last().expect("the stream of changed runs is watched");
        read.arg(stream).arg(format!("({}", self.seen.runs)).arg("+");
        read.arg("COUNT").arg(CHANGES_KEPT);
        let changed: Vec<(String, Vec<String>)> = self.query(&read, ANSWER_WAIT).await?;
        if changed.len() >= CHANGES_KEPT {
            // Some may have been removed before they were read.
            runs.wake_all();
        }
        for run in changed.iter().filter_map(|(_, fields)| fields.get(1)?.parse().ok()) {
            runs.wake(run);
        }
        Ok(())
    }

    /// Waits until a stream has an entry beyond its last known end.
    async fn wait(&self) -> Result<(), CallError> {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(1).arg("BLOCK").arg(BLOCK.as_millis() as u64).arg("STREAMS");
        read.arg(&self.watched).arg(format!("{}-0", self.seen.head)).arg(&self.seen.lanes);
        read.arg(&self.seen.runs);
        self.query::<Value>(&read, BLOCK + ANSWER_WAIT).await.map(drop)
    }

    /// Queries with a time limit of its own. The link has none, because blocking is not a failure.
    async fn query<T: redis::FromRedisValue>(
        &self,
        command: &Cmd,
        limit: Duration,
    ) -> Result<T, CallError> {
        match tokio::time::timeout(limit, self.link.query(command)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.link.reset().await;
                let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
                Err(CallError::Unknown(late.into()))
            }
        }
    }
}
