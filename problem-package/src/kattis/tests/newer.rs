//! The format 2025-09.

use domain::grading::{Aggregation, Objective, Rule, VerdictMode};

use super::*;
use crate::package::Format;

pub(super) const FILES: &[(&str, &str)] = &[
    ("sum/problem.yaml", HEAD),
    ("sum/statement/problem.en.md", "Add.\n"),
    ("sum/input_validators/check.py", "exit(42)\n"),
    ("sum/data/sample/1.in", "1 2\n"),
    ("sum/data/sample/1.ans", "3\n"),
    ("sum/data/secret/a/1.in", "5 5\n"),
    ("sum/data/secret/a/1.ans", "10\n"),
    ("sum/data/secret/b/1.in", "6 6\n"),
    ("sum/data/secret/b/1.ans", "12\n"),
    ("sum/submissions/accepted/sum.py", "print(sum(map(int, input().split())))\n"),
];

const HEAD: &str = "problem_format_version: 2025-09\nname: Sum\n\
                    uuid: 00000000-0000-0000-0000-000000000000\n";

/// A file to change or add, or to remove if the text is `None`.
type Change<'a> = (&'a str, Option<&'a str>);

fn tree_of(changes: &[Change<'_>]) -> FileTree {
    changed(FILES, changes)
}

pub(super) fn newer(changes: &[(&str, &str)]) -> Package {
    read_changed(FILES, changes)
}

pub(super) fn newer_errors(changes: &[Change<'_>]) -> Vec<String> {
    lines(&read(&tree_of(changes), &Options::default()).unwrap_err())
}

fn scoring(more: &str) -> String {
    format!("{HEAD}type: scoring\n{more}")
}

/// A scored package with a score for each group.
fn scored(changes: &[(&str, &str)]) -> Package {
    let manifest = scoring("");
    let own = [
        ("problem.yaml", manifest.as_str()),
        ("data/secret/a/test_group.yaml", "max_score: 40\n"),
        ("data/secret/b/test_group.yaml", "max_score: 60\n"),
    ];
    newer(&[&own, changes].concat())
}

fn scored_errors(changes: &[(&str, &str)]) -> Vec<String> {
    let manifest = scoring("");
    let own = [
        ("problem.yaml", manifest.as_str()),
        ("data/secret/a/test_group.yaml", "max_score: 40\n"),
        ("data/secret/b/test_group.yaml", "max_score: 60\n"),
    ];
    let all = [&own, changes].concat();
    newer_errors(&all.iter().map(|(path, text)| (*path, Some(*text))).collect::<Vec<_>>())
}

#[test]
fn a_problem_is_passed_if_every_test_is() {
    let package = newer(&[]);
    assert_eq!((package.format, package.warnings.as_slice()), (Format::Kattis2025, [].as_slice()));
    assert_eq!(package.content.grading.objective, None);
    for group in &package.content.grading.groups {
        assert_eq!((group.on_reject, &group.rule), (OnFailure::Stop, &Rule::first_error()));
    }
    assert_eq!((package.timing.multiplier, package.timing.margin), (2.0, 1.5));
    assert_eq!(package.content.time_limit, TimeLimitOrigin::Default);
}

#[test]
fn scores_are_aggregated() {
    let package = scored(&[
        (
            "data/secret/b/test_group.yaml",
            "max_score: 60\nscore_aggregation: sum\nrequire_pass: [sample, secret/a]\n",
        ),
        ("data/secret/test_group.yaml", "max_score: 100\n"),
    ]);
    assert_eq!(package.warnings, []);
    let grading = &package.content.grading;
    assert_eq!(grading.objective, Some(Objective::Max));
    let names: Vec<_> = grading.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["", "sample", "secret", "secret/a", "secret/b"]);
    let root = Rule::Grader {
        verdict: VerdictMode::FirstError,
        score: domain::grading::ScoreMode::Sum,
        ignore_sample: true,
        accept_if_any_accepted: false,
        scores: domain::grading::TestScores::default(),
    };
    assert_eq!(
        (grading.groups[0].on_reject, &grading.groups[0].rule),
        (OnFailure::Continue, &root)
    );
    let aggregate = |aggregation, max| Rule::Aggregate { aggregation, max_score: Some(max) };
    assert_eq!(grading.groups[2].rule, aggregate(Aggregation::Sum, 100.0));
    assert_eq!(grading.groups[3].rule, aggregate(Aggregation::PassFail, 40.0));
    assert_eq!(grading.groups[4].rule, aggregate(Aggregation::Sum, 60.0));
    assert_eq!(grading.groups[4].require_pass, [1, 3]);
    assert_eq!(package.content.flaws(), []);
}

#[test]
fn what_does_not_go_together_is_an_error() {
    let a = "data/secret/a/test_group.yaml";
    let b = "data/secret/b/test_group.yaml";
    let secret = "data/secret/test_group.yaml";
    let cases = [
        (a, "max_score: -1\n", "1:12: `max_score` is -1; expected an integer of at least 0"),
        (a, "max_score: unbounded\n", "1:12: a pass-fail group needs a `max_score`"),
        (a, "score_aggregation: min\n", ": the group has no `max_score`, but secret has one"),
        (a, "max_score: 1\nrequire_pass: secret/a\n", "2:15: the group requires itself"),
        (
            a,
            "max_score: 1\nrequire_pass: secret/b\n",
            "2:15: \"secret/b\" is not a group that comes before",
        ),
        (
            a,
            "max_score: 1\nrequire_pass: [group1]\n",
            "2:15: \"group1\" is not a group that comes before",
        ),
        (secret, "require_pass: secret/a\n", "1:15: secret requires \"secret/a\"; expected sample"),
        (
            secret,
            "score_aggregation: best\n",
            "1:20: `score_aggregation` is \"best\"; expected pass-fail, sum",
        ),
        (a, "max_score: 1\ncolour: 1\n", "2:1: unknown key \"colour\""),
        (a, "max_score: 1\nargs: x y\n", "2:7: `args` is \"x y\"; expected a list of strings"),
        (
            b,
            "max_score: 1\nstatic_validation_score: pass-fail\n",
            "2:26: there is no static validator",
        ),
    ];
    for (path, text, expected) in cases {
        let errors = scored_errors(&[(path, text)]);
        let place = if expected.starts_with(':') { "" } else { ":" };
        assert!(errors[0].starts_with(&format!("error: {path}{place}{expected}")), "{errors:?}");
    }
    let errors = scored_errors(&[
        (secret, "score_aggregation: pass-fail\n"),
        (a, "max_score: 40\nscore_aggregation: sum\n"),
    ]);
    assert!(errors[0].contains("the group is not pass-fail, but secret is"), "{errors:?}");
}

#[test]
fn what_changes_no_verdict_is_a_warning() {
    let a = "data/secret/a/test_group.yaml";
    let warnings = |package: Package| lines(&package.warnings).join("\n");
    let found =
        warnings(newer(&[(a, "max_score: 5\nscore_aggregation: sum\nrequire_pass: sample\n")]));
    assert_eq!(found.matches("is given for a problem that is not scored").count(), 3, "{found}");
    let cases = [
        ("data/sample/test_group.yaml", "max_score: 1\n", ":1:12: `max_score` is given for sample"),
        (
            a,
            "max_score: 40\nstatic_validator_args: [x]\n",
            ":2:24: there are `static_validator_args`",
        ),
    ];
    for (path, text, expected) in cases {
        let found = warnings(scored(&[(path, text)]));
        assert!(found.starts_with(&format!("warning: {path}{expected}")), "{found}");
    }
    // The format's tools read this file too, so its arguments apply.
    let root = newer(&[("data/test_group.yaml", "output_validator_args: [case_sensitive]\n")]);
    let Checker::Tokens(tokens) = &root.content.checker else { panic!("the default checker") };
    assert!(tokens.case_sensitive);
    assert!(warnings(root).starts_with("warning: data/test_group.yaml: configures no group"));
    // These files do not make the existing tests wrong.
    let strays: [&[(&str, &str)]; 5] = [
        &[("data/secret/1.in", ""), ("data/secret/1.ans", "")],
        &[("data/sample/x/1.in", ""), ("data/sample/x/1.ans", "")],
        &[("data/secret/a/1/2.in", ""), ("data/secret/a/1/2.ans", "")],
        &[("data/secret/a/2.hint", "")],
        &[("data/sample/3.in.download", ""), ("data/sample/3.interaction", "")],
    ];
    for files in strays {
        let package = newer(files);
        assert!(!package.warnings.is_empty(), "{files:?}");
        assert_eq!(package.content.flaws(), [], "{files:?}");
    }
}

#[test]
fn the_tree_of_tests_is_held_to_the_format() {
    let cases: [(&[Change<'_>], &str); 3] = [
        (
            &[("data/secret/a/x/test_group.yaml", Some("")), ("data/secret/a/x/1.in", Some(""))],
            "data/secret/a/x/test_group.yaml: is in no group",
        ),
        (
            &[
                ("data/secret/a/test_group.in", Some("")),
                ("data/secret/a/test_group.ans", Some("")),
            ],
            "data/secret/a/test_group.in: is named like a group's configuration file",
        ),
        (
            &[("data/secret/testdata.yaml", Some(""))],
            "data/secret/testdata.yaml: belongs to the older format",
        ),
    ];
    for (changes, expected) in cases {
        let errors = newer_errors(changes);
        assert!(
            errors.iter().any(|error| error.starts_with(&format!("error: {expected}"))),
            "{errors:?}"
        );
    }
}

#[test]
fn points_that_nobody_can_get_are_an_error() {
    let cases: [(&[(&str, &str)], &str); 2] = [
        (
            &[("data/secret/c/test_group.yaml", "max_score: 5\n")],
            "data/secret/c/test_group.yaml: configures a group without tests",
        ),
        (
            &[("data/secret/1.in", ""), ("data/secret/1.ans", "")],
            "data/secret/1.in: is next to test groups",
        ),
    ];
    for (changes, expected) in cases {
        let errors = scored_errors(changes);
        let is_expected = |error: &String| error.starts_with(&format!("error: {expected}"));
        assert!(errors.iter().any(is_expected), "{errors:?}");
    }
}

#[test]
fn a_test_says_what_its_group_does_not() {
    let package = newer(&[
        (
            "data/secret/a/test_group.yaml",
            "args: [-v, '{{n}}']\noutput_validator_args: [case_sensitive]\nfull_feedback: true\n",
        ),
        ("problem.yaml", &format!("{HEAD}constants: {{n: 7}}\n")),
        ("data/secret/a/2.in", ""),
        ("data/secret/a/2.ans", ""),
        (
            "data/secret/a/2.yaml",
            "args: []\nfull_feedback: false\nhint: Mind the gap.\ndescription: a gap\n\
             input_validator_args: {check: [x]}\n",
        ),
        ("data/secret/a/2.files/lists/a.txt", "a"),
        ("input_validators/check.py", ""),
        ("input_validators/shape.py", ""),
    ]);
    let test = |name: &str| package.content.tests.iter().find(|test| test.name == name).unwrap();
    let (one, two) = (test("secret/a/1"), test("secret/a/2"));
    assert_eq!((one.args.join(" "), one.full_feedback), ("-v 7".to_owned(), true));
    assert_eq!((two.args.len(), two.full_feedback), (0, false));
    assert_eq!(two.hint.as_deref(), Some("Mind the gap."));
    assert_eq!(two.files[0].path, "lists/a.txt");
    assert!(one.tokens.is_some_and(|tokens| tokens.case_sensitive));
    assert_eq!(test("secret/b/1").tokens, None);
    assert!(test("sample/1").full_feedback);
    let mut cases = package.input_validation.cases.iter();
    let case = cases.find(|case| case.path == "data/secret/a/2.in").unwrap();
    assert_eq!((&case.args, case.files.len()), (&vec![vec!["x".to_owned()], vec![]], 1));
}

#[test]
fn static_validation_is_a_test_of_its_group() {
    let package = scored(&[
        ("static_validator/check.py", ""),
        (
            "data/secret/b/test_group.yaml",
            "max_score: 60\nscore_aggregation: sum\nstatic_validation_score: 10\n\
             static_validator_args: [short]\n",
        ),
    ]);
    let names: Vec<_> = package.content.tests.iter().map(|test| test.name.as_str()).collect();
    assert_eq!(names, ["sample/1", "secret/a/1", "secret/b/static", "secret/b/1"]);
    let test = &package.content.tests[2];
    assert!(test.is_static);
    assert_eq!(
        (test.points, test.validator_args.as_slice()),
        (Some(10.0), ["short".to_owned()].as_slice())
    );
    assert_eq!(package.content.group_of(test), "secret/b");
    assert_eq!(package.content.static_validator.unwrap().name, "static_validator/check.py");
}

#[test]
fn cases_for_the_validators_are_read() {
    let package = newer(&[
        ("data/invalid_input/1.in", "x"),
        ("data/invalid_output/1.in", "1"),
        ("data/invalid_output/1.ans", "1"),
        ("data/invalid_output/1.out", "2"),
        ("data/valid_output/test_group.yaml", "output_validator_args: [case_sensitive]\n"),
        ("data/valid_output/1.in", "1"),
        ("data/valid_output/1.ans", "1"),
        ("data/valid_output/1.out", "1"),
    ]);
    let inputs: Vec<_> = package
        .input_validation
        .cases
        .iter()
        .map(|case| (case.path.as_str(), case.valid))
        .collect();
    assert!(inputs.contains(&("data/invalid_input/1.in", false)));
    assert!(inputs.contains(&("data/invalid_output/1.in", true)));
    let outputs: Vec<_> =
        package.output_cases.iter().map(|case| (case.path.as_str(), case.accepted)).collect();
    assert_eq!(
        outputs,
        [
            ("data/invalid_output/1.out", false),
            ("data/sample/1.ans", true),
            ("data/valid_output/1.out", true)
        ]
    );
    assert!(package.output_cases[2].test.tokens.unwrap().case_sensitive);
    assert_eq!(package.output_cases[0].test.tokens, None);
    assert!(package.content.tests.iter().all(|test| !test.name.contains("valid")));
    let package = newer(&[("data/valid_output/2.in", ""), ("data/invalid_input/3.ans", "")]);
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: data/invalid_input/3.ans: has no input and is ignored; expected \
             data/invalid_input/3.in",
            "warning: data/valid_output/2.in: has no .ans file; expected data/valid_output/2.ans",
            "warning: data/valid_output/2.in: has no .out file; expected data/valid_output/2.out",
        ]
    );
}

#[test]
fn keys_of_the_older_versions_are_not_known() {
    let manifest =
        format!("{HEAD}author: Ada\nvalidation: custom\nlimits: {{time_multiplier: 5}}\nfoo: 1\n");
    let errors = newer_errors(&[("problem.yaml", Some(&manifest))]);
    let expected = [
        "4:1: unknown key \"author\"",
        "5:1: unknown key \"validation\"",
        "6:10: unknown key \"limits.time_multiplier\"",
        "7:1: unknown key \"foo\"",
    ];
    assert_eq!(errors.len(), 4, "{errors:?}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.starts_with(&format!("error: problem.yaml:{expected}")), "{error}");
    }
    // A draft is read less strictly.
    let draft = manifest.replace("2025-09", "2023-07-draft").replace("validation: custom\n", "");
    assert_eq!(newer(&[("problem.yaml", &draft)]).warnings.len(), 1);
}

#[test]
fn flags_that_say_the_same_twice_are_an_error() {
    let path = "data/secret/a/test_group.yaml";
    for flags in [
        "float_tolerance, '1', float_tolerance, '2'",
        "float_tolerance, '1', float_absolute_tolerance, '2'",
    ] {
        let errors = newer_errors(&[(path, Some(&format!("output_validator_args: [{flags}]\n")))]);
        assert!(errors[0].contains("repeats an earlier tolerance"), "{errors:?}");
    }
    newer(&[(
        path,
        "output_validator_args: [float_relative_tolerance, '1', float_absolute_tolerance, '2']\n",
    )]);
}
