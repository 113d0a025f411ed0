//! `problem.yaml`: what the problem is called and how it is judged.

use std::collections::BTreeMap;

use domain::problem::Limits;
use domain::{Difficulty, LanguageId, Slug};

use super::validator::{self, Flags};
use crate::diagnostic::{Position, Report, quote};
use crate::fields::{Field, unknown_key};
use crate::package::About;
use crate::text::tag;
use crate::tree::FileTree;
use crate::yaml::{self, Node, Value};

pub(super) const FILE: &str = "problem.yaml";

/// Where older packages keep the time limit, in seconds.
const TIME_LIMIT_FILE: &str = ".timelimit";

const FORMAT_VERSIONS: [&str; 5] = ["legacy", "legacy-icpc", "2023-07-draft", "2023-07", "2025-09"];

const LICENSES: [&str; 7] =
    ["unknown", "public domain", "cc0", "cc by", "cc by-sa", "educational", "permission"];

/// `problem.yaml`, with the domain's defaults for what it leaves out.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    /// The name by natural language; the key is empty where the package gives one name only.
    pub(super) names: BTreeMap<String, String>,
    pub(super) difficulty: Option<Difficulty>,
    pub(super) tags: Vec<Slug>,
    pub(super) hints: Vec<String>,
    pub(super) limits: Limits,
    pub(super) flags: Option<Flags>,
    /// `None`: all.
    pub(super) languages: Option<Vec<LanguageId>>,
    pub(super) about: About,
    /// Where the fields of the revision stand, by the name that the domain has for them.
    pub(super) places: BTreeMap<&'static str, Position>,
}

pub(super) fn read(tree: &FileTree, report: &mut Report) -> Manifest {
    let mut manifest = Manifest::default();
    let Some(bytes) = tree.get(FILE) else {
        report.error(FILE, "is missing", "a problem package in the Kattis format");
        return manifest;
    };
    let Some(entries) = yaml::read_map(FILE, bytes, report) else { return manifest };
    let mut has_time_limit = false;
    for (key, node) in &entries {
        let field = Field { path: FILE, key: &key.text, node };
        match key.text.as_str() {
            "problem_format_version" => check_version(field, report),
            "type" => check_type(field, report),
            "name" => read_names(field, &mut manifest, report),
            "keywords" => read_tags(field, &mut manifest, report),
            "limits" => has_time_limit = read_limits(field, &mut manifest, report),
            "languages" => manifest.languages = read_languages(field, report),
            "validation" => check_validation(field, report),
            "validator_flags" => manifest.flags = validator::read(field, report),
            "author" | "authors" => manifest.about.authors = field.texts(report),
            "credits" => read_credits(field, &mut manifest, report),
            "source" => read_sources(field, &mut manifest, report),
            "license" => read_license(field, &mut manifest, report),
            "rights_owner" => manifest.about.rights_owner = field.text(report),
            "assay" => read_assay(field, &mut manifest, report),
            "grading" => field.not_supported(report, "scoring is", "a pass-fail problem"),
            "constants" if !field.is_null() => {
                field.not_supported(report, "constants are", "the values themselves");
            }
            "embargo_until" => field.warning(report, "is not enforced"),
            "uuid" | "version" | "source_url" | "allow_file_writing" | "constants" => {}
            _ => unknown_key(FILE, key, &key.text, report),
        }
    }
    if manifest.names.is_empty() && !entries.iter().any(|(key, _)| key.text == "name") {
        report.error(FILE, "the problem has no name", "`name: …`");
    }
    if !has_time_limit {
        read_time_limit_file(tree, &mut manifest, report);
    }
    manifest
}

fn check_version(field: Field<'_>, report: &mut Report) {
    if let Some(version) = field.text(report)
        && !FORMAT_VERSIONS.contains(&version.as_str())
    {
        field.error(report, &format!("one of {}", FORMAT_VERSIONS.join(", ")));
    }
}

fn check_type(field: Field<'_>, report: &mut Report) {
    for kind in field.texts(report) {
        match kind.as_str() {
            "pass-fail" => {}
            "scoring" => field.not_supported(report, "scoring is", "a pass-fail problem"),
            "interactive" | "multi-pass" | "submit-answer" => {
                let feature = format!("{kind} problems are");
                field.not_supported(report, &feature, "a pass-fail problem");
            }
            _ => field.error(report, "pass-fail"),
        }
    }
}

fn check_validation(field: Field<'_>, report: &mut Report) {
    let Some(validation) = field.text(report) else { return };
    let mut words = validation.split_whitespace();
    match words.next() {
        Some("default") if words.next().is_none() => {}
        Some("custom") if words.any(|word| word == "interactive") => {
            field.not_supported(report, "interactive problems are", "`validation: default`");
        }
        Some("custom") => {
            field.not_supported(report, "custom output validators are", "`validation: default`");
        }
        _ => field.error(report, "default"),
    }
}

fn read_names(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    manifest.places.insert("title", field.position());
    match &field.node.value {
        Value::Map(entries) => {
            for (language, node) in entries {
                if let Some(name) = (Field { node, ..field }).text(report) {
                    manifest.names.insert(language.text.clone(), name);
                }
            }
        }
        Value::Text(_) | Value::Integer(_) => {
            let name = field.text(report).unwrap_or_default();
            manifest.names.insert(String::new(), name);
        }
        _ => field.error(report, "a text, or a map from languages to texts"),
    }
}

fn read_tags(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    manifest.places.insert("tags", field.position());
    let keywords = match &field.node.value {
        Value::Null => return,
        // The older form: words with spaces between them.
        Value::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
        _ => field.texts(report),
    };
    for keyword in keywords {
        match tag(&keyword) {
            Some(tag) if manifest.tags.contains(&tag) => {}
            Some(tag) => manifest.tags.push(tag),
            None => {
                let message = format!("the keyword {} makes no tag", quote(&keyword));
                report.error((FILE, field.position()), message, "a word of letters and digits");
            }
        }
    }
}

/// Whether there was a time limit.
fn read_limits(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) -> bool {
    let mut has_time_limit = false;
    for (key, node) in field.map(report) {
        let name = format!("limits.{}", key.text);
        let field = Field { key: &name, node, ..field };
        let limits = &mut manifest.limits;
        let mut integer = |expected: &str, unit: u64| {
            field.positive_integer(report, expected).map(|number| number.saturating_mul(unit))
        };
        let place = match key.text.as_str() {
            "time_limit" => {
                has_time_limit = true;
                if let Some(seconds) = field.positive(report, "seconds above 0") {
                    limits.time_ms = milliseconds(seconds);
                }
                "limits.timeMs"
            }
            "memory" => {
                limits.memory_kib = integer("MiB above 0", 1024).unwrap_or(limits.memory_kib);
                "limits.memoryKb"
            }
            "output" => {
                limits.output_kib = integer("MiB above 0", 1024).unwrap_or(limits.output_kib);
                "limits.outputKb"
            }
            "code" => {
                limits.source_bytes = integer("KiB above 0", 1024).unwrap_or(limits.source_bytes);
                "limits.sourceBytes"
            }
            // Ways to find a time limit by running the submissions; `time_limit` says it.
            "time_multiplier" | "time_multipliers" | "time_safety_margin" | "time_resolution" => {
                continue;
            }
            // No validator of the package's runs here.
            "validation_time" | "validation_memory" | "validation_output" => continue,
            "compilation_time" | "compilation_memory" | "validation_passes" => {
                field.warning(report, "is left aside: the installation sets it");
                continue;
            }
            _ => {
                unknown_key(FILE, key, &name, report);
                continue;
            }
        };
        manifest.places.insert(place, field.position());
    }
    has_time_limit
}

fn milliseconds(seconds: f64) -> u64 {
    // A float cast saturates, and what is too long is refused by the domain's bounds.
    (seconds * 1000.0).round() as u64
}

fn read_time_limit_file(tree: &FileTree, manifest: &mut Manifest, report: &mut Report) {
    let expected = "`limits: {time_limit: seconds}`";
    let Some(bytes) = tree.get(TIME_LIMIT_FILE) else {
        let message = format!("no time limit is given; it is {} ms", manifest.limits.time_ms);
        report.warning(FILE, message, expected);
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    match text.trim().parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds > 0.0 => {
            manifest.limits.time_ms = milliseconds(seconds);
        }
        _ => report.error(TIME_LIMIT_FILE, format!("is {}", quote(&text)), "seconds above 0"),
    }
}

fn read_languages(field: Field<'_>, report: &mut Report) -> Option<Vec<LanguageId>> {
    let names = field.texts(report);
    if names.iter().any(|name| name == "all") {
        return None;
    }
    let mut languages: Vec<LanguageId> = Vec::new();
    for name in names {
        match name.parse() {
            Ok(language) if languages.contains(&language) => {}
            Ok(language) => languages.push(language),
            Err(_) => {
                let message = format!("{} is not a language id", quote(&name));
                report.error((FILE, field.position()), message, "`all`, or ids such as `cpp`");
            }
        }
    }
    Some(languages)
}

fn read_credits(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    match &field.node.value {
        Value::Map(entries) => {
            for (key, node) in entries {
                if key.text == "authors" {
                    manifest.about.authors = people(Field { node, ..field }, report);
                }
            }
        }
        _ => manifest.about.authors = people(field, report),
    }
}

/// Names of people or sources: texts, or maps with a `name`, one or several.
fn people(field: Field<'_>, report: &mut Report) -> Vec<String> {
    let nodes = match &field.node.value {
        Value::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(field.node),
    };
    let name = |node: &Node| match &node.value {
        Value::Map(entries) => entries
            .iter()
            .find(|(key, _)| key.text == "name")
            .and_then(|(_, node)| Field { node, ..field }.text(report)),
        _ => Field { node, ..field }.text(report),
    };
    nodes.iter().filter_map(name).collect()
}

fn read_sources(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    if !field.is_null() {
        manifest.about.sources = people(field, report);
    }
}

fn read_license(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    let Some(license) = field.text(report) else { return };
    if !LICENSES.contains(&license.as_str()) {
        let message = format!("the license {} is not known", quote(&license));
        report.warning(
            (FILE, field.position()),
            message,
            format!("one of {}", LICENSES.join(", ")),
        );
    }
    manifest.about.license = Some(license);
}

/// What the format has no key for.
fn read_assay(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    for (key, node) in field.map(report) {
        let name = format!("assay.{}", key.text);
        let field = Field { key: &name, node, ..field };
        match key.text.as_str() {
            "difficulty" => manifest.difficulty = read_difficulty(field, report),
            "hints" => {
                manifest.places.insert("hints", field.position());
                manifest.hints = field.texts(report);
            }
            _ => unknown_key(FILE, key, &name, report),
        }
    }
}

fn read_difficulty(field: Field<'_>, report: &mut Report) -> Option<Difficulty> {
    match &field.node.value {
        Value::Text(text) if text == "easy" => Some(Difficulty::Easy),
        Value::Text(text) if text == "medium" => Some(Difficulty::Medium),
        Value::Text(text) if text == "hard" => Some(Difficulty::Hard),
        _ => {
            field.error(report, "easy, medium or hard");
            None
        }
    }
}
