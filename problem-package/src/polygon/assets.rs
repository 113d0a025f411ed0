//! Reads `<assets>` and `<files>`: the checker, the interactor, validators, and files beside
//! submissions.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use domain::LanguageId;
use domain::checker::TokenOptions;
use domain::problem::{
    Checker, Include, PackagedProgram, ProgramFile, Protocol, Test, Validation, ValidationLimits,
};

use super::judging::{Judging, Pattern};
use super::languages::{of_pattern, of_program};
use crate::blobs::Blobs;
use crate::diagnostic::{Report, quote};
use crate::package::{InputCase, InputValidation, OutputCase};
use crate::text::unix_lines;
use crate::tree::FileTree;
use crate::xml::Element;

/// Extensions of files for statements, not for programs.
const STATEMENT_EXTENSIONS: [&str; 5] = ["sty", "tex", "ftl", "html", "mp"];

/// Maximum number of cases in one set for testing a checker or a validator.
const CASES_MAX: usize = 1_000;

/// The library that checkers use.
const TESTLIB: &str = "testlib.h";

pub(super) struct Assets {
    pub(super) checker: Checker,
    pub(super) include: Vec<Include>,
    /// Files in the working directory of every submission.
    pub(super) beside_runs: Vec<ProgramFile>,
    pub(super) input_validation: InputValidation,
    pub(super) output_cases: Vec<OutputCase>,
}

/// A file of `<resources>`.
struct Resource<'a> {
    element: Element<'a>,
    path: &'a str,
    file: ProgramFile,
}

pub(super) fn read(
    root: Element<'_>,
    tree: &FileTree,
    judging: &Judging,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Assets {
    let resources = resources(root, tree, blobs, report);
    let assets = root.child("assets");
    let checker = assets.and_then(|assets| assets.child("checker"));
    let interactor = assets.and_then(|assets| assets.child("interactor"));
    let mut programs = Vec::new();
    if let Some(interactor) = interactor {
        programs.extend(program(interactor, &resources, tree, blobs, report));
    }
    let mut output_cases = Vec::new();
    match checker {
        Some(checker) => {
            let kind = checker.attribute("type").unwrap_or("testlib");
            if kind != "testlib" {
                let message = format!("the checker's `type` is {}", quote(kind));
                report.error(checker.place(), message, "testlib");
            }
            programs.extend(program(checker, &resources, tree, blobs, report));
            if interactor.is_none() {
                output_cases = checker_cases(checker, tree, judging.is_of_windows, blobs, report);
            }
        }
        None => {
            let at = assets.unwrap_or(root).place();
            report.error(at, "there is no <checker>", "<assets><checker><source path=\"…\"/>");
        }
    }
    let checker = if programs.is_empty() {
        Checker::Tokens(TokenOptions::default())
    } else {
        Checker::Programs(Validation {
            programs,
            protocol: Protocol::Testlib,
            interactive: interactor.is_some(),
            passes: 1,
            limits: ValidationLimits::default(),
        })
    };
    let is_for_runs = |resource: &&Resource<'_>| {
        is_for_solutions(resource.element) && has_name(resource.element, "stages", "run")
    };
    Assets {
        checker,
        include: include(&resources, report),
        beside_runs: resources
            .iter()
            .filter(is_for_runs)
            .map(|resource| resource.file.clone())
            .collect(),
        input_validation: validation(assets, &resources, tree, judging, blobs, report),
        output_cases,
    }
}

fn resources<'a>(
    root: Element<'a>,
    tree: &FileTree,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Vec<Resource<'a>> {
    let files = root.descend(&["files", "resources"]);
    let mut resources: Vec<Resource<'a>> = Vec::new();
    for element in files.into_iter().flat_map(|files| files.children("file")) {
        let Some(path) = element.required("path", report) else { continue };
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        if STATEMENT_EXTENSIONS.contains(&extension) {
            continue;
        }
        let Some(bytes) = tree.get(path) else {
            let message = format!("the file {} is missing", quote(path));
            report.error(element.place(), message, "every file of <resources>");
            continue;
        };
        let file = ProgramFile {
            path: name(path).to_owned(),
            content: blobs.put(bytes),
            executable: false,
        };
        resources.push(Resource { element, path, file });
    }
    resources
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Reads the program of a `<checker>`, `<interactor>` or `<validator>`, with the headers that it
/// may include.
fn program(
    element: Element<'_>,
    resources: &[Resource<'_>],
    tree: &FileTree,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Option<PackagedProgram> {
    let role = element.name();
    let Some(source) = element.child("source") else {
        let message = format!("the {role} has no <source>");
        report.error(element.place(), message, "<source path=\"…\" type=\"…\"/>");
        return None;
    };
    let path = source.required("path", report)?;
    let Some(language) = of_program(source.attribute("type"), path) else {
        let kind = source.attribute("type").unwrap_or_default();
        let message = format!(
            "the {role} {} is in no known language: its `type` is {}",
            quote(path),
            quote(kind)
        );
        report.error(source.place(), message, "a type such as cpp.g++17");
        return None;
    };
    let Some(bytes) = tree.get(path) else {
        let message = format!("the {role} {} is missing", quote(path));
        report.error(source.place(), message, "a source file in the package");
        return None;
    };
    let main =
        ProgramFile { path: name(path).to_owned(), content: blobs.put(bytes), executable: false };
    let is_header = |resource: &&Resource<'_>| {
        let kind = resource.element.attribute("type").unwrap_or_default();
        let extension = resource.path.rsplit_once('.').map_or("", |(_, extension)| extension);
        kind.starts_with("h.") || ["h", "hh", "hpp", "hxx", "inc"].contains(&extension)
    };
    let headers = resources.iter().filter(is_header).map(|resource| resource.file.clone());
    let files: Vec<_> =
        std::iter::once(main).chain(headers.filter(|header| header.path != name(path))).collect();
    let includes_testlib = bytes.windows(TESTLIB.len()).any(|window| window == TESTLIB.as_bytes());
    if includes_testlib
        && !files.iter().any(|file| file.path == TESTLIB)
        && language.as_str().starts_with("cpp")
    {
        let message = format!(
            "the {role} {} includes {TESTLIB}, which is not among the resources",
            quote(path)
        );
        report.error(source.place(), message, format!("<file path=\"files/{TESTLIB}\"/>"));
    }
    Some(PackagedProgram { name: path.to_owned(), language: Some(language), files })
}

/// Reads outputs that the checker must accept or reject.
fn checker_cases(
    checker: Element<'_>,
    tree: &FileTree,
    is_of_windows: bool,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Vec<OutputCase> {
    let Some(testset) = checker.child("testset") else { return vec![] };
    let elements = cases(testset, report);
    if elements.is_empty() {
        return vec![];
    }
    let [input, output, answer] = ["input", "output", "answer"]
        .map(|file| Pattern::of(testset, &format!("{file}-path-pattern"), report));
    let (Some(input), Some(output), Some(answer)) = (input, output, answer) else { return vec![] };
    let mut cases = Vec::new();
    for (number, element) in (1..).zip(elements) {
        let accepted = match element.attribute("verdict") {
            Some("ok") => true,
            Some("wrong-answer" | "presentation-error") => false,
            _ => continue,
        };
        let [input, output, answer] =
            [&input, &output, &answer].map(|pattern| pattern.path(number));
        let (Some(input_bytes), Some(output_bytes), Some(answer_bytes)) =
            (tree.get(&input), tree.get(&output), tree.get(&answer))
        else {
            report.warning(
                element.place(),
                "a test of the checker has missing files and is ignored",
                "",
            );
            continue;
        };
        let [input_bytes, output_bytes, answer_bytes] =
            [input_bytes, output_bytes, answer_bytes].map(|bytes| lines(bytes, is_of_windows));
        let test = Test::new(&input, blobs.put(&input_bytes), blobs.put(&answer_bytes));
        cases.push(OutputCase { path: output, test, output: blobs.put(&output_bytes), accepted });
    }
    cases
}

/// The contents of a test of a checker or validator. In a package for Windows, line endings are
/// converted as in all tests.
fn lines(bytes: &Bytes, is_of_windows: bool) -> Cow<'_, Bytes> {
    if is_of_windows { unix_lines(bytes) } else { Cow::Borrowed(bytes) }
}

fn cases<'a>(testset: Element<'a>, report: &mut Report) -> Vec<Element<'a>> {
    let mut all: Vec<_> =
        testset.child("tests").into_iter().flat_map(|tests| tests.elements()).collect();
    if all.len() > CASES_MAX {
        let message = format!("there are {} tests here, and some are ignored", all.len());
        report.warning(testset.place(), message, format!("at most {CASES_MAX}"));
        all.truncate(CASES_MAX);
    }
    all
}

/// Reads the validators, the tests that they must accept, and the cases that test them.
fn validation(
    assets: Option<Element<'_>>,
    resources: &[Resource<'_>],
    tree: &FileTree,
    judging: &Judging,
    blobs: &mut Blobs,
    report: &mut Report,
) -> InputValidation {
    let validators = assets.and_then(|assets| assets.child("validators"));
    let elements: Vec<_> =
        validators.into_iter().flat_map(|validators| validators.children("validator")).collect();
    let programs: Vec<_> = elements
        .iter()
        .filter_map(|element| program(*element, resources, tree, blobs, report))
        .collect();
    if programs.is_empty() {
        return InputValidation::default();
    }
    let case = |test: &Test, group: &Option<String>| {
        let mut args = vec!["--testset".to_owned(), "tests".to_owned()];
        args.extend(group.iter().flat_map(|group| ["--group".to_owned(), group.clone()]));
        InputCase {
            path: test.name.clone(),
            input: test.input,
            files: vec![],
            args: vec![args; programs.len()],
            valid: true,
        }
    };
    let mut cases: Vec<_> =
        judging.tests.iter().zip(&judging.groups).map(|(test, group)| case(test, group)).collect();
    // Cases for one of several validators do not apply to the others.
    if let [element] = elements.as_slice() {
        cases.extend(validator_cases(*element, tree, judging.is_of_windows, blobs, report));
    }
    InputValidation { programs, accepts_with: 0, limits: ValidationLimits::default(), cases }
}

fn validator_cases(
    validator: Element<'_>,
    tree: &FileTree,
    is_of_windows: bool,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Vec<InputCase> {
    let Some(testset) = validator.child("testset") else { return vec![] };
    let elements = cases(testset, report);
    if elements.is_empty() {
        return vec![];
    }
    let Some(pattern) = Pattern::of(testset, "input-path-pattern", report) else { return vec![] };
    let mut cases = Vec::new();
    for (number, element) in (1..).zip(elements) {
        let valid = match element.attribute("verdict") {
            Some("valid") => true,
            Some("invalid") => false,
            _ => continue,
        };
        let path = pattern.path(number);
        let Some(bytes) = tree.get(&path) else {
            report.warning(
                element.place(),
                "a test of the validator has no file and is ignored",
                "",
            );
            continue;
        };
        let given =
            [("--testset", element.attribute("testset")), ("--group", element.attribute("group"))];
        let given = given
            .into_iter()
            .filter_map(|(flag, value)| Some([flag, value.filter(|it| !it.is_empty())?]));
        let args = given.flatten().map(str::to_owned).collect();
        cases.push(InputCase {
            path,
            input: blobs.put(&lines(bytes, is_of_windows)),
            files: vec![],
            args: vec![args],
            valid,
        });
    }
    cases
}

/// The files compiled with submissions: resources that are assets of solutions.
fn include(resources: &[Resource<'_>], report: &mut Report) -> Vec<Include> {
    let mut by_language: BTreeMap<Option<LanguageId>, Vec<ProgramFile>> = BTreeMap::new();
    for resource in resources {
        let element = resource.element;
        if !is_for_solutions(element) {
            continue;
        }
        let pattern =
            element.attribute("for-types").or(element.attribute("forTypes")).unwrap_or_default();
        match of_pattern(pattern) {
            None => by_language.entry(None).or_default().push(resource.file.clone()),
            Some(languages) => {
                if languages.is_empty() {
                    let message = format!(
                        "the file {} is for {}, which is not a known language",
                        quote(resource.path),
                        quote(pattern)
                    );
                    report.warning(element.place(), message, "a type such as cpp.*");
                }
                for language in languages {
                    by_language.entry(Some(language)).or_default().push(resource.file.clone());
                }
            }
        }
    }
    by_language.into_iter().map(|(language, files)| Include { language, files }).collect()
}

fn is_for_solutions(resource: Element<'_>) -> bool {
    has_name(resource, "assets", "solution")
}

fn has_name(element: Element<'_>, list: &str, name: &str) -> bool {
    names(element, list).any(|found| found.eq_ignore_ascii_case(name))
}

/// The names in `<assets><asset name="…"/>`, or in an attribute, separated by `;`.
fn names<'a>(element: Element<'a>, list: &str) -> impl Iterator<Item = &'a str> {
    let attribute = element.attribute(list).unwrap_or_default();
    let children = element.child(list).into_iter().flat_map(|list| list.elements());
    let children = children.filter_map(|child| child.attribute("name"));
    attribute.split(';').map(str::trim).filter(|name| !name.is_empty()).chain(children)
}
