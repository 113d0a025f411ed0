//! What may stand in a package.

use std::collections::BTreeSet;

use crate::diagnostic::Report;
use crate::tree::FileTree;

/// What the other files of this module read.
const READ: [&str; 7] =
    ["problem.yaml", "problem_statement", "statement", "solution", "data", "submissions", "assay"];

/// Parts of the format that are for those who prepare a package, not for a judge.
const NOT_NEEDED: [&str; 8] = [
    ".timelimit",
    "attachments",
    "generators",
    "input_format_validators",
    "input_validators",
    "input_visualizer",
    "output_visualizer",
    "test_case_visualizer",
];

/// Parts of the format without which a submission would be judged wrongly.
const NOT_SUPPORTED: [(&str, &str); 5] = [
    ("graders", "graders are not supported"),
    ("include", "included code is not supported"),
    ("output_validator", "custom output validators are not supported"),
    ("output_validators", "custom output validators are not supported"),
    ("static_validator", "static validators are not supported"),
];

pub(super) fn check(tree: &FileTree, report: &mut Report) {
    let top: BTreeSet<&str> = tree
        .files()
        .map(|(path, _)| path.split_once('/').map_or(path, |(folder, _)| folder))
        .collect();
    for name in top {
        let is_notice =
            ["README", "LICENSE", "CHANGELOG"].iter().any(|known| name.starts_with(known));
        if READ.contains(&name) || NOT_NEEDED.contains(&name) || is_notice {
            continue;
        }
        match NOT_SUPPORTED.iter().find(|(known, _)| *known == name) {
            Some((_, message)) => report.error(name, *message, expected(name)),
            None => report.warning(name, "is not part of the format and is left aside", ""),
        }
    }
}

fn expected(name: &str) -> &'static str {
    match name {
        "output_validator" | "output_validators" => "the default validator",
        "include" => "code around the submission in assay/snippets",
        _ => "a package without it",
    }
}
