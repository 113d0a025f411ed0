use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::Digest;
use crate::checker::TokenOptions;
use crate::grading::OnFailure::{self, Continue, Stop};
use crate::grading::{Grading, Slot};
use crate::problem::{Checker, Limits};
use crate::verdict::RunEnd;

fn receive() -> SubmissionCommand {
    SubmissionCommand::Receive(SubmissionReceived {
        submission: Uuid::nil().into(),
        author: "ada".parse().unwrap(),
        problem: "sum".parse().unwrap(),
        revision: 1,
        language: "cpp".parse().unwrap(),
        source: Digest::of(b"int main() {}"),
        source_bytes: 13,
    })
}

fn start_trial() -> SubmissionCommand {
    let SubmissionCommand::Receive(received) = receive() else { panic!() };
    let submission = SubmissionReceived { revision: 2, ..received };
    SubmissionCommand::StartTrial(TrialStarted { rejudge: Uuid::max().into(), submission })
}

fn start(tests: u32) -> SubmissionCommand {
    SubmissionCommand::StartJudging { evaluator: "e1".to_owned(), tests }
}

fn compiled(attempt: u32, ok: bool) -> SubmissionCommand {
    SubmissionCommand::RecordCompile(Compiled {
        attempt,
        ok,
        log: String::new(),
        truncated: false,
        time_ms: 9,
    })
}

fn judged(attempt: u32, outcomes: &[(u32, Verdict)]) -> SubmissionCommand {
    let outcomes = outcomes
        .iter()
        .map(|(number, verdict)| TestOutcome {
            number: *number,
            verdict: *verdict,
            end: Some(RunEnd::Exit { code: 0 }),
            time_ms: 10 * u64::from(*number),
            memory_kib: 1_000,
            score: None,
            feedback: None,
            shown: None,
        })
        .collect();
    SubmissionCommand::RecordTests(TestsJudged { attempt, outcomes })
}

/// A rubric for this number of tests, all in one group.
fn finish(attempt: u32, tests: u32, on_reject: OnFailure) -> SubmissionCommand {
    let slots = vec![Slot { group: 0, points: None }; tests as usize];
    let provenance = Box::new(Provenance {
        assay: "0.1.0".to_owned(),
        sandbox: "native".to_owned(),
        toolchain: "g++ 14".to_owned(),
        language: Digest::of(b"cpp"),
        program: Digest::of(b"int main() {}"),
        revision: Digest::of(b"revision"),
        limits: Limits::default(),
        checker: Checker::Tokens(TokenOptions::default()),
        problem_programs: vec![],
        memory_source: Some("cgroup".to_owned()),
    });
    let rubric = Box::new(Rubric::new(Grading::pass_fail(on_reject), slots));
    SubmissionCommand::Finish { attempt, rubric, graded: CustomGrades::new(), provenance }
}

fn abandon_attempt(attempt: u32) -> SubmissionCommand {
    let reason = AbandonReason::Failed { detail: "no disk".to_owned() };
    SubmissionCommand::AbandonAttempt(AttemptAbandoned { attempt, reason })
}

fn abandon() -> SubmissionCommand {
    SubmissionCommand::Abandon(SubmissionAbandoned { deliveries: 3, detail: "no disk".to_owned() })
}

fn cancel(by_judge: bool) -> SubmissionCommand {
    SubmissionCommand::Cancel { by_judge, reason: Some(" it never ends ".to_owned()) }
}

fn given(commands: &[SubmissionCommand]) -> Submission {
    let mut submission = Submission::default();
    for command in commands {
        for event in submission.decide(command.clone()).unwrap() {
            submission.evolve(&event);
        }
    }
    submission
}

fn kinds(submission: &Submission, command: SubmissionCommand) -> Vec<&'static str> {
    submission.decide(command).unwrap().iter().map(Event::kind).collect()
}

#[test]
fn a_clean_journey_ends_with_the_slowest_tests_time() {
    use Verdict::Accepted;
    let submission = given(&[
        receive(),
        start(3),
        compiled(1, true),
        judged(1, &[(1, Accepted)]),
        judged(1, &[(3, Accepted), (2, Accepted)]),
    ]);
    let events = submission.decide(finish(1, 3, Continue)).unwrap();
    let [Event::JudgingFinished(finished)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((finished.verdict, finished.time_ms), (Accepted, 30));
}

#[test]
fn a_trial_is_judged_like_a_submission_against_the_revision_it_names() {
    let trial = given(&[start_trial(), start(1), compiled(1, false), finish(1, 1, Continue)]);
    assert_eq!(trial.phase, Phase::Judged(Verdict::CompileError));
    assert_eq!(trial.received.as_ref().map(|received| received.revision), Some(2));
    for again in [receive(), start_trial()] {
        assert_eq!(trial.decide(again), Err(SubmissionRejection::AlreadyReceived));
    }
}

#[test]
fn a_program_that_does_not_compile_needs_no_tests() {
    let submission = given(&[receive(), start(3), compiled(1, false), finish(1, 3, Continue)]);
    assert_eq!(submission.phase, Phase::Judged(Verdict::CompileError));
}

#[test]
fn a_verdict_waits_for_every_test_unless_the_first_failure_ends_it() {
    let mut commands =
        vec![receive(), start(2), compiled(1, true), judged(1, &[(1, Verdict::WrongAnswer)])];
    let missing = SubmissionRejection::OutOfOrder("tests are missing");
    assert_eq!(given(&commands).decide(finish(1, 2, Continue)), Err(missing));
    let others = SubmissionRejection::OutOfOrder("the number of tests differs");
    assert_eq!(given(&commands).decide(finish(1, 3, Stop)), Err(others));

    commands.push(finish(1, 2, Stop));
    assert_eq!(given(&commands).phase, Phase::Judged(Verdict::WrongAnswer));
}

#[test]
fn inv_7_a_second_evaluator_abandons_the_first_ones_attempt() {
    let submission = given(&[receive(), start(1), compiled(1, true)]);
    assert_eq!(kinds(&submission, start(1)), ["AttemptAbandoned", "JudgingStarted"]);

    let submission = given(&[receive(), start(1), compiled(1, true), start(1)]);
    assert_eq!(submission.decide(finish(1, 1, Continue)), Err(SubmissionRejection::NotUnderWay(1)));
    assert_eq!(submission.attempts, 2);
}

#[test]
fn a_failure_of_the_judge_is_never_a_verdict() {
    let submission =
        given(&[receive(), start(1), compiled(1, true), judged(1, &[(1, Verdict::JudgeError)])]);
    assert!(submission.decide(finish(1, 1, Continue)).is_err());
    assert_eq!(kinds(&submission, abandon_attempt(1)), ["AttemptAbandoned"]);
}

#[test]
fn only_failed_attempts_count_as_failures() {
    let end =
        |attempt, reason| SubmissionCommand::AbandonAttempt(AttemptAbandoned { attempt, reason });
    let submission = given(&[
        receive(),
        start(1),
        end(1, AbandonReason::ShutDown),
        start(1),
        start(1),
        abandon_attempt(3),
        start(1),
    ]);
    assert_eq!((submission.attempts, submission.failures), (4, 1));
}

#[test]
fn giving_up_is_final_and_shown_as_a_judge_error() {
    let submission = given(&[receive(), start(1), abandon_attempt(1), abandon()]);
    assert_eq!(submission.phase, Phase::Judged(Verdict::JudgeError));
    assert_eq!(submission.decide(start(1)), Err(SubmissionRejection::AlreadyFinal));
}

#[test]
fn authors_cancel_what_waits_and_judges_also_what_is_being_judged() {
    let queued = given(&[receive()]);
    let released = given(&[receive(), start(1), abandon_attempt(1)]);
    for (submission, by_judge) in [(&queued, false), (&queued, true), (&released, false)] {
        assert_eq!(kinds(submission, cancel(by_judge)), ["SubmissionCancelled"]);
    }
    let judging = given(&[receive(), start(1), compiled(1, true)]);
    assert_eq!(judging.decide(cancel(false)), Err(SubmissionRejection::UnderWay));
    let reason = Some("it never ends".to_owned());
    let cancelled = SubmissionCancelled { attempt: Some(1), reason };
    assert_eq!(judging.decide(cancel(true)), Ok(vec![cancelled.into()]));
    assert_eq!(Submission::default().decide(cancel(true)), Err(SubmissionRejection::NotFound));
}

#[test]
fn cancelling_is_final_and_can_be_repeated() {
    let cancelled = given(&[receive(), start(1), cancel(true)]);
    assert_eq!(cancelled.phase, Phase::Cancelled);
    for by_judge in [true, false] {
        assert_eq!(cancelled.decide(cancel(by_judge)), Ok(vec![]));
    }
    for command in [start(1), compiled(1, true), abandon_attempt(1), abandon()] {
        assert_eq!(cancelled.decide(command), Err(SubmissionRejection::Cancelled));
    }
    let judged = given(&[receive(), start(1), compiled(1, false), finish(1, 1, Continue)]);
    assert_eq!(judged.decide(cancel(true)), Err(SubmissionRejection::AlreadyFinal));
}

#[test]
fn the_reason_for_cancelling_is_bounded() {
    for (reason, is_allowed) in
        [(" ".to_owned(), false), ("é".repeat(1_000), true), ("x".repeat(1_001), false)]
    {
        let cancel = SubmissionCommand::Cancel { by_judge: false, reason: Some(reason) };
        assert_eq!(given(&[receive()]).decide(cancel).is_ok(), is_allowed);
    }
}

fn any_command() -> impl Strategy<Value = SubmissionCommand> {
    let attempt = 1..4u32;
    let verdict =
        prop_oneof![Just(Verdict::Accepted), Just(Verdict::WrongAnswer), Just(Verdict::JudgeError)];
    prop_oneof![
        Just(receive()),
        Just(start_trial()),
        (0..3u32).prop_map(start),
        (attempt.clone(), any::<bool>()).prop_map(|(attempt, ok)| compiled(attempt, ok)),
        (attempt.clone(), proptest::collection::vec((0..4u32, verdict), 0..3))
            .prop_map(|(attempt, outcomes)| judged(attempt, &outcomes)),
        (attempt.clone(), 0..3u32).prop_map(|(attempt, tests)| finish(attempt, tests, Continue)),
        attempt.prop_map(abandon_attempt),
        Just(abandon()),
        any::<bool>().prop_map(cancel),
    ]
}

proptest! {
    /// Any sequence of commands leads to a legal history: received first and once, attempts count
    /// up, at most one verdict, and nothing after it.
    #[test]
    fn any_interleaving_folds_to_a_legal_history(
        commands in proptest::collection::vec(any_command(), 0..40)
    ) {
        let mut submission = Submission::default();
        let mut history = vec![];
        for command in commands {
            let Ok(events) = submission.decide(command) else { continue };
            for event in events {
                submission.evolve(&event);
                history.push(event);
            }
        }
        let count = |wanted: &[&str]| {
            history.iter().filter(|event| wanted.contains(&event.kind())).count()
        };
        let begins = ["SubmissionReceived", "TrialStarted"];
        prop_assert!(count(&begins) <= 1);
        prop_assert!(history.first().is_none_or(|event| begins.contains(&event.kind())));
        let finals = ["JudgingFinished", "SubmissionAbandoned", "SubmissionCancelled"];
        prop_assert!(count(&finals) <= 1);
        if count(&finals) == 1 {
            prop_assert!(finals.contains(&history[history.len() - 1].kind()));
        }
        let attempts: Vec<u32> = history
            .iter()
            .filter_map(|event| match event {
                Event::JudgingStarted(started) => Some(started.attempt),
                _ => None,
            })
            .collect();
        prop_assert_eq!(&attempts, &(1..=attempts.len() as u32).collect::<Vec<_>>());

        // Replaying the history gives the same state.
        let mut replayed = Submission::default();
        history.iter().for_each(|event| replayed.evolve(event));
        prop_assert_eq!(replayed, submission);
    }
}
