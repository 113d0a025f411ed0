//! Reads DMOJ packages: `init.yml`, the data that it names, and the programs of the judge's own
//! tests.

mod cases;
mod checker;
mod config;
mod data;
mod expectations;
mod languages;
mod names;
mod pattern;
mod points;
mod submissions;

use domain::LanguageId;
use domain::problem::{
    Include, Limits, ProblemLanguage, ProgramFile, RevisionContent, TimeLimitOrigin,
};

use crate::blobs::Blobs;
use crate::diagnostic::{Diagnostic, Report};
use crate::fields::{Field, unknown_key};
use crate::flaws::report_flaws;
use crate::formulas::report_faults;
use crate::naming::identity;
use crate::package::{About, Format, InputValidation, Options, Package, read_one};
use crate::text::text;
use crate::timing::Timing;
use crate::tree::FileTree;
use crate::yaml::{self, Schema};

use cases::Outline;
use config::{
    Config, FILE, WITHOUT_MEANING, is_dynamic, is_true, refuse_dynamic, scopes, warn_of_symlinks,
};
use data::Data;

/// Paths of a statement. The format itself does not define one.
const STATEMENTS: [&str; 3] = ["statement.md", "problem.md", "README.md"];

/// The default output limit, in bytes.
const OUTPUT_BYTES: u64 = 24 * 1024 * 1024;

/// Defined for programs that are compiled with a signature grader.
const SIGNATURE: &str = "#define SIGNATURE_GRADER 1\n";

/// Reads a package.
///
/// # Errors
/// Returns all errors and warnings of the package.
pub(crate) fn read(tree: &FileTree, options: &Options) -> Result<Vec<Package>, Vec<Diagnostic>> {
    read_one(tree, |report| read_file(tree, options, report)).map(|package| vec![package])
}

fn read_file(tree: &FileTree, options: &Options, report: &mut Report) -> Option<Package> {
    let identity = identity(tree, options, report);
    let Some(bytes) = tree.get(FILE) else {
        report.error(FILE, "is missing", "a DMOJ package");
        return None;
    };
    let entries = yaml::read_map_as(Schema::Yaml11, FILE, bytes, report)?;
    let config = Config(&entries);
    check_keys(&config, report);
    let mut blobs = Blobs::default();
    let archive = config.field("archive").filter(|field| is_true(field.node));
    let data = Data::read(archive, tree, report);
    let judge = checker::read(&config, &data, &mut blobs, report);
    let cases = cases::read(&config, &data, &judge, &mut blobs, report);
    let tests = cases.len();
    let outline = Outline::of(&cases, &judge);
    let graded = points::grade(cases, &judge, report);
    let (include, languages) = signature(&config, &data, &mut blobs, report);
    let found = submissions::read(tree, &outline, report);
    let (title, statement) =
        statement(tree, identity.as_ref().map_or("", |it| it.slug.as_str()), report);
    let defaults = Limits::default();
    let output_bytes = output_bytes(&config, report);
    let content = RevisionContent {
        title,
        statement,
        natural_language: options.natural_language.clone(),
        limits: Limits {
            time_ms: found.time_ms.unwrap_or(defaults.time_ms),
            memory_kib: found.memory_kib.unwrap_or(defaults.memory_kib),
            output_kib: output_bytes.div_ceil(1024),
            ..defaults
        },
        time_limit: match found.time_ms {
            Some(_) => TimeLimitOrigin::Given,
            None => TimeLimitOrigin::Default,
        },
        tests: graded.tests,
        checker: judge.checker,
        grading: graded.grading,
        include,
        languages,
        ..RevisionContent::default()
    };
    if tests > 0 || !report.has_errors() {
        report_flaws(&content, |_| FILE.into(), report);
    }
    Some(Package {
        format: Format::Dmoj,
        slug: identity.as_ref()?.slug.clone(),
        is_slug_derived: identity?.is_derived,
        content,
        blobs: blobs.0,
        submissions: found.submissions,
        input_validation: InputValidation::default(),
        output_cases: vec![],
        timing: Timing { given_ms: found.time_ms, ..Timing::default() },
        about: About::default(),
        warnings: vec![],
    })
}

/// The output limit in bytes; the largest one if test cases differ.
fn output_bytes(config: &Config<'_>, report: &mut Report) -> u64 {
    let given = |field: Option<Field<'_>>, report: &mut Report| match field {
        Some(field) => field.positive_integer(report, "a number of bytes"),
        None => Some(OUTPUT_BYTES),
    };
    let mut largest = given(config.field("output_limit_length"), report);
    for scope in scopes(config) {
        let Some(field) = scope.case_field("output_limit_length") else { continue };
        let of_case = given(Some(field), report);
        if largest.zip(of_case).is_some_and(|(largest, of_case)| largest != of_case) {
            field.warning(report, "differs from that of other test cases; the largest is used");
        }
        largest = largest.max(of_case);
    }
    largest.unwrap_or(OUTPUT_BYTES)
}

fn check_keys(config: &Config<'_>, report: &mut Report) {
    for (key, node) in config.0 {
        let underscored = key.text.replace('-', "_");
        let name = underscored.as_str();
        let field = Field { path: FILE, key: name, node };
        let mut refuse = |why: &str, expected: &str| {
            let message = format!("`{name}` is not supported: {why}");
            report.error((FILE, key.position), message, expected);
        };
        match name {
            "archive"
            | "test_cases"
            | "pretest_test_cases"
            | "points"
            | "checker"
            | "interactive"
            | "signature_grader"
            | "output_limit_length"
            | "binary_data"
            | "generator"
            | "in"
            | "out"
            | "dependencies" => {}
            "symlinks" => warn_of_symlinks(field, report),
            known if WITHOUT_MEANING.contains(&known) => {}
            "custom_judge" if !field.is_null() => {
                refuse(
                    "its Python code runs only inside DMOJ's judge",
                    "a checker or an interactor",
                );
            }
            "file_io" if !field.is_null() => {
                refuse("submissions read standard input and write standard output", "no `file_io`");
            }
            "custom_judge" | "file_io" => {}
            dynamic if is_dynamic(dynamic) => refuse_dynamic(key, report),
            _ => unknown_key(FILE, key, &key.text, report),
        }
    }
}

/// The title and the statement.
fn statement(tree: &FileTree, name: &str, report: &mut Report) -> (String, String) {
    let found = STATEMENTS.iter().find_map(|path| Some((*path, tree.get(path)?)));
    let Some((path, bytes)) = found else {
        let expected = format!("one of {}", STATEMENTS.join(", "));
        report.warning("", "there is no statement", expected);
        return (name.to_owned(), "The package has no statement.\n".to_owned());
    };
    let markdown = text(path, bytes, report).unwrap_or_default();
    report_faults(path, markdown, report);
    let trimmed = markdown.trim_start();
    let (first, rest) = trimmed.split_once('\n').unwrap_or((trimmed, ""));
    match first.strip_prefix("# ").map(str::trim).filter(|title| !title.is_empty()) {
        Some(title) if !rest.trim().is_empty() => (title.to_owned(), rest.trim_start().to_owned()),
        Some(title) => (title.to_owned(), "The package has no statement.\n".to_owned()),
        None => (name.to_owned(), markdown.to_owned()),
    }
}

/// Reads `signature_grader`: a program that calls the submission's functions, and a header that
/// declares them. Both are compiled with the submission.
fn signature(
    config: &Config<'_>,
    data: &Data<'_>,
    blobs: &mut Blobs,
    report: &mut Report,
) -> (Vec<Include>, Vec<ProblemLanguage>) {
    let Some(field) = config.field("signature_grader") else { return (vec![], vec![]) };
    let (mut entry, mut header, mut allows_main) = (None, None, false);
    for (key, node) in field.map(report) {
        let inner = Field { path: FILE, key: &key.text, node };
        match key.text.as_str() {
            "entry" => {
                let Some(path) = inner.text(report) else { continue };
                let Some(bytes) = data.get(&path, inner, report) else { continue };
                let source = [SIGNATURE.as_bytes(), b"#line 1\n", &bytes[..]].concat();
                entry = Some((path, blobs.put(&source.into())));
            }
            "header" => {
                let Some(path) = inner.text(report) else { continue };
                header = data.program_file(&path, inner, blobs, report);
            }
            "allow_main" => allows_main = is_true(node),
            _ => unknown_key(FILE, key, &key.text, report),
        }
    }
    let Some(((path, source), header)) = entry.zip(header) else {
        field.error(report, "a map with `entry` and `header`");
        return (vec![], vec![]);
    };
    let main = if allows_main { "" } else { "#define main main_of_submission\n" };
    let start_snippet = format!("{SIGNATURE}#include \"{}\"\n{main}", header.path);
    let name = path.rsplit('/').next().unwrap_or(&path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut includes = vec![Include { language: None, files: vec![header] }];
    let mut languages = Vec::new();
    // The program is compiled as the submission's language, regardless of its extension.
    for (id, extension) in [("c", "c"), ("cpp", "cpp"), ("cpp20", "cpp"), ("cpp23", "cpp")] {
        let language: LanguageId = id.parse().expect("these are language ids");
        let path = format!("{stem}.{extension}");
        let file = ProgramFile { path, content: source, executable: false };
        includes.push(Include { language: Some(language.clone()), files: vec![file] });
        languages.push(ProblemLanguage {
            language,
            starter_code: String::new(),
            start_snippet: start_snippet.clone(),
            end_snippet: String::new(),
        });
    }
    (includes, languages)
}

#[cfg(test)]
mod tests;
