//! Scores: what a problem gives, and what a submission got.

use async_graphql::{Enum, SimpleObject};
use domain::grading::GroupOutcome;
use read_model::views::ScoringView;

use super::Verdict;

/// Which of two scores is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::grading::Objective")]
pub enum Objective {
    /// The larger.
    Max,
    /// The smaller.
    Min,
}

/// How a problem is scored.
#[derive(Debug, Clone, SimpleObject)]
pub struct Scoring {
    /// Which of two scores is better.
    objective: Objective,
    /// The best there can be; null when there is no bound.
    best: Option<f64>,
    /// Its test groups, each before those within it.
    groups: Vec<ScoringGroup>,
}

/// A test group of a scored problem.
#[derive(Debug, Clone, SimpleObject)]
pub struct ScoringGroup {
    /// As the package names it.
    name: String,
    /// The most it can score; null when there is no bound.
    max_score: Option<f64>,
}

impl From<ScoringView> for Scoring {
    fn from(view: ScoringView) -> Self {
        let groups = view.groups.into_iter();
        let groups = groups.map(|it| ScoringGroup { name: it.name, max_score: it.max_score });
        Self { objective: view.objective.into(), best: view.best, groups: groups.collect() }
    }
}

/// What a test group came to.
#[derive(Debug, Clone, SimpleObject)]
pub struct GroupResult {
    /// As the package names it.
    name: String,
    /// Null when it was not judged.
    verdict: Option<Verdict>,
    /// Scored problems only.
    score: Option<f64>,
}

impl From<GroupOutcome> for GroupResult {
    fn from(GroupOutcome { name, verdict, score }: GroupOutcome) -> Self {
        Self { name, verdict: verdict.map(Into::into), score }
    }
}
