//! Submissions, their judgements and outcomes; rejudges and their trials.

mod attempts;
mod rejudges;

use domain::{Event, Recorded, StreamId, SubmissionId};
use read_model::views::{JudgementView, OutcomesView, RejudgeView, SubmissionView, TrialView};
use read_model::{Collection, View};

use crate::{Missing, Projection, Workspace};

/// Keeps [`SubmissionView`], [`JudgementView`], [`OutcomesView`], [`RejudgeView`] and
/// [`TrialView`]. They are one projection, so that all changes from applying a rejudge are
/// committed at one position (INV-9).
#[derive(Debug)]
pub(super) struct Submissions;

impl Projection for Submissions {
    fn name(&self) -> &'static str {
        "submissions"
    }

    fn version(&self) -> u32 {
        5
    }

    fn collections(&self) -> Vec<Collection> {
        vec![
            SubmissionView::COLLECTION,
            JudgementView::COLLECTION,
            OutcomesView::COLLECTION,
            RejudgeView::COLLECTION,
            TrialView::COLLECTION,
        ]
    }

    fn parked_name(&self) -> &'static str {
        "parked_submissions"
    }

    fn wants(&self, stream: &StreamId) -> bool {
        matches!(stream, StreamId::Submission(_) | StreamId::Rejudge(_) | StreamId::Trial(_))
    }

    fn apply(&self, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing> {
        match &recorded.stream {
            StreamId::Submission(id) => judge(*id, recorded, views),
            StreamId::Rejudge(id) => rejudges::advance(*id, recorded, views),
            StreamId::Trial(id) => rejudges::try_again(*id, recorded, views),
            StreamId::Problem(_)
            | StreamId::Account(_)
            | StreamId::Webhook(_)
            | StreamId::Run(_) => Ok(()),
        }
    }
}

fn judge(id: SubmissionId, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing> {
    if let Event::SubmissionReceived(received) = &recorded.event {
        views.put(SubmissionView::new(received, recorded));
    } else if let Some(mut submission) = views.get::<SubmissionView>(&id.to_string())? {
        submission.evolve(recorded);
        views.put(submission);
        attempts::advance(&id.to_string(), recorded, views)?;
    }
    Ok(())
}
