//! Whether what a submission got is what its package says.

use std::collections::BTreeMap;
use std::fmt;

use domain::Verdict;
use domain::grading::Grade;
use domain::problem::RevisionContent;
use domain::submission::TestOutcome;
use problem_package::{Glob, Rule, SampleSubmission};

/// Scores that differ by less are the same.
const SCORE_TOLERANCE: f64 = 1e-6;

/// Everything in which a submission is not as its package says; nothing if it is.
pub(super) fn disagreements(
    submission: &SampleSubmission,
    content: &RevisionContent,
    outcomes: &BTreeMap<u32, TestOutcome>,
    grade: &Grade,
) -> Vec<String> {
    let mut found = Vec::new();
    let broken: Vec<String> =
        submission.rules.iter().flat_map(|rule| broken(rule, content, outcomes, grade)).collect();
    let expected = &submission.expected;
    let fits = expected.contains(&grade.verdict);
    // Rules are about tests, of which none was judged.
    if outcomes.is_empty() && !fits {
        let wanted = if expected.is_empty() { "a verdict on its tests" } else { &names(expected) };
        return vec![format!("expected {wanted}")];
    }
    match (expected.is_empty(), submission.rules.is_empty()) {
        // Where both are given they are two ways to be right.
        (false, rules) if !fits && (rules || !broken.is_empty()) => {
            found.push(format!("expected {}", names(expected)));
        }
        (true, _) => found.extend(broken),
        _ => {}
    }
    if let Some((least, most)) = submission.score {
        let score = grade.score.unwrap_or(0.0);
        if score < least - SCORE_TOLERANCE || score > most + SCORE_TOLERANCE {
            found.push(format!("scored {score}, expected {}", Range(least, most)));
        }
    }
    found.extend(grade.out_of_range.iter().cloned());
    found
}

/// In what ways a rule is broken.
fn broken(
    rule: &Rule,
    content: &RevisionContent,
    outcomes: &BTreeMap<u32, TestOutcome>,
    grade: &Grade,
) -> Vec<String> {
    let mut found = Vec::new();
    let scope = Glob::new(&rule.scope);
    let is_covered = |name: &str| {
        rule.scope.is_empty() || scope.as_ref().is_some_and(|scope| scope.matches(name))
    };
    let in_scope: Vec<(&str, &TestOutcome)> = (1..)
        .zip(&content.tests)
        .filter(|(_, test)| is_covered(&test.name))
        .filter_map(|(number, test)| Some((test.name.as_str(), outcomes.get(&number)?)))
        .collect();
    let place = if rule.scope.is_empty() { String::new() } else { format!(" in {}", rule.scope) };
    let forbidden = in_scope.iter().find(|(_, it)| !rule.permitted.contains(&it.verdict));
    if let Some((name, outcome)) = forbidden {
        let got = Word(outcome.verdict);
        found.push(format!("{name} got {got}, permitted{place} are {}", names(&rule.permitted)));
    }
    if !in_scope.is_empty() && !in_scope.iter().any(|(_, it)| rule.required.contains(&it.verdict)) {
        found.push(format!("no test{place} got {}", names(&rule.required)));
    }
    if let Some(message) = &rule.message {
        let says = |outcome: &TestOutcome| {
            let feedback = outcome.feedback.as_ref();
            feedback.and_then(|it| it.judge.as_ref()).is_some_and(|it| it.contains(message))
        };
        if !in_scope.iter().any(|(_, outcome)| says(outcome)) {
            found.push(format!("no message for judges{place} holds {message:?}"));
        }
    }
    if let Some((least, most)) = rule.score {
        let score = match rule.scope.as_str() {
            "" => grade.score,
            _ => {
                let is_scope = |name: &str| scope.as_ref().is_some_and(|it| it.matches_just(name));
                grade.groups.iter().find(|it| is_scope(&it.name)).and_then(|it| it.score)
            }
        };
        let score = score.unwrap_or(0.0);
        if score < least - SCORE_TOLERANCE || score > most + SCORE_TOLERANCE {
            found.push(format!("scored {score}{place}, expected {}", Range(least, most)));
        }
    }
    found
}

/// A verdict as the API writes it.
pub(super) struct Word(pub(super) Verdict);

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = serde_json::to_value(self.0).unwrap_or_default();
        f.write_str(word.as_str().unwrap_or_default())
    }
}

fn names<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> String {
    let words: Vec<_> = verdicts.into_iter().map(|verdict| Word(*verdict).to_string()).collect();
    words.join(" or ")
}

struct Range(f64, f64);

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(least, most) = self;
        if least == most { write!(f, "{least}") } else { write!(f, "{least} to {most}") }
    }
}
