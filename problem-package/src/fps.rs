//! Reads Free Problem Sets: one XML file with any number of problems.

mod html;
mod languages;
mod slugs;
mod special;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::checker::TokenOptions;
use domain::grading::{Grading, OnFailure};
use domain::problem::bounds::{MARKDOWN_BYTES_MAX, SAMPLE_BYTES_MAX, SAMPLES_MAX};
use domain::problem::{
    Attachment, Checker, Limits, ProblemLanguage, RevisionContent, Sample, Test,
};
use domain::{LanguageId, Verdict};

use crate::blobs::Blobs;
use crate::diagnostic::{Diagnostic, Position, Report, quote};
use crate::flaws::report_flaws;
use crate::formulas::report_faults_of_made;
use crate::images::{self, Kind};
use crate::limits::ATTACHED_IMAGE_BYTES_MAX;
use crate::package::{
    About, Format, InputValidation, Options, Package, SampleSubmission, SourceFile,
};
use crate::text::text;
use crate::timing::Timing;
use crate::tree::FileTree;
use crate::xml::{Element, Xml};

use html::Images;

/// The parts of a statement with their headings. The first part has none.
const SECTIONS: [(&str, &str); 4] =
    [("description", ""), ("input", "Input"), ("output", "Output"), ("hint", "Hint")];

/// Reads all problems of a set, or none if one of them has an error.
///
/// # Errors
/// Returns all errors and warnings of the set.
pub(crate) fn read(tree: &FileTree, options: &Options) -> Result<Vec<Package>, Vec<Diagnostic>> {
    let mut report = Report::default();
    report.extend(tree.warnings());
    let packages = read_file(tree, options, &mut report).unwrap_or_default();
    let warnings = report.finish()?;
    // The warnings of the set go to its first problem.
    let mut warnings = Some(warnings);
    let packages = packages.into_iter();
    Ok(packages
        .map(|package| Package { warnings: warnings.take().unwrap_or_default(), ..package })
        .collect())
}

fn read_file(tree: &FileTree, options: &Options, report: &mut Report) -> Option<Vec<Package>> {
    let Some((path, bytes)) = tree.files().find(|(path, _)| path.ends_with(".xml")) else {
        report.error("", "there is no XML file", "one XML file with <fps>");
        return None;
    };
    let xml = Xml::new(path, text(path, bytes, report)?, report)?;
    let document = xml.parse(report)?;
    let root = xml.root(&document, "fps", report)?;
    let items: Vec<_> = root.children("item").collect();
    if items.is_empty() {
        report.error(root.place(), "there is no problem", "an <item> for each problem");
    }
    let titles: Vec<String> = items.iter().map(|item| title(*item)).collect();
    let identities = slugs::of(&titles, options.slug.as_ref());
    let mut packages = Vec::new();
    for ((number, item), (title, identity)) in
        (1..).zip(items).zip(titles.into_iter().zip(identities))
    {
        let (mut content, blobs) = content(item, title, options, report);
        let submissions = submissions(item, number, &mut content, report);
        report_flaws(&content, |_| item.place().into(), report);
        let source = item.child("source").map(|source| html::plain(&source.text()));
        packages.push(Package {
            format: Format::Fps,
            slug: identity.slug,
            is_slug_derived: identity.is_derived,
            timing: Timing { given_ms: Some(content.limits.time_ms), ..Timing::default() },
            content,
            blobs: blobs.0,
            submissions,
            input_validation: InputValidation::default(),
            output_cases: vec![],
            about: About {
                sources: source.into_iter().filter(|source| !source.is_empty()).collect(),
                ..About::default()
            },
            warnings: vec![],
        });
    }
    Some(packages)
}

fn title(item: Element<'_>) -> String {
    let title = item.child("title").map(|title| html::plain(&title.text())).unwrap_or_default();
    title.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn content(
    item: Element<'_>,
    title: String,
    options: &Options,
    report: &mut Report,
) -> (RevisionContent, Blobs) {
    if title.is_empty() {
        report.error(item.place(), "the problem has no title", "<title>");
    }
    let mut blobs = Blobs::default();
    let (tests, samples) = tests(item, &mut blobs, report);
    let (images, attachments) = images(item, &mut blobs, report);
    let mut statement = String::new();
    for (name, heading) in SECTIONS {
        let Some(section) = item.child(name) else { continue };
        let markdown = html::markdown(&section.text(), &images, section.place(), report);
        if markdown.is_empty() {
            continue;
        }
        if !heading.is_empty() {
            statement.push_str(&format!("\n## {heading}\n\n"));
        }
        statement.push_str(&markdown);
    }
    report_faults_of_made(item.place(), &statement, report);
    if statement.is_empty() {
        report.warning(item.place(), "the problem has no statement", "<description>");
    }
    let defaults = Limits::default();
    let content = RevisionContent {
        title,
        statement,
        attachments,
        samples,
        natural_language: options.natural_language.clone(),
        limits: Limits {
            time_ms: limit(item, "time_limit", &TIME_UNITS, report).unwrap_or(defaults.time_ms),
            memory_kib: limit(item, "memory_limit", &MEMORY_UNITS, report)
                .unwrap_or(defaults.memory_kib),
            ..defaults
        },
        tests,
        checker: special::read(item, &mut blobs, report).unwrap_or(Checker::Tokens(TokenOptions {
            case_sensitive: true,
            ..TokenOptions::default()
        })),
        grading: Grading::pass_fail(OnFailure::Stop),
        languages: languages(item, options, report),
        ..RevisionContent::default()
    };
    (content, blobs)
}

/// Units, in ms and KiB. The first one is the default.
const TIME_UNITS: [(&str, f64); 2] = [("s", 1_000.0), ("ms", 1.0)];
const MEMORY_UNITS: [(&str, f64); 5] = [
    ("mb", 1_024.0),
    ("kb", 1.0),
    ("byte", 1.0 / 1_024.0),
    ("b", 1.0 / 1_024.0),
    ("gb", 1_048_576.0),
];

fn limit(item: Element<'_>, name: &str, units: &[(&str, f64)], report: &mut Report) -> Option<u64> {
    let Some(element) = item.child(name) else {
        report.error(
            item.place(),
            format!("there is no <{name}>"),
            format!("<{name} unit=\"{}\">", units[0].0),
        );
        return None;
    };
    let given = element.attribute("unit").unwrap_or(units[0].0).trim().to_ascii_lowercase();
    let Some((_, factor)) = units.iter().find(|(unit, _)| *unit == given) else {
        let known: Vec<_> = units.iter().map(|(unit, _)| *unit).collect();
        let message = format!("the unit of <{name}> is {}", quote(&given));
        report.error(element.place(), message, format!("one of {}", known.join(", ")));
        return None;
    };
    let text = element.text();
    let number =
        text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    if number.is_none() {
        let message = format!("<{name}> is {}", quote(text.trim()));
        report.error(element.place(), message, "a number above 0");
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is above 0, and what is too large for a limit is refused with its bounds"
    )]
    number.map(|number| (number * factor).round() as u64)
}

/// Reads the tests, samples first, and the samples to show.
fn tests(item: Element<'_>, blobs: &mut Blobs, report: &mut Report) -> (Vec<Test>, Vec<Sample>) {
    let (mut tests, mut samples) = (Vec::new(), Vec::new());
    for (kind, sample) in [("sample", true), ("test", false)] {
        let [inputs, outputs] = ["input", "output"].map(|side| {
            let name = format!("{kind}_{side}");
            item.children(&name).map(|element| element.text()).collect::<Vec<_>>()
        });
        if inputs.len() != outputs.len() {
            let message = format!(
                "there are {} <{kind}_input> and {} <{kind}_output>",
                inputs.len(),
                outputs.len()
            );
            report.error(item.place(), message, "the same number of both");
            continue;
        }
        for (number, (input, output)) in (1..).zip(inputs.into_iter().zip(outputs)) {
            // HUSTOJ writes an empty sample for problems without samples.
            if sample && input.trim().is_empty() && output.trim().is_empty() {
                continue;
            }
            let blob =
                |blobs: &mut Blobs, text: &str| blobs.put(&Bytes::copy_from_slice(text.as_bytes()));
            let name = format!("{kind}/{number}");
            let (input_blob, output_blob) = (blob(blobs, &input), blob(blobs, &output));
            tests.push(Test { sample, ..Test::new(&name, input_blob, output_blob) });
            let is_long = input.len().max(output.len()) > SAMPLE_BYTES_MAX;
            if sample && (is_long || samples.len() == SAMPLES_MAX) {
                let message = format!("the sample {number} is judged but not shown");
                let expected =
                    format!("at most {SAMPLES_MAX} samples of at most {SAMPLE_BYTES_MAX} bytes");
                report.warning(item.place(), message, expected);
            } else if sample {
                samples.push(Sample {
                    name: (samples.len() + 1).to_string(),
                    input: input.into_owned(),
                    output: output.into_owned(),
                    explanation: None,
                });
            }
        }
    }
    if !tests.iter().any(|test| !test.sample) && !report.has_errors() {
        let message = "the only tests are the samples";
        report.warning(item.place(), message, "<test_input> and <test_output>");
    }
    (tests, samples)
}

/// The addresses of the images in the set, and the images to attach.
fn images(item: Element<'_>, blobs: &mut Blobs, report: &mut Report) -> (Images, Vec<Attachment>) {
    let mut images = BTreeMap::new();
    let mut attachments = Vec::new();
    // Images may take half of a statement. Few images are shown twice.
    let mut room = MARKDOWN_BYTES_MAX / 2;
    for (number, image) in (1..).zip(item.children("img")) {
        let source =
            image.child("src").map(|source| source.text().trim().to_owned()).unwrap_or_default();
        let encoded = image.child("base64").map(|encoded| encoded.text()).unwrap_or_default();
        let encoded: Vec<u8> = encoded.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        if source.is_empty() {
            report.error(image.place(), "an image has no <src>", "<img> with <src> and <base64>");
            continue;
        }
        let Ok(bytes) = STANDARD.decode(&encoded) else {
            let message = format!("the image {} is not base64", quote(&source));
            report.error(image.place(), message, "<img> with <src> and <base64>");
            continue;
        };
        let small = images::data_address(&bytes).filter(|address| address.len() <= room);
        let address = match (small, images::kind(&bytes)) {
            (Some(address), _) => {
                room -= address.len();
                address
            }
            (None, Kind::Small | Kind::Large) => {
                let file = source.rsplit(['/', '\\']).next().unwrap_or_default();
                let path = format!("statement/{number}-{file}");
                let address = images::address(&path);
                attachments.push(Attachment { path, content: blobs.put(&Bytes::from(bytes)) });
                address
            }
            (None, Kind::TooLarge | Kind::Unknown) => {
                let message = format!(
                    "the image {} has {} bytes and is not shown",
                    quote(&source),
                    bytes.len()
                );
                let expected = format!(
                    "a PNG, JPEG, GIF, WebP or SVG file of at most {ATTACHED_IMAGE_BYTES_MAX} bytes"
                );
                report.warning(image.place(), message, expected);
                continue;
            }
        };
        images.insert(source, address);
    }
    (Images(images), attachments)
}

/// The starter code and snippets of each language.
fn languages(item: Element<'_>, options: &Options, report: &mut Report) -> Vec<ProblemLanguage> {
    let mut offers: BTreeMap<LanguageId, ProblemLanguage> = BTreeMap::new();
    let mut has_snippets = false;
    for element in item.elements() {
        let name = element.name();
        if !["template", "prepend", "append"].contains(&name) || element.text().trim().is_empty() {
            continue;
        }
        let Some(language) = language(element, report) else { continue };
        let offer = offers
            .entry(language.clone())
            .or_insert_with(|| ProblemLanguage::without_code(language));
        let code = element.text().into_owned();
        match name {
            "template" => offer.starter_code = code,
            "prepend" => offer.start_snippet = code,
            _ => offer.end_snippet = code,
        }
        has_snippets |= name != "template";
    }
    if offers.is_empty() {
        return vec![];
    }
    if has_snippets {
        // Without a snippet, submissions in a language would not be whole programs.
        offers.retain(|_, offer| offer.has_snippets());
    } else {
        for language in &options.languages {
            offers
                .entry(language.clone())
                .or_insert_with(|| ProblemLanguage::without_code(language.clone()));
        }
    }
    offers.into_values().collect()
}

/// The language of an element. Reports an unknown one.
fn language(element: Element<'_>, report: &mut Report) -> Option<LanguageId> {
    let name = element.attribute("language").unwrap_or_default();
    let language = languages::of(name);
    if language.is_none() {
        let message = format!("<{}> in {} is ignored", element.name(), quote(name));
        report.warning(element.place(), message, "a language such as C++ or Python");
    }
    language
}

fn submissions(
    item: Element<'_>,
    number: usize,
    content: &mut RevisionContent,
    report: &mut Report,
) -> Vec<SampleSubmission> {
    let (path, _): (&str, Option<Position>) = item.place();
    let mut submissions = Vec::new();
    for (place, element) in (1..).zip(item.children("solution")) {
        let Some(language) = language(element, report) else { continue };
        if content.language(&language).is_none() {
            let message = format!("<solution> is in {language}, which the problem does not allow");
            report.warning(element.place(), message, "");
            continue;
        }
        let bytes = Bytes::copy_from_slice(element.text().as_bytes());
        submissions.push(SampleSubmission {
            path: format!("{path}#item={number}&solution={place}"),
            files: vec![SourceFile { path: languages::file_name(&language), bytes }],
            language,
            entry_point: None,
            expected: [Verdict::Accepted].into(),
            tolerated: [].into(),
            rules: vec![],
            score: None,
            is_model: None,
        });
    }
    submissions
}

#[cfg(test)]
mod tests;
