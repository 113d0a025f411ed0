use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// Bytes of event data that every log accepts, with room left for the envelope.
const EVENT_BYTES: usize = (2 << 20) - (4 << 10);

fn id(number: usize) -> SubmissionId {
    Uuid::from_u128(number as u128).into()
}

fn members(count: usize) -> Vec<Member> {
    (0..count).map(|number| Member { submission: id(number), revision: 2 }).collect()
}

fn create(count: usize) -> RejudgeCommand {
    RejudgeCommand::Create(Box::new(RejudgeCreated {
        rejudge: Uuid::nil().into(),
        by: "jo".parse().unwrap(),
        reason: "the checker took anything".to_owned(),
        selection: Selection::default(),
        members: members(count),
    }))
}

fn apply(trials: &[(usize, TrialEnd)]) -> RejudgeCommand {
    let trials = trials.iter().map(|(number, end)| (id(*number), *end)).collect();
    RejudgeCommand::Apply { by: "jo".parse().unwrap(), reason: None, trials }
}

fn cancel() -> RejudgeCommand {
    RejudgeCommand::Cancel { by: "jo".parse().unwrap(), reason: Some("wrong problem".to_owned()) }
}

fn revert() -> RejudgeCommand {
    RejudgeCommand::Revert { by: "jo".parse().unwrap(), reason: None }
}

fn given(commands: &[RejudgeCommand]) -> Rejudge {
    let mut rejudge = Rejudge::default();
    for command in commands {
        for event in rejudge.decide(command.clone()).unwrap() {
            rejudge.evolve(&event);
        }
    }
    rejudge
}

const ACCEPTED: TrialEnd = TrialEnd::Judged(Verdict::Accepted);

#[test]
fn it_is_applied_when_every_trial_has_ended_and_failed_ones_keep_what_they_have() {
    let mut rejudge = given(&[create(3)]);
    let ends = [(0, ACCEPTED), (1, TrialEnd::Failed), (2, TrialEnd::Judged(Verdict::WrongAnswer))];
    let left = |left| Err(RejudgeRejection::NotReady { left, trials: 3 });
    // Trials that are not queued yet may start at any time.
    assert_eq!(rejudge.decide(apply(&ends)), left(3));
    rejudge.evolve(&rejudge.decide(RejudgeCommand::RecordQueued).unwrap()[0]);
    assert_eq!(rejudge.decide(apply(&ends[..2])), left(1));
    let events = rejudge.decide(apply(&ends)).unwrap();
    let [Event::RejudgeApplied(applied)] = &events[..] else { panic!("{events:?}") };
    let found = [
        Found { submission: id(0), verdict: Verdict::Accepted },
        Found { submission: id(2), verdict: Verdict::WrongAnswer },
    ];
    assert_eq!((&applied.found[..], &applied.failed[..]), (&found[..], &[id(1)][..]));
    rejudge.evolve(&events[0]);

    let events = rejudge.decide(revert()).unwrap();
    let [Event::RejudgeReverted(reverted)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(reverted.submissions, [id(0), id(2)]);
}

#[test]
fn every_command_in_every_phase() {
    use RejudgeRejection as No;
    let judging = [create(1), RejudgeCommand::RecordQueued];
    let then = |more: &[RejudgeCommand]| given(&[&judging, more].concat());
    let applied = apply(&[(0, ACCEPTED)]);
    let cases = [
        (Rejudge::default(), [Err(No::NotFound), Err(No::NotFound), Err(No::NotFound)]),
        (then(&[]), [Ok("RejudgeApplied"), Ok("RejudgeCancelled"), Err(No::NotApplied)]),
        (then(std::slice::from_ref(&applied)), [Ok(""), Err(No::Applied), Ok("RejudgeReverted")]),
        (then(&[cancel()]), [Err(No::Cancelled), Ok(""), Err(No::Cancelled)]),
        (then(&[applied.clone(), revert()]), [Err(No::Reverted), Err(No::Reverted), Ok("")]),
    ];
    for (rejudge, expected) in cases {
        for (command, expected) in [applied.clone(), cancel(), revert()].into_iter().zip(expected) {
            let decided = rejudge.decide(command.clone());
            let kind = decided.map(|events| events.first().map_or("", Event::kind));
            assert_eq!(kind, expected, "{:?}: {command:?}", rejudge.phase);
        }
        if rejudge.phase != RejudgePhase::Absent {
            assert_eq!(rejudge.decide(create(1)), Err(No::AlreadyCreated));
            assert_eq!(rejudge.decide(RejudgeCommand::RecordQueued), Ok(vec![]));
        }
    }
}

#[test]
fn members_and_reasons_are_bounded() {
    let refused = |command| Rejudge::default().decide(command).unwrap_err();
    assert_eq!(refused(create(0)), RejudgeRejection::BadMembers);
    assert_eq!(refused(create(MEMBERS_MAX + 1)), RejudgeRejection::BadMembers);
    let RejudgeCommand::Create(created) = create(2) else { panic!() };
    let twice = vec![created.members[0]; 2];
    let twice = RejudgeCreated { members: twice, ..*created.clone() };
    assert_eq!(refused(RejudgeCommand::Create(Box::new(twice))), RejudgeRejection::BadMembers);
    for reason in ["", "  ", &"x".repeat(1_001)] {
        let created = RejudgeCreated { reason: reason.to_owned(), ..*created.clone() };
        assert_eq!(refused(RejudgeCommand::Create(Box::new(created))), RejudgeRejection::BadReason);
    }
    let silent = RejudgeCommand::Revert { by: "jo".parse().unwrap(), reason: Some(String::new()) };
    assert_eq!(given(&[create(1)]).decide(silent), Err(RejudgeRejection::BadReason));
}

/// The largest possible rejudge still fits into one event.
#[test]
fn the_largest_rejudge_fits_its_events() {
    let RejudgeCommand::Create(mut created) = create(MEMBERS_MAX) else { panic!() };
    created.reason = "é".repeat(*REASON_CHARS.end());
    created.selection.submissions = created.members.iter().map(|it| it.submission).collect();
    created.members.iter_mut().for_each(|member| member.revision = u32::MAX);
    let found = created.members.iter().map(|member| Found {
        submission: member.submission,
        verdict: Verdict::MemoryLimitExceeded,
    });
    let applied = RejudgeApplied {
        by: created.by.clone(),
        reason: Some(created.reason.clone()),
        found: found.collect(),
        failed: vec![],
    };
    for event in [Event::from(*created), Event::from(applied)] {
        let bytes = event.encode().get().len();
        assert!(bytes < EVENT_BYTES, "{}: {bytes}", event.kind());
    }
}

fn any_command() -> impl Strategy<Value = RejudgeCommand> {
    let end = prop_oneof![Just(ACCEPTED), Just(TrialEnd::Failed)];
    prop_oneof![
        (0usize..4).prop_map(create),
        Just(RejudgeCommand::RecordQueued),
        proptest::collection::vec((0usize..3, end), 0..4).prop_map(|ends| apply(&ends)),
        Just(cancel()),
        Just(revert()),
    ]
}

proptest! {
    /// In any sequence of commands, a rejudge is created first and once, cancelled or applied but
    /// not both, reverted only after it was applied, and nothing happens twice.
    #[test]
    fn any_interleaving_folds_to_a_legal_history(
        commands in proptest::collection::vec(any_command(), 0..30)
    ) {
        let mut rejudge = Rejudge::default();
        let mut history = vec![];
        for command in commands {
            let Ok(events) = rejudge.decide(command) else { continue };
            for event in events {
                rejudge.evolve(&event);
                history.push(event);
            }
        }
        let kinds: Vec<_> = history.iter().map(Event::kind).collect();
        let distinct: BTreeSet<_> = kinds.iter().collect();
        prop_assert_eq!(distinct.len(), kinds.len(), "{:?}", kinds);
        prop_assert!(kinds.first().is_none_or(|kind| *kind == "RejudgeCreated"));
        let at = |kind| kinds.iter().position(|it| *it == kind);
        let (queued, applied) = (at("RejudgeTrialsQueued"), at("RejudgeApplied"));
        prop_assert!(applied.is_none_or(|applied| queued.is_some_and(|queued| queued < applied)));
        prop_assert!(applied.is_none() || at("RejudgeCancelled").is_none());
        let reverted = at("RejudgeReverted");
        prop_assert!(reverted.is_none_or(|reverted| applied.is_some_and(|applied| applied < reverted)));

        let mut replayed = Rejudge::default();
        history.iter().for_each(|event| replayed.evolve(event));
        prop_assert_eq!(replayed, rejudge);
    }
}
