//! Whether a submission's result is the one that its package expects.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::Verdict;
use domain::grading::Grade;
use domain::problem::RevisionContent;
use domain::submission::TestOutcome;
use problem_package::{Glob, Rule, SampleSubmission};

/// Scores that differ by less than this are equal.
const SCORE_TOLERANCE: f64 = 1e-6;

/// Every way in which a submission's result differs from what the package expects; empty if it
/// agrees.
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
    let fits = fits(submission, grade.into());
    // Rules are about tests, and none was judged.
    if outcomes.is_empty() && !fits {
        let wanted = if expected.is_empty() { "a verdict on its tests" } else { &names(expected) };
        return vec![format!("expected {wanted}")];
    }
    match (expected.is_empty(), submission.rules.is_empty()) {
        // If both are given, satisfying either is enough.
        (false, rules) if !fits && (rules || !broken.is_empty()) => {
            found.push(format!("expected {}", names(expected)));
        }
        (true, _) => found.extend(broken),
        _ => {}
    }
    // A submission that was not judged to the end has no score yet.
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

/// The part of a grade that is compared with the expected verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Verdicts {
    /// The verdict of the root group, before points count.
    pub(super) root: Verdict,
    /// The verdict of the submission.
    pub(super) submission: Verdict,
}

impl From<&Grade> for Verdicts {
    fn from(grade: &Grade) -> Self {
        Self { root: grade.root, submission: grade.verdict }
    }
}

/// Whether the submission got a verdict that is expected or tolerated.
pub(super) fn fits(submission: &SampleSubmission, got: Verdicts) -> bool {
    is_among(&submission.expected, got) || is_among(&submission.tolerated, got)
}

/// Whether the submission got one of the verdicts. A submission that the graders accept counts as
/// partially accepted even with no points, because the formats' own tools do not derive verdicts
/// from points.
fn is_among(verdicts: &BTreeSet<Verdict>, got: Verdicts) -> bool {
    let is_part = got.root == Verdict::Accepted && got.submission != Verdict::Accepted;
    verdicts.contains(&got.submission) || is_part && verdicts.contains(&Verdict::Partial)
}

/// Remarks about a submission that agrees with its package; empty if it does not agree.
pub(super) fn remarks(
    submission: &SampleSubmission,
    content: &RevisionContent,
    outcomes: &BTreeMap<u32, TestOutcome>,
    grade: &Grade,
) -> Vec<String> {
    if !disagreements(submission, content, outcomes, grade).is_empty() {
        return vec![];
    }
    let mut found = Vec::new();
    let got = grade.into();
    if !is_among(&submission.expected, got) && is_among(&submission.tolerated, got) {
        let score = grade.score.unwrap_or(0.0);
        found.push(match grade.verdict {
            Verdict::Accepted => format!(
                "was fully accepted with a score of {score}; expected a partial score; otherwise move it to accepted"
            ),
            Verdict::OutputLimitExceeded => {
                "wrote more than it may; expected a wrong answer; otherwise move it to output_limit_exceeded"
                    .to_owned()
            }
            _ => format!(
                "did not attain the full score and scored {score}; expected the full score; otherwise move it to \
                 partially_accepted"
            ),
        });
    }
    // A failed sample that does not count leaves the verdict unchanged.
    let must_be_accepted = submission.expected.contains(&Verdict::Accepted)
        && submission.expected.iter().all(|it| matches!(it, Verdict::Accepted | Verdict::Partial))
        && !submission.path.starts_with("partially_accepted/");
    if must_be_accepted && grade.root == Verdict::Accepted {
        let samples = (1..).zip(&content.tests).filter(|(_, test)| test.sample);
        let failed = samples.filter_map(|(number, test)| {
            let verdict = outcomes.get(&number)?.verdict;
            (verdict != Verdict::Accepted).then_some((&test.name, verdict))
        });
        found.extend(failed.take(1).map(|(name, verdict)| format!("got {} on {name}", verdict)));
    }
    found
}

/// The ways in which a rule is broken.
fn broken(
    rule: &Rule,
    content: &RevisionContent,
    outcomes: &BTreeMap<u32, TestOutcome>,
    grade: &Grade,
) -> Vec<String> {
    let mut found = Vec::new();
    // A rule that permits no verdict is for tests that judging skips, but such a test may have been
    // run.
    if rule.permitted.is_empty() {
        return found;
    }
    let scope = Scope::of(rule);
    let in_scope: Vec<(&str, &TestOutcome)> = (1..)
        .zip(&content.tests)
        .filter(|(_, test)| scope.covers(&test.name))
        .filter_map(|(number, test)| Some((test.name.as_str(), outcomes.get(&number)?)))
        .collect();
    let place = if rule.scope.is_empty() { String::new() } else { format!(" in {}", rule.scope) };
    let forbidden = in_scope.iter().find(|(_, it)| !rule.permitted.contains(&it.verdict));
    if let Some((name, outcome)) = forbidden {
        let got = outcome.verdict;
        found.push(format!("{name} got {got}, permitted{place} are {}", names(&rule.permitted)));
    }
    // A test that was not run may still supply what is required.
    let tests = content.tests.iter().filter(|test| scope.covers(&test.name)).count();
    let is_complete = in_scope.len() == tests;
    let has_required = in_scope.iter().any(|(_, it)| rule.required.contains(&it.verdict));
    if is_complete && tests > 0 && !has_required {
        found.push(format!("no test{place} got {}", names(&rule.required)));
    }
    if let Some(message) = &rule.message
        && is_complete
        && !in_scope.iter().any(|(_, outcome)| has_message(message, outcome))
    {
        found.push(format!("no message for judges{place} holds {message:?}"));
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

/// Whether a test's message for judges contains this text.
pub(super) fn has_message(text: &str, outcome: &TestOutcome) -> bool {
    let feedback = outcome.feedback.as_ref();
    feedback.and_then(|it| it.judge.as_ref()).is_some_and(|it| it.contains(text))
}

/// The score of the group that the rule is about; 0 if it has none.
pub(super) fn score_of(rule: &Rule, grade: &Grade) -> f64 {
    let score = match Scope::of(rule) {
        Scope::All => grade.score,
        Scope::Matching(glob) => {
            grade.groups.iter().find(|it| glob.matches_just(&it.name)).and_then(|it| it.score)
        }
        Scope::Nothing => None,
    };
    score.unwrap_or(0.0)
}

/// Whether a score lies in a range, bounds included.
pub(super) fn is_in_range(score: f64, (least, most): (f64, f64)) -> bool {
    score >= least - SCORE_TOLERANCE && score <= most + SCORE_TOLERANCE
}

/// The tests and groups that a rule is about.
pub(super) enum Scope {
    All,
    Matching(Glob),
    /// The rule's pattern is not a valid pattern.
    Nothing,
}

impl Scope {
    pub(super) fn of(rule: &Rule) -> Self {
        match rule.scope.as_str() {
            "" => Self::All,
            pattern => Glob::new(pattern).map_or(Self::Nothing, Self::Matching),
        }
    }

    /// Whether it includes a test, by the test's name or the name of a group around it.
    pub(super) fn covers(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Matching(glob) => glob.matches(name),
            Self::Nothing => false,
        }
    }
}

fn names<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> String {
    let names: Vec<_> = verdicts.into_iter().map(Verdict::to_string).collect();
    names.join(" or ")
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
    use bytes::Bytes;
    use domain::grading::CustomGrades;
    use problem_package::{Entry, FileTree, Options, Package, TreeLimits, read};

    use super::*;

    /// A package of the older format with a sample, two secret tests and a submission.
    fn package(manifest: &str, testdata: &str, submission: &str) -> Package {
        let files = [
            ("problem.yaml", format!("name: Sum\nlimits: {{time_limit: 1}}\n{manifest}")),
            ("problem_statement/problem.md", "Add.\n".to_owned()),
            ("data/testdata.yaml", testdata.to_owned()),
            ("data/sample/1.in", String::new()),
            ("data/sample/1.ans", String::new()),
            ("data/secret/1.in", String::new()),
            ("data/secret/1.ans", String::new()),
            ("data/secret/2.in", String::new()),
            ("data/secret/2.ans", String::new()),
            (submission, "print(1)\n".to_owned()),
        ];
        let mut builder = FileTree::builder(TreeLimits::default());
        for (path, text) in files {
            builder.insert(format!("sum/{path}").as_bytes(), Entry::File(Bytes::from(text)));
        }
        let tree = builder.finish().unwrap();
        read(&tree, &Options::default()).unwrap_or_else(|found| panic!("{found:?}")).remove(0)
    }

    fn outcome(number: u32, letter: char) -> TestOutcome {
        let verdict = match letter {
            'A' => Verdict::Accepted,
            'W' => Verdict::WrongAnswer,
            'T' => Verdict::TimeLimitExceeded,
            'R' => Verdict::RuntimeError,
            'O' => Verdict::OutputLimitExceeded,
            'M' => Verdict::MemoryLimitExceeded,
            other => panic!("{other}"),
        };
        TestOutcome {
            number,
            verdict,
            end: None,
            time_ms: 1,
            memory_kib: 1,
            score: None,
            feedback: None,
            shown: None,
        }
    }

    /// The disagreements and remarks for a submission in a folder whose tests got these verdicts.
    fn judged(
        manifest: &str,
        testdata: &str,
        folder: &str,
        words: &str,
    ) -> (Vec<String>, Vec<String>) {
        let package = package(manifest, testdata, &format!("submissions/{folder}/a.py"));
        let content = &package.content;
        let outcomes: BTreeMap<u32, TestOutcome> =
            (1..).zip(words.chars()).map(|(number, it)| (number, outcome(number, it))).collect();
        let results = outcomes.iter().map(|(number, it)| (*number, it.result())).collect();
        let grade = content.rubric().survey(&results, &CustomGrades::new()).grade.unwrap();
        let submission = &package.submissions[0];
        let wrong = disagreements(submission, content, &outcomes, &grade);
        (wrong, remarks(submission, content, &outcomes, &grade))
    }

    /// The rules of the formats' own tools about folders and scores, as listed in
    /// `docs/packages.md`: the folder, the verdicts of the sample and the two secret tests, and the
    /// expected message.
    #[test]
    fn folders_promise_what_the_formats_tools_check() {
        const SCORING: &str = "type: scoring\n";
        const MINIMUM: &str = "type: scoring\ngrading: {objective: min}\n";
        /// 20 points, or 10.
        const PARTS: &str = "range: 0 20\non_reject: continue\naccept_score: 10\ngrader_flags: always_accept ignore_sample\n";
        const OPEN: &str = "on_reject: continue\ngrader_flags: always_accept ignore_sample\n";
        const ALL: &str =
            "range: 0 20\naccept_score: 10\non_reject: continue\ngrader_flags: ignore_sample\n";
        const LEAST: &str = "range: 0 20\non_reject: continue\naccept_score: 0\nreject_score: 10\n\
                             grader_flags: always_accept ignore_sample\n";
        const NARROW: &str =
            "range: 0 15\naccept_score: 10\non_reject: continue\ngrader_flags: ignore_sample\n";
        let ok = "";
        let odd = "~";
        let cases: &[(&str, &str, &str, &str, &str)] = &[
            // Pass-fail: the folder gives the verdict.
            ("", "", "accepted", "AAA", ok),
            ("", "", "accepted", "AWA", "expected ACCEPTED"),
            ("", "", "accepted", "ATA", "expected ACCEPTED"),
            ("", "", "wrong_answer", "AAW", ok),
            ("", "", "wrong_answer", "AWT", ok),
            ("", "", "wrong_answer", "AAO", "~wrote more than it may"),
            ("", "", "wrong_answer", "AAA", "expected WRONG_ANSWER"),
            ("", "", "wrong_answer", "ATW", "expected WRONG_ANSWER"),
            ("", "", "time_limit_exceeded", "AAT", ok),
            ("", "", "time_limit_exceeded", "AWT", ok),
            ("", "", "time_limit_exceeded", "ATR", ok),
            ("", "", "time_limit_exceeded", "AAA", "expected TIME_LIMIT_EXCEEDED"),
            ("", "", "time_limit_exceeded", "AWA", "expected TIME_LIMIT_EXCEEDED"),
            ("", "", "run_time_error", "AAR", ok),
            ("", "", "run_time_error", "AAM", ok),
            ("", "", "run_time_error", "AAO", ok),
            ("", "", "run_time_error", "AWR", ok),
            ("", "", "run_time_error", "AAW", "expected MEMORY_LIMIT_EXCEEDED or"),
            // Not scored, so nothing is accepted in part.
            ("", "", "partially_accepted", "AAA", ok),
            ("", "", "partially_accepted", "AAW", "expected ACCEPTED"),
            // Scored: a submission that the graders accept is accepted, with any score.
            (SCORING, PARTS, "accepted", "AAA", ok),
            (SCORING, PARTS, "accepted", "AAW", "~did not attain the full score and scored 10"),
            (SCORING, PARTS, "accepted", "AWW", "~did not attain the full score and scored 0"),
            (SCORING, PARTS, "partially_accepted", "AAW", ok),
            (SCORING, PARTS, "partially_accepted", "AWW", ok),
            (SCORING, PARTS, "partially_accepted", "AAA", "~was fully accepted with a score of 20"),
            // A submission that the graders reject is not accepted.
            (SCORING, ALL, "accepted", "AAW", "expected ACCEPTED"),
            (SCORING, ALL, "partially_accepted", "AAW", "expected PARTIAL"),
            (SCORING, ALL, "wrong_answer", "AAW", ok),
            (SCORING, PARTS, "wrong_answer", "AAA", "expected WRONG_ANSWER"),
            // The best score is unknown.
            (SCORING, OPEN, "accepted", "AAW", ok),
            (SCORING, OPEN, "partially_accepted", "AAA", ok),
            (SCORING, OPEN, "partially_accepted", "AAW", ok),
            // The smallest score is the best.
            (MINIMUM, LEAST, "accepted", "AAA", ok),
            (MINIMUM, LEAST, "accepted", "AAW", "~did not attain the full score and scored 10"),
            (MINIMUM, LEAST, "partially_accepted", "AAA", "~was fully accepted"),
            // Samples that do not count.
            (SCORING, ALL, "accepted", "WAA", "~got WRONG_ANSWER on sample/1"),
            (SCORING, PARTS, "accepted", "TAA", "~got TIME_LIMIT_EXCEEDED on sample/1"),
            (SCORING, PARTS, "partially_accepted", "WAW", ok),
            // A group's score is out of its range.
            (SCORING, NARROW, "accepted", "AAA", "the root scored 20, which is out of its range"),
        ];
        for (manifest, testdata, folder, words, expected) in cases {
            let (wrong, remarks) = judged(manifest, testdata, folder, words);
            let found = match (wrong.first(), remarks.first()) {
                (Some(wrong), None) => wrong.clone(),
                (None, Some(remark)) => format!("{odd}{remark}"),
                (None, None) => String::new(),
                both => panic!("{both:?}"),
            };
            let fits =
                if expected.is_empty() { found.is_empty() } else { found.starts_with(expected) };
            assert!(fits, "{folder} {words} {testdata:?}: {found:?}, not {expected:?}");
        }
    }
}
