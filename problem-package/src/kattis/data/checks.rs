//! Checks that the files of `data/` fit together.

use std::collections::BTreeSet;

use domain::grading::Rule;

use super::super::version::Version;
use super::files::{Case, DataFiles, EXTENSIONS, Kind, Name};
use super::groups::{Found, Groups};
use crate::diagnostic::Report;

const PICTURES: [&str; 4] = ["png", "jpg", "jpeg", "svg"];

/// Reports a case without an input or an answer.
pub(super) fn report_missing(
    path: &str,
    case: &Case<'_>,
    is_interactive_or_multi_pass: bool,
    report: &mut Report,
) {
    match (case.path("in"), case.path("ans")) {
        (Some(input), None) => report.error(input, "has no answer", format!("{path}.ans")),
        (None, Some(answer)) => report.error(answer, "has no input", format!("{path}.in")),
        // Neither is there, only files that add to a test.
        _ => {
            let stray = EXTENSIONS.iter().filter_map(|extension| {
                // An interaction may be shown without being a test.
                (*extension != "interaction" || !is_interactive_or_multi_pass)
                    .then(|| case.path(extension))?
            });
            for stray in stray {
                report.warning(stray, "belongs to no test", format!("{path}.in"));
            }
            if !case.beside.is_empty() {
                let folder = format!("{path}.files");
                report.warning(&folder, "belongs to no test", format!("{path}.in"));
            }
        }
    }
}

/// Warns of conflicting files about how a test is shown.
pub(super) fn check_shown(case: &Case<'_>, is_sample: bool, version: Version, report: &mut Report) {
    let mut clash = |one: &str, other: &str| {
        if let (Some(path), Some(_)) = (case.path(one), case.path(other)) {
            let message = format!("conflicts with a .{other} file");
            report.warning(path, message, "one of the two");
        }
    };
    clash("ans.statement", "out");
    for other in ["in.statement", "ans.statement", "out"] {
        clash(other, "interaction");
    }
    for (place, one) in PICTURES.iter().enumerate() {
        for other in &PICTURES[..place] {
            clash(one, other);
        }
    }
    for (download, shown) in [("in.download", "in.statement"), ("ans.download", "ans.statement")] {
        for (one, other) in [(download, shown), (shown, download)] {
            if let (Some(path), None, true) = (case.path(one), case.path(other), version.is_newer())
            {
                let message = format!("has no .{other} file beside it");
                report.warning(path, message, "both or neither");
            }
        }
    }
    let only_samples = ["in.download", "ans.download", "in.statement", "ans.statement"];
    for extension in only_samples.iter().filter(|_| !is_sample && !version.is_newer()) {
        if let Some(path) = case.path(extension) {
            report.warning(path, "is ignored: it is for samples only", "");
        }
    }
}

/// Checks that every configured group has tests.
pub(super) fn check(files: &DataFiles<'_>, groups: &Groups, found: &[Found], report: &mut Report) {
    let is_empty = |place: usize| is_empty(place, groups, found);
    for (name, (path, _)) in &files.configs {
        let place = groups.find(name);
        let has_cases = files
            .cases
            .range(name.clone()..)
            .next()
            .is_some_and(|(case, _)| case.starts_with(name));
        if !has_cases && place.is_none_or(is_empty) && !(name.len() == 1 && name[0] == "sample") {
            let is_worth_points = place.is_some_and(|place| {
                matches!(groups.groups[place].graded.rule, Rule::Aggregate { .. })
            });
            let message = "configures a group without tests";
            match is_worth_points {
                true => report.error(path, message, "a test"),
                false => report.warning(path, message, "a test"),
            }
        }
    }
}

fn is_empty(place: usize, groups: &Groups, found: &[Found]) -> bool {
    let prefix = format!("{}/", groups.groups[place].graded.name);
    !found.iter().any(|found| found.test.name.starts_with(&prefix))
}

/// Checks the structure that the newer format requires.
pub(super) fn check_newer(
    files: &DataFiles<'_>,
    groups: &Groups,
    found: &[Found],
    report: &mut Report,
) {
    for (place, group) in groups.iter().enumerate() {
        for &required in &group.graded.require_pass {
            if is_empty(required as usize, groups, found) {
                let name = &groups.groups[required as usize].graded.name;
                let path = format!("data/{}", groups.groups[place].graded.name);
                let message = format!("requires {name}, which has no tests");
                report.error(&path, message, "a group with tests");
            }
        }
    }
    let is_scored = groups.iter().any(|it| matches!(it.graded.rule, Rule::Aggregate { .. }));
    let tests: BTreeSet<&Name<'_>> = files
        .cases
        .iter()
        .filter(|(_, (kind, case))| {
            matches!(kind, Kind::Sample | Kind::Secret) && case.files.contains_key("in")
        })
        .map(|(name, _)| name)
        .collect();
    let has_groups = tests.iter().any(|name| name[0] == "secret" && name.len() > 2);
    for name in tests.iter().filter(|name| name[0] == "secret" && name.len() == 2 && has_groups) {
        let path = format!("data/{}.in", name.join("/"));
        let message = "is next to test groups";
        let expected = "tests or groups in data/secret, not both";
        match is_scored {
            true => report.error(&path, message, expected),
            false => report.warning(&path, message, expected),
        }
    }
    for name in &tests {
        let path = format!("data/{}.in", name.join("/"));
        if name.last() == Some(&"test_group") {
            report.error(&path, "is named like a group's configuration file", "another name");
        }
        if name[0] == "sample" && name.len() > 2 {
            report.warning(&path, "is in a folder of data/sample", "samples without groups");
        }
        let clash = (1..name.len()).any(|end| tests.contains(&name[..end].to_vec()));
        if clash {
            report.warning(&path, "is in a folder that is named like a test", "another name");
        }
    }
}
