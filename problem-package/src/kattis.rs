//! Reads the problem package format of Kattis and ICPC.
//!
//! Each part of the format has a module that reads it and reports its errors. Reading does not stop
//! at the first error, so that all of them are reported at once.

mod attachments;
mod constants;
mod data;
mod extras;
mod function;
mod include;
mod languages;
mod layout;
mod manifest;
mod names;
mod programs;
mod statement;
mod submissions;
mod time_limit;
mod validator;
mod version;
mod words;

use domain::grading::{Grading, Objective, Rule};
use domain::problem::{PackagedProgram, RevisionContent};
use domain::{Difficulty, LanguageId};

use crate::blobs::Blobs;
use crate::diagnostic::{Diagnostic, Report};
use crate::naming::identity;
use crate::package::{InputValidation, Options, Package};
use crate::tree::FileTree;
use attachments::Attachments;
use manifest::Manifest;

/// Folders of input validators, the older name first.
const INPUT_VALIDATORS: [&str; 2] = ["input_format_validators", "input_validators"];

/// The exit code with which an input validator accepts.
const ACCEPTED: i32 = 42;

/// Reads a package.
///
/// # Errors
/// Returns all errors and warnings of the package.
pub(crate) fn read(tree: &FileTree, options: &Options) -> Result<Package, Vec<Diagnostic>> {
    let mut report = Report::default();
    report.extend(tree.warnings());
    let (function, expanded) = match function::is_in(tree) {
        true => function::read(tree, &mut report).unzip(),
        false => {
            function::warn_of_lines(tree, &mut report);
            (None, None)
        }
    };
    let tree = expanded.as_ref().unwrap_or(tree);
    layout::check_links(tree, &mut report);
    let identity = identity(tree, options, &mut report);
    let mut manifest = manifest::read(tree, options, &mut report);
    layout::check(tree, manifest.version, &mut report);
    names::check(tree, &mut report);
    let time_limit = time_limit::read(tree, &mut manifest, &mut report);
    let manifest = manifest;

    let mut blobs = Blobs::default();
    let input_validators = INPUT_VALIDATORS
        .iter()
        .flat_map(|folder| {
            programs::read_all(tree, folder, false, &manifest, &mut blobs, &mut report)
        })
        .collect::<Vec<_>>();
    let output_validators = validator::read_programs(tree, &manifest, &mut blobs, &mut report);
    let static_validator = single(tree, "static_validator", &manifest, &mut blobs, &mut report);
    let grader = single(tree, "graders", &manifest, &mut blobs, &mut report);

    let input_names = names(&input_validators);
    let output_names = output_validators.as_deref().map(names);
    let context = data::SettingsContext {
        manifest: &manifest,
        input_validators: &input_names,
        output_validators: output_names.as_deref(),
        has_static_validator: static_validator.is_some(),
    };
    let data = data::read(tree, context, &mut blobs, &mut report);
    // The types of a function's values are checked without a validator.
    let is_checked = function.is_some() || !input_validators.is_empty();
    warn_of_what_is_missing(is_checked, &data, &mut report);
    let mut attachments = Attachments::read(tree, &mut blobs);
    let reader =
        statement::Reader { tree, manifest: &manifest, options, samples: data.samples.len() };
    let mut found = Report::default();
    let texts = reader.read(&mut attachments, &mut blobs, &mut found);
    // The statement does not affect judging.
    report.add_as_warnings(found);
    attachments.add(data.downloads);

    let objective = manifest.grading.objective.unwrap_or(Objective::Max);
    let grading =
        Grading { objective: manifest.kind.is_scoring.then_some(objective), groups: data.groups };
    let is_static = data.tests.iter().any(|test| test.is_static);
    let mut languages = extras::read_languages(tree, &manifest, options, &mut report);
    if let Some(function) = &function {
        languages = function.offered(languages, options, &mut report);
    }
    let content = RevisionContent {
        title: texts.title,
        difficulty: manifest.difficulty.unwrap_or(Difficulty::Medium),
        tags: manifest.tags.clone(),
        statement: texts.statement,
        editorial: texts.editorial,
        hints: manifest.hints.clone(),
        samples: extras::explain(tree, data.samples, &mut report),
        natural_language: texts.language,
        translations: texts.translations,
        attachments: attachments.finish(),
        limits: manifest.limits,
        time_limit,
        tests: data.tests,
        checker: validator::checker(output_validators, data.tokens, &manifest),
        grader: used_grader(grader, &grading, &mut report),
        grading,
        static_validator: static_validator.filter(|_| is_static),
        include: include::read(tree, &manifest, options, &mut blobs, &mut report),
        languages,
        // Chosen when the submissions are known.
        reference: None,
        signature: function.map(|function| function.declaration),
    };
    let submissions = submissions::read(tree, &manifest, options, &content, &mut report);
    let languages = input_validators
        .iter()
        .chain(content.programs())
        .filter_map(|program| program.language.as_ref());
    let languages = languages.chain(submissions.iter().map(|submission| &submission.language));
    warn_of_unused_standard(languages, &manifest, &mut report);
    report_flaws(&content, &manifest, &mut report);

    let warnings = report.finish()?;
    let identity = identity.expect("a package without a name has an error");
    Ok(Package {
        format: manifest.version.format(),
        slug: identity.slug,
        is_slug_derived: identity.is_derived,
        content,
        blobs: blobs.0,
        submissions,
        input_validation: InputValidation {
            programs: input_validators,
            accepts_with: ACCEPTED,
            limits: manifest.validation_limits,
            cases: data.input_cases,
        },
        output_cases: data.output_cases,
        timing: manifest.timing,
        about: manifest.about,
        warnings,
    })
}

fn names(programs: &[PackagedProgram]) -> Vec<String> {
    programs.iter().map(|program| program.name.clone()).collect()
}

/// Warns of missing parts that the formats' tools require but judging does not.
fn warn_of_what_is_missing(is_checked: bool, data: &data::Data, report: &mut Report) {
    if !is_checked {
        let message = "there is no input validator: nothing checks the inputs";
        report.warning(INPUT_VALIDATORS[1], message, "a program in input_validators");
    }
    if data.samples.is_empty() && !data.tests.iter().any(|test| test.sample) {
        report.warning("data/sample", "there is no sample", "at least one sample");
    }
}

/// Warns if the package sets a standard of C++ in which it has no program.
fn warn_of_unused_standard<'a>(
    mut languages: impl Iterator<Item = &'a LanguageId>,
    manifest: &Manifest,
    report: &mut Report,
) {
    let Some(place) = manifest.cpp_place else { return };
    if !languages.any(|language| *language == manifest.cpp) {
        let message = "`assay.cpp` has no effect: no program or submission is in this standard";
        report.warning((manifest::FILE, Some(place)), message, "");
    }
}

/// The only program of a folder, if the folder exists.
fn single(
    tree: &FileTree,
    folder: &str,
    manifest: &Manifest,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Option<PackagedProgram> {
    tree.under(folder).next()?;
    programs::read_single(tree, folder, manifest, blobs, report)
}

/// The grader, if a group uses it.
fn used_grader(
    grader: Option<PackagedProgram>,
    grading: &Grading,
    report: &mut Report,
) -> Option<PackagedProgram> {
    let is_used = grading.groups.iter().any(|group| matches!(group.rule, Rule::Custom { .. }));
    match (&grader, is_used) {
        (None, true) => report.error("graders", "there is no grader", "a program in graders"),
        (Some(grader), false) => {
            report.warning(&grader.name, "is ignored: no group has `grading: custom`", "");
        }
        _ => {}
    }
    grader.filter(|_| is_used)
}

/// Reports what the domain rejects.
fn report_flaws(content: &RevisionContent, manifest: &Manifest, report: &mut Report) {
    for flaw in content.flaws() {
        // A field that could not be read was already reported.
        let is_missing = match flaw.field {
            "title" => content.title.is_empty(),
            "tests" => content.tests.is_empty(),
            "checker" => true,
            _ => false,
        };
        if !(is_missing && report.has_errors()) {
            let (file, place) = manifest.places.get(flaw.field).copied().unwrap_or(("", None));
            let message = format!("{} is out of bounds: {}", flaw.field, flaw.message);
            report.error((file, place), message, "");
        }
    }
}

#[cfg(test)]
mod tests;
