use super::newer::{newer, newer_errors};
use super::*;
use crate::package::{SampleSubmission, TimeLimitUse};

#[test]
fn a_folder_says_which_verdicts_are_right() {
    let package = package(&[
        ("submissions/wrong_answer/a.cc", "x"),
        ("submissions/run_time_error/b/Main.java", "x"),
        ("submissions/compiler_error/c.js", "x"),
    ]);
    let found: Vec<_> = package
        .submissions
        .iter()
        .map(|submission| {
            let expected: Vec<_> = submission.expected.iter().copied().collect();
            (submission.path.as_str(), submission.language.as_str(), expected)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("accepted/sum.py", "python3", vec![Verdict::Accepted]),
            ("compiler_error/c.js", "javascript", vec![Verdict::CompileError]),
            (
                "run_time_error/b",
                "java",
                vec![
                    Verdict::MemoryLimitExceeded,
                    Verdict::OutputLimitExceeded,
                    Verdict::RuntimeError
                ]
            ),
            ("wrong_answer/a.cc", "cpp", vec![Verdict::WrongAnswer, Verdict::PresentationError]),
        ]
    );
    let long = "x".repeat(128 * 1024 + 1);
    assert_eq!(
        errors(&[("submissions/accepted/long.py", Some(&long))]),
        ["error: submissions/accepted/long.py: has 131073 bytes; expected at most 131072"]
    );
}

fn submission<'a>(package: &'a Package, path: &str) -> &'a SampleSubmission {
    package.submissions.iter().find(|submission| submission.path == path).expect("it is there")
}

#[test]
fn the_older_format_says_it_in_two_ways() {
    let package = package(&[
        ("submissions/time_limit_exceeded/a.py", "x"),
        ("submissions/run_time_error/a.py", "x"),
        ("submissions/brute_force/a.py", "x"),
    ]);
    let rule = |path: &str| submission(&package, path).rules.first().cloned();
    let accepted = rule("accepted/sum.py").unwrap();
    assert_eq!(accepted.permitted, BTreeSet::from([Verdict::Accepted]));
    assert_eq!(accepted.time_limit, TimeLimitUse::Lower);
    let slow = rule("time_limit_exceeded/a.py").unwrap();
    assert!(slow.permitted.contains(&Verdict::WrongAnswer));
    assert_eq!(slow.required, BTreeSet::from([Verdict::TimeLimitExceeded]));
    assert_eq!(slow.time_limit, TimeLimitUse::Upper);
    assert_eq!(rule("run_time_error/a.py").unwrap().time_limit, TimeLimitUse::None);
    assert_eq!(rule("brute_force/a.py"), None);
}

#[test]
fn what_a_source_says_goes_before_its_folder() {
    let package = package(&[
        ("submissions/mixed/a.py", "# @EXPECTED_RESULTS@: TIMELIMIT, CORRECT\n"),
        ("submissions/rejected/b/b.h", "// @EXPECTED_RESULTS@: COMPILER-ERROR\n"),
        ("submissions/rejected/b/b.cpp", "x"),
    ]);
    let expected = |path: &str| submission(&package, path).expected.clone();
    let both = BTreeSet::from([Verdict::Accepted, Verdict::TimeLimitExceeded]);
    assert_eq!(expected("mixed/a.py"), both);
    assert_eq!(expected("rejected/b"), BTreeSet::from([Verdict::CompileError]));
    let files: Vec<_> =
        submission(&package, "rejected/b").files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["b.cpp", "b.h"]);
}

#[test]
fn scores_may_be_promised() {
    let manifest = "name: Sum\ntype: scoring\nlimits: {time_limit: 1}\n";
    let files = [
        ("problem.yaml", manifest),
        ("submissions/partially_accepted/a.py", "# @EXPECTED_SCORE@: 20-40\n"),
        ("submissions/mixed/b.py", "# @EXPECTED_RESULTS@: WRONG-ANSWER\n# @EXPECTED_SCORE@: 20\n"),
        ("submissions/mixed/c.py", "# @EXPECTED_SCORE@: 0\n"),
    ];
    let unbounded = package(&files);
    let part = submission(&unbounded, "partially_accepted/a.py");
    assert_eq!(part.score, Some((20.0, 40.0)));
    assert_eq!(part.expected, BTreeSet::from([Verdict::Accepted, Verdict::Partial]));
    assert!(submission(&unbounded, "mixed/b.py").expected.contains(&Verdict::Partial));
    assert_eq!(submission(&unbounded, "mixed/c.py").score, Some((0.0, 0.0)));

    let bounded = package(&[&files[..], &[("data/testdata.yaml", "range: 0 40\n")]].concat());
    let part = submission(&bounded, "partially_accepted/a.py");
    assert_eq!(part.expected, BTreeSet::from([Verdict::Partial]));
    let warnings = warnings(&[("submissions/partially_accepted/a.py", "x")]);
    assert!(
        warnings[0].contains("is accepted in part, and the problem is not scored"),
        "{warnings:?}"
    );
}

#[test]
fn the_newer_format_says_it_of_tests() {
    let package = newer(&[
        ("submissions/wrong_answer/a.py", "x"),
        ("submissions/time_limit_exceeded/a.py", "x"),
        ("submissions/brute_force/a.py", "x"),
        ("submissions/compiler_error/a.py", "x"),
    ]);
    assert_eq!(package.warnings, []);
    let found: Vec<_> = package
        .submissions
        .iter()
        .map(|it| {
            (
                it.path.as_str(),
                it.expected.len(),
                it.rules.iter().map(|rule| rule.time_limit).collect(),
            )
        })
        .collect();
    let one = |time_limit: TimeLimitUse| vec![time_limit];
    assert_eq!(
        found,
        [
            ("accepted/sum.py", 0, one(TimeLimitUse::Lower)),
            ("brute_force/a.py", 0, one(TimeLimitUse::None)),
            ("compiler_error/a.py", 1, vec![]),
            ("time_limit_exceeded/a.py", 0, one(TimeLimitUse::Upper)),
            ("wrong_answer/a.py", 0, one(TimeLimitUse::Lower)),
        ]
    );
}

#[test]
fn submissions_yaml_adds_rules_and_replaces_those_of_folders() {
    let sheet = "\
time_limit_exceeded:\n  permitted: [AC, WA, TLE]\n\
'time_limit_exceeded/*.{py,cpp}':\n  sample: {permitted: [AC]}\n  secret/{a,c}: {required: [TLE], message: too slow}\n\
mixed/*:\n  language: pypy3\n  entrypoint: start.py\n  permitted: [AC, RTE]\n  use_for_time_limit: false\n\
mixed/b.x:\n  use_for_time_limit: lower\n";
    let package = newer(&[
        ("submissions/submissions.yaml", sheet),
        ("submissions/time_limit_exceeded/a.py", "x"),
        ("submissions/mixed/b.x", "x"),
    ]);
    assert_eq!(package.warnings, []);
    let slow = submission(&package, "time_limit_exceeded/a.py");
    let scopes: Vec<_> =
        slow.rules.iter().map(|rule| (rule.scope.as_str(), rule.time_limit)).collect();
    assert_eq!(
        scopes,
        [
            ("", TimeLimitUse::Upper),
            ("sample", TimeLimitUse::Lower),
            ("secret/{a,c}", TimeLimitUse::Upper)
        ]
    );
    // `required` is the folder's own still.
    assert_eq!(slow.rules[0].required, BTreeSet::from([Verdict::TimeLimitExceeded]));
    assert!(slow.rules[0].permitted.contains(&Verdict::WrongAnswer));
    assert_eq!(slow.rules[2].message.as_deref(), Some("too slow"));
    let mixed = submission(&package, "mixed/b.x");
    assert_eq!(
        (mixed.language.as_str(), mixed.entry_point.as_deref()),
        ("pypy3", Some("start.py"))
    );
    let uses: Vec<_> = mixed.rules.iter().map(|rule| rule.time_limit).collect();
    assert_eq!(uses, [TimeLimitUse::None, TimeLimitUse::Lower]);
}

#[test]
fn rules_that_cannot_be_kept_are_errors() {
    let cases = [
        (
            "accepted: {permitted: [OK]}\n",
            "1:23: \"OK\" is no verdict; expected AC, WA, TLE or RTE",
        ),
        (
            "accepted: {permitted: [AC], required: [WA]}\n",
            "1:11: nothing is both required and permitted",
        ),
        (
            "accepted: {sample: {permitted: [WA]}}\n",
            "1:11: no verdict is permitted for the test \"sample/1\"",
        ),
        (
            "accepted: {score: 3}\n",
            "1:19: `score` is 3; expected no score for a problem that is not",
        ),
        ("accepted: {use_for_time_limit: never}\n", "1:32: `use_for_time_limit` is \"never\""),
        ("accepted: {colour: red}\n", "1:12: the key \"colour\" is not known"),
        ("accepted: 1\n", "1:11: `accepted` is 1; expected a map"),
    ];
    for (text, expected) in cases {
        let errors = newer_errors(&[("submissions/submissions.yaml", Some(text))]);
        let expected = format!("error: submissions/submissions.yaml:{expected}");
        assert!(errors[0].starts_with(&expected), "{errors:?}");
    }
    let unused =
        newer(&[("submissions/submissions.yaml", "a.py: {secret/x: {permitted: [AC]}}\n")]);
    assert_eq!(
        lines(&unused.warnings),
        [
            "warning: submissions/submissions.yaml:1:8: \"secret/x\" matches no test; expected a path \
             from data/",
            "warning: submissions/submissions.yaml:1:1: \"a.py\" matches no submission; expected a path \
             from submissions/",
        ]
    );
}
