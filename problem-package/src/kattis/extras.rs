//! Reads `assay/`: parts of a problem that the format does not have.
//!
//! These are starter code in `starter/<language>.<ext>`, code joined around the submission in
//! `snippets/<language>/start.<ext>` and `end.<ext>`, explanations of samples in
//! `samples/<name>.md`, and a signature, which [`function`](super::function) reads.

use std::collections::BTreeMap;

use domain::LanguageId;
use domain::problem::{ProblemLanguage, Sample};

use super::manifest::{self, Manifest};
use crate::diagnostic::{Report, quote};
use crate::formulas::report_faults;
use crate::package::Options;
use crate::text::text;
use crate::tree::FileTree;

const STARTER: &str = "assay/starter";
const SNIPPETS: &str = "assay/snippets";
const SAMPLES: &str = "assay/samples";

/// The starter code and snippets of each allowed language.
pub(super) fn read_languages(
    tree: &FileTree,
    manifest: &Manifest,
    options: &Options,
    report: &mut Report,
) -> Vec<ProblemLanguage> {
    let mut offers = BTreeMap::new();
    for (name, bytes) in tree.under(STARTER) {
        let path = format!("{STARTER}/{name}");
        let language = name.split_once('.').map_or(name, |(language, _)| language);
        if let Some(offer) = offer(&mut offers, language, &path, report) {
            offer.starter_code = text(&path, bytes, report).unwrap_or_default().to_owned();
        }
    }
    let mut has_snippets = false;
    for (name, bytes) in tree.under(SNIPPETS) {
        let path = format!("{SNIPPETS}/{name}");
        let (language, file) = name.split_once('/').unwrap_or(("", name));
        let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
        let Some(offer) = offer(&mut offers, language, &path, report) else { continue };
        let snippet = match stem {
            "start" => &mut offer.start_snippet,
            "end" => &mut offer.end_snippet,
            _ => {
                report.error(&path, "is not a snippet", "start.<ext> or end.<ext>");
                continue;
            }
        };
        *snippet = text(&path, bytes, report).unwrap_or_default().to_owned();
        has_snippets = true;
    }
    report_unknown(tree, report);
    restrict(offers, has_snippets, manifest, options, report)
}

fn offer<'a>(
    offers: &'a mut BTreeMap<LanguageId, ProblemLanguage>,
    language: &str,
    path: &str,
    report: &mut Report,
) -> Option<&'a mut ProblemLanguage> {
    let Ok(language) = language.parse::<LanguageId>() else {
        let message = format!("{} is not a language id", quote(language));
        report.error(path, message, "an id such as `cpp`");
        return None;
    };
    Some(offers.entry(language.clone()).or_insert_with(|| ProblemLanguage::without_code(language)))
}

/// The languages that the problem allows. For the domain an empty list means all.
fn restrict(
    mut offers: BTreeMap<LanguageId, ProblemLanguage>,
    has_snippets: bool,
    manifest: &Manifest,
    options: &Options,
    report: &mut Report,
) -> Vec<ProblemLanguage> {
    let taken = match &manifest.languages {
        Some(taken) => taken.clone(),
        None if offers.is_empty() => return Vec::new(),
        // Without a snippet, submissions in a language would not be whole programs.
        None if has_snippets => offers.keys().cloned().collect(),
        None => {
            let others = options.languages.iter().filter(|language| !offers.contains_key(language));
            let mut all: Vec<_> = offers.keys().chain(others).cloned().collect();
            all.sort();
            all
        }
    };
    let taken: Vec<_> = taken
        .into_iter()
        .map(|language| {
            offers.remove(&language).unwrap_or_else(|| ProblemLanguage::without_code(language))
        })
        .collect();
    for language in offers.keys() {
        let message = format!("there is code for {language}, which is not in `languages`");
        report.warning(manifest::FILE, message, "");
    }
    for offer in taken.iter().filter(|offer| has_snippets && !offer.has_snippets()) {
        let folder = format!("{SNIPPETS}/{}", offer.language);
        report.error(&folder, "there are no snippets", "snippets for every language or for none");
    }
    taken
}

/// Adds the explanations to the samples.
pub(super) fn explain(
    tree: &FileTree,
    mut samples: Vec<Sample>,
    report: &mut Report,
) -> Vec<Sample> {
    for (name, bytes) in tree.under(SAMPLES) {
        let path = format!("{SAMPLES}/{name}");
        let sample = name.strip_suffix(".md");
        match samples.iter_mut().find(|known| sample == Some(&*known.name)) {
            Some(sample) => {
                sample.explanation = text(&path, bytes, report).map(str::to_owned);
                report_faults(&path, sample.explanation.as_deref().unwrap_or_default(), report);
            }
            None => {
                let expected = "a file named like the sample: 1.md for data/sample/1.in";
                report.warning(&path, "explains no sample", expected);
            }
        }
    }
    samples
}

fn report_unknown(tree: &FileTree, report: &mut Report) {
    for (name, _) in tree.under("assay") {
        let (folder, _) = name.split_once('/').unwrap_or(("", name));
        let is_known = ["starter", "snippets", "samples"].contains(&folder)
            || ["signature.yaml", "metadata.json"].contains(&name);
        if !is_known {
            let path = format!("assay/{name}");
            report.warning(
                &path,
                "is not a known part of assay/ and is ignored",
                "starter, snippets, samples, signature.yaml or metadata.json",
            );
        }
    }
}
