//! Reads `submissions.yaml`: expected results of submissions, by patterns for their names.

use std::cell::Cell;
use std::collections::BTreeSet;

use bytes::Bytes;
use domain::Verdict;
use domain::problem::RevisionContent;

use super::super::manifest::Manifest;
use super::super::programs::Files;
use super::folders::{CRASHED, WRONG, any_result};
use crate::diagnostic::{Position, Report, quote};
use crate::fields::Field;
use crate::glob::Glob;
use crate::limits::GLOB_CHARS_MAX;
use crate::package::{Rule, TimeLimitUse};
use crate::yaml::{self, Key, Node, Value};

/// The format's verdicts.
const VERDICTS: &str = "AC, WA, TLE or RTE";

/// The format's rules for folders: the folder, its permitted verdicts and its required verdicts.
const DEFAULTS: [(&str, &[&str], &[&str]); 6] = [
    ("accepted", &["AC"], ALL),
    ("rejected", ALL, &["RTE", "TLE", "WA"]),
    ("wrong_answer", &["AC", "WA"], &["WA"]),
    ("time_limit_exceeded", &["AC", "TLE"], &["TLE"]),
    ("run_time_error", &["AC", "RTE"], &["RTE"]),
    ("brute_force", &["AC", "RTE", "TLE"], &["RTE", "TLE"]),
];

const ALL: &[&str] = &["AC", "WA", "TLE", "RTE"];

/// The rules of all submissions.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    path: String,
    entries: Vec<Entry>,
}

/// The rules for the submissions that a pattern matches.
#[derive(Debug)]
struct Entry {
    glob: Glob,
    pattern: String,
    position: Option<Position>,
    /// Whether it is one of the format's rules for folders, or replaces one.
    is_default: bool,
    language: Option<String>,
    entry_point: Option<String>,
    is_model: Option<bool>,
    rules: Vec<Rule>,
    is_used: Cell<bool>,
}

/// The rules for one submission.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The rules of its folder.
    pub(super) default_rules: Vec<Rule>,
    pub(super) own_rules: Vec<Rule>,
    pub(super) score: Option<(f64, f64)>,
}

impl Sheet {
    /// The rules without a `submissions.yaml`.
    pub(super) fn defaults() -> Self {
        let entries = DEFAULTS.iter().map(|(folder, ..)| Entry {
            rules: vec![rule(default_of(folder))],
            ..Entry::new(folder, None)
        });
        Self { path: String::new(), entries: entries.filter_map(Entry::checked).collect() }
    }

    pub(super) fn read(
        path: &str,
        bytes: &Bytes,
        manifest: &Manifest,
        content: &RevisionContent,
        report: &mut Report,
    ) -> Self {
        let mut sheet = Self { path: path.to_owned(), ..Self::defaults() };
        for (key, node) in yaml::read_map(path, bytes, report).unwrap_or_default() {
            let field = Field { path, key: &key.text, node: &node };
            let pattern = key.text.trim_end_matches('/');
            let Some(glob) = Glob::new(pattern) else {
                let message = format!("the pattern {} cannot be read", quote(&key.text));
                let expected = format!("at most {GLOB_CHARS_MAX} characters");
                report.error((path, key.position), message, expected);
                continue;
            };
            let mut entry = Entry { glob, ..Entry::new(pattern, Some(key.position)) };
            let reader = EntryReader { manifest, content };
            reader.read(field, &mut entry, report);
            // An entry for a folder's name replaces the folder's rule; any other pattern adds a
            // rule.
            sheet.entries.retain(|other| !(other.is_default && other.pattern == entry.pattern));
            sheet.entries.push(entry);
        }
        sheet
    }

    fn matching(&self, name: &str) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.glob.matches(name))
    }

    pub(super) fn of(&self, name: &str, files: &Files<'_>, is_folder: bool) -> Found {
        let mut found = Found::default();
        for entry in &self.entries {
            let matches = entry.glob.matches(name)
                || is_folder
                    && files
                        .iter()
                        .any(|(file, _)| entry.glob.matches_just(&format!("{name}/{file}")));
            if !matches {
                continue;
            }
            entry.is_used.set(true);
            for rule in &entry.rules {
                if let (true, Some((min, max))) = (rule.scope.is_empty(), rule.score) {
                    let (least, most) = found.score.unwrap_or((min, max));
                    found.score = Some((least.max(min), most.min(max)));
                }
                let rules = match entry.is_default {
                    true => &mut found.default_rules,
                    false => &mut found.own_rules,
                };
                rules.push(rule.clone());
            }
        }
        found
    }

    /// The language of a submission, from the last entry that sets it.
    pub(super) fn language(&self, name: &str) -> Option<String> {
        self.matching(name).filter_map(|entry| entry.language.clone()).last()
    }

    pub(super) fn entry_point(&self, name: &str) -> Option<String> {
        self.matching(name).filter_map(|entry| entry.entry_point.clone()).last()
    }

    pub(super) fn is_model(&self, name: &str) -> Option<bool> {
        self.matching(name).filter_map(|entry| entry.is_model).last()
    }

    /// Warns of patterns that match nothing.
    pub(super) fn report_unused(&self, report: &mut Report) {
        for entry in &self.entries {
            if let (Some(position), false) = (entry.position, entry.is_used.get())
                && !DEFAULTS.iter().any(|(folder, ..)| *folder == entry.pattern)
            {
                let message = format!("{} matches no submission", quote(&entry.pattern));
                report.warning((self.path.as_str(), position), message, "a path from submissions/");
            }
        }
    }
}

impl Entry {
    fn new(pattern: &str, position: Option<Position>) -> Self {
        Self {
            glob: Glob::new("").expect("a pattern without braces is one"),
            pattern: pattern.to_owned(),
            position,
            is_default: DEFAULTS.iter().any(|(folder, ..)| *folder == pattern),
            language: None,
            entry_point: None,
            is_model: None,
            rules: vec![],
            is_used: Cell::new(false),
        }
    }

    fn checked(self) -> Option<Self> {
        let glob = Glob::new(&self.pattern)?;
        Some(Self { glob, ..self })
    }
}

/// The keys of one rule, as written.
#[derive(Debug, Clone, Default)]
struct Written {
    scope: String,
    permitted: Option<BTreeSet<Verdict>>,
    required: Option<BTreeSet<Verdict>>,
    score: Option<(f64, f64)>,
    message: Option<String>,
    /// `Some(None)`: not used for the time limit.
    time_limit: Option<Option<TimeLimitUse>>,
}

fn default_of(folder: &str) -> Written {
    let found = DEFAULTS.iter().find(|(name, ..)| *name == folder);
    let set = |words: &[&str]| {
        words.iter().filter_map(|word| verdicts(word)).flatten().copied().collect()
    };
    found.map_or_else(Written::default, |(_, permitted, required)| Written {
        permitted: Some(set(permitted)),
        required: Some(set(required)),
        ..Written::default()
    })
}

fn verdicts(word: &str) -> Option<&'static [Verdict]> {
    Some(match word {
        "AC" => &[Verdict::Accepted],
        "WA" => &WRONG,
        "TLE" => &[Verdict::TimeLimitExceeded],
        "RTE" => &CRASHED,
        _ => return None,
    })
}

fn rule(written: Written) -> Rule {
    use Verdict::TimeLimitExceeded;
    let mut permitted = written.permitted.unwrap_or_else(any_result);
    let mut required = written.required.unwrap_or_else(any_result);
    match written.time_limit {
        Some(Some(TimeLimitUse::Lower)) => drop(permitted.remove(&TimeLimitExceeded)),
        Some(Some(TimeLimitUse::Upper)) => required.retain(|verdict| *verdict == TimeLimitExceeded),
        _ => {}
    }
    let time_limit = match written.time_limit {
        Some(None) => TimeLimitUse::None,
        _ if required.iter().eq([&TimeLimitExceeded]) => TimeLimitUse::Upper,
        _ if !permitted.contains(&TimeLimitExceeded) => TimeLimitUse::Lower,
        _ => TimeLimitUse::None,
    };
    let Written { scope, score, message, .. } = written;
    Rule { scope, permitted, required, score, message, time_limit }
}

struct EntryReader<'a> {
    manifest: &'a Manifest,
    content: &'a RevisionContent,
}

impl EntryReader<'_> {
    fn read(&self, field: Field<'_>, entry: &mut Entry, report: &mut Report) {
        let mut written = default_of(&entry.pattern);
        let mut has_rule = entry.is_default;
        for (key, node) in field.map(report) {
            let inner = Field { path: field.path, key: &key.text, node };
            match key.text.as_str() {
                "language" => entry.language = inner.text(report),
                "entrypoint" => entry.entry_point = inner.text(report),
                "model_solution" => entry.is_model = inner.boolean(report),
                "authors" => {}
                known if self.read_rule_key(known, inner, &mut written, report) => has_rule = true,
                _ if matches!(node.value, Value::Map(_)) => {
                    self.read_scope(key, inner, entry, report);
                }
                _ => self.manifest.version.unknown_key(field.path, key, &key.text, report),
            }
        }
        if has_rule {
            self.add(written, field.position(), field.path, entry, report);
        }
        self.check_together(field, entry, report);
    }

    /// Reads the rule for some of the tests.
    fn read_scope(&self, key: &Key, field: Field<'_>, entry: &mut Entry, report: &mut Report) {
        let mut written = Written { scope: key.text.clone(), ..Written::default() };
        let names = self.content.tests.iter().map(|test| &test.name);
        let mut names = names.chain(self.content.grading.groups.iter().map(|group| &group.name));
        match Glob::new(&key.text) {
            Some(glob) if names.any(|name| glob.matches(name)) => {}
            Some(_) => {
                let message = format!("{} matches no test", quote(&key.text));
                report.warning((field.path, key.position), message, "a path from data/");
            }
            None => {
                let message = format!("the pattern {} cannot be read", quote(&key.text));
                report.error(
                    (field.path, key.position),
                    message,
                    "a pattern with fewer `*` and `{a,b}`",
                );
            }
        }
        for (key, node) in field.map(report) {
            let inner = Field { path: field.path, key: &key.text, node };
            if !self.read_rule_key(&key.text, inner, &mut written, report) {
                self.manifest.version.unknown_key(field.path, key, &key.text, report);
            }
        }
        self.add(written, field.position(), field.path, entry, report);
    }

    fn read_rule_key(
        &self,
        key: &str,
        field: Field<'_>,
        written: &mut Written,
        report: &mut Report,
    ) -> bool {
        match key {
            "permitted" => written.permitted = verdicts_of(field, report),
            "required" => written.required = verdicts_of(field, report),
            "score" => written.score = self.score(field, report),
            "message" => written.message = field.text(report).filter(|text| !text.is_empty()),
            "use_for_time_limit" => {
                written.time_limit = match &field.node.value {
                    Value::Bool(false) => Some(None),
                    Value::Bool(true) => None,
                    Value::Text(text) if text == "lower" => Some(Some(TimeLimitUse::Lower)),
                    Value::Text(text) if text == "upper" => Some(Some(TimeLimitUse::Upper)),
                    _ => {
                        field.error(report, "true, false, lower or upper");
                        None
                    }
                }
            }
            _ => return false,
        }
        true
    }

    /// Reads a score: a number, or a minimum and a maximum.
    fn score(&self, field: Field<'_>, report: &mut Report) -> Option<(f64, f64)> {
        if self.content.grading.objective.is_none() {
            field.error(report, "no score for a problem that is not scored");
            return None;
        }
        let Value::List(nodes) = &field.node.value else {
            return field.number(report, "a number, or a list of two").map(|score| (score, score));
        };
        let number = |node: &Node| Field { node, ..field }.number(report, "a number");
        let numbers: Vec<f64> = nodes.iter().filter_map(number).collect();
        match numbers[..] {
            [min, max] if nodes.len() == 2 && min <= max => Some((min, max)),
            _ => {
                field.error(report, "a number, or a list of two, the smaller first");
                None
            }
        }
    }

    fn add(
        &self,
        written: Written,
        position: Position,
        path: &str,
        entry: &mut Entry,
        report: &mut Report,
    ) {
        let rule = rule(written);
        if rule.permitted.is_disjoint(&rule.required) {
            let message = "no verdict is both required and permitted";
            report.error((path, position), message, "a verdict that is in both");
        }
        entry.rules.push(rule);
    }

    /// Reports a test for which no verdict is permitted.
    fn check_together(&self, field: Field<'_>, entry: &Entry, report: &mut Report) {
        let globs: Vec<_> = entry.rules.iter().map(|rule| Glob::new(&rule.scope)).collect();
        for test in &self.content.tests {
            let mut left = any_result();
            for (rule, glob) in entry.rules.iter().zip(&globs) {
                let applies = rule.scope.is_empty()
                    || glob.as_ref().is_some_and(|glob| glob.matches(&test.name));
                if applies {
                    left.retain(|verdict| rule.permitted.contains(verdict));
                }
            }
            if left.is_empty() {
                let message = format!("no verdict is permitted for the test {}", quote(&test.name));
                report.error((field.path, field.position()), message, "rules that agree");
                return;
            }
        }
    }
}

fn verdicts_of(field: Field<'_>, report: &mut Report) -> Option<BTreeSet<Verdict>> {
    let words = field.texts(report);
    if words.is_empty() {
        field.error(report, VERDICTS);
        return None;
    }
    let mut set = BTreeSet::new();
    for word in words {
        match verdicts(&word) {
            Some(verdicts) => set.extend(verdicts),
            None => {
                let message = format!("{} is not a verdict", quote(&word));
                report.error((field.path, field.position()), message, VERDICTS);
            }
        }
    }
    Some(set)
}
