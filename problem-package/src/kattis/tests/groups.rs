//! `testdata.yaml`: groups of the older format.

use domain::checker::TokenOptions;
use domain::grading::{Objective, Rule, ScoreMode, TestGroup, TestScores, VerdictMode};

use super::*;

const SCORING: (&str, &str) =
    ("problem.yaml", "name: Sum\ntype: scoring\nlimits: {time_limit: 1}\n");

/// Two tests in two groups.
const GROUPS: [(&str, &str); 4] = [
    ("data/secret/a/1.in", "1"),
    ("data/secret/a/1.ans", "1"),
    ("data/secret/b/1.in", "2"),
    ("data/secret/b/1.ans", "2"),
];

fn grouped(files: &[(&str, &str)]) -> Package {
    package(&[&GROUPS, files].concat())
}

fn group<'a>(package: &'a Package, name: &str) -> &'a TestGroup {
    let groups = &package.content.grading.groups;
    groups.iter().find(|group| group.name == name).expect("the group is there")
}

fn grouped_errors(files: &[(&str, &str)]) -> Vec<String> {
    let all = [&GROUPS, files].concat();
    errors(&all.iter().map(|(path, text)| (*path, Some(*text))).collect::<Vec<_>>())
}

#[test]
fn groups_are_a_tree_with_the_defaults_of_the_format() {
    let package = grouped(&[]);
    let groups = &package.content.grading.groups;
    let tree: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.parent)).collect();
    assert_eq!(
        tree,
        [
            ("", None),
            ("sample", Some(0)),
            ("secret", Some(0)),
            ("secret/a", Some(2)),
            ("secret/b", Some(2))
        ]
    );
    for group in groups {
        assert_eq!(group.on_reject, OnFailure::Stop);
        let Rule::Grader { verdict, .. } = group.rule else { panic!("the default grader") };
        assert_eq!(verdict, VerdictMode::WorstError);
    }
    assert_eq!(package.content.grading.objective, None);
    // The test next to the groups is sorted among them by name.
    let names: Vec<_> = package.content.tests.iter().map(|test| test.name.as_str()).collect();
    assert_eq!(names, ["sample/1", "secret/1", "secret/a/1", "secret/b/1"]);
}

#[test]
fn a_group_stands_where_its_name_does() {
    let package = package(&[
        ("data/secret/b/1.in", ""),
        ("data/secret/b/1.ans", ""),
        ("data/secret/b-1.in", ""),
        ("data/secret/b-1.ans", ""),
        ("data/secret/b.x.in", ""),
        ("data/secret/b.x.ans", ""),
    ]);
    let names: Vec<_> = package.content.tests.iter().map(|test| test.name.as_str()).collect();
    assert_eq!(names, ["sample/1", "secret/1", "secret/b/1", "secret/b-1", "secret/b.x"]);
}

#[test]
fn every_key_that_a_group_does_not_give_is_its_parents() {
    let package = grouped(&[
        SCORING,
        (
            "data/testdata.yaml",
            "on_reject: continue\ngrader_flags: ignore_sample always_accept\nrange: 0 +inf\n",
        ),
        ("data/secret/testdata.yaml", "accept_score: 5\n"),
        ("data/secret/b/testdata.yaml", "range: -1 10\ngrader_flags: min first_error\n"),
    ]);
    assert_eq!(package.content.grading.objective, Some(Objective::Max));
    let root = &group(&package, "").rule;
    assert!(matches!(root, Rule::Grader { ignore_sample: true, .. }));
    // Samples that do not count do not inherit the range.
    let Rule::Grader { scores, .. } = group(&package, "sample").rule else { panic!("a grader") };
    assert_eq!((scores.min, scores.max), (None, None));
    let a = group(&package, "secret/a");
    assert_eq!(a.on_reject, OnFailure::Continue);
    let expected = Rule::Grader {
        verdict: VerdictMode::AlwaysAccept,
        score: ScoreMode::Sum,
        // It applies to the root only.
        ignore_sample: false,
        accept_if_any_accepted: false,
        scores: TestScores { accept: 5.0, reject: 0.0, min: Some(0.0), max: None },
    };
    assert_eq!(a.rule, expected);
    let expected = Rule::Grader {
        verdict: VerdictMode::FirstError,
        score: ScoreMode::Min,
        ignore_sample: false,
        accept_if_any_accepted: false,
        scores: TestScores { accept: 5.0, reject: 0.0, min: Some(-1.0), max: Some(10.0) },
    };
    assert_eq!(group(&package, "secret/b").rule, expected);
}

#[test]
fn the_oldest_keys_of_the_problem_hold_for_every_group() {
    let manifest = "name: Sum\ntype: scoring\nlimits: {time_limit: 1}\n\
                    grading: {objective: min, on_reject: grade, accept_score: 3, range: 0 9}\n";
    let package = grouped(&[
        ("problem.yaml", manifest),
        ("data/secret/a/testdata.yaml", "accept_score: 1\n"),
    ]);
    assert_eq!(package.content.grading.objective, Some(Objective::Min));
    let a = group(&package, "secret/a");
    assert_eq!(a.on_reject, OnFailure::Continue);
    let Rule::Grader { scores, .. } = a.rule else { panic!("the default grader") };
    assert_eq!(scores, TestScores { accept: 3.0, reject: 0.0, min: Some(0.0), max: Some(9.0) });
}

#[test]
fn a_custom_grader_gets_its_flags() {
    let package = grouped(&[
        SCORING,
        ("graders/grade.py", "#!/usr/bin/env python3\n"),
        ("data/secret/testdata.yaml", "grading: custom\ngrader_flags: best 2\n"),
        ("data/secret/a/testdata.yaml", "grading: default\ngrader_flags: sum\n"),
    ]);
    let Rule::Custom { flags, .. } = &group(&package, "secret").rule else { panic!("custom") };
    assert_eq!(flags, &["best", "2"]);
    assert!(matches!(group(&package, "secret/b").rule, Rule::Custom { .. }));
    assert!(matches!(group(&package, "secret/a").rule, Rule::Grader { .. }));
    let grader = package.content.grader.unwrap();
    assert_eq!(
        (grader.name.as_str(), grader.language.unwrap().as_str()),
        ("graders/grade.py", "python3")
    );
    assert!(grader.files[0].executable);
    assert_eq!(
        warnings(&[("graders/grade.py", "")]),
        ["warning: graders/grade.py: is ignored: no group has `grading: custom`"]
    );
}

#[test]
fn errors_in_a_group_are_reported_with_their_line() {
    let path = "data/secret/a/testdata.yaml";
    let cases = [
        ("on_reject: stop\n", "1:12: `on_reject` is \"stop\"; expected break or continue"),
        ("grading: best\n", "1:10: `grading` is \"best\"; expected default or custom"),
        ("grader_flags: ignore_sample\n", "1:15: ignore_sample is allowed in the root group only"),
        ("range: 10 1\n", "1:8: `range` is \"10 1\"; expected two numbers"),
        ("accept_score: [1]\n", "1:15: `accept_score` is a list; expected a number"),
        ("grader_flags: {a: b}\n", "1:15: `grader_flags` is a map"),
    ];
    for (text, expected) in cases {
        let errors = grouped_errors(&[SCORING, (path, text)]);
        assert!(errors[0].starts_with(&format!("error: {path}:{expected}")), "{errors:?}");
    }
}

#[test]
fn flags_that_the_default_grader_does_not_know_are_left_aside() {
    let path = "data/secret/a/testdata.yaml";
    let cases = [
        ("sum best", "unknown grader flag \"best\" is ignored", ScoreMode::Sum),
        ("min no_errors", "the grader flag no_errors means worst_error", ScoreMode::Min),
        ("first_error no_errors max", "the grader flag no_errors means", ScoreMode::Max),
    ];
    for (flags, expected, mode) in cases {
        let config = format!("grader_flags: {flags}\n");
        let package = grouped(&[SCORING, (path, &config)]);
        let warnings = lines(&package.warnings);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with(&format!("warning: {path}:1:15: {expected}")));
        let Rule::Grader { score, verdict, .. } = group(&package, "secret/a").rule else {
            panic!("the default grader")
        };
        assert_eq!((score, verdict), (mode, VerdictMode::WorstError), "{flags}");
    }
    // A custom grader gets all flags unchanged.
    let custom = "grading: custom\ngrader_flags: no_errors best\n";
    let package = grouped(&[SCORING, (path, custom), ("graders/grade.py", "print('AC 1')\n")]);
    assert_eq!(package.warnings, []);
    let Rule::Custom { flags, .. } = &group(&package, "secret/a").rule else { panic!("custom") };
    assert_eq!(flags, &["no_errors", "best"]);
}

#[test]
fn scores_of_a_problem_that_is_not_scored_are_left_aside() {
    let text = "accept_score: 5\nreject_score: 1\nrange: 0 5\non_reject: continue\n";
    let package = grouped(&[("data/testdata.yaml", text)]);
    assert_eq!(package.warnings.len(), 3, "{:?}", lines(&package.warnings));
    let root = group(&package, "");
    assert_eq!(root.on_reject, OnFailure::Continue);
    let Rule::Grader { scores, .. } = root.rule else { panic!("the default grader") };
    assert_eq!(scores, TestScores::default());
}

#[test]
fn a_test_differs_from_the_checker_only_where_its_group_says_so() {
    let flags =
        |path: &'static str, flags: &str| (path, format!("output_validator_flags: {flags}\n"));
    let absolute =
        |epsilon| TokenOptions { float_absolute: Some(epsilon), ..TokenOptions::default() };
    let manifest = "name: Sum\nvalidator_flags: case_sensitive\nlimits: {time_limit: 1}\n";
    let (path, text) = flags("data/secret/a/testdata.yaml", "float_absolute_tolerance 1e-3");
    let package = grouped(&[("problem.yaml", manifest), (path, &text)]);
    let sensitive = TokenOptions { case_sensitive: true, ..TokenOptions::default() };
    assert_eq!(package.content.checker, Checker::Tokens(sensitive));
    let tokens: Vec<_> = package.content.tests.iter().map(|test| test.tokens).collect();
    // The flags of the problem come before those of the group.
    let both = TokenOptions { case_sensitive: true, ..absolute(1e-3) };
    assert_eq!(tokens, [None, None, Some(both), None]);

    // Options that all tests share become those of the checker.
    let (path, text) = flags("data/testdata.yaml", "[float_absolute_tolerance, 1e-3]");
    let package = grouped(&[(path, &text)]);
    assert_eq!(package.content.checker, Checker::Tokens(absolute(1e-3)));
    assert!(package.content.tests.iter().all(|test| test.tokens.is_none()));

    let (path, text) = flags("data/secret/a/testdata.yaml", "{name: check, flags: x}");
    let errors = grouped_errors(&[(path, &text)]);
    assert!(errors[0].contains("there is no output validator \"check\""), "{errors:?}");
}

#[test]
fn input_validators_get_the_flags_of_their_group() {
    let package = grouped(&[
        ("input_validators/check.py", ""),
        ("input_validators/second/build", ""),
        ("data/secret/a/testdata.yaml", "input_validator_flags: n=3 m=4\n"),
        ("data/secret/b/testdata.yaml", "input_validator_flags: {name: second, flags: x}\n"),
    ]);
    let args = |path: &str| {
        let mut cases = package.input_validation.cases.iter();
        cases.find(|case| case.path == path).unwrap().args.clone()
    };
    assert_eq!(args("data/secret/1.in"), [[""; 0], []]);
    assert_eq!(args("data/secret/a/1.in"), [["n=3", "m=4"], ["n=3", "m=4"]]);
    assert_eq!(args("data/secret/b/1.in"), [vec![], vec!["x"]]);
    let names: Vec<_> =
        package.input_validation.programs.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["input_validators/check.py", "input_validators/second"]);
    assert_eq!(package.input_validation.accepts_with, 42);
}
