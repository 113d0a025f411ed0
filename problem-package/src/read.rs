//! From a tree of files to a [`Package`].
//!
//! Each part of the format has a file of its own, which reads it and reports what is wrong with it.
//! Nothing stops at the first error: a package's writer is told everything at once.

mod data;
mod extras;
mod fields;
mod layout;
mod manifest;
mod statement;
mod submissions;
mod validator;

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::problem::{BlobRef, RevisionContent};
use domain::{Difficulty, Digest, Slug};

use crate::diagnostic::{Diagnostic, Report, quote};
use crate::package::{Options, Package};
use crate::tree::FileTree;
use manifest::Manifest;

pub use submissions::SOURCE_EXTENSIONS;

/// Reads a package.
///
/// # Errors
/// With everything that is wrong with it, errors and warnings.
pub fn read(tree: &FileTree, options: &Options) -> Result<Package, Vec<Diagnostic>> {
    let mut report = Report::default();
    report.extend(tree.warnings());
    layout::check(tree, &mut report);

    let slug = slug(tree, options, &mut report);
    let manifest = manifest::read(tree, &mut report);
    let mut blobs = Blobs::default();
    let data = data::read(tree, &mut blobs, &mut report);
    let statement = statement::read_statement(tree, options, &mut report);
    let editorial = statement::read_editorial(tree, options, &mut report);
    let languages = extras::read_languages(tree, &manifest, options, &mut report);
    let samples = extras::explain(tree, data.samples, &mut report);
    let checker = validator::agree(&manifest.flags, &data.flags, &mut report);
    let title = statement::title(&manifest, statement.as_ref(), &mut report);

    let content = RevisionContent {
        title,
        difficulty: manifest.difficulty.unwrap_or(Difficulty::Medium),
        tags: manifest.tags.clone(),
        statement: statement.map(|statement| statement.markdown).unwrap_or_default(),
        editorial,
        hints: manifest.hints.clone(),
        samples,
        limits: manifest.limits,
        tests: data.tests,
        checker,
        on_failure: data.on_failure,
        languages,
    };
    let submissions = submissions::read(tree, &content, &mut report);
    report_flaws(&content, &manifest, &mut report);

    let warnings = report.finish()?;
    let slug = slug.expect("a package without a slug has an error");
    Ok(Package { slug, content, blobs: blobs.0, submissions, about: manifest.about, warnings })
}

fn slug(tree: &FileTree, options: &Options, report: &mut Report) -> Option<Slug> {
    if let Some(slug) = &options.slug {
        return Some(slug.clone());
    }
    let expected = "a folder around the package, named like the problem: a-z, 0-9 and hyphens";
    let Some(name) = tree.name() else {
        report.error("", "the package has no name", expected);
        return None;
    };
    let slug = name.parse().ok();
    if slug.is_none() {
        report.error("", format!("the package is named {}", quote(name)), expected);
    }
    slug
}

/// What the domain refuses.
fn report_flaws(content: &RevisionContent, manifest: &Manifest, report: &mut Report) {
    for flaw in content.flaws() {
        // What is missing because it could not be read was reported where it stands.
        let is_missing = match flaw.field {
            "title" => content.title.is_empty(),
            "tests" => content.tests.is_empty(),
            _ => false,
        };
        if !(is_missing && report.has_errors()) {
            let place = manifest.places.get(flaw.field).copied();
            let file = if place.is_some() { manifest::FILE } else { "" };
            let message = format!("{} is out of bounds: {}", flaw.field, flaw.message);
            report.error((file, place), message, "");
        }
    }
}

/// Bytes by digest: equal files are kept once.
#[derive(Debug, Default)]
struct Blobs(BTreeMap<Digest, Bytes>);

impl Blobs {
    fn put(&mut self, bytes: &Bytes) -> BlobRef {
        let digest = Digest::of(bytes);
        self.0.entry(digest).or_insert_with(|| bytes.clone());
        BlobRef { digest, bytes: bytes.len() as u64 }
    }
}

/// The text of a file, or an error that it is none.
fn text<'a>(path: &str, bytes: &'a Bytes, report: &mut Report) -> Option<&'a str> {
    match str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let message = format!("is not UTF-8 after byte {}", error.valid_up_to());
            report.error(path, message, "a text file in UTF-8");
            None
        }
    }
}

#[cfg(test)]
mod tests;
