//! Reads full Polygon packages: `problem.xml` and the files that it names.

mod assets;
mod judging;
mod languages;
mod points;
mod solutions;
mod statement;

use std::collections::BTreeSet;

use domain::Slug;
use domain::problem::bounds::TAGS_MAX;
use domain::problem::{Limits, RevisionContent, TimeLimitOrigin};

use crate::blobs::Blobs;
use crate::diagnostic::{Diagnostic, Report, quote};
use crate::flaws::report_flaws;
use crate::naming::{Identity, tag};
use crate::package::{About, Format, Options, Package, read_one};
use crate::text::text;
use crate::timing::Timing;
use crate::tree::FileTree;
use crate::xml::{Element, Xml};

const FILE: &str = "problem.xml";

/// Reads a package.
///
/// # Errors
/// Returns all errors and warnings of the package.
pub(crate) fn read(tree: &FileTree, options: &Options) -> Result<Vec<Package>, Vec<Diagnostic>> {
    read_one(tree, |report| read_file(tree, options, report)).map(|package| vec![package])
}

fn read_file(tree: &FileTree, options: &Options, report: &mut Report) -> Option<Package> {
    let Some(bytes) = tree.get(FILE) else {
        report.error(FILE, "is missing", "a full Polygon package");
        return None;
    };
    let xml = Xml::new(FILE, text(FILE, bytes, report)?, report)?;
    let document = xml.parse(report)?;
    let root = xml.root(&document, "problem", report)?;
    read_problem(root, tree, options, report)
}

fn read_problem(
    root: Element<'_>,
    tree: &FileTree,
    options: &Options,
    report: &mut Report,
) -> Option<Package> {
    let mut blobs = Blobs::default();
    let identity = identity(root, tree, options, report);
    let texts = statement::read(root, tree, options, &mut blobs, report);
    let mut judging = judging::read(root, tree, &mut blobs, report);
    let assets = assets::read(root, tree, &judging, &mut blobs, report);
    for test in &mut judging.tests {
        test.files.clone_from(&assets.beside_runs);
    }
    let is_scored = judging.grading.objective.is_some();
    let submissions = solutions::read(root, tree, is_scored, report);
    let content = RevisionContent {
        title: texts.title,
        tags: tags(root, report),
        statement: texts.statement,
        editorial: texts.editorial,
        samples: judging.samples,
        natural_language: texts.language,
        translations: texts.translations,
        attachments: texts.attachments,
        limits: Limits {
            time_ms: judging.time_ms.unwrap_or(Limits::default().time_ms),
            memory_kib: judging.memory_kib.unwrap_or(Limits::default().memory_kib),
            ..Limits::default()
        },
        time_limit: TimeLimitOrigin::Given,
        tests: judging.tests,
        checker: assets.checker,
        grading: judging.grading,
        include: assets.include,
        ..RevisionContent::default()
    };
    let place = |field: &str| match (field, judging.limits_at) {
        ("limits.timeMs" | "limits.memoryKb" | "tests" | "grading", at) => (FILE, at).into(),
        _ => FILE.into(),
    };
    report_flaws(&content, place, report);
    Some(Package {
        format: Format::Polygon,
        slug: identity.as_ref()?.slug.clone(),
        is_slug_derived: identity?.is_derived,
        content,
        blobs: blobs.0,
        submissions,
        input_validation: assets.input_validation,
        output_cases: assets.output_cases,
        timing: Timing { given_ms: judging.time_ms, ..Timing::default() },
        about: About {
            sources: root.attribute("url").map(str::to_owned).into_iter().collect(),
            ..About::default()
        },
        warnings: vec![],
    })
}

fn identity(
    root: Element<'_>,
    tree: &FileTree,
    options: &Options,
    report: &mut Report,
) -> Option<Identity> {
    if let Some(slug) = &options.slug {
        return Some(Identity::given(slug));
    }
    let Some(name) = root.attribute("short-name").or(tree.name()) else {
        report.error(root.place(), "the problem has no `short-name`", "`short-name=\"…\"`");
        return None;
    };
    let identity = Identity::of_name(name);
    if identity.is_none() {
        let message = format!("the problem's `short-name` is {}", quote(name));
        let expected = "a name with a letter or digit, or a slug given with the import (`--slug`)";
        report.error(root.place(), message, expected);
    }
    identity
}

fn tags(root: Element<'_>, report: &mut Report) -> Vec<Slug> {
    let mut tags = BTreeSet::new();
    for element in root.child("tags").into_iter().flat_map(|tags| tags.elements()) {
        let value = element.attribute("value").unwrap_or_default();
        match tag(value) {
            Some(_) if tags.len() == TAGS_MAX => {
                let message = format!("the tag {} is ignored", quote(value));
                report.warning(element.place(), message, format!("at most {TAGS_MAX} tags"));
            }
            Some(tag) => {
                tags.insert(tag);
            }
            None => {
                let message = format!("the tag {} is ignored", quote(value));
                report.warning(element.place(), message, "a tag with letters a-z or digits");
            }
        }
    }
    tags.into_iter().collect()
}

#[cfg(test)]
mod tests;
