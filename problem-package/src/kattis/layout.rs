//! What may stand in a package.

use std::collections::BTreeSet;

use super::version::Version;
use crate::diagnostic::Report;
use crate::tree::FileTree;

/// What the other files of this module read.
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

/// Parts of the format that are for those who prepare a package, not for a judge.
const NOT_NEEDED: [&str; 4] =
    ["generators", "input_visualizer", "output_visualizer", "test_case_visualizer"];

/// Names that the newer format has no more.
const OLDER: [&str; 3] = ["problem_statement", "graders", "input_format_validators"];

/// Whether something right in the package is a part of the format.
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
            report.warning(name, "is the older format's name", "");
        } else if !is_part(name) && !is_notice {
            report.warning(name, "is not part of the format and is left aside", "");
        }
    }
}
