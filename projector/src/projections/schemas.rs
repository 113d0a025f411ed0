//! Readers × writers: logs in every schema that an Assay ever wrote, read by all code that reads
//! events (INV-3).
//!
//! A writer is an Assay with certain schemas of the events. Each log contains the same story, built
//! from the golden files, with every kind of event.

use std::collections::BTreeMap;
use std::path::Path;

use domain::account::Account;
use domain::problem::Problem;
use domain::rejudge::{Rejudge, RejudgePhase};
use domain::submission::{Phase, Submission};
use domain::webhook::{Webhook, WebhookPhase};
use domain::{Aggregate, Event, Recorded, StreamId, Verdict};
use read_model::views::{
    AccountView, ProblemView, RejudgeState, RejudgeView, SubmissionState, SubmissionView,
};
use serde_json::value::RawValue;

use super::all;
use super::tests::recorded;
use crate::Workspace;

const ADA: &str = "account:ada";
const PROBLEM: &str = "problem:a-plus-b";
const JUDGED: &str = "submission:018f3c5e-7b1a-7c3d-9a54-0242ac120003";
const GIVEN_UP: &str = "submission:018f3c5e-7b1a-7c3d-9a54-0242ac120004";
const CANCELLED: &str = "submission:018f3c5e-7b1a-7c3d-9a54-0242ac120005";
const REJUDGE: &str = "rejudge:018f3c5e-7b1a-7c3d-9a54-0242ac120009";
const ANOTHER: &str = "rejudge:018f3c5e-7b1a-7c3d-9a54-0242ac120010";
const WEBHOOK: &str = "webhook:018f3c5e-7b1a-7c3d-9a54-0242ac12000a";
const TRIAL: &str =
    "trial:018f3c5e-7b1a-7c3d-9a54-0242ac120009.018f3c5e-7b1a-7c3d-9a54-0242ac120003";

/// The story: the stream and type of each event, in order.
const STORY: &[(&str, &str)] = &[
    (ADA, "AccountRegistered"),
    (ADA, "RoleGranted"),
    (ADA, "RoleRevoked"),
    (PROBLEM, "ProblemRevised"),
    (PROBLEM, "ProblemVisibilityChanged"),
    (PROBLEM, "CollaboratorAdded"),
    (PROBLEM, "CollaboratorRemoved"),
    (PROBLEM, "ProblemTextRulesChanged"),
    (PROBLEM, "ProblemTransferred"),
    (PROBLEM, "ProblemArchived"),
    (PROBLEM, "ProblemRestored"),
    (JUDGED, "SubmissionReceived"),
    (JUDGED, "JudgingStarted"),
    (JUDGED, "Compiled"),
    (JUDGED, "TestsJudged"),
    (JUDGED, "JudgingFinished"),
    (GIVEN_UP, "SubmissionReceived"),
    (GIVEN_UP, "JudgingStarted"),
    (GIVEN_UP, "AttemptAbandoned"),
    (GIVEN_UP, "SubmissionAbandoned"),
    (CANCELLED, "SubmissionReceived"),
    (CANCELLED, "JudgingStarted"),
    (CANCELLED, "SubmissionCancelled"),
    (REJUDGE, "RejudgeCreated"),
    (TRIAL, "TrialStarted"),
    (TRIAL, "JudgingStarted"),
    (TRIAL, "TestsJudged"),
    (TRIAL, "JudgingFinished"),
    (REJUDGE, "RejudgeTrialsQueued"),
    (REJUDGE, "RejudgeApplied"),
    (REJUDGE, "RejudgeReverted"),
    (ANOTHER, "RejudgeCreated"),
    (ANOTHER, "RejudgeCancelled"),
    (WEBHOOK, "WebhookCreated"),
    (WEBHOOK, "DeliveryGivenUp"),
    (WEBHOOK, "DeliveryRetried"),
    (WEBHOOK, "WebhookAdvanced"),
    (WEBHOOK, "WebhookRewound"),
    (WEBHOOK, "WebhookDisabled"),
    (WEBHOOK, "WebhookRemoved"),
    (ADA, "AccountErased"),
];

/// The schema of each event that an Assay writes.
type Writer = BTreeMap<&'static str, u32>;

/// The current writer, the first one, and each that differs from the current one in one event.
fn writers() -> Vec<Writer> {
    let today: Writer = Event::SCHEMAS.iter().copied().collect();
    let mut writers = vec![today.clone(), today.keys().map(|kind| (*kind, 1)).collect()];
    for (kind, newest) in Event::SCHEMAS {
        for older in 1..*newest {
            let mut writer = today.clone();
            writer.insert(kind, older);
            writers.push(writer);
        }
    }
    writers
}

fn log_of(writer: &Writer) -> Vec<Recorded> {
    let entry = |(position, (stream, kind)): (u64, &(&str, &str))| {
        let schema = writer[kind];
        let stream: StreamId = stream.parse().unwrap();
        let event = Event::decode(kind, schema, &golden(kind, schema)).unwrap();
        let event = of(&stream, event);
        recorded(position, stream, event)
    };
    (1..).zip(STORY).map(entry).collect()
}

/// The golden files name one submission and one rejudge, but the story has several.
fn of(stream: &StreamId, mut event: Event) -> Event {
    match (stream, &mut event) {
        (StreamId::Submission(id), Event::SubmissionReceived(received)) => {
            received.submission = *id;
        }
        (StreamId::Rejudge(id), Event::RejudgeCreated(created)) => created.rejudge = *id,
        _ => {}
    }
    event
}

fn golden(kind: &str, schema: u32) -> Box<RawValue> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/golden");
    let text = std::fs::read_to_string(folder.join(format!("{kind}.{schema}.json"))).unwrap();
    serde_json::from_str(text.trim()).unwrap()
}

fn fold<A: Aggregate>(log: &[Recorded], stream: &str) -> A {
    let stream: StreamId = stream.parse().unwrap();
    let mut state = A::default();
    for recorded in log.iter().filter(|recorded| recorded.stream == stream) {
        state.evolve(&recorded.event);
    }
    state
}

/// The verdict in this writer's log.
fn verdict(log: &[Recorded]) -> Verdict {
    let finished = log.iter().find_map(|recorded| match &recorded.event {
        Event::JudgingFinished(finished) => Some(finished.verdict),
        _ => None,
    });
    finished.unwrap()
}

#[test]
fn every_event_has_its_place_in_the_story() {
    for (kind, _) in Event::SCHEMAS {
        assert!(STORY.iter().any(|(_, listed)| listed == kind), "{kind} is not in the story");
    }
}

#[test]
fn every_aggregate_reads_what_every_writer_wrote() {
    for writer in writers() {
        let log = log_of(&writer);
        let account: Account = fold(&log, ADA);
        assert!(account.is_erased && account.roles.is_empty(), "{writer:?}");
        let problem: Problem = fold(&log, PROBLEM);
        assert_eq!(problem.current.unwrap().content.title, "A + B", "{writer:?}");
        let judged: Submission = fold(&log, JUDGED);
        assert_eq!(judged.phase, Phase::Judged(verdict(&log)), "{writer:?}");
        let given_up: Submission = fold(&log, GIVEN_UP);
        assert_eq!(given_up.phase, Phase::Judged(Verdict::JudgeError), "{writer:?}");
        let cancelled: Submission = fold(&log, CANCELLED);
        assert_eq!(cancelled.phase, Phase::Cancelled, "{writer:?}");
        let trial: Submission = fold(&log, TRIAL);
        assert_eq!(trial.phase, Phase::Judged(verdict(&log)), "{writer:?}");
        let (rejudge, another): (Rejudge, Rejudge) = (fold(&log, REJUDGE), fold(&log, ANOTHER));
        let phases = (rejudge.phase, another.phase);
        assert_eq!(phases, (RejudgePhase::Reverted, RejudgePhase::Cancelled), "{writer:?}");
        let webhook: Webhook = fold(&log, WEBHOOK);
        assert_eq!(webhook.phase, WebhookPhase::Removed, "{writer:?}");
    }
}

#[test]
fn every_projection_reads_what_every_writer_wrote() {
    for writer in writers() {
        let log = log_of(&writer);
        let mut views = Workspace::new(true);
        for recorded in &log {
            for projection in all() {
                projection.apply(recorded, &mut views).unwrap();
                views.keep();
            }
        }
        let id = |stream: &str| stream.split_once(':').unwrap().1.to_owned();
        let account: AccountView = views.get(&id(ADA)).unwrap().unwrap();
        assert_eq!(account.login.to_string(), "ada", "{writer:?}");
        assert!(account.roles.is_empty(), "it was erased: {writer:?}");
        let problem: ProblemView = views.get(&id(PROBLEM)).unwrap().unwrap();
        assert_eq!((problem.title.as_str(), problem.submissions), ("A + B", 2), "{writer:?}");
        let submission: SubmissionView = views.get(&id(JUDGED)).unwrap().unwrap();
        // The applied rejudge was reverted, so the submission's own verdict counts.
        assert_eq!(submission.verdict, Some(verdict(&log)), "{writer:?}");
        let cancelled: SubmissionView = views.get(&id(CANCELLED)).unwrap().unwrap();
        assert_eq!((cancelled.state, cancelled.verdict), (SubmissionState::Cancelled, None));
        let rejudge: RejudgeView = views.get(&id(REJUDGE)).unwrap().unwrap();
        assert_eq!(rejudge.state, RejudgeState::Reverted, "{writer:?}");
    }
}
