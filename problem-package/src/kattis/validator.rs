//! Reads the output validator: the default one with its flags, or programs of the package.

use domain::checker::TokenOptions;
use domain::problem::{Checker, PackagedProgram, Protocol, Validation};

use super::manifest::{self, Manifest};
use super::programs;
use super::version::Version;
use super::words::Words;
use crate::blobs::Blobs;
use crate::diagnostic::{Report, quote};
use crate::tree::FileTree;

const FLAGS: &str = "case_sensitive, space_change_sensitive, float_tolerance, \
                     float_absolute_tolerance and float_relative_tolerance";

/// The older format's folder of output validators, which must all accept.
const SEVERAL: &str = "output_validators";
/// The newer format's folder of its only output validator.
const SINGLE: &str = "output_validator";

/// The default number of passes of a multi-pass problem.
const PASSES_DEFAULT: u32 = 2;

/// Parses the options of the default validator.
pub(super) fn options(words: &Words, version: Version, report: &mut Report) -> TokenOptions {
    let mut options = TokenOptions::default();
    let mut seen: Vec<&str> = Vec::new();
    let mut rest = words.words.iter();
    let at = (words.path.as_str(), words.position);
    while let Some(flag) = rest.next() {
        let flag = flag.as_str();
        match flag {
            "case_sensitive" => options.case_sensitive = true,
            "space_change_sensitive" => options.space_sensitive = true,
            "float_tolerance" | "float_absolute_tolerance" | "float_relative_tolerance" => {
                let tolerance = tolerance(flag, rest.next(), words, report);
                if flag != "float_relative_tolerance" {
                    options.float_absolute = tolerance;
                }
                if flag != "float_absolute_tolerance" {
                    options.float_relative = tolerance;
                }
                let clashes = |other: &&str| {
                    *other == flag || *other == "float_tolerance" || flag == "float_tolerance"
                };
                if version.is_newer() && seen.iter().any(clashes) {
                    let message = format!("the validator flag {flag} repeats an earlier tolerance");
                    report.error(at, message, "each tolerance once");
                }
                seen.push(flag);
            }
            _ => {
                report.error(at, format!("unknown validator flag {}", quote(flag)), FLAGS);
            }
        }
    }
    options
}

fn tolerance(flag: &str, word: Option<&String>, at: &Words, report: &mut Report) -> Option<f64> {
    let tolerance = word.and_then(|word| word.parse().ok());
    let tolerance = tolerance.filter(|tolerance: &f64| tolerance.is_finite() && *tolerance >= 0.0);
    if tolerance.is_none() {
        let found = word.map_or("nothing".to_owned(), |word| quote(word));
        let message = format!("the validator flag {flag} has {found} after it");
        report.error((at.path.as_str(), at.position), message, "a number such as 1e-6");
    }
    tolerance
}

/// The package's output validators; `None` if the default one judges.
pub(super) fn read_programs(
    tree: &FileTree,
    manifest: &Manifest,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Option<Vec<PackagedProgram>> {
    let is_there = |folder| tree.under(folder).next().is_some();
    let (single, several) = (is_there(SINGLE), is_there(SEVERAL));
    let kind = manifest.kind;
    let talks = kind.is_interactive || kind.is_multi_pass;
    let at = |name| (manifest::FILE, manifest.places.get(name).and_then(|(_, position)| *position));
    let is_custom = match manifest.validation {
        Some(manifest::Validation::Custom) => true,
        _ if talks => true,
        Some(manifest::Validation::Default) => {
            if single || several {
                let folder = if single { SINGLE } else { SEVERAL };
                report.warning(folder, "is ignored: `validation` is default", "");
            }
            false
        }
        None if manifest.version.is_newer() => single || several,
        None => {
            if single || several {
                let folder = if single { SINGLE } else { SEVERAL };
                report.error(
                    folder,
                    "is not used: problem.yaml has no `validation`",
                    "`validation: custom` in problem.yaml",
                );
            }
            false
        }
    };
    if !is_custom {
        return None;
    }
    let programs = match (single, several) {
        (true, true) => {
            report.error(SEVERAL, "conflicts with output_validator", "one of the two folders");
            vec![]
        }
        (true, false) => {
            programs::read_single(tree, SINGLE, manifest, blobs, report).into_iter().collect()
        }
        (false, true) => {
            if manifest.version.is_newer() {
                report.warning(SEVERAL, "belongs to the older format", SINGLE);
            }
            programs::read_all(tree, SEVERAL, true, manifest, blobs, report)
        }
        (false, false) => {
            let place = if manifest.validation.is_some() { "validation" } else { "type" };
            let folder = if manifest.version.is_newer() { SINGLE } else { SEVERAL };
            report.error(
                at(place),
                "there is no output validator",
                format!("a program in {folder}"),
            );
            vec![]
        }
    };
    if talks && programs.len() > 1 {
        let message = format!(
            "there are {} programs for an interactive or multi-pass problem",
            programs.len()
        );
        report.error(SEVERAL, message, "one program");
    }
    if programs.is_empty() && !report.has_errors() {
        report.error(SEVERAL, "contains no program", "a program in a known language");
    }
    Some(programs)
}

/// The checker of the revision. `tokens` are the options of the default validator.
pub(super) fn checker(
    programs: Option<Vec<PackagedProgram>>,
    tokens: TokenOptions,
    manifest: &Manifest,
) -> Checker {
    let Some(programs) = programs else { return Checker::Tokens(tokens) };
    let kind = manifest.kind;
    Checker::Programs(Validation {
        programs,
        protocol: Protocol::Kattis,
        interactive: kind.is_interactive,
        passes: if kind.is_multi_pass { manifest.passes.unwrap_or(PASSES_DEFAULT) } else { 1 },
        limits: manifest.validation_limits,
    })
}
