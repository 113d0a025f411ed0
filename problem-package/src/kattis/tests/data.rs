use super::*;

#[test]
fn tests_stand_in_order_with_their_group() {
    let package = package(&[
        ("data/testdata.yaml", "on_reject: continue\n"),
        ("data/secret/b/02.in", "same"),
        ("data/secret/b/02.ans", "same"),
        ("data/secret/b/01-x.in", ""),
        ("data/secret/b/01-x.ans", ""),
        ("data/secret/b/01.in", ""),
        ("data/secret/b/01.ans", ""),
        ("data/secret/b/01.hint", "a hint"),
    ]);
    assert_eq!(package.content.grading.groups[0].on_reject, OnFailure::Continue);
    let tests: Vec<_> = package
        .content
        .tests
        .iter()
        .map(|test| (test.name.as_str(), package.content.group_of(test)))
        .collect();
    assert_eq!(
        tests,
        [
            ("sample/1", "sample"),
            ("secret/1", "secret"),
            ("secret/b/01", "secret/b"),
            ("secret/b/01-x", "secret/b"),
            ("secret/b/02", "secret/b"),
        ]
    );
    // Six files of two contents beside the five of the small package.
    assert_eq!(package.blobs.len(), 7);
    assert_eq!(package.warnings, []);
}

#[test]
fn a_package_without_secret_tests_is_refused() {
    assert_eq!(
        errors(&[("data/secret/1.in", None), ("data/secret/1.ans", None)]),
        ["error: data/secret: there are no secret tests; expected data/secret/*.in and *.ans"]
    );
}

#[test]
fn files_for_the_statement_replace_a_shown_sample() {
    let package = package(&[
        ("data/sample/1.in.statement", "1 2 (shown)\n"),
        ("data/sample/1.out", "3 (shown)\n"),
        ("data/sample/2.in", "0 0\n"),
        ("data/sample/2.ans", "0\n"),
        ("assay/samples/2.md", "Nothing and nothing is nothing.\n"),
    ]);
    let [first, second] = package.content.samples.as_slice() else { panic!("two samples") };
    assert_eq!((first.input.as_str(), first.output.as_str()), ("1 2 (shown)\n", "3 (shown)\n"));
    assert_eq!(first.explanation, None);
    assert_eq!((second.name.as_str(), second.input.as_str()), ("2", "0 0\n"));
    assert_eq!(second.explanation.as_deref(), Some("Nothing and nothing is nothing.\n"));
    assert_eq!(
        warnings(&[("assay/samples/7.md", "?")]),
        [
            "warning: assay/samples/7.md: explains no sample; expected a file named like the sample: \
             1.md for data/sample/1.in"
        ]
    );
}

#[test]
fn a_sample_that_is_not_utf8_is_judged_and_not_shown() {
    let mut builder = FileTree::builder(TreeLimits::default());
    let binary = |path: &str| path.ends_with("sample/1.in") || path.ends_with("secret/1.in");
    for (path, text) in SUM {
        let bytes = if binary(path) { b"ab\xff".as_slice() } else { text.as_bytes() };
        builder.insert(path.as_bytes(), Entry::File(Bytes::copy_from_slice(bytes)));
    }
    let package = read(&builder.finish().unwrap(), &Options::default()).unwrap();
    // A secret test may have any bytes.
    assert_eq!(
        lines(&package.warnings),
        ["warning: data/sample/1.in: is not UTF-8 after byte 2; expected a text file in UTF-8"]
    );
    assert_eq!((package.content.samples.len(), package.content.tests.len()), (0, 2));
}

#[test]
fn samples_of_interactive_problems_show_the_interaction_files() {
    let manifest = "name: A\nlimits: {time_limit: 1}\nvalidation: custom interactive\n";
    let package = package(&[
        ("problem.yaml", manifest),
        ("output_validators/talk.py", ""),
        ("data/sample/1.interaction", "< 3\n> 1\n< higher\n> 2\n"),
        ("data/sample/2.interaction", "> hello\nwho?\n"),
        ("data/sample/3.in", "secret"),
        ("data/sample/3.ans", "secret"),
    ]);
    let [first, second] = package.content.samples.as_slice() else { panic!("two samples") };
    assert_eq!((first.input.as_str(), first.output.as_str()), ("3\nhigher\n", "1\n2\n"));
    let talk = "```text\n< 3\n> 1\n< higher\n> 2\n```\n";
    assert_eq!(first.explanation.as_deref(), Some(talk));
    assert_eq!((second.name.as_str(), second.input.as_str()), ("2", ""));
    assert_eq!(package.content.tests.len(), 3);
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: data/sample/2.interaction: line 2 has no `<` or `>`; expected lines that begin \
             with `<` or `>`",
            "warning: data/sample/3.in: is not shown: it is meant for the validator; expected \
             data/sample/3.interaction",
        ]
    );
}

#[test]
fn a_test_may_have_arguments_files_and_a_hint() {
    let package = package(&[
        ("data/secret/1.args", "-n 'a b'\n"),
        ("data/secret/1.files/lists/a", "x"),
        ("data/secret/1.hint", "Look again.\n"),
        ("data/sample/1.in.download", "1 2"),
    ]);
    let test = &package.content.tests[1];
    assert_eq!(test.args, ["-n", "a b"]);
    assert_eq!(test.files[0].path, "lists/a");
    assert_eq!(test.hint.as_deref(), Some("Look again."));
    assert_eq!(package.content.attachments[0].path, "sample/1.in");
    assert_eq!(package.input_validation.cases[1].files.len(), 1);
}

#[test]
fn a_sample_that_is_too_long_is_judged_and_not_shown() {
    let long = "x".repeat(64 * 1024 + 1);
    let package = package(&[("data/sample/1.in", &long)]);
    assert_eq!((package.content.samples.len(), package.content.tests.len()), (0, 2));
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: data/sample/1.in: is not shown: it has 65537 bytes; expected at most 65536 in a \
          sample"
        ]
    );
}
