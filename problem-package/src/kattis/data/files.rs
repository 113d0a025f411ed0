//! Assigns the files of `data/` to tests and groups.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::super::programs::Files;
use super::super::version::Version;
use crate::diagnostic::Report;
use crate::tree::FileTree;

/// Extensions of test files. Longer ones come first where one is a suffix of another.
pub(super) const EXTENSIONS: [&str; 16] = [
    "in.statement",
    "ans.statement",
    "in.download",
    "ans.download",
    "in",
    "ans",
    "out",
    "yaml",
    "args",
    "hint",
    "desc",
    "interaction",
    "png",
    "jpg",
    "jpeg",
    "svg",
];

/// The files that configure a group in the newer and the older format.
pub(super) const NEWER_CONFIG: &str = "test_group.yaml";
const OLDER_CONFIG: &str = "testdata.yaml";

/// Folders of cases for testing the package's validators, including the older names.
const VALIDATOR_CASES: [(&str, Kind); 6] = [
    ("invalid_input", Kind::InvalidInput),
    ("invalid_inputs", Kind::InvalidInput),
    ("invalid_output", Kind::InvalidOutput),
    ("invalid_outputs", Kind::InvalidOutput),
    ("valid_output", Kind::ValidOutput),
    ("valid_outputs", Kind::ValidOutput),
];

/// The purpose of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Sample,
    Secret,
    InvalidInput,
    InvalidOutput,
    ValidOutput,
}

/// The names of a path below `data`. Comparing them sorts a group among its siblings by its name.
pub(super) type Name<'a> = Vec<&'a str>;

/// The files of one case.
#[derive(Debug, Default)]
pub(super) struct Case<'a> {
    /// The files by extension, with their paths in the package.
    pub(super) files: BTreeMap<&'static str, (String, &'a Bytes)>,
    /// Files that are put beside the submission.
    pub(super) beside: Files<'a>,
}

impl<'a> Case<'a> {
    pub(super) fn get(&self, extension: &str) -> Option<&'a Bytes> {
        self.files.get(extension).map(|(_, bytes)| *bytes)
    }

    pub(super) fn path(&self, extension: &str) -> Option<&str> {
        self.files.get(extension).map(|(path, _)| path.as_str())
    }
}

/// The files of `data/` by test and group.
#[derive(Debug, Default)]
pub(super) struct DataFiles<'a> {
    pub(super) cases: BTreeMap<Name<'a>, (Kind, Case<'a>)>,
    /// The configuration file of each group, with its path in the package.
    pub(super) configs: BTreeMap<Name<'a>, (String, &'a Bytes)>,
}

pub(super) fn collect<'a>(
    tree: &'a FileTree,
    version: Version,
    report: &mut Report,
) -> DataFiles<'a> {
    let mut data = DataFiles::default();
    for (path, bytes) in tree.under("data") {
        insert(path, bytes, version, &mut data, report);
    }
    data
}

fn insert<'a>(
    path: &'a str,
    bytes: &'a Bytes,
    version: Version,
    data: &mut DataFiles<'a>,
    report: &mut Report,
) {
    let full = format!("data/{path}");
    let mut names: Name<'_> = path.split('/').collect();
    let file = names.pop().unwrap_or_default();
    if matches!(file, OLDER_CONFIG | NEWER_CONFIG) {
        if version.is_strict() && file == OLDER_CONFIG {
            report.error(&full, "belongs to the older format", NEWER_CONFIG);
        } else if data.configs.insert(names, (full.clone(), bytes)).is_some() {
            report.error(
                &full,
                "configures the group again",
                "either test_group.yaml or testdata.yaml",
            );
        }
        return;
    }
    let Some(kind) = names.first().and_then(|root| kind(root)) else {
        report.warning(
            &full,
            "is not in a test folder and is ignored",
            "data/sample or data/secret",
        );
        return;
    };
    // `1.files/a/b` is the file `a/b` beside the submission on the test `1`.
    let folder = names.iter().position(|name| name.len() > 6 && name.ends_with(".files"));
    if let Some(place) = folder {
        let start: usize = names[..=place].iter().map(|name| name.len() + 1).sum();
        names.truncate(place + 1);
        let stem = names.pop().and_then(|name| name.strip_suffix(".files")).unwrap_or_default();
        names.push(stem);
        let (_, case) = data.cases.entry(names).or_insert_with(|| (kind, Case::default()));
        case.beside.push((&path[start..], bytes));
        return;
    }
    let known = EXTENSIONS.iter().find_map(|extension| {
        let stem = file.strip_suffix(extension)?.strip_suffix('.')?;
        (!stem.is_empty()).then_some((stem, *extension))
    });
    let Some((stem, extension)) = known else {
        report.warning(&full, "belongs to no test and is ignored", "");
        return;
    };
    names.push(stem);
    let (_, case) = data.cases.entry(names).or_insert_with(|| (kind, Case::default()));
    case.files.insert(extension, (full, bytes));
}

fn kind(root: &str) -> Option<Kind> {
    match root {
        "sample" => Some(Kind::Sample),
        "secret" => Some(Kind::Secret),
        _ => VALIDATOR_CASES.iter().find(|(name, _)| *name == root).map(|(_, kind)| *kind),
    }
}
