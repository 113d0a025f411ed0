//! Reads `include/`: files beside every submission.

use std::collections::BTreeMap;

use domain::LanguageId;
use domain::problem::Include;

use super::languages::{Code, code, with_variants};
use super::manifest::Manifest;
use super::programs::{self, Files};
use crate::blobs::Blobs;
use crate::diagnostic::{Report, quote};
use crate::package::Options;
use crate::tree::FileTree;

const FOLDER: &str = "include";

/// The folder of files for all languages without a folder of their own.
const DEFAULT: &str = "default";

pub(super) fn read(
    tree: &FileTree,
    manifest: &Manifest,
    options: &Options,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Vec<Include> {
    let mut by_language: BTreeMap<Option<LanguageId>, Files<'_>> = BTreeMap::new();
    let mut named: Vec<(LanguageId, Files<'_>)> = vec![];
    for entry in programs::entries(tree, FOLDER) {
        let path = format!("{FOLDER}/{}", entry.name);
        if !entry.is_folder {
            report.warning(&path, "is not in a language folder and is ignored", "include/cpp, …");
        } else if entry.name == DEFAULT {
            by_language.insert(None, entry.files);
        } else {
            match code(entry.name, options) {
                Code::Known(language) => named.push((language, entry.files)),
                Code::Missing => report.warning(&path, "is for an unavailable language", ""),
                Code::Wrong => {
                    let message = format!("{} is not a language id", quote(entry.name));
                    report.error(&path, message, "default, or an id such as `cpp`");
                }
            }
        }
    }
    // A variant's own folder overrides the folder of its base language.
    for (language, files) in &named {
        for variant in with_variants(language) {
            by_language.entry(Some(variant)).or_insert_with(|| files.clone());
        }
    }
    for (language, files) in named {
        by_language.insert(Some(language), files);
    }
    let include = |(language, files): (Option<LanguageId>, Files<'_>)| Include {
        language,
        files: programs::program_files(files.into_iter(), manifest, blobs),
    };
    by_language.into_iter().map(include).collect()
}
