//! Every view can be rebuilt from the log: `assay replay` folds the whole log again and finds no
//! difference (INV-10), except those that the test made.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use domain::account::{Account, AccountCommand};
use domain::checker::TokenOptions;
use domain::grading::CustomGrades;
use domain::problem::{BlobRef, Checker, Limits, Problem, ProblemCommand, RevisionContent, Test};
use domain::submission::{
    Compiled, Provenance, Submission, SubmissionCommand, SubmissionReceived, TestOutcome,
    TestsJudged,
};
use domain::verdict::RunEnd;
use domain::{Actor, Aggregate, Checkpoint, Difficulty, Digest, Login, Slug, StreamId, Verdict};
use event_store::{Context, EventLog, Stream};
use futures::{StreamExt, stream};
use read_model::views::SubmissionView;
use read_model::{Change, Document, PageRequest, View};
use serde_json::{Value, json};
use tests::deployment::{Deployment, PROJECTOR, Stack};
use tests::waiting::until_true;
use uuid::Uuid;

const SUBMISSIONS: usize = 1_200;
const ACCOUNTS: usize = 20;
const PROBLEMS: usize = 10;
const TESTS: u32 = 4;
/// The number of submissions written concurrently.
const AT_ONCE: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_on_embedded_stores_is_identical() {
    replay(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_on_redis_and_mongodb_is_identical() {
    replay(Stack::Cluster).await;
}

async fn replay(stack: Stack) {
    let mut deployment = Deployment::stores_only(stack, &[]).await;
    let log = deployment.stores().await.log;
    write_setting(&log).await;
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    let began = Instant::now();
    stream::iter(0..SUBMISSIONS)
        .for_each_concurrent(AT_ONCE, |number| write_history(&log, number))
        .await;
    let head = log.info().await.unwrap().head.0;
    deployment.projected().await;
    let rate = head as f64 / began.elapsed().as_secs_f64();
    println!("{stack:?}: {head} events appended and projected live, {rate:.0} events/s");

    let report = report(&deployment, 0);
    assert_eq!(report["differences"], json!([]));
    assert_eq!(report["events"], head);
    assert!(report["documents"].as_u64().unwrap() > 2 * SUBMISSIONS as u64, "{report}");
    println!("{stack:?}: {report}");

    // The views as of half the log: they contain no later events, and the result is repeatable.
    let half = (head / 2).to_string();
    let halfway = ["replay", "--json", "--keep", "halfway", "--to", &half];
    let reports = [(); 2].map(|()| {
        let output = deployment.cli(&halfway);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    });
    assert_eq!(reports[0]["events"], head / 2);
    assert_eq!(reports[0]["documents"], reports[1]["documents"]);
    assert!(reports[0]["documents"].as_u64() < report["documents"].as_u64(), "{}", reports[0]);
    let beyond = deployment.cli(&["replay", "--keep", "halfway", "--to", &(head + 1).to_string()]);
    assert_eq!(beyond.status.code(), Some(2), "{beyond:?}");

    // A replay never overwrites the served views.
    let over = deployment.cli(&["replay", "--keep", "live"]);
    assert_eq!(over.status.code(), Some(2), "{over:?}");
    assert_eq!(self::report(&deployment, 0)["differences"], json!([]));

    let changed = tamper(&deployment).await;
    let found = self::report(&deployment, 1);
    let named: Vec<_> =
        found["differences"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(named.len(), changed.len(), "{named:?}");
    for key in changed {
        assert!(named.iter().any(|line| line.contains(&key)), "{key}: {named:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_interrupted_leaves_nothing() {
    let deployment = Deployment::stores_only(Stack::Embedded, &[]).await;
    let log = deployment.stores().await.log;
    write_setting(&log).await;
    stream::iter(0..SUBMISSIONS)
        .for_each_concurrent(AT_ONCE, |number| write_history(&log, number))
        .await;
    let mut command = deployment.command(&["replay"]);
    let mut replay = command.stderr(Stdio::piped()).spawn().expect("assay can be run");
    until_true("it has begun", async || tables(&deployment).contains("replay-")).await;
    let interrupt = ["-INT".to_owned(), replay.id().to_string()];
    assert!(Command::new("kill").args(interrupt).status().unwrap().success());
    assert_eq!(replay.wait().unwrap().code(), Some(1));
    let said = std::io::read_to_string(replay.stderr.unwrap()).unwrap();
    assert!(said.contains("interrupted"), "{said}");
    assert!(!tables(&deployment).contains("replay-"), "{}", tables(&deployment));
}

/// The names of the tables with views.
fn tables(deployment: &Deployment) -> String {
    let path = deployment.setting("stores.views").strip_prefix("sqlite:").unwrap();
    let list = "import sqlite3, sys
for (name,) in sqlite3.connect(sys.argv[1]).execute('SELECT name FROM sqlite_schema'):
    print(name)";
    let output = Command::new("python3").args(["-c", list, path]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `assay replay`, which must exit with this code.
fn report(deployment: &Deployment, code: i32) -> Value {
    let output = deployment.cli(&["replay", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn context() -> Context {
    Context::new(Actor::system())
}

fn login(number: usize) -> Login {
    format!("user-{}", number % ACCOUNTS).parse().unwrap()
}

fn slug(number: usize) -> Slug {
    format!("problem-{}", number % PROBLEMS).parse().unwrap()
}

/// Executes commands on a stream, in one append.
async fn execute<A: Aggregate>(
    log: &Arc<dyn EventLog>,
    stream: &mut Stream<A>,
    commands: Vec<A::Command>,
) {
    stream.execute(log.as_ref(), commands, &context(), None, None).await.unwrap();
}

/// Accounts and problems; some problems are revised.
pub(crate) async fn write_setting(log: &Arc<dyn EventLog>) {
    for number in 0..ACCOUNTS {
        let login = login(number);
        let mut account = Stream::<Account>::new(StreamId::Account(login.clone()));
        execute(
            log,
            &mut account,
            vec![AccountCommand::Register { login, subject: Uuid::new_v4() }],
        )
        .await;
    }
    for number in 0..PROBLEMS {
        let mut problem = Stream::<Problem>::new(StreamId::Problem(slug(number)));
        for revision in 0..=number % 2 {
            let content = content(number, revision);
            execute(log, &mut problem, vec![ProblemCommand::revise(content)]).await;
        }
    }
}

fn content(number: usize, revision: usize) -> RevisionContent {
    let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
    let tests = (1..=TESTS).map(|test| Test::new(&format!("secret/{test}"), blob, blob));
    RevisionContent {
        title: format!("Problem {number}, {revision}"),
        difficulty: [Difficulty::Easy, Difficulty::Medium, Difficulty::Hard][number % 3],
        tags: vec![format!("tag-{}", number % 4).parse().unwrap()],
        statement: "Add.".to_owned(),
        tests: tests.collect(),
        ..RevisionContent::default()
    }
}

/// The complete history of a submission, as an evaluator would write it. It is valid, because the
/// domain decides the events.
pub(crate) async fn write_history(log: &Arc<dyn EventLog>, number: usize) {
    let id = Uuid::new_v4().into();
    let mut submission = Stream::<Submission>::new(StreamId::Submission(id));
    let received = SubmissionReceived {
        submission: id,
        author: login(number),
        problem: slug(number),
        revision: 1,
        language: "python3".parse().unwrap(),
        source: Digest::of(number.to_string().as_bytes()),
        source_bytes: 10,
    };
    execute(log, &mut submission, vec![SubmissionCommand::Receive(received)]).await;
    // Every tenth evaluator is lost during the attempt.
    let attempts = if number.is_multiple_of(10) { 2 } else { 1 };
    for attempt in 1..=attempts {
        let start = SubmissionCommand::StartJudging {
            evaluator: format!("evaluator-{attempt}"),
            tests: TESTS,
        };
        let compiled = Compiled {
            attempt,
            ok: !number.is_multiple_of(7),
            // Long, so that projecting the log needs more than one commit.
            log: "a warning\n".repeat(400),
            truncated: false,
            time_ms: 12,
        };
        execute(log, &mut submission, vec![start]).await;
        execute(log, &mut submission, vec![SubmissionCommand::RecordCompile(compiled)]).await;
    }
    if !number.is_multiple_of(7) {
        for tests in [1..=2, 3..=TESTS] {
            let outcomes = tests.map(|test| outcome(number, test)).collect();
            let judged = TestsJudged { attempt: attempts, outcomes };
            execute(log, &mut submission, vec![SubmissionCommand::RecordTests(judged)]).await;
        }
    }
    // Some submissions are not finished.
    if !number.is_multiple_of(50) {
        let provenance = Box::new(provenance());
        let rubric = Box::new(content(number, 0).rubric());
        let graded = CustomGrades::new();
        let finish = SubmissionCommand::Finish { attempt: attempts, rubric, graded, provenance };
        execute(log, &mut submission, vec![finish]).await;
    }
}

fn outcome(number: usize, test: u32) -> TestOutcome {
    let verdict = match number % 3 {
        0 => Verdict::WrongAnswer,
        _ => Verdict::Accepted,
    };
    TestOutcome {
        number: test,
        verdict,
        end: Some(RunEnd::Exit { code: 0 }),
        time_ms: number as u64 % 100,
        memory_kib: 2_000 + u64::from(test),
        score: None,
        feedback: None,
        shown: None,
    }
}

fn provenance() -> Provenance {
    Provenance {
        assay: "0".to_owned(),
        sandbox: "none".to_owned(),
        toolchain: "none".to_owned(),
        language: Digest::of(b"language"),
        program: Digest::of(b"program"),
        revision: Digest::of(b"revision"),
        limits: Limits::default(),
        checker: Checker::Tokens(TokenOptions::default()),
        problem_programs: vec![],
        memory_source: None,
    }
}

/// Changes a document, removes one and adds one, without the projector. Returns their keys.
async fn tamper(deployment: &Deployment) -> Vec<String> {
    let views = deployment.views().await;
    let collection = SubmissionView::COLLECTION;
    let page = views.reader.page(&collection, &PageRequest::all(2)).await.unwrap();
    let [(changed, document), (removed, _)] = page.items.as_slice() else {
        panic!("two documents")
    };
    let (changed, removed) = (changed.key.clone(), removed.key.clone());
    let added = Uuid::new_v4().to_string();
    let mut other = document.clone();
    other["language"] = json!("cobol");
    let changes = vec![
        Change::Put { collection, key: changed.clone(), document: Document::of(&other) },
        Change::Delete { collection, key: removed.clone() },
        Change::Put { collection, key: added.clone(), document: Document::of(document) },
    ];
    let to = Checkpoint::start(Uuid::nil());
    views.writer.commit("tampering", None, &to, changes).await.unwrap();
    vec![changed, removed, added]
}
