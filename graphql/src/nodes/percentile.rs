//! How an accepted submission compares with the others.

use async_graphql::{Context, Result, SimpleObject};
use domain::Verdict;
use read_model::views::{DistributionView, SubmissionView};

use crate::Api;
use crate::loaders::Key;

/// How an accepted submission compares with all accepted ones to the same problem in the same
/// language. 100 is the best.
#[derive(Debug, Clone, SimpleObject)]
pub struct Percentile {
    /// The percentage of them, itself included, that took as much CPU time or more. Times that
    /// differ by less than an eighth may count as equal.
    time: f64,
    /// The percentage of them, itself included, that took as much memory or more. Amounts that
    /// differ by less than an eighth may count as equal.
    memory: f64,
}

/// The percentile of a submission; `None` unless it is accepted and the views have counted it.
pub(super) async fn percentile(
    ctx: &Context<'_>,
    submission: &SubmissionView,
) -> Result<Option<Percentile>> {
    let Some(measured) =
        submission.measured().filter(|_| submission.verdict == Some(Verdict::Accepted))
    else {
        return Ok(None);
    };
    let key = DistributionView::key_of(&submission.problem, &submission.language);
    let distribution = Api::loader(ctx).load_one(Key::<DistributionView>::new(key)).await?;
    Ok(distribution.and_then(|all| {
        let time = all.times.at_least(measured.time_ms)?;
        let memory = all.memories.at_least(measured.memory_kib)?;
        Some(Percentile { time, memory })
    }))
}
