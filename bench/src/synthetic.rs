//! A generated log and its views: accounts, problems, submissions, and rejudges that are applied
//! and reverted.

use std::sync::Arc;

use domain::checker::TokenOptions;
use domain::problem::{BlobRef, Checker, Limits, ProblemRevised, RevisionContent, Test};
use domain::rejudge::{Found, Member, RejudgeApplied, RejudgeCreated, RejudgeReverted, Selection};
use domain::submission::{
    Compiled, JudgingFinished, JudgingStarted, Provenance, SubmissionReceived, TestOutcome,
    TestsJudged, TrialStarted,
};
use domain::{
    Actor, Difficulty, Digest, Event, EventId, Metadata, NewEvent, Position, RejudgeId, StreamId,
    SubmissionId, TrialId, Verdict, Version,
};
use event_store::{AppendBatch, Appended, EventLog, append_surely};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use projector::Runtime;
use read_model::{Generation, Views};
use uuid::Uuid;

use super::failed;
use assay::Failure;

/// Number of concurrent appends, so that many are written together.
const AT_ONCE: usize = 256;
/// Events per submission.
const EVENTS_EACH: usize = 5;
/// Tests per problem.
const TESTS: u32 = 10;
/// Size of a statement, in bytes.
const STATEMENT_BYTES: usize = 2_000;
/// Number of submissions between two rejudges.
const SUBMISSIONS_PER_REJUDGE: usize = 4_096;
/// Submissions per rejudge.
const MEMBERS: usize = 128;

/// The size of the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) events: usize,
    pub(super) accounts: usize,
    pub(super) problems: usize,
}

impl Shape {
    /// The shape of a log with about this many events.
    pub(super) fn of(events: usize) -> Self {
        Self { events, accounts: 1_000, problems: 100 }
    }
}

/// A submission, and when it was received.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handed {
    pub(super) id: SubmissionId,
    pub(super) position: Position,
    pub(super) at: Timestamp,
}

/// The generated log's content.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) handed_in: Vec<Handed>,
    pub(super) head: Position,
    pub(super) until: Timestamp,
}

/// The account with this number.
pub(super) fn login(number: usize) -> String {
    format!("account-{number}")
}

/// The problem with this number.
pub(super) fn slug(number: usize) -> String {
    format!("problem-{number}")
}

/// Writes the log.
pub(super) async fn write(log: &dyn EventLog, shape: &Shape) -> Result<Written, Failure> {
    let accounts = (0..shape.accounts).map(account);
    all(log, accounts).await?;
    all(log, (0..shape.problems).map(problem)).await?;
    let submissions = shape.events.saturating_sub(shape.accounts + shape.problems) / EVENTS_EACH;
    let mut handed_in = Vec::new();
    let mut rejudged: Option<(RejudgeId, Vec<SubmissionId>)> = None;
    let mut first = 0;
    while first < submissions.max(1) {
        let last = submissions.max(1).min(first + SUBMISSIONS_PER_REJUDGE);
        let appended = all(log, (first..last).map(|number| submission(shape, number))).await?;
        let numbered = (first..last).zip(&appended);
        handed_in.extend(numbered.map(|(number, appended)| Handed {
            id: submission_id(number),
            position: appended.first,
            at: appended.recorded_at,
        }));
        // Each rejudge is applied, and reverted before the next one.
        if let Some((rejudge, members)) = rejudged.take() {
            append(log, revert(rejudge, members)).await?;
        }
        let id = RejudgeId::from(Uuid::from_u128(first as u128 + 1));
        let again: Vec<usize> = (first..last).take(MEMBERS).collect();
        append(log, create(id, &again)).await?;
        all(log, again.iter().map(|number| trial(shape, id, *number))).await?;
        append(log, apply(id, &again)).await?;
        rejudged = Some((id, again.into_iter().map(submission_id).collect()));
        first = last;
    }
    let info = log.info().await.map_err(failed)?;
    let newest = log.read_all(Position(info.head.0 - 1), 1).await.map_err(failed)?;
    let until = newest.first().map_or(Timestamp::UNIX_EPOCH, |recorded| recorded.recorded_at);
    Ok(Written { handed_in, head: info.head, until })
}

/// Projects the log, all projections concurrently.
pub(super) async fn project(
    log: &Arc<dyn EventLog>,
    views: &Views,
    head: Position,
) -> Result<(), Failure> {
    let runs = projector::all().into_iter().map(|projection| {
        let views = views.at(Generation::FIRST);
        let runtime = Runtime { log: Arc::clone(log), views, projection };
        tokio::spawn(async move {
            runtime.catch_up(head, |_| ()).await?;
            runtime.index().await
        })
    });
    for run in try_join_all(runs).await.map_err(failed)? {
        run.map_err(failed)?;
    }
    Ok(())
}

/// Appends these batches, many at a time. The results are in the same order.
async fn all(
    log: &dyn EventLog,
    batches: impl Iterator<Item = AppendBatch>,
) -> Result<Vec<Appended>, Failure> {
    let appends = batches.map(|batch| append(log, batch));
    futures::stream::iter(appends).buffered(AT_ONCE).try_collect().await
}

async fn append(log: &dyn EventLog, batch: AppendBatch) -> Result<Appended, Failure> {
    append_surely(log, &batch).await.map_err(failed)
}

fn batch(stream: StreamId, events: impl IntoIterator<Item = Event>) -> AppendBatch {
    let events = events.into_iter().map(|event| NewEvent {
        id: EventId(Uuid::now_v7()),
        event,
        metadata: Metadata::new(Actor::system(), Uuid::now_v7()),
    });
    let events = events.collect();
    AppendBatch { stream, expected: Version::NONE, events, enqueue: None, complete: None }
}

fn account(number: usize) -> AppendBatch {
    let login: domain::Login = login(number).parse().expect("a login");
    let registered =
        domain::account::AccountRegistered { login: login.clone(), subject: Uuid::now_v7() };
    batch(StreamId::Account(login), [registered.into()])
}

fn problem(number: usize) -> AppendBatch {
    let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
    let tests = (1..=TESTS).map(|test| Test::new(&format!("secret/{test}"), blob, blob));
    let content = RevisionContent {
        title: format!("Problem {number}"),
        difficulty: [Difficulty::Easy, Difficulty::Medium, Difficulty::Hard][number % 3],
        statement: "x".repeat(STATEMENT_BYTES),
        tests: tests.collect(),
        ..RevisionContent::default()
    };
    let digest = content.digest();
    let revised = ProblemRevised { revision: 1, digest, content, visibility: None };
    batch(StreamId::Problem(slug(number).parse().expect("a slug")), [revised.into()])
}

fn submission_id(number: usize) -> SubmissionId {
    Uuid::from_u128(number as u128 + 1).into()
}

/// Every account submits to every problem, in a mixed order.
fn received(shape: &Shape, number: usize) -> SubmissionReceived {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
    SubmissionReceived {
        submission: submission_id(number),
        author: login(mixed % shape.accounts).parse().expect("a login"),
        problem: slug(mixed / shape.accounts % shape.problems).parse().expect("a slug"),
        revision: 1,
        language: "cpp".parse().expect("a language"),
        source: Digest::of(b"int main() {}"),
        source_bytes: 13,
    }
}

fn submission(shape: &Shape, number: usize) -> AppendBatch {
    let received = received(shape, number);
    let verdict = if number % 5 < 2 { Verdict::Accepted } else { Verdict::WrongAnswer };
    let stream = StreamId::Submission(received.submission);
    batch(stream, [received.into()].into_iter().chain(judged(verdict)))
}

fn trial(shape: &Shape, rejudge: RejudgeId, number: usize) -> AppendBatch {
    let received = received(shape, number);
    let stream = StreamId::Trial(TrialId { rejudge, submission: received.submission });
    let started = TrialStarted { rejudge, submission: received };
    batch(stream, [started.into()].into_iter().chain(judged(found(number))))
}

/// The verdict of a rejudge; every other one changes.
fn found(number: usize) -> Verdict {
    if number.is_multiple_of(2) { Verdict::Accepted } else { Verdict::WrongAnswer }
}

fn judged(verdict: Verdict) -> [Event; EVENTS_EACH - 1] {
    let outcome = |number| TestOutcome {
        number,
        verdict: if number == TESTS { verdict } else { Verdict::Accepted },
        end: None,
        time_ms: 1,
        memory_kib: 1_024,
        score: None,
        feedback: None,
        shown: None,
    };
    let compiled =
        Compiled { attempt: 1, ok: true, log: String::new(), truncated: false, time_ms: 1 };
    [
        JudgingStarted { attempt: 1, evaluator: "bench".to_owned(), tests: TESTS }.into(),
        compiled.into(),
        TestsJudged { attempt: 1, outcomes: (1..=TESTS).map(outcome).collect() }.into(),
        JudgingFinished {
            attempt: 1,
            verdict,
            score: None,
            groups: vec![],
            time_ms: 1,
            memory_kib: 1_024,
            provenance: provenance(),
        }
        .into(),
    ]
}

fn provenance() -> Provenance {
    Provenance {
        assay: "bench".to_owned(),
        sandbox: "native".to_owned(),
        toolchain: "g++".to_owned(),
        language: Digest::of(b"cpp"),
        program: Digest::of(b"int main() {}"),
        revision: Digest::of(b""),
        limits: Limits::default(),
        checker: Checker::Tokens(TokenOptions::default()),
        problem_programs: vec![],
        memory_source: None,
    }
}

fn create(rejudge: RejudgeId, again: &[usize]) -> AppendBatch {
    let members =
        again.iter().map(|number| Member { submission: submission_id(*number), revision: 1 });
    let created = RejudgeCreated {
        rejudge,
        by: login(0).parse().expect("a login"),
        reason: "bench".to_owned(),
        selection: Selection::default(),
        members: members.collect(),
    };
    batch(StreamId::Rejudge(rejudge), [created.into()])
}

fn apply(id: RejudgeId, again: &[usize]) -> AppendBatch {
    let found = again
        .iter()
        .map(|number| Found { submission: submission_id(*number), verdict: found(*number) });
    let found = found.collect();
    let by = login(0).parse().expect("a login");
    let applied = RejudgeApplied { by, reason: None, found, failed: vec![] };
    let applied = batch(StreamId::Rejudge(id), [applied.into()]);
    AppendBatch { expected: Version(1), ..applied }
}

fn revert(id: RejudgeId, submissions: Vec<SubmissionId>) -> AppendBatch {
    let by = login(0).parse().expect("a login");
    let reverted = RejudgeReverted { by, reason: None, submissions };
    let reverted = batch(StreamId::Rejudge(id), [reverted.into()]);
    AppendBatch { expected: Version(2), ..reverted }
}
