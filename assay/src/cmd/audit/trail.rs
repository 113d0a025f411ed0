//! `assay audit SUBMISSION`

use domain::submission::{AbandonReason, TestOutcome};
use domain::{Event, Recorded, StreamId, SubmissionId};
use event_store::EventLog;
use graphql::GlobalId;
use serde_json::json;

use crate::cmd::print_json;
use crate::config::Config;
use crate::stores::open_existing_stores;
use crate::{Exit, Failure};

/// Prints a submission's history.
pub(super) async fn run(config: &Config, submission: &str, json: bool) -> Result<Exit, Failure> {
    let id = parse(submission)?;
    let stores = open_existing_stores(config).await?;
    let events = read(stores.log.as_ref(), id).await?;
    if json {
        let events: Vec<_> = events.iter().map(stored).collect();
        print_json(&events)?;
    } else {
        print!("{}", trail(&events));
    }
    Ok(Exit::Done)
}

/// Parses a submission's id or UUID.
pub(super) fn parse(text: &str) -> Result<SubmissionId, Failure> {
    match text.parse::<GlobalId>() {
        Ok(GlobalId::Submission(id)) => Ok(id),
        _ => text.parse().map_err(|_| {
            Failure::new(Exit::Usage, format!("{text:?} is not a submission's id (sub_…)"))
        }),
    }
}

/// The submission's events, in order.
pub(crate) async fn read(log: &dyn EventLog, id: SubmissionId) -> Result<Vec<Recorded>, Failure> {
    let events = event_store::read_stream_whole(log, &StreamId::Submission(id)).await;
    let events = events.map_err(|error| Failure::of(Exit::Network, "reading the log", &error))?;
    if events.is_empty() {
        return Err(Failure::new(Exit::Usage, format!("the log has no submission {id}")));
    }
    Ok(events)
}

/// Formats events for people: one line per event, with its details below.
pub(crate) fn trail(events: &[Recorded]) -> String {
    let mut text = String::new();
    for recorded in events {
        let Recorded { position, recorded_at, event, metadata, .. } = recorded;
        let (kind, actor) = (event.kind(), metadata.actor.as_str());
        text.push_str(&format!("{position:>8}  {recorded_at:.6}  {kind:<20}  {actor}\n"));
        for line in details(event) {
            text.push_str(&format!("{:>10}{line}\n", ""));
        }
    }
    text
}

fn details(event: &Event) -> Vec<String> {
    match event {
        Event::SubmissionReceived(it) => vec![
            format!("{} for {} (revision {})", it.language, it.problem, it.revision),
            format!("source {} ({} bytes)", it.source, it.source_bytes),
        ],
        Event::JudgingStarted(it) => {
            vec![format!("attempt {}, {} tests", it.attempt, it.tests)]
        }
        Event::Compiled(it) => {
            let how = if it.ok { "compiled" } else { "did not compile" };
            vec![format!("{how} in {} ms", it.time_ms)]
        }
        Event::TestsJudged(it) => {
            let outcomes = it.outcomes.iter().map(|outcome| {
                let TestOutcome { number, verdict, time_ms, memory_kib, .. } = outcome;
                let end = outcome.end.map(|end| format!(", {end}")).unwrap_or_default();
                format!("test {number}: {verdict}, {time_ms} ms, {memory_kib} KiB{end}")
            });
            outcomes.collect()
        }
        Event::JudgingFinished(it) => {
            let from = &it.provenance;
            vec![
                format!("{}, {} ms, {} KiB", it.verdict, it.time_ms, it.memory_kib),
                format!(
                    "by assay {} in {} with {}",
                    from.assay,
                    from.sandbox,
                    first_line(&from.toolchain)
                ),
                format!("program {}", from.program),
                format!("revision {}", from.revision),
            ]
        }
        Event::AttemptAbandoned(it) => vec![format!("attempt {}: {}", it.attempt, why(&it.reason))],
        Event::SubmissionAbandoned(it) => {
            vec![format!("after {} deliveries: {}", it.deliveries, it.detail)]
        }
        Event::SubmissionCancelled(it) => {
            let during = it.attempt.map(|attempt| format!("during attempt {attempt}"));
            during.into_iter().chain(it.reason.clone()).collect()
        }
        Event::TrialStarted(it) => {
            vec![format!("again for {} (revision {})", it.rejudge, it.submission.revision)]
        }
        Event::RejudgeCreated(it) => {
            vec![format!("{} submissions, by {}: {}", it.members.len(), it.by, it.reason)]
        }
        Event::RejudgeTrialsQueued(it) => vec![format!("{} trials", it.trials)],
        Event::RejudgeApplied(it) => {
            vec![format!("{} judged, {} failed, by {}", it.found.len(), it.failed.len(), it.by)]
        }
        Event::RejudgeCancelled(it) => vec![format!("by {}", it.by)],
        Event::RejudgeReverted(it) => vec![format!("by {}", it.by)],
        Event::ProblemVisibilityChanged(it) => vec![format!("{:?}", it.visibility)],
        Event::ProblemTransferred(it) => vec![format!("to {}", it.owner)],
        Event::CollaboratorAdded(it) => vec![it.login.to_string()],
        Event::CollaboratorRemoved(it) => vec![it.login.to_string()],
        Event::ProblemTextRulesChanged(it) => {
            vec![format!("editorial {:?}, hints {:?}", it.editorial, it.hints)]
        }
        Event::WebhookCreated(it) => vec![format!("to {}, by {}", it.url, it.by)],
        Event::WebhookAdvanced(it) => vec![format!("through {}", it.through)],
        Event::DeliveryGivenUp(it) => {
            vec![format!("position {} after {} attempts: {}", it.position, it.attempts, it.reason)]
        }
        Event::DeliveryRetried(it) => vec![format!("position {}, by {}", it.position, it.by)],
        Event::WebhookRewound(it) => vec![format!("to position {}, by {}", it.from, it.by)],
        Event::WebhookDisabled(it) => vec![format!("at position {}", it.position)],
        Event::WebhookRemoved(it) => vec![format!("by {}", it.by)],
        Event::AccountRegistered(_)
        | Event::RoleGranted(_)
        | Event::RoleRevoked(_)
        | Event::AccountErased(_)
        | Event::ProblemRevised(_)
        | Event::ProblemArchived(_)
        | Event::ProblemRestored(_) => vec![],
    }
}

/// Why an attempt has no verdict.
fn why(reason: &AbandonReason) -> String {
    match reason {
        AbandonReason::Superseded => "replaced by a later attempt".to_owned(),
        AbandonReason::ShutDown => "its evaluator was shut down".to_owned(),
        AbandonReason::Failed { detail } => format!("failed: {detail}"),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// An event as it is stored, with its position.
fn stored(recorded: &Recorded) -> serde_json::Value {
    let body: serde_json::Value = serde_json::from_str(&recorded.body).unwrap_or_default();
    json!({
        "position": recorded.position,
        "version": recorded.version,
        "recorded_at": recorded.recorded_at,
        "body": body,
    })
}
