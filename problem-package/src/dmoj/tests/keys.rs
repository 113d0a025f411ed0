//! Keys of `init.yml`: inheritance, empty values and alternative spellings.

use super::*;

/// For each test: its name, its input and its answer.
fn tests(package: &Package) -> Vec<String> {
    let text = |digest| String::from_utf8_lossy(&package.blobs[digest]).into_owned();
    let tests = package.content.tests.iter();
    tests
        .map(|test| {
            let (input, answer) = (text(&test.input.digest), text(&test.answer.digest));
            format!("{} {input:?} {answer:?}", test.name)
        })
        .collect()
}

#[test]
fn a_case_inherits_keys_from_what_surrounds_it() {
    let one = r#"1.in "1 2\n" "3\n""#;
    let two = r#"2.in "2 2\n" "4\n""#;
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("{batched: [{in: 1.in}], out: 1.out}", &[one], &["batch-1 Min 1 [] 1.in"]),
        (
            "{batched: [{in: 1.in}, {in: 2.in, out: 2.out}], out: 1.out, points: 4}",
            &[one, two],
            &["batch-1 Min 4 [] 1.in 2.in"],
        ),
        ("{batched: [{in: 1.in, out: 1.out, points: 4}]}", &[one], &["batch-1 Min 4 [] 1.in"]),
        (
            "{batched: [{in: 1.in, out: 1.out, points: 4}, {in: 2.in, out: 2.out, points: 4}]}",
            &[one, two],
            &["batch-1 Min 4 [] 1.in 2.in"],
        ),
        ("{in: ./1.in, out: tests/../1.out}", &[r#"./1.in "1 2\n" "3\n""#], &[]),
        ("{in: 2.in, out: 1.out, binary_data: true}", &[r#"2.in "2 2\r\n" "3""#], &[]),
        ("{batched: [{in: 2.in, out: 1.out}], binary_data: true}", &[r#"2.in "2 2\r\n" "3""#], &[]),
        (
            "{batched: [{in: 2.in, out: 1.out, binary_data: false}], binary_data: true}",
            &[r#"2.in "2 2\n" "3\n""#],
            &[],
        ),
        ("{in: '', out: 1.out}", &[r#"1.out "" "3\n""#], &[]),
    ];
    for (case, expected, of_groups) in cases {
        let package = package(&format!("test_cases: [{case}]\n"));
        assert_eq!(lines(&package.warnings), Vec::<String>::new(), "{case}");
        assert_eq!(tests(&package), *expected, "{case}");
        if !of_groups.is_empty() {
            assert_eq!(groups(&package)[1..], **of_groups, "{case}");
        }
    }
    let whole = package("out: 1.out\nbinary_data: true\ntest-cases: [{in: 1.in}]\n");
    assert_eq!(tests(&whole), [r#"1.in "1 2\n" "3""#]);
}

#[test]
fn a_case_without_answer_has_an_empty_one() {
    for case in ["{in: 1.in}", "{in: 1.in, out: null}", "{in: 1.in, out: ''}"] {
        let whole = package(&format!("test_cases: [{case}]\n"));
        assert_eq!(tests(&whole), [r#"1.in "1 2\n" """#], "{case}");
        let [warning] = lines(&whole.warnings).try_into().unwrap();
        assert!(
            warning.contains(
                "the test case \"1.in\" has no `out`, so its answer is empty; expected `out: …`"
            ),
            "{warning}"
        );
        let bridged = format!(
            "checker: {{name: bridged, args: {{files: check.cpp}}}}\ntest_cases: [{case}]\n"
        );
        assert_eq!(lines(&package(&bridged).warnings), Vec::<String>::new(), "{case}");
    }
}

#[test]
fn keys_that_change_nothing_are_known() {
    let cases = [
        "archive: ''",
        "archive: null",
        "symlinks: {}",
        "checker: ''",
        "generator: ''",
        "hints: [unicode]\nmeta: {a: b}\nshort_circuit: false\nwall_time_factor: 5\noutput_prefix_length: 0\nunbuffered: true",
    ];
    for keys in cases {
        let package = package(&format!("{keys}\n{CASES}"));
        assert_eq!(lines(&package.warnings), Vec::<String>::new(), "{keys}");
    }
    let package = package(&format!("symlinks: {{a: b}}\n{CASES}"));
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: init.yml:1:11: `symlinks` is ignored: the links are not created in a submission's folder"
        ]
    );
}

#[test]
fn the_largest_output_limit_counts() {
    let init =
        "test_cases: [{in: 1.in, out: 1.out, output_limit_length: 4096}, {in: 2.in, out: 2.out}]\n";
    let own = package(&format!("output_limit_length: 2048\n{init}"));
    assert_eq!(own.content.limits.output_kib, 4);
    assert_eq!(
        lines(&own.warnings),
        [
            "warning: init.yml:2:58: `output_limit_length` differs from that of other test cases; the largest is used"
        ]
    );
    assert_eq!(package(&format!("output_limit_length: 4096\n{init}")).warnings, vec![]);
}

#[test]
fn a_checker_that_all_cases_have_is_that_of_the_problem() {
    let case = |checker: &str| format!("{{in: 1.in, out: 1.out{checker}}}");
    let init =
        |first: &str, second: &str| format!("test_cases: [{}, {}]\n", case(first), case(second));
    let sorted = package(&init(", checker: sorted", ", checker: sorted"));
    assert_eq!(sorted.content.checker, Checker::Lines(LineRule::SortedLines));
    let standard = package(&init(", checker: standard", ""));
    assert_eq!(standard.content.checker, Checker::Lines(LineRule::Words));
    assert_eq!(
        errors(&init(", checker: standard", ", checker: sorted")),
        [
            "error: init.yml:1:89: a `checker` of a single test case is not supported; expected one for all test cases"
        ]
    );
}

#[test]
fn python_code_in_keys_is_refused_wherever_it_stands() {
    for init in [
        "test_cases+: '[]'",
        "points++: x",
        "test_cases: [{in+: x}]",
        "test_cases: {input_format++: x}",
    ] {
        let errors = errors(&format!("archive: ''\n{init}\n"));
        assert!(
            errors.iter().any(|it| it.contains("it is Python code that computes the value")),
            "{errors:?}"
        );
    }
}

#[test]
fn a_file_whose_name_hides_it_is_missing_for_this_reason() {
    assert_eq!(
        errors("test_cases: [{in: -1.in, out: 1.out}]\n"),
        [
            "error: init.yml:1:19: `in` names \"-1.in\", which is missing: names that begin with . or - are not read; \
             expected a file of the package"
        ]
    );
}

#[test]
fn arguments_of_checkers_are_read_as_the_judge_reads_them() {
    let unknown = "unknown checker argument";
    for text in [
        "{name: standard, args: {colour: red}}",
        "{name: floats, args: {colour: red}}",
        "{name: sorted, args: {by: x}}",
    ] {
        let (_, warnings) = checker(text);
        assert!(warnings.iter().any(|it| it.contains(unknown)), "{text} {warnings:?}");
    }
    let tolerance = |text: &str| match checker(text).0 {
        Checker::Tokens(options) => options.float_absolute,
        other => panic!("{other:?}"),
    };
    for (precision, expected) in [("'3'", 1e-3), ("3.9", 1e-3), ("-1", 10.0), ("0", 1.0)] {
        let text = format!("{{name: floats, args: {{precision: {precision}}}}}");
        assert_eq!(tolerance(&text), Some(expected), "{precision}");
    }
    assert!(
        checker_errors("{name: floatsabs, args: {error_mode: relative}}")[0]
            .contains("or the checker floats")
    );
    let args = |text: &str| {
        let package = package(&format!("checker: {text}\n{CASES}"));
        package.content.tests[0].validator_args.join(" ")
    };
    assert_eq!(
        args("{name: linematches, args: {point_distribution: [0.5, 1]}}"),
        "10 match 0.5,1 all"
    );
    assert_eq!(args("{name: rstripped, args: {filter_new_line: true}}"), "10 strip");
}

#[test]
fn programs_are_run_with_the_arguments_that_the_package_says() {
    let run = |init: &str| {
        let package = package(&format!("{init}\n{CASES}"));
        let files = programs(&package.content.checker).programs[0].files.clone();
        let script = files.iter().find(|file| file.path == "run");
        script
            .map(|file| String::from_utf8_lossy(&package.blobs[&file.content.digest]).into_owned())
    };
    let start = "#!/bin/sh\nexec \"$(dirname \"$0\")/program\" ";
    let cases = [
        ("args_format_string: '{input_file} {output_file} {answer_file}'", None),
        ("args_format_string: ''", None),
        ("feedback: true", None),
        ("feedback: false", Some("\"$@\" >&2")),
        ("type: testlib, feedback: false", None),
        (
            "args_format_string: '{answer_file} {output_file} -x'",
            Some("''\"$3\"'' ''\"$2\"'' '-x'"),
        ),
        ("args_format_string: '--in={input_file} $HOME'", Some("'--in='\"$1\"'' '$HOME'")),
    ];
    for (args, expected) in cases {
        let init = format!("checker: {{name: bridged, args: {{files: check.cpp, {args}}}}}");
        assert_eq!(run(&init), expected.map(|line| format!("{start}{line}\n")), "{args}");
    }
    let cases = [
        ("args_format_string: '{input_file} {answer_file}'", None),
        ("feedback: false", None),
        ("args_format_string: '{answer_file} {output_file}'", Some("''\"$2\"'' ''\"/dev/null\"''")),
        ("type: testlib, args_format_string: '{input_file} {output_file} {answer_file}'", None),
    ];
    for (args, expected) in cases {
        let init = format!("interactive: {{files: check.cpp, {args}}}");
        assert_eq!(run(&init), expected.map(|line| format!("{start}{line}\n")), "{args}");
    }
    for args in [
        "args_format_string: '{input}'",
        "args_format_string: '\"{input_file}\"'",
        "treat_checker_points_as_percentage: true",
    ] {
        let errors =
            checker_errors(&format!("{{name: bridged, args: {{files: check.cpp, {args}}}}}"));
        assert!(errors[0].contains("not supported"), "{errors:?}");
    }
    for (kind, why) in [("coci", "fraction"), ("peg", "fraction"), ("cms", "default or testlib")] {
        let errors =
            checker_errors(&format!("{{name: bridged, args: {{files: check.cpp, type: {kind}}}}}"));
        assert!(errors[0].contains(why), "{errors:?}");
    }
}

#[test]
fn a_checker_in_cpp_is_in_the_newest_standard_of_the_judge() {
    for (args, language) in [("", "cpp20"), (", lang: CPP17", "cpp"), (", lang: CPP20", "cpp20")] {
        let (checker, _) = checker(&format!("{{name: bridged, args: {{files: check.cpp{args}}}}}"));
        assert_eq!(programs(&checker).programs[0].language.as_ref().unwrap().as_str(), language);
    }
}
