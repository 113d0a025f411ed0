//! Checks the top level of a package.

use std::collections::BTreeSet;

use super::version::Version;
use crate::diagnostic::Report;
use crate::tree::FileTree;

/// Folders of statements, the newer name first.
pub(super) const STATEMENT_FOLDERS: [&str; 2] = ["statement", "problem_statement"];

/// Top-level names that the other modules read.
const READ: [&str; 20] = [
    ".timelimit",
    "assay",
    "attachments",
    "data",
    "domjudge-problem.ini",
    "graders",
    "include",
    "input_format_validators",
    "input_validators",
    "output_validator",
    "output_validators",
    "problem.html",
    "problem.pdf",
    "problem.txt",
    "problem.yaml",
    "problem_statement",
    "solution",
    "statement",
    "static_validator",
    "submissions",
];

/// Parts of the format for package authors, which judging does not need.
const NOT_NEEDED: [&str; 4] =
    ["generators", "input_visualizer", "output_visualizer", "test_case_visualizer"];

/// Names that the newer format no longer has.
const OLDER: [&str; 3] = ["problem_statement", "graders", "input_format_validators"];

/// Top-level names that affect judging. Links in them must not be broken.
const JUDGED_BY: [&str; 13] = [
    ".timelimit",
    "assay",
    "data",
    "domjudge-problem.ini",
    "graders",
    "include",
    "input_format_validators",
    "input_validators",
    "output_validator",
    "output_validators",
    "problem.yaml",
    "static_validator",
    "submissions",
];

/// Reports broken links as errors, or as warnings if judging does not need them.
pub(super) fn check_links(tree: &FileTree, report: &mut Report) {
    let (needed, other): (Vec<_>, Vec<_>) = tree.broken_links().iter().cloned().partition(|link| {
        let top = link.path.split('/').next().unwrap_or_default();
        JUDGED_BY.contains(&top)
    });
    report.extend(&needed);
    let mut found = Report::default();
    found.extend(&other);
    report.add_as_warnings(found);
}

/// Whether a top-level name is part of the format.
pub(super) fn is_part(name: &str) -> bool {
    READ.contains(&name) || NOT_NEEDED.contains(&name)
}

pub(super) fn check(tree: &FileTree, version: Version, report: &mut Report) {
    let top: BTreeSet<&str> = tree
        .files()
        .map(|(path, _)| path.split_once('/').map_or(path, |(folder, _)| folder))
        .collect();
    for name in top {
        let is_notice =
            ["README", "LICENSE", "CHANGELOG"].iter().any(|known| name.starts_with(known));
        if version.is_strict() && OLDER.contains(&name) {
            report.warning(name, "belongs to the older format", "");
        } else if !is_part(name) && !is_notice {
            report.warning(name, "is not part of the format and is ignored", "");
        }
    }
}
