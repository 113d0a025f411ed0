//! Submissions with all their attempts.

use domain::{Event, Recorded, StreamId};
use read_model::views::SubmissionView;
use read_model::{Collection, View};

use crate::{Missing, Projection, Workspace};

/// Keeps [`SubmissionView`].
#[derive(Debug)]
pub(super) struct Submissions;

impl Projection for Submissions {
    fn name(&self) -> &'static str {
        "submissions"
    }

    fn version(&self) -> u32 {
        2
    }

    fn collections(&self) -> Vec<Collection> {
        vec![SubmissionView::COLLECTION]
    }

    fn apply(&self, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing> {
        let StreamId::Submission(id) = &recorded.stream else { return Ok(()) };
        if let Event::SubmissionReceived(received) = &recorded.event {
            views.put(SubmissionView::new(received, recorded));
        } else if let Some(mut submission) = views.get::<SubmissionView>(&id.to_string())? {
            submission.evolve(recorded);
            views.put(submission);
        }
        Ok(())
    }
}
