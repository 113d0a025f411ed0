//! Keys of `init.yml`: what is inherited, what is empty, what is another way to write the same.

use super::*;

/// Of each test: its name, its input and its answer.
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
fn a_case_has_what_is_said_around_it() {
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
            "warning: init.yml:1:11: `symlinks` is left aside: the links are not made in the folder of a submission"
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
            "warning: init.yml:2:58: `output_limit_length` differs from that of other test cases; the largest is taken"
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
            errors.iter().any(|it| it.contains("it is Python code that makes the value")),
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
