//! Applies a group's rule to the results of its children.

use super::{
    Aggregation, CheckerScore, GroupGrade, Objective, Rule, ScoreMode, TestResult, VerdictMode,
    Worth,
};
use crate::Verdict;

/// Scores that differ by less are equal: sums of decimal fractions are inexact.
const SCORE_TOLERANCE: f64 = 1e-9;

/// Decimal places of a score with the default grader of the older Kattis format.
const GRADER_DECIMALS: usize = 6;
/// Decimal places of any other score.
const DECIMALS: usize = 9;
/// Significant decimal digits that a double always preserves.
const DIGITS: i32 = 15;

/// The sum, with the rounding errors of the additions added back (Neumaier's algorithm).
fn sum(scores: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for score in scores {
        let next = sum + score;
        lost += match sum.abs() >= score.abs() {
            true => (sum - next) + score,
            false => (score - next) + sum,
        };
        sum = next;
    }
    // After an overflow `lost` is not finite, and there is nothing to add back.
    if lost.is_finite() { sum + lost } else { sum }
}

/// Rounds a score to this many decimal places, for display and comparison; fewer if a double does
/// not have them. Sums use unrounded scores, so that three thirds make a whole.
fn rounded(score: f64, decimals: usize) -> f64 {
    if !score.is_finite() || score == 0.0 {
        return score + 0.0;
    }
    let whole = score.abs().log10().floor() as i32 + 1;
    let places = usize::try_from(DIGITS - whole).unwrap_or(0).min(decimals);
    // Formatting rounds the exact value, which multiplying by a power of ten would not.
    let rounded: f64 = format!("{score:.places$}").parse().unwrap_or(score);
    // Adding 0 turns `-0` into `0`.
    rounded + 0.0
}

/// A test's score, rounded for display.
fn shown(score: f64) -> f64 {
    rounded(score, DECIMALS)
}

/// Verdicts from the worst on. Those that the format does not order are placed where they do the
/// least harm.
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
            Self::Sum => sum(scores),
            Self::Avg => sum(scores) / children.len() as f64,
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
    /// The scores of one of the group's tests. `own_points` is the sum over the tests with points
    /// of their own, `without` the number of tests without.
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

    /// What is wrong with a validator's score of a test in this group; `None` if nothing is. `max`
    /// is the test's score if accepted.
    pub(super) fn objection(&self, result: TestResult, max: Option<f64>) -> Option<String> {
        let Self::Aggregate { aggregation, .. } = self else { return None };
        let accepted = result.verdict == Verdict::Accepted;
        match (result.score, max) {
            (Some(_), _) if !accepted => Some("it scored a rejected output".to_owned()),
            (Some(_), _) if *aggregation == Aggregation::PassFail => {
                Some("it scored a test in a group that is only passed or failed".to_owned())
            }
            (Some(CheckerScore::Share(_)), None) => {
                Some("it gave a share of a score, but the test's score has no bound".to_owned())
            }
            (Some(CheckerScore::Points(points)), _) if points < 0.0 => {
                Some(format!("it gave {points} points, but points must not be negative"))
            }
            (Some(CheckerScore::Points(points)), Some(max)) if points > max + SCORE_TOLERANCE => {
                Some(format!("it gave {points} points, but the maximum is {max}"))
            }
            (None, None) if accepted && *aggregation != Aggregation::PassFail => {
                Some("it gave no score, and the test's score has no bound".to_owned())
            }
            _ => None,
        }
    }

    /// The score of a group with this rule, rounded for display.
    pub(super) fn shown(&self, score: f64) -> f64 {
        match self {
            Self::Grader { .. } => rounded(score, GRADER_DECIMALS),
            Self::Custom { .. } | Self::Aggregate { .. } => rounded(score, DECIMALS),
        }
    }

    /// Whether this score is out of the range of a group with this rule.
    pub(super) fn is_out_of_range(&self, score: f64) -> bool {
        let score = self.shown(score);
        let (min, max) = match self {
            Self::Grader { scores, .. } | Self::Custom { scores, .. } => (scores.min, scores.max),
            Self::Aggregate { max_score, .. } => (Some(0.0), *max_score),
        };
        min.is_some_and(|min| score < self.shown(min) - SCORE_TOLERANCE)
            || max.is_some_and(|max| score > self.shown(max) + SCORE_TOLERANCE)
    }
}

impl Worth {
    /// The score of a test with this result; `None` when its validator should have given one.
    pub fn score(self, result: TestResult) -> Option<f64> {
        match result.score {
            Some(CheckerScore::Points(points)) => Some(points),
            Some(CheckerScore::Share(share)) => Some(share * self.accepted?),
            None if result.verdict == Verdict::Accepted => self.accepted,
            None => Some(self.rejected),
        }
    }

    /// Like [`Self::score`], rounded for display to at most nine decimal places.
    pub fn shown(self, result: TestResult) -> Option<f64> {
        self.score(result).map(shown)
    }
}

/// The verdict of a scored submission whose score decides it.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_score_is_shown_with_the_digits_that_it_has() {
        let cases = [
            (0.1 + 0.2, 0.3),
            (100.000_000_000_000_01, 100.0),
            (99.999_999_999_999_99, 100.0),
            (33.333_333_333_333_336, 33.333_333_333),
            (1e-10, 0.0),
            (-1e-10, 0.0),
            (-2.5, -2.5),
            (0.0, 0.0),
            (-0.0, 0.0),
            (123_456_789.123_456_78, 123_456_789.123_457),
            (1e15 / 3.0, 333_333_333_333_333.0),
            (1e300, 1e300),
            (f64::MAX, f64::MAX),
        ];
        for (score, expected) in cases {
            assert_eq!(shown(score), expected, "{score:?}");
            assert!(shown(score).is_sign_positive() || expected < 0.0, "{score:?}");
        }
        assert_eq!(rounded(99.999_999_9, GRADER_DECIMALS), 100.0);
        assert_eq!(rounded(99.999_999, GRADER_DECIMALS), 99.999_999);
    }

    #[test]
    fn a_sum_loses_nothing_on_the_way() {
        let cases: [(&[f64], f64); 4] = [
            (&[0.1; 10], 1.0),
            (&[1e16, 1.0, -1e16], 1.0),
            (&[], 0.0),
            (&[f64::MAX, f64::MAX], f64::INFINITY),
        ];
        for (scores, expected) in cases {
            assert_eq!(sum(scores.iter().copied()), expected, "{scores:?}");
        }
    }

    proptest! {
        /// Equal shares of a whole add up to the whole.
        #[test]
        fn shares_make_the_whole(whole in 0..1_000_000_000_u32, parts in 1..2_000_usize) {
            let share = f64::from(whole) / parts as f64;
            prop_assert_eq!(shown(sum(std::iter::repeat_n(share, parts))), f64::from(whole));
        }

        /// So do shares of shares, as in nested groups.
        #[test]
        fn shares_of_shares_make_the_whole(
            whole in 0..1_000_000_u32, groups in 1..40_usize, parts in 1..40_usize,
        ) {
            let share = f64::from(whole) / groups as f64 / parts as f64;
            let group = sum(std::iter::repeat_n(share, parts));
            let all = sum(std::iter::repeat_n(group, groups));
            prop_assert_eq!(rounded(all, GRADER_DECIMALS), f64::from(whole));
            prop_assert_eq!(shown(all), f64::from(whole));
        }

        /// Decimal fractions add up as they do on paper, in any order.
        #[test]
        fn decimals_add_up(hundredths in proptest::collection::vec(-100_000..100_000_i64, 0..50)) {
            let total = hundredths.iter().sum::<i64>() as f64 / 100.0;
            let scores = hundredths.iter().map(|score| *score as f64 / 100.0);
            prop_assert_eq!(shown(sum(scores.clone())), total);
            prop_assert_eq!(shown(sum(scores.rev())), total);
        }

        /// Rounding a rounded score changes nothing.
        #[test]
        fn rounding_twice_is_rounding_once(score in any::<f64>(), decimals in 0..10_usize) {
            let once = rounded(score, decimals);
            prop_assert_eq!(rounded(once, decimals).to_bits(), once.to_bits());
            if score.is_finite() {
                let allowed = 0.5_f64.max(score.abs() * 1e-14);
                prop_assert!((once - score).abs() <= allowed, "{} {}", score, once);
            }
        }
    }
}
