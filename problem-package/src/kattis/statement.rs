//! Reads the statement and the editorial: texts by natural language, in Markdown or LaTeX, or as
//! PDF or HTML.

mod images;
mod latex;

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::Slug;
use domain::problem::Translation;

use super::attachments::Attachments;
use super::layout::STATEMENT_FOLDERS;
use super::manifest::{self, Manifest};
use super::time_limit;
use crate::blobs::Blobs;
use crate::diagnostic::{Report, quote};
use crate::formulas::{report_faults, report_faults_of_made};
use crate::package::Options;
use crate::text::text;
use crate::tree::FileTree;
use images::Images;

/// Folders of editorials.
const EDITORIAL_FOLDERS: [&str; 1] = ["solution"];

/// The language of a file without a language code.
const UNNAMED_LANGUAGE: &str = "en";

/// Extensions of texts, the preferred first.
const EXTENSIONS: [&str; 5] = ["md", "tex", "pdf", "html", "txt"];

/// Commands that place the samples. Assay always shows them after the statement.
const NEXT_SAMPLE: &str = "{{nextsample}}";
const REMAINING_SAMPLES: &str = "{{remainingsamples}}";

/// The texts of a problem.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) language: String,
    pub(super) title: String,
    /// Written in Markdown.
    pub(super) statement: String,
    pub(super) translations: Vec<Translation>,
    /// Written in Markdown.
    pub(super) editorial: Option<String>,
}

/// A text converted to Markdown.
struct Converted {
    /// The title given by the file itself.
    title: Option<String>,
    markdown: String,
}

/// The files of one text by extension, with their paths.
type Forms<'a> = BTreeMap<&'static str, (String, &'a Bytes)>;

pub(super) struct Reader<'a> {
    pub(super) tree: &'a FileTree,
    pub(super) manifest: &'a Manifest,
    pub(super) options: &'a Options,
    /// The number of samples to show.
    pub(super) samples: usize,
}

impl Reader<'_> {
    pub(super) fn read(
        &self,
        attachments: &mut Attachments,
        blobs: &mut Blobs,
        report: &mut Report,
    ) -> Texts {
        let found = self.find(&STATEMENT_FOLDERS, "problem", true, report);
        let Some(language) = self.choose(&found, &self.options.natural_language) else {
            let folder = if self.manifest.version.is_newer() {
                STATEMENT_FOLDERS[0]
            } else {
                STATEMENT_FOLDERS[1]
            };
            let language = self.options.natural_language.clone();
            let expected = format!("{folder}/problem.{language}.md");
            report.warning(folder, "there is no statement", expected);
            let title = self.title(&language, None, report);
            return Texts { language, title, ..Texts::default() };
        };
        let mut texts = Texts { language: language.clone(), ..Texts::default() };
        let mut made_by = BTreeMap::new();
        for (language, forms) in &found {
            for extension in ["pdf", "html", "txt"] {
                if let Some((path, bytes)) = forms.get(extension) {
                    let name = path.rsplit('/').next().unwrap_or(path);
                    attachments.put(&format!("statement/{name}"), bytes, blobs);
                }
            }
            if let Some((path, _)) = forms.get("html") {
                report.warning(
                    path,
                    "is not shown; it is attached",
                    "a statement in Markdown or LaTeX",
                );
            }
            let images = Some((&mut *attachments, &mut *blobs));
            let made = self.make(forms, images, report);
            made_by.insert(language.clone(), made);
        }
        let first = made_by.remove(&language).flatten();
        let (name, statement) =
            first.map_or((None, String::new()), |made| (made.title, made.markdown));
        texts.title = self.title(&language, name, report);
        texts.statement = statement;
        for (language, made) in made_by {
            let Some(made) = made else { continue };
            let named = self.manifest.names.get(&language).cloned().or(made.title);
            if named.is_none() && self.manifest.version.is_newer() {
                let message = format!("`name` has no text for {}", quote(&language));
                report.warning(manifest::FILE, message, "a name in each language of a statement");
            }
            texts.translations.push(Translation {
                title: named.unwrap_or_else(|| texts.title.clone()),
                statement: blobs.put(&Bytes::from(made.markdown)),
                language,
            });
        }
        self.report_spare_names(&found, report);
        texts.editorial = self.editorial(&texts.language, report);
        texts
    }

    /// The requested language, else English, else the first one.
    fn choose(&self, found: &BTreeMap<String, Forms<'_>>, asked: &str) -> Option<String> {
        let there = |language: &&str| found.contains_key(*language);
        let language = [asked, UNNAMED_LANGUAGE].into_iter().find(there).map(str::to_owned);
        language.or_else(|| found.keys().next().cloned())
    }

    /// Finds the files `<stem>.<language>.<extension>`, by language.
    fn find(
        &self,
        folders: &[&str],
        stem: &str,
        with_root: bool,
        report: &mut Report,
    ) -> BTreeMap<String, Forms<'_>> {
        let mut found: BTreeMap<String, Forms<'_>> = BTreeMap::new();
        let mut take = |path: String, name: &str, bytes| {
            let Some((rest, extension)) =
                name.strip_prefix(stem).and_then(|it| it.rsplit_once('.'))
            else {
                return;
            };
            let Some(extension) = EXTENSIONS.iter().find(|known| **known == extension) else {
                return;
            };
            let language = match rest.strip_prefix('.') {
                Some(language) if is_language(language) => language,
                None if rest.is_empty() => UNNAMED_LANGUAGE,
                Some(language) if !language.is_empty() => {
                    let message = format!("{} is not a language code", quote(language));
                    report.warning(&path, message, "a code such as en, sv or pt-BR");
                    return;
                }
                _ => return,
            };
            let forms = found.entry(language.to_owned()).or_default();
            if let Some((other, _)) = forms.get(*extension) {
                report.warning(&path, format!("is ignored: {other} is used"), "one of the two");
            } else {
                forms.insert(*extension, (path, bytes));
            }
        };
        for folder in folders {
            for (name, bytes) in self.tree.under(folder) {
                if !name.contains('/') {
                    take(format!("{folder}/{name}"), name, bytes);
                }
            }
        }
        // Packages of DOMjudge have the statement in the root.
        for extension in EXTENSIONS.iter().skip(2).filter(|_| with_root) {
            let name = format!("{stem}.{extension}");
            if let Some(bytes) = self.tree.get(&name) {
                take(name.clone(), &name, bytes);
            }
        }
        found
    }

    /// Converts a text to Markdown. Without `attachments`, large images are left out.
    fn make(
        &self,
        forms: &Forms<'_>,
        attachments: Option<(&mut Attachments, &mut Blobs)>,
        report: &mut Report,
    ) -> Option<Converted> {
        let mut images = Images::new(self.tree, attachments);
        if let Some((path, bytes)) = forms.get("md") {
            let source = text(path, bytes, report)?;
            let constants = &self.manifest.constants;
            constants.report_unknown(path, source, self.manifest.version, report);
            self.check_samples(path, source, [NEXT_SAMPLE, REMAINING_SAMPLES], report);
            let markdown = constants.replace(source);
            let markdown = markdown.replace(NEXT_SAMPLE, "").replace(REMAINING_SAMPLES, "");
            if markdown.trim().is_empty() {
                report.warning(path, "is empty", "a text in Markdown");
            }
            report_faults(path, &markdown, report);
            let markdown = images.put_in(&markdown, path, false, report);
            return Some(Converted { title: None, markdown });
        }
        if let Some((path, bytes)) = forms.get("tex") {
            let source = text(path, bytes, report)?;
            self.check_samples(path, source, ["\\nextsample", "\\remainingsamples"], report);
            let plain = latex::plain(source, &self.manifest.constants);
            if plain.body.trim().is_empty() {
                report.warning(path, "is empty", "a text in LaTeX");
            }
            let markdown = self.convert(path, &plain, &mut images, report);
            return Some(Converted { title: plain.title, markdown });
        }
        let (path, _) = ["pdf", "html", "txt"].iter().find_map(|it| forms.get(it))?;
        let name = path.rsplit('/').next().unwrap_or(path);
        let markdown = format!("The statement is in the attached file `statement/{name}`.\n");
        Some(Converted { title: None, markdown })
    }

    fn convert(
        &self,
        path: &str,
        plain: &latex::Plain,
        images: &mut Images<'_>,
        report: &mut Report,
    ) -> String {
        let converted =
            self.options.latex.as_ref().map(|convert| convert(&plain.body, self.tree.budget()));
        let reason = match converted {
            Some(Ok(markdown)) => {
                report_faults_of_made(path, &markdown, report);
                return images.put_in(&markdown, path, true, report);
            }
            Some(Err(error)) => error,
            None => "no LaTeX converter is available".to_owned(),
        };
        report.warning(path, format!("is shown as LaTeX: {reason}"), "");
        for image in &plain.images {
            images.attach(image, path, report);
        }
        format!("```latex\n{}\n```\n", plain.body.trim())
    }

    fn check_samples(&self, path: &str, source: &str, [next, _]: [&str; 2], report: &mut Report) {
        let asked = source.matches(next).count();
        if asked > self.samples {
            let message = format!("shows {asked} samples, but the package has {}", self.samples);
            report.warning(path, message, "a sample for each");
        }
    }

    /// The problem's name in the language of the statement.
    fn title(&self, language: &str, own: Option<String>, report: &mut Report) -> String {
        let Manifest { names, places, .. } = self.manifest;
        let given = names.get("").or_else(|| names.get(language)).cloned();
        // In the older format the name may be in the statement only.
        if let Some(name) = given.or(own).filter(|name| !name.trim().is_empty()) {
            return name;
        }
        if let Some(name) = names.values().find(|name| !name.trim().is_empty()) {
            let message = format!("`name` has no text for {}", quote(language));
            let place = places.get("title").and_then(|(_, position)| *position);
            let expected = "a name in the language of the statement";
            report.warning((manifest::FILE, place), message, expected);
            return name.clone();
        }
        time_limit::setting(self.tree, "name", report).unwrap_or_else(|| {
            let message = "the problem has no name, so the package's name is used";
            report.warning(manifest::FILE, message, "`name: …`");
            let slug = self.options.slug.as_ref().map(Slug::as_str);
            slug.or(self.tree.name()).unwrap_or_default().to_owned()
        })
    }

    fn report_spare_names(&self, found: &BTreeMap<String, Forms<'_>>, report: &mut Report) {
        for language in self.manifest.names.keys() {
            if !language.is_empty() && !found.contains_key(language) {
                let message = format!(
                    "`name` has a text for {}, but there is no statement in that language",
                    quote(language)
                );
                report.warning(manifest::FILE, message, "");
            }
        }
    }

    fn editorial(&self, language: &str, report: &mut Report) -> Option<String> {
        let found = self.find(&EDITORIAL_FOLDERS, "solution", false, report);
        let chosen = self.choose(&found, language)?;
        let is_readable = |forms: &Forms<'_>| forms.contains_key("md") || forms.contains_key("tex");
        for (language, forms) in &found {
            for (path, _) in forms.values() {
                if !is_readable(forms) {
                    report.warning(path, "is ignored", "a text in Markdown or LaTeX");
                } else if *language != chosen {
                    let message = format!("is ignored: only the editorial in {chosen} is kept");
                    report.warning(path, message, "");
                }
            }
        }
        let forms = found.get(&chosen).filter(|forms| is_readable(forms))?;
        self.make(forms, None, report).map(|made| made.markdown)
    }
}

/// `en`, `fil`, `pt-BR`.
fn is_language(code: &str) -> bool {
    let (language, region) = code.split_once('-').map_or((code, None), |(it, at)| (it, Some(at)));
    let is_code = |code: &str| code.chars().all(|c| c.is_ascii_alphabetic());
    (2..=3).contains(&language.len())
        && is_code(language)
        && region.is_none_or(|region| (2..=4).contains(&region.len()) && is_code(region))
}
