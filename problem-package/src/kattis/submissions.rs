//! `submissions/`: programs whose verdict is known.

mod folders;
mod rules;
mod tags;

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::problem::RevisionContent;
use domain::{LanguageId, Verdict};

use super::languages::{Code, code};
use super::manifest::Manifest;
use super::programs::{self, Entry, Files};
use crate::diagnostic::{Report, quote};
use crate::package::{Options, Rule, SampleSubmission, SourceFile};
use crate::tree::FileTree;
use rules::Sheet;
use tags::Tags;

const FOLDER: &str = "submissions";
/// What says more of submissions in the newer format.
const SHEET_FILE: &str = "submissions.yaml";

struct Reader<'a> {
    manifest: &'a Manifest,
    options: &'a Options,
    content: &'a RevisionContent,
    sheet: Sheet,
}

/// What a submission has to come to.
#[derive(Debug, Default)]
struct Expectation {
    expected: BTreeSet<Verdict>,
    rules: Vec<Rule>,
    score: Option<(f64, f64)>,
}

pub(super) fn read(
    tree: &FileTree,
    manifest: &Manifest,
    options: &Options,
    content: &RevisionContent,
    report: &mut Report,
) -> Vec<SampleSubmission> {
    let sheet = match tree.get(&format!("{FOLDER}/{SHEET_FILE}")) {
        Some(bytes) if manifest.version.is_newer() => {
            let path = format!("{FOLDER}/{SHEET_FILE}");
            Sheet::read(&path, bytes, manifest, content, report)
        }
        _ if manifest.version.is_newer() => Sheet::defaults(),
        _ => Sheet::default(),
    };
    let mut reader = Reader { manifest, options, content, sheet };
    let mut submissions = Vec::new();
    for folder in programs::entries(tree, FOLDER) {
        if !folder.is_folder {
            if folder.name != SHEET_FILE || !manifest.version.is_newer() {
                let path = format!("{FOLDER}/{}", folder.name);
                report.warning(&path, "is in no folder of a verdict and is left aside", "");
            }
            continue;
        }
        for entry in programs::entries(tree, &format!("{FOLDER}/{}", folder.name)) {
            submissions.extend(reader.read(folder.name, &entry, report));
        }
    }
    reader.sheet.report_unused(report);
    if !submissions.iter().any(|submission| submission.path.starts_with("accepted/")) {
        let message = "there is no accepted submission";
        report.warning(FOLDER, message, "a solution in submissions/accepted");
    }
    submissions
}

impl Reader<'_> {
    fn read(
        &mut self,
        folder: &str,
        entry: &Entry<'_>,
        report: &mut Report,
    ) -> Option<SampleSubmission> {
        let name = format!("{folder}/{}", entry.name);
        let path = format!("{FOLDER}/{name}");
        if !entry.is_folder && entry.name.starts_with("README") {
            return None;
        }
        let found = self.sheet.of(&name, &entry.files, entry.is_folder);
        let expectation = self.expectation(folder, &name, entry, found, report)?;
        let language = self.language(&path, &name, entry, report)?;
        if self.content.language(&language).is_none() {
            let message = format!("is in {language}, which the problem does not take");
            report.warning(&path, message, "");
            return None;
        }
        let files = self.files(&entry.files);
        let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
        if bytes as u64 > self.content.limits.source_bytes {
            let expected = format!("at most {}", self.content.limits.source_bytes);
            report.error(&path, format!("has {bytes} bytes"), expected);
            return None;
        }
        if let [only] = files.as_slice()
            && str::from_utf8(&only.bytes).is_err()
        {
            report.warning(&path, "is not UTF-8 and is left aside", "a text file in UTF-8");
            return None;
        }
        let Expectation { expected, rules, score } = expectation;
        let entry_point = self.sheet.entry_point(&name);
        Some(SampleSubmission { path: name, language, files, entry_point, expected, rules, score })
    }

    fn files(&self, files: &Files<'_>) -> Vec<SourceFile> {
        let file = |(path, bytes): &(&str, &Bytes)| SourceFile {
            path: (*path).to_owned(),
            bytes: self.manifest.constants.replace_in(bytes),
        };
        files.iter().map(file).collect()
    }

    fn language(
        &self,
        path: &str,
        name: &str,
        entry: &Entry<'_>,
        report: &mut Report,
    ) -> Option<LanguageId> {
        if let Some(named) = self.sheet.language(name) {
            if let Code::Known(language) = code(&named, self.options) {
                return Some(language);
            }
            let message = format!("is in {}, which is not here, and is left aside", quote(&named));
            report.warning(path, message, "");
            return None;
        }
        if entry.files.iter().any(|(name, bytes)| programs::is_python2(name, bytes)) {
            report.warning(path, "is in Python 2 and is left aside", "Python 3");
            return None;
        }
        let mut languages = programs::languages(&entry.files);
        match (languages.pop_first(), languages.is_empty()) {
            (Some(language), true) => Some(language),
            (None, _) => {
                report.warning(path, "is in no known language and is left aside", "");
                None
            }
            (Some(first), false) => {
                languages.insert(first);
                let names: Vec<_> = languages.iter().map(LanguageId::as_str).collect();
                let message = format!("is in {} at once and is left aside", names.join(" and "));
                report.warning(path, message, "one language");
                None
            }
        }
    }

    /// By the folder, by what stands in `submissions.yaml`, and by what the source itself says.
    fn expectation(
        &self,
        folder: &str,
        name: &str,
        entry: &Entry<'_>,
        found: rules::Found,
        report: &mut Report,
    ) -> Option<Expectation> {
        let path = format!("{FOLDER}/{name}");
        let is_newer = self.manifest.version.is_newer();
        let tags = Tags::read(&path, &entry.files, report);
        let scored = self.content.grading.objective.is_some();
        if folder == "partially_accepted" && !scored {
            let message = "is accepted in part, and the problem is not scored";
            self.manifest.version.objection(report, &path, message, "`type: scoring`");
        }
        let score = tags.score.or(found.score);
        if let Some(expected) = tags.verdicts(scored) {
            let rules = match is_newer {
                true => found.own_rules,
                false => folders::rules_of_verdicts(&expected),
            };
            return Some(Expectation { expected, rules, score });
        }
        let has_own_rules = !found.own_rules.is_empty();
        if is_newer && (has_own_rules || !found.default_rules.is_empty()) {
            let mut rules = found.default_rules;
            rules.extend(found.own_rules);
            let expected = match folder {
                "compiler_error" | "compile_error" => BTreeSet::from([Verdict::CompileError]),
                _ => BTreeSet::new(),
            };
            return Some(Expectation { expected, rules, score });
        }
        let has_best = self.has_best_score();
        let Some(mut expected) = folders::expected(folder, scored && !has_best) else {
            if score.is_some() {
                return Some(Expectation { expected: folders::any_result(), rules: vec![], score });
            }
            let message = format!("the folder {} promises no known verdict", quote(folder));
            report.warning(&path, message, "accepted, wrong_answer, time_limit_exceeded, …");
            return None;
        };
        if scored && score.is_some() {
            expected.insert(Verdict::Partial);
        }
        let rules = if is_newer { vec![] } else { folders::rules(folder) };
        Some(Expectation { expected, rules, score })
    }

    /// Whether there is a score that none is better than, so that some are less.
    fn has_best_score(&self) -> bool {
        use domain::grading::{Objective, Rule as GroupRule};
        let minimise = self.content.grading.objective == Some(Objective::Min);
        self.content
            .grading
            .groups
            .iter()
            .take_while(|group| group.parent.is_none_or(|up| up == 0))
            .any(|group| match group.rule {
                GroupRule::Grader { scores, .. } | GroupRule::Custom { scores, .. } => {
                    let best = if minimise { scores.min } else { scores.max };
                    group.name != "sample" && best.is_some()
                }
                GroupRule::Aggregate { max_score, .. } => max_score.is_some(),
            })
    }
}
