//! From the outcomes of tests to a verdict and a score.
//!
//! Tests stand in a tree of groups. A group's result is made from those of its children, tests and
//! groups, in judging order, by the group's rule: a grader of the older formats, or an aggregation of
//! the newer one. The same walk says which tests are still to be judged: a group may stop at its first
//! rejected child, and may depend on other groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Verdict;
use crate::problem::OnFailure;

mod rules;
mod survey;

pub use survey::{GraderCall, Rubric, Slot, Survey, TestState};

/// How tests make a verdict, and a score where the problem is scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grading {
    /// `None` for a problem that is only passed or failed.
    pub objective: Option<Objective>,
    /// The root first, parents before their children, in judging order.
    pub groups: Vec<TestGroup>,
}

/// Which of two scores is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The larger.
    Max,
    /// The smaller.
    Min,
}

/// A group of tests and groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestGroup {
    /// As the package names it: empty for the root, `sample`, `secret/large`.
    pub name: String,
    /// Its place in [`Grading::groups`]; `None` for the root.
    pub parent: Option<u32>,
    /// Whether the rest is judged after a child was rejected.
    pub on_reject: OnFailure,
    /// Groups that must be accepted for this one to be judged. They come before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require_pass: Vec<u32>,
    /// How its result is made.
    pub rule: Rule,
}

/// How the results of a group's children make its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rule {
    /// The default grader of the older formats.
    Grader {
        /// Of the group.
        verdict: VerdictMode,
        /// Of the group.
        score: ScoreMode,
        /// Only the last of the root's children counts.
        #[serde(default, skip_serializing_if = "is_false")]
        ignore_sample: bool,
        /// One accepted child makes the group accepted.
        #[serde(default, skip_serializing_if = "is_false")]
        accept_if_any_accepted: bool,
        /// What its tests score.
        scores: TestScores,
    },
    /// A program of the package's makes the result.
    Custom {
        /// Its arguments.
        flags: Vec<String>,
        /// What its tests score.
        scores: TestScores,
    },
    /// The newer format's.
    Aggregate {
        /// Of scores.
        aggregation: Aggregation,
        /// The most that can be scored; `None` for no bound.
        max_score: Option<f64>,
    },
}

/// What a test of the older formats scores, unless its validator says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TestScores {
    /// When it is accepted.
    pub accept: f64,
    /// When it is rejected.
    pub reject: f64,
    /// The least that the group can score; `None` for no bound.
    pub min: Option<f64>,
    /// The most that the group can score; `None` for no bound.
    pub max: Option<f64>,
}

impl Default for TestScores {
    fn default() -> Self {
        Self { accept: 1.0, reject: 0.0, min: None, max: None }
    }
}

/// Which verdict a group gets from its children's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictMode {
    /// Accepted if all are, else the worst of them.
    #[default]
    WorstError,
    /// Accepted if all are, else the first that is not.
    FirstError,
    /// Accepted.
    AlwaysAccept,
}

/// Which score a group gets from its children's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreMode {
    /// All together.
    #[default]
    Sum,
    /// Their mean.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// How the newer format makes a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregation {
    /// All points or none.
    PassFail,
    /// All scores together.
    Sum,
    /// The least score.
    Min,
}

/// What a validator says an accepted output is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum CheckerScore {
    /// So many points.
    Points(f64),
    /// This share of what the test is worth.
    Share(f64),
}

/// What a test is worth, unless its validator says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Worth {
    /// When it is accepted; `None` when only its validator knows.
    pub accepted: Option<f64>,
    /// When it is rejected.
    pub rejected: f64,
}

impl Worth {
    /// What a test with this result scores; `None` when its validator should have said.
    pub fn score(self, result: TestResult) -> Option<f64> {
        match result.score {
            Some(CheckerScore::Points(points)) => Some(points),
            Some(CheckerScore::Share(share)) => Some(share * self.accepted?),
            None if result.verdict == Verdict::Accepted => self.accepted,
            None => Some(self.rejected),
        }
    }

    /// The same score as it is shown, with at most nine decimal places.
    pub fn shown(self, result: TestResult) -> Option<f64> {
        self.score(result).map(rules::shown)
    }
}

/// What of a test's outcome bears on the grade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestResult {
    /// What it was found to be.
    pub verdict: Verdict,
    /// What its validator says it is worth.
    pub score: Option<CheckerScore>,
}

/// What a group came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupGrade {
    /// Of the group.
    pub verdict: Verdict,
    /// Of the group; zero where the problem is not scored.
    pub score: f64,
}

/// What a group came to, as it is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupOutcome {
    /// As the package names it.
    pub name: String,
    /// Of the group; `None` when it was not judged.
    pub verdict: Option<Verdict>,
    /// Of the group, where the problem is scored.
    pub score: Option<f64>,
}

/// What everything came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Grade {
    /// Of the submission.
    pub verdict: Verdict,
    /// Of the root group, before its points make the verdict of the submission.
    pub root: Verdict,
    /// Of the submission, where the problem is scored.
    pub score: Option<f64>,
    /// Of every group but the root.
    pub groups: Vec<GroupOutcome>,
    /// Scores that cannot be: beyond what their group may score.
    pub out_of_range: Vec<String>,
    /// Points alone make the verdict, as in the newer format.
    pub points_decide: bool,
}

impl Grade {
    /// A score that the rules do not allow, where they say that it is the judge's fault.
    pub fn impossible_score(&self) -> Option<&str> {
        self.out_of_range.first().filter(|_| self.points_decide).map(String::as_str)
    }
}

/// Results that graders of the package gave, by the group's place.
pub type CustomGrades = BTreeMap<u32, GroupGrade>;

impl Grading {
    /// All tests in one group, which is passed or failed.
    pub fn pass_fail(on_reject: OnFailure) -> Self {
        Self { objective: None, groups: vec![TestGroup::root(on_reject)] }
    }

    /// Everything that makes it unusable for so many tests, in words.
    pub fn flaws(&self, tests: &[Slot]) -> Vec<String> {
        let mut flaws = Vec::new();
        let name = |place: u32| match self.groups.get(place as usize) {
            Some(group) if group.name.is_empty() => "the root".to_owned(),
            Some(group) => format!("the group {}", group.name),
            None => format!("group number {place}"),
        };
        if self.groups.is_empty() {
            flaws.push("there is a root group".to_owned());
        }
        for (place, group) in (0..).zip(&self.groups) {
            let is_root = place == 0;
            if group.parent.is_none() != is_root || group.parent.is_some_and(|up| up >= place) {
                flaws.push(format!("{} comes after the group that it is in", name(place)));
            }
            for &required in &group.require_pass {
                if required >= place || self.is_within(place, required) {
                    let required = name(required);
                    flaws.push(format!(
                        "{} requires {required}, which comes before it",
                        name(place)
                    ));
                }
            }
            if !group.rule.numbers().all(f64::is_finite) {
                flaws.push(format!("{} has finite scores", name(place)));
            }
        }
        let is_required =
            |place: u32| self.groups.iter().any(|group| group.require_pass.contains(&place));
        for place in (0..self.groups.len() as u32).filter(|place| is_required(*place)) {
            if !tests.iter().any(|slot| self.is_within(slot.group, place)) {
                flaws.push(format!("{} is required and has no tests", name(place)));
            }
        }
        let is_sound = |slot: &Slot| {
            (slot.group as usize) < self.groups.len() && slot.points.is_none_or(f64::is_finite)
        };
        if !tests.iter().all(is_sound) {
            flaws.push("every test is in a group and has finite points".to_owned());
        }
        flaws
    }
}

impl Grading {
    /// Whether a group is another, or in it.
    fn is_within(&self, place: u32, other: u32) -> bool {
        let up = |place: &u32| {
            let parent = self.groups.get(*place as usize)?.parent?;
            (parent < *place).then_some(parent)
        };
        std::iter::successors(Some(place), up).any(|place| place == other)
    }
}

impl TestGroup {
    /// A root that is passed or failed.
    pub fn root(on_reject: OnFailure) -> Self {
        Self {
            name: String::new(),
            parent: None,
            on_reject,
            require_pass: vec![],
            rule: Rule::first_error(),
        }
    }
}

impl Rule {
    /// Accepted if every child is, else what the first rejected one is.
    pub fn first_error() -> Self {
        Self::Grader {
            verdict: VerdictMode::FirstError,
            score: ScoreMode::Sum,
            ignore_sample: false,
            accept_if_any_accepted: false,
            scores: TestScores::default(),
        }
    }

    /// The best that a group with this rule is said to score; `None` where there is no bound.
    pub fn bound(&self, objective: Objective) -> Option<f64> {
        match (self, objective) {
            (Self::Grader { scores, .. } | Self::Custom { scores, .. }, Objective::Max) => {
                scores.max
            }
            (Self::Grader { scores, .. } | Self::Custom { scores, .. }, Objective::Min) => {
                scores.min
            }
            (Self::Aggregate { max_score, .. }, Objective::Max) => *max_score,
            (Self::Aggregate { .. }, Objective::Min) => Some(0.0),
        }
    }

    fn numbers(&self) -> impl Iterator<Item = f64> {
        let numbers = match *self {
            Self::Grader { scores, .. } | Self::Custom { scores, .. } => {
                [Some(scores.accept), Some(scores.reject), scores.min, scores.max]
            }
            Self::Aggregate { max_score, .. } => [max_score, None, None, None],
        };
        numbers.into_iter().flatten()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests;
