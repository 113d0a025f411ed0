use bytes::Bytes;
use domain::checker::TokenOptions;
use domain::grading::OnFailure;
use domain::problem::{Checker, Limits, TimeLimitOrigin};
use domain::{Difficulty, Verdict};
use proptest::prelude::*;

use super::*;
use crate::limits::TreeLimits;
use crate::tree::Entry;
use std::collections::{BTreeMap, BTreeSet};

mod data;
mod draft;
mod function;
mod groups;
mod manifest;
mod newer;
mod problems;
mod programs;
mod statement;
mod submissions;

/// A correct package. Each test changes it.
const SUM: &[(&str, &str)] = &[
    ("sum/problem.yaml", "name: Sum\nlicense: cc0\nlimits: {time_limit: 1}\n"),
    ("sum/problem_statement/problem.en.md", "Add.\n"),
    ("sum/input_validators/check.py", "exit(42)\n"),
    ("sum/data/sample/1.in", "1 2\n"),
    ("sum/data/sample/1.ans", "3\n"),
    ("sum/data/secret/1.in", "5 5\n"),
    ("sum/data/secret/1.ans", "10\n"),
    ("sum/submissions/accepted/sum.py", "print(sum(map(int, input().split())))\n"),
];

fn tree(changes: &[(&str, Option<&str>)]) -> FileTree {
    changed(SUM, changes)
}

/// A package with files changed or added. Files with the text `None` are removed.
fn changed(package: &[(&str, &str)], changes: &[(&str, Option<&str>)]) -> FileTree {
    let mut files: BTreeMap<String, &str> =
        package.iter().map(|(path, text)| ((*path).to_owned(), *text)).collect();
    for (path, text) in changes {
        let path = format!("sum/{path}");
        match text {
            Some(text) => files.insert(path, text),
            None => files.remove(&path),
        };
    }
    let mut builder = FileTree::builder(TreeLimits::default());
    for (path, text) in files {
        builder.insert(path.as_bytes(), Entry::File(Bytes::copy_from_slice(text.as_bytes())));
    }
    builder.finish().unwrap()
}

fn package(changes: &[(&str, &str)]) -> Package {
    read_changed(SUM, changes)
}

fn read_changed(package: &[(&str, &str)], changes: &[(&str, &str)]) -> Package {
    let changes: Vec<_> = changes.iter().map(|(path, text)| (*path, Some(*text))).collect();
    read(&changed(package, &changes), &Options::default()).unwrap_or_else(|diagnostics| {
        panic!("{}", lines(&diagnostics).join("\n"));
    })
}

fn yaml(text: &str) -> Package {
    package(&[("problem.yaml", &format!("name: Sum\nlimits: {{time_limit: 1}}\n{text}"))])
}

fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}

fn errors(changes: &[(&str, Option<&str>)]) -> Vec<String> {
    lines(&read(&tree(changes), &Options::default()).unwrap_err())
}

/// The only error of a `problem.yaml` with these lines after its first two.
fn yaml_error(text: &str) -> String {
    let text = format!("name: Sum\nlimits: {{time_limit: 1}}\n{text}");
    let errors = errors(&[("problem.yaml", Some(&text))]);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors.into_iter().next().unwrap()
}

fn warnings(changes: &[(&str, &str)]) -> Vec<String> {
    lines(&package(changes).warnings)
}

#[test]
fn a_small_package_has_the_defaults_of_the_domain() {
    let package = package(&[]);
    assert_eq!(package.slug.as_str(), "sum");
    let content = &package.content;
    assert_eq!(content.title, "Sum");
    assert_eq!(content.statement, "Add.\n");
    assert_eq!(content.difficulty, Difficulty::Medium);
    assert_eq!(content.limits, Limits { memory_kib: 2048 * 1024, ..Limits::default() });
    assert_eq!(content.checker, Checker::Tokens(TokenOptions::default()));
    assert_eq!(content.grading.groups[0].on_reject, OnFailure::Stop);
    assert!(content.languages.is_empty());
    assert_eq!(content.samples.len(), 1);
    assert_eq!(
        (content.samples[0].input.as_str(), content.samples[0].output.as_str()),
        ("1 2\n", "3\n")
    );
    let tests: Vec<_> =
        content.tests.iter().map(|test| (test.name.as_str(), test.sample)).collect();
    assert_eq!(tests, [("sample/1", true), ("secret/1", false)]);
    for blob in content.tests.iter().flat_map(|test| [test.input, test.answer]) {
        let bytes = &package.blobs[&blob.digest];
        assert_eq!((bytes.len() as u64, domain::Digest::of(bytes)), (blob.bytes, blob.digest));
    }
    let [submission] = package.submissions.as_slice() else { panic!("one submission") };
    assert_eq!(
        (submission.path.as_str(), submission.language.as_str()),
        ("accepted/sum.py", "python3")
    );
    assert_eq!(submission.expected, BTreeSet::from([Verdict::Accepted]));
    assert_eq!(package.warnings, []);
}

#[test]
fn the_slug_is_the_folder_unless_it_is_given() {
    let loose = tree(&[]);
    let given = Options { slug: Some("other".parse().unwrap()), ..Options::default() };
    assert_eq!(read(&loose, &given).unwrap().slug.as_str(), "other");

    let build = |prefix: &str| {
        let mut builder = FileTree::builder(TreeLimits::default());
        for (path, text) in SUM {
            let path = path.replacen("sum/", prefix, 1);
            builder.insert(path.as_bytes(), Entry::File(Bytes::copy_from_slice(text.as_bytes())));
        }
        read(&builder.finish().unwrap(), &Options::default())
    };
    let expected = "expected a folder around it, or a slug given with the import (`--slug`)";
    assert_eq!(
        lines(&build("").unwrap_err()),
        [format!("error: the package has no name; {expected}")]
    );
    let named = lines(&build("+/").unwrap_err());
    assert!(named[0].starts_with("error: the package is named \"+\"; "), "{named:?}");
    // Folders may have any names.
    for (folder, slug, is_derived) in [
        ("two-sum", "two-sum", false),
        ("Two_Sum", "two-sum", true),
        ("A plus B", "a-plus-b", true),
        ("x (1)", "x", true),
        ("name-3$linux", "name", true),
        ("сумма", "summa", true),
    ] {
        let package = build(&format!("{folder}/")).unwrap();
        assert_eq!((package.slug.as_str(), package.is_slug_derived), (slug, is_derived));
        assert_eq!(package.warnings, [], "{folder}");
    }
}

#[test]
fn a_name_that_the_format_does_not_allow_is_a_warning() {
    // The file, and whether the rule for names applies to it.
    let cases = [
        ("data/secret/a b.in", true),
        ("data/secret/año.in", true),
        ("submissions/accepted/second try.py", true),
        ("submissions/accepted/A+B/main.py", true),
        ("attachments/read me.txt", true),
        ("notes/to do.md", false),
        ("My notes.md", false),
    ];
    for (path, is_ruled) in cases {
        let mut changes = vec![(path, "1 2\n")];
        let answer = path.replace(".in", ".ans");
        changes.push((answer.as_str(), "3\n"));
        let package = package(&changes[..1 + usize::from(answer != path)]);
        let warned = package
            .warnings
            .iter()
            .any(|it| it.path == path && it.message == "has a name that other judges may refuse");
        assert_eq!(warned, is_ruled, "{path}: {:?}", package.warnings);
        let stem = path.trim_start_matches("data/").trim_end_matches(".in");
        let is_test = package.content.tests.iter().any(|test| test.name == stem);
        assert_eq!(is_test, path.ends_with(".in"), "{path}");
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let manifest = "name: [1]\nlimits:\n  time_limit: fast\n  memory: 0\nlicense: mine\nfoo: 1\n";
    let errors = errors(&[
        ("problem.yaml", Some(manifest)),
        ("problem_statement/problem.en.md", None),
        ("data/sample/1.ans", None),
        ("data/secret/1.in", None),
        ("data/secret/2.ans", Some("")),
        ("submissions/accepted/sum.py", None),
    ]);
    assert_eq!(
        errors,
        [
            "warning: problem.yaml:1:7: `name` is a list; expected a string, or a map from languages to strings",
            "error: problem.yaml:3:15: `limits.time_limit` is \"fast\"; expected seconds above 0",
            "error: problem.yaml:4:11: `limits.memory` is 0; expected MiB above 0",
            "warning: problem.yaml:5:10: unknown license \"mine\"; expected one of unknown, \
             public domain, cc0, cc by, cc by-sa, educational, permission",
            "warning: problem.yaml:6:1: unknown key \"foo\" is ignored",
            "error: data/sample/1.in: has no answer; expected data/sample/1.ans",
            "error: data/secret/1.ans: has no input; expected data/secret/1.in",
            "error: data/secret/2.ans: has no input; expected data/secret/2.in",
            "warning: data/sample: there is no sample; expected at least one sample",
            "warning: problem_statement: there is no statement; expected \
             problem_statement/problem.en.md",
            "warning: problem.yaml: the problem has no name, so the package's name is used; expected \
             `name: …`",
            "warning: submissions: there is no accepted submission; expected a solution in \
             submissions/accepted",
        ]
    );
}

#[test]
fn what_would_be_judged_wrongly_is_refused() {
    let manifests = [
        ("type: submit-answer\n", "3:7: submit-answer problems are not supported"),
        (
            "type: [pass-fail, interactive]\n",
            "3:7: there is no output validator; expected a program",
        ),
        ("type: multi-pass\n", "3:7: there is no output validator"),
        ("validation: custom\n", "3:13: there is no output validator"),
        ("validation: custom interactive\n", "3:13: there is no output validator"),
    ];
    for (manifest, expected) in manifests {
        let text = format!("name: Sum\nlimits: {{time_limit: 1}}\n{manifest}");
        let errors = errors(&[("problem.yaml", Some(&text))]);
        assert!(errors[0].starts_with(&format!("error: problem.yaml:{expected}")), "{errors:?}");
    }
    let files = [
        (
            "output_validators/check.py",
            "",
            "output_validators: is not used: problem.yaml has no `validation`",
        ),
        ("data/testdata.yaml", "grading: custom\n", "graders: there is no grader"),
    ];
    for (path, text, expected) in files {
        let errors = errors(&[(path, Some(text))]);
        assert!(errors[0].starts_with(&format!("error: {expected}")), "{errors:?}");
    }
}

/// The package with an additional link.
fn linked(path: &str, target: &str) -> Result<Package, Vec<String>> {
    let mut builder = FileTree::builder(TreeLimits::default());
    for (path, text) in SUM {
        builder.insert(path.as_bytes(), Entry::File(Bytes::copy_from_slice(text.as_bytes())));
    }
    let target = target.as_bytes().to_vec();
    builder.insert(format!("sum/{path}").as_bytes(), Entry::Link { target });
    read(&builder.finish().unwrap(), &Options::default()).map_err(|found| lines(&found))
}

#[test]
fn a_broken_link_is_an_error_only_if_it_affects_judging() {
    let targets = ["../../../elsewhere/x.h", "/etc/passwd", "gone.h"];
    let aside = [
        "README.md",
        "answer_validators/a/validation.h",
        "attachments/x.h",
        "generators/gen.py",
        "input_visualizer/x.h",
        "output_visualizer/x.h",
        "problem_statement/x.h",
        "solution/x.h",
        "statement",
        "contest.yaml",
    ];
    let needed = [
        ".timelimit",
        "assay/starter/cpp.cpp",
        "data/secret/2.in",
        "data/sample/2.ans",
        "graders/grade.py",
        "include/cpp/x.h",
        "input_format_validators/a.py",
        "input_validators/a/x.h",
        "output_validator/x.h",
        "output_validators/x.h",
        "static_validator/x.h",
        "submissions/accepted/x.cpp",
    ];
    for target in targets {
        for path in aside {
            let package = linked(path, target).unwrap_or_else(|found| panic!("{path}: {found:?}"));
            let warnings = lines(&package.warnings);
            assert!(
                warnings[0].starts_with(&format!("warning: {path}: is a link to")),
                "{warnings:?}"
            );
        }
        for path in needed {
            let errors = linked(path, target).expect_err(path);
            assert!(errors[0].starts_with(&format!("error: {path}: is a link to")), "{errors:?}");
        }
    }
}

#[test]
fn what_is_not_known_is_left_aside_with_a_warning() {
    assert_eq!(
        warnings(&[
            (
                "problem.yaml",
                "name: A\nlimits: {time_limit: 1, luck: 2}\nassay: {mood: good}\ncolour: 1\n"
            ),
            ("contest.yaml", "x"),
            ("data/notes.txt", "x"),
            ("data/secret/1.note", "x"),
            ("assay/theme.css", "x"),
            ("submissions/accepted/sum.zig", "x"),
            ("submissions/accepted/two/a.c", "x"),
            ("submissions/accepted/two/b.py", "x"),
            ("submissions/slow_but_nice/sum.py", "x"),
            ("submissions/submissions.yaml", "x"),
        ]),
        [
            "warning: problem.yaml:2:25: unknown key \"limits.luck\" is ignored",
            "warning: problem.yaml:3:9: unknown key \"assay.mood\" is ignored",
            "warning: problem.yaml:4:1: unknown key \"colour\" is ignored",
            "warning: contest.yaml: is not part of the format and is ignored",
            "warning: data/notes.txt: is not in a test folder and is ignored; expected data/sample or data/secret",
            "warning: data/secret/1.note: belongs to no test and is ignored",
            "warning: assay/theme.css: is not a known part of assay/ and is ignored; expected starter, snippets, \
             samples, signature.yaml or metadata.json",
            "warning: submissions/accepted/sum.zig: is in Zig, which is not available here, and is ignored",
            "warning: submissions/accepted/two: is treated as c but has files in python3; expected one \
             language",
            "warning: submissions/slow_but_nice/sum.py: the folder \"slow_but_nice\" implies no known \
             verdict; expected accepted, wrong_answer, time_limit_exceeded, …",
            "warning: submissions/submissions.yaml: is not in a verdict folder and is ignored",
        ]
    );
}

#[test]
fn starter_code_does_not_close_a_problem_to_other_languages() {
    let package = package(&[("assay/starter/rust.rs", "fn main() {}\n")]);
    let languages: Vec<_> =
        package.content.languages.iter().map(|offer| offer.language.as_str()).collect();
    assert_eq!(languages, ["c", "cpp", "java", "javascript", "python3", "rust"]);
    assert_eq!(package.content.languages[5].starter_code, "fn main() {}\n");
}

#[test]
fn snippets_open_a_problem_only_to_the_languages_that_have_them() {
    let snippets = [
        ("assay/snippets/python3/start.py", "import sys\n"),
        ("assay/snippets/python3/end.py", "print(solve())\n"),
    ];
    let package = package(&snippets);
    let [offer] = package.content.languages.as_slice() else { panic!("one language") };
    assert_eq!(offer.language.as_str(), "python3");
    assert_eq!(
        offer.join("def solve(): return 1"),
        "import sys\ndef solve(): return 1\nprint(solve())\n"
    );

    let manifest = "name: A\nlimits: {time_limit: 1}\nlanguages: [python3, cpp]\n";
    let mut changes: Vec<_> = snippets.iter().map(|(path, text)| (*path, Some(*text))).collect();
    changes.push(("problem.yaml", Some(manifest)));
    assert_eq!(
        errors(&changes),
        ["error: assay/snippets/cpp: there are no snippets; expected snippets for every language \
             or for none"]
    );
    assert_eq!(
        errors(&[
            ("assay/snippets/C++/middle.cpp", Some("")),
            ("assay/snippets/cpp/middle.cpp", Some(""))
        ]),
        [
            "warning: assay/snippets/C++/middle.cpp: has a name that other judges may refuse; expected \
             a name of letters, digits, `_`, `.` and `-`",
            "error: assay/snippets/C++/middle.cpp: \"C++\" is not a language id; expected an id such as \
             `cpp`",
            "error: assay/snippets/cpp/middle.cpp: is not a snippet; expected start.<ext> or end.<ext>",
        ]
    );
}

proptest! {
    #[test]
    fn arbitrary_texts_do_not_panic(
        manifest in "(name|limits|assay|type|languages|validator_flags|[a-z: \\n\\[\\]{}'\"&*!-]){0,30}",
        statement in "[!\\[\\]()<>\"é a.svg\\n]{0,60}",
        latex in "(\\\\[a-z]{0,2}|\\\\begin\\{center\\}|\\\\problemname|[{}\\[\\]%é\\n a-z]){0,20}",
        group in "(on_reject|grader_flags|range|max_score|require_pass|args|[a-z0-9: \\n\\[\\]{},-]){0,20}",
        version in "(legacy|2025-09|draft)",
        sheet in "(accepted|permitted|sample|score|[*A-Z: \\n\\[\\]{},'-]){0,20}",
    ) {
        let head = format!("problem_format_version: {version}\n{manifest}");
        let tree = tree(&[
            ("problem.yaml", Some(if statement.len() % 2 == 0 { &head } else { &manifest })),
            ("problem_statement/problem.en.md", Some(&statement)),
            ("problem_statement/problem.sv.tex", Some(&latex)),
            ("problem_statement/a.svg", Some("<svg/>")),
            ("data/testdata.yaml", Some(&group)),
            ("data/secret/test_group.yaml", Some(&group)),
            ("data/secret/1.yaml", Some(&group)),
            ("data/secret/1.args", Some(&latex)),
            ("submissions/submissions.yaml", Some(&sheet)),
        ]);
        // Both results are right, but a package that is read must be usable.
        if let Ok(package) = read(&tree, &Options::default()) {
            prop_assert_eq!(package.content.flaws(), vec![]);
        }
    }

    #[test]
    fn arbitrary_groups_do_not_panic(
        keys in proptest::collection::vec(
            ("(max_score|score_aggregation|require_pass|static_validation_score|args|grading|range|\
              output_validator_args|input_validator_flags|full_feedback|on_reject|grader_flags)",
             "(1|-1|unbounded|sum|pass-fail|sample|secret/a|\\[\\]|\\[secret, 1\\]|\\{a: b\\}|\\{name: x, flags: y\\}|true|custom)"),
            0..4,
        ),
        version in "(legacy|2025-09|draft)",
        kind in "(pass-fail|scoring|interactive|\\[scoring, multi-pass\\])",
    ) {
        let manifest = format!("problem_format_version: {version}\nname: Sum\ntype: {kind}\n");
        let group: String = keys.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
        let tree = tree(&[
            ("problem.yaml", Some(&manifest)),
            ("output_validator/check.py", Some("")),
            ("static_validator/check.py", Some("")),
            ("data/secret/1.in", None),
            ("data/secret/1.ans", None),
            ("data/secret/a/1.in", Some("")),
            ("data/secret/a/1.ans", Some("")),
            ("data/secret/a/test_group.yaml", Some(&group)),
            ("data/secret/test_group.yaml", Some(&group)),
        ]);
        if let Ok(package) = read(&tree, &Options::default()) {
            prop_assert_eq!(package.content.flaws(), vec![]);
        }
    }
}
