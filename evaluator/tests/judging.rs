//! The real evaluator with real stores and cells: how the tests of one submission are run.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use crash_note::Note;
use domain::grading::{Grading, OnFailure};
use domain::problem::{BlobRef, Problem, ProblemCommand, RevisionContent, Test};
use domain::rejudge::{Member, Rejudge, RejudgeCommand, RejudgeCreated, Selection};
use domain::submission::{
    AbandonReason, AttemptAbandoned, Submission, SubmissionCommand, SubmissionReceived, TestOutcome,
};
use domain::{Actor, Digest, Event, Position, RejudgeId, Slug, StreamId, SubmissionId, Verdict};
use evaluator::{Config, Evaluator};
use event_store::{
    Ability, Context, Lane, StoreUrls, Stores, Stream, TakeRequest, WorkItem, WorkerFacts, WorkerId,
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
        let revise = vec![ProblemCommand::revise(content)];
        let context = Context::new(Actor::system());
        stream.execute(self.stores.log.as_ref(), revise, &context, None, None).await.unwrap();
    }

    /// The outcomes of a program's tests in the order they were recorded in, and its verdict.
    async fn judge(&self, source: &str) -> (Vec<TestOutcome>, Verdict) {
        let id = self.submit(source).await;
        tokio::time::timeout(PATIENCE, self.verdict(&id)).await.expect("a verdict comes")
    }

    async fn submit(&self, source: &str) -> StreamId {
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
        let work = WorkItem { lane: Lane::Submit, stream: id.clone(), account: None };
        let receive = vec![SubmissionCommand::Receive(received)];
        let (log, context) = (self.stores.log.as_ref(), Context::new(Actor::system()));
        let mut stream = Stream::<Submission>::new(id.clone());
        stream.execute(log, receive, &context, Some(work), None).await.unwrap();
        id
    }

    /// Takes the only work under this name, begins an attempt, and is lost. The work can be taken
    /// again at once.
    async fn take_and_vanish(&self, name: &str) {
        let request = TakeRequest {
            worker: WorkerId(name.to_owned()),
            lanes: vec![Lane::Submit],
            lease: Duration::ZERO,
            abilities: Arc::new([Ability::Judge(LANGUAGE.parse().unwrap())].into()),
        };
        let take = async {
            loop {
                if let Some(work) = self.stores.queue.take(&request).await.unwrap() {
                    return work;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let work = tokio::time::timeout(PATIENCE, take).await.expect("the lease has expired");
        let start = || SubmissionCommand::StartJudging { evaluator: name.to_owned(), tests: TESTS };
        self.change(&work.item.stream, start).await;
    }

    async fn change(&self, id: &StreamId, command: impl Fn() -> SubmissionCommand) {
        let log = self.stores.log.as_ref();
        let events = event_store::read_stream_whole(log, id).await.unwrap();
        let mut stream = Stream::<Submission>::fold(id.clone(), &events);
        let context = Context::new(Actor::system());
        stream.execute(log, vec![command()], &context, None, None).await.unwrap();
    }

    /// The event that ends the submission, with or without a verdict, and the reasons of the
    /// attempts that were abandoned before.
    async fn end(&self, id: &StreamId) -> (Event, Vec<AbandonReason>) {
        let mut head = self.stores.log.head();
        let end = async {
            loop {
                head.mark_unchanged();
                let log = self.stores.log.as_ref();
                let events = event_store::read_stream_whole(log, id).await.unwrap();
                let last = events.last().unwrap().event.clone();
                if matches!(last, Event::JudgingFinished(_) | Event::SubmissionAbandoned(_)) {
                    let abandoned =
                        events.into_iter().filter_map(|recorded| match recorded.event {
                            Event::AttemptAbandoned(abandoned) => Some(abandoned.reason),
                            _ => None,
                        });
                    return (last, abandoned.collect());
                }
                head.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, end).await.expect("it ends")
    }

    /// The end of a submission that an evaluator of this configuration judges, with the notes that
    /// others left in this folder.
    async fn end_after(
        &self,
        id: &StreamId,
        notes: &Path,
        config: Config,
    ) -> (Event, Vec<AbandonReason>) {
        let sandbox = sandbox::resolve(&SandboxConfig::default()).unwrap();
        let cancelled = CancellationToken::new();
        let note = Note::create(notes, &config.name).unwrap();
        let left = crash_note::left_behind(notes).unwrap();
        let running = evaluator(config, &self.stores, sandbox).with_notes(note, left);
        let (end, ()) = tokio::join!(
            async {
                let end = self.end(id).await;
                cancelled.cancel();
                end
            },
            running.run(cancelled.clone())
        );
        end
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
        let work = WorkItem { lane: Lane::Rejudge, stream: stream.clone(), account: None };
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
        facts: WorkerFacts { name: name.to_owned(), ..WorkerFacts::default() },
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

/// A sandbox that refuses cells at first.
#[derive(Debug)]
struct Refusing {
    sandbox: Arc<dyn Sandbox>,
    refusals: AtomicU32,
    refuse: fn() -> SandboxError,
}

#[async_trait]
impl Sandbox for Refusing {
    fn name(&self) -> &'static str {
        self.sandbox.name()
    }

    async fn prepare(&self, spec: &CellSpec) -> Result<Cell, SandboxError> {
        let less = |left: u32| left.checked_sub(1);
        if self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return Err((self.refuse)());
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
    let refuse = || SandboxError::Seal {
        step: "open a socket".to_owned(),
        source: io::Error::from_raw_os_error(libc::EMFILE),
    };
    let crowded = Arc::new(Refusing { sandbox, refusals: AtomicU32::new(3), refuse });
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
    let StreamId::Trial(trial) = &left[0].item.stream else { panic!("{left:?}") };
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

/// An evaluator that crashed, with the note that it left. `mark` is the first line of the note.
fn leave_note(folder: &Path, mark: &str, name: &str, submission: &StreamId) {
    let note = format!("{mark}\n{name}\n{:127}\n{submission:127}\n", "");
    std::fs::write(folder.join(format!("{name}.judging")), note).unwrap();
}

fn failed(detail: &str) -> AbandonReason {
    AbandonReason::Failed { detail: detail.to_owned() }
}

const CRASHED: &str = "the evaluator crashed while judging it";

#[tokio::test(flavor = "multi_thread")]
async fn lost_evaluators_use_up_no_try() {
    let mut judge = Judge::start(OnFailure::Stop).await;
    judge.end_first().await;
    let (id, notes) = (judge.submit(WRONG_FROM_3).await, tempfile::tempdir().unwrap());
    for number in 0..20 {
        let name = format!("lost-{number}");
        judge.take_and_vanish(&name).await;
        leave_note(notes.path(), "running", &name, &id);
    }
    let languages = Languages::builtin();
    let config = config("last", languages.all());
    let (end, abandoned) = judge.end_after(&id, notes.path(), config).await;
    let Event::JudgingFinished(finished) = end else { panic!("{end:?}") };
    assert_eq!(finished.verdict, Verdict::WrongAnswer);
    assert_eq!(abandoned, vec![AbandonReason::Superseded; 20]);
    assert_eq!(std::fs::read_dir(notes.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_that_crashes_its_evaluators_is_given_up() {
    let mut judge = Judge::start(OnFailure::Stop).await;
    judge.end_first().await;
    let (id, notes) = (judge.submit(WRONG_FROM_3).await, tempfile::tempdir().unwrap());
    judge.take_and_vanish("killed").await;
    judge.take_and_vanish("failed").await;
    let reason = failed("no disk");
    let fail = || AttemptAbandoned { attempt: 2, reason: reason.clone() };
    judge.change(&id, || SubmissionCommand::AbandonAttempt(fail())).await;
    judge.take_and_vanish("crashed").await;
    leave_note(notes.path(), "crashed", "crashed", &id);
    let languages = Languages::builtin();
    let config = Config { deliveries_max: 2, ..config("last", languages.all()) };
    let (end, abandoned) = judge.end_after(&id, notes.path(), config).await;
    let Event::SubmissionAbandoned(end) = end else { panic!("{end:?}") };
    assert_eq!((end.deliveries, end.detail.as_str()), (3, CRASHED));
    assert_eq!(abandoned, [AbandonReason::Superseded, reason, failed(CRASHED)]);
    assert_eq!(std::fs::read_dir(notes.path()).unwrap().count(), 0);
}

/// Another evaluator has taken over, or the submission has its verdict.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_counts_only_while_the_attempt_is_in_progress() {
    let mut judge = Judge::start(OnFailure::Stop).await;
    let judged = judge.submit(WRONG_FROM_3).await;
    judge.end(&judged).await;
    judge.end_first().await;
    let (id, notes) = (judge.submit(WRONG_FROM_3).await, tempfile::tempdir().unwrap());
    judge.take_and_vanish("crashed").await;
    judge.take_and_vanish("second").await;
    leave_note(notes.path(), "crashed", "crashed", &id);
    leave_note(notes.path(), "crashed", "judge", &judged);
    let languages = Languages::builtin();
    let (end, abandoned) =
        judge.end_after(&id, notes.path(), config("last", languages.all())).await;
    assert!(matches!(end, Event::JudgingFinished(_)), "{end:?}");
    assert_eq!(abandoned, [AbandonReason::Superseded, AbandonReason::Superseded]);
    assert!(matches!(judge.end(&judged).await.0, Event::JudgingFinished(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_delivered_forever() {
    let mut judge = Judge::start(OnFailure::Stop).await;
    judge.end_first().await;
    let (id, notes) = (judge.submit(WRONG_FROM_3).await, tempfile::tempdir().unwrap());
    for number in 0..100 {
        judge.take_and_vanish(&format!("lost-{number}")).await;
    }
    let languages = Languages::builtin();
    let (end, _) = judge.end_after(&id, notes.path(), config("last", languages.all())).await;
    let Event::SubmissionAbandoned(end) = end else { panic!("{end:?}") };
    let detail = "every evaluator that took it was lost";
    assert_eq!((end.deliveries, end.detail.as_str()), (100, detail));
}

/// It used to leave the work to the next evaluator without a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_uses_up_a_try() {
    let sandbox = sandbox::resolve(&SandboxConfig::default()).unwrap();
    let refuse = || panic!("a bug");
    let panicking = Arc::new(Refusing { sandbox, refusals: AtomicU32::new(1), refuse });
    let judge = Judge::start_in(panicking, OnFailure::Stop).await;
    let id = judge.submit(WRONG_FROM_3).await;
    let (end, abandoned) = judge.end(&id).await;
    let Event::SubmissionAbandoned(end) = end else { panic!("{end:?}") };
    let detail = "the evaluator panicked while judging it";
    assert_eq!((end.deliveries, end.detail.as_str()), (1, detail));
    assert_eq!(abandoned, [failed(detail)]);
    judge.stop().await;
}
