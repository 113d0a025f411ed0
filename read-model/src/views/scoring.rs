//! How a problem is scored.

use std::collections::BTreeMap;

use domain::Verdict;
use domain::grading::{CustomGrades, Grade, Objective, TestResult};
use domain::problem::{Checker, Protocol, RevisionContent};
use serde::{Deserialize, Serialize};

/// How a problem is scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoringView {
    /// Whether higher or lower scores are better.
    pub objective: Objective,
    /// The best possible score; `None` if it is unbounded.
    pub best: Option<f64>,
    /// All groups except the root, parents first.
    pub groups: Vec<GroupView>,
}

/// A test group of a scored problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupView {
    /// The group's name in the package.
    pub name: String,
    /// The maximum score; `None` if it is unbounded.
    pub max_score: Option<f64>,
}

impl ScoringView {
    /// The scoring of a problem; `None` if it is pass-fail.
    pub fn of(content: &RevisionContent) -> Option<Self> {
        let objective = content.grading.objective?;
        let all_accepted = all_accepted(content);
        let (root, groups) = content.grading.groups.split_first()?;
        let best = match objective {
            Objective::Max => {
                let reached = all_accepted.as_ref().and_then(|grade| grade.score);
                root.rule.bound(objective).or(reached)
            }
            Objective::Min => root.rule.bound(objective),
        };
        let groups = groups.iter().map(|group| {
            let mut outcomes = all_accepted.iter().flat_map(|grade| &grade.groups);
            let reached = outcomes.find(|outcome| outcome.name == group.name);
            let reached = reached.and_then(|outcome| outcome.score);
            let max_score = group.rule.bound(Objective::Max).or(reached);
            GroupView { name: group.name.clone(), max_score }
        });
        Some(Self { objective, best, groups: groups.collect() })
    }
}

/// The grade when all tests are accepted; `None` if the problem's own programs may give any score.
fn all_accepted(content: &RevisionContent) -> Option<Grade> {
    if let Checker::Programs(validation) = &content.checker
        && validation.protocol == Protocol::Kattis
    {
        return None;
    }
    let accepted = TestResult { verdict: Verdict::Accepted, score: None };
    let numbers = 1..=u32::try_from(content.tests.len()).unwrap_or(u32::MAX);
    let results: BTreeMap<u32, TestResult> = numbers.map(|number| (number, accepted)).collect();
    content.rubric().survey(&results, &CustomGrades::new()).grade
}

#[cfg(test)]
mod tests {
    use domain::Digest;
    use domain::grading::{
        Aggregation, Grading, OnFailure, Rule, ScoreMode, TestGroup, TestScores, VerdictMode,
    };
    use domain::problem::{BlobRef, Test, Validation, ValidationLimits};

    use super::*;

    fn group(name: &str, rule: Rule) -> TestGroup {
        let parent = (!name.is_empty()).then_some(0);
        TestGroup { name: name.to_owned(), parent, rule, ..TestGroup::root(OnFailure::Continue) }
    }

    fn grader(accept: f64, max: Option<f64>) -> Rule {
        Rule::Grader {
            verdict: VerdictMode::WorstError,
            score: ScoreMode::Sum,
            ignore_sample: false,
            accept_if_any_accepted: false,
            scores: TestScores { accept, reject: 0.0, min: None, max },
        }
    }

    fn content(objective: Option<Objective>, root: Rule, inner: Rule) -> RevisionContent {
        let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
        let test = Test { group: 1, ..Test::new("secret/1", blob, blob) };
        let groups = vec![group("", root), group("secret", inner)];
        RevisionContent {
            tests: vec![test.clone(), test],
            grading: Grading { objective, groups },
            ..RevisionContent::default()
        }
    }

    #[test]
    fn the_best_score_is_a_bound_or_what_every_test_together_scores() {
        let (max, min) = (Some(Objective::Max), Some(Objective::Min));
        let sum = |max_score| Rule::Aggregate { aggregation: Aggregation::Sum, max_score };
        for (objective, root, inner, best, of_group) in [
            (max, grader(1.0, Some(100.0)), grader(5.0, None), Some(100.0), Some(10.0)),
            (max, grader(1.0, None), grader(5.0, None), Some(10.0), Some(10.0)),
            (max, sum(None), sum(Some(30.0)), Some(30.0), Some(30.0)),
            (min, sum(None), sum(Some(30.0)), Some(0.0), Some(30.0)),
            (min, grader(1.0, None), grader(5.0, None), None, Some(10.0)),
        ] {
            let scoring = ScoringView::of(&content(objective, root.clone(), inner)).unwrap();
            assert_eq!(scoring.best, best, "{root:?}");
            let group = GroupView { name: "secret".to_owned(), max_score: of_group };
            assert_eq!(scoring.groups, [group], "{root:?}");
        }
        assert_eq!(ScoringView::of(&content(None, grader(1.0, None), sum(None))), None);
    }

    #[test]
    fn what_programs_may_say_has_no_bound() {
        let mut content = content(Some(Objective::Max), grader(1.0, None), grader(5.0, Some(9.0)));
        content.checker = Checker::Programs(Validation {
            programs: vec![],
            protocol: Protocol::Kattis,
            interactive: false,
            passes: 1,
            limits: ValidationLimits::default(),
        });
        let scoring = ScoringView::of(&content).unwrap();
        assert_eq!((scoring.best, scoring.groups[0].max_score), (None, Some(9.0)));
    }
}
