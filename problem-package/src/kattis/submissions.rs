//! Reads `submissions/`: programs with known verdicts.

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
use super::version::Version;
use crate::diagnostic::{Report, quote};
use crate::languages::{Detected, detect};
use crate::package::{Options, Rule, SampleSubmission, SourceFile};
use crate::tree::FileTree;
use rules::Sheet;
use tags::Tags;

const FOLDER: &str = "submissions";
/// The file with rules about submissions in the newer format.
const SHEET_FILE: &str = "submissions.yaml";

struct Reader<'a> {
    manifest: &'a Manifest,
    options: &'a Options,
    content: &'a RevisionContent,
    sheet: Sheet,
    /// Whether folders define verdicts of tests, as in the newer format.
    by_tests: bool,
}

/// The expected result of a submission.
#[derive(Debug, Default)]
struct Expectation {
    expected: BTreeSet<Verdict>,
    tolerated: BTreeSet<Verdict>,
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
    let sheet_path = format!("{FOLDER}/{SHEET_FILE}");
    let sheet_file = tree.get(&sheet_path);
    let by_tests = match manifest.version {
        Version::Newer => true,
        // The draft's tools know only the folders of the older format.
        Version::Draft => sheet_file.is_some(),
        Version::Legacy | Version::LegacyIcpc => false,
    };
    let sheet = match sheet_file {
        Some(bytes) if by_tests => Sheet::read(&sheet_path, bytes, manifest, content, report),
        _ if by_tests => Sheet::defaults(),
        _ => Sheet::default(),
    };
    let mut reader = Reader { manifest, options, content, sheet, by_tests };
    let mut submissions = Vec::new();
    for folder in programs::entries(tree, FOLDER) {
        if !folder.is_folder {
            if folder.name != SHEET_FILE || !by_tests {
                let path = format!("{FOLDER}/{}", folder.name);
                report.warning(&path, "is not in a verdict folder and is ignored", "");
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
            let message = format!("is in {language}, which the problem does not allow");
            report.warning(&path, message, "");
            return None;
        }
        let files = self.files(&entry.files);
        let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
        if bytes as u64 > self.content.limits.source_bytes {
            let expected = format!("at most {}", self.content.limits.source_bytes);
            report.warning(&path, format!("has {bytes} bytes and is ignored"), expected);
            return None;
        }
        let offer = self.content.language(&language);
        if let [only] = files.as_slice()
            && str::from_utf8(&only.bytes).is_err()
            && offer.is_some_and(|offer| offer.has_snippets())
        {
            let message =
                "is not UTF-8, so it cannot be joined with the problem's code and is ignored";
            report.warning(&path, message, "a text file in UTF-8");
            return None;
        }
        let Expectation { expected, tolerated, rules, score } = expectation;
        let entry_point = self.sheet.entry_point(&name);
        let is_model = self.sheet.is_model(&name);
        let path = name;
        Some(SampleSubmission {
            path,
            language,
            files,
            entry_point,
            expected,
            tolerated,
            rules,
            score,
            is_model,
        })
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
                return Some(self.standard(language));
            }
            let message =
                format!("is in {}, which is not available here, and is ignored", quote(&named));
            report.warning(path, message, "");
            return None;
        }
        match detect(&entry.files) {
            Detected::Known { language, others } => {
                programs::report_others(path, &language, &others, report);
                Some(self.standard(language))
            }
            Detected::Missing(missing) => {
                let message =
                    format!("is in {missing}, which is not available here, and is ignored");
                report.warning(path, message, "");
                None
            }
            Detected::Nothing => {
                report.warning(path, "is in no known language and is ignored", "");
                None
            }
        }
    }

    /// The language in the package's C++ standard, unless the problem allows only the original one,
    /// for example because its snippets are in that.
    fn standard(&self, language: LanguageId) -> LanguageId {
        let standard = self.manifest.standard(language.clone());
        let is_taken = |language| self.content.language(language).is_some();
        if !is_taken(&standard) && is_taken(&language) { language } else { standard }
    }

    /// The expected result, from the folder, from `submissions.yaml` and from tags in the source.
    fn expectation(
        &self,
        folder: &str,
        name: &str,
        entry: &Entry<'_>,
        found: rules::Found,
        report: &mut Report,
    ) -> Option<Expectation> {
        let path = format!("{FOLDER}/{name}");
        let tags = Tags::read(&path, &entry.files, report);
        let scored = self.content.grading.objective.is_some();
        if folder == "partially_accepted" && !scored {
            let message = "is partially accepted, but the problem is not scored";
            report.warning(&path, message, "`type: scoring`");
        }
        let score = tags.score.or(found.score);
        let tolerated = BTreeSet::new();
        match tags.verdicts(scored) {
            Some(_) if folders::FINAL.contains(&folder) => {
                let mut said = tags.verdicts(false).unwrap_or_default();
                let promised = folders::expected(folder, false).unwrap_or_default();
                let tolerated = folders::tolerated(folder, false);
                said.retain(|verdict| !promised.contains(verdict) && !tolerated.contains(verdict));
                if !said.is_empty() {
                    let message = "`@EXPECTED_RESULTS@` is ignored: it contradicts the folder";
                    report.warning(&path, message, "another folder, such as mixed");
                }
            }
            Some(expected) => {
                let rules = match self.by_tests {
                    true => found.own_rules,
                    false => folders::rules_of_verdicts(&expected),
                };
                return Some(Expectation { expected, tolerated, rules, score });
            }
            None => {}
        }
        let has_own_rules = !found.own_rules.is_empty();
        if self.by_tests && (has_own_rules || !found.default_rules.is_empty()) {
            let mut rules = found.default_rules;
            rules.extend(found.own_rules);
            let expected = match folder {
                "compiler_error" | "compile_error" => BTreeSet::from([Verdict::CompileError]),
                _ => BTreeSet::new(),
            };
            return Some(Expectation { expected, tolerated, rules, score });
        }
        let has_best = self.has_best_score();
        let Some(mut expected) = folders::expected(folder, scored && !has_best) else {
            if score.is_some() {
                let expected = folders::any_result();
                return Some(Expectation { expected, tolerated, rules: vec![], score });
            }
            let message = format!("the folder {} implies no known verdict", quote(folder));
            report.warning(&path, message, "accepted, wrong_answer, time_limit_exceeded, …");
            return None;
        };
        if scored && score.is_some() {
            expected.insert(Verdict::Partial);
        }
        if !scored && folder == "partially_accepted" {
            expected = BTreeSet::from([Verdict::Accepted]);
        }
        let mut tolerated = folders::tolerated(folder, scored);
        tolerated.retain(|verdict| !expected.contains(verdict));
        let rules = if self.by_tests { vec![] } else { folders::rules(folder) };
        Some(Expectation { expected, tolerated, rules, score })
    }

    /// Whether the problem has a known best score.
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
