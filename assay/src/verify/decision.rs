//! Which tests can still change whether a submission agrees with its package. A submission is
//! judged until there are none left.

use std::collections::BTreeSet;

use domain::Verdict;
use domain::grading::{Rubric, Rule as GroupRule, Survey, TestState};
use domain::problem::RevisionContent;
use domain::submission::TestOutcome;
use problem_package::{Rule, SampleSubmission};

use super::agreement::{Scope, Verdicts, fits, has_message, is_in_range, score_of};
use crate::local_judge::Known;

/// The tests of an agreeing submission whose times are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// No times are needed.
    None,
    /// Those that judging runs.
    Judged,
    /// All tests.
    All,
    /// All tests, until one takes at least this many milliseconds.
    UpTo(u64),
}

/// A submission, and what the package expects of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) submission: &'a SampleSubmission,
    pub(super) content: &'a RevisionContent,
    pub(super) rubric: &'a Rubric,
    pub(super) times: Times,
}

/// Whether a condition holds, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Holds,
    Broken,
    /// It depends on at least one of these tests.
    Open(BTreeSet<u32>),
}

impl Question<'_> {
    /// The test to run next. `None` if no test can change whether the submission agrees, and all
    /// needed times are known.
    pub(super) fn next(&self, known: Known<'_>) -> Option<u32> {
        let outcomes = known.outcomes;
        let left: BTreeSet<u32> =
            (1..=self.rubric.tests()).filter(|number| !outcomes.contains_key(number)).collect();
        let judged = self.judged(&left, known.survey);
        if outcomes.values().any(|outcome| outcome.verdict == Verdict::JudgeError) {
            return None;
        }
        let verdicts = self.possible(known, &judged);
        let is_ready = |number: &&u32| state(known.survey, **number) == TestState::Ready;
        // Run at least one test, even if nothing is left to decide.
        if outcomes.is_empty() {
            return left.iter().find(is_ready).or(left.first()).copied();
        }
        // The report shows a verdict, so it must be known.
        let has_verdict = verdicts.as_ref().is_some_and(|verdicts| verdicts.len() == 1);
        let has_failed = outcomes.values().any(|outcome| outcome.verdict != Verdict::Accepted);
        let mut wanted = match self.standing(known, verdicts.as_ref(), &left) {
            Standing::Broken if has_verdict || has_failed => return None,
            Standing::Holds if has_verdict => BTreeSet::new(),
            Standing::Broken | Standing::Holds => judged.clone(),
            Standing::Open(tests) => tests,
        };
        let slowest_ms = outcomes.values().map(|outcome| outcome.time_ms).max().unwrap_or(0);
        match self.times {
            Times::None => {}
            Times::Judged => wanted.extend(&judged),
            Times::UpTo(enough_ms) if slowest_ms >= enough_ms => {}
            Times::All | Times::UpTo(_) => wanted.extend(&left),
        }
        wanted.iter().find(is_ready).or(wanted.first()).copied()
    }

    fn standing(
        &self,
        known: Known<'_>,
        verdicts: Option<&BTreeSet<Verdicts>>,
        left: &BTreeSet<u32>,
    ) -> Standing {
        let judged = self.judged(left, known.survey);
        let open = || Standing::open(&judged);
        let expected = &self.submission.expected;
        let fits = |got: &Verdicts| fits(self.submission, *got);
        let by_verdict = match verdicts {
            Some(verdicts) if verdicts.iter().all(fits) => Standing::Holds,
            Some(verdicts) if !verdicts.iter().any(fits) => Standing::Broken,
            _ => open(),
        };
        let rules = &self.submission.rules;
        let agreement = if expected.is_empty() {
            // Tests that judging skips cannot break a rule, but can still fulfil it.
            all_of(rules.iter().map(|rule| self.rule(rule, known, &judged, left)))
        } else if rules.is_empty() {
            by_verdict
        } else {
            // With expected verdicts, rules are an alternative, and they apply to every test.
            either(by_verdict, all_of(rules.iter().map(|rule| self.rule(rule, known, left, left))))
        };
        let score = match (self.submission.score, &known.survey.grade) {
            (None, _) => Standing::Holds,
            (Some(range), Some(grade)) => {
                Standing::decided(is_in_range(grade.score.unwrap_or(0.0), range))
            }
            (Some(_), None) => open(),
        };
        let range = match &known.survey.grade {
            Some(grade) => Standing::decided(grade.out_of_range.is_empty()),
            None if self.content.grading.objective.is_some() => open(),
            None => Standing::Holds,
        };
        all_of([agreement, score, range])
    }

    /// Whether a rule holds. Only the tests in `breaking` can break it, but any test in `left` can
    /// fulfil it.
    fn rule(
        &self,
        rule: &Rule,
        known: Known<'_>,
        breaking: &BTreeSet<u32>,
        left: &BTreeSet<u32>,
    ) -> Standing {
        // As in `disagreements`.
        if rule.permitted.is_empty() {
            return Standing::Holds;
        }
        let scope = Scope::of(rule);
        let is_covered =
            |number: &u32| scope.covers(&self.content.tests[*number as usize - 1].name);
        let in_scope = |tests: &BTreeSet<u32>| tests.iter().copied().filter(is_covered).collect();
        let breaking: BTreeSet<u32> = in_scope(breaking);
        let left: BTreeSet<u32> = in_scope(left);
        let outcomes = known.outcomes.iter().filter(|(number, _)| is_covered(number));
        let outcomes: Vec<&TestOutcome> = outcomes.map(|(_, outcome)| outcome).collect();
        let is_permitted = |verdict: &Verdict| rule.permitted.contains(verdict);
        let permitted = if !outcomes.iter().all(|outcome| is_permitted(&outcome.verdict)) {
            Standing::Broken
        } else if Verdict::OF_TESTS.iter().all(is_permitted) {
            Standing::Holds
        } else {
            Standing::open(&breaking)
        };
        // One such test is enough.
        let one = |has_one: bool| match has_one || outcomes.is_empty() && left.is_empty() {
            true => Standing::Holds,
            false if left.is_empty() => Standing::Broken,
            false => Standing::open(&left),
        };
        let required = one(outcomes.iter().any(|it| rule.required.contains(&it.verdict)));
        let message = match &rule.message {
            None => Standing::Holds,
            Some(message) if outcomes.iter().any(|outcome| has_message(message, outcome)) => {
                Standing::Holds
            }
            Some(_) if left.is_empty() => Standing::Broken,
            Some(_) => Standing::open(&left),
        };
        let score = match (rule.score, &known.survey.grade) {
            (None, _) => Standing::Holds,
            (Some(range), Some(grade)) => {
                Standing::decided(is_in_range(score_of(rule, grade), range))
            }
            (Some(_), None) => {
                let survey = known.survey;
                let tests = 1..=self.rubric.tests();
                Standing::open(&tests.filter(|number| is_open(survey, *number)).collect())
            }
        };
        all_of([permitted, required, message, score])
    }

    /// The tests among these that judging does not skip.
    fn judged(&self, left: &BTreeSet<u32>, survey: &Survey) -> BTreeSet<u32> {
        left.iter().copied().filter(|number| is_open(survey, *number)).collect()
    }

    /// A set that contains every verdict the submission can still get, and possibly others. `None`
    /// if the verdict is unknown before the end.
    ///
    /// A group gets the verdict of one of its children, or is accepted. So it is enough to try the
    /// same verdict for all remaining tests: any result of mixed verdicts is also the result of one
    /// of them alone.
    ///
    /// This fails for a group that accepts if any child is accepted: it can be accepted while a
    /// test outside it fails, and a single verdict for all tests does not show this. Then a
    /// submission that can be rejected can get any verdict.
    fn possible(&self, known: Known<'_>, judged: &BTreeSet<u32>) -> Option<BTreeSet<Verdicts>> {
        if let Some(grade) = &known.survey.grade {
            return Some([grade.into()].into());
        }
        let results = known.results();
        let verdicts = |verdict| {
            let grade = self.rubric.completed(&results, known.graded, verdict)?;
            Some(Verdicts::from(&grade))
        };
        let mut possible: BTreeSet<Verdicts> =
            Verdict::OF_TESTS.into_iter().map(verdicts).collect::<Option<_>>()?;
        let can_fail = possible.iter().any(|it| it.root != Verdict::Accepted);
        if can_fail && judged.iter().any(|number| self.is_one_enough(*number)) {
            let failures = Verdict::OF_TESTS.into_iter().filter(|it| *it != Verdict::Accepted);
            possible.extend(failures.map(|it| Verdicts { root: it, submission: it }));
        }
        Some(possible)
    }

    /// Whether a test is in a group, at any depth, that accepts if any child is accepted.
    fn is_one_enough(&self, number: u32) -> bool {
        let groups = &self.content.grading.groups;
        let group = self.content.tests[number as usize - 1].group;
        let parent = |place: &u32| groups[*place as usize].parent;
        std::iter::successors(Some(group), parent).any(|place| {
            let rule = &groups[place as usize].rule;
            matches!(rule, GroupRule::Grader { accept_if_any_accepted: true, .. })
        })
    }
}

impl Standing {
    fn decided(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Broken }
    }

    /// Open while some test can still decide it. Without such tests nothing can break it, so it
    /// holds.
    fn open(tests: &BTreeSet<u32>) -> Self {
        if tests.is_empty() { Self::Holds } else { Self::Open(tests.clone()) }
    }
}

/// Whether all parts hold.
fn all_of(parts: impl IntoIterator<Item = Standing>) -> Standing {
    let mut open = BTreeSet::new();
    for part in parts {
        match part {
            Standing::Broken => return Standing::Broken,
            Standing::Open(tests) => open.extend(tests),
            Standing::Holds => {}
        }
    }
    Standing::open(&open)
}

/// Whether at least one of the two holds.
fn either(one: Standing, other: Standing) -> Standing {
    match (one, other) {
        (Standing::Holds, _) | (_, Standing::Holds) => Standing::Holds,
        (Standing::Broken, only) | (only, Standing::Broken) => only,
        (Standing::Open(mut tests), Standing::Open(others)) => {
            tests.extend(others);
            Standing::Open(tests)
        }
    }
}

fn state(survey: &Survey, number: u32) -> TestState {
    survey.states[number as usize - 1]
}

/// Whether judging still needs a test.
fn is_open(survey: &Survey, number: u32) -> bool {
    matches!(state(survey, number), TestState::Ready | TestState::Waiting)
}

#[cfg(test)]
mod tests;
