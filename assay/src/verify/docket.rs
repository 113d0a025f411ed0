//! A package that is ready to judge.

use std::sync::Arc;

use domain::Verdict;
use domain::problem::bounds;
use evaluator::judge::Fault;
use problem_package::{Package, SampleSubmission, TimeLimitUse, scaled};

use super::{agreement, time_use};
use crate::court::{Clock, Court, Tools, Trial};

/// How long a run is watched at most, in milliseconds of cpu time: twice as long as any limit can be.
const WATCHED_MS_MAX: u64 = 2 * *bounds::TIME_MS.end();

/// A package, and the court that judges its problem.
#[derive(Debug)]
pub(super) struct Docket {
    pub(super) package: Package,
    pub(super) court: Court,
}

impl Docket {
    pub(super) async fn open(tools: &Arc<Tools>, package: Package) -> Result<Self, Fault> {
        let blobs = Arc::new(package.blobs.clone());
        let court = Court::open(tools, package.content.clone(), blobs).await?;
        Ok(Self { package, court })
    }

    /// How long each submission runs where this is the limit: one that has to be beyond it is watched for as long as
    /// it should take.
    pub(super) fn clock(&self, limit_ms: u64) -> impl Fn(&SampleSubmission) -> Clock + use<> {
        let watched_ms = scaled(limit_ms, self.package.timing.margin).min(WATCHED_MS_MAX);
        move |submission| {
            let is_upper = time_use(submission) == TimeLimitUse::Upper;
            Clock { limit_ms, watched_ms: is_upper.then_some(watched_ms) }
        }
    }

    /// Everything in which a submission is not as the package says.
    pub(super) fn disagreements(
        &self,
        submission: &SampleSubmission,
        trial: &Trial,
    ) -> Vec<String> {
        let content = &self.package.content;
        let mut found =
            agreement::disagreements(submission, content, &trial.outcomes, &trial.grade);
        // A rule may say nothing about the test on which judging failed.
        if trial.grade.verdict == Verdict::JudgeError && found.is_empty() {
            found.push("expected to be judged".to_owned());
        }
        found
    }

    /// What is odd about a submission that is as the package says.
    pub(super) fn remarks(&self, submission: &SampleSubmission, trial: &Trial) -> Vec<String> {
        let content = &self.package.content;
        agreement::remarks(submission, content, &trial.outcomes, &trial.grade)
    }
}
