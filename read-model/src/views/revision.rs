//! The parts of a problem revision that are shown with results.

use domain::grading::Worth;
use domain::problem::{BlobRef, ProblemRevised, RevisionContent, Test};
use domain::submission::TestOutcome;
use domain::{Slug, Verdict};
use serde::{Deserialize, Serialize};

use crate::{Collection, View};

/// The parts of a revision that the results of a submission need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevisionView {
    /// The problem.
    pub slug: Slug,
    /// Number of the revision.
    pub revision: u32,
    /// The tests, in number order; the first has number 1.
    pub tests: Vec<TestView>,
}

/// What may be shown of a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestView {
    /// Name in the package, such as `secret/03-large`. Authors do not see it.
    pub name: String,
    /// The test's group; `None` for the root.
    pub group: Option<String>,
    /// Whether it is a sample, which is always shown.
    pub sample: bool,
    /// Data that authors may see. The read model does not contain data of hidden tests.
    pub data: Option<TestData>,
    /// Hint for authors whose submission fails the test.
    pub hint: Option<String>,
    /// The test's share of the score; scored problems only.
    pub worth: Option<Worth>,
}

/// A test's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestData {
    /// The program's input.
    pub input: BlobRef,
    /// The expected answer.
    pub answer: BlobRef,
}

impl RevisionView {
    /// The key of a problem's revision.
    pub fn key_of(slug: &Slug, revision: u32) -> String {
        format!("{slug}@{revision}")
    }

    /// The revision from its event.
    pub fn new(slug: Slug, revised: &ProblemRevised) -> Self {
        let content = &revised.content;
        let scored = content.grading.objective.map(|_| content.rubric());
        let test = |(number, test)| {
            let worth = scored.as_ref().and_then(|rubric| rubric.worth(number));
            TestView::new(content, test, worth)
        };
        let tests = (1..).zip(&content.tests).map(test).collect();
        Self { slug, revision: revised.revision, tests }
    }

    /// The test with this number, from 1.
    pub fn test(&self, number: u32) -> Option<&TestView> {
        self.tests.get((number as usize).checked_sub(1)?)
    }
}

impl View for RevisionView {
    const COLLECTION: Collection = Collection { name: "revisions", schema: 8, indexes: &[] };

    fn key(&self) -> String {
        Self::key_of(&self.slug, self.revision)
    }
}

impl TestView {
    fn new(content: &RevisionContent, test: &Test, worth: Option<Worth>) -> Self {
        let group = content.group_of(test);
        let may_be_shown = test.sample || test.full_feedback;
        Self {
            name: test.name.clone(),
            group: (!group.is_empty()).then(|| group.to_owned()),
            sample: test.sample,
            data: may_be_shown.then_some(TestData { input: test.input, answer: test.answer }),
            hint: test.hint.clone(),
            worth,
        }
    }

    /// The test's data, if the author may see it with this verdict.
    pub fn shown_data(&self, verdict: Verdict) -> Option<TestData> {
        self.data.filter(|_| self.sample || fails(verdict))
    }

    /// The hint, if this verdict is a failure of the program.
    pub fn shown_hint(&self, verdict: Verdict) -> Option<&str> {
        self.hint.as_deref().filter(|_| fails(verdict))
    }

    /// The score of an outcome; scored problems only.
    pub fn score(&self, outcome: &TestOutcome) -> Option<f64> {
        self.worth?.shown(outcome.result())
    }
}

/// Whether the verdict is a failure of the program. An internal error is not.
fn fails(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Accepted | Verdict::JudgeError)
}

#[cfg(test)]
mod tests {
    use domain::Digest;
    use domain::grading::{
        Aggregation, CheckerScore, Grading, Objective, OnFailure, Rule, TestGroup, TestScores,
    };

    use super::*;

    fn test(points: Option<f64>) -> Test {
        let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
        Test { points, ..Test::new("secret/1", blob, blob) }
    }

    fn view(rule: Rule, objective: Option<Objective>, tests: &[Test]) -> TestView {
        let root = TestGroup { rule, ..TestGroup::root(OnFailure::Continue) };
        let content = RevisionContent {
            tests: tests.to_vec(),
            grading: Grading { objective, groups: vec![root] },
            ..RevisionContent::default()
        };
        let worth = content.grading.objective.and_then(|_| content.rubric().worth(1));
        TestView::new(&content, &tests[0], worth)
    }

    fn outcome(verdict: Verdict, score: Option<CheckerScore>) -> TestOutcome {
        TestOutcome {
            number: 1,
            verdict,
            end: None,
            time_ms: 0,
            memory_kib: 0,
            score,
            feedback: None,
            shown: None,
        }
    }

    #[test]
    fn data_and_hints_are_for_samples_and_failures() {
        use Verdict::{Accepted, JudgeError, Partial, WrongAnswer};
        let hint = || Some("think of zero".to_owned());
        let sample = Test { sample: true, hint: hint(), ..test(None) };
        let open = Test { full_feedback: true, hint: hint(), ..test(None) };
        let hidden = Test { hint: hint(), ..test(None) };
        for (test, verdict, data, hint) in [
            (&sample, Accepted, true, false),
            (&sample, WrongAnswer, true, true),
            (&open, Accepted, false, false),
            (&open, WrongAnswer, true, true),
            (&open, Partial, true, true),
            (&open, JudgeError, false, false),
            (&hidden, Accepted, false, false),
            (&hidden, WrongAnswer, false, true),
        ] {
            let view = view(Rule::first_error(), None, std::slice::from_ref(test));
            let shown = (view.shown_data(verdict).is_some(), view.shown_hint(verdict).is_some());
            assert_eq!(shown, (data, hint), "{test:?} {verdict:?}");
        }
    }

    #[test]
    fn a_test_scores_what_its_group_and_its_validator_say() {
        use Verdict::{Accepted, WrongAnswer};
        let aggregate = |aggregation| Rule::Aggregate { aggregation, max_score: Some(40.0) };
        let scores = TestScores { accept: 7.0, reject: -1.0, min: None, max: None };
        let custom = Rule::Custom { flags: vec![], scores };
        let unbounded = Rule::Aggregate { aggregation: Aggregation::Sum, max_score: None };
        let (points, share) = (CheckerScore::Points(2.5), CheckerScore::Share(0.5));
        let max = Some(Objective::Max);
        let shared = [test(None), test(Some(10.0)), test(None)];
        for (rule, objective, tests, verdict, given, score) in [
            (aggregate(Aggregation::Sum), max, &shared[..], Accepted, None, Some(15.0)),
            (aggregate(Aggregation::Sum), max, &shared[..], Accepted, Some(share), Some(7.5)),
            (aggregate(Aggregation::Sum), max, &shared[..], WrongAnswer, None, Some(0.0)),
            (aggregate(Aggregation::Sum), max, &shared[1..], Accepted, None, Some(10.0)),
            (aggregate(Aggregation::Min), max, &shared[..], Accepted, None, Some(40.0)),
            (aggregate(Aggregation::Min), None, &shared[..], Accepted, None, None),
            (custom.clone(), max, &shared[..], Accepted, None, Some(7.0)),
            (custom.clone(), max, &shared[..], WrongAnswer, None, Some(-1.0)),
            (custom, max, &shared[..], Accepted, Some(share), Some(3.5)),
            (unbounded.clone(), max, &shared[..], Accepted, Some(points), Some(2.5)),
            (unbounded, max, &shared[..], Accepted, None, None),
        ] {
            let view = view(rule.clone(), objective, tests);
            assert_eq!(
                view.score(&outcome(verdict, given)),
                score,
                "{rule:?} {verdict:?} {given:?}"
            );
        }
    }
}
