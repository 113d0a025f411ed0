use domain::checker::TokenOptions;
use domain::problem::{BlobRef, Checker, Limits, ProblemRevised, RevisionContent, Test};
use domain::submission::{
    AbandonReason, AttemptAbandoned, Compiled, JudgingFinished, JudgingStarted, Provenance,
    SubmissionAbandoned, SubmissionReceived, TestOutcome, TestsJudged,
};
use domain::{
    Actor, Digest, Event, EventId, Metadata, Position, Recorded, StreamId, SubmissionId, Verdict,
    Version,
};
use jiff::Timestamp;
use read_model::View;
use read_model::views::{
    ProblemView, SolvedStatus, SolvedView, SubmissionState, SubmissionView, TagView,
};
use uuid::Uuid;

use super::all;
use crate::Workspace;

/// A log in memory, projected by every projection as it grows.
struct Story {
    views: Workspace,
    position: u64,
}

impl Story {
    fn new() -> Self {
        Self { views: Workspace::new(true), position: 0 }
    }

    fn tell(&mut self, stream: StreamId, event: impl Into<Event>) {
        self.position += 1;
        let recorded = Recorded {
            position: Position(self.position),
            stream,
            version: Version(1),
            recorded_at: Timestamp::from_second(self.position as i64).unwrap(),
            id: EventId(Uuid::from_u128(self.position.into())),
            metadata: Metadata {
                actor: Actor::system(),
                correlation: Uuid::nil(),
                causation: None,
                traceparent: None,
            },
            event: event.into(),
            body: "".into(),
        };
        for projection in all() {
            projection.apply(&recorded, &mut self.views).unwrap();
            self.views.keep();
        }
    }

    fn revise(&mut self, slug: &str, revision: u32, tags: &[&str]) {
        let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
        let content = RevisionContent {
            title: "A + B".to_owned(),
            tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
            tests: vec![Test::new("secret/1", blob, blob)],
            ..RevisionContent::default()
        };
        let revised = ProblemRevised { revision, digest: content.digest(), content };
        self.tell(StreamId::Problem(slug.parse().unwrap()), revised);
    }

    fn receive(&mut self, id: u128, author: &str, problem: &str) {
        let received = SubmissionReceived {
            submission: submission(id),
            author: author.parse().unwrap(),
            problem: problem.parse().unwrap(),
            revision: 1,
            language: "cpp".parse().unwrap(),
            source: Digest::of(b""),
            source_bytes: 0,
        };
        self.tell(StreamId::Submission(submission(id)), received);
    }

    fn finish(&mut self, id: u128, verdict: Verdict) {
        let finished = JudgingFinished {
            attempt: 1,
            verdict,
            score: None,
            groups: vec![],
            time_ms: 1,
            memory_kib: 1,
            provenance: Provenance {
                assay: String::new(),
                sandbox: String::new(),
                toolchain: String::new(),
                language: Digest::of(b""),
                program: Digest::of(b""),
                revision: Digest::of(b""),
                limits: Limits::default(),
                checker: Checker::Tokens(TokenOptions::default()),
                referees: vec![],
                memory_source: None,
            },
        };
        self.tell(StreamId::Submission(submission(id)), finished);
    }

    fn get<V: View>(&self, key: &str) -> Option<V> {
        self.views.get(key).unwrap()
    }

    fn counters(&self, slug: &str) -> (i64, i64, i64, i64) {
        let problem: ProblemView = self.get(slug).unwrap();
        (problem.submissions, problem.accepted, problem.solvers, problem.acceptance_ppm)
    }
}

fn submission(id: u128) -> SubmissionId {
    Uuid::from_u128(id).into()
}

#[test]
fn problems_are_numbered_in_the_order_of_their_making() {
    let mut story = Story::new();
    story.revise("b", 1, &[]);
    story.revise("a", 1, &[]);
    story.revise("b", 2, &[]);
    let number = |slug: &str| story.get::<ProblemView>(slug).unwrap().number;
    assert_eq!((number("b"), number("a")), (1, 2));
    assert_eq!(story.get::<ProblemView>("b").unwrap().revision, 2);
}

#[test]
fn tags_follow_the_newest_revisions() {
    let mut story = Story::new();
    story.revise("a", 1, &["math", "greedy"]);
    story.revise("b", 1, &["math"]);
    story.revise("a", 2, &["graphs"]);
    let count = |tag: &str| story.get::<TagView>(tag).map(|tag| tag.problems);
    assert_eq!((count("math"), count("greedy"), count("graphs")), (Some(1), None, Some(1)));
}

#[test]
fn a_second_acceptance_is_no_second_solver() {
    let mut story = Story::new();
    story.revise("a", 1, &[]);
    for (id, verdict) in [(1, Verdict::WrongAnswer), (2, Verdict::Accepted), (3, Verdict::Accepted)]
    {
        story.receive(id, "ada", "a");
        story.finish(id, verdict);
    }
    story.receive(4, "bob", "a");
    assert_eq!(story.counters("a"), (4, 2, 1, 500_000));
    assert_eq!(story.get::<SolvedView>("ada/a").unwrap().status, SolvedStatus::Solved);
    assert_eq!(story.get::<SolvedView>("bob/a").unwrap().status, SolvedStatus::Attempted);
}

#[test]
fn a_later_verdict_counts_in_the_place_of_the_earlier() {
    let mut story = Story::new();
    story.revise("a", 1, &[]);
    story.receive(1, "ada", "a");
    story.finish(1, Verdict::Accepted);
    assert_eq!(story.counters("a"), (1, 1, 1, 1_000_000));
    story.finish(1, Verdict::WrongAnswer);
    assert_eq!(story.counters("a"), (1, 0, 0, 0));
    assert_eq!(story.get::<SolvedView>("ada/a").unwrap().solved_at, None);
}

#[test]
fn a_submission_keeps_every_attempt() {
    let mut story = Story::new();
    story.receive(1, "ada", "a");
    let stream = || StreamId::Submission(submission(1));
    let started = |attempt| JudgingStarted { attempt, evaluator: format!("e{attempt}"), tests: 1 };
    let state = |story: &Story| story.get::<SubmissionView>(&submission(1).to_string()).unwrap();
    assert_eq!(state(&story).state, SubmissionState::Queued);
    story.tell(stream(), started(1));
    assert_eq!(state(&story).state, SubmissionState::Compiling);
    story.tell(stream(), AttemptAbandoned { attempt: 1, reason: AbandonReason::Superseded });
    story.tell(stream(), started(2));
    let log = String::new();
    story.tell(stream(), Compiled { attempt: 2, ok: true, log, truncated: false, time_ms: 1 });
    assert_eq!(state(&story).state, SubmissionState::Running);
    let outcome = TestOutcome {
        number: 1,
        verdict: Verdict::Accepted,
        end: None,
        time_ms: 1,
        memory_kib: 1,
        score: None,
        feedback: None,
        shown: None,
    };
    story.tell(stream(), TestsJudged { attempt: 2, outcomes: vec![outcome] });
    story.finish(1, Verdict::Accepted);
    let view = state(&story);
    assert_eq!(view.state, SubmissionState::Judged);
    assert_eq!(view.judgements.len(), 2);
    assert_eq!(view.judgements[0].abandoned, Some(AbandonReason::Superseded));
    assert_eq!(view.judgement().unwrap().attempt, 2);
}

#[test]
fn a_submission_nobody_could_judge_is_shown_as_our_fault() {
    let mut story = Story::new();
    story.revise("a", 1, &[]);
    story.receive(1, "ada", "a");
    let abandoned = SubmissionAbandoned { deliveries: 3, detail: "no disk".to_owned() };
    story.tell(StreamId::Submission(submission(1)), abandoned);
    let view: SubmissionView = story.get(&submission(1).to_string()).unwrap();
    assert_eq!((view.state, view.verdict), (SubmissionState::Judged, Some(Verdict::JudgeError)));
    assert_eq!(story.counters("a"), (1, 0, 0, 0));
}

/// A projection asks for what it has not; what it did before asking does not count.
#[test]
fn an_event_is_applied_whole_or_not_at_all() {
    let mut story = Story::new();
    story.revise("a", 1, &[]);
    story.receive(1, "ada", "a");
    let changes = story.views.take_changes();
    assert!(!changes.is_empty());
    assert!(story.views.take_changes().is_empty());

    let mut fresh = Workspace::new(false);
    let missing = fresh.get::<ProblemView>("a").unwrap_err();
    assert_eq!(missing.key, "a");
    fresh.load(&missing, None).unwrap();
    assert!(fresh.get::<ProblemView>("a").unwrap().is_none());
    fresh.put(story.get::<ProblemView>("a").unwrap());
    fresh.undo();
    assert!(fresh.get::<ProblemView>("a").unwrap().is_none());
}
