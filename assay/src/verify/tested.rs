//! A package that is ready to be judged.

use std::sync::Arc;

use domain::Verdict;
use domain::problem::bounds;
use evaluator::judge::Fault;
use problem_package::{Package, SampleSubmission, TimeLimitUse, scaled};

use super::agreement;
use crate::local_judge::{Clock, LocalJudge, LocalResult, Tools};

/// The longest time that a run is observed, in milliseconds of CPU time: twice the highest possible
/// limit.
const WATCHED_MS_MAX: u64 = 2 * *bounds::TIME_MS.end();

/// A package, and the judge service for its problem.
#[derive(Debug)]
pub(super) struct Tested {
    pub(super) package: Package,
    pub(super) judge: LocalJudge,
}

impl Tested {
    pub(super) async fn open(tools: &Arc<Tools>, package: Package) -> Result<Self, Fault> {
        let blobs = Arc::new(package.blobs.clone());
        let judge = LocalJudge::open(tools, package.content.clone(), blobs).await?;
        Ok(Self { package, judge })
    }

    /// The time limits of each submission, given the problem's limit. A submission that must exceed
    /// the limit is observed for as long as it is expected to take.
    pub(super) fn clock(&self, limit_ms: u64) -> impl Fn(&SampleSubmission) -> Clock + use<> {
        let watched_ms = scaled(limit_ms, self.package.timing.margin).min(WATCHED_MS_MAX);
        move |submission| {
            let is_upper = time_use(submission) == TimeLimitUse::Upper;
            Clock { limit_ms, watched_ms: is_upper.then_some(watched_ms) }
        }
    }

    /// Every way in which a submission's result differs from what the package expects.
    pub(super) fn disagreements(
        &self,
        submission: &SampleSubmission,
        trial: &LocalResult,
    ) -> Vec<String> {
        let content = &self.package.content;
        let mut found =
            agreement::disagreements(submission, content, &trial.outcomes, &trial.grade);
        // Rules may not cover the test on which judging failed.
        if trial.grade.verdict == Verdict::JudgeError && found.is_empty() {
            found.push("expected to be judged".to_owned());
        }
        found
    }

    /// Remarks about a submission that agrees with the package.
    pub(super) fn remarks(
        &self,
        submission: &SampleSubmission,
        trial: &LocalResult,
    ) -> Vec<String> {
        let content = &self.package.content;
        agreement::remarks(submission, content, &trial.outcomes, &trial.grade)
    }
}

/// How a submission bounds the time limit.
pub(super) fn time_use(submission: &SampleSubmission) -> TimeLimitUse {
    let says = |wanted| submission.rules.iter().any(|rule| rule.time_limit == wanted);
    if says(TimeLimitUse::Upper) {
        TimeLimitUse::Upper
    } else if says(TimeLimitUse::Lower) {
        TimeLimitUse::Lower
    } else {
        TimeLimitUse::None
    }
}
