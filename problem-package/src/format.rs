//! Detects the format of a package by its files.

use domain::Slug;

use crate::diagnostic::{Diagnostic, Report, quote};
use crate::naming::Identity;
use crate::package::{Options, Package};
use crate::tree::{FileTree, OVER_TIME};
use crate::{dmoj, fps, kattis, polygon};

/// Families of formats, each with the file that identifies it.
enum Family {
    /// Packages with a `problem.yaml`.
    Kattis,
    /// `problem.xml` with the root `problem`.
    Polygon,
    /// Packages with an `init.yml`.
    Dmoj,
    /// One XML file with `<fps`.
    Fps,
}

/// Whether a file of this name in the root may identify the format.
pub(crate) fn may_identify_format(name: &str) -> bool {
    matches!(name, "problem.yaml" | "init.yml") || name.ends_with(".xml") && !name.contains('/')
}

/// A file that identifies a format is searched for in less than this number of nested folders.
const FOLDERS_MAX: usize = 4;

/// Bytes at the start of an XML file in which its root element is searched for.
const XML_HEAD_BYTES: usize = 16 * 1024;

/// Reads a package in any supported format. Only a Free Problem Set has more than one problem.
///
/// # Errors
/// Returns all errors and warnings of the package.
pub fn read(tree: &FileTree, options: &Options) -> Result<Vec<Package>, Vec<Diagnostic>> {
    let mut read = read_whole(tree, options);
    read.iter_mut().flatten().for_each(Package::choose_reference);
    if !tree.budget().is_spent() {
        return read;
    }
    // Files that were not read in time would be reported as missing.
    let mut report = Report::default();
    report.error("", OVER_TIME, "less data, or fewer and simpler texts");
    Err(report.finish().unwrap_or_else(|diagnostics| diagnostics))
}

fn read_whole(tree: &FileTree, options: &Options) -> Result<Vec<Package>, Vec<Diagnostic>> {
    let family = family(tree);
    // The Kattis reader decides itself which broken links matter for judging.
    let broken = tree.broken_links();
    if !matches!(family, Some(Family::Kattis)) && !broken.is_empty() {
        return Err(broken.iter().chain(tree.warnings()).cloned().collect());
    }
    match family {
        Some(Family::Kattis) => kattis::read(tree, options).map(|package| vec![package]),
        Some(Family::Polygon) => polygon::read(tree, options),
        Some(Family::Dmoj) => dmoj::read(tree, options),
        Some(Family::Fps) => fps::read(tree, options),
        None => Err(unknown(tree)),
    }
}

fn family(tree: &FileTree) -> Option<Family> {
    let has_root = |bytes: &[u8], root: &str| {
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(XML_HEAD_BYTES)]);
        head.match_indices(&format!("<{root}")).any(|(at, found)| {
            let after = head[at + found.len()..].chars().next();
            after.is_some_and(|c| c.is_whitespace() || c == '>' || c == '/')
        })
    };
    if tree.get("problem.yaml").is_some() {
        return Some(Family::Kattis);
    }
    if tree.get("problem.xml").is_some_and(|bytes| has_root(bytes, "problem")) {
        return Some(Family::Polygon);
    }
    if tree.get("init.yml").is_some() {
        return Some(Family::Dmoj);
    }
    let mut files = tree.files();
    match (files.next(), files.next()) {
        (Some((path, bytes)), None) if path.ends_with(".xml") && has_root(bytes, "fps") => {
            Some(Family::Fps)
        }
        _ => None,
    }
}

fn unknown(tree: &FileTree) -> Vec<Diagnostic> {
    let expected = "problem.yaml (Kattis), problem.xml (Polygon), init.yml (DMOJ) or one XML file with \
                    `<fps>` (Free Problem Set)";
    let mut report = Report::default();
    report.extend(tree.warnings());
    let begins = |name: &str| matches!(name, "problem.yaml" | "problem.xml" | "init.yml");
    let folders: Vec<&str> = tree
        .files()
        .filter_map(|(path, _)| path.rsplit_once('/').filter(|(_, name)| begins(name)))
        .map(|(folder, _)| folder)
        .filter(|folder| folder.split('/').count() < FOLDERS_MAX)
        .collect();
    match folders[..] {
        [] => report.error("", "is in no supported format", expected),
        [folder] => {
            let is_beside = |path: &&str| !path.starts_with(&format!("{folder}/"));
            let beside = tree.files().map(|(path, _)| path).find(is_beside).unwrap_or_default();
            let (folder, beside) = (quote(folder), quote(beside));
            let message = format!("the package is in {folder}, but {beside} is outside it");
            report.error("", message, format!("{folder} alone"));
        }
        [first, second, ..] => {
            let (first, second) = (quote(first), quote(second));
            let message =
                format!("there are {} packages, as in {first} and {second}", folders.len());
            report.error("", message, "one package");
        }
    }
    if tree.get("problem.yml").is_some() {
        report.error("problem.yml", "is not read", "problem.yaml");
    }
    report.finish().expect_err("there is an error")
}

/// The slug made of the archive's file name, or `None` if the package names its problems itself, as
/// Polygon packages and Free Problem Sets do, or is named by a folder around it.
pub fn slug_of_file(tree: &FileTree) -> Option<Slug> {
    let is_nameless = matches!(family(tree), Some(Family::Kattis | Family::Dmoj));
    let name = tree.name().filter(|_| is_nameless && tree.is_named_by_file())?;
    Identity::of_name(name).map(|identity| identity.slug)
}
