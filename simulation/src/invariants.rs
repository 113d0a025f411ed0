//! The invariants, checked at the end of a simulation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit::{SignerKey, Tree};
use domain::submission::{AbandonReason, SubmissionReceived};
use domain::{
    Event, Position, Recorded, RejudgeId, StreamId, SubmissionId, TrialId, Verdict, Version,
};
use event_store::WorkQueue;
use projector::Runtime;

use crate::clients::Order;
use crate::memory::MemoryViews;
use crate::service::Judging;
use crate::setting::Stores;
use crate::world::World;

/// The facts that the log is compared with.
pub(crate) struct Facts<'a> {
    pub(crate) orders: &'a [Order],
    pub(crate) acknowledged: &'a BTreeMap<SubmissionId, u32>,
    pub(crate) key: Option<SignerKey>,
    pub(crate) judging: Judging,
}

/// Reports every violated invariant to the world.
pub(crate) async fn check(world: &World, stores: &Stores, facts: &Facts<'_>) {
    let events = stores.log.step(|journal| journal.read_all(Position::START, usize::MAX));
    let mut violations = order(&events);
    let mut streams: BTreeMap<StreamId, Vec<&Recorded>> = BTreeMap::new();
    for recorded in &events {
        streams.entry(recorded.stream.clone()).or_default().push(recorded);
    }
    for (stream, events) in &streams {
        let may_go_on = match stream {
            StreamId::Submission(_) => false,
            StreamId::Trial(trial) => is_cancelled(&streams, trial.rejudge),
            StreamId::Problem(_)
            | StreamId::Account(_)
            | StreamId::Rejudge(_)
            | StreamId::Webhook(_)
            | StreamId::Run(_) => continue,
        };
        let events: Vec<&Event> = events.iter().map(|it| &it.event).collect();
        match life(&events) {
            Ok(true) => {}
            Ok(false) if may_go_on => {}
            Ok(false) => violations.push(format!("{stream} has no verdict")),
            Err(violation) => violations.push(format!("{stream}: {violation}")),
        }
    }
    submissions(&streams, facts, &mut violations);
    rejudges(&streams, &mut violations);
    for lane in stores.log.stats().await.expect("memory answers") {
        if lane.waiting + lane.in_flight > 0 {
            violations.push(format!("the queue is not empty: {lane:?}"));
        }
    }
    views(stores, &events, &mut violations).await;
    signatures(stores, facts, &events, &mut violations).await;
    world.count(|figures| {
        figures.events = events.len() as u64;
        let of = |kind: &str| events.iter().filter(|it| it.event.kind() == kind).count() as u64;
        figures.submissions = of("SubmissionReceived");
        figures.attempts = of("JudgingStarted");
        figures.trials = of("TrialStarted");
        figures.cancelled = of("SubmissionCancelled");
    });
    violations.into_iter().for_each(|violation| world.violate(violation));
}

/// Positions and versions have no gaps, ids are unique, and time does not go back (INV-5).
fn order(events: &[Recorded]) -> Vec<String> {
    let mut violations = Vec::new();
    let mut versions: BTreeMap<&StreamId, Version> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for (recorded, position) in events.iter().zip(1..) {
        let version = versions.entry(&recorded.stream).or_default();
        version.0 += 1;
        if recorded.position.0 != position || recorded.version != *version {
            let (found, stream) = (recorded.position, &recorded.stream);
            violations.push(format!(
                "the event at index {position} is at {found}; expected {stream} {version}"
            ));
        }
        if !ids.insert(recorded.id) {
            violations.push(format!("the event at {position} is in the log twice"));
        }
    }
    if !events.is_sorted_by_key(|recorded| recorded.recorded_at) {
        violations.push("the log's time goes back".to_owned());
    }
    violations
}

/// Whether a rejudge was cancelled, so that its trials no longer matter.
fn is_cancelled(streams: &BTreeMap<StreamId, Vec<&Recorded>>, rejudge: RejudgeId) -> bool {
    let events = streams.get(&StreamId::Rejudge(rejudge)).into_iter().flatten();
    events.into_iter().any(|recorded| matches!(recorded.event, Event::RejudgeCancelled(_)))
}

/// Checks that a submission or trial is received once, and judged in one attempt after the other,
/// with nothing after its end. Returns whether it has ended.
fn life(events: &[&Event]) -> Result<bool, String> {
    let (mut attempts, mut under_way, mut ended) = (0, None, false);
    let mut reported = BTreeSet::new();
    for (index, event) in events.iter().enumerate() {
        let kind = event.kind();
        if ended {
            return Err(format!("{kind} comes after its verdict"));
        }
        let begins = matches!(event, Event::SubmissionReceived(_) | Event::TrialStarted(_));
        if begins != (index == 0) {
            return Err(format!("{kind} is event {}", index + 1));
        }
        let attempt = match event {
            Event::JudgingStarted(started) => {
                if under_way.is_some() || started.attempt != attempts + 1 {
                    return Err(format!("attempt {} starts during {under_way:?}", started.attempt));
                }
                (attempts, under_way) = (started.attempt, Some(started.attempt));
                reported.clear();
                continue;
            }
            Event::Compiled(it) => it.attempt,
            Event::TestsJudged(it) => {
                if !it.outcomes.iter().all(|outcome| reported.insert(outcome.number)) {
                    return Err("a test is reported twice".to_owned());
                }
                it.attempt
            }
            Event::JudgingFinished(it) => {
                ended = true;
                it.attempt
            }
            Event::AttemptAbandoned(it) => it.attempt,
            Event::SubmissionAbandoned(_) | Event::SubmissionCancelled(_) => {
                ended = true;
                continue;
            }
            _ => continue,
        };
        if under_way != Some(attempt) {
            return Err(format!("{kind} of attempt {attempt} comes during {under_way:?}"));
        }
        if matches!(event, Event::AttemptAbandoned(_)) {
            under_way = None;
        }
    }
    Ok(ended)
}

/// Every acknowledged submission is in the log, and every submission and trial has the verdict that
/// it must get, or was cancelled.
fn submissions(
    streams: &BTreeMap<StreamId, Vec<&Recorded>>,
    facts: &Facts<'_>,
    violations: &mut Vec<String>,
) {
    for id in facts.acknowledged.keys() {
        if !streams.contains_key(&StreamId::Submission(*id)) {
            violations.push(format!("{id} was acknowledged but is not in the log"));
        }
    }
    for (stream, events) in streams {
        let received = match events.first().map(|it| &it.event) {
            Some(Event::SubmissionReceived(received)) => received,
            Some(Event::TrialStarted(started)) if !is_cancelled(streams, started.rejudge) => {
                &started.submission
            }
            _ => continue,
        };
        let id = &received.submission;
        let Some(order) = facts.orders.iter().find(|order| order.id() == *id) else {
            violations.push(format!("no client submitted {id}"));
            continue;
        };
        let wanted = order.program.verdict(tests(streams, received));
        match events.last().map(|it| &it.event) {
            Some(Event::JudgingFinished(finished)) if finished.verdict == wanted => {}
            Some(Event::SubmissionCancelled(_)) => {}
            Some(Event::SubmissionAbandoned(_))
                if failures(events) >= facts.judging.deliveries_max as usize => {}
            other => {
                let verdict: Option<Verdict> = match other {
                    Some(Event::JudgingFinished(finished)) => Some(finished.verdict),
                    _ => None,
                };
                violations.push(format!("{stream} has {verdict:?}; expected {wanted:?}"));
            }
        }
    }
}

/// Number of attempts whose evaluator reported a failure.
fn failures(events: &[&Recorded]) -> usize {
    let failed = |it: &&&Recorded| match &it.event {
        Event::AttemptAbandoned(abandoned) => {
            matches!(abandoned.reason, AbandonReason::Failed { .. })
        }
        _ => false,
    };
    events.iter().filter(failed).count()
}

/// Every rejudge that was not cancelled was created, queued and applied once, with the verdicts of
/// its trials.
fn rejudges(streams: &BTreeMap<StreamId, Vec<&Recorded>>, violations: &mut Vec<String>) {
    for (stream, events) in streams {
        let StreamId::Rejudge(rejudge) = stream else { continue };
        if is_cancelled(streams, *rejudge) {
            continue;
        }
        let of = |wanted: &str| events.iter().filter(|it| it.event.kind() == wanted).count();
        let counts = ["RejudgeCreated", "RejudgeTrialsQueued", "RejudgeApplied"].map(of);
        if counts != [1, 1, 1] {
            violations.push(format!("{stream} was created, queued and applied {counts:?} times"));
        }
        for recorded in events {
            let Event::RejudgeApplied(applied) = &recorded.event else { continue };
            for found in &applied.found {
                let trial = TrialId { rejudge: *rejudge, submission: found.submission };
                let trial = streams.get(&StreamId::Trial(trial)).and_then(|events| events.last());
                match trial.map(|it| &it.event) {
                    Some(Event::JudgingFinished(it)) if it.verdict == found.verdict => {}
                    other => violations.push(format!("{stream} applied {found:?} of {other:?}")),
                }
            }
        }
    }
}

/// Number of tests of the revision that a submission is judged against.
fn tests(streams: &BTreeMap<StreamId, Vec<&Recorded>>, received: &SubmissionReceived) -> usize {
    let problem = streams.get(&StreamId::Problem(received.problem.clone()));
    let revisions = problem.into_iter().flatten().filter_map(|recorded| match &recorded.event {
        Event::ProblemRevised(revised) => Some(revised),
        _ => None,
    });
    let mut revisions = revisions.filter(|it| it.revision == received.revision);
    revisions.next().map_or(0, |revised| revised.content.tests.len())
}

/// Every view equals the result of a replay (INV-10), and every checkpoint is at the log's end
/// (INV-9).
async fn views(stores: &Stores, events: &[Recorded], violations: &mut Vec<String>) {
    let fresh = Arc::new(MemoryViews::default());
    let head = Position(events.len() as u64);
    for projection in projector::all() {
        let name = projection.commit_name();
        let reached = stores.views.reached().get(&name).map(|it| (it.position, it.event));
        if reached != events.last().map(|last| (last.position, last.id)) {
            violations.push(format!("{name} is not at the log's end but at {reached:?}"));
        }
        let runtime = Runtime { log: stores.log.clone(), views: fresh.sides(), projection };
        if let Err(error) = runtime.catch_up(head, |_| ()).await {
            violations.push(format!("{name} cannot be replayed: {error}"));
        }
    }
    let (live, replayed) = (stores.views.documents(), fresh.documents());
    let names: BTreeSet<&String> = live.keys().chain(replayed.keys()).collect();
    for name in names.into_iter().filter(|name| live.get(*name) != replayed.get(*name)) {
        let (live, replayed) = (live.get(name), replayed.get(name));
        let keys: BTreeSet<&String> =
            live.into_iter().chain(replayed).flat_map(|documents| documents.keys()).collect();
        for key in keys {
            let of =
                |documents: Option<&BTreeMap<_, _>>| documents.and_then(|it| it.get(key).cloned());
            if of(live) != of(replayed) {
                violations.push(format!("{name}/{key} differs from a replay of the log"));
            }
        }
    }
}

/// All of the log is signed, and verifies (INV-14).
async fn signatures(
    stores: &Stores,
    facts: &Facts<'_>,
    events: &[Recorded],
    violations: &mut Vec<String>,
) {
    let Some(key) = &facts.key else { return };
    let tree = Tree::new(stores.tree.clone());
    match audit::verify(stores.log.as_ref(), &tree, &[key.verifier()], &[], |_| ()).await {
        Ok(report) if report.broken.is_none() && report.verified == events.len() as u64 => {}
        Ok(report) => violations.push(format!("the log differs from what was signed: {report:?}")),
        Err(error) => violations.push(format!("the log cannot be verified: {error}")),
    }
}
