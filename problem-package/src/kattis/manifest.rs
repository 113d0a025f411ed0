//! Reads `problem.yaml`: the problem's name and how it is judged.

mod content;
mod kind;
mod limits;
mod people;
mod restrictions;

use domain::Difficulty;

pub(super) use content::{FILE, Manifest, OlderGrading, Validation};
pub(super) use kind::range;
pub(super) use limits::milliseconds;

use super::constants::Constants;
use super::version::Version;
use super::words;
use crate::diagnostic::{Report, quote};
use crate::fields::Field;
use crate::naming::tag;
use crate::package::Options;
use crate::tree::FileTree;
use crate::yaml::{self, Key, Node, Value};

/// Keys of the older versions only.
const OLDER_KEYS: [&str; 6] =
    ["author", "authors", "source_url", "validation", "validator_flags", "grading"];

/// Keys that do not affect judging.
const NOT_JUDGED: [&str; 14] = [
    "author",
    "authors",
    "source_url",
    "credits",
    "source",
    "license",
    "rights_owner",
    "embargo_until",
    "uuid",
    "version",
    "keywords",
    "allow_file_writing",
    "name",
    "assay",
];

pub(super) fn read(tree: &FileTree, options: &Options, report: &mut Report) -> Manifest {
    let Some(bytes) = tree.get(FILE) else {
        report.error(FILE, "is missing", "a problem package in the Kattis format");
        return Manifest::new(Version::default(), options.cpp.clone());
    };
    let schema = |entries: &[(Key, Node)]| read_version(entries, &mut Report::default()).schema();
    let Some(entries) = yaml::read_map_by(schema, FILE, bytes, report) else {
        return Manifest::new(Version::default(), options.cpp.clone());
    };
    let mut manifest = Manifest::new(read_version(&entries, report), options.cpp.clone());
    for (key, node) in &entries {
        if is_not_judged(&key.text, manifest.version) {
            let mut found = Report::default();
            read_key(key, node, options, &mut manifest, &mut found);
            report.add_as_warnings(found);
        } else {
            read_key(key, node, options, &mut manifest, report);
        }
    }
    if manifest.version.is_strict() && manifest.about.uuid.is_none() {
        report.warning(FILE, "the problem has no uuid", "`uuid: …`");
    }
    let url = entries.iter().find(|(key, _)| key.text == "source_url");
    let url = url.and_then(|(_, node)| match &node.value {
        Value::Text(url) => Some(url.clone()),
        _ => None,
    });
    people::add_source_url(url, &mut manifest, report);
    kind::check(&mut manifest, report);
    people::check_rights(&manifest, report);
    manifest
}

/// Whether errors of a key are only warnings. Keys that the version does not have are excluded.
fn is_not_judged(key: &str, version: Version) -> bool {
    NOT_JUDGED.contains(&key) && !(version.is_strict() && OLDER_KEYS.contains(&key))
}

fn read_version(entries: &[(Key, Node)], report: &mut Report) -> Version {
    let Some((key, node)) = entries.iter().find(|(key, _)| key.text == "problem_format_version")
    else {
        return Version::default();
    };
    let field = Field { path: FILE, key: &key.text, node };
    let Some(name) = field.text(report) else { return Version::default() };
    Version::named(&name).unwrap_or_else(|| {
        field.error(report, &format!("one of {}", Version::NAMES.join(", ")));
        Version::default()
    })
}

fn read_key(
    key: &Key,
    node: &Node,
    options: &Options,
    manifest: &mut Manifest,
    report: &mut Report,
) {
    let field = Field { path: FILE, key: &key.text, node };
    let name = key.text.as_str();
    if manifest.version.is_strict() && OLDER_KEYS.contains(&name) {
        manifest.version.unknown_key(FILE, key, name, report);
        return;
    }
    match name {
        "problem_format_version" => {}
        "type" => kind::read_type(field, manifest, report),
        "name" => read_names(field, manifest, report),
        "keywords" => read_tags(field, manifest, report),
        "limits" => limits::read(field, manifest, report),
        "languages" => manifest.languages = restrictions::languages(field, options, report),
        "allow_file_writing" => drop(field.boolean(report)),
        "constants" => manifest.constants = Constants::read(field, report),
        "validation" => kind::read_validation(field, manifest, report),
        "validator_flags" => manifest.flags = words::read(field, report),
        "grading" => kind::read_grading(field, manifest, report),
        "author" | "authors" => manifest.about.authors = people::authors(field, report),
        "credits" => people::read_credits(field, manifest, report),
        "source" => manifest.about.sources = people::people(field, report),
        "source_url" if field.is_null() => {}
        // `people::add_source_url` adds it to the source, which may come later.
        "source_url" => drop(field.text(report)),
        "license" => people::read_license(field, manifest, report),
        "rights_owner" => {
            manifest.place("rights_owner", field);
            manifest.about.rights_owner = people::people(field, report).into_iter().next();
        }
        "embargo_until" => restrictions::read_embargo(field, manifest, report),
        "uuid" => restrictions::read_uuid(field, manifest, report),
        "version" if field.is_null() => {}
        "version" => drop(field.text(report)),
        "assay" => read_assay(field, manifest, report),
        _ => manifest.version.unknown_key(FILE, key, name, report),
    }
}

fn read_names(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    manifest.place("title", field);
    match &field.node.value {
        Value::Map(entries) => {
            for (language, node) in entries {
                if let Some(name) = (Field { node, ..field }).text(report) {
                    manifest.names.insert(language.text.clone(), name);
                }
            }
        }
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) => {
            let name = field.text(report).unwrap_or_default();
            manifest.names.insert(String::new(), name);
        }
        Value::Null if !manifest.version.is_newer() => {}
        _ => field.error(report, "a string, or a map from languages to strings"),
    }
}

fn read_tags(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    manifest.place("tags", field);
    let keywords = match &field.node.value {
        Value::Null => return,
        // The older form: words separated by spaces.
        Value::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
        _ => field.texts(report),
    };
    for keyword in keywords {
        match tag(&keyword) {
            Some(tag) if manifest.tags.contains(&tag) => {}
            Some(tag) => manifest.tags.push(tag),
            None => {
                let message = format!("the keyword {} cannot become a tag", quote(&keyword));
                report.error((FILE, field.position()), message, "a word of letters and digits");
            }
        }
    }
}

/// Reads the block `assay`, for which the format has no keys.
fn read_assay(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    for (key, node) in field.map(report) {
        let name = format!("assay.{}", key.text);
        let field = Field { key: &name, node, ..field };
        match key.text.as_str() {
            "difficulty" => manifest.difficulty = read_difficulty(field, report),
            "hints" => {
                manifest.place("hints", field);
                manifest.hints = field.texts(report);
            }
            "cpp" => match &field.node.value {
                Value::Text(text) if ["cpp", "cpp20", "cpp23"].contains(&text.as_str()) => {
                    manifest.cpp = text.parse().expect("these are language ids");
                    manifest.cpp_place = Some(field.position());
                }
                _ => field.error(report, "cpp, cpp20 or cpp23"),
            },
            _ => manifest.version.unknown_key(FILE, key, &name, report),
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
