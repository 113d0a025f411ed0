//! Reads authors, sources and the license.

use super::content::{FILE, Manifest};
use crate::diagnostic::{Report, quote};
use crate::fields::Field;
use crate::yaml::{Node, Value};

const LICENSES: [&str; 7] =
    ["unknown", "public domain", "cc0", "cc by", "cc by-sa", "educational", "permission"];

const CREDITS: [&str; 6] =
    ["authors", "contributors", "testers", "translators", "packagers", "acknowledgements"];

/// Reads the older key `author`: names separated by `,`, `and` or `&`.
pub(super) fn authors(field: Field<'_>, report: &mut Report) -> Vec<String> {
    let Value::Text(text) = &field.node.value else { return people(field, report) };
    text.split(',')
        .flat_map(|names| names.split(" and "))
        .flat_map(|names| names.split(" & "))
        // `Ada, Ben, and Cleo` has a comma before the word.
        .map(|name| name.trim().trim_start_matches("and ").trim())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(super) fn read_credits(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    let Value::Map(entries) = &field.node.value else {
        manifest.about.authors = people(field, report);
        return;
    };
    for (key, node) in entries {
        let name = format!("credits.{}", key.text);
        let field = Field { key: &name, node, ..field };
        match key.text.as_str() {
            "authors" => manifest.about.authors = people(field, report),
            "translators" => {
                for (_, node) in field.map(report) {
                    people(Field { node, ..field }, report);
                }
            }
            known if CREDITS.contains(&known) => drop(people(field, report)),
            _ => manifest.version.unknown_key(FILE, key, &name, report),
        }
    }
}

/// Reads one or several names of people or sources: strings, or maps with a `name`.
pub(super) fn people(field: Field<'_>, report: &mut Report) -> Vec<String> {
    let nodes = match &field.node.value {
        Value::Null => return Vec::new(),
        Value::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(field.node),
    };
    let name = |node: &Node| {
        let field = Field { node, ..field };
        let Value::Map(entries) = &node.value else { return field.text(report) };
        let named = |name: &str| entries.iter().find(|(key, _)| key.text == name);
        let Some((_, node)) = named("name") else {
            field.error(report, "a string, or a map with a `name`");
            return None;
        };
        let name = Field { node, ..field }.text(report)?;
        let url = named("url").and_then(|(_, node)| Field { node, ..field }.text(report));
        Some(url.map_or(name.clone(), |url| format!("{name} ({url})")))
    };
    nodes.iter().filter_map(name).collect()
}

/// Adds the link to the source, which is a separate key in the older versions.
pub(super) fn add_source_url(url: Option<String>, manifest: &mut Manifest, report: &mut Report) {
    let Some(url) = url else { return };
    match manifest.about.sources.first_mut() {
        Some(source) => *source = format!("{source} ({url})"),
        None => report.warning(FILE, "there is a `source_url` without a `source`", "`source: …`"),
    }
}

pub(super) fn read_license(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    manifest.place("license", field);
    if field.is_null() {
        return;
    }
    let Some(license) = field.text(report) else { return };
    if !LICENSES.contains(&license.as_str()) {
        let message = format!("unknown license {}", quote(&license));
        let expected = format!("one of {}", LICENSES.join(", "));
        report.warning((FILE, field.position()), message, expected);
    }
    manifest.about.license = Some(license);
}

/// Warns if the rights owner does not fit the license.
pub(super) fn check_rights(manifest: &Manifest, report: &mut Report) {
    let about = &manifest.about;
    let place = |name| manifest.places.get(name).and_then(|(_, position)| *position);
    match about.license.as_deref() {
        None | Some("unknown") => {}
        Some("public domain") => {
            if about.rights_owner.is_some() {
                let message = "`rights_owner` is given for a problem in the public domain";
                let at = (FILE, place("rights_owner"));
                report.warning(at, message, "no `rights_owner`");
            }
        }
        Some(license) => {
            let has_owner = about.rights_owner.is_some()
                || !about.authors.is_empty()
                || !about.sources.is_empty();
            if !has_owner && manifest.version.is_newer() {
                let message = format!("no rights holder is given for the license {license}");
                let expected = "`rights_owner`, authors or a source";
                report.warning((FILE, place("license")), message, expected);
            }
        }
    }
}
