//! The statement and the editorial, which are Markdown files by natural language.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use pulldown_cmark::{Event, Parser, Tag};

use super::manifest::{self, Manifest};
use crate::diagnostic::{Report, quote};
use crate::limits::IMAGE_BYTES_MAX;
use crate::package::Options;
use crate::text::text;
use crate::tree::FileTree;

/// The newer name of the folder first.
const STATEMENT_FOLDERS: [&str; 2] = ["statement", "problem_statement"];
const EDITORIAL_FOLDERS: [&str; 1] = ["solution"];

/// The language of a file that does not say.
const UNNAMED_LANGUAGE: &str = "en";

/// Commands for where the samples stand. Here they always stand after the statement.
const SAMPLE_COMMANDS: [&str; 2] = ["{{nextsample}}", "{{remainingsamples}}"];

const MEDIA_TYPES: [(&str, &str); 4] =
    [("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("svg", "image/svg+xml")];

/// A statement in one natural language.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) language: String,
    /// With its images in it.
    pub(super) markdown: String,
}

pub(super) fn read_statement(
    tree: &FileTree,
    options: &Options,
    report: &mut Report,
) -> Option<Statement> {
    let found = find(tree, &STATEMENT_FOLDERS, "problem", options, report);
    if found.is_none() {
        let folder = STATEMENT_FOLDERS[1];
        let message = "there is no statement in Markdown";
        report.error(folder, message, format!("{folder}/problem.{}.md", options.natural_language));
    }
    found
}

pub(super) fn read_editorial(
    tree: &FileTree,
    options: &Options,
    report: &mut Report,
) -> Option<String> {
    find(tree, &EDITORIAL_FOLDERS, "solution", options, report).map(|found| found.markdown)
}

/// The problem's name in the language of the statement.
pub(super) fn title(
    manifest: &Manifest,
    statement: Option<&Statement>,
    report: &mut Report,
) -> String {
    let Manifest { names, places, .. } = manifest;
    let language = statement.map_or(UNNAMED_LANGUAGE, |statement| &statement.language);
    if let Some(name) = names.get("").or_else(|| names.get(language)) {
        return name.clone();
    }
    if !names.is_empty() {
        let message = format!("`name` has no text for {}", quote(language));
        let place = places.get("title").copied();
        report.error((manifest::FILE, place), message, "a name in the language of the statement");
    }
    String::new()
}

/// The Markdown file `<stem>.<language>.md` in the preferred language, or else in any.
fn find(
    tree: &FileTree,
    folders: &[&str],
    stem: &str,
    options: &Options,
    report: &mut Report,
) -> Option<Statement> {
    let mut by_language: BTreeMap<&str, (String, &Bytes)> = BTreeMap::new();
    for folder in folders {
        for (name, bytes) in tree.under(folder) {
            let Some(rest) = name.strip_suffix(".md").and_then(|rest| rest.strip_prefix(stem))
            else {
                continue;
            };
            let language = match rest.strip_prefix('.') {
                Some(language) => language,
                None if rest.is_empty() => UNNAMED_LANGUAGE,
                None => continue,
            };
            by_language.entry(language).or_insert_with(|| (format!("{folder}/{name}"), bytes));
        }
    }
    let (language, (path, bytes)) = by_language
        .get_key_value(options.natural_language.as_str())
        .or_else(|| by_language.first_key_value())?;
    for (other, (path, _)) in by_language.iter().filter(|(other, _)| *other != language) {
        let message = format!("is left aside: one language is kept, {language} and not {other}");
        report.warning(path, message, "");
    }
    let mut markdown = text(path, bytes, report)?.to_owned();
    for command in SAMPLE_COMMANDS {
        markdown = markdown.replace(command, "");
    }
    if markdown.trim().is_empty() {
        report.error(path, "is empty", "a text in Markdown");
    }
    Some(Statement {
        language: (*language).to_owned(),
        markdown: put_images_in(&markdown, path, tree, report),
    })
}

/// Puts the images that the Markdown names into it, as `data:` addresses, so that it stands alone.
fn put_images_in(markdown: &str, path: &str, tree: &FileTree, report: &mut Report) -> String {
    let (folder, _) = path.rsplit_once('/').unwrap_or_default();
    let mut result = String::new();
    let mut copied = 0;
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        let Event::Start(Tag::Image { dest_url, .. }) = event else { continue };
        let Some(address) = image(&dest_url, folder, path, tree, report) else { continue };
        let Some(start) = address_in(&markdown[range.clone()], &dest_url) else {
            let message = format!("the image {} is not named where it is shown", quote(&dest_url));
            report.error(path, message, "`![text](file)`");
            continue;
        };
        let start = range.start + start;
        // An image in the text of an image has been copied with it.
        if start < copied {
            continue;
        }
        result.push_str(&markdown[copied..start]);
        result.push_str(&address);
        copied = start + dest_url.len();
    }
    result.push_str(&markdown[copied..]);
    result
}

/// Where the address stands in `![text](address "title")`.
fn address_in(image: &str, address: &str) -> Option<usize> {
    let text_end = image.rfind("](")?;
    image[text_end..].find(address).map(|offset| text_end + offset)
}

fn image(
    name: &str,
    folder: &str,
    path: &str,
    tree: &FileTree,
    report: &mut Report,
) -> Option<String> {
    if name.contains(':') || name.starts_with("//") {
        let message = format!("the image {} is not in the package", quote(name));
        report.error(path, message, "a file beside the statement");
        return None;
    }
    // An editorial may show the images of the statement too.
    let folders = [folder].into_iter().chain(STATEMENT_FOLDERS);
    let Some(bytes) = folders.into_iter().find_map(|folder| tree.get(&format!("{folder}/{name}")))
    else {
        let message = format!("the image {} is missing", quote(name));
        report.error(path, message, format!("the file {folder}/{name}"));
        return None;
    };
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let Some((_, media_type)) = MEDIA_TYPES.iter().find(|(known, _)| *known == extension) else {
        let message = format!("the image {} is of no known type", quote(name));
        report.error(path, message, "a png, jpg or svg file");
        return None;
    };
    if bytes.len() > IMAGE_BYTES_MAX {
        let message = format!("the image {} has {} bytes", quote(name), bytes.len());
        report.error(path, message, format!("at most {IMAGE_BYTES_MAX}"));
        return None;
    }
    Some(format!("data:{media_type};base64,{}", STANDARD.encode(bytes)))
}
