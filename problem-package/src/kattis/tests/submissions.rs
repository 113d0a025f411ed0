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
            ("wrong_answer/a.cc", "cpp23", vec![Verdict::WrongAnswer, Verdict::PresentationError]),
        ]
    );
    let long = "x".repeat(128 * 1024 + 1);
    let expected =
        "submissions/accepted/long.py: has 131073 bytes and is ignored; expected at most 131072";
    assert_eq!(
        warnings(&[("submissions/accepted/long.py", &long)]),
        [format!("warning: {expected}")]
    );
}

/// The compiler or interpreter decides about the encoding.
#[test]
fn a_submission_that_is_not_utf8_is_judged() {
    let mut builder = FileTree::builder(TreeLimits::default());
    for (path, text) in SUM {
        builder.insert(path.as_bytes(), Entry::File(Bytes::copy_from_slice(text.as_bytes())));
    }
    let latin1 = Bytes::from_static(b"// L\xe4ser\nint main() {}\n");
    builder.insert(b"sum/submissions/accepted/latin.cpp", Entry::File(latin1.clone()));
    let package = read(&builder.finish().unwrap(), &Options::default()).unwrap();
    assert_eq!(package.warnings, []);
    assert_eq!(submission(&package, "accepted/latin.cpp").files[0].bytes, latin1);
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
fn tags_in_a_source_override_its_folder() {
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
fn tags_that_contradict_a_final_folder_are_ignored() {
    let left_aside =
        "`@EXPECTED_RESULTS@` is ignored: it contradicts the folder; expected another folder";
    let cases = [
        ("accepted", "CORRECT", false),
        ("accepted", "WRONG-ANSWER", true),
        ("accepted", "CORRECT, TIMELIMIT", true),
        ("wrong_answer", "WRONG-ANSWER", false),
        ("wrong_answer", "NO-OUTPUT", false),
        ("wrong_answer", "OUTPUT-LIMIT", false),
        ("run_time_error", "MEMORY-LIMIT, RUN-ERROR", false),
        ("wrong_answer", "CORRECT", true),
        ("time_limit_exceeded", "TIMELIMIT", false),
        ("time_limit_exceeded", "TIMELIMIT, RUN-ERROR", true),
        ("run_time_error", "RUN-ERROR", false),
        ("run_time_error", "COMPILER-ERROR", true),
        ("accepted", "CHECK-MANUALLY", false),
    ];
    for (folder, tag, warns) in cases {
        let path = format!("submissions/{folder}/tagged.py");
        let plain = package(&[(&path, "x")]);
        let source = format!("# @EXPECTED_RESULTS@: {tag}\n");
        for read in [package, newer] {
            let found = read(&[(&path, &source)]);
            let warnings = lines(&found.warnings);
            let warned =
                warnings.iter().any(|it| it.starts_with(&format!("warning: {path}: {left_aside}")));
            assert_eq!(warned, warns, "{folder} {tag}: {warnings:?}");
        }
        let tagged = package(&[(&path, &source)]);
        let of = |package: &Package| {
            let it = submission(package, &format!("{folder}/tagged.py"));
            (it.expected.clone(), it.rules.clone())
        };
        assert_eq!(of(&tagged), of(&plain), "{folder} {tag}");
    }
    // In any other folder the tag counts.
    for folder in ["rejected", "mixed", "brute_force", "partially_accepted", "compiler_error"] {
        let path = format!("submissions/{folder}/tagged.py");
        let found = package(&[(&path, "# @EXPECTED_RESULTS@: TIMELIMIT\n")]);
        let expected = &submission(&found, &format!("{folder}/tagged.py")).expected;
        assert_eq!(expected, &BTreeSet::from([Verdict::TimeLimitExceeded]), "{folder}");
    }
}

#[test]
fn parts_of_a_score_are_tolerated_where_the_best_is_known() {
    use Verdict::{Accepted, Partial};
    let manifest = "name: Sum\ntype: scoring\nlimits: {time_limit: 1}\n";
    let found = |range: &'static str, folder: &str| {
        let path = format!("submissions/{folder}/a.py");
        let package =
            package(&[("problem.yaml", manifest), ("data/testdata.yaml", range), (&path, "x")]);
        let it = submission(&package, &format!("{folder}/a.py"));
        (it.expected.clone(), it.tolerated.clone())
    };
    let set = |verdicts: &[Verdict]| verdicts.iter().copied().collect::<BTreeSet<_>>();
    let cases = [
        ("range: 0 40\n", "accepted", set(&[Accepted]), set(&[Partial])),
        ("range: 0 40\n", "partially_accepted", set(&[Partial]), set(&[Accepted])),
        ("", "accepted", set(&[Accepted, Partial]), set(&[])),
        ("", "partially_accepted", set(&[Accepted, Partial]), set(&[])),
    ];
    for (range, folder, expected, tolerated) in cases {
        assert_eq!(found(range, folder), (expected, tolerated), "{range:?} {folder}");
    }
}

#[test]
fn which_submissions_bound_the_time_limit() {
    use TimeLimitUse::{Lower, None as Nothing, Upper};
    let uses = |package: &Package, folder: &str| {
        let rules = &submission(package, &format!("{folder}/slow.py")).rules;
        rules.iter().map(|rule| rule.time_limit).find(|it| *it != Nothing).unwrap_or(Nothing)
    };
    // In the older format and in the draft's tools only accepted submissions must be within the
    // limit.
    let older = [
        ("accepted", Lower),
        ("partially_accepted", Nothing),
        ("wrong_answer", Nothing),
        ("run_time_error", Nothing),
        ("time_limit_exceeded", Upper),
        ("brute_force", Nothing),
        ("rejected", Nothing),
    ];
    let draft = "problem_format_version: 2023-07-draft\nname: Sum\n\
                 uuid: 00000000-0000-0000-0000-000000000000\n";
    for (folder, expected) in older {
        let path = format!("submissions/{folder}/slow.py");
        assert_eq!(uses(&package(&[(&path, "x")]), folder), expected, "legacy {folder}");
        let found = newer(&[("problem.yaml", draft), (&path, "x")]);
        assert_eq!(uses(&found, folder), expected, "2023-07-draft {folder}");
    }
    // 2025-09, "Timelimit inference": every submission that must not exceed the limit on some
    // tests.
    let defaults = [
        ("accepted", Lower),
        ("wrong_answer", Lower),
        ("run_time_error", Lower),
        ("time_limit_exceeded", Upper),
        ("brute_force", Nothing),
        ("rejected", Nothing),
    ];
    let sheet = "wrong_answer/slow.py: {use_for_time_limit: false}\n";
    for (folder, expected) in defaults {
        let path = format!("submissions/{folder}/slow.py");
        assert_eq!(uses(&newer(&[(&path, "x")]), folder), expected, "2025-09 {folder}");
        // A draft with `submissions.yaml` follows the newer format.
        let with_sheet =
            [("problem.yaml", draft), (&path, "x"), ("submissions/submissions.yaml", sheet)];
        assert_eq!(uses(&newer(&with_sheet), folder), expected, "draft {folder}");
    }
    let sheets = [
        ("accepted", "accepted: {use_for_time_limit: false}\n", Nothing),
        ("wrong_answer", "wrong_answer: {use_for_time_limit: false}\n", Nothing),
        ("rejected", "rejected: {use_for_time_limit: lower}\n", Lower),
        ("rejected", "rejected: {use_for_time_limit: upper}\n", Upper),
        ("time_limit_exceeded", "time_limit_exceeded: {use_for_time_limit: false}\n", Nothing),
        ("rejected", "rejected: {required: [TLE]}\n", Upper),
        ("rejected", "rejected: {required: [TLE, RTE]}\n", Nothing),
        ("rejected", "rejected: {permitted: [WA]}\n", Lower),
    ];
    for (folder, sheet, expected) in sheets {
        let path = format!("submissions/{folder}/slow.py");
        let found = newer(&[(&path, "x"), ("submissions/submissions.yaml", sheet)]);
        assert_eq!(uses(&found, folder), expected, "{sheet}");
    }
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
        warnings[0].contains("is partially accepted, but the problem is not scored"),
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
    // `required` still comes from the folder's rule.
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
            "1:23: \"OK\" is not a verdict; expected AC, WA, TLE or RTE",
        ),
        (
            "accepted: {permitted: [AC], required: [WA]}\n",
            "1:11: no verdict is both required and permitted",
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
        ("accepted: {colour: red}\n", "1:12: unknown key \"colour\""),
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

/// C++ uses the standard of the format's tools, unless the package or the problem sets another one.
#[test]
fn cpp_has_a_standard() {
    let cases = [
        ("", "cpp23"),
        ("assay: {cpp: cpp20}\n", "cpp20"),
        ("assay: {cpp: cpp}\n", "cpp"),
        ("languages: [cpp]\n", "cpp"),
    ];
    for (line, language) in cases {
        let manifest = format!("name: Sum\nlimits: {{time_limit: 1}}\n{line}");
        let package = package(&[
            ("problem.yaml", manifest.as_str()),
            ("submissions/accepted/sum.cpp", "int main() {}\n"),
        ]);
        let found = package.submissions.iter().find(|it| it.path == "accepted/sum.cpp").unwrap();
        assert_eq!(found.language.as_str(), language, "{line}");
    }
}

#[test]
fn a_standard_without_programs_is_warned_of() {
    let manifest = "name: Sum\nlimits: {time_limit: 1}\nassay: {cpp: cpp20}\n";
    let python = package(&[("problem.yaml", manifest)]);
    assert_eq!(
        lines(&python.warnings),
        [
            "warning: problem.yaml:3:14: `assay.cpp` has no effect: no program or submission is in this standard"
        ]
    );
    let validator = package(&[
        ("problem.yaml", manifest),
        ("input_validators/check.cpp", "int main() { return 42; }\n"),
    ]);
    assert_eq!(lines(&validator.warnings), [] as [&str; 0]);
}

/// The language and the source of the reference solution.
fn reference(files: &[(&str, &str)]) -> Option<(String, String)> {
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, Some(*text))).collect();
    let tree = changed(newer::FILES, &files);
    let [package] = crate::format::read(&tree, &Options::default()).unwrap().try_into().unwrap();
    let reference = package.content.reference?;
    let source = String::from_utf8(package.blobs[&reference.source.digest].to_vec()).unwrap();
    assert_eq!(reference.source.bytes, source.len() as u64);
    Some((reference.language.to_string(), source))
}

#[test]
fn the_reference_solution_is_the_model_or_the_first_accepted_one_of_one_file() {
    let sum = "print(sum(map(int, input().split())))\n";
    let found = |language: &str, source: &str| Some((language.to_owned(), source.to_owned()));
    assert_eq!(reference(&[]), found("python3", sum));
    let rivals = [
        ("submissions/accepted/a/one.py", "import two"),
        ("submissions/accepted/a/two.py", "print(3)"),
        ("submissions/rejected/first.py", "print(1)"),
        ("submissions/accepted/b.py", "print(2)"),
    ];
    assert_eq!(reference(&rivals), found("python3", "print(2)"));
    let sheet = |text| [&rivals[..], &[("submissions/submissions.yaml", text)]].concat();
    let named = sheet("accepted/sum.py: { model_solution: true }\n");
    assert_eq!(reference(&named), found("python3", sum));
    let excluded = sheet("accepted/b.py: { model_solution: false }\n");
    assert_eq!(reference(&excluded), found("python3", sum));
    let none = sheet("accepted/*: { model_solution: false }\n");
    assert_eq!(reference(&none), None);
}
