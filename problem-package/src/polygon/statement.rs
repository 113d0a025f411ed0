//! Reads names and statements, which are LaTeX in several natural languages.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::problem::bounds::MARKDOWN_BYTES_MAX;
use domain::problem::{Attachment, Translation};

use super::languages::natural;
use crate::blobs::Blobs;
use crate::diagnostic::{Report, quote};
use crate::formulas::report_faults_of_made;
use crate::images::{self, Kind, Shown};
use crate::limits::ATTACHED_IMAGE_BYTES_MAX;
use crate::package::Options;
use crate::text::text;
use crate::tree::FileTree;
use crate::xml::Element;
use crate::yaml::{self, Value};

/// The parts of a statement, with English and Russian headings. The first part has none.
const SECTIONS: [(&str, &str, &str); 6] = [
    ("legend", "", ""),
    ("input", "Input", "Входные данные"),
    ("output", "Output", "Выходные данные"),
    ("interaction", "Interaction", "Протокол взаимодействия"),
    ("scoring", "Scoring", "Система оценки"),
    ("notes", "Notes", "Примечание"),
];
const TUTORIAL: &str = "tutorial";

/// Commands that start a section of `problem.tex`.
const COMMANDS: [(&str, &str); 8] = [
    ("\\InputFile", "input"),
    ("\\OutputFile", "output"),
    ("\\Interaction", "interaction"),
    ("\\Scoring", "scoring"),
    ("\\Note", "notes"),
    ("\\Example", ""),
    ("\\begin{example}", ""),
    ("\\end{problem}", ""),
];

/// The texts of a problem.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) title: String,
    pub(super) language: String,
    pub(super) statement: String,
    pub(super) editorial: Option<String>,
    pub(super) translations: Vec<Translation>,
    pub(super) attachments: Vec<Attachment>,
}

/// The LaTeX of one statement by section, and its folder.
struct Sections {
    folder: String,
    by_name: BTreeMap<&'static str, String>,
}

pub(super) fn read(
    root: Element<'_>,
    tree: &FileTree,
    options: &Options,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Texts {
    let names = names(root, report);
    let pdfs = pdfs(root, tree, report);
    let mut languages: Vec<&str> = names.iter().map(|(language, _)| language.as_str()).collect();
    let folders =
        ["statement-sections", "statements"].into_iter().flat_map(|folder| tree.under(folder));
    let of_folders =
        folders.filter_map(|(name, _)| name.split_once('/')).map(|(language, _)| language);
    for language in of_folders.filter(|language| !language.starts_with('.')) {
        if !languages.contains(&language) {
            languages.push(language);
        }
    }
    let mut texts = Texts::default();
    for (language, bytes) in &pdfs {
        let path = format!("problem.{}.pdf", natural(language));
        texts.attachments.push(Attachment { path, content: blobs.put(bytes) });
    }
    let is_preferred = |language: &&&str| natural(language) == options.natural_language;
    let Some(main) = languages.iter().find(is_preferred).or(languages.first()).copied() else {
        report.error(
            root.place(),
            "the problem has no name",
            "<names><name language=\"…\" value=\"…\"/>",
        );
        return texts;
    };
    for language in std::iter::once(main).chain(languages.iter().copied().filter(|it| *it != main))
    {
        let sections = sections(language, tree, report);
        let title = title(language, &names, sections.as_ref());
        let kept = (&mut texts.attachments, &mut *blobs);
        let mut made =
            sections.map(|sections| markdown(language, &sections, tree, options, kept, report));
        if made.is_none() && pdfs.iter().any(|(of, _)| *of == language) {
            let code = natural(language);
            made = Some((
                format!("The statement is in the attached file `problem.{code}.pdf`.\n"),
                None,
            ));
        }
        if language == main {
            let (statement, editorial) = made.unwrap_or_else(|| {
                let folder = format!("statement-sections/{language}");
                let expected = "legend.tex, input.tex and output.tex";
                report.warning(&folder, "there is no statement", expected);
                (String::new(), None)
            });
            let title = title.unwrap_or_default();
            let code = natural(language);
            texts = Texts { title, language: code, statement, editorial, ..texts };
        } else if let Some((statement, _)) = made {
            texts.translations.push(Translation {
                language: natural(language),
                title: title.unwrap_or_else(|| texts.title.clone()),
                statement: blobs.put(&Bytes::from(statement)),
            });
        }
    }
    texts
}

/// The problem's names by natural language, from `<names>`.
fn names(root: Element<'_>, report: &mut Report) -> Vec<(String, String)> {
    let elements = root.child("names").into_iter().flat_map(|names| names.children("name"));
    let mut names: Vec<(String, String)> = Vec::new();
    for element in elements {
        let language = element.required("language", report);
        let value = element.required("value", report);
        let (Some(language), Some(value)) = (language, value) else { continue };
        if names.iter().any(|(earlier, _)| earlier == language) {
            let message = format!("the name in {} occurs twice", quote(language));
            report.error(element.place(), message, "one name in each language");
        } else {
            names.push((language.to_owned(), value.trim().to_owned()));
        }
    }
    names
}

fn title(
    language: &str,
    names: &[(String, String)],
    sections: Option<&Sections>,
) -> Option<String> {
    let named = names.iter().find(|(of, _)| of == language).map(|(_, name)| name.clone());
    named.or_else(|| Some(sections?.by_name.get("name")?.trim().to_owned()))
}

/// The PDF statements by language.
fn pdfs<'a>(
    root: Element<'a>,
    tree: &'a FileTree,
    report: &mut Report,
) -> Vec<(&'a str, &'a Bytes)> {
    let elements = root.child("statements").into_iter().flat_map(|all| all.children("statement"));
    let mut pdfs = Vec::new();
    for element in elements.filter(|element| element.attribute("type") == Some("application/pdf")) {
        let language = element.attribute("language").unwrap_or_default();
        let path = element.attribute("path").unwrap_or_default();
        match tree.get(path) {
            Some(_) if pdfs.iter().any(|(earlier, _)| *earlier == language) => {
                let message = format!("the statement {} is ignored", quote(path));
                report.warning(element.place(), message, "one PDF file in each language");
            }
            Some(bytes) => pdfs.push((language, bytes)),
            None => {
                let message = format!("the statement {} is missing", quote(path));
                report.warning(element.place(), message, "a PDF file in the package");
            }
        }
    }
    pdfs
}

/// The statement in one language, from any of its places in the package.
fn sections(language: &str, tree: &FileTree, report: &mut Report) -> Option<Sections> {
    let folder = format!("statement-sections/{language}");
    let mut by_name = BTreeMap::new();
    for name in section_names() {
        let path = format!("{folder}/{name}.tex");
        if let Some(bytes) = tree.get(&path) {
            by_name.insert(name, text(&path, bytes, report)?.to_owned());
        }
    }
    let has_statement = |by_name: &BTreeMap<&str, String>| {
        by_name.keys().any(|name| SECTIONS.iter().any(|(section, _, _)| section == name))
    };
    if has_statement(&by_name) {
        return Some(Sections { folder, by_name });
    }
    let folder = format!("statements/{language}");
    let path = format!("{folder}/problem-properties.json");
    if let Some(bytes) = tree.get(&path) {
        // JSON is valid YAML.
        for (key, node) in yaml::read_map(&path, bytes, report)? {
            let name = section_names().find(|name| *name == key.text);
            if let (Some(name), Value::Text(text)) = (name, node.value) {
                by_name.insert(name, text);
            }
        }
        if has_statement(&by_name) {
            return Some(Sections { folder, by_name });
        }
    }
    let path = format!("{folder}/problem.tex");
    by_name.extend(split(text(&path, tree.get(&path)?, report)?));
    has_statement(&by_name).then_some(Sections { folder, by_name })
}

fn section_names() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().map(|(name, _, _)| *name).chain([TUTORIAL, "name"])
}

/// Splits a `problem.tex` into sections, without its examples.
fn split(latex: &str) -> BTreeMap<&'static str, String> {
    let mut by_name: BTreeMap<&'static str, String> = BTreeMap::new();
    let mut section = "legend";
    for line in latex.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("\\begin{problem}") {
            continue;
        }
        let command = COMMANDS.iter().find(|(command, _)| trimmed.starts_with(command));
        if let Some((_, name)) = command {
            section = name;
            continue;
        }
        let text = by_name.entry(section).or_default();
        text.push_str(line);
        text.push('\n');
    }
    by_name.retain(|name, text| !name.is_empty() && !text.trim().is_empty());
    by_name
}

/// Converts the statement and the editorial.
fn markdown(
    language: &str,
    sections: &Sections,
    tree: &FileTree,
    options: &Options,
    (attachments, blobs): (&mut Vec<Attachment>, &mut Blobs),
    report: &mut Report,
) -> (String, Option<String>) {
    let Sections { folder, by_name } = sections;
    if options.latex.is_none() {
        let message = "is LaTeX and is shown as it is written";
        report.warning(folder, message, "");
    }
    let mut convert = |name: &str| {
        let latex = by_name.get(name).filter(|latex| !latex.trim().is_empty())?;
        let path = format!("{folder}/{name}.tex");
        let kept = (&mut *attachments, &mut *blobs);
        Some(convert(latex, (&path, language), tree, options, kept, report))
    };
    let mut statement = String::new();
    for (name, heading, russian) in SECTIONS {
        let Some(text) = convert(name) else { continue };
        if !heading.is_empty() {
            let heading = if language == "russian" { russian } else { heading };
            statement.push_str(&format!("\n## {heading}\n\n"));
        }
        statement.push_str(text.trim_end());
        statement.push('\n');
    }
    (statement, convert(TUTORIAL))
}

fn convert(
    latex: &str,
    (path, language): (&str, &str),
    tree: &FileTree,
    options: &Options,
    (attachments, blobs): (&mut Vec<Attachment>, &mut Blobs),
    report: &mut Report,
) -> String {
    let markdown = match options.latex.as_ref().map(|convert| convert(latex, tree.budget())) {
        Some(Ok(markdown)) => markdown,
        Some(Err(reason)) => {
            let message = format!("is LaTeX and is shown as it is written: {reason}");
            report.warning(path, message, "");
            return fenced(latex);
        }
        None => return fenced(latex),
    };
    report_faults_of_made(path, &markdown, report);
    let mut room = MARKDOWN_BYTES_MAX.saturating_sub(markdown.len()) / SECTIONS.len();
    images::show(&markdown, |name, _| {
        let Some((path_of, bytes)) = image(name, language, tree) else {
            let message = format!("the image {} is missing", quote(name));
            report.warning(path, message, format!("the file statement-sections/{language}/{name}"));
            return None;
        };
        // Embedded images are limited so that the whole statement stays within its bounds.
        if let Some(address) = images::data_address(bytes).filter(|it| it.len() <= room) {
            room -= address.len();
            return Some(Shown::At(address));
        }
        let file = path_of.rsplit_once('/').map_or(&*path_of, |(_, file)| file);
        let attached = format!("statement/{file}");
        if !attachments.iter().any(|earlier| earlier.path == attached) {
            attachments.push(Attachment { path: attached.clone(), content: blobs.put(bytes) });
        }
        let (message, expected) = match images::kind(bytes) {
            Kind::Small | Kind::Large => return Some(Shown::At(images::address(&attached))),
            Kind::TooLarge => {
                let message =
                    format!("the image {} has {} bytes and is not shown", quote(name), bytes.len());
                (message, format!("at most {ATTACHED_IMAGE_BYTES_MAX}"))
            }
            Kind::Unknown => {
                let message =
                    format!("the image {} is of a type that browsers cannot show", quote(file));
                (message, images::cure(file))
            }
        };
        report.warning(path, message, expected);
        Some(Shown::Instead(format!("(image: the attached file `{attached}`)")))
    })
}

/// Finds an image beside the statement, with its path.
fn image<'a>(name: &str, language: &str, tree: &'a FileTree) -> Option<(String, &'a Bytes)> {
    images::file_names(name, true).into_iter().find_map(|name| {
        ["statement-sections", "statements"].into_iter().find_map(|folder| {
            let path = format!("{folder}/{language}/{name}");
            tree.get(&path).map(|bytes| (path.clone(), bytes))
        })
    })
}

/// LaTeX as a code block. The fence is longer than any in the text.
fn fenced(latex: &str) -> String {
    let mut fence = "```".to_owned();
    while latex.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}latex\n{}\n{fence}\n", latex.trim_end())
}
