//! Queues the trials of a rejudge. Each trial is judged like a submission.

use std::collections::BTreeMap;

use domain::rejudge::{Member, Rejudge, RejudgeCommand, RejudgePhase};
use domain::submission::{Submission, SubmissionCommand, SubmissionRejection, TrialStarted};
use domain::{Actor, Aggregate, Event, EventId, NewEvent, RejudgeId, StreamId, TrialId, Version};
use event_store::{
    AppendBatch, AppendError, Context, Declined, ExecuteError, Lane, ReadError, Stream, Work,
    WorkItem, append_surely, read_stream_whole,
};
use futures::future::try_join_all;

use crate::interruption::Interruption;
use crate::tools::Tools;

/// The most trials that are queued concurrently.
const QUEUED_AT_ONCE: usize = 32;
/// Declined trials that are read at once.
const DECLINED_PAGE: u32 = 500;
/// The most events of a rejudge after its first.
const EVENTS_AFTER_FIRST_MAX: u32 = 8;

/// Queues a trial for each member, then records that all are queued. An evaluator that repeats this
/// after another was lost writes the same events, which the log recognises by their ids.
pub(crate) async fn queue_trials(
    tools: &Tools,
    work: &Work,
    id: RejudgeId,
) -> Result<(), Interruption> {
    let log = tools.log.as_ref();
    let events = read_stream_whole(log, &work.item.stream).await?;
    let mut rejudge = Stream::<Rejudge>::fold(work.item.stream.clone(), &events);
    let first = events.first().filter(|_| rejudge.state.phase == RejudgePhase::Judging);
    let Some(created) = first.filter(|_| !rejudge.state.queued) else {
        return Ok(tools.queue.discard(&work.receipt).await?);
    };
    let context = Context::caused_by(Actor::evaluator(&tools.name), created);
    for members in rejudge.state.members().chunks(QUEUED_AT_ONCE) {
        if is_cancelled(tools, id).await? {
            return Ok(tools.queue.discard(&work.receipt).await?);
        }
        try_join_all(members.iter().map(|member| queue_trial(tools, id, member, &context))).await?;
    }
    let (queued, receipt) = (vec![RejudgeCommand::RecordQueued], work.receipt.clone());
    match rejudge.execute(log, queued, &context, None, Some(receipt)).await {
        Ok(_) => Ok(()),
        Err(ExecuteError::Append(AppendError::Conflict { .. })) => Err(Interruption::Fenced),
        Err(ExecuteError::Append(error)) => Err(Interruption::Append(error)),
        // Cannot happen for a rejudge that exists.
        Err(ExecuteError::Rejected(_)) => Ok(tools.queue.discard(&work.receipt).await?),
    }
}

/// Starts a trial and queues its work in one step (INV-6).
async fn queue_trial(
    tools: &Tools,
    rejudge: RejudgeId,
    member: &Member,
    context: &Context,
) -> Result<(), Interruption> {
    let of = StreamId::Submission(member.submission);
    let first = tools.log.read_stream(&of, Version(1), 1).await?.into_iter().next();
    let Some(Event::SubmissionReceived(mut submission)) = first.map(|recorded| recorded.event)
    else {
        return Err(Interruption::Rejected(SubmissionRejection::NotFound));
    };
    submission.revision = member.revision;
    let start = SubmissionCommand::StartTrial(TrialStarted { rejudge, submission });
    let decided = Submission::default().decide(start).map_err(Interruption::Rejected)?;
    let trial = TrialId { rejudge, submission: member.submission };
    let id = EventId(trial.first_event());
    let events =
        decided.into_iter().map(|event| NewEvent { id, event, metadata: context.metadata() });
    let stream = StreamId::Trial(trial);
    let batch = AppendBatch {
        stream: stream.clone(),
        expected: Version::NONE,
        events: events.collect(),
        enqueue: Some(WorkItem { lane: Lane::Rejudge, stream, account: None }),
        complete: None,
    };
    append_surely(tools.log.as_ref(), &batch).await.map_err(Interruption::Append)?;
    Ok(())
}

/// Discards the declined trials of cancelled rejudges. Other trials are discarded when an evaluator
/// takes them, but none can take these while no evaluator has their language.
pub(crate) async fn discard_cancelled_trials(tools: &Tools) -> Result<(), Interruption> {
    let mut cancelled: BTreeMap<RejudgeId, bool> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = tools.queue.declined(Lane::Rejudge, after.as_ref(), DECLINED_PAGE).await?;
        for Declined { item, receipt, .. } in &page {
            let StreamId::Trial(trial) = &item.stream else { continue };
            let is_cancelled = match cancelled.get(&trial.rejudge) {
                Some(known) => *known,
                None => is_cancelled(tools, trial.rejudge).await?,
            };
            cancelled.insert(trial.rejudge, is_cancelled);
            if is_cancelled {
                tools.queue.discard(receipt).await?;
            }
        }
        if page.len() < DECLINED_PAGE as usize {
            return Ok(());
        }
        after = page.into_iter().next_back().map(|declined| declined.receipt);
    }
}

/// Whether the rejudge was cancelled, so that its trials' results do not count. Does not read the
/// first event, which is large.
pub(crate) async fn is_cancelled(tools: &Tools, id: RejudgeId) -> Result<bool, ReadError> {
    let stream = StreamId::Rejudge(id);
    let later = tools.log.read_stream(&stream, Version(2), EVENTS_AFTER_FIRST_MAX).await?;
    Ok(later.iter().any(|recorded| matches!(recorded.event, Event::RejudgeCancelled(_))))
}
