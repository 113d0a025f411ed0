//! Submissions folded from the log, for all subscribers of this process.
//!
//! Subscribers to the same submission share its state: the first to need the state after an event
//! computes it, and the others get the same `Arc`.

use std::sync::Arc;
use std::time::Duration;

use domain::{Recorded, StreamId, SubmissionId, Version};
use event_store::{EventLog, ReadError};
use moka::future::Cache;
use read_model::views::SubmissionFold;

use crate::ApiError;

/// Maximum size of the events behind cached states, in bytes.
const STATES_BYTES_MAX: u64 = 64 << 20;
/// How long an unused state is cached.
const STATE_IDLE_MAX: Duration = Duration::from_secs(60);
/// Events of a submission read at once.
pub const STREAM_PAGE: u32 = 32;

/// Shared states of submissions.
#[derive(Debug)]
pub struct Folds {
    log: Arc<dyn EventLog>,
    /// The state after each event.
    states: Cache<(SubmissionId, Version), Arc<SubmissionFold>>,
    /// The latest known state of each submission.
    newest: Cache<SubmissionId, Arc<SubmissionFold>>,
}

impl Folds {
    /// No folds yet; they are read from this log.
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, states: bounded(), newest: bounded() }
    }

    /// The submission as of the end of its stream; `None` if there is no such submission.
    pub async fn newest(&self, id: SubmissionId) -> Result<Option<Arc<SubmissionFold>>, ApiError> {
        let known = match self.newest.try_get_with(id, self.fold(id)).await {
            Ok(known) => known,
            Err(error) => return Option::clone(&error).map_or(Ok(None), Err),
        };
        let version = known.last.version;
        let newest = self.read_on(known).await?;
        if newest.last.version > version {
            self.newest.insert(id, Arc::clone(&newest)).await;
        }
        Ok(Some(newest))
    }

    /// Folds the whole stream; fails with `None` if it is empty.
    async fn fold(&self, id: SubmissionId) -> Result<Arc<SubmissionFold>, Option<ApiError>> {
        let events = self.read(id, Version(1), 1).await.map_err(|error| Some(error.into()))?;
        let first = events.first().and_then(SubmissionFold::received).ok_or(None)?;
        Ok(self.read_on(Arc::new(first)).await?)
    }

    async fn read_on(
        &self,
        mut state: Arc<SubmissionFold>,
    ) -> Result<Arc<SubmissionFold>, ApiError> {
        let id = state.summary.id;
        loop {
            let page = self.read(id, state.last.version.next(), STREAM_PAGE).await?;
            for recorded in &page {
                state = self.after(&state, recorded).await;
            }
            if page.len() < STREAM_PAGE as usize {
                return Ok(state);
            }
        }
    }

    /// The state after an event, from the state before it.
    pub async fn after(
        &self,
        before: &Arc<SubmissionFold>,
        recorded: &Recorded,
    ) -> Arc<SubmissionFold> {
        let key = (before.summary.id, recorded.version);
        let state = self.states.get_with(key, async {
            let mut state = SubmissionFold::clone(before);
            state.evolve(recorded);
            Arc::new(state)
        });
        state.await
    }

    async fn read(
        &self,
        id: SubmissionId,
        from: Version,
        limit: u32,
    ) -> Result<Vec<Recorded>, ReadError> {
        self.log.read_stream(&StreamId::Submission(id), from, limit).await
    }
}

fn bounded<K: std::hash::Hash + Eq + Send + Sync + 'static>() -> Cache<K, Arc<SubmissionFold>> {
    Cache::builder()
        .max_capacity(STATES_BYTES_MAX)
        .weigher(|_, state: &Arc<SubmissionFold>| u32::try_from(state.bytes).unwrap_or(u32::MAX))
        .time_to_idle(STATE_IDLE_MAX)
        .build()
}

#[cfg(test)]
mod tests {
    use domain::submission::{
        Compiled, Submission, SubmissionCommand, SubmissionReceived, TestOutcome, TestsJudged,
    };
    use domain::{Actor, Digest, Verdict};
    use event_store::{Context, StoreUrls, Stream};
    use futures::future::join_all;
    use tempfile::TempDir;
    use uuid::Uuid;

    use super::*;
    use crate::Hub;

    const SUBSCRIBERS: usize = 1_000;
    const TESTS: u32 = 2_000;

    /// A submission with all its tests judged, without a verdict.
    async fn judged(log: &dyn EventLog) -> SubmissionId {
        let id = Uuid::from_u128(7).into();
        let received = SubmissionReceived {
            submission: id,
            author: "ada".parse().unwrap(),
            problem: "sum".parse().unwrap(),
            revision: 1,
            language: "cpp".parse().unwrap(),
            source: Digest::of(b""),
            source_bytes: 0,
        };
        let outcome = |number| TestOutcome {
            number,
            verdict: Verdict::Accepted,
            end: None,
            time_ms: 1,
            memory_kib: 1,
            score: None,
            feedback: None,
            shown: None,
        };
        let log_text = String::new();
        let compiled =
            Compiled { attempt: 1, ok: true, log: log_text, truncated: false, time_ms: 1 };
        let tests: Vec<u32> = (1..=TESTS).collect();
        let tests = tests.chunks(50).map(|numbers| {
            let outcomes = numbers.iter().copied().map(outcome).collect();
            SubmissionCommand::RecordTests(TestsJudged { attempt: 1, outcomes })
        });
        let begun = [
            SubmissionCommand::Receive(received),
            SubmissionCommand::StartJudging { evaluator: "e".to_owned(), tests: TESTS },
            SubmissionCommand::RecordCompile(compiled),
        ];
        let context = Context::new(Actor::system());
        let mut stream = Stream::<Submission>::new(StreamId::Submission(id));
        for command in begun.into_iter().chain(tests) {
            stream.execute(log, vec![command], &context, None, None).await.unwrap();
        }
        id
    }

    #[tokio::test]
    async fn subscribers_share_every_state_of_a_submission() {
        let directory = TempDir::new().unwrap();
        let urls = StoreUrls::embedded(directory.path());
        let log = event_store::open(&urls).await.unwrap().log;
        let id = judged(log.as_ref()).await;
        let hub = Hub::new(Arc::clone(&log)).await.unwrap();

        // Subscribers that begin with the newest state.
        let newest = join_all((0..SUBSCRIBERS).map(|_| hub.folds.newest(id))).await;
        let newest: Vec<_> = newest.into_iter().map(|state| state.unwrap().unwrap()).collect();
        assert_eq!(newest[0].summary.attempt.as_ref().unwrap().tests_done, TESTS);
        assert!(newest.iter().all(|state| Arc::ptr_eq(state, &newest[0])));

        // Subscribers that follow event by event from the beginning.
        let follow = async || {
            let mut feed = hub.feed_of_submission(id, Version::NONE);
            let first = feed.next().await.unwrap();
            let mut state = Arc::new(SubmissionFold::received(&first).unwrap());
            while state.last.version < newest[0].last.version {
                state = hub.folds.after(&state, &feed.next().await.unwrap()).await;
            }
            state
        };
        let followed = join_all((0..20).map(|_| follow())).await;
        assert!(followed.iter().all(|state| Arc::ptr_eq(state, &newest[0])));
        assert!(hub.folds.newest(Uuid::from_u128(8).into()).await.unwrap().is_none());
    }
}
