//! Grading: turns the results of tests into a verdict and a score.
//!
//! Tests are arranged in a tree of groups. A group's rule combines the results of its children
//! (tests and groups, in judging order): a grader of the older Kattis format, or an aggregation of
//! the newer one. The same walk decides which tests must still be judged: a group may stop at its
//! first rejected child, and may depend on other groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Verdict;

mod rules;
mod survey;

pub use survey::{GraderCall, Rubric, Survey, TestState};

/// How test results become a verdict, and a score where the problem is scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grading {
    /// Which scores are better; `None` for a problem without scores.
    pub objective: Option<Objective>,
    /// The groups in judging order: the root first, and parents before their children.
    pub groups: Vec<TestGroup>,
}

/// Which of two scores is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// A higher score is better.
    Max,
    /// A lower score is better.
    Min,
}

/// A group of tests and groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestGroup {
    /// Its name in the package: empty for the root, `sample`, `secret/large`.
    pub name: String,
    /// Index of its parent in [`Grading::groups`]; `None` for the root.
    pub parent: Option<u32>,
    /// Whether the rest of the group is judged after a child was rejected.
    pub on_reject: OnFailure,
    /// Indexes of the groups that must be accepted for this one to be judged. They come before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require_pass: Vec<u32>,
    /// How its result is computed.
    pub rule: Rule,
}

/// Whether later tests are judged after one was rejected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Every test is judged.
    #[default]
    Continue,
    /// The rest of the group is skipped after the first rejected test or group in it.
    Stop,
}

/// How a group's result is computed from the results of its children.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rule {
    /// The default grader of the older Kattis format.
    Grader {
        /// How the group's verdict is computed.
        verdict: VerdictMode,
        /// How the group's score is computed.
        score: ScoreMode,
        /// Whether only the last child of the group counts.
        #[serde(default, skip_serializing_if = "is_false")]
        ignore_sample: bool,
        /// Whether one accepted child makes the group accepted.
        #[serde(default, skip_serializing_if = "is_false")]
        accept_if_any_accepted: bool,
        /// Scores of the group's tests.
        scores: TestScores,
    },
    /// The package's own grader computes the result.
    Custom {
        /// The grader's arguments.
        flags: Vec<String>,
        /// Scores of the group's tests.
        scores: TestScores,
    },
    /// An aggregation of the newer Kattis format.
    Aggregate {
        /// How the group's score is computed.
        aggregation: Aggregation,
        /// The maximum score; `None` for no bound.
        max_score: Option<f64>,
    },
}

/// Scores of the tests of a group with [`Rule::Grader`] or [`Rule::Custom`], unless a validator
/// gives another, and the bounds of the group's own score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TestScores {
    /// Score of an accepted test without points of its own.
    pub accept: f64,
    /// Score of a rejected test.
    pub reject: f64,
    /// The group's minimum score; `None` for no bound.
    pub min: Option<f64>,
    /// The group's maximum score; `None` for no bound.
    pub max: Option<f64>,
}

impl Default for TestScores {
    fn default() -> Self {
        Self { accept: 1.0, reject: 0.0, min: None, max: None }
    }
}

/// How a group's verdict is computed from its children's verdicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictMode {
    /// Accepted if all children are; otherwise the worst verdict.
    #[default]
    WorstError,
    /// Accepted if all children are; otherwise the first verdict that is not.
    FirstError,
    /// Always accepted.
    AlwaysAccept,
}

/// How a group's score is computed from its children's scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreMode {
    /// The sum of the scores.
    #[default]
    Sum,
    /// The mean of the scores.
    Avg,
    /// The lowest score.
    Min,
    /// The highest score.
    Max,
}

/// How a group's score is computed in the newer Kattis format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregation {
    /// The maximum score if every child is accepted, otherwise 0.
    PassFail,
    /// The sum of the children's scores.
    Sum,
    /// The lowest of the children's scores.
    Min,
}

/// A test's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slot {
    /// Index of its group in [`Grading::groups`].
    pub group: u32,
    /// The test's own points, if it has any.
    pub points: Option<f64>,
}

/// The score that a validator gives to an accepted output.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum CheckerScore {
    /// A number of points.
    Points(f64),
    /// A fraction, from 0 to 1, of the score of an accepted test.
    Share(f64),
}

/// The scores of a test, unless its validator gives one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Worth {
    /// Score if accepted; `None` when the validator must give it.
    pub accepted: Option<f64>,
    /// Score if rejected.
    pub rejected: f64,
}

/// The part of a test's outcome that affects the grade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestResult {
    /// The test's verdict.
    pub verdict: Verdict,
    /// The score that its validator gave.
    pub score: Option<CheckerScore>,
}

/// The result of a group, or of a test within a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupGrade {
    /// The verdict.
    pub verdict: Verdict,
    /// The score, not rounded; without meaning where the problem is not scored.
    pub score: f64,
}

/// The result of a group, as recorded in events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupOutcome {
    /// The group's name in the package.
    pub name: String,
    /// The group's verdict; `None` when it was not judged.
    pub verdict: Option<Verdict>,
    /// The group's score; set for scored problems only.
    pub score: Option<f64>,
}

/// The result of a submission.
#[derive(Debug, Clone, PartialEq)]
pub struct Grade {
    /// The submission's verdict.
    pub verdict: Verdict,
    /// The root group's verdict, from which the submission's may differ in scored problems.
    pub root: Verdict,
    /// The submission's score; set for scored problems only.
    pub score: Option<f64>,
    /// The result of every group except the root.
    pub groups: Vec<GroupOutcome>,
    /// A message for every group whose score is out of its range.
    pub out_of_range: Vec<String>,
    /// Whether the score alone decides the verdict, as in the newer Kattis format.
    pub points_decide: bool,
}

impl Grade {
    /// The first message of `out_of_range`, if the format counts such a score as a judge error.
    pub fn impossible_score(&self) -> Option<&str> {
        self.out_of_range.first().filter(|_| self.points_decide).map(String::as_str)
    }
}

/// Results that the package's own grader gave, by the group's index in [`Grading::groups`].
pub type CustomGrades = BTreeMap<u32, GroupGrade>;

impl Grading {
    /// One group for all tests, without scores.
    pub fn pass_fail(on_reject: OnFailure) -> Self {
        Self { objective: None, groups: vec![TestGroup::root(on_reject)] }
    }

    /// Messages about everything that makes it invalid for these tests; empty when it is valid.
    pub fn flaws(&self, tests: &[Slot]) -> Vec<String> {
        let mut flaws = Vec::new();
        let name = |place: u32| match self.groups.get(place as usize) {
            Some(group) if group.name.is_empty() => "the root".to_owned(),
            Some(group) => format!("the group {}", group.name),
            None => format!("group number {place}"),
        };
        if self.groups.is_empty() {
            flaws.push("a root group is required".to_owned());
        }
        for (place, group) in (0..).zip(&self.groups) {
            let is_root = place == 0;
            if group.parent.is_none() != is_root || group.parent.is_some_and(|up| up >= place) {
                flaws.push(format!("{} must come after its parent group", name(place)));
            }
            for &required in &group.require_pass {
                if required >= place || self.is_within(place, required) {
                    let required = name(required);
                    flaws.push(format!(
                        "{} requires {required}, which must come before it",
                        name(place)
                    ));
                }
            }
            if !group.rule.numbers().all(f64::is_finite) {
                flaws.push(format!("{} must have finite scores", name(place)));
            }
        }
        let is_required =
            |place: u32| self.groups.iter().any(|group| group.require_pass.contains(&place));
        for place in (0..self.groups.len() as u32).filter(|place| is_required(*place)) {
            if !tests.iter().any(|slot| self.is_within(slot.group, place)) {
                flaws.push(format!("{} is required but has no tests", name(place)));
            }
        }
        let is_sound = |slot: &Slot| {
            (slot.group as usize) < self.groups.len() && slot.points.is_none_or(f64::is_finite)
        };
        if !tests.iter().all(is_sound) {
            flaws.push("every test must be in a group and have finite points".to_owned());
        }
        flaws
    }
}

impl Grading {
    /// Whether `place` is `other` or a descendant of it.
    fn is_within(&self, place: u32, other: u32) -> bool {
        let up = |place: &u32| {
            let parent = self.groups.get(*place as usize)?.parent?;
            (parent < *place).then_some(parent)
        };
        std::iter::successors(Some(place), up).any(|place| place == other)
    }
}

impl TestGroup {
    /// A root group without scores.
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
    /// Accepted if every child is; otherwise the verdict of the first rejected child.
    pub fn first_error() -> Self {
        Self::Grader {
            verdict: VerdictMode::FirstError,
            score: ScoreMode::Sum,
            ignore_sample: false,
            accept_if_any_accepted: false,
            scores: TestScores::default(),
        }
    }

    /// The best score of a group with this rule; `None` when there is no bound.
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
