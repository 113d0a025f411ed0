//! Tails the log once per process and hands events to the subscribers (INV-13).
//!
//! A [`Feed`] is exact: it yields every event of its topic after a position, in order, once. It
//! first reads the events that are already in the log and then receives new ones from the hub. A
//! subscriber that is too slow is cut off and reads the log again from its last position, so a slow
//! subscriber costs neither memory nor events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::{Event, Login, Position, Recorded, RejudgeId, StreamId, SubmissionId, Version};
use event_store::{EventLog, ReadError, alert};
use moka::future::Cache;
use supervision::{Backoff, Fault, Reporter, Task, error_chain};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::folds::{Folds, STREAM_PAGE};

/// Events read from the log at once.
const READ_LIMIT: u32 = 512;
/// Maximum number of events queued for one subscriber before it is cut off.
const WAITING_MAX: usize = 64;
/// How often the log is polled if nothing wakes the hub.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The delay before a retry after the log failed.
const RETRY_DELAY: Duration = Duration::from_millis(500);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);
/// Maximum number of submissions whose authors are cached.
const AUTHORS_MAX: u64 = 100_000;

/// The events that a subscriber wants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// One submission.
    Submission(SubmissionId),
    /// Every submission of one author.
    Author(Login),
    /// One rejudge, including the end of its trials.
    Rejudge(RejudgeId),
    /// All events.
    Everything,
}

/// The only reader of the log's tail in this process.
#[derive(Debug)]
pub struct Hub {
    log: Arc<dyn EventLog>,
    subscribers: Mutex<HashMap<Topic, Vec<mpsc::Sender<Arc<Recorded>>>>>,
    /// Events up to this position were handed over. Changes only under the subscribers' lock.
    handed_over: watch::Sender<Position>,
    authors: Cache<SubmissionId, Login>,
    /// The submissions' states that subscribers share.
    pub folds: Folds,
}

#[async_trait]
impl Task for Hub {
    fn name(&self) -> &'static str {
        "live updates"
    }

    /// Follows the log until cancelled.
    async fn run(&self, reporter: &Reporter, cancelled: CancellationToken) -> Result<(), Fault> {
        let mut backoff = Backoff::new(RETRY_DELAY, RETRY_DELAY_MAX);
        while let Some(Err(error)) = cancelled.run_until_cancelled(self.follow(reporter)).await {
            reporter.retrying(error_chain(&error));
            tracing::warn!(
                alert = alert(&error),
                error = &error as &dyn std::error::Error,
                "following the log failed; retrying"
            );
            cancelled.run_until_cancelled(backoff.wait()).await;
        }
        // Dropping the senders ends every feed.
        self.lock().clear();
        Ok(())
    }
}

impl Hub {
    /// A hub that begins at the end of the log. It follows the log when run as a [`Task`].
    ///
    /// # Errors
    /// If the log does not respond.
    pub async fn new(log: Arc<dyn EventLog>) -> Result<Arc<Self>, ReadError> {
        let head = log.info().await?.head;
        let folds = Folds::new(Arc::clone(&log));
        Ok(Arc::new(Self {
            log,
            subscribers: Mutex::default(),
            handed_over: watch::Sender::new(head),
            authors: Cache::new(AUTHORS_MAX),
            folds,
        }))
    }

    async fn follow(&self, reporter: &Reporter) -> Result<(), ReadError> {
        let mut head = self.log.head();
        loop {
            head.mark_unchanged();
            loop {
                let position = *self.handed_over.borrow();
                let events = self.log.read_all(position, READ_LIMIT).await?;
                reporter.running();
                if events.is_empty() {
                    break;
                }
                for recorded in events {
                    self.deliver(Arc::new(recorded)).await?;
                }
            }
            // Poll also after a timeout, or when the channel is closed.
            let _ = tokio::time::timeout(POLL_INTERVAL, head.changed()).await;
        }
    }

    async fn deliver(&self, recorded: Arc<Recorded>) -> Result<(), ReadError> {
        let mut topics = match &recorded.stream {
            StreamId::Submission(id) => match self.author(*id, Some(&recorded)).await? {
                Some(author) => vec![Topic::Submission(*id), Topic::Author(author)],
                None => vec![Topic::Submission(*id)],
            },
            StreamId::Rejudge(_) | StreamId::Trial(_) => {
                of_rejudge(&recorded).map(Topic::Rejudge).into_iter().collect()
            }
            StreamId::Problem(_)
            | StreamId::Account(_)
            | StreamId::Webhook(_)
            | StreamId::Run(_) => vec![],
        };
        topics.push(Topic::Everything);
        let mut subscribers = self.lock();
        for topic in topics {
            if let Some(senders) = subscribers.get_mut(&topic) {
                // Drop subscribers that are full or gone; their feeds notice and read the log.
                senders.retain(|sender| sender.try_send(Arc::clone(&recorded)).is_ok());
                if senders.is_empty() {
                    subscribers.remove(&topic);
                }
            }
        }
        self.handed_over.send_replace(recorded.position);
        Ok(())
    }

    /// The submission's author, from its first event, which is read from the log at most once.
    async fn author(
        &self,
        id: SubmissionId,
        recorded: Option<&Recorded>,
    ) -> Result<Option<Login>, ReadError> {
        if let Some(author) = self.authors.get(&id).await {
            return Ok(Some(author));
        }
        let first = match recorded {
            Some(recorded) if recorded.version == Version(1) => Some(recorded.event.clone()),
            _ => {
                let stream = StreamId::Submission(id);
                let events = self.log.read_stream(&stream, Version(1), 1).await?;
                events.into_iter().next().map(|recorded| recorded.event)
            }
        };
        let Some(Event::SubmissionReceived(received)) = first else { return Ok(None) };
        self.authors.insert(id, received.author.clone()).await;
        Ok(Some(received.author))
    }

    /// Every event of the topic after a position, in order, once.
    pub fn feed(self: &Arc<Self>, topic: Topic, after: Position) -> Feed {
        Feed {
            hub: Arc::clone(self),
            topic,
            position: after,
            version: Version::NONE,
            live: None,
            read: vec![].into_iter(),
        }
    }

    /// Every event of a submission after one of its versions, in order, once.
    pub fn feed_of_submission(self: &Arc<Self>, id: SubmissionId, after: Version) -> Feed {
        Feed { version: after, ..self.feed(Topic::Submission(id), Position::START) }
    }

    /// Subscribes from now on. Returns the current position and the receiver.
    fn subscribe(&self, topic: &Topic) -> (Position, mpsc::Receiver<Arc<Recorded>>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let mut subscribers = self.lock();
        let senders = subscribers.entry(topic.clone()).or_default();
        senders.retain(|sender| !sender.is_closed());
        senders.push(sender);
        (*self.handed_over.borrow(), receiver)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Topic, Vec<mpsc::Sender<Arc<Recorded>>>>> {
        // A panic in another thread cannot leave the map half-changed.
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every event of a topic after a position, in order, once.
#[derive(Debug)]
pub struct Feed {
    hub: Arc<Hub>,
    topic: Topic,
    /// Events up to this position were yielded or are not of the topic. Unused for the topic of one
    /// submission.
    position: Position,
    /// The version of the last event that was yielded, for the topic of one submission.
    version: Version,
    live: Option<mpsc::Receiver<Arc<Recorded>>>,
    /// Events read from the log and not yet yielded.
    read: std::vec::IntoIter<Arc<Recorded>>,
}

impl Feed {
    /// Waits for the next event and returns it.
    pub async fn next(&mut self) -> Result<Arc<Recorded>, ReadError> {
        loop {
            if let Some(recorded) = self.read.next() {
                self.position = self.position.max(recorded.position);
                self.version = recorded.version;
                return Ok(recorded);
            }
            match &mut self.live {
                Some(live) => match live.recv().await {
                    Some(recorded) if self.has_yielded(&recorded) => {}
                    Some(recorded) => {
                        self.position = recorded.position;
                        self.version = recorded.version;
                        return Ok(recorded);
                    }
                    // Cut off for being slow, or the hub has stopped: read the log again.
                    None => self.live = None,
                },
                None => self.catch_up().await?,
            }
        }
    }

    /// Whether the event was yielded before. The hub may be behind what was read from the log.
    fn has_yielded(&self, recorded: &Recorded) -> bool {
        match self.topic {
            Topic::Submission(_) => recorded.version <= self.version,
            _ => recorded.position <= self.position,
        }
    }

    async fn catch_up(&mut self) -> Result<(), ReadError> {
        if let Topic::Submission(id) = self.topic {
            return self.catch_up_with(id).await;
        }
        // Reads page by page while far behind, so that memory is bounded.
        let handed_over = *self.hub.handed_over.borrow();
        let live = match handed_over.0.saturating_sub(self.position.0) > u64::from(READ_LIMIT) {
            true => None,
            false => Some(self.hub.subscribe(&self.topic)),
        };
        let until = live.as_ref().map_or(handed_over, |(now, _)| *now);
        let mut found = Vec::new();
        while self.position < until {
            let page = self.hub.log.read_all(self.position, READ_LIMIT).await?;
            let Some(last) = page.last() else { break };
            let reached = last.position;
            for recorded in page {
                if self.concerns(&recorded).await? {
                    found.push(Arc::new(recorded));
                }
            }
            self.position = reached;
            if live.is_none() {
                break;
            }
        }
        self.read = found.into_iter();
        self.live = live.map(|(_, live)| live);
        Ok(())
    }

    /// Reads the next page of a submission's stream, and subscribes once there is none.
    async fn catch_up_with(&mut self, id: SubmissionId) -> Result<(), ReadError> {
        let mut page = self.read_submission(id).await?;
        if page.is_empty() {
            // Subscribe before reading, so that no event is lost in between.
            let (_, live) = self.hub.subscribe(&self.topic);
            page = self.read_submission(id).await?;
            self.live = (page.len() < STREAM_PAGE as usize).then_some(live);
        }
        self.read = page.into_iter().map(Arc::new).collect::<Vec<_>>().into_iter();
        Ok(())
    }

    async fn read_submission(&self, id: SubmissionId) -> Result<Vec<Recorded>, ReadError> {
        self.hub.log.read_stream(&StreamId::Submission(id), self.version.next(), STREAM_PAGE).await
    }

    /// Whether an event is of the topic.
    async fn concerns(&self, recorded: &Recorded) -> Result<bool, ReadError> {
        Ok(match (&self.topic, &recorded.stream) {
            (Topic::Submission(id), StreamId::Submission(of)) => id == of,
            (Topic::Author(login), StreamId::Submission(id)) => {
                self.hub.author(*id, Some(recorded)).await?.as_ref() == Some(login)
            }
            (Topic::Rejudge(id), _) => of_rejudge(recorded) == Some(*id),
            (Topic::Everything, _) => true,
            _ => false,
        })
    }
}

/// The rejudge that an event belongs to. A trial's events count only if they end the trial.
fn of_rejudge(recorded: &Recorded) -> Option<RejudgeId> {
    let ends = matches!(recorded.event, Event::JudgingFinished(_) | Event::SubmissionAbandoned(_));
    match &recorded.stream {
        StreamId::Rejudge(id) => Some(*id),
        StreamId::Trial(trial) if ends => Some(trial.rejudge),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use domain::submission::{Submission, SubmissionCommand, SubmissionReceived};
    use domain::{Actor, Digest};
    use event_store::{Context, Stream};
    use tempfile::TempDir;
    use uuid::Uuid;

    use super::*;

    async fn execute(
        log: &dyn EventLog,
        stream: &mut Stream<Submission>,
        command: SubmissionCommand,
    ) -> Recorded {
        let context = Context::new(Actor::system());
        stream.execute(log, vec![command], &context, None, None).await.unwrap().remove(0)
    }

    /// What a feed has read from the log, the hub may hand over later.
    #[tokio::test]
    async fn a_hub_that_is_behind_repeats_nothing() {
        let folder = TempDir::new().unwrap();
        let address = format!("sqlite:{}", folder.path().join("log.db").display());
        let blobs = format!("file:{}", folder.path().join("blobs").display());
        let blobs = event_store::open_blobs(&blobs).await.unwrap();
        let (log, ..) = event_store::open_log(&address, blobs).await.unwrap();
        let hub = Hub::new(Arc::clone(&log)).await.unwrap();
        let id = Uuid::from_u128(7).into();
        let received = SubmissionCommand::Receive(SubmissionReceived {
            submission: id,
            author: "ada".parse().unwrap(),
            problem: "sum".parse().unwrap(),
            revision: 1,
            language: "cpp".parse().unwrap(),
            source: Digest::of(b""),
            source_bytes: 0,
        });
        let mut stream = Stream::new(StreamId::Submission(id));
        let first = execute(log.as_ref(), &mut stream, received).await;
        let mut feed = hub.feed_of_submission(id, first.version);
        while feed.live.is_none() {
            let waiting = tokio::time::timeout(Duration::from_millis(50), feed.next()).await;
            assert!(waiting.is_err(), "{waiting:?}");
        }
        hub.deliver(Arc::new(first)).await.unwrap();
        let begun = SubmissionCommand::StartJudging { evaluator: "e".to_owned(), tests: 1 };
        let second = execute(log.as_ref(), &mut stream, begun).await;
        hub.deliver(Arc::new(second.clone())).await.unwrap();
        assert_eq!(feed.next().await.unwrap().version, second.version);
    }
}
