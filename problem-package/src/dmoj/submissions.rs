//! Reads `tests/<name>/test.yml`: programs with known verdicts, as used by the tests of DMOJ's
//! judge.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::cases::Outline;
use super::config::is_true;
use super::expectations::{self, Expectation};
use super::languages;
use crate::diagnostic::{Diagnostic, Report, Severity, quote};
use crate::fields::{Field, unknown_key};
use crate::package::{SampleSubmission, SourceFile};
use crate::tree::FileTree;
use crate::yaml::{self, Key, Node, Schema};

/// The files of a test, in the order in which DMOJ's judge on Linux reads them. Later files
/// override keys of earlier ones.
const FILES: [&str; 3] = ["test.yml", "test.posix.yml", "test.linux.yml"];

/// The known keys of a test.
const KNOWN: [&str; 14] = [
    "language",
    "time",
    "memory",
    "source",
    "expect",
    "cases",
    "score",
    "score_cases",
    "feedback",
    "feedback_cases",
    "extended_feedback",
    "extended_feedback_cases",
    "skip",
    "arch",
];

/// Keys about messages, which are not compared.
const MESSAGE_KEYS: [&str; 4] =
    ["feedback", "feedback_cases", "extended_feedback", "extended_feedback_cases"];

/// The submissions, and the limits of their runs.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) submissions: Vec<SampleSubmission>,
    pub(super) time_ms: Option<u64>,
    pub(super) memory_kib: Option<u64>,
}

pub(super) fn read(tree: &FileTree, outline: &Outline, report: &mut Report) -> Found {
    let mut found = Found::default();
    for (folder, files) in folders(tree) {
        // An unreadable test is ignored: the problem itself can still be judged.
        let mut own = Report::default();
        let test = Test::read(&folder, &files, &mut own);
        let read = test.filter(|test| !test.is_skipped(&mut own)).map(|test| {
            let limits = test.limits(&mut own);
            let submissions = test.submissions(tree, outline, &mut own);
            (test, limits, submissions)
        });
        match own.finish() {
            Ok(warnings) => {
                report.extend(&warnings);
                if let Some((test, limits, submissions)) = read {
                    found.take_limits(&test, limits, report);
                    found.submissions.extend(submissions);
                }
            }
            Err(diagnostics) => {
                let warnings: Vec<_> = diagnostics.into_iter().map(left_aside).collect();
                report.extend(&warnings);
            }
        }
    }
    found
}

/// The files of each test, by folder.
fn folders(tree: &FileTree) -> BTreeMap<String, Vec<(String, &Bytes)>> {
    let mut folders: BTreeMap<String, Vec<(usize, String, &Bytes)>> = BTreeMap::new();
    for (name, bytes) in tree.under("tests") {
        let Some((folder, file)) = name.split_once('/') else { continue };
        let Some(place) = FILES.iter().position(|known| *known == file) else { continue };
        let files = folders.entry(format!("tests/{folder}")).or_default();
        files.push((place, format!("tests/{name}"), bytes));
    }
    let in_order = |mut files: Vec<(usize, String, _)>| {
        files.sort_by_key(|(place, ..)| *place);
        files.into_iter().map(|(_, path, bytes)| (path, bytes)).collect()
    };
    folders.into_iter().map(|(folder, files)| (folder, in_order(files))).collect()
}

fn left_aside(diagnostic: Diagnostic) -> Diagnostic {
    match diagnostic.severity {
        Severity::Warning => diagnostic,
        Severity::Error => Diagnostic {
            severity: Severity::Warning,
            message: format!("{}, so the submission is ignored", diagnostic.message),
            ..diagnostic
        },
    }
}

/// The limits of a test.
#[derive(Debug, Clone, Copy)]
struct Limits {
    time_ms: Option<u64>,
    memory_kib: Option<u64>,
}

impl Found {
    /// Sets the problem's limits to those of its tests, or to the largest if they differ.
    fn take_limits(&mut self, test: &Test, limits: Limits, report: &mut Report) {
        for (known, given, key) in [
            (&mut self.time_ms, limits.time_ms, "time"),
            (&mut self.memory_kib, limits.memory_kib, "memory"),
        ] {
            let differs = known.zip(given).is_some_and(|(known, given)| known != given);
            if differs && let Some(field) = test.field(key) {
                field.warning(report, "differs from that of other tests; the largest is used");
            }
            *known = (*known).max(given);
        }
    }
}

/// The merged files of one folder.
struct Test {
    folder: String,
    /// The file of each key, the key and its value.
    entries: Vec<(String, Key, Node)>,
}

impl Test {
    fn read(folder: &str, files: &[(String, &Bytes)], report: &mut Report) -> Option<Self> {
        let mut entries: Vec<(String, Key, Node)> = Vec::new();
        for (path, bytes) in files {
            for (key, node) in yaml::read_map_as(Schema::Yaml11, path, bytes, report)? {
                if !KNOWN.contains(&key.text.as_str()) {
                    unknown_key(path, &key, &key.text, report);
                }
                entries.retain(|(_, earlier, _)| earlier.text != key.text);
                entries.push((path.clone(), key, node));
            }
        }
        Some(Self { folder: folder.to_owned(), entries })
    }

    /// The path for diagnostics about the whole test.
    fn path(&self) -> String {
        format!("{}/{}", self.folder, FILES[0])
    }

    fn field<'a>(&'a self, name: &'a str) -> Option<Field<'a>> {
        let (path, _, node) = self.entries.iter().find(|(_, key, _)| key.text == name)?;
        Some(Field { path, key: name, node }).filter(|field| !field.is_null())
    }

    /// Whether the test is skipped. A skipped test is reported.
    fn is_skipped(&self, report: &mut Report) -> bool {
        if let Some(field) = self.field("skip").filter(|field| is_true(field.node)) {
            field.warning(report, "is set, so the submission is ignored");
            return true;
        }
        let Some(field) = self.field("arch") else { return false };
        let here = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let is_elsewhere = !field.texts(report).iter().any(|arch| arch == here);
        if is_elsewhere {
            field.warning(report, &format!("does not name {here}, so the submission is ignored"));
        }
        is_elsewhere
    }

    fn limits(&self, report: &mut Report) -> Limits {
        let seconds =
            self.field("time").and_then(|field| field.positive(report, "a number of seconds"));
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the number is above 0, and what is too large for a limit is refused with its bounds"
        )]
        let time_ms = seconds.map(|seconds| (seconds * 1_000.0).round() as u64);
        let memory_kib = self
            .field("memory")
            .and_then(|field| field.positive_integer(report, "a number of KiB"));
        Limits { time_ms, memory_kib }
    }

    fn submissions(
        &self,
        tree: &FileTree,
        outline: &Outline,
        report: &mut Report,
    ) -> Vec<SampleSubmission> {
        for field in MESSAGE_KEYS.iter().filter_map(|key| self.field(key)) {
            field.warning(report, "is not checked");
        }
        let Some(source) = self.field("source") else {
            report.warning(
                &self.path(),
                "has no `source`, so the submission is ignored",
                "`source: …`",
            );
            return vec![];
        };
        let Some(field) = self.field("language") else {
            report.warning(
                &self.path(),
                "has no `language`, so the submission is ignored",
                "`language: …`",
            );
            return vec![];
        };
        let Some(name) = field.text(report) else { return vec![] };
        let Some(language) = languages::of(&name) else {
            let message = format!("`language` is {}, so the submission is ignored", quote(&name));
            report.warning(
                (field.path, field.position()),
                message,
                "a language such as CPP17 or PY3",
            );
            return vec![];
        };
        let Some(expectation) = expectations::read(|key| self.field(key), outline, report) else {
            return vec![];
        };
        // Each source is a submission of its own.
        let mut submissions = Vec::new();
        for name in source.texts(report) {
            let path = format!("{}/{name}", self.folder);
            let Some(bytes) = tree.get(&path) else {
                let message = format!("`source` names {}, which is missing", quote(&name));
                report.warning((source.path, source.position()), message, "a file beside it");
                continue;
            };
            let Expectation { expected, rules, score } = expectation.clone();
            submissions.push(SampleSubmission {
                path,
                language: language.clone(),
                files: vec![SourceFile { path: name, bytes: bytes.clone() }],
                entry_point: None,
                rules,
                expected,
                tolerated: BTreeSet::new(),
                score,
                is_model: None,
            });
        }
        submissions
    }
}
