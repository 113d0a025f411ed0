//! One group's rule on the results of its children.

use super::{
    Aggregation, CheckerScore, GroupGrade, Objective, Rule, ScoreMode, TestResult, VerdictMode,
    Worth,
};
use crate::Verdict;

/// Scores that differ by less are the same: they are sums of decimal fractions.
const SCORE_TOLERANCE: f64 = 1e-9;

/// From the worst on. What is not named in the format stands where it does the least harm.
const WORST_FIRST: [Verdict; 9] = [
    Verdict::JudgeError,
    Verdict::RuntimeError,
    Verdict::MemoryLimitExceeded,
    Verdict::TimeLimitExceeded,
    Verdict::OutputLimitExceeded,
    Verdict::WrongAnswer,
    Verdict::PresentationError,
    Verdict::CompileError,
    Verdict::Partial,
];

impl VerdictMode {
    pub(super) fn of(self, children: &[GroupGrade], accept_if_any_accepted: bool) -> Verdict {
        let accepted = |child: &GroupGrade| child.verdict == Verdict::Accepted;
        if self == Self::AlwaysAccept || accept_if_any_accepted && children.iter().any(accepted) {
            return Verdict::Accepted;
        }
        let mut rejected =
            children.iter().map(|child| child.verdict).filter(|it| *it != Verdict::Accepted);
        let found = match self {
            Self::FirstError => rejected.next(),
            _ => {
                let rejected: Vec<_> = rejected.collect();
                WORST_FIRST.into_iter().find(|verdict| rejected.contains(verdict))
            }
        };
        found.unwrap_or(Verdict::Accepted)
    }
}

impl ScoreMode {
    pub(super) fn of(self, children: &[GroupGrade]) -> f64 {
        let scores = children.iter().map(|child| child.score);
        match self {
            _ if children.is_empty() => 0.0,
            Self::Sum => scores.sum(),
            Self::Avg => scores.sum::<f64>() / children.len() as f64,
            Self::Min => scores.fold(f64::INFINITY, f64::min),
            Self::Max => scores.fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

impl Aggregation {
    pub(super) fn of(self, children: &[GroupGrade], max_score: Option<f64>) -> GroupGrade {
        let verdict = VerdictMode::FirstError.of(children, false);
        let score = match self {
            Self::PassFail if verdict == Verdict::Accepted => max_score.unwrap_or(0.0),
            Self::PassFail => 0.0,
            Self::Sum => ScoreMode::Sum.of(children),
            Self::Min => ScoreMode::Min.of(children),
        };
        GroupGrade { verdict, score }
    }
}

impl Rule {
    /// What one of its tests is worth, where those with points of their own have so many together, and so many have
    /// none.
    pub(super) fn worth(&self, points: Option<f64>, own_points: f64, without: usize) -> Worth {
        match self {
            Self::Grader { scores, .. } | Self::Custom { scores, .. } => {
                Worth { accepted: Some(points.unwrap_or(scores.accept)), rejected: scores.reject }
            }
            Self::Aggregate { aggregation, max_score } => {
                let shared = max_score.map(|max| match aggregation {
                    Aggregation::Sum => (max - own_points) / without.max(1) as f64,
                    Aggregation::Min | Aggregation::PassFail => max,
                });
                Worth { accepted: points.or(shared), rejected: 0.0 }
            }
        }
    }

    /// What is wrong with a score that a validator gave to a test of this group.
    pub(super) fn objection(&self, result: TestResult, max: Option<f64>) -> Option<String> {
        let Self::Aggregate { aggregation, .. } = self else { return None };
        let accepted = result.verdict == Verdict::Accepted;
        match (result.score, max) {
            (Some(_), _) if !accepted => Some("it scored a rejected output".to_owned()),
            (Some(_), _) if *aggregation == Aggregation::PassFail => {
                Some("it scored a test of a group that is passed or failed".to_owned())
            }
            (Some(CheckerScore::Share(_)), None) => {
                Some("it gave a share of a score that has no bound".to_owned())
            }
            (Some(CheckerScore::Points(points)), _) if points < 0.0 => {
                Some(format!("it gave {points} points, less than none"))
            }
            (Some(CheckerScore::Points(points)), Some(max)) if points > max + SCORE_TOLERANCE => {
                Some(format!("it gave {points} points where {max} is the most"))
            }
            (None, None) if accepted && *aggregation != Aggregation::PassFail => {
                Some("it gave no score, and the group's score has no bound".to_owned())
            }
            _ => None,
        }
    }

    /// Whether a group with this rule cannot have scored this.
    pub(super) fn is_out_of_range(&self, score: f64) -> bool {
        let (min, max) = match self {
            Self::Grader { scores, .. } | Self::Custom { scores, .. } => (scores.min, scores.max),
            Self::Aggregate { max_score, .. } => (Some(0.0), *max_score),
        };
        min.is_some_and(|min| score < min - SCORE_TOLERANCE)
            || max.is_some_and(|max| score > max + SCORE_TOLERANCE)
    }
}

/// The verdict of a scored submission that is not rejected as a whole: all points, some or none.
pub(super) fn of_score(
    score: f64,
    objective: Objective,
    best: Option<f64>,
    first_failure: Option<Verdict>,
) -> Verdict {
    let is_best = match (best, objective) {
        (Some(best), Objective::Max) => score >= best - SCORE_TOLERANCE,
        (Some(best), Objective::Min) => score <= best + SCORE_TOLERANCE,
        (None, _) => first_failure.is_none(),
    };
    match first_failure {
        _ if is_best => Verdict::Accepted,
        Some(failure) if objective == Objective::Max && score <= SCORE_TOLERANCE => failure,
        _ => Verdict::Partial,
    }
}
