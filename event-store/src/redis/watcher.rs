//! The connection that waits for news and passes them on.

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

/// How long the server holds an answer back when there is no news.
const BLOCK: Duration = Duration::from_secs(5);
/// How long to wait before connecting again, and how long at most after many failures.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

/// A task that ends with its owner.
#[derive(Debug)]
pub(super) struct Watcher(JoinHandle<()>);

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watcher {
    /// Returns once the head is known.
    pub(super) async fn start(
        link: Link,
        keys: Keys,
        head: Arc<watch::Sender<Position>>,
        ready: Arc<watch::Sender<u64>>,
    ) -> Result<Self, CallError> {
        let lanes = keys.lanes();
        let mut watched = vec![keys.log];
        watched.extend(lanes);
        watched.push(keys.released);
        let mut tails_of = vec![keys.tail];
        tails_of.extend_from_slice(&watched[1..]);
        let tails = Function::Tails.call(&tails_of);
        let mut task = Task { link, tails, watched, head, ready, seen: Tails::default() };
        task.look().await?;
        Ok(Self(tokio::spawn(task.run())))
    }
}

/// How far the log and the lanes go.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tails {
    head: u64,
    lanes: Vec<String>,
}

struct Task {
    link: Link,
    /// The call that tells them.
    tails: Cmd,
    /// The streams to wait on: the log, then those that mean work.
    watched: Vec<String>,
    head: Arc<watch::Sender<Position>>,
    ready: Arc<watch::Sender<u64>>,
    seen: Tails,
}

impl Task {
    async fn run(mut self) {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            let Err(error) = self.follow(&mut delay).await;
            let error = error.into_source();
            tracing::warn!(%error, ?delay, "the log's news cannot be read, trying again");
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

    /// Passes on what there is.
    async fn look(&mut self) -> Result<(), CallError> {
        let reply: Vec<String> = self.query(&self.tails, ANSWER_WAIT).await?;
        let mut reply = reply.into_iter();
        let head = reply.next().and_then(|head| head.parse().ok()).unwrap_or_default();
        let tails = Tails { head, lanes: reply.collect() };
        announce(&self.head, Position(tails.head));
        if tails.lanes != self.seen.lanes {
            wake(&self.ready);
        }
        self.seen = tails;
        Ok(())
    }

    /// Waits until there is more than was seen. One entry is enough to know.
    async fn wait(&self) -> Result<(), CallError> {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(1).arg("BLOCK").arg(BLOCK.as_millis() as u64).arg("STREAMS");
        read.arg(&self.watched).arg(format!("{}-0", self.seen.head)).arg(&self.seen.lanes);
        self.query::<Value>(&read, BLOCK + ANSWER_WAIT).await.map(drop)
    }

    /// The link itself sets no limit, because a wait is no failure.
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
