//! `tests/<name>/test.yml`: programs whose verdicts are known, as DMOJ's judge tests itself with them.

use std::collections::BTreeSet;

use domain::Verdict;

use super::languages;
use crate::diagnostic::{Report, quote};
use crate::fields::Field;
use crate::package::{Rule, SampleSubmission, SourceFile, TimeLimitUse};
use crate::tree::FileTree;
use crate::yaml::{self, Key, Node, Schema, Value};

/// The programs, and the limits that they are run with.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) submissions: Vec<SampleSubmission>,
    pub(super) time_ms: Option<u64>,
    pub(super) memory_kib: Option<u64>,
}

pub(super) fn read(tree: &FileTree, is_scored: bool, report: &mut Report) -> Found {
    let mut found = Found::default();
    for (name, bytes) in tree.under("tests") {
        let Some((folder, "test.yml")) = name.split_once('/') else { continue };
        let path = format!("tests/{name}");
        let Some(entries) = yaml::read_map_as(Schema::Yaml11, &path, bytes, report) else {
            continue;
        };
        let folder = format!("tests/{folder}");
        let test = Test { path: &path, folder: &folder, entries: &entries };
        test.read_limits(&mut found, report);
        test.read_programs(tree, is_scored, &mut found, report);
    }
    found
}

struct Test<'a> {
    path: &'a str,
    folder: &'a str,
    entries: &'a [(Key, Node)],
}

impl<'a> Test<'a> {
    fn field(&self, name: &'a str) -> Option<Field<'a>> {
        let (_, node) = self.entries.iter().find(|(key, _)| key.text == name)?;
        Some(Field { path: self.path, key: name, node }).filter(|field| !field.is_null())
    }

    /// The limits of the problem are whatever its tests are run with, the largest where they differ.
    fn read_limits(&self, found: &mut Found, report: &mut Report) {
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
        for (known, given, key) in
            [(&mut found.time_ms, time_ms, "time"), (&mut found.memory_kib, memory_kib, "memory")]
        {
            let differs = known.zip(given).is_some_and(|(known, given)| known != given);
            if differs && let Some(field) = self.field(key) {
                field.warning(report, "differs from that of other tests; the largest is taken");
            }
            *known = (*known).max(given);
        }
    }

    fn read_programs(
        &self,
        tree: &FileTree,
        is_scored: bool,
        found: &mut Found,
        report: &mut Report,
    ) {
        let Some(source) = self.field("source") else {
            report.warning(self.path, "has no `source` and is left aside", "`source: …`");
            return;
        };
        let Some(field) = self.field("language") else {
            report.warning(self.path, "has no `language` and is left aside", "`language: …`");
            return;
        };
        let Some(name) = field.text(report) else { return };
        let Some(language) = languages::of(&name) else {
            let message = format!("is in {} and is left aside", quote(&name));
            report.warning(
                (self.path, field.position()),
                message,
                "a language such as CPP17 or PY3",
            );
            return;
        };
        let Some(expected) = self.expected(is_scored, report) else { return };
        // Several sources are several programs.
        for name in source.texts(report) {
            let path = format!("{}/{name}", self.folder);
            let Some(bytes) = tree.get(&path) else {
                let message = format!("`source` names {}, which is missing", quote(&name));
                report.warning((self.path, source.position()), message, "a file beside it");
                continue;
            };
            found.submissions.push(SampleSubmission {
                path,
                language: language.clone(),
                files: vec![SourceFile { path: name, bytes: bytes.clone() }],
                entry_point: None,
                rules: rules(&expected),
                expected: expected.clone(),
                tolerated: BTreeSet::new(),
                score: None,
            });
        }
    }

    /// The verdicts of the submission as a whole. What the file says is about its single tests.
    fn expected(&self, is_scored: bool, report: &mut Report) -> Option<BTreeSet<Verdict>> {
        let all = match self.field("expect") {
            Some(field) => verdicts(field, report)?,
            None => [Verdict::Accepted].into(),
        };
        let of_cases = self.of_cases(report)?;
        let mut expected: BTreeSet<_> = all.union(&of_cases.possible).copied().collect();
        if of_cases.fails {
            expected.remove(&Verdict::Accepted);
        }
        let fails = expected
            .iter()
            .any(|verdict| *verdict != Verdict::Accepted && *verdict != Verdict::CompileError);
        if fails && is_scored {
            expected.insert(Verdict::Partial);
        }
        (!expected.is_empty()).then_some(expected)
    }

    fn of_cases(&self, report: &mut Report) -> Option<Cases> {
        let mut cases = Cases::default();
        let Some(field) = self.field("cases") else { return Some(cases) };
        let nodes: Vec<&Node> = match &field.node.value {
            Value::List(nodes) => nodes.iter().collect(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node).collect(),
            _ => {
                field.error(report, "a list of codes, or a map of numbers and codes");
                return None;
            }
        };
        for node in nodes {
            let of_case = verdicts(Field { node, ..field }, report)?;
            cases.fails |= !of_case.is_empty() && !of_case.contains(&Verdict::Accepted);
            cases.possible.extend(of_case);
        }
        Some(cases)
    }
}

/// What is said of single cases.
#[derive(Default)]
struct Cases {
    possible: BTreeSet<Verdict>,
    /// One of them is not accepted.
    fails: bool,
}

/// The verdicts of codes. `None` where they say nothing that can be checked.
fn verdicts(field: Field<'_>, report: &mut Report) -> Option<BTreeSet<Verdict>> {
    let mut verdicts = BTreeSet::new();
    for code in field.texts(report) {
        let of_code: &[Verdict] = match code.as_str() {
            "AC" => &[Verdict::Accepted],
            "WA" => &[Verdict::WrongAnswer, Verdict::PresentationError],
            "TLE" => &[Verdict::TimeLimitExceeded],
            "MLE" => &[Verdict::MemoryLimitExceeded],
            "OLE" => &[Verdict::OutputLimitExceeded],
            "RTE" | "IR" => &[Verdict::RuntimeError],
            "CE" => &[Verdict::CompileError],
            // A case that was not run says nothing.
            "SC" => &[],
            _ => {
                let message = format!(
                    "the code {} promises nothing, so the program is left aside",
                    quote(&code)
                );
                report.warning(
                    (field.path, field.position()),
                    message,
                    "AC, WA, TLE, MLE, OLE, RTE, IR, CE or SC",
                );
                return None;
            }
        };
        verdicts.extend(of_code);
    }
    Some(verdicts)
}

/// Accepted tests may have given some of their points only, which leaves the submission short of all.
fn rules(expected: &BTreeSet<Verdict>) -> Vec<Rule> {
    let accepted: BTreeSet<_> = [Verdict::Accepted].into();
    let rule = Rule {
        scope: String::new(),
        permitted: accepted.clone(),
        required: accepted.clone(),
        score: None,
        message: None,
        time_limit: TimeLimitUse::Lower,
    };
    if *expected == accepted { vec![rule] } else { vec![] }
}
