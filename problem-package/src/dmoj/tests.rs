use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use bytes::Bytes;
use domain::Verdict;
use domain::checker::{LineRule, TokenOptions};
use domain::grading::{Aggregation, OnFailure, Rule};
use domain::problem::{Checker, Protocol, Validation};
use proptest::prelude::*;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;
use crate::limits::TreeLimits;
use crate::stored::stored;
use crate::tree::Entry;

mod keys;
mod programs;

/// A correct package without its `init.yml`. Each test changes it.
const SUM: &[(&str, &str)] = &[
    ("README.md", "# The Sum\n\nAdd.\n"),
    ("1.in", "1 2\n"),
    ("1.out", "3"),
    ("2.in", "2 2\r\n"),
    ("2.out", "4\n"),
    ("check.cpp", "int main() {}\n"),
    ("tests/ac/test.yml", "{language: PY3, time: 2, memory: 65536, source: sum.py, expect: AC}\n"),
    ("tests/ac/sum.py", "print(sum(map(int, input().split())))\n"),
];

const CASES: &str =
    "test_cases:\n- {in: 1.in, out: 1.out, points: 10}\n- {in: 2.in, out: 2.out, points: 20}\n";

fn tree_of(files: &BTreeMap<&str, Bytes>) -> FileTree {
    let mut builder = FileTree::builder(TreeLimits::default());
    for (path, bytes) in files {
        builder.insert(format!("sum/{path}").as_bytes(), Entry::File(bytes.clone()));
    }
    builder.finish().unwrap()
}

/// The package with this `init.yml` and these changes.
fn tree(init: &str, changes: &[(&str, &str)]) -> FileTree {
    let texts = SUM
        .iter()
        .chain(changes)
        .map(|(path, text)| (*path, Bytes::copy_from_slice(text.as_bytes())));
    let mut files: BTreeMap<&str, Bytes> = texts.collect();
    files.insert(FILE, Bytes::copy_from_slice(init.as_bytes()));
    tree_of(&files)
}

fn zip(files: &[(&str, &str)]) -> Bytes {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, text) in files {
        writer.start_file(*path, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner().into()
}

fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}

fn read_one(tree: &FileTree) -> Package {
    let packages = read(tree, &Options::default());
    packages.unwrap_or_else(|errors| panic!("{}", lines(&errors).join("\n"))).remove(0)
}

fn package(init: &str) -> Package {
    read_one(&tree(init, &[]))
}

fn errors(init: &str) -> Vec<String> {
    lines(&read(&tree(init, &[]), &Options::default()).unwrap_err())
}

/// The checker of a package with this value of `checker`, and the warnings.
fn checker(text: &str) -> (Checker, Vec<String>) {
    let package = package(&format!("checker: {text}\n{CASES}"));
    (package.content.checker, lines(&package.warnings))
}

/// The errors of a package with this value of `checker`.
fn checker_errors(text: &str) -> Vec<String> {
    errors(&format!("checker: {text}\n{CASES}"))
}

fn programs(checker: &Checker) -> &Validation {
    let Checker::Programs(validation) = checker else { panic!("{checker:?}") };
    validation
}

/// For each group: its name, its rule, its requirements, and its tests with their points.
fn groups(package: &Package) -> Vec<String> {
    let grading = &package.content.grading;
    (0..)
        .zip(&grading.groups)
        .map(|(place, group)| {
            let Rule::Aggregate { aggregation, max_score } = &group.rule else {
                panic!("{:?}", group.rule)
            };
            let tests = package.content.tests.iter().filter(|test| test.group == place);
            let tests: Vec<_> = tests
                .map(|test| {
                    test.points
                        .map_or(test.name.clone(), |points| format!("{}={points}", test.name))
                })
                .collect();
            let max = max_score.unwrap();
            format!(
                "{} {aggregation:?} {max} {:?} {}",
                group.name,
                group.require_pass,
                tests.join(" ")
            )
        })
        .collect()
}

#[test]
fn a_plain_package_is_read() {
    let package = package(CASES);
    assert_eq!(lines(&package.warnings), Vec::<String>::new());
    assert_eq!(package.slug.as_str(), "sum");
    let content = &package.content;
    assert_eq!((content.title.as_str(), content.statement.as_str()), ("The Sum", "Add.\n"));
    assert_eq!((content.limits.time_ms, content.limits.memory_kib), (2_000, 65_536));
    assert_eq!(content.limits.output_kib, 24 * 1024);
    assert_eq!(package.timing.given_ms, Some(2_000));
    assert_eq!(content.checker, Checker::Lines(LineRule::Words));
    assert_eq!(groups(&package), [" Sum 30 [] 1.in=10 2.in=20"]);
    // Line endings are normalised, as in DMOJ's judge.
    assert_eq!(package.blobs[&content.tests[0].answer.digest], "3\n");
    assert_eq!(package.blobs[&content.tests[1].input.digest], "2 2\n");
    let [submission] = package.submissions.as_slice() else { panic!("one submission") };
    assert_eq!(
        (submission.path.as_str(), submission.language.as_str()),
        ("tests/ac/sum.py", "python3")
    );
    assert_eq!(submission.expected, [Verdict::Accepted].into());
    assert!(content.flaws().is_empty());
}

#[test]
fn batches_are_worth_the_least_of_their_cases_and_may_depend_on_others() {
    let case = "{in: 1.in, out: 1.out}";
    let init = format!(
        "test_cases:\n- {{in: 1.in, out: 1.out, points: 5}}\n- {{batched: [{case}, {case}], points: 10}}\n\
         - {{batched: [{case}], points: 20, dependencies: [1]}}\n- {{batched: [{case}], dependencies: [2]}}\n"
    );
    let package = package(&init);
    assert_eq!(
        groups(&package),
        [
            " Sum 36 [] 1.in=5",
            "batch-1 Min 10 [] 1.in 1.in",
            "batch-2 Min 20 [1] 1.in",
            "batch-3 Min 1 [2] 1.in",
        ]
    );
    assert_eq!(package.content.grading.groups[1].on_reject, OnFailure::Stop);
    assert_eq!(package.content.grading.groups[0].on_reject, OnFailure::Continue);
    assert_eq!(
        errors(
            "test_cases:\n- {batched: [{in: 1.in, out: 1.out}], dependencies: [1, 2, 0, x]}\n- {batched: []}\n- {batched: [{batched: []}]}\n"
        ),
        [
            "error: init.yml:2:54: the batch 1 depends on itself; expected the number of an earlier batch, from 1",
            "error: init.yml:2:57: the batch 1 depends on 2, which is not before it; expected the number of an earlier \
             batch, from 1",
            "error: init.yml:2:60: the batch 1 depends on 0; expected the number of an earlier batch, from 1",
            "error: init.yml:2:63: the batch 1 depends on \"x\"; expected the number of an earlier batch, from 1",
            "error: init.yml:3:13: `batched` is a list; expected at least one test case",
            "error: init.yml:4:14: a batch is inside another batch; expected test cases with `in` and `out`",
        ]
    );
}

#[test]
fn cases_without_points_must_be_passed() {
    let init = "points: 3\npretest_test_cases:\n- {in: 2.in, out: 2.out, points: 7}\ntest_cases:\n- {in: 1.in, out: 1.out}\n\
                - {in: 1.in, out: 1.out, points: 0}\n- {in: 1.in, out: 1.out}\n- {in: 2.in, out: 2.out}\n\
                - {batched: [{in: 1.in, out: 1.out}], points: 0}\n- {in: 1.in, out: 1.out}\n";
    assert_eq!(
        groups(&package(init)),
        [
            " Sum 12 [] ",
            "pretests PassFail 0 [] 2.in",
            "cases-2 Sum 3 [1] 1.in=3",
            "gate-1 PassFail 0 [1] 1.in",
            "cases-4 Sum 6 [1, 3] 1.in=3 2.in=3",
            "batch-1 Min 0 [1, 3] 1.in",
            "cases-7 Sum 3 [1, 3, 5] 1.in=3",
        ]
    );
    let none = package("points: 0\ntest_cases: [{in: 1.in, out: 1.out}, {in: 2.in, out: 2.out}]\n");
    assert_eq!(none.content.grading.objective, None);
}

#[test]
fn data_may_be_in_an_archive_and_named_by_patterns() {
    let archive = |files: &[(&str, &str)], init: &str| {
        let mut all: BTreeMap<&str, Bytes> =
            SUM.iter().map(|(path, text)| (*path, Bytes::from(*text))).collect();
        all.insert("data.zip", zip(files));
        all.insert(FILE, Bytes::copy_from_slice(init.as_bytes()));
        read(&tree_of(&all), &Options::default())
    };
    let names = |packages: Result<Vec<Package>, Vec<Diagnostic>>| {
        let package =
            packages.unwrap_or_else(|errors| panic!("{}", lines(&errors).join("\n"))).remove(0);
        assert_eq!(groups(&package).len(), package.content.grading.groups.len());
        groups(&package)
    };
    // Names in the archive include the folder.
    let files = [("d/a.in", "x\n"), ("d/a.out", "y\n")];
    let init =
        "archive: data.zip\ntest_cases: [{in: d/a.in, out: d/a.out}, {in: 1.in, out: 1.out}]\n";
    assert_eq!(names(archive(&files, init)), [" Sum 2 [] d/a.in=1 1.in=1"]);
    let files = [
        ("1.in", ""),
        ("1.out", ""),
        ("2.1.in", ""),
        ("2.1.out", ""),
        ("2.2.in", ""),
        ("2.2.out", ""),
    ];
    assert_eq!(
        names(archive(&files, "archive: data.zip\npoints: 4\n")),
        [" Sum 8 [] 1.in=4", "batch-1 Min 4 [] 2.1.in 2.2.in"]
    );
    let patterns = "archive: data.zip\ntest_cases: {input_format: '^2\\.(?P<case>\\d)\\.in$', output_format: \
                    '^2\\.(?P<case>\\d)\\.out', case_points: [7, 8]}\n";
    assert_eq!(names(archive(&files, patterns)), [" Sum 15 [] 2.1.in=7 2.2.in=8"]);
    let bad = "archive: data.zip\ntest_cases: {input_format: '(x', output_format: '.*out'}\n";
    assert_eq!(
        lines(&archive(&files, bad).unwrap_err()),
        [
            "error: init.yml:2:28: `input_format` cannot be read: Opening parenthesis without closing parenthesis (after 2 \
             bytes); expected a pattern with the groups `batch` and `case`"
        ]
    );
    assert_eq!(
        lines(
            &archive(&[("../a", "")], "archive: data.zip\ntest_cases: [{in: 1.in, out: 1.out}]\n")
                .unwrap_err()
        ),
        ["error: data.zip: \"../a\" leads out of its folder; expected a path within the package"]
    );
}

#[test]
fn paths_do_not_leave_the_package() {
    assert_eq!(
        errors(
            "archive: ../data.zip\ntest_cases:\n- {in: /etc/passwd, out: a/../../b}\n- {in: none, out: 1.out}\n"
        ),
        [
            "error: init.yml:1:10: `archive` is \"../data.zip\", which is not in the package; expected a path within the \
             package",
            "error: init.yml:3:8: `in` is \"/etc/passwd\", which is not in the package; expected a path within the package",
            "error: init.yml:3:26: `out` is \"a/../../b\", which is not in the package; expected a path within the package",
            "error: init.yml:4:8: `in` names \"none\", which is missing; expected a file of the package",
        ]
    );
}

#[test]
fn what_runs_only_inside_of_dmojs_judge_is_refused() {
    let init = format!(
        "custom_judge: grader.py\ngenerator: gen.cpp\nfile_io: {{input: a}}\nx++: 'y'\nnew: 1\nchecker: own.py\n{CASES}- {{in: 1.in}}\n"
    );
    assert_eq!(
        errors(&init),
        [
            "error: init.yml:1:1: `custom_judge` is not supported: its Python code runs only inside DMOJ's \
             judge; expected a checker or an interactor",
            "error: init.yml:3:1: `file_io` is not supported: submissions read standard input and write standard output; \
             expected no `file_io`",
            "error: init.yml:4:1: `x++` is not supported: it is Python code that computes the value; expected the value itself",
            "warning: init.yml:5:1: unknown key \"new\" is ignored",
            "error: init.yml:6:10: the checker \"own.py\" is not supported: its Python code runs only inside DMOJ's \
             judge; expected a bridged checker",
            "error: init.yml:2:12: `generator` is not supported: the data must be in the package; expected `in` and `out` \
             for every test case",
        ]
    );
    assert_eq!(
        errors("{}"),
        [
            "error: init.yml: test cases are found by file name only in an archive; expected `archive`, or \
         a list of test cases"
        ]
    );
    assert_eq!(
        errors("test_cases: []"),
        ["error: init.yml: there are no test cases; expected `test_cases`"]
    );
}

#[test]
fn the_built_in_checkers_are_ours_where_they_agree() {
    let rule = |text: &str| checker(text).0;
    assert_eq!(rule("standard"), Checker::Lines(LineRule::Words));
    assert_eq!(rule("{name: standard}"), Checker::Lines(LineRule::Words));
    assert_eq!(rule("easy"), Checker::Lines(LineRule::Characters));
    assert_eq!(
        rule("{name: identical, args: {pe_allowed: false}}"),
        Checker::Lines(LineRule::Identical)
    );
    assert_eq!(rule("sorted"), Checker::Lines(LineRule::SortedLines));
    assert_eq!(
        rule("{name: sorted, args: {split_on: whitespace}}"),
        Checker::Lines(LineRule::SortedWords)
    );
    assert_eq!(rule("unordered"), Checker::Lines(LineRule::SortedWords));
    let floats = |absolute, relative| {
        Checker::Tokens(TokenOptions {
            case_sensitive: true,
            space_sensitive: false,
            float_absolute: absolute,
            float_relative: relative,
        })
    };
    assert_eq!(rule("floats"), floats(Some(1e-6), Some(1e-6)));
    assert_eq!(
        rule("{name: floats, args: {precision: 3, error_mode: absolute}}"),
        floats(Some(1e-3), None)
    );
    assert_eq!(rule("floatsrel"), floats(None, Some(1e-6)));
    assert_eq!(rule("{name: floatsabs, args: {precision: 9}}"), floats(Some(1e-9), None));
    assert_eq!(
        checker("rstripped"),
        (
            Checker::Lines(LineRule::RightStripped),
            vec![
                "warning: init.yml:1:10: the checker rstripped counts empty lines at the end of an output as a difference; \
                 here they are ignored"
                    .to_owned()
            ]
        )
    );
    assert_eq!(
        checker_errors("{name: sorted, args: {split_on: words}}"),
        ["error: init.yml:1:42: `split_on` is \"words\"; expected lines or whitespace"]
    );
    assert_eq!(
        checker_errors("unheard"),
        [
            "error: init.yml:1:10: unknown checker \"unheard\"; expected standard, easy, floats, floatsabs, floatsrel, \
          identical, linecount, linematches, rstripped, sorted, unordered or bridged"
        ]
    );
}

#[test]
fn checkers_that_give_points_for_lines_are_programs() {
    let args = |text: &str| {
        let package = package(&format!("checker: {text}\n{CASES}"));
        let validation = programs(&package.content.checker);
        assert_eq!(
            (validation.protocol, validation.programs[0].name.as_str()),
            (Protocol::Testlib, "lines.py")
        );
        package.content.tests.iter().map(|test| test.validator_args.join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(args("{name: linecount, args: {feedback: false}}"), ["10 count", "20 count"]);
    assert_eq!(
        args("{name: linematches, args: {point_distribution: [1, 2]}}"),
        ["10 match 1,2 all", "20 match 1,2 all"]
    );
}

#[test]
fn bridged_checkers_and_interactors_are_programs() {
    let of = |text: &str| {
        let package = package(&format!("{text}\n{CASES}"));
        let validation = programs(&package.content.checker).clone();
        let files: Vec<_> =
            validation.programs[0].files.iter().map(|file| file.path.clone()).collect();
        (validation, files, package)
    };
    let (validation, files, _) = of(
        "checker: {name: bridged, args: {files: check.cpp, lang: CPP20, time_limit: 3, memory_limit: 65536}}",
    );
    assert_eq!((validation.protocol, validation.interactive), (Protocol::Bridged, false));
    assert_eq!(validation.programs[0].language.as_ref().unwrap().as_str(), "cpp20");
    assert_eq!((validation.limits.time_ms, validation.limits.memory_kib), (3_000, 65_536));
    assert_eq!(files, ["check.cpp"]);
    let (validation, ..) =
        of("checker: {name: bridged, args: {files: [check.cpp], type: testlib}}");
    assert_eq!(validation.protocol, Protocol::Testlib);
    let (validation, ..) =
        of("interactive: {files: check.cpp, type: testlib, preprocessing_time: 1}");
    assert!(validation.interactive);
    let (validation, files, package) =
        of("checker: {name: bridged, args: {files: check.cpp, flags: ['-DA=''b c''']}}");
    assert_eq!(
        (&validation.programs[0].language, files.as_slice()),
        (&None, &["check.cpp", "build", "run"].map(str::to_owned)[..])
    );
    assert_eq!(
        package.blobs[&validation.programs[0].files[1].content.digest],
        "#!/bin/sh\nexec g++ -std=gnu++20 -O2 -o program '-DA='\\''b c'\\''' 'check.cpp' -lm\n"
    );
    assert_eq!(
        checker_errors("{name: bridged, args: {files: gone.cpp, lang: PY2, type: coci}}"),
        [
            "error: init.yml:1:56: `lang` is \"PY2\"; expected a language such as CPP17 or PY3",
            "error: init.yml:1:67: `type` is \"coci\", which is not supported: its programs give a fraction of the points; \
             expected default or testlib",
            "error: init.yml:1:40: `files` names \"gone.cpp\", which is missing; expected a file of the package",
        ]
    );
    assert_eq!(
        checker_errors("bridged"),
        ["error: init.yml:1:10: `checker` has no `files`; expected `files: …`"]
    );
}

/// DMOJ's judges have the header installed, so packages do not list it.
#[test]
fn a_checker_of_testlib_has_its_header() {
    let files = |init: &str, changes: &[(&str, &str)]| -> Vec<String> {
        let package = read_one(&tree(&format!("{init}\n{CASES}"), changes));
        let files = programs(&package.content.checker).programs[0].files.iter();
        files.map(|file| file.path.clone()).collect()
    };
    let header = [("testlib.h", "")];
    let testlib = "checker: {name: bridged, args: {files: check.cpp, type: testlib}}";
    assert_eq!(files(testlib, &header), ["check.cpp", "testlib.h"]);
    assert_eq!(files(testlib, &[]), ["check.cpp"]);
    let listed = "checker: {name: bridged, args: {files: [testlib.h, check.cpp], lang: CPP20, type: testlib}}";
    assert_eq!(files(listed, &header), ["testlib.h", "check.cpp"]);
    let bridged = "checker: {name: bridged, args: {files: check.cpp}}";
    assert_eq!(files(bridged, &header), ["check.cpp"]);
}

#[test]
fn functions_are_compiled_with_what_calls_them() {
    let init = format!("signature_grader: {{entry: check.cpp, header: sum.h}}\n{CASES}");
    let package = read_one(&tree(&init, &[("sum.h", "int sum();\n")]));
    let content = &package.content;
    let files: Vec<_> = content
        .include
        .iter()
        .map(|include| {
            let language = include.language.as_ref().map_or("all", |language| language.as_str());
            format!("{language}: {}", include.files[0].path)
        })
        .collect();
    assert_eq!(
        files,
        ["all: sum.h", "c: check.c", "cpp: check.cpp", "cpp20: check.cpp", "cpp23: check.cpp"]
    );
    assert_eq!(
        package.blobs[&content.include[1].files[0].content.digest],
        "#define SIGNATURE_GRADER 1\n#line 1\nint main() {}\n"
    );
    let start = "#define SIGNATURE_GRADER 1\n#include \"sum.h\"\n";
    assert_eq!(
        content.languages[0].start_snippet,
        format!("{start}#define main main_of_submission\n")
    );
    let init = init.replace("sum.h}", "sum.h, allow_main: true}");
    let package = read_one(&tree(&init, &[("sum.h", "int sum();\n")]));
    assert_eq!(package.content.languages[3].start_snippet, start);
    assert_eq!(
        errors(&format!("signature_grader: {{entry: check.cpp}}\n{CASES}")),
        [
            "error: init.yml:1:19: `signature_grader` is a map; expected a map with `entry` and `header`"
        ]
    );
}

#[test]
fn tests_of_the_judge_are_submissions() {
    let odd = "{language: PY2, time: 1, memory: 65536, source: a.py}";
    let package = read_one(&tree(
        CASES,
        &[("tests/b/test.yml", odd), ("tests/c/test.yml", "source: [x]\nlanguage: C\n")],
    ));
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: tests/b/test.yml:1:12: `language` is \"PY2\", so the submission is ignored; expected a language such as CPP17 or PY3",
            "warning: tests/b/test.yml:1:23: `time` differs from that of other tests; the largest is used",
            "warning: tests/c/test.yml:1:9: `source` names \"x\", which is missing; expected a file beside it",
        ]
    );
}

#[test]
fn yaml_cannot_grow() {
    let levels: String = (1..9)
        .map(|level| {
            format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", "))
        })
        .collect();
    let bomb = format!("a0: &a0 [x, x]\n{levels}test_cases: [*a8, *a8]\n");
    assert!(errors(&bomb)[0].contains("is not valid YAML"));
    let deep = format!("test_cases: {}{}", "[".repeat(1_000), "]".repeat(1_000));
    assert!(errors(&deep)[0].contains("is not valid YAML"));
}

#[test]
fn the_packages_of_the_tests_are_read() {
    let names = [
        "basic",
        "batched",
        "bridged",
        "floats",
        "guess",
        "identical",
        "interactive",
        "interactortestlib",
        "linecount",
        "regex",
        "rstripped",
        "sorted",
        "standard",
        "testlib",
        "unordered",
    ];
    for name in names {
        let packages = read(&stored(&format!("dmoj{name}")), &Options::default());
        let packages =
            packages.unwrap_or_else(|errors| panic!("{name}: {}", lines(&errors).join("\n")));
        assert_eq!(packages[0].content.flaws(), vec![], "{name}");
        assert!(!packages[0].submissions.is_empty(), "{name}");
    }
    let regex = read_one(&stored("dmojregex"));
    let rules: Vec<_> = regex.content.grading.groups.iter().map(|group| &group.rule).collect();
    let rule = |aggregation, max| Rule::Aggregate { aggregation, max_score: Some(max) };
    let [sum, min] = [Aggregation::Sum, Aggregation::Min];
    assert_eq!(rules, [&rule(sum, 60.0), &rule(min, 10.0), &rule(min, 20.0), &rule(min, 30.0)]);
}

proptest! {
    #[test]
    fn arbitrary_texts_do_not_panic(
        init in "(archive|test_cases|pretest_test_cases|checker|interactive|points|batched|in|out|name|args|files|bridged|\
                 dependencies|input_format|check.cpp|1.in|[a-z0-9: \\n\\[\\]{},'\"&*!-]){0,40}",
        from in "[a-z_.]{1,12}|[0-9]{1,2}",
        to in "[\\[\\]{}a-z0-9:,.' /-]{0,20}",
        test: String,
    ) {
        let spoilt = format!("checker: {{name: bridged, args: {{files: check.cpp}}}}\n{CASES}").replacen(&from, &to, 1);
        for init in [&init, &spoilt] {
            if let Ok(packages) = read(&tree(init, &[("tests/x/test.yml", &test)]), &Options::default()) {
                prop_assert_eq!(packages[0].content.flaws(), vec![]);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(init: Vec<u8>, archive: Vec<u8>) {
        let mut files = BTreeMap::from([(FILE, Bytes::from(init))]);
        prop_assert!(read(&tree_of(&files), &Options::default()).is_err());
        files.insert(FILE, Bytes::from_static(b"archive: a.zip\n"));
        files.insert("a.zip", archive.into());
        prop_assert!(read(&tree_of(&files), &Options::default()).is_err());
    }
}
