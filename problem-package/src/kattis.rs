//! From a tree of files to a [`Package`].
//!
//! Each part of the format has a file of its own, which reads it and reports what is wrong with it.
//! Nothing stops at the first error: a package's writer is told everything at once.

mod data;
mod extras;
mod layout;
mod manifest;
mod statement;
mod submissions;
mod validator;

use domain::Difficulty;
use domain::grading::Grading;
use domain::problem::RevisionContent;

use crate::blobs::Blobs;
use crate::diagnostic::{Diagnostic, Report};
use crate::format::slug;
use crate::package::{Format, InputValidation, Options, Package};
use crate::timing::Timing;
use crate::tree::FileTree;
use manifest::Manifest;

/// Reads a package.
///
/// # Errors
/// With everything that is wrong with it, errors and warnings.
pub(crate) fn read(tree: &FileTree, options: &Options) -> Result<Package, Vec<Diagnostic>> {
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
        grading: Grading { objective: None, groups: data.groups },
        languages,
        ..RevisionContent::default()
    };
    let submissions = submissions::read(tree, &content, &mut report);
    report_flaws(&content, &manifest, &mut report);

    let warnings = report.finish()?;
    let slug = slug.expect("a package without a slug has an error");
    Ok(Package {
        format: Format::Legacy,
        slug,
        content,
        blobs: blobs.0,
        submissions,
        input_validation: InputValidation::default(),
        output_cases: vec![],
        timing: Timing::default(),
        about: manifest.about,
        warnings,
    })
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

#[cfg(test)]
mod tests;
