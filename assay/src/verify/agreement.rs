//! Whether what a submission got is what its package says.

use std::collections::BTreeMap;
use std::fmt;

use domain::Verdict;
use domain::grading::Grade;
use domain::problem::RevisionContent;
use domain::submission::TestOutcome;
use problem_package::{Rule, SampleSubmission};

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
    // Scores of a submission that was not judged to its end are not known.
    let has_score = content.grading.objective.is_none() || grade.score.is_some();
    if let Some((least, most)) = submission.score.filter(|_| has_score) {
        let score = grade.score.unwrap_or(0.0);
        if !is_in_range(score, (least, most)) {
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
    let in_scope: Vec<(&str, &TestOutcome)> = (1..)
        .zip(&content.tests)
        .filter(|(_, test)| is_covered(&rule.scope, &test.name))
        .filter_map(|(number, test)| Some((test.name.as_str(), outcomes.get(&number)?)))
        .collect();
    let place = if rule.scope.is_empty() { String::new() } else { format!(" in {}", rule.scope) };
    let forbidden = in_scope.iter().find(|(_, it)| !rule.permitted.contains(&it.verdict));
    if let Some((name, outcome)) = forbidden {
        let got = Word(outcome.verdict);
        found.push(format!("{name} got {got}, permitted{place} are {}", names(&rule.permitted)));
    }
    // A test that was not run may have what is missing.
    let tests = content.tests.iter().filter(|test| is_covered(&rule.scope, &test.name)).count();
    let is_complete = in_scope.len() == tests;
    let has_required = in_scope.iter().any(|(_, it)| rule.required.contains(&it.verdict));
    if is_complete && tests > 0 && !has_required {
        found.push(format!("no test{place} got {}", names(&rule.required)));
    }
    if let Some(message) = &rule.message {
        if is_complete && !in_scope.iter().any(|(_, outcome)| is_said(message, outcome)) {
            found.push(format!("no message for judges{place} holds {message:?}"));
        }
    }
    let has_score = content.grading.objective.is_none() || grade.score.is_some();
    if let Some((least, most)) = rule.score.filter(|_| has_score) {
        let score = score_of(rule, grade);
        if !is_in_range(score, (least, most)) {
            found.push(format!("scored {score}{place}, expected {}", Range(least, most)));
        }
    }
    found
}

/// Whether a test's message for judges has this text in it.
pub(super) fn is_said(text: &str, outcome: &TestOutcome) -> bool {
    let feedback = outcome.feedback.as_ref();
    feedback.and_then(|it| it.judge.as_ref()).is_some_and(|it| it.contains(text))
}

/// The score of the group that is a rule's scope; 0 where there is none.
pub(super) fn score_of(rule: &Rule, grade: &Grade) -> f64 {
    let score = match rule.scope.as_str() {
        "" => grade.score,
        scope => grade.groups.iter().find(|it| is_match(scope, &it.name)).and_then(|it| it.score),
    };
    score.unwrap_or(0.0)
}

/// Whether a score lies between two others, both included.
pub(super) fn is_in_range(score: f64, (least, most): (f64, f64)) -> bool {
    score >= least - SCORE_TOLERANCE && score <= most + SCORE_TOLERANCE
}

/// Whether a pattern matches a test or one of the groups that it is in.
pub(super) fn is_covered(pattern: &str, name: &str) -> bool {
    let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
    pattern.is_empty() || ends.into_iter().any(|end| is_match(pattern, &name[..end]))
}

/// Whether a pattern matches a whole name. `*` stands for any characters but `/`, `{a,b}` for either.
fn is_match(pattern: &str, name: &str) -> bool {
    match pattern.find(['*', '{']) {
        None => pattern == name,
        Some(at) => {
            let Some(name) = name.strip_prefix(&pattern[..at]) else { return false };
            let rest = &pattern[at + 1..];
            if pattern.as_bytes()[at] == b'*' {
                let end = name.find('/').unwrap_or(name.len());
                return (0..=end)
                    .filter(|cut| name.is_char_boundary(*cut))
                    .any(|cut| is_match(rest, &name[cut..]));
            }
            let Some(close) = rest.find('}') else { return false };
            let (choices, rest) = (&rest[..close], &rest[close + 1..]);
            choices.split(',').any(|choice| is_match(&format!("{choice}{rest}"), name))
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_tests_and_groups() {
        let cases = [
            ("", "secret/1", true),
            ("secret", "secret/1", true),
            ("secret/1", "secret/1", true),
            ("secret/1", "secret/10", false),
            ("secret/*-easy", "secret/01-easy", true),
            ("secret/*-easy", "secret/a/01-easy", false),
            ("*/01", "secret/01", true),
            ("secret/{a,b}", "secret/b/7", true),
            ("secret/{a,b}*", "secret/bcd", true),
            ("secret/{a,b}", "secret/c", false),
            ("secret/{a", "secret/{a", false),
            ("*é", "née", false),
            ("n*e", "née", true),
        ];
        for (pattern, name, matches) in cases {
            assert_eq!(is_covered(pattern, name), matches, "{pattern} {name}");
        }
    }
}
