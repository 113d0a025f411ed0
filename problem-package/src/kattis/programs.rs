//! Reads programs of the package. Each is a file or a folder.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::LanguageId;
use domain::problem::{PackagedProgram, ProgramFile};

use super::manifest::Manifest;
use crate::blobs::Blobs;
use crate::diagnostic::Report;
use crate::languages::{Detected, detect};
use crate::text::unix_lines;
use crate::tree::FileTree;

/// Scripts that build and run a program in any language.
const SCRIPTS: [&str; 2] = ["build", "run"];

/// Extensions of headers beside single-file programs, which may include them.
const HEADERS: [&str; 4] = ["h", "hh", "hpp", "hxx"];

/// Files by path, relative to the program.
pub(super) type Files<'a> = Vec<(&'a str, &'a Bytes)>;

/// An entry directly in a folder: a single file, or a folder of files.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) is_folder: bool,
    pub(super) files: Files<'a>,
}

pub(super) fn entries<'a>(tree: &'a FileTree, folder: &str) -> Vec<Entry<'a>> {
    let mut entries: BTreeMap<&str, Entry<'_>> = BTreeMap::new();
    for (path, bytes) in tree.under(folder) {
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        let is_folder = !rest.is_empty();
        let entry = entries.entry(name).or_insert(Entry { name, is_folder, files: vec![] });
        entry.files.push((if is_folder { rest } else { name }, bytes));
    }
    entries.into_values().collect()
}

/// Reads every program in a folder. One in an unavailable language is an error if `is_needed`,
/// otherwise a warning.
pub(super) fn read_all(
    tree: &FileTree,
    folder: &str,
    is_needed: bool,
    manifest: &Manifest,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Vec<PackagedProgram> {
    let entries = entries(tree, folder);
    let (headers, entries): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| !entry.is_folder && is_header(entry.name));
    let headers: Files<'_> = headers.into_iter().flat_map(|entry| entry.files).collect();
    let mut programs = Vec::new();
    for mut entry in entries {
        let name = format!("{folder}/{}", entry.name);
        if !entry.is_folder && is_notice(entry.name) {
            continue;
        }
        if matches!(entry.name.rsplit_once('.'), Some((_, "ctd" | "viva"))) {
            report.warning(&name, "is not run: it is not a program", "a program");
            continue;
        }
        if !entry.is_folder {
            entry.files.extend(&headers);
        }
        let files = &entry.files;
        programs.extend(read(&name, entry.is_folder, is_needed, files, manifest, blobs, report));
    }
    programs
}

/// Reads the only program of a folder: the only file or subfolder in it, or all its files.
pub(super) fn read_single(
    tree: &FileTree,
    folder: &str,
    manifest: &Manifest,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Option<PackagedProgram> {
    let mut entries = entries(tree, folder);
    entries.retain(|entry| entry.is_folder || !is_notice(entry.name));
    match entries.as_slice() {
        [] => {
            report.error(folder, "contains no program", "a program in a known language");
            None
        }
        [only] => {
            let name = format!("{folder}/{}", only.name);
            read(&name, only.is_folder, true, &only.files, manifest, blobs, report)
        }
        _ => {
            let files: Files<'_> = tree.under(folder).collect();
            read(folder, true, true, &files, manifest, blobs, report)
        }
    }
}

fn read(
    name: &str,
    is_folder: bool,
    is_needed: bool,
    files: &Files<'_>,
    manifest: &Manifest,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Option<PackagedProgram> {
    let has_scripts = is_folder && files.iter().any(|(path, _)| SCRIPTS.contains(path));
    let language = match has_scripts {
        true => None,
        false => Some(manifest.standard(language(name, files, is_needed, report)?)),
    };
    Some(PackagedProgram {
        name: name.to_owned(),
        language,
        files: program_files(files.iter().copied(), manifest, blobs),
    })
}

/// The files of a program, with constants replaced.
pub(super) fn program_files<'a>(
    files: impl Iterator<Item = (&'a str, &'a Bytes)>,
    manifest: &Manifest,
    blobs: &mut Blobs,
) -> Vec<ProgramFile> {
    files
        .map(|(path, bytes)| {
            let executable = SCRIPTS.contains(&path) || bytes.starts_with(b"#!");
            let mut bytes = manifest.constants.replace_in(bytes);
            if executable {
                // With CRLF, the kernel would take the carriage return as part of the interpreter's
                // name.
                bytes = unix_lines(&bytes).into_owned();
            }
            ProgramFile { path: path.to_owned(), content: blobs.put(&bytes), executable }
        })
        .collect()
}

/// The language of a program. An unavailable one is an error if `is_needed`.
fn language(
    name: &str,
    files: &Files<'_>,
    is_needed: bool,
    report: &mut Report,
) -> Option<LanguageId> {
    match detect(files) {
        Detected::Known { language, others } => {
            report_others(name, &language, &others, report);
            Some(language)
        }
        Detected::Missing(missing) => {
            let message = format!("is in {missing}, which is not available here");
            let expected = "an available language";
            match is_needed {
                true => report.error(name, message, expected),
                false => report.warning(name, message + ", and is not run", expected),
            }
            None
        }
        Detected::Nothing => {
            let message = "is in no known language and is ignored";
            report.warning(name, message, "a source file, or `build` or `run`");
            None
        }
    }
}

/// Warns of files in other languages than the program's.
pub(super) fn report_others(
    name: &str,
    language: &LanguageId,
    others: &[String],
    report: &mut Report,
) {
    if !others.is_empty() {
        let message = format!("is treated as {language} but has files in {}", others.join(" and "));
        report.warning(name, message, "one language");
    }
}

fn is_header(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| HEADERS.contains(&extension))
}

/// Whether a file is documentation of a program.
fn is_notice(name: &str) -> bool {
    let begins = ["README", "LICENSE", "Makefile"].iter().any(|known| name.starts_with(known));
    begins || name.rsplit_once('.').is_some_and(|(_, extension)| matches!(extension, "md" | "txt"))
}
