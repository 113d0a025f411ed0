//! `tests/*/test.yml`.

use std::collections::BTreeSet;

use super::*;
use crate::package::{SampleSubmission, TimeLimitUse};
use Verdict::{
    Accepted, CompileError, OutputLimitExceeded, PresentationError, RuntimeError,
    TimeLimitExceeded, WrongAnswer,
};

/// Two single cases and a batch of two; `1.in` occurs twice.
const BATCHED: &str = "test_cases:\n- {in: 1.in, out: 1.out, points: 5}\n- {in: 2.in, out: 2.out, points: 7}\n\
                       - {batched: [{in: 1.in, out: 1.out}, {in: 3.in, out: 3.out}], points: 20}\n";

/// The submission of a `test.yml` with the required keys and these, and the warnings.
fn program(init: &str, rest: &str) -> (Option<SampleSubmission>, Vec<String>) {
    let test = format!("language: CPP17\nsource: a.cpp\n{rest}");
    let files = [
        ("tests/x/test.yml", test.as_str()),
        ("tests/x/a.cpp", "int main() {}\n"),
        ("3.in", "0 0\n"),
        ("3.out", "0\n"),
    ];
    let package = read_one(&tree(init, &files));
    let found = package.submissions.into_iter().find(|it| it.path == "tests/x/a.cpp");
    (found, lines(&package.warnings))
}

#[test]
fn what_is_expected_of_each_case_is_a_rule() {
    // The file, the expected verdicts of the whole submission, and the verdicts each scope permits.
    type Row<'a> = (&'a str, &'a [Verdict], &'a [(&'a str, &'a [Verdict])]);
    let wrong: &[Verdict] = &[WrongAnswer, PresentationError];
    let accepted_or_wrong: &[Verdict] = &[Accepted, WrongAnswer, PresentationError];
    let cases: &[Row<'_>] = &[
        ("", &[Accepted], &[("", &[Accepted])]),
        ("expect: AC\ncases: {2: AC}", &[Accepted], &[("", &[Accepted])]),
        ("expect: CE", &[CompileError], &[]),
        ("expect: [AC, CE]", &[Accepted, CompileError], &[("", &[Accepted])]),
        ("expect: [AC, IR]", &[], &[("", &[Accepted, RuntimeError])]),
        ("expect: [TLE, SC]", &[], &[("", &[TimeLimitExceeded])]),
        ("expect: OLE", &[], &[("", &[OutputLimitExceeded])]),
        (
            "expect: [AC, WA]\ncases: {4: WA}",
            &[],
            &[("1.in", accepted_or_wrong), ("2.in", accepted_or_wrong), ("3.in", wrong)],
        ),
        // Two cases with the same name permit the verdicts of both.
        (
            "expect: AC\ncases: [AC, SC, WA]",
            &[],
            &[("1.in", accepted_or_wrong), ("2.in", &[]), ("3.in", &[Accepted])],
        ),
        (
            "expect: '*'\ncases: {2: SC, 9: WA}",
            &[CompileError],
            &[("1.in", &ALL), ("2.in", &[]), ("3.in", &ALL)],
        ),
    ];
    for (rest, expected, rules) in cases {
        let (found, warnings) = program(BATCHED, rest);
        assert_eq!(warnings, Vec::<String>::new(), "{rest}");
        let found = found.unwrap();
        let set = |verdicts: &[Verdict]| verdicts.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(found.expected, set(expected), "{rest}");
        let permitted: Vec<_> =
            found.rules.iter().map(|rule| (rule.scope.as_str(), rule.permitted.clone())).collect();
        let wanted: Vec<_> = rules.iter().map(|(scope, it)| (*scope, set(it))).collect();
        assert_eq!(permitted, wanted, "{rest}");
        let bounds = found.rules.iter().any(|rule| rule.time_limit == TimeLimitUse::Lower);
        assert_eq!(bounds, expected.contains(&Accepted), "{rest}");
    }
}

const ALL: [Verdict; 7] = [
    Accepted,
    WrongAnswer,
    PresentationError,
    TimeLimitExceeded,
    Verdict::MemoryLimitExceeded,
    OutputLimitExceeded,
    RuntimeError,
];

#[test]
fn a_part_of_the_points_of_linecount_is_a_wrong_answer_there() {
    let (found, _) = program(&format!("checker: linecount\n{CASES}"), "expect: WA");
    let rule = &found.unwrap().rules[0];
    assert_eq!(rule.permitted, [Accepted, WrongAnswer, PresentationError].into());
}

#[test]
fn scores_of_cases_make_the_score_of_the_whole() {
    let cases = [
        ("", None),
        ("score: 5", Some((15.0, 15.0))),
        ("score: '*'", Some((0.0, 32.0))),
        ("score: [0, 5]", Some((0.0, 15.0))),
        ("score_cases: {1: 5, 2: 0}", Some((5.0, 25.0))),
        ("score_cases: [5, 7, 20, 20]", Some((32.0, 32.0))),
        ("score_cases: [5, 7, 20, 0]", Some((12.0, 12.0))),
        ("score: 0\nscore_cases: {3: [10, 20], 4: '20'}", Some((10.0, 20.0))),
        ("expect: CE\nscore: 0", None),
    ];
    for (rest, score) in cases {
        let (found, warnings) = program(BATCHED, rest);
        assert_eq!((found.unwrap().score, warnings), (score, vec![]), "{rest}");
    }
}

#[test]
fn a_test_that_says_nothing_to_check_is_left_aside_with_the_reason() {
    let cases = [
        (
            "skip: true",
            "warning: tests/x/test.yml:3:7: `skip` is set, so the submission is ignored",
        ),
        (
            "arch: [mips]",
            "warning: tests/x/test.yml:3:7: `arch` does not name HERE, so the submission is ignored",
        ),
        (
            "time: \"2\"",
            "warning: tests/x/test.yml:3:7: `time` is \"2\", so the submission is ignored; expected a number of seconds",
        ),
        (
            "time: 0",
            "warning: tests/x/test.yml:3:7: `time` is 0, so the submission is ignored; expected a number of seconds",
        ),
        (
            "memory: '65536'",
            "warning: tests/x/test.yml:3:9: `memory` is \"65536\", so the submission is ignored; expected a number of KiB",
        ),
        (
            "score: 2.5",
            "warning: tests/x/test.yml:3:8: `score` is 2.5, so the submission is ignored; expected a whole number of \
             points, or a list of them",
        ),
        (
            "cases: AC",
            "warning: tests/x/test.yml:3:8: `cases` is \"AC\", so the submission is ignored; expected a list with an \
             entry for each case, or a map from their numbers",
        ),
        (
            "expect: '*'",
            "warning: tests/x/test.yml:3:9: the code \"*\" cannot be checked, so the submission is ignored; expected AC, \
             WA, TLE, MLE, OLE, RTE, IR, CE or SC",
        ),
        (
            "expect: IE",
            "warning: tests/x/test.yml:3:9: the code \"IE\" cannot be checked, so the submission is ignored; expected AC, \
             WA, TLE, MLE, OLE, RTE, IR, CE or SC",
        ),
    ];
    let here = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
    for (rest, warning) in cases {
        let (found, warnings) = program(CASES, rest);
        assert_eq!((found, warnings), (None, vec![warning.replace("HERE", here)]), "{rest}");
    }
}

#[test]
fn a_test_that_is_no_yaml_does_not_refuse_the_package() {
    for text in ["a: [", "[1]", "text", "\u{1}"] {
        let package = read_one(&tree(CASES, &[("tests/x/test.yml", text)]));
        assert_eq!(package.submissions.len(), 1, "{text}");
        let [warning] = lines(&package.warnings).try_into().unwrap();
        assert!(warning.contains("so the submission is ignored"), "{warning}");
    }
}

#[test]
fn what_is_not_checked_is_named() {
    let rest = "skip: false\nfeedback: Sorry\nextended_feedback_cases: {1: x}\ncolour: red\n";
    let (found, warnings) = program(CASES, rest);
    assert!(found.is_some());
    assert_eq!(
        warnings,
        [
            "warning: tests/x/test.yml:6:1: unknown key \"colour\" is ignored",
            "warning: tests/x/test.yml:4:11: `feedback` is not checked",
            "warning: tests/x/test.yml:5:26: `extended_feedback_cases` is not checked",
        ]
    );
}

#[test]
fn the_file_for_linux_comes_after_that_for_all() {
    let files = [
        ("tests/x/test.yml", "{language: PY2, source: a.py, expect: AC}"),
        ("tests/x/test.posix.yml", "{language: PY3, expect: WA}"),
        ("tests/x/test.linux.yml", "expect: CE"),
        ("tests/x/test.freebsd.yml", "expect: TLE"),
        ("tests/x/a.py", ""),
        ("tests/x/deeper/test.yml", "skip: true"),
    ];
    let package = read_one(&tree(CASES, &files));
    let found = package.submissions.iter().find(|it| it.path == "tests/x/a.py").unwrap();
    assert_eq!((found.language.as_str(), &found.expected), ("python3", &[CompileError].into()));
}
