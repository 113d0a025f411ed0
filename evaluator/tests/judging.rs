//! The real evaluator with real stores and cells: how the tests of one submission are run.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::grading::{Grading, OnFailure};
use domain::problem::{BlobRef, Problem, ReviseProblem, RevisionContent, Test};
use domain::rejudge::{Member, Rejudge, RejudgeCommand, RejudgeCreated, Selection};
use domain::submission::{Submission, SubmissionCommand, SubmissionReceived, TestOutcome};
use domain::{Actor, Digest, Event, Position, RejudgeId, Slug, StreamId, SubmissionId, Verdict};
use evaluator::{Config, Evaluator};
use event_store::{
    Ability, Context, Lane, StoreUrls, Stores, Stream, TakeRequest, WorkItem, WorkerId,
};
use sandbox::{
    Cell, CellSpec, Finding, Language, Languages, Sandbox, SandboxConfig, SandboxError, Toolchain,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const LANGUAGE: &str = "c";
const TESTS: u32 = 12;
/// More events than a test writes.
const EVENTS_MAX: u32 = 1_000;
/// How long to wait for a verdict.
const PATIENCE: Duration = Duration::from_secs(60);
/// Interval at which the queue is read, because removing work wakes nobody.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Sleeps a while, and prints the times at which it began and ended, by the machine's clock.
const SLEEPER: &str = r#"
#include <stdio.h>
#include <time.h>
#include <unistd.h>
static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
int main(void) {
    long long began = now();
    usleep(60000);
    printf("%lld %lld\n", began, now());
}
"#;
/// Echoes a number; its answers are wrong from 3 on.
const WRONG_FROM_3: &str = r#"
#include <stdio.h>
int main(void) {
    int n;
    if (scanf("%d", &n) != 1) return 1;
    printf("%d\n", n < 3 ? n : 0);
}
"#;

/// An evaluator with two slots, and a problem whose answers equal its inputs.
struct Judge {
    stores: Stores,
    cancelled: CancellationToken,
    running: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Judge {
    async fn start(on_failure: OnFailure) -> Self {
        let sandbox = sandbox::resolve(&SandboxConfig::default()).unwrap();
        Self::start_in(sandbox, on_failure).await
    }

    async fn start_in(sandbox: Arc<dyn Sandbox>, on_failure: OnFailure) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stores = event_store::open(&StoreUrls::embedded(folder.path())).await.unwrap();
        let cancelled = CancellationToken::new();
        let config = config("judge", Languages::builtin().all());
        let evaluator = evaluator(config, &stores, sandbox);
        let running = tokio::spawn(evaluator.run(cancelled.clone()));
        let judge = Self { stores, cancelled, running, _folder: folder };
        judge.import(on_failure).await;
        judge
    }

    /// Runs a second evaluator with these languages beside the first.
    async fn beside<T>(&self, languages: &[&str], meanwhile: impl Future<Output = T>) -> T {
        let all = Languages::builtin();
        let languages: Vec<_> =
            languages.iter().map(|id| Arc::clone(all.get(id).unwrap())).collect();
        self.beside_one(config("second", &languages), meanwhile).await
    }

    /// Runs an evaluator of this configuration beside the first.
    async fn beside_one<T>(&self, config: Config, meanwhile: impl Future<Output = T>) -> T {
        let sandbox = sandbox::resolve(&SandboxConfig::default()).unwrap();
        let cancelled = CancellationToken::new();
        let running = evaluator(config, &self.stores, sandbox).run(cancelled.clone());
        let (done, ()) = tokio::join!(
            async {
                let done = meanwhile.await;
                cancelled.cancel();
                done
            },
            running
        );
        done
    }

    async fn import(&self, on_failure: OnFailure) {
        let mut tests = Vec::new();
        for number in 1..=TESTS {
            let bytes = Bytes::from(format!("{number}\n"));
            let blob = BlobRef { digest: Digest::of(&bytes), bytes: bytes.len() as u64 };
            self.stores.blobs.put(bytes).await.unwrap();
            let name = format!("sample/{number}");
            tests.push(Test { sample: true, ..Test::new(&name, blob, blob) });
        }
        let content = RevisionContent {
            title: "Echo".to_owned(),
            tests,
            grading: Grading::pass_fail(on_failure),
            ..RevisionContent::default()
        };
        let mut stream = Stream::<Problem>::new(StreamId::Problem(slug()));
        let revise = vec![ReviseProblem { expected: None, content }];
        let context = Context::new(Actor::system());
        stream.execute(self.stores.log.as_ref(), revise, &context, None, None).await.unwrap();
    }

    /// The outcomes of a program's tests in the order they were recorded in, and its verdict.
    async fn judge(&self, source: &str) -> (Vec<TestOutcome>, Verdict) {
        let submission = SubmissionId::from(Uuid::now_v7());
        let received = SubmissionReceived {
            submission,
            author: "ada".parse().unwrap(),
            problem: slug(),
            revision: 1,
            language: LANGUAGE.parse().unwrap(),
            source: self.stores.blobs.put(source.to_owned().into()).await.unwrap(),
            source_bytes: source.len() as u64,
        };
        let id = StreamId::Submission(submission);
        let work = WorkItem { lane: Lane::Submit, stream: id.clone() };
        let receive = vec![SubmissionCommand::Receive(received)];
        let (log, context) = (self.stores.log.as_ref(), Context::new(Actor::system()));
        let mut stream = Stream::<Submission>::new(id.clone());
        stream.execute(log, receive, &context, Some(work), None).await.unwrap();
        tokio::time::timeout(PATIENCE, self.verdict(&id)).await.expect("a verdict comes")
    }

    /// Creates a rejudge of every submission.
    async fn rejudge(&self) -> Stream<Rejudge> {
        let log = self.stores.log.as_ref();
        let events = log.read_all(Position::START, EVENTS_MAX).await.unwrap();
        let members = events.into_iter().filter_map(|recorded| match recorded.event {
            Event::SubmissionReceived(received) => {
                Some(Member { submission: received.submission, revision: received.revision })
            }
            _ => None,
        });
        let id = RejudgeId::from(Uuid::now_v7());
        let created = RejudgeCreated {
            rejudge: id,
            by: "judy".parse().unwrap(),
            reason: "a test".to_owned(),
            selection: Selection { problem: Some(slug()), ..Selection::default() },
            members: members.collect(),
        };
        let stream = StreamId::Rejudge(id);
        let work = WorkItem { lane: Lane::Rejudge, stream: stream.clone() };
        let create = vec![RejudgeCommand::Create(Box::new(created))];
        let mut rejudge = Stream::<Rejudge>::new(stream);
        let context = Context::new(Actor::system());
        rejudge.execute(log, create, &context, Some(work), None).await.unwrap();
        rejudge
    }

    /// Waits until this number of trials is declined.
    async fn declined_trials(&self, number: usize) {
        let wait = async {
            while self.stores.queue.declined(Lane::Rejudge, None, 100).await.unwrap().len()
                != number
            {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the queue changes");
    }

    async fn verdict(&self, id: &StreamId) -> (Vec<TestOutcome>, Verdict) {
        let mut head = self.stores.log.head();
        loop {
            head.mark_unchanged();
            let log = self.stores.log.as_ref();
            let events = event_store::read_stream_whole(log, id).await.unwrap();
            let mut outcomes = Vec::new();
            for recorded in events {
                match recorded.event {
                    Event::TestsJudged(judged) => outcomes.extend(judged.outcomes),
                    Event::JudgingFinished(finished) => return (outcomes, finished.verdict),
                    Event::SubmissionAbandoned(abandoned) => panic!("{abandoned:?}"),
                    _ => {}
                }
            }
            head.changed().await.unwrap();
        }
    }

    /// Waits until this evaluator has begun an attempt.
    async fn begun(&self, name: &str) {
        let mut head = self.stores.log.head();
        loop {
            head.mark_unchanged();
            let events = self.stores.log.read_all(Position::START, EVENTS_MAX).await.unwrap();
            let by =
                |event: &Event| matches!(event, Event::JudgingStarted(it) if it.evaluator == name);
            if events.iter().any(|recorded| by(&recorded.event)) {
                return;
            }
            head.changed().await.unwrap();
        }
    }

    /// Ends the first evaluator. Others can go on.
    async fn end_first(&mut self) {
        self.cancelled.cancel();
        (&mut self.running).await.unwrap();
    }

    async fn stop(self) {
        self.cancelled.cancel();
        self.running.await.unwrap();
    }
}

fn config(name: &str, languages: &[Arc<Language>]) -> Config {
    Config {
        name: name.to_owned(),
        slots: 2,
        pin_cores: true,
        languages: languages.to_vec(),
        installed: languages.to_vec(),
        warm_up: false,
        lease: Duration::from_secs(30),
        deliveries_max: 1,
        drain: Duration::from_secs(20),
    }
}

fn evaluator(config: Config, stores: &Stores, sandbox: Arc<dyn Sandbox>) -> Evaluator {
    Evaluator::new(config, stores, sandbox, Arc::new(Languages::builtin()), None)
}

fn slug() -> Slug {
    "echo".parse().unwrap()
}

fn numbers(outcomes: &[TestOutcome]) -> Vec<u32> {
    outcomes.iter().map(|outcome| outcome.number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_run_side_by_side_where_all_of_them_run_and_are_reported_in_order() {
    let judge = Judge::start(OnFailure::Continue).await;
    let (outcomes, verdict) = judge.judge(SLEEPER).await;
    assert_eq!((numbers(&outcomes), verdict), ((1..=TESTS).collect(), Verdict::WrongAnswer));
    let spans: Vec<(u64, u64)> = outcomes
        .iter()
        .map(|outcome| {
            let printed = &outcome.shown.as_ref().unwrap().stdout;
            let (began, ended) = printed.trim().split_once(' ').unwrap();
            (began.parse().unwrap(), ended.parse().unwrap())
        })
        .collect();
    let overlap = spans
        .iter()
        .enumerate()
        .any(|(at, a)| spans[at + 1..].iter().any(|b| a.0.max(b.0) < a.1.min(b.1)));
    assert!(overlap, "no two tests ran at the same time: {spans:?}");
    judge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_beside_or_after_a_failure_that_ends_the_attempt() {
    let judge = Judge::start(OnFailure::Stop).await;
    let (outcomes, verdict) = judge.judge(WRONG_FROM_3).await;
    assert_eq!((numbers(&outcomes), verdict), (vec![1, 2, 3], Verdict::WrongAnswer));
    judge.stop().await;
}

/// A sandbox on a machine that has no room at first.
#[derive(Debug)]
struct Crowded {
    sandbox: Arc<dyn Sandbox>,
    refusals: AtomicU32,
}

#[async_trait]
impl Sandbox for Crowded {
    fn name(&self) -> &'static str {
        self.sandbox.name()
    }

    async fn prepare(&self, spec: &CellSpec) -> Result<Cell, SandboxError> {
        let less = |left: u32| left.checked_sub(1);
        if self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            let source = io::Error::from_raw_os_error(libc::EMFILE);
            return Err(SandboxError::Seal { step: "open a socket".to_owned(), source });
        }
        self.sandbox.prepare(spec).await
    }

    async fn prepare_beside(
        &self,
        spec: &CellSpec,
        other: &mut Cell,
    ) -> Result<Cell, SandboxError> {
        self.sandbox.prepare_beside(spec, other).await
    }

    async fn toolchains(
        &self,
        languages: &[Arc<Language>],
    ) -> Result<Vec<Result<Toolchain, SandboxError>>, SandboxError> {
        self.sandbox.toolchains(languages).await
    }

    async fn examine(&self) -> Vec<Finding> {
        self.sandbox.examine().await
    }

    async fn shutdown(&self) {
        self.sandbox.shutdown().await;
    }
}

/// The wait must not use up the submission's only try.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_room_waits() {
    let sandbox = sandbox::resolve(&SandboxConfig::default()).unwrap();
    let crowded = Arc::new(Crowded { sandbox, refusals: AtomicU32::new(3) });
    let judge = Judge::start_in(Arc::clone(&crowded) as Arc<dyn Sandbox>, OnFailure::Stop).await;
    let (outcomes, verdict) = judge.judge(WRONG_FROM_3).await;
    assert_eq!((numbers(&outcomes), verdict), (vec![1, 2, 3], Verdict::WrongAnswer));
    assert_eq!(crowded.refusals.load(Ordering::Relaxed), 0);
    judge.stop().await;
}

/// One that lacks the language must neither use up the submission's only try nor keep it.
#[tokio::test(flavor = "multi_thread")]
async fn work_is_left_to_an_evaluator_that_has_its_language() {
    let mut judge = Judge::start(OnFailure::Stop).await;
    judge.end_first().await;
    let announced = judge.stores.queue.announced().await.unwrap().unwrap();
    assert_eq!(announced.len(), 2 * Languages::builtin().all().len());
    let judged = judge.judge(WRONG_FROM_3);
    let lacking = judge.beside(&["python3"], async {
        let mut ready = judge.stores.queue.ready();
        let request = TakeRequest {
            worker: WorkerId("third".to_owned()),
            lanes: Lane::ALL.to_vec(),
            lease: PATIENCE,
            abilities: Arc::new([Ability::Judge("python3".parse().unwrap())].into()),
        };
        // Submitting wakes takers once, declining a second time.
        for _ in 0..2 {
            ready.changed().await.unwrap();
        }
        assert_eq!(judge.stores.queue.take(&request).await.unwrap(), None);
        judge.beside(&["python3", LANGUAGE], std::future::pending::<()>()).await;
    });
    let (outcomes, verdict) = tokio::select! {
        judged = judged => judged,
        () = lacking => unreachable!("it runs until the verdict"),
    };
    assert_eq!((numbers(&outcomes), verdict), (vec![1, 2, 3], Verdict::WrongAnswer));
}

/// No evaluator takes them, so none finds out when it takes them.
#[tokio::test(flavor = "multi_thread")]
async fn declined_trials_of_a_cancelled_rejudge_leave_the_queue() {
    let mut judge = Judge::start(OnFailure::Stop).await;
    judge.judge(WRONG_FROM_3).await;
    judge.end_first().await;
    let rejudge = judge.rejudge().await;
    judge.beside(&["python3"], judge.declined_trials(1)).await;
    // A rejudge that is not cancelled keeps its trials.
    let kept = judge.rejudge().await;
    judge.beside(&["python3"], judge.declined_trials(2)).await;

    let cancel = || RejudgeCommand::Cancel { by: "judy".parse().unwrap(), reason: None };
    let (log, context) = (judge.stores.log.as_ref(), Context::new(Actor::system()));
    Stream::<Rejudge>::change(log, rejudge.id, &context, cancel).await.unwrap();
    judge.beside(&["python3"], judge.declined_trials(1)).await;
    let left = judge.stores.queue.declined(Lane::Rejudge, None, 100).await.unwrap();
    let StreamId::Trial(trial) = &left[0].0.stream else { panic!("{left:?}") };
    assert_eq!(StreamId::Rejudge(trial.rejudge), kept.id);
}

/// It must not use up the submission's only try.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_uses_up_no_try() {
    let mut judge = Judge::start(OnFailure::Continue).await;
    judge.end_first().await;
    let languages = Languages::builtin();
    let restarts = async {
        for name in ["second", "third"] {
            let config = Config { drain: Duration::ZERO, ..config(name, languages.all()) };
            judge.beside_one(config, judge.begun(name)).await;
        }
        judge.beside_one(config("fourth", languages.all()), std::future::pending::<()>()).await;
    };
    let (outcomes, verdict) = tokio::select! {
        judged = judge.judge(SLEEPER) => judged,
        () = restarts => unreachable!("the last one runs until the verdict"),
    };
    assert_eq!((numbers(&outcomes), verdict), ((1..=TESTS).collect(), Verdict::WrongAnswer));
}
