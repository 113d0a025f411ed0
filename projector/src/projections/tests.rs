use domain::checker::TokenOptions;
use domain::problem::{BlobRef, Checker, Limits, ProblemRevised, RevisionContent, Test};
use domain::rejudge::{
    Found, Member, RejudgeApplied, RejudgeCancelled, RejudgeCreated, RejudgeReverted, Selection,
};
use domain::submission::{
    AbandonReason, AttemptAbandoned, Compiled, JudgingFinished, JudgingStarted, Provenance,
    SubmissionAbandoned, SubmissionCancelled, SubmissionReceived, TestOutcome, TestsJudged,
    TrialStarted,
};
use domain::webhook::{
    DeliveryGivenUp, Webhook, WebhookAdvanced, WebhookCommand, WebhookCreated, WebhookPhase,
};
use domain::{
    Actor, Aggregate, Difficulty, Digest, Event, EventId, Metadata, Position, Recorded, RejudgeId,
    StreamId, SubmissionId, TrialId, Verdict, Version, WebhookId,
};
use jiff::Timestamp;
use proptest::prelude::*;
use read_model::views::{
    JudgementView, OutcomesView, ProblemView, RejudgeState, RejudgeView, SolvedStatus, SolvedView,
    SubmissionState, SubmissionView, TagView, WebhookState, WebhookView,
};
use read_model::{Micros, View};
use uuid::Uuid;

use super::all;
use crate::Workspace;

mod activity;
mod listing;
mod moments;
mod sizes;

/// An in-memory log that every projection projects as it grows.
struct Story {
    views: Workspace,
    position: u64,
    log: Vec<Recorded>,
}

impl Story {
    fn new() -> Self {
        Self { views: Workspace::new(true), position: 0, log: vec![] }
    }

    fn append(&mut self, stream: StreamId, event: impl Into<Event>) {
        self.position += 1;
        self.apply_event(recorded(self.position, stream, event.into()));
    }

    fn apply_event(&mut self, recorded: Recorded) {
        for projection in all() {
            projection.apply(&recorded, &mut self.views).unwrap();
            self.views.keep();
        }
        self.log.push(recorded);
    }

    fn revise(&mut self, slug: &str, revision: u32, tags: &[&str]) {
        self.revise_as(slug, revision, tags, Difficulty::Easy);
    }

    fn revise_as(&mut self, slug: &str, revision: u32, tags: &[&str], difficulty: Difficulty) {
        let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
        let content = RevisionContent {
            title: "A + B".to_owned(),
            difficulty,
            tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
            tests: vec![Test::new("secret/1", blob, blob)],
            ..RevisionContent::default()
        };
        let digest = content.digest();
        let revised = ProblemRevised { revision, digest, content, visibility: None };
        self.append(StreamId::Problem(slug.parse().unwrap()), revised);
    }

    fn receive(&mut self, id: u128, author: &str, problem: &str) {
        self.append(StreamId::Submission(submission(id)), received(id, author, problem));
    }

    fn finish(&mut self, id: u128, verdict: Verdict) {
        self.append(StreamId::Submission(submission(id)), finished(verdict));
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

pub(super) fn recorded(position: u64, stream: StreamId, event: Event) -> Recorded {
    Recorded {
        position: Position(position),
        stream,
        version: Version(1),
        recorded_at: Timestamp::from_second(position as i64).unwrap(),
        id: EventId(Uuid::from_u128(position.into())),
        metadata: Metadata::new(Actor::system(), Uuid::nil()),
        event,
        body: "".into(),
    }
}

fn received(id: u128, author: &str, problem: &str) -> SubmissionReceived {
    SubmissionReceived {
        submission: submission(id),
        author: author.parse().unwrap(),
        problem: problem.parse().unwrap(),
        revision: 1,
        language: "cpp".parse().unwrap(),
        source: Digest::of(b""),
        source_bytes: 0,
    }
}

fn finished(verdict: Verdict) -> JudgingFinished {
    JudgingFinished {
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
            problem_programs: vec![],
            memory_source: None,
        },
    }
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
fn a_cancelled_submission_does_not_count() {
    let mut story = Story::new();
    story.revise("a", 1, &[]);
    for id in [1, 2, 3] {
        story.receive(id, if id == 3 { "bob" } else { "ada" }, "a");
    }
    let stream = |id| StreamId::Submission(submission(id));
    let started = JudgingStarted { attempt: 1, evaluator: "e".to_owned(), tests: 1 };
    story.append(stream(1), started);
    for (id, attempt) in [(1, Some(1)), (3, None)] {
        story.append(stream(id), SubmissionCancelled { attempt, reason: None });
    }
    story.finish(2, Verdict::Accepted);
    assert_eq!(story.counters("a"), (1, 1, 1, 1_000_000));
    assert_eq!(story.get::<SolvedView>("ada/a").unwrap().submissions, 1);
    assert_eq!(story.get::<SolvedView>("bob/a"), None);
    let view = |id| story.get::<SubmissionView>(&submission(id).to_string()).unwrap();
    assert_eq!((view(1).state, view(1).verdict), (SubmissionState::Cancelled, None));
    assert!(view(1).attempt.unwrap().abandoned);
    let key = JudgementView::key_of(&submission(1).to_string(), 1);
    let judgement = story.get::<JudgementView>(&key).unwrap();
    assert!(judgement.cancelled && judgement.finished_at.is_some() && judgement.has_no_verdict());
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
    assert_eq!(story.get::<SolvedView>("ada/a").unwrap().status, SolvedStatus::Attempted);
}

#[test]
fn a_submission_keeps_every_attempt() {
    let mut story = Story::new();
    story.receive(1, "ada", "a");
    let stream = || StreamId::Submission(submission(1));
    let started = |attempt| JudgingStarted { attempt, evaluator: format!("e{attempt}"), tests: 1 };
    let state = |story: &Story| story.get::<SubmissionView>(&submission(1).to_string()).unwrap();
    assert_eq!(state(&story).state, SubmissionState::Queued);
    story.append(stream(), started(1));
    assert_eq!(state(&story).state, SubmissionState::Compiling);
    story.append(stream(), AttemptAbandoned { attempt: 1, reason: AbandonReason::Superseded });
    story.append(stream(), started(2));
    let log = String::new();
    story.append(stream(), Compiled { attempt: 2, ok: true, log, truncated: false, time_ms: 1 });
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
    story.append(stream(), TestsJudged { attempt: 2, outcomes: vec![outcome] });
    story.append(stream(), JudgingFinished { attempt: 2, ..finished(Verdict::Accepted) });
    let view = state(&story);
    assert_eq!(view.state, SubmissionState::Judged);
    assert_eq!((view.attempts, view.attempt.unwrap().evaluator.as_str()), (2, "e2"));
    let judgement = |attempt| {
        let key = JudgementView::key_of(&submission(1).to_string(), attempt);
        story.get::<JudgementView>(&key).unwrap()
    };
    assert_eq!(judgement(1).abandoned, Some(AbandonReason::Superseded));
    assert_eq!(judgement(2).verdict, Some(Verdict::Accepted));
    let outcomes = OutcomesView::key_of(&submission(1).to_string(), 2, 0);
    assert_eq!(story.get::<OutcomesView>(&outcomes).unwrap().outcomes.len(), 1);
}

#[test]
fn a_submission_nobody_could_judge_is_shown_as_our_fault() {
    let mut story = Story::new();
    story.revise("a", 1, &[]);
    story.receive(1, "ada", "a");
    let abandoned = SubmissionAbandoned { deliveries: 3, detail: "no disk".to_owned() };
    story.append(StreamId::Submission(submission(1)), abandoned);
    let view: SubmissionView = story.get(&submission(1).to_string()).unwrap();
    assert_eq!((view.state, view.verdict), (SubmissionState::Judged, Some(Verdict::JudgeError)));
    assert_eq!(story.counters("a"), (1, 0, 0, 0));
}

/// A projection requests missing views; its changes before the request are discarded.
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
    assert_eq!(missing.keys, ["a"]);
    fresh.load(&missing, "a", None).unwrap();
    let missing = fresh.require::<ProblemView>(vec!["a".to_owned(), "b".to_owned()]).unwrap_err();
    assert_eq!(missing.keys, ["b"]);
    assert!(fresh.get::<ProblemView>("a").unwrap().is_none());
    fresh.put(story.get::<ProblemView>("a").unwrap());
    fresh.undo();
    assert!(fresh.get::<ProblemView>("a").unwrap().is_none());
}

/// All public views that rejudges affect: ada's submissions, the problem's counters and ada's
/// status for it.
fn public(story: &Story) -> (Vec<SubmissionView>, ProblemView, SolvedView) {
    let submissions = [1, 2, 3].map(|id| story.get(&submission(id).to_string()).unwrap());
    (submissions.into(), story.get("a").unwrap(), story.get("ada/a").unwrap())
}

/// Without the position of the last change.
fn unplaced(
    (mut submissions, problem, solved): (Vec<SubmissionView>, ProblemView, SolvedView),
) -> (Vec<SubmissionView>, ProblemView, SolvedView) {
    submissions.iter_mut().for_each(|it| it.position = 0);
    (submissions, problem, solved)
}

fn rejudge(number: u128) -> RejudgeId {
    Uuid::from_u128(1_000 + number).into()
}

impl Story {
    /// A story in which ada's three submissions have these verdicts.
    fn with_three(verdicts: [Verdict; 3]) -> Self {
        let mut story = Self::new();
        story.revise("a", 1, &[]);
        for (id, verdict) in (1..).zip(verdicts) {
            story.receive(id, "ada", "a");
            story.finish(id, verdict);
        }
        story
    }

    fn of_rejudge(&mut self, number: u128, event: impl Into<Event>) {
        self.append(StreamId::Rejudge(rejudge(number)), event);
    }

    fn create_rejudge(&mut self, number: u128) {
        let members = [1, 2, 3].map(|id| Member { submission: submission(id), revision: 2 });
        self.of_rejudge(
            number,
            RejudgeCreated {
                rejudge: rejudge(number),
                by: "jo".parse().unwrap(),
                reason: "the checker was wrong".to_owned(),
                selection: Selection::default(),
                members: members.into(),
            },
        );
    }

    fn try_again(&mut self, number: u128, id: u128, verdict: Verdict) {
        let (rejudge, of) = (rejudge(number), submission(id));
        let stream = || StreamId::Trial(TrialId { rejudge, submission: of });
        let received = SubmissionReceived { revision: 2, ..received(id, "ada", "a") };
        self.append(stream(), TrialStarted { rejudge, submission: received });
        self.append(stream(), JudgingStarted { attempt: 1, evaluator: "e".to_owned(), tests: 1 });
        match verdict {
            Verdict::JudgeError => {
                let detail = "no disk".to_owned();
                self.append(stream(), SubmissionAbandoned { deliveries: 3, detail });
            }
            verdict => self.append(stream(), finished(verdict)),
        }
    }

    fn apply(&mut self, number: u128, found: &[(u128, Verdict)]) {
        let found = found
            .iter()
            .map(|(id, verdict)| Found { submission: submission(*id), verdict: *verdict });
        let (by, found) = ("jo".parse().unwrap(), found.collect());
        self.of_rejudge(number, RejudgeApplied { by, reason: None, found, failed: vec![] });
    }

    fn revert(&mut self, number: u128) {
        let submissions = [1, 2, 3].map(submission).into();
        let by = "jo".parse().unwrap();
        self.of_rejudge(number, RejudgeReverted { by, reason: None, submissions });
    }
}

const A: Verdict = Verdict::Accepted;
const W: Verdict = Verdict::WrongAnswer;

#[test]
fn trials_change_nothing_that_is_public() {
    let mut story = Story::with_three([A, W, A]);
    let before = public(&story);
    story.create_rejudge(1);
    story.try_again(1, 1, W);
    let view = |story: &Story| story.get::<RejudgeView>(&rejudge(1).to_string()).unwrap();
    assert_eq!((view(&story).state, view(&story).ended), (RejudgeState::Judging, 1));
    story.try_again(1, 2, Verdict::JudgeError);
    story.try_again(1, 3, A);
    assert_eq!(public(&story), before);

    let rejudge = view(&story);
    assert_eq!(rejudge.state, RejudgeState::Ready);
    assert_eq!((rejudge.ended, rejudge.changed, rejudge.failed), (3, 1, 1));
    let cells: Vec<_> = rejudge.matrix.iter().map(|it| (it.from, it.to, it.count)).collect();
    assert_eq!(cells, [(A, A, 1), (A, W, 1)]);
    let cancelled = RejudgeCancelled { by: "jo".parse().unwrap(), reason: None };
    story.of_rejudge(1, cancelled);
    assert_eq!(view(&story).state, RejudgeState::Cancelled);
    assert_eq!(public(&story), before);
}

#[test]
fn applying_changes_everything_at_one_position_and_reverting_restores_it() {
    let mut story = Story::with_three([A, W, A]);
    let before = public(&story);
    assert_eq!(story.counters("a"), (3, 2, 1, 666_666));
    story.create_rejudge(1);
    story.apply(1, &[(1, W), (2, W), (3, W)]);
    let applied_at = story.position as i64;
    let (submissions, _, solved) = public(&story);
    assert!(submissions.iter().all(|it| it.position == applied_at && it.verdict == Some(W)));
    // A changed verdict counts since the rejudge, an unchanged one since it was first found.
    let since = submissions.iter().map(|it| it.judged_at == Some(Micros(applied_at * 1_000_000)));
    assert_eq!(since.collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(story.counters("a"), (3, 0, 0, 0));
    assert_eq!((solved.status, solved.accepted), (SolvedStatus::Attempted, 0));

    story.revert(1);
    assert_eq!(unplaced(public(&story)), unplaced(before));
    let view: RejudgeView = story.get(&rejudge(1).to_string()).unwrap();
    let states: Vec<_> = view.steps.iter().map(|step| step.state).collect();
    assert_eq!(states, [RejudgeState::Judging, RejudgeState::Applied, RejudgeState::Reverted]);
}

#[test]
fn a_problem_stays_solved_by_another_accepted_submission() {
    let mut story = Story::with_three([A, W, A]);
    story.create_rejudge(1);
    story.create_rejudge(2);
    story.apply(1, &[(1, W)]);
    let solved = |story: &Story| public(story).2;
    assert_eq!((solved(&story).status, solved(&story).accepted), (SolvedStatus::Solved, 1));
    assert_eq!(story.counters("a"), (3, 1, 1, 333_333));
    story.apply(2, &[(2, A), (3, W)]);
    assert_eq!((solved(&story).status, solved(&story).accepted), (SolvedStatus::Solved, 1));
    assert_eq!(story.counters("a"), (3, 1, 1, 333_333));
    // Revert the earlier one, which is below the later one.
    story.revert(1);
    assert_eq!(story.counters("a"), (3, 2, 1, 666_666));
    story.revert(2);
    assert_eq!(story.counters("a"), (3, 2, 1, 666_666));
}

proptest! {
    /// The counters match the counting verdicts, in whatever order rejudges are applied and
    /// reverted.
    #[test]
    fn statistics_are_those_of_the_verdicts_that_count(
        own in prop::array::uniform3(any::<bool>()),
        steps in prop::collection::vec((1u128..5, prop::array::uniform3(any::<Option<bool>>())), 0..12),
    ) {
        let verdict = |accepted| if accepted { A } else { W };
        let mut story = Story::with_three(own.map(verdict));
        (1..5).for_each(|number| story.create_rejudge(number));
        let mut applied: Vec<(u128, [Option<bool>; 3])> = vec![];
        let mut over = std::collections::BTreeSet::new();
        for (number, found) in steps {
            // Each is applied once, and reverted the second time.
            if over.insert(number) {
                let pairs = (1..).zip(found).filter_map(|(id, found)| Some((id, verdict(found?))));
                story.apply(number, &pairs.collect::<Vec<_>>());
                applied.push((number, found));
            } else {
                story.revert(number);
                applied.retain(|(other, _)| *other != number);
            }
            let counting: Vec<bool> = (0..3)
                .map(|place| {
                    let topmost = applied.iter().rev().find_map(|(_, found)| found[place]);
                    topmost.unwrap_or(own[place])
                })
                .collect();
            let accepted = counting.iter().filter(|accepted| **accepted).count() as i64;
            let (submissions, problem, solved) = public(&story);
            let shown: Vec<_> = submissions.iter().map(|it| it.verdict == Some(A)).collect();
            prop_assert_eq!(shown, counting);
            prop_assert_eq!((problem.accepted, solved.accepted), (accepted, accepted));
            prop_assert_eq!(problem.solvers, i64::from(accepted > 0));
            prop_assert_eq!(solved.status == SolvedStatus::Solved, accepted > 0);
        }
    }
}

/// Views that an event changes are loaded on request, as after a restart.
#[test]
fn applying_asks_for_all_views_of_a_kind_at_once() {
    let applied = RejudgeApplied {
        by: "jo".parse().unwrap(),
        reason: None,
        found: [1, 2, 3].map(|id| Found { submission: submission(id), verdict: W }).into(),
        failed: vec![],
    };
    let recorded = recorded(9, StreamId::Rejudge(rejudge(1)), applied.into());
    for projection in all().into_iter().filter(|projection| projection.name() == "problems") {
        let missing = projection.apply(&recorded, &mut Workspace::new(false)).unwrap_err();
        assert_eq!((missing.collection.name, missing.keys.len()), ("tallies", 3));
    }
}

impl Story {
    /// Appends the command's events, if it is allowed.
    fn carry_out(&mut self, id: WebhookId, webhook: &mut Webhook, command: WebhookCommand) {
        for event in webhook.decide(command).unwrap_or_default() {
            webhook.evolve(&event);
            self.append(StreamId::Webhook(id), event);
        }
    }
}

/// Maps numbers to commands of an existing webhook.
fn webhook_command(webhook: &Webhook, kind: u8, number: u64) -> WebhookCommand {
    let next = Position(webhook.through.0 + 1 + number % 3);
    let (by, position) = ("jo".parse().unwrap(), Position(number));
    match kind {
        0 => WebhookCommand::Advance(WebhookAdvanced {
            through: next,
            redelivered: webhook.retried.iter().copied().collect(),
        }),
        1 => WebhookCommand::GiveUp(DeliveryGivenUp {
            event: EventId(Uuid::from_u128(next.0.into())),
            position: next,
            attempts: 3,
            reason: "it answered 500".to_owned(),
        }),
        2 => WebhookCommand::Retry { by, position },
        3 => WebhookCommand::Rewind { by, from: position, through: Position::START },
        _ => WebhookCommand::Disable { position: next },
    }
}

proptest! {
    /// A webhook's view matches the state that commands are decided on.
    #[test]
    fn a_webhooks_view_is_its_state(steps in prop::collection::vec((0u8..5, 0u64..400), 0..300)) {
        let id: WebhookId = Uuid::from_u128(1).into();
        let created = WebhookCreated {
            webhook: id,
            by: "jo".parse().unwrap(),
            url: "https://example.org/".to_owned(),
            kinds: ["JudgingFinished".to_owned()].into(),
            after: Position(10),
        };
        let (mut story, mut webhook) = (Story::new(), Webhook::default());
        story.carry_out(id, &mut webhook, WebhookCommand::Create(created));
        for (kind, number) in steps {
            let command = webhook_command(&webhook, kind, number);
            story.carry_out(id, &mut webhook, command);
        }
        let view: WebhookView = story.get(&id.to_string()).unwrap();
        prop_assert_eq!(view.through, webhook.through.0 as i64);
        prop_assert_eq!(view.state == WebhookState::Active, webhook.phase == WebhookPhase::Active);
        let shown = view.dead_letters.iter().map(|it| (Position(it.position as u64), it.event));
        prop_assert!(shown.eq(webhook.dead.clone()));
        let retried = view.dead_letters.iter().filter(|it| it.retried).map(|it| it.position as u64);
        prop_assert!(retried.eq(webhook.retried.iter().map(|it| it.0)));
        let remove = WebhookCommand::Remove { by: "jo".parse().unwrap() };
        story.carry_out(id, &mut webhook, remove);
        prop_assert_eq!(story.get::<WebhookView>(&id.to_string()), None);
    }
}
