//! Work that no running evaluator can do.

use async_graphql::{ID, SimpleObject};
use domain::StreamId;
use event_store::{Ability, Declined, Lane};

use crate::{Api, ApiError, GlobalId};

/// Declined work read at once, and at most for one request.
const PAGE: u32 = 100;
const DECLINED_READ_MAX: usize = 1_000;

/// Work that waits because no running evaluator can do it.
#[derive(Debug, Clone, SimpleObject)]
pub struct StuckWork {
    /// The id of the submission to judge; null for other work.
    submission: Option<ID>,
    /// The id of the rejudge that the work belongs to; null for other work.
    rejudge: Option<ID>,
    /// What an evaluator must be able to do: `judge:LANGUAGE` for the submission, and `run:LANGUAGE`
    /// for the problem's own programs.
    needs: Vec<String>,
}

impl From<Declined> for StuckWork {
    fn from(declined: Declined) -> Self {
        let (submission, rejudge) = match &declined.item.stream {
            StreamId::Submission(id) => (Some(*id), None),
            StreamId::Trial(trial) => (Some(trial.submission), Some(trial.rejudge)),
            StreamId::Rejudge(id) => (None, Some(*id)),
            StreamId::Problem(_)
            | StreamId::Account(_)
            | StreamId::Webhook(_)
            | StreamId::Run(_) => (None, None),
        };
        Self {
            submission: submission.map(|id| GlobalId::Submission(id).into()),
            rejudge: rejudge.map(|id| GlobalId::Rejudge(id).into()),
            needs: declined.needs.iter().map(Ability::to_string).collect(),
        }
    }
}

impl StuckWork {
    /// At most `first` pieces of a lane, the oldest first. Looks at no more than 1,000 pieces of
    /// declined work.
    pub(super) async fn of(api: &Api, lane: Lane, first: usize) -> Result<Vec<Self>, ApiError> {
        let workers = api.queue.workers().await?;
        let is_stuck = |declined: &Declined| {
            !workers.iter().any(|worker| declined.needs.is_subset(&worker.abilities))
        };
        let (mut stuck, mut read, mut after) = (vec![], 0, None);
        while stuck.len() < first && read < DECLINED_READ_MAX {
            let page = api.queue.declined(lane, after.as_ref(), PAGE).await?;
            read += page.len();
            let is_last = page.len() < PAGE as usize;
            after = page.last().map(|declined| declined.receipt.clone());
            stuck.extend(page.into_iter().filter(is_stuck).map(Self::from));
            if is_last {
                break;
            }
        }
        stuck.truncate(first);
        Ok(stuck)
    }
}
