use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use domain::Verdict;
use domain::grading::{Aggregation, OnFailure, Rule};
use domain::problem::{Checker, Protocol};
use proptest::prelude::*;

use super::*;
use crate::limits::TreeLimits;
use crate::stored::stored;
use crate::tree::Entry;

/// A correct package. Each test changes it.
const SUM: &[(&str, &str)] = &[
    ("files/check.cpp", "#include \"testlib.h\"\n"),
    ("files/testlib.h", "// testlib\n"),
    ("files/val.cpp", "#include \"testlib.h\"\n"),
    ("solutions/sum.py", "print(sum(map(int, input().split())))\n"),
    ("solutions/wrong.cpp", "int main() {}\n"),
    ("statement-sections/english/legend.tex", "Add $a$ and $b$.\n"),
    ("statement-sections/english/input.tex", "Two numbers.\n"),
    ("statement-sections/english/tutorial.tex", "Use \\texttt{+}.\n"),
    ("tests/01", "1 2\n"),
    ("tests/01.a", "3\n"),
    ("tests/02", "5 5\n"),
    ("tests/02.a", "10\n"),
    ("tests/03", "1 1\n"),
    ("tests/03.a", "2\n"),
];

const XML: &str = r#"<?xml version="1.0" encoding="utf-8" standalone="no"?>
<problem revision="1" short-name="Sum_2" url="https://example.org/sum">
  <names><name language="english" value="Sum"/></names>
  <judging input-file="" output-file="" run-count="1">
    <testset name="tests">
      <time-limit>1500</time-limit>
      <memory-limit>268435456</memory-limit>
      <test-count>3</test-count>
      <input-path-pattern>tests/%02d</input-path-pattern>
      <answer-path-pattern>tests/%02d.a</answer-path-pattern>
      <tests>
        <test method="manual" sample="true"/>
        <test method="generated" cmd="gen 1"/>
        <test method="generated" cmd="gen 2"/>
      </tests>
    </testset>
  </judging>
  <files><resources><file path="files/olymp.sty"/><file path="files/testlib.h" type="h.g++"/></resources></files>
  <assets>
    <checker name="std::lcmp.cpp" type="testlib"><source path="files/check.cpp" type="cpp.g++17"/></checker>
    <validators><validator><source path="files/val.cpp" type="cpp.g++17"/></validator></validators>
    <solutions>
      <solution tag="main"><source path="solutions/sum.py" type="python.3"/></solution>
      <solution tag="wrong-answer"><source path="solutions/wrong.cpp" type="cpp.g++17"/></solution>
    </solutions>
  </assets>
  <tags><tag value="Brute Force"/></tags>
</problem>
"#;

/// The package with parts of its XML replaced, and with files changed. Files with the text `None`
/// are removed.
fn tree(replace: &[(&str, &str)], changes: &[(&str, Option<&str>)]) -> FileTree {
    let xml = replace.iter().fold(XML.to_owned(), |xml, (from, to)| {
        assert!(xml.contains(from), "{from}");
        xml.replacen(from, to, 1)
    });
    let mut files: BTreeMap<&str, &str> = SUM.iter().copied().collect();
    files.insert(FILE, &xml);
    for (path, text) in changes {
        match text {
            Some(text) => files.insert(path, text),
            None => files.remove(path),
        };
    }
    let mut builder = FileTree::builder(TreeLimits::default());
    for (path, text) in files {
        builder.insert(path.as_bytes(), Entry::File(Bytes::copy_from_slice(text.as_bytes())));
    }
    builder.finish().unwrap()
}

fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}

fn package(replace: &[(&str, &str)], changes: &[(&str, Option<&str>)]) -> Package {
    let options =
        Options { latex: Some(Arc::new(|latex, _| Ok(latex.to_owned()))), ..Options::default() };
    let packages = read(&tree(replace, changes), &options);
    let mut packages = packages.unwrap_or_else(|errors| panic!("{}", lines(&errors).join("\n")));
    assert_eq!(packages.len(), 1);
    packages.remove(0)
}

fn errors(replace: &[(&str, &str)], changes: &[(&str, Option<&str>)]) -> Vec<String> {
    let options =
        Options { latex: Some(Arc::new(|latex, _| Ok(latex.to_owned()))), ..Options::default() };
    lines(&read(&tree(replace, changes), &options).unwrap_err())
}

#[test]
fn tests_of_a_package_for_windows_have_the_lines_of_unix() {
    let bytes = |package: &Package, name: &str| {
        let test = package.content.tests.iter().find(|test| test.name == name).unwrap();
        [&test.input, &test.answer].map(|blob| package.blobs[&blob.digest].clone())
    };
    let windows = package(
        &[],
        &[
            ("tests/01", Some("1 2\r\n")),
            ("tests/01.a", Some("3\r\n")),
            ("tests/02", Some("5\r\n5\n")),
        ],
    );
    assert_eq!(bytes(&windows, "tests/01"), ["1 2\n", "3\n"]);
    // Mixed line endings stay.
    assert_eq!(bytes(&windows, "tests/02"), ["5\r\n5\n", "10\n"]);
    assert_eq!(windows.content.samples[0].input, "1 2\n");
}

#[test]
fn a_plain_package_is_read() {
    let package = package(&[], &[]);
    assert_eq!(lines(&package.warnings), Vec::<String>::new());
    assert_eq!(package.slug.as_str(), "sum-2");
    let content = &package.content;
    assert_eq!((content.title.as_str(), content.natural_language.as_str()), ("Sum", "en"));
    assert_eq!(content.statement, "Add $a$ and $b$.\n\n## Input\n\nTwo numbers.\n");
    assert_eq!(content.editorial.as_deref(), Some("Use \\texttt{+}.\n"));
    assert_eq!((content.limits.time_ms, content.limits.memory_kib), (1_500, 262_144));
    assert_eq!(package.timing.given_ms, Some(1_500));
    let names: Vec<_> =
        content.tests.iter().map(|test| (test.name.as_str(), test.sample)).collect();
    assert_eq!(names, [("tests/01", true), ("tests/02", false), ("tests/03", false)]);
    assert_eq!(content.samples.len(), 1);
    assert_eq!(
        (content.samples[0].name.as_str(), content.samples[0].input.as_str()),
        ("1", "1 2\n")
    );
    assert_eq!(content.grading, domain::grading::Grading::pass_fail(OnFailure::Stop));
    assert_eq!(content.tags[0].as_str(), "brute-force");
    let Checker::Programs(validation) = &content.checker else { panic!("a checker") };
    assert_eq!((validation.protocol, validation.interactive), (Protocol::Testlib, false));
    let files: Vec<_> =
        validation.programs[0].files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["check.cpp", "testlib.h"]);
    assert_eq!(package.input_validation.accepts_with, 0);
    let cases: Vec<_> =
        package.input_validation.cases.iter().map(|case| case.args.concat().join(" ")).collect();
    assert_eq!(cases, vec!["--testset tests"; 3]);
    let expected: Vec<_> =
        package.submissions.iter().map(|it| (it.path.as_str(), it.expected.clone())).collect();
    assert_eq!(
        expected,
        [
            ("solutions/sum.py", [Verdict::Accepted].into()),
            ("solutions/wrong.cpp", [Verdict::WrongAnswer, Verdict::PresentationError].into()),
        ]
    );
    assert!(content.flaws().is_empty());
}

/// Groups that depend on later ones; each-test and complete groups.
const GROUPED: [(&str, &str); 4] = [
    ("<test method=\"manual\" sample=\"true\"/>", "<test method=\"manual\" group=\"b\" points=\"10\" sample=\"true\"/>"),
    ("<test method=\"generated\" cmd=\"gen 1\"/>", "<test method=\"generated\" group=\"a\" points=\"30\"/>"),
    ("<test method=\"generated\" cmd=\"gen 2\"/>", "<test method=\"generated\" group=\"b\" points=\"60.5\"/>"),
    (
        "</tests>",
        "</tests><groups>
        <group name=\"b\" points-policy=\"complete-group\" points=\"70.5\"><dependencies><dependency group=\"a\"/></dependencies></group>
        <group name=\"a\" points-policy=\"each-test\" feedback-policy=\"points\"/>
        </groups>",
    ),
];

#[test]
fn groups_are_graded_after_what_they_depend_on() {
    let package = package(&GROUPED, &[]);
    let grading = &package.content.grading;
    let groups: Vec<_> = grading
        .groups
        .iter()
        .map(|group| (group.name.as_str(), &group.rule, group.require_pass.clone()))
        .collect();
    let rule = |aggregation, max| Rule::Aggregate { aggregation, max_score: Some(max) };
    assert_eq!(
        groups,
        [
            ("", &rule(Aggregation::Sum, 100.5), vec![]),
            ("a", &rule(Aggregation::Sum, 30.0), vec![]),
            ("b", &rule(Aggregation::PassFail, 70.5), vec![1]),
        ]
    );
    let tests: Vec<_> = package
        .content
        .tests
        .iter()
        .map(|test| (test.name.as_str(), test.group, test.points))
        .collect();
    assert_eq!(tests, [("tests/02", 1, Some(30.0)), ("tests/01", 2, None), ("tests/03", 2, None)]);
    let args: Vec<_> =
        package.input_validation.cases.iter().map(|case| case.args[0].join(" ")).collect();
    assert_eq!(
        args,
        ["--testset tests --group a", "--testset tests --group b", "--testset tests --group b"]
    );
    // A wrong solution may get some of the points.
    assert!(package.submissions[1].expected.contains(&Verdict::Partial));
    assert!(!package.submissions[0].expected.contains(&Verdict::Partial));
}

#[test]
fn dependencies_that_cannot_be_met_are_errors() {
    let with = |from: &str, to: &str| {
        let mut replace: Vec<_> = GROUPED.to_vec();
        let groups = GROUPED[3].1.replace(from, to);
        replace[3].1 = &groups;
        errors(&replace, &[])
    };
    let circle = "<group name=\"a\" points-policy=\"each-test\"><dependencies><dependency group=\"b\"/></dependencies></group>";
    assert_eq!(
        with("<group name=\"a\" points-policy=\"each-test\" feedback-policy=\"points\"/>", circle),
        [
            "error: problem.xml:16:9: the group \"b\" depends on itself through other groups; expected dependencies \
          without a cycle"
        ]
    );
    assert_eq!(
        with("<dependency group=\"a\"/>", "<dependency group=\"b\"/><dependency group=\"c\"/>"),
        [
            "error: problem.xml:16:9: the group \"b\" depends on itself; expected another group",
            "error: problem.xml:16:9: the group \"b\" depends on \"c\", which does not exist; expected another group",
        ]
    );
    assert_eq!(
        with("name=\"a\" points-policy=\"each-test\"", "name=\"b\" points-policy=\"some\""),
        [
            "error: problem.xml:17:9: `points-policy` is \"some\"; expected complete-group or each-test",
            "error: problem.xml:17:9: the group \"b\" occurs twice; expected one group of each name",
            "error: problem.xml:16:9: the group \"b\" depends on \"a\", which does not exist; expected another group",
        ]
    );
}

#[test]
fn points_without_groups_are_the_tests_own() {
    let replace = [("cmd=\"gen 1\"", "points=\"5\""), ("cmd=\"gen 2\"", "points=\"7\"")];
    let package = package(&replace, &[]);
    let points: Vec<_> =
        package.content.tests.iter().map(|test| (test.group, test.points)).collect();
    assert_eq!(points, [(0, Some(0.0)), (0, Some(5.0)), (0, Some(7.0))]);
    // Groups without points are for the statement.
    let replace = [("cmd=\"gen 1\"", "group=\"1\" points=\"0.0\"")];
    assert_eq!(self::package(&replace, &[]).content.grading.objective, None);
}

#[test]
fn all_errors_are_reported_at_once() {
    let replace = [
        ("input-file=\"\"", "input-file=\"sum.in\""),
        ("run-count=\"1\"", "run-count=\"2\""),
        ("<time-limit>1500</time-limit>", "<time-limit>fast</time-limit>"),
        ("<memory-limit>268435456</memory-limit>", ""),
        ("<test-count>3</test-count>", "<test-count>4</test-count>"),
        (
            "type=\"testlib\"><source path=\"files/check.cpp\" type=\"cpp.g++17\"",
            "type=\"std\"><source path=\"files/check.d\" type=\"d.dmd\"",
        ),
        ("files/val.cpp", "../val.cpp"),
    ];
    let changes = [("tests/02.a", None), ("files/testlib.h", None)];
    assert_eq!(
        errors(&replace, &changes),
        [
            "error: problem.xml:4:3: `input-file` is \"sum.in\", but reading or writing files is not supported; expected \
             standard input and output",
            "error: problem.xml:4:3: `run-count` is \"2\", but running a submission several times is not supported; \
             expected 1",
            "error: problem.xml:6:7: <time-limit> is \"fast\"; expected a number of milliseconds",
            "error: problem.xml:5:5: there is no <memory-limit>; expected a number of bytes",
            "error: problem.xml:5:5: <test-count> is \"4\"; expected 3, the number of tests",
            "error: tests/02.a: is missing; expected a full package, which has the tests and answers that Polygon generated",
            "error: problem.xml:18:51: the file \"files/testlib.h\" is missing; expected every file of <resources>",
            "error: problem.xml:20:5: the checker's `type` is \"std\"; expected testlib",
            "error: problem.xml:20:46: the checker \"files/check.d\" is in no known language: its `type` is \"d.dmd\"; \
             expected a type such as cpp.g++17",
            "error: problem.xml:21:28: the validator \"../val.cpp\" is missing; expected a source file in the package",
        ]
    );
}

#[test]
fn a_package_without_any_generated_tests_is_one_error() {
    let gone = ["tests/01", "tests/01.a", "tests/02", "tests/02.a", "tests/03", "tests/03.a"];
    assert_eq!(
        errors(&[], &gone.map(|path| (path, None))),
        [
            "error: tests/01: is missing, like all 6 test files; expected a full package, which has the tests \
          and answers that Polygon generated"
        ]
    );
}

#[test]
fn invalid_polygon_packages_are_refused() {
    let with = |xml| errors(&[], &[(FILE, Some(xml))]);
    assert_eq!(
        with("<contest/>"),
        ["error: problem.xml:1:1: the root is <contest>; expected <problem>"]
    );
    assert_eq!(
        with("<problem/>"),
        [
            "error: problem.xml:1:1: the problem has no `short-name`; expected `short-name=\"…\"`",
            "error: problem.xml:1:1: there is no <judging>; expected the limits and tests of the problem",
            "error: problem.xml:1:1: there is no <checker>; expected <assets><checker><source path=\"…\"/>",
            "warning: problem.xml:1:1: there is no accepted solution; expected <solution tag=\"main\">",
        ]
    );
    let bomb = "<!DOCTYPE problem [<!ENTITY a \"aa\">]><problem short-name=\"&a;\"/>";
    assert!(
        with(bomb)[0].starts_with("error: problem.xml:1:20: the document type declares an entity")
    );
    assert_eq!(
        errors(&[], &[(FILE, None)]),
        ["error: problem.xml: is missing; expected a full Polygon package"]
    );
}

#[test]
fn an_interactor_comes_before_the_checker() {
    let replace = [(
        "<assets>",
        "<assets><interactor><source path=\"files/talk.cpp\" type=\"cpp.g++20\"/></interactor>",
    )];
    let package = package(&replace, &[("files/talk.cpp", Some("#include \"testlib.h\"\n"))]);
    let Checker::Programs(validation) = &package.content.checker else { panic!("programs") };
    assert!(validation.interactive);
    let programs: Vec<_> = validation
        .programs
        .iter()
        .map(|it| (it.name.as_str(), it.language.as_ref().map(|it| it.as_str())))
        .collect();
    assert_eq!(programs, [("files/talk.cpp", Some("cpp20")), ("files/check.cpp", Some("cpp"))]);
}

#[test]
fn resources_of_solutions_are_included() {
    let resources = "<resources><file path=\"files/lib.h\" type=\"h.g++\" for-types=\"cpp.*\"><assets><asset name=\"solution\"/></assets>\
                     <stages><stage name=\"compile\"/></stages></file>\
                     <file path=\"files/data\"><assets><asset name=\"SOLUTION\"/></assets><stages><stage name=\"run\"/></stages></file>";
    let changes = [("files/lib.h", Some("int f();\n")), ("files/data", Some("1"))];
    let package = package(&[("<resources>", resources)], &changes);
    let include: Vec<_> = package
        .content
        .include
        .iter()
        .map(|include| {
            let files: Vec<_> = include.files.iter().map(|file| file.path.as_str()).collect();
            (include.language.as_ref().map_or("", |it| it.as_str()), files)
        })
        .collect();
    assert_eq!(
        include,
        [
            ("", vec!["data"]),
            ("cpp", vec!["lib.h"]),
            ("cpp20", vec!["lib.h"]),
            ("cpp23", vec!["lib.h"])
        ]
    );
    assert!(
        package
            .content
            .tests
            .iter()
            .all(|test| test.files.len() == 1 && test.files[0].path == "data")
    );
}

#[test]
fn statements_are_taken_from_wherever_they_are() {
    let names = [("</names>", "<name language=\"russian\" value=\"Сумма\"/></names>")];
    let properties = r#"{"name": "Сумма", "legend": "\u0421\u043b\u043e\u0436\u0438\u0442\u0435.", "input": "", "timeLimit": 1000}"#;
    let package =
        package(&names, &[("statements/russian/problem-properties.json", Some(properties))]);
    let [translation] = package.content.translations.as_slice() else { panic!("one translation") };
    assert_eq!((translation.language.as_str(), translation.title.as_str()), ("ru", "Сумма"));
    assert_eq!(package.blobs[&translation.statement.digest], "Сложите.\n");

    let tex = "\\begin{problem}{Sum}{standard input}{standard output}{1 second}{256 megabytes}\n\nAdd.\n\n\\InputFile\nTwo.\n\n\
               \\OutputFile\nOne.\n\n\\Example\n\n\\begin{example}\n\\exmpfile{example.01}{example.01.a}%\n\\end{example}\n\n\\end{problem}\n";
    let gone = ["legend", "input", "tutorial"]
        .map(|name| format!("statement-sections/english/{name}.tex"));
    let mut changes: Vec<_> = gone.iter().map(|path| (path.as_str(), None)).collect();
    changes.push(("statements/english/problem.tex", Some(tex)));
    let package = self::package(&[], &changes);
    assert_eq!(package.content.statement, "\nAdd.\n\n## Input\n\nTwo.\n\n## Output\n\nOne.\n");
    changes.pop();
    let bare = self::package(&[], &changes);
    assert_eq!((bare.content.statement.as_str(), bare.content.flaws()), ("", vec![]));
    let warnings: Vec<_> = bare.warnings.iter().map(ToString::to_string).collect();
    let expected =
        "warning: statement-sections/english: there is no statement; expected legend.tex";
    assert!(warnings.iter().any(|warning| warning.starts_with(expected)), "{warnings:?}");
}

#[test]
fn statements_in_pdf_are_attached() {
    let statements = "</names><statements><statement language=\"english\" path=\"statements/.pdf/english/problem.pdf\" \
                      type=\"application/pdf\"/><statement language=\"french\" path=\"gone.pdf\" type=\"application/pdf\"/>\
                      </statements>";
    let package = package(
        &[("</names>", statements)],
        &[
            ("statements/.pdf/english/problem.pdf", Some("%PDF")),
            ("statement-sections/english/legend.tex", None),
            ("statement-sections/english/input.tex", None),
        ],
    );
    let attached: Vec<_> = package.content.attachments.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(attached, ["problem.en.pdf"]);
    assert_eq!(
        package.content.statement,
        "The statement is in the attached file `problem.en.pdf`.\n"
    );
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: problem.xml:3:165: the statement \"gone.pdf\" is missing; expected a PDF file in the package"
        ]
    );
}

#[test]
fn latex_that_is_not_converted_is_shown_as_it_is() {
    let packages = read(&tree(&[], &[]), &Options::default()).unwrap();
    let package = &packages[0];
    assert!(package.content.statement.starts_with("```latex\nAdd $a$ and $b$.\n```\n"));
    assert_eq!(
        lines(&package.warnings),
        ["warning: statement-sections/english: is LaTeX and is shown as it is written"]
    );
}

#[test]
fn images_are_put_into_the_statement() {
    let legend = ("statement-sections/english/legend.tex", Some("![a](a.svg)"));
    let package = package(&[], &[legend, ("statement-sections/english/a.svg", Some("<svg/>"))]);
    assert!(package.content.statement.starts_with("![a](data:image/svg+xml;base64,PHN2Zy8+)\n"));
    assert_eq!(
        lines(&self::package(&[], &[legend]).warnings),
        [
            "warning: statement-sections/english/legend.tex: the image \"a.svg\" is missing; expected the file \
          statement-sections/english/a.svg"
        ]
    );
    // LaTeX finds images without their extension.
    let legend = ("statement-sections/english/legend.tex", Some("![](b)"));
    let package = self::package(&[], &[legend, ("statement-sections/english/b.eps", Some("%!PS"))]);
    assert_eq!(package.content.attachments[0].path, "statement/b.eps");
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: statement-sections/english/legend.tex: the image \"b.eps\" is of a type that browsers cannot show; \
             expected a PNG or SVG file beside it, from `ps2pdf -dEPSCrop b.eps b.pdf` and `pdftocairo -svg b.pdf b.svg`"
        ]
    );
}

#[test]
fn large_images_are_attached_and_shown_and_formulas_are_checked() {
    let legend = ("statement-sections/english/legend.tex", Some("![](b) $\\xor$"));
    let large = format!("GIF89a{}", "x".repeat(500_000));
    let package = package(&[], &[legend, ("statement-sections/english/b.gif", Some(&large))]);
    assert!(package.content.statement.starts_with("![](statement/b.gif) "));
    assert_eq!(package.content.attachments[0].path, "statement/b.gif");
    let [warning] = package.warnings.as_slice() else { panic!("{:?}", package.warnings) };
    assert!(warning.message.contains("the command \\xor is unknown"), "{warning}");
}

#[test]
fn cases_of_the_checker_and_the_validator_are_kept() {
    let testset = "<testset><test-count>2</test-count><input-path-pattern>c/%02d</input-path-pattern>\
                   <output-path-pattern>c/%02d.o</output-path-pattern><answer-path-pattern>c/%02d.a</answer-path-pattern>\
                   <tests><test verdict=\"ok\"/><test verdict=\"wrong-answer\"/></tests></testset>";
    let checker = format!("{testset}</checker>");
    let validator = "<testset><input-path-pattern>c/%02d</input-path-pattern><tests><test verdict=\"valid\"/>\
                     <test verdict=\"invalid\"/></tests></testset></validator>";
    let files =
        ["c/01", "c/01.o", "c/01.a", "c/02", "c/02.o", "c/02.a"].map(|path| (path, Some("1\n")));
    let package = package(&[("</checker>", &checker), ("</validator>", validator)], &files);
    let outputs: Vec<_> =
        package.output_cases.iter().map(|case| (case.path.as_str(), case.accepted)).collect();
    assert_eq!(outputs, [("c/01.o", true), ("c/02.o", false)]);
    let inputs: Vec<_> = package.input_validation.cases[3..]
        .iter()
        .map(|case| (case.path.as_str(), case.valid))
        .collect();
    assert_eq!(inputs, [("c/01", true), ("c/02", false)]);
}

#[test]
fn solutions_that_cannot_be_judged_are_left_aside() {
    let solutions = "<solutions><solution tag=\"do-not-run\"><source path=\"a.cpp\"/></solution>\
                     <solution tag=\"fastest\"><source path=\"b.cpp\"/></solution>\
                     <solution tag=\"accepted\"><source path=\"c.d\" type=\"d\"/></solution>\
                     <solution tag=\"accepted\"><source path=\"d.cpp\"/></solution><solution tag=\"main\"/>";
    let package = package(&[("<solutions>", solutions)], &[]);
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: problem.xml:22:16: the solution \"a.cpp\" has the tag do-not-run and is ignored",
            "warning: problem.xml:22:76: the solution \"b.cpp\" has the unknown tag \"fastest\" and is ignored; expected \
             main, accepted, …",
            "warning: problem.xml:22:133: the solution \"c.d\" is in no known language and is ignored: its `type` is \"d\"",
            "warning: problem.xml:22:198: the solution \"d.cpp\" is missing; expected a source file in the package",
            "warning: problem.xml:22:256: a solution has no <source> and is ignored",
        ]
    );
}

#[test]
fn the_packages_of_the_tests_are_read() {
    for name in ["basic", "groups", "interactor", "points", "resources"] {
        let packages = read(&stored(&format!("polygon{name}")), &Options::default());
        let packages =
            packages.unwrap_or_else(|errors| panic!("{name}: {}", lines(&errors).join("\n")));
        assert_eq!(packages[0].content.flaws(), vec![], "{name}");
    }
}

proptest! {
    #[test]
    fn arbitrary_texts_do_not_panic(
        from in "(<[a-z/]{1,12}|\"[^\"]{0,12}\"|[0-9]{1,4}|tests|%02d)",
        to in "([<>&\"'a-z0-9%/ =-]|\\PC){0,30}",
        xml in "(<problem>|<judging>|<testset>|<tests>|<test |points=\"|\"/>|</testset>|</judging>|</problem>|%d|\\PC){0,20}",
    ) {
        let spoilt = XML.replacen(&from, &to, 1);
        for xml in [&spoilt, &xml] {
            if let Ok(packages) = read(&tree(&[], &[(FILE, Some(xml))]), &Options::default()) {
                prop_assert_eq!(packages[0].content.flaws(), vec![]);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
        let mut builder = FileTree::builder(TreeLimits::default());
        builder.insert(FILE.as_bytes(), Entry::File(bytes.into()));
        prop_assert!(read(&builder.finish().unwrap(), &Options::default()).is_err());
    }
}
