//! The drafts of the newer format. The format's own tools read their groups as in the older format.

use domain::grading::{Aggregation, Rule, ScoreMode, TestScores, VerdictMode};

use super::newer::newer;
use super::*;

const VERSIONS: [&str; 3] = ["2023-07-draft", "2023-07", "draft"];

/// A scored package of this version, with these files.
fn draft(version: &str, files: &[(&str, &str)]) -> Package {
    let manifest = format!(
        "problem_format_version: {version}\nname: Sum\ntype: scoring\n\
         uuid: 00000000-0000-0000-0000-000000000000\n"
    );
    newer(&[&[("problem.yaml", manifest.as_str())], files].concat())
}

fn rule<'a>(package: &'a Package, name: &str) -> &'a Rule {
    let groups = &package.content.grading.groups;
    &groups.iter().find(|group| group.name == name).expect("the group is there").rule
}

#[test]
fn testdata_yaml_is_read_as_in_the_older_format() {
    for version in VERSIONS {
        let package = draft(
            version,
            &[
                (
                    "data/testdata.yaml",
                    "on_reject: continue\nrange: 0 100\ngrader_flags: ignore_sample\n",
                ),
                (
                    "data/sample/testdata.yaml",
                    "on_reject: continue\nrange: 0 0\naccept_score: 0\ngrader_flags: first_error\n",
                ),
                (
                    "data/secret/testdata.yaml",
                    "range: 0 100\ngrader_flags: first_error accept_if_any_accepted\n",
                ),
                (
                    "data/secret/a/testdata.yaml",
                    "on_reject: break\naccept_score: 50\nrange: 0 50\ngrader_flags: min\n\
                     input_validator_flags: five=1\n",
                ),
                ("input_validators/check.py", "exit(42)\n"),
            ],
        );
        assert_eq!(package.warnings, [], "{version}");
        let Rule::Grader { ignore_sample, .. } = rule(&package, "") else { panic!("{version}") };
        assert!(*ignore_sample);
        let Rule::Grader { score, scores, .. } = rule(&package, "secret/a") else {
            panic!("{version}")
        };
        let expected = TestScores { accept: 50.0, min: Some(0.0), max: Some(50.0), reject: 0.0 };
        assert_eq!((*score, *scores), (ScoreMode::Min, expected));
        // A group inherits missing keys from its parent.
        let Rule::Grader { verdict, accept_if_any_accepted, .. } = rule(&package, "secret/b")
        else {
            panic!("{version}")
        };
        assert_eq!((*verdict, *accept_if_any_accepted), (VerdictMode::FirstError, true));
        let inputs = &package.input_validation.cases;
        let args = |path| &inputs.iter().find(|case| case.path == path).unwrap().args;
        assert_eq!(args("data/secret/a/1.in"), &[vec!["five=1".to_owned()]]);
        assert_eq!(args("data/secret/b/1.in"), &[Vec::<String>::new()]);
    }
}

#[test]
fn without_any_configuration_the_older_defaults_hold() {
    for version in VERSIONS {
        let package = draft(version, &[]);
        assert_eq!(package.warnings, [], "{version}");
        let Rule::Grader { verdict, score, scores, .. } = rule(&package, "") else {
            panic!("{version}")
        };
        assert_eq!((*verdict, *score), (VerdictMode::WorstError, ScoreMode::Sum));
        assert_eq!(*scores, TestScores::default());
    }
}

#[test]
fn test_group_yaml_is_read_as_the_text_of_the_draft_says() {
    for version in VERSIONS {
        let package = draft(
            version,
            &[
                ("data/test_group.yaml", "output_validator_args: [case_sensitive]\n"),
                ("data/secret/test_group.yaml", "scoring: {score: 60, aggregation: sum}\n"),
                ("data/secret/a/test_group.yaml", "scoring: {score: 20, require_pass: sample}\n"),
            ],
        );
        assert_eq!(package.warnings, [], "{version}");
        let aggregate = |name| match rule(&package, name) {
            Rule::Aggregate { aggregation, max_score } => (*aggregation, *max_score),
            other => panic!("{version}: {other:?}"),
        };
        assert_eq!(aggregate("secret"), (Aggregation::Sum, Some(60.0)));
        assert_eq!(aggregate("secret/a"), (Aggregation::PassFail, Some(20.0)));
        // The rest is shared among the groups without a score.
        assert_eq!(aggregate("secret/b"), (Aggregation::PassFail, Some(40.0)));
        let Checker::Tokens(tokens) = &package.content.checker else { panic!("{version}") };
        assert!(tokens.case_sensitive);
    }
}

#[test]
fn the_keys_of_2025_09_are_taken_too() {
    for version in VERSIONS {
        let package = draft(
            version,
            &[
                ("data/secret/a/test_group.yaml", "max_score: 30\n"),
                ("data/secret/b/test_group.yaml", "max_score: 70\nscore_aggregation: min\n"),
            ],
        );
        let Rule::Aggregate { aggregation, max_score } = rule(&package, "secret/b") else {
            panic!("{version}")
        };
        assert_eq!((*aggregation, *max_score), (Aggregation::Min, Some(70.0)));
    }
}
