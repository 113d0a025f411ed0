//! The real evaluator with real stores and cells: programs on inputs of their authors.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;
use std::time::Duration;

use crash_note::Note;
use domain::problem::{
    BlobRef, Checker, PackagedProgram, Problem, ProblemCommand, ProblemLanguage, ProgramFile,
    Protocol, ReferenceSolution, RevisionContent, Test, Validation, ValidationLimits,
};
use domain::run::{ReferenceRun, RunCase, RunEvent, RunProblem, RunRequest};
use domain::verdict::RunEnd;
use domain::{Actor, RunId, StreamId, Verdict, Version};
use evaluator::{Config, Evaluator};
use event_store::{
    Context, Creation, NewRun, RunBatch, StoreUrls, StoredRun, Stores, Stream, WorkerFacts,
};
use jiff::{SignedDuration, Timestamp};
use sandbox::{Languages, SandboxConfig};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long to wait for a run's end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Prints twice the number that it reads; crashes on 0, and never ends on 1.
const PROGRAM: &str = r#"
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    int n;
    if (scanf("%d", &n) != 1) return 3;
    if (n == 0) abort();
    for (volatile int i = 0; n == 1; ) i++;
    printf("%d\n", 2 * n);
    fprintf(stderr, "read %d\n", n);
}
"#;

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
    usleep(200000);
    printf("%lld %lld\n", began, now());
}
"#;

/// Stores, and no evaluator yet.
struct Judge {
    stores: Stores,
    folder: tempfile::TempDir,
}

impl Judge {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stores = event_store::open(&StoreUrls::embedded(folder.path())).await.unwrap();
        Self { stores, folder }
    }

    async fn ask(&self, language: &str, source: &str, inputs: &[&str]) -> RunId {
        self.create(None, language, source, inputs).await
    }

    /// Asks for a run of a C program with the limits of a problem.
    async fn ask_on(&self, slug: &str, source: &str, inputs: &[&str]) -> RunId {
        let problem = RunProblem { slug: slug.parse().unwrap(), revision: 1 };
        self.create(Some(problem), "c", source, inputs).await
    }

    async fn create(
        &self,
        problem: Option<RunProblem>,
        language: &str,
        source: &str,
        inputs: &[&str],
    ) -> RunId {
        let own = |input: &&str| RunCase::Own { input: (*input).to_owned() };
        let request = RunRequest {
            run: Uuid::now_v7().into(),
            author: "ada".parse().unwrap(),
            problem,
            language: language.parse().unwrap(),
            source: source.to_owned(),
            cases: inputs.iter().map(own).collect(),
        };
        let (id, requested_at) = (request.run, Timestamp::now());
        let expires_at = requested_at + SignedDuration::from_hours(1);
        let new = NewRun { request, requested_at, expires_at, open_max: 10 };
        assert_eq!(self.stores.runs.create(&new).await.unwrap(), Creation::Created);
        id
    }

    /// Creates a problem with one test and a reference solution in C.
    async fn revise(&self, slug: &str, reference: &str) {
        self.revise_with(slug, reference, |content, _| content).await;
    }

    /// The same, with changes to the content. They get a blob that no compiler accepts.
    async fn revise_with(
        &self,
        slug: &str,
        reference: &str,
        change: impl FnOnce(RevisionContent, BlobRef) -> RevisionContent,
    ) {
        let keep = async |text: &str| {
            let bytes = text.len() as u64;
            let digest = self.stores.blobs.put(text.to_owned().into()).await.unwrap();
            BlobRef { digest, bytes }
        };
        let test = Test::new("1", keep("1").await, keep("2").await);
        let source = keep(reference).await;
        let reference = ReferenceSolution { language: "c".parse().unwrap(), source };
        let content = RevisionContent {
            title: slug.to_owned(),
            tests: vec![test],
            reference: Some(reference),
            ..RevisionContent::default()
        };
        let content = change(content, keep("no program").await);
        let mut stream = Stream::<Problem>::new(StreamId::Problem(slug.parse().unwrap()));
        let revise = vec![ProblemCommand::revise(content)];
        let context = Context::new(Actor::system());
        stream.execute(self.stores.log.as_ref(), revise, &context, None, None).await.unwrap();
    }

    /// Runs an evaluator until this run has ended.
    async fn end(&self, id: RunId, evaluator: Evaluator) -> StoredRun {
        let cancelled = CancellationToken::new();
        let end = async {
            let mut changes = self.stores.runs.changes(id);
            loop {
                changes.mark_unchanged();
                let stored = self.read(id).await;
                if stored.state().is_final() {
                    cancelled.cancel();
                    return stored;
                }
                changes.changed().await.unwrap();
            }
        };
        let end = async { tokio::time::timeout(PATIENCE, end).await.expect("it ends") };
        tokio::join!(end, evaluator.run(cancelled.clone())).0
    }

    async fn read(&self, id: RunId) -> StoredRun {
        self.stores.runs.read(id, Timestamp::now()).await.unwrap().unwrap()
    }

    fn evaluator(&self, name: &str, slots: usize) -> Evaluator {
        let languages = Arc::new(Languages::builtin());
        let installed: Vec<_> =
            ["c", "cpp"].map(|id| Arc::clone(languages.get(id).unwrap())).into();
        let config = Config {
            name: name.to_owned(),
            slots,
            pin_cores: false,
            languages: installed.clone(),
            installed,
            warm_up: false,
            lease: Duration::from_secs(5),
            deliveries_max: 2,
            drain: Duration::from_secs(5),
            facts: WorkerFacts { name: name.to_owned(), ..WorkerFacts::default() },
        };
        let sandbox = sandbox::resolve(&SandboxConfig::default()).unwrap();
        Evaluator::new(config, &self.stores, sandbox, languages, None)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_input_has_its_own_result() {
    let judge = Judge::new().await;
    let id = judge.ask("c", PROGRAM, &["21", "0", "1", "x", "4"]).await;
    let ended = judge.end(id, judge.evaluator("one", 1)).await.state();
    assert!(ended.compiled.unwrap().ok);
    let results: Vec<_> = ended
        .outcomes
        .iter()
        .map(|outcome| (outcome.verdict, outcome.end, outcome.shown.stdout.as_str()))
        .collect();
    let failed = Some(Verdict::RuntimeError);
    assert_eq!(
        results,
        [
            (None, Some(RunEnd::Exit { code: 0 }), "42\n"),
            (failed, Some(RunEnd::Signal { signal: 6 }), ""),
            (Some(Verdict::TimeLimitExceeded), Some(RunEnd::CpuClock), ""),
            (failed, Some(RunEnd::Exit { code: 3 }), ""),
            (None, Some(RunEnd::Exit { code: 0 }), "8\n"),
        ]
    );
    assert_eq!(ended.outcomes[0].shown.stderr, "read 21\n");
    let waiting = judge.stores.queue.stats().await.unwrap();
    assert!(waiting.iter().all(|lane| lane.waiting + lane.in_flight == 0), "{waiting:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_solution_answers_own_inputs() {
    let judge = Judge::new().await;
    judge.revise("double", PROGRAM).await;
    let wrong_for_8 = PROGRAM.replace("2 * n", "n == 8 ? 17 : 2 * n").replace("n == 0", "n == 9");
    let id = judge.ask_on("double", &wrong_for_8, &["21", "8", "0", "9"]).await;
    let ended = judge.end(id, judge.evaluator("one", 1)).await.state();
    let results: Vec<_> = ended
        .outcomes
        .into_iter()
        .map(|outcome| (outcome.verdict, outcome.shown.stdout, outcome.reference))
        .collect();
    let answered =
        |answer: &str| Some(ReferenceRun::Answered { answer: answer.to_owned(), truncated: false });
    let failed = Some(ReferenceRun::Failed { verdict: Verdict::RuntimeError });
    assert_eq!(
        results,
        [
            (Some(Verdict::Accepted), "42\n".to_owned(), answered("42\n")),
            (Some(Verdict::WrongAnswer), "17\n".to_owned(), answered("16\n")),
            (None, "0\n".to_owned(), failed),
            (Some(Verdict::RuntimeError), String::new(), answered("18\n")),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_problem_do_not_stop_own_inputs() {
    let judge = Judge::new().await;
    judge.revise("broken", "int main( {").await;
    judge
        .revise_with("unaccepted", PROGRAM, |content, _| {
            let languages = vec![ProblemLanguage::without_code("c".parse().unwrap())];
            let in_cpp = |it| ReferenceSolution { language: "cpp".parse().unwrap(), ..it };
            let reference = content.reference.map(in_cpp);
            RevisionContent { languages, reference, ..content }
        })
        .await;
    judge
        .revise_with("unchecked", PROGRAM, |content, source| {
            let file =
                ProgramFile { path: "check.c".to_owned(), content: source, executable: false };
            let program = PackagedProgram {
                name: "check".to_owned(),
                language: Some("c".parse().unwrap()),
                files: vec![file],
            };
            let checker = Checker::Programs(Validation {
                programs: vec![program],
                protocol: Protocol::Kattis,
                interactive: false,
                passes: 1,
                limits: ValidationLimits::default(),
            });
            RevisionContent { checker, ..content }
        })
        .await;
    for slug in ["broken", "unaccepted", "unchecked"] {
        let id = judge.ask_on(slug, PROGRAM, &["21"]).await;
        let ended = judge.end(id, judge.evaluator(slug, 1)).await.state();
        let outcome = &ended.outcomes[0];
        assert_eq!(outcome.reference, None, "{slug}");
        assert_eq!((outcome.verdict, outcome.shown.stdout.as_str()), (None, "42\n"), "{slug}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_compile_does_not_run() {
    let judge = Judge::new().await;
    let id = judge.ask("c", "int main( {", &["1", "2"]).await;
    let ended = judge.end(id, judge.evaluator("one", 1)).await.state();
    let compiled = ended.compiled.unwrap();
    assert!(!compiled.ok && compiled.log.contains("error"), "{compiled:?}");
    assert!(ended.outcomes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_given_up_after_failed_attempts() {
    let judge = Judge::new().await;
    let id = judge.ask("c", PROGRAM, &["2"]).await;
    for attempt in 1..=2 {
        let name = format!("crashed-{attempt}");
        let started = RunEvent::Started { attempt, evaluator: name.clone() };
        let batch = RunBatch {
            id: Uuid::new_v4(),
            run: id,
            author: "ada".parse().unwrap(),
            expected: Version(2 * u64::from(attempt - 1)),
            events: vec![started],
            complete: None,
        };
        judge.stores.runs.append(&batch).await.unwrap();
        let failed = RunEvent::AttemptFailed { detail: Some("no room".to_owned()) };
        let expected = batch.expected.next();
        let batch = RunBatch { id: Uuid::new_v4(), expected, events: vec![failed], ..batch };
        judge.stores.runs.append(&batch).await.unwrap();
    }
    let ended = judge.end(id, judge.evaluator("one", 1)).await;
    let last = ended.events.last().unwrap().1.clone();
    assert_eq!(last, RunEvent::Abandoned { detail: "no room".to_owned() });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_crashed_its_evaluator_is_a_failure_and_the_next_one_counts() {
    let judge = Judge::new().await;
    let id = judge.ask("c", PROGRAM, &["2"]).await;
    let started = RunEvent::Started { attempt: 1, evaluator: "crashed".to_owned() };
    let batch = RunBatch {
        id: Uuid::new_v4(),
        run: id,
        author: "ada".parse().unwrap(),
        expected: Version::NONE,
        events: vec![started],
        complete: None,
    };
    judge.stores.runs.append(&batch).await.unwrap();
    let notes = judge.folder.path().join("notes");
    std::fs::create_dir(&notes).unwrap();
    let note = Note::create(&notes, "one").unwrap();
    let crashed = format!("crashed\ncrashed\n{:127}\n", format!("run:{id}"));
    std::fs::write(notes.join("crashed.judging"), crashed).unwrap();
    let left = crash_note::left_behind(&notes).unwrap();
    assert_eq!(left.len(), 1);
    let evaluator = judge.evaluator("one", 1).with_notes(note, left);
    let ended = judge.end(id, evaluator).await.state();
    assert_eq!((ended.failures, ended.attempts), (1, 2));
    assert_eq!(ended.outcomes[0].shown.stdout, "4\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_leave_a_slot_to_submissions() {
    let judge = Judge::new().await;
    let (one, other) = (judge.ask("c", SLEEPER, &[""]).await, judge.ask("c", SLEEPER, &[""]).await);
    // The second run is taken after the first, so that both have ended then.
    judge.end(other, judge.evaluator("one", 2)).await;
    let mut times = Vec::new();
    for id in [one, other] {
        let state = judge.read(id).await.state();
        let printed = state.outcomes[0].shown.stdout.clone();
        let numbers: Vec<u64> = printed.split_whitespace().map(|it| it.parse().unwrap()).collect();
        times.push((numbers[0], numbers[1]));
    }
    assert!(times[0].1 <= times[1].0, "one of two slots stays free: {times:?}");
}
