//! Records the crashes of earlier evaluators as failures of what they were judging.

use std::error::Error;
use std::time::Duration;

use crash_note::LeftNote;
use domain::submission::{AbandonReason, AttemptAbandoned, Phase, Submission, SubmissionCommand};
use domain::{Actor, StreamId};
use event_store::{Context, Stream, alert, lasting_fault};

use crate::interruption::Interruption;
use crate::tools::Tools;
use crate::{run, session};

/// Delay after the log failed.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Why an attempt that ended with a crash failed.
const CRASHED: &str = "the evaluator crashed while judging it";

/// Records that the evaluators of these notes crashed, and removes the notes. Waits as long as the
/// log is unavailable: work that is taken earlier would be tried without counting the crash.
pub(crate) async fn record(tools: &Tools, notes: Vec<LeftNote>) {
    for note in notes {
        for submission in &note.in_progress {
            match submission.parse() {
                Ok(id) => record_surely(tools, &id, &note.process).await,
                Err(_) => tracing::warn!(submission, "a note of a crash names no submission"),
            }
        }
        let evaluator = note.process.clone();
        if let Err(error) = note.remove() {
            let error = &error as &dyn Error;
            tracing::warn!(evaluator, error, "removing the note of a crash failed");
        }
    }
}

/// Tries until the log has answered. Damaged data is logged and passed over.
async fn record_surely(tools: &Tools, submission: &StreamId, evaluator: &str) {
    while let Err(error) = record_crash(tools, submission, evaluator).await {
        let lasts = lasting_fault(&error).is_some();
        let (alert, detail) = (alert(&error), session::detail(&error));
        tracing::warn!(%submission, evaluator, alert, detail, "recording a crash failed");
        match error {
            // The submission is no longer this evaluator's.
            Interruption::Fenced | Interruption::Rejected(_) => return,
            _ if lasts => return,
            _ => tokio::time::sleep(RETRY_DELAY).await,
        }
    }
}

/// Ends the attempt as failed if it is still that evaluator's (INV-7). Its work stays in the queue
/// until the lease expires, and the next evaluator counts the failures.
async fn record_crash(
    tools: &Tools,
    submission: &StreamId,
    evaluator: &str,
) -> Result<(), Interruption> {
    if let StreamId::Run(id) = submission {
        return run::record_crash(tools, *id, evaluator, CRASHED).await;
    }
    let log = tools.log.as_ref();
    let events = event_store::read_stream_whole(log, submission).await?;
    let mut stream = Stream::<Submission>::fold(submission.clone(), &events);
    let (Phase::Judging(attempt), Some(first)) = (&stream.state.phase, events.first()) else {
        return Ok(());
    };
    if session::holder(&events) != Some(evaluator) {
        return Ok(());
    }
    let attempt = attempt.number;
    let reason = AbandonReason::Failed { detail: CRASHED.to_owned() };
    let abandon = SubmissionCommand::AbandonAttempt(AttemptAbandoned { attempt, reason });
    let context = Context::caused_by(Actor::evaluator(&tools.name), first);
    stream.execute(log, vec![abandon], &context, None, None).await?;
    tracing::error!(%submission, evaluator, alert = true, "an evaluator crashed while judging");
    Ok(())
}
