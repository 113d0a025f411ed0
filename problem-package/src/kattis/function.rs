//! Reads function problems: the signature in `assay/signature.yaml` or LeetCode's
//! `assay/metadata.json`, and cases as values in JSON: `data/**/*.in` and `*.ans`, or lines of
//! `data/**/*.jsonl`.

mod metadata;

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::LanguageId;
use domain::function::{Declaration, Mismatch, Signature};
use domain::problem::ProblemLanguage;
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::diagnostic::{Position, Report, quote};
use crate::limits::YAML_BYTES_MAX;
use crate::package::Options;
use crate::text::text;
use crate::tree::FileTree;

/// The declaration of the function or class.
const SIGNATURE: &str = "assay/signature.yaml";
/// The same, as LeetCode writes it.
const METADATA: &str = "assay/metadata.json";
/// Maximum number of cases in one file of lines.
const LINES_MAX: usize = 10_000;

/// A function problem.
#[derive(Debug)]
pub(super) struct FunctionProblem {
    pub(super) declaration: Declaration,
    signature: Signature,
    /// Where the cases of files of lines come from: the file and the line of each `.in` and `.ans`
    /// that stands for them.
    origins: BTreeMap<String, (String, u32)>,
}

/// A case in a file of lines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    args: &'a RawValue,
    #[serde(borrow)]
    expected: &'a RawValue,
    name: Option<String>,
}

/// Reads the signature, if there is one, and checks all cases. Returns the tree in which each line
/// of a file of lines is a test of its own.
pub(super) fn read(tree: &FileTree, report: &mut Report) -> Option<(FunctionProblem, FileTree)> {
    let declaration = read_declaration(tree, report)?;
    let signature = match declaration.read() {
        Ok(signature) => signature,
        Err(error) => {
            let path = if tree.get(SIGNATURE).is_some() { SIGNATURE } else { METADATA };
            report.error(path, error.to_string(), "");
            return None;
        }
    };
    let mut problem = FunctionProblem { declaration, signature, origins: BTreeMap::new() };
    let tree = problem.with_lines_as_tests(tree, report);
    problem.check_cases(&tree, report);
    Some((problem, tree))
}

/// Whether the package has a function problem.
pub(super) fn is_in(tree: &FileTree) -> bool {
    [SIGNATURE, METADATA].iter().any(|path| tree.get(path).is_some())
}

fn read_declaration(tree: &FileTree, report: &mut Report) -> Option<Declaration> {
    if let Some(bytes) = tree.get(SIGNATURE) {
        if bytes.len() > YAML_BYTES_MAX {
            report.error(SIGNATURE, "is too long", format!("at most {YAML_BYTES_MAX} bytes"));
            return None;
        }
        let written = text(SIGNATURE, bytes, report)?;
        return match serde_saphyr::from_str(written) {
            Ok(declaration) => Some(declaration),
            Err(error) => {
                let position = error.location().map(|location| Position {
                    line: location.line().try_into().unwrap_or(u32::MAX),
                    column: location.column().try_into().unwrap_or(u32::MAX),
                });
                let message = error.without_snippet().to_string();
                report.error((SIGNATURE, position), message, "a signature: docs/functions.md");
                None
            }
        };
    }
    let bytes = tree.get(METADATA)?;
    match metadata::read(bytes) {
        Ok(declaration) => Some(declaration),
        Err(error) => {
            report.error(METADATA, error, "LeetCode's metadata of a function or class");
            None
        }
    }
}

impl FunctionProblem {
    fn with_lines_as_tests(&mut self, tree: &FileTree, report: &mut Report) -> FileTree {
        let files = tree.under("data").filter(|(name, _)| name.ends_with(".jsonl"));
        let (mut removed, mut added) = (vec![], BTreeMap::new());
        for (name, bytes) in files {
            let path = format!("data/{name}");
            removed.push(path.clone());
            let Some(written) = text(&path, bytes, report) else { continue };
            let lines = (1..).zip(written.lines()).filter(|(_, line)| !line.trim().is_empty());
            let lines: Vec<(u32, &str)> = lines.collect();
            if lines.len() > LINES_MAX {
                let message = format!("has {} cases", lines.len());
                report.error(path.as_str(), message, format!("at most {LINES_MAX}"));
                continue;
            }
            let stem = path.strip_suffix(".jsonl").unwrap_or(&path);
            let digits = lines.len().to_string().len();
            for (number, (line, json)) in (1..).zip(lines) {
                let case: Line<'_> = match serde_json::from_str(json) {
                    Ok(case) => case,
                    Err(error) => {
                        let column = u32::try_from(error.column()).unwrap_or(u32::MAX);
                        let at = (path.as_str(), Some(Position { line, column }));
                        let expected = r#"a line {"args": …, "expected": …, "name": …}"#;
                        report.error(at, json_error(&error), expected);
                        continue;
                    }
                };
                let label = case.name.as_deref().map(slug).filter(|label| !label.is_empty());
                let label = label.map_or_else(String::new, |label| format!("-{label}"));
                let test = format!("{stem}-{number:0digits$}{label}");
                for (extension, value) in [("in", case.args), ("ans", case.expected)] {
                    let file = format!("{test}.{extension}");
                    self.origins.insert(file.clone(), (path.clone(), line));
                    added.insert(file, Bytes::copy_from_slice(value.get().as_bytes()));
                }
            }
        }
        tree.replacing(&removed, added, report)
    }

    /// Checks that each input and answer has the declared types.
    fn check_cases(&self, tree: &FileTree, report: &mut Report) {
        for (name, bytes) in tree.under("data") {
            let Some(stem) = name.strip_suffix(".in") else { continue };
            if !["sample/", "secret/"].iter().any(|folder| name.starts_with(folder)) {
                continue;
            }
            let input = format!("data/{name}");
            let Some(json) = self.json(&input, bytes, report) else { continue };
            let arguments = match self.signature.read_arguments(&json) {
                Ok(arguments) => arguments,
                Err(mismatch) => {
                    self.report_mismatch(&input, &mismatch, report);
                    continue;
                }
            };
            let answer = format!("data/{stem}.ans");
            let Some(bytes) = tree.get(&answer) else { continue };
            let Some(json) = self.json(&answer, bytes, report) else { continue };
            if let Err(mismatch) = self.signature.read_answer(&arguments, &json) {
                self.report_mismatch(&answer, &mismatch, report);
            }
        }
    }

    fn json(&self, path: &str, bytes: &Bytes, report: &mut Report) -> Option<Json> {
        let error = match serde_json::from_slice(bytes) {
            Ok(json) => return Some(json),
            Err(error) => error,
        };
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let (line, column) = (number(error.line()), number(error.column()));
        match self.origins.get(path) {
            Some((file, line)) => {
                let at = (file.as_str(), Some(Position { line: *line, column: 1 }));
                report.error(at, json_error(&error), "JSON");
            }
            None => {
                let at = (path, Some(Position { line, column: column.max(1) }));
                report.error(at, json_error(&error), "JSON");
            }
        }
        None
    }

    fn report_mismatch(&self, path: &str, mismatch: &Mismatch, report: &mut Report) {
        let field = if path.ends_with(".in") { "args" } else { "expected" };
        match self.origins.get(path) {
            Some((file, line)) => {
                let at = (file.as_str(), Some(Position { line: *line, column: 1 }));
                report.error(at, format!("{field}: {mismatch}"), "");
            }
            None => report.error(path, mismatch.to_string(), ""),
        }
    }

    /// The languages that can be offered, with starter code. `offers` are those that the package
    /// allows; if it names none, those of the installation.
    pub(super) fn offered(
        &self,
        offers: Vec<ProblemLanguage>,
        options: &Options,
        report: &mut Report,
    ) -> Vec<ProblemLanguage> {
        let all = || options.languages.iter().cloned().map(ProblemLanguage::without_code);
        let is_chosen = !offers.is_empty();
        let offers = if is_chosen { offers } else { all().collect() };
        let mut offered = vec![];
        for mut offer in offers {
            match self.starter(&offer.language) {
                Ok(starter) if offer.starter_code.is_empty() => offer.starter_code = starter,
                Ok(_) => {}
                Err(reason) => {
                    if is_chosen {
                        let message = format!("{} is not offered: {reason}", offer.language);
                        report.warning(SIGNATURE, message, "");
                    }
                    continue;
                }
            }
            if offer.has_snippets() {
                let message =
                    format!("{} has snippets, which functions do not need", offer.language);
                report.error("assay/snippets", message, "no snippets");
            }
            offered.push(offer);
        }
        if offered.is_empty() {
            report.error(SIGNATURE, "no language can express this signature", "other types");
        }
        offered
    }

    fn starter(&self, language: &LanguageId) -> Result<String, String> {
        let driver = functions::builtin().get(language.as_str());
        let driver = driver.ok_or("functions cannot be submitted in it")?;
        driver.starter(&self.signature).map_err(|error| error.to_string())
    }
}

/// The error without its position, which the diagnostic has.
fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(text, _)| text.to_owned())
}

/// A name as a part of a file's name.
fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let words: String = name.chars().take(40).map(plain).collect();
    words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// Warns of a package that has values in lines, but no signature.
pub(super) fn warn_of_lines(tree: &FileTree, report: &mut Report) {
    if let Some((name, _)) = tree.under("data").find(|(name, _)| name.ends_with(".jsonl")) {
        let path = format!("data/{name}");
        let message = format!("is only read if there is {}", quote(SIGNATURE));
        report.warning(path.as_str(), message, "");
    }
}
