//! Scores: a problem's scoring, and a submission's results by group.

use async_graphql::{Enum, SimpleObject};
use domain::grading::GroupOutcome;
use read_model::views::ScoringView;

use super::Verdict;

/// Which of two scores is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::grading::Objective")]
pub enum Objective {
    /// A larger score is better.
    Max,
    /// A smaller score is better.
    Min,
}

/// How a problem is scored.
#[derive(Debug, Clone, SimpleObject)]
pub struct Scoring {
    /// Which of two scores is better.
    objective: Objective,
    /// The best possible score; null if there is no bound.
    best: Option<f64>,
    /// The test groups; a group comes before the groups within it.
    groups: Vec<ScoringGroup>,
}

/// A test group of a scored problem.
#[derive(Debug, Clone, SimpleObject)]
pub struct ScoringGroup {
    /// The group's name in the package.
    name: String,
    /// The group's highest possible score; null if there is no bound.
    max_score: Option<f64>,
}

impl From<ScoringView> for Scoring {
    fn from(view: ScoringView) -> Self {
        let groups = view.groups.into_iter();
        let groups = groups.map(|it| ScoringGroup { name: it.name, max_score: it.max_score });
        Self { objective: view.objective.into(), best: view.best, groups: groups.collect() }
    }
}

/// The result of a test group.
#[derive(Debug, Clone, SimpleObject)]
pub struct GroupResult {
    /// The group's name in the package.
    name: String,
    /// The group's verdict; null if it was not judged.
    verdict: Option<Verdict>,
    /// The group's score; null if the problem is not scored.
    score: Option<f64>,
}

impl From<GroupOutcome> for GroupResult {
    fn from(GroupOutcome { name, verdict, score }: GroupOutcome) -> Self {
        Self { name, verdict: verdict.map(Into::into), score }
    }
}
