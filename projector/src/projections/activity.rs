//! What accounts do per day and per language, and what accepted submissions take.

use std::collections::BTreeSet;

use domain::submission::{JudgingFinished, SubmissionReceived};
use domain::{Event, Recorded, RejudgeId, StreamId, SubmissionId, TrialId, Verdict};
use read_model::views::{
    ActivityView, CountedView, DistributionView, LanguageUseView, Measured, TrialMeasuredView,
};
use read_model::{Collection, View};

use crate::{Missing, Projection, Workspace};

/// Keeps [`ActivityView`], [`LanguageUseView`] and [`DistributionView`].
#[derive(Debug)]
pub(super) struct Activity;

impl Projection for Activity {
    fn name(&self) -> &'static str {
        "activity"
    }

    fn version(&self) -> u32 {
        1
    }

    fn collections(&self) -> Vec<Collection> {
        vec![
            ActivityView::COLLECTION,
            LanguageUseView::COLLECTION,
            DistributionView::COLLECTION,
            CountedView::COLLECTION,
            TrialMeasuredView::COLLECTION,
        ]
    }

    fn parked_name(&self) -> &'static str {
        "parked_activity"
    }

    fn wants(&self, stream: &StreamId) -> bool {
        matches!(stream, StreamId::Submission(_) | StreamId::Rejudge(_) | StreamId::Trial(_))
    }

    fn apply(&self, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing> {
        let at = recorded.recorded_at.into();
        match (&recorded.stream, &recorded.event) {
            (StreamId::Submission(_), Event::SubmissionReceived(received)) => {
                receive(received, recorded, views)
            }
            (StreamId::Submission(id), Event::JudgingFinished(finished)) => {
                recount(*id, views, |counted| {
                    counted.own = Some(Measured::from(finished));
                    counted.verdicts.judge(finished.verdict, at);
                })
            }
            (StreamId::Submission(id), Event::SubmissionAbandoned(_)) => {
                recount(*id, views, |counted| counted.verdicts.judge(Verdict::JudgeError, at))
            }
            (StreamId::Submission(id), Event::SubmissionCancelled(_)) => cancel(*id, views),
            (StreamId::Trial(id), Event::JudgingFinished(finished)) => {
                measure(*id, finished, views);
                Ok(())
            }
            (StreamId::Rejudge(id), Event::RejudgeApplied(applied)) => {
                load(*id, applied.found.iter().map(|found| found.submission), views)?;
                applied.found.iter().try_for_each(|found| {
                    recount(found.submission, views, |counted| {
                        counted.verdicts.apply(*id, found.verdict, at);
                    })
                })
            }
            (StreamId::Rejudge(id), Event::RejudgeReverted(reverted)) => {
                load(*id, reverted.submissions.iter().copied(), views)?;
                reverted.submissions.iter().try_for_each(|submission| {
                    recount(*submission, views, |counted| counted.verdicts.revert(*id))
                })
            }
            _ => Ok(()),
        }
    }
}

fn receive(
    received: &SubmissionReceived,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let counted = CountedView::new(received, recorded);
    count(&counted, (1, 0), views)?;
    views.put(counted);
    Ok(())
}

/// A cancelled submission does not count. It has no verdict.
fn cancel(id: SubmissionId, views: &mut Workspace) -> Result<(), Missing> {
    let key = id.to_string();
    let Some(counted) = views.get::<CountedView>(&key)? else { return Ok(()) };
    count(&counted, (-1, 0), views)?;
    views.delete::<CountedView>(&key);
    Ok(())
}

/// Keeps what a trial measured, for the time when its rejudge is applied.
fn measure(id: TrialId, finished: &JudgingFinished, views: &mut Workspace) {
    views.put(TrialMeasuredView { trial: id.to_string(), measured: finished.into() });
}

/// Requests all views that these members of a rejudge affect, at once.
fn load(
    rejudge: RejudgeId,
    submissions: impl Iterator<Item = SubmissionId>,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let submissions: Vec<SubmissionId> = submissions.collect();
    let keys: Vec<String> = submissions.iter().map(SubmissionId::to_string).collect();
    views.require::<CountedView>(keys.clone())?;
    let (mut days, mut languages) = (BTreeSet::new(), BTreeSet::new());
    let (mut distributions, mut trials) = (BTreeSet::new(), BTreeSet::new());
    for key in &keys {
        let Some(counted) = views.get::<CountedView>(key)? else { continue };
        days.insert(ActivityView::key_of(&counted.author, counted.day));
        languages.insert(LanguageUseView::key_of(&counted.author, &counted.language));
        distributions.insert(DistributionView::key_of(&counted.problem, &counted.language));
        let others = counted.verdicts.rejudged.iter().map(|rejudged| rejudged.rejudge);
        let rejudges = others.chain([rejudge]);
        let submission = counted.submission;
        trials.extend(rejudges.map(|rejudge| TrialId { rejudge, submission }.to_string()));
    }
    views.require::<ActivityView>(days.into_iter().collect())?;
    views.require::<LanguageUseView>(languages.into_iter().collect())?;
    views.require::<DistributionView>(distributions.into_iter().collect())?;
    views.require::<TrialMeasuredView>(trials.into_iter().collect())
}

/// Replaces what was counted before by what counts now.
fn recount(
    id: SubmissionId,
    views: &mut Workspace,
    change: impl FnOnce(&mut CountedView),
) -> Result<(), Missing> {
    let Some(mut counted) = views.get::<CountedView>(&id.to_string())? else { return Ok(()) };
    let was_accepted = counted.is_accepted();
    change(&mut counted);
    let accepted = i64::from(counted.is_accepted()) - i64::from(was_accepted);
    if accepted != 0 {
        count(&counted, (0, accepted), views)?;
    }
    let measured = match counted.counting_trial() {
        None => counted.own,
        Some(trial) => {
            let trial = views.get::<TrialMeasuredView>(&trial.to_string())?;
            trial.map(|trial| trial.measured)
        }
    };
    let distributed = measured.filter(|_| counted.is_accepted());
    if counted.distributed != distributed {
        let key = DistributionView::key_of(&counted.problem, &counted.language);
        let known = views.get::<DistributionView>(&key)?;
        let new = || DistributionView::new(counted.problem.clone(), counted.language.clone());
        let mut distribution = known.unwrap_or_else(new);
        if let Some(before) = counted.distributed {
            distribution.add(before, -1);
        }
        if let Some(now) = distributed {
            distribution.add(now, 1);
        }
        views.put(distribution);
        counted.distributed = distributed;
    }
    views.put(counted);
    Ok(())
}

/// Adds differences to the author's counters of submissions and accepted ones.
fn count(
    counted: &CountedView,
    (submissions, accepted): (i64, i64),
    views: &mut Workspace,
) -> Result<(), Missing> {
    let CountedView { author, day, language, .. } = counted;
    let key = ActivityView::key_of(author, *day);
    let mut of_day = views.get::<ActivityView>(&key)?.unwrap_or_else(|| ActivityView {
        login: author.clone(),
        day: *day,
        submissions: 0,
        accepted: 0,
    });
    of_day.submissions += submissions;
    of_day.accepted += accepted;
    match of_day.submissions {
        0 => views.delete::<ActivityView>(&key),
        _ => views.put(of_day),
    }
    let key = LanguageUseView::key_of(author, language);
    let mut of_language = views.get::<LanguageUseView>(&key)?.unwrap_or_else(|| LanguageUseView {
        login: author.clone(),
        language: language.clone(),
        submissions: 0,
        accepted: 0,
    });
    of_language.submissions += submissions;
    of_language.accepted += accepted;
    match of_language.submissions {
        0 => views.delete::<LanguageUseView>(&key),
        _ => views.put(of_language),
    }
    Ok(())
}
