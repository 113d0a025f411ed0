//! An organiser who creates a rejudge, and applies, cancels or reverts it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::rejudge::{
    Member, Rejudge, RejudgeCommand, RejudgeCreated, RejudgePhase, Selection, TrialEnd,
};
use domain::submission::{Phase, Submission};
use domain::{Actor, Login, RejudgeId, StreamId, SubmissionId, TrialId, Verdict};
use event_store::{Context, EventLog, Lane, Stream, WorkItem};

use crate::clients::{PATIENCE_MS, PAUSE_MS};
use crate::service::Counter;
use crate::world::World;
use crate::{Stores, faults};

/// What an organiser does with a rejudge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Applies it once its trials have ended.
    Apply,
    /// Cancels it without waiting for its trials.
    Cancel,
    /// Applies it once its trials have ended, and then reverts it.
    Revert,
}

/// A rejudge to create.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) submissions: Vec<SubmissionId>,
    pub(crate) intent: Intent,
    pub(crate) after: Duration,
}

impl Plan {
    pub(crate) fn id() -> RejudgeId {
        RejudgeId::from_idempotency_key(&organiser(), "again")
    }
}

fn organiser() -> Login {
    "eve".parse().expect("a login")
}

/// Why a step must be repeated.
enum NotYet {
    /// Something is missing, or a store did not answer.
    Wait,
    /// No submission has a verdict yet.
    Nothing,
}

/// Steps without anything to judge again, after the faults have ended, before giving up.
const NOTHING_MAX: u32 = 50;

/// Carries out the plan, and repeats steps until they succeed.
pub(crate) async fn rejudge(world: Arc<World>, stores: Stores, counter: Arc<Counter>, plan: Plan) {
    tokio::time::sleep(plan.after).await;
    let mut nothing = 0;
    while nothing < NOTHING_MAX {
        let patience = world.dice().time(PATIENCE_MS);
        if let Some(process) = counter.process() {
            let log = faults::ports(&process, &stores).log;
            let stepping = tokio::time::timeout(patience, step(log.as_ref(), &plan));
            match stepping.await {
                Ok(Ok(phase)) => {
                    return world.add_step("organiser", format_args!("done: {phase:?}"));
                }
                Ok(Err(NotYet::Nothing)) if !world.is_stormy() => nothing += 1,
                Ok(Err(NotYet::Wait | NotYet::Nothing)) | Err(_) => {}
            }
        }
        let pause = world.dice().time(PAUSE_MS);
        tokio::time::sleep(pause).await;
    }
}

/// Does the next step. Returns the rejudge's phase once nothing is left to do.
async fn step(log: &dyn EventLog, plan: &Plan) -> Result<RejudgePhase, NotYet> {
    let id = StreamId::Rejudge(Plan::id());
    let mut stream = Stream::<Rejudge>::load(log, id.clone()).await.map_err(|_| NotYet::Wait)?;
    let (by, reason) = (organiser(), None);
    let command = match (stream.state.phase, plan.intent) {
        (RejudgePhase::Absent, _) => {
            let members = members(log, plan).await?;
            let (rejudge, reason) = (Plan::id(), "the checker was wrong".to_owned());
            let selection = Selection::default();
            let created = RejudgeCreated { rejudge, by, reason, selection, members };
            let work = WorkItem { lane: Lane::Rejudge, stream: id, account: None };
            let create = vec![RejudgeCommand::Create(Box::new(created))];
            let context = Context::new(Actor::system());
            // The next step sees whether it was created.
            let _ = stream.execute(log, create, &context, Some(work), None).await;
            return Err(NotYet::Wait);
        }
        (RejudgePhase::Judging, Intent::Cancel) => RejudgeCommand::Cancel { by, reason },
        (RejudgePhase::Judging, Intent::Apply | Intent::Revert) => {
            let trials = trial_ends(log, &stream.state).await?;
            RejudgeCommand::Apply { by, reason, trials }
        }
        (RejudgePhase::Applied, Intent::Revert) => RejudgeCommand::Revert { by, reason },
        (phase, _) => return Ok(phase),
    };
    let context = Context::new(Actor::account(&organiser()));
    match stream.execute(log, vec![command], &context, None, None).await {
        Ok(_) if plan.intent != Intent::Revert => Ok(stream.state.phase),
        // Wait for trials that have not ended and stores that fail. The next step sees the result.
        Ok(_) | Err(_) => Err(NotYet::Wait),
    }
}

/// The submissions that have a verdict, with the revisions that they were judged against.
async fn members(log: &dyn EventLog, plan: &Plan) -> Result<Vec<Member>, NotYet> {
    let mut members = Vec::new();
    for submission in &plan.submissions {
        let id = StreamId::Submission(*submission);
        let state = Stream::<Submission>::load(log, id).await.map_err(|_| NotYet::Wait)?.state;
        if let (Phase::Judged(_), Some(received)) = (&state.phase, &state.received) {
            members.push(Member { submission: *submission, revision: received.revision });
        }
    }
    if members.is_empty() { Err(NotYet::Nothing) } else { Ok(members) }
}

async fn trial_ends(
    log: &dyn EventLog,
    state: &Rejudge,
) -> Result<BTreeMap<SubmissionId, TrialEnd>, NotYet> {
    let mut ends = BTreeMap::new();
    for member in state.members() {
        let trial = TrialId { rejudge: Plan::id(), submission: member.submission };
        let trial = Stream::<Submission>::load(log, StreamId::Trial(trial)).await;
        match trial.map_err(|_| NotYet::Wait)?.state.phase {
            Phase::Judged(Verdict::JudgeError) => ends.insert(member.submission, TrialEnd::Failed),
            Phase::Judged(verdict) => ends.insert(member.submission, TrialEnd::Judged(verdict)),
            Phase::Absent | Phase::Queued | Phase::Judging(_) | Phase::Cancelled => None,
        };
    }
    Ok(ends)
}
