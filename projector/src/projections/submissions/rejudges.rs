//! Rejudges with their trials, and the effect of applying and reverting them on submissions.

use domain::rejudge::{RejudgeApplied, RejudgeReverted};
use domain::submission::TrialStarted;
use domain::{Event, Recorded, RejudgeId, SubmissionId, TrialId};
use read_model::views::{
    JudgementView, RejudgeState, RejudgeView, SubmissionState, SubmissionView, TrialView,
};

use super::attempts;
use crate::{Missing, Workspace};

/// Applies an event of a rejudge's own stream.
pub(super) fn advance(
    id: RejudgeId,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    if let Event::RejudgeCreated(created) = &recorded.event {
        views.put(RejudgeView::new(created, recorded));
        return Ok(());
    }
    let Some(mut rejudge) = views.get::<RejudgeView>(&id.to_string())? else { return Ok(()) };
    rejudge.advance(recorded);
    match &recorded.event {
        Event::RejudgeApplied(applied) => {
            let RejudgeApplied { by, reason, .. } = applied;
            rejudge.step(RejudgeState::Applied, by, reason.as_ref(), recorded);
            apply(id, applied, recorded, views)?;
        }
        Event::RejudgeReverted(reverted) => {
            let RejudgeReverted { by, reason, .. } = reverted;
            rejudge.step(RejudgeState::Reverted, by, reason.as_ref(), recorded);
            revert(id, reverted, recorded, views)?;
        }
        Event::RejudgeCancelled(it) => {
            rejudge.step(RejudgeState::Cancelled, &it.by, it.reason.as_ref(), recorded);
        }
        _ => {}
    }
    views.put(rejudge);
    Ok(())
}

fn apply(
    id: RejudgeId,
    applied: &RejudgeApplied,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    load(id, applied.found.iter().map(|found| found.submission), views)?;
    for found in &applied.found {
        if let Some(mut submission) = views.get::<SubmissionView>(&found.submission.to_string())? {
            submission.apply_rejudge(id, found.verdict, recorded);
            take_measured(&mut submission, views)?;
            views.put(submission);
        }
    }
    Ok(())
}

fn revert(
    id: RejudgeId,
    reverted: &RejudgeReverted,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    load(id, reverted.submissions.iter().copied(), views)?;
    for submission in &reverted.submissions {
        if let Some(mut submission) = views.get::<SubmissionView>(&submission.to_string())? {
            submission.revert_rejudge(id, recorded);
            take_measured(&mut submission, views)?;
            views.put(submission);
        }
    }
    Ok(())
}

/// Requests all views that these members of a rejudge may need, at once.
fn load(
    id: RejudgeId,
    submissions: impl Iterator<Item = SubmissionId>,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let keys: Vec<String> = submissions.map(|submission| submission.to_string()).collect();
    views.require::<SubmissionView>(keys.clone())?;
    let (mut trials, mut judgements) = (Vec::new(), Vec::new());
    for key in &keys {
        let Some(submission) = views.get::<SubmissionView>(key)? else { continue };
        let rejudges = submission.verdicts.rejudged.iter().map(|rejudged| rejudged.rejudge);
        let submission_id = submission.id;
        trials.extend(
            rejudges
                .chain([id])
                .map(|rejudge| TrialId { rejudge, submission: submission_id }.to_string()),
        );
        judgements.push(JudgementView::key_of(key, submission.attempts));
    }
    views.require::<TrialView>(trials)?;
    views.require::<JudgementView>(judgements)
}

/// Copies what the judgement that counts measured, if it is known.
fn take_measured(submission: &mut SubmissionView, views: &mut Workspace) -> Result<(), Missing> {
    let measured = match submission.verdicts.rejudged.last() {
        Some(rejudged) => {
            let trial = TrialId { rejudge: rejudged.rejudge, submission: submission.id };
            let trial = views.get::<TrialView>(&trial.to_string())?;
            trial.map(|trial| trial.judged.measured())
        }
        None => {
            let key = JudgementView::key_of(&submission.id.to_string(), submission.attempts);
            views.get::<JudgementView>(&key)?.map(|judgement| judgement.measured())
        }
    };
    if let Some(measured) = measured {
        submission.take_measured(measured);
    }
    Ok(())
}

/// Applies an event of a trial's stream. It changes no submission.
pub(super) fn try_again(
    id: TrialId,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    if let Event::TrialStarted(started) = &recorded.event {
        return begin(started, recorded, views);
    }
    let Some(mut trial) = views.get::<TrialView>(&id.to_string())? else { return Ok(()) };
    let submission = views.get::<SubmissionView>(&id.submission.to_string())?;
    trial.evolve(recorded, submission.and_then(|submission| submission.verdict));
    if trial.judged.state == SubmissionState::Judged
        && let Some(mut rejudge) = views.get::<RejudgeView>(&id.rejudge.to_string())?
    {
        rejudge.count(&trial, recorded);
        views.put(rejudge);
    }
    views.put(trial);
    attempts::advance(&id.to_string(), recorded, views)
}

fn begin(
    started: &TrialStarted,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let submission = views.get::<SubmissionView>(&started.submission.submission.to_string())?;
    let number = submission.map_or(0, |submission| submission.number);
    views.put(TrialView::new(started, number, recorded));
    Ok(())
}
