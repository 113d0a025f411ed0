//! A package as a tree of files in memory.
//!
//! A [`FileTreeBuilder`] takes the untrusted entries of a directory or an archive one by one.
//! [`FileTreeBuilder::finish`] returns either a tree in which every path is safe and links are
//! resolved, or all errors.

mod links;
mod path;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use bytes::Bytes;

use crate::budget::Budget;
use crate::diagnostic::{Diagnostic, Report, quote};
use crate::limits::TreeLimits;

pub(crate) use path::Omitted;

/// Whether a path, relative to the package root, is ignored: hidden files, and files that operating
/// systems leave behind.
pub fn counts_as_absent(path: &str) -> bool {
    Omitted::Hidden.covers(path)
}

/// An entry of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File(Bytes),
    /// A folder. Its files are separate entries.
    Folder,
    /// A symbolic link.
    Link {
        /// The target, as written in the link.
        target: Vec<u8>,
    },
    /// A device, pipe or socket, which packages must not contain.
    Special,
}

/// The error for a package whose budget is spent.
pub(crate) const OVER_TIME: &str = "reading the package takes too long";

/// The files of a package by path, with links resolved.
#[derive(Debug, Clone, Default)]
pub struct FileTree {
    budget: Budget,
    name: Option<String>,
    is_named_by_file: bool,
    files: BTreeMap<String, Bytes>,
    warnings: Vec<Diagnostic>,
    broken_links: Vec<Diagnostic>,
}

impl FileTree {
    /// A builder for a tree.
    pub fn builder(limits: TreeLimits) -> FileTreeBuilder {
        FileTreeBuilder {
            limits,
            omitted: Omitted::Hidden,
            root: None,
            total_bytes: 0,
            entries: 0,
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            report: Report::default(),
            broken_links: Report::default(),
            full: false,
        }
    }

    /// The name of the folder around everything, or of the archive file if it is known.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Sets the name of the archive file as the tree's name, unless a folder around everything
    /// already names it.
    #[must_use]
    pub fn or_named(mut self, file_stem: &str) -> Self {
        if self.name.is_none() {
            self.name = Some(file_stem.to_owned());
            self.is_named_by_file = true;
        }
        self
    }

    /// Whether the name comes from the archive's file name and not from its contents.
    pub fn is_named_by_file(&self) -> bool {
        self.is_named_by_file
    }

    /// The file at a path, unless the budget is spent.
    pub fn get(&self, path: &str) -> Option<&Bytes> {
        self.files.get(path).filter(|_| !self.budget.is_spent())
    }

    /// All files in order of their paths, until the budget is spent.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        let files = self.files.iter().map(|(path, bytes)| (path.as_str(), bytes));
        files.take_while(|_| !self.budget.is_spent())
    }

    /// The files in a folder and its subfolders, with paths relative to the folder.
    pub fn under<'a>(
        &'a self,
        folder: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Bytes)> + use<'a> {
        let prefix = format!("{folder}/");
        self.files
            .range(prefix.clone()..)
            .map_while(move |(path, bytes)| Some((path.strip_prefix(&prefix)?, bytes)))
            .take_while(|_| !self.budget.is_spent())
    }

    /// The tree without the files `removed` and with the files `added`, which must not be there yet.
    pub(crate) fn replacing(
        &self,
        removed: &[String],
        added: BTreeMap<String, Bytes>,
        report: &mut Report,
    ) -> Self {
        let mut tree = self.clone();
        removed.iter().for_each(|path| drop(tree.files.remove(path)));
        for (path, bytes) in added {
            match tree.files.entry(path) {
                Slot::Vacant(slot) => drop(slot.insert(bytes)),
                Slot::Occupied(slot) => {
                    let path = slot.key().as_str();
                    report.error(path, "there is another file of this name", "another name");
                }
            }
        }
        tree
    }

    /// The budget for reading the tree.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// An error for each link that could not be followed. Whether the package can be used without
    /// these links depends on its format.
    pub fn broken_links(&self) -> &[Diagnostic] {
        &self.broken_links
    }

    /// Warnings from building the tree.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

/// Builds a [`FileTree`] within limits.
#[derive(Debug)]
pub struct FileTreeBuilder {
    limits: TreeLimits,
    omitted: Omitted,
    /// The folder that every path starts with.
    root: Option<String>,
    total_bytes: u64,
    entries: usize,
    files: BTreeMap<String, Bytes>,
    links: BTreeMap<String, String>,
    report: Report,
    broken_links: Report,
    full: bool,
}

impl FileTreeBuilder {
    /// Declares that every path starts with this folder; empty for none. The prefix is removed, and
    /// the folder's last name becomes the tree's name.
    #[must_use]
    pub fn rooted(mut self, folder: &str) -> Self {
        self.root = Some(folder.to_owned());
        self
    }

    pub(crate) fn omitting(mut self, omitted: Omitted) -> Self {
        self.omitted = omitted;
        self
    }

    /// Whether an entry is ignored. Its contents need not be read, nor the entries below it.
    pub fn omits(&self, path: &[u8]) -> bool {
        self.omitted.covers(&String::from_utf8_lossy(self.in_root(path)))
    }

    /// Whether a file of this size still fits the limits. Call it before reading the file. A file
    /// that does not fit is reported.
    pub fn admits(&mut self, path: &[u8], bytes: u64) -> bool {
        let TreeLimits { file_bytes_max, total_bytes_max, .. } = self.limits;
        if bytes > file_bytes_max {
            let path = String::from_utf8_lossy(self.in_root(path)).into_owned();
            let message = format!("has {bytes} bytes");
            self.report.error(&*path, message, format!("at most {file_bytes_max}"));
            return false;
        }
        if !self.full && self.total_bytes.saturating_add(bytes) > total_bytes_max {
            self.fill(
                "all files together are too large",
                format!("at most {total_bytes_max} bytes"),
            );
        }
        !self.full
    }

    /// Whether a limit on the whole tree is reached. Further entries are dropped.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Adds an entry. [`FileTreeBuilder::finish`] returns its errors.
    pub fn insert(&mut self, path: &[u8], entry: Entry) {
        if self.omits(path) {
            return;
        }
        let whole_path = path;
        let path = self.in_root(path).to_vec();
        if path.is_empty() && self.root.is_some() && entry == Entry::Folder {
            return;
        }
        self.entries += 1;
        if !self.full && self.entries > self.limits.files_max {
            self.fill("there are too many files", format!("at most {}", self.limits.files_max));
        }
        if !self.full && self.limits.budget.is_spent() {
            self.fill(OVER_TIME, String::new());
        }
        if let Entry::File(bytes) = &entry {
            let bytes = bytes.len() as u64;
            if !self.admits(whole_path, bytes) {
                return;
            }
            self.spend(bytes);
        }
        if self.full {
            return;
        }
        let path = match path::check(&path, self.limits.depth_max) {
            Ok(path) => path,
            Err(error) => {
                let path = String::from_utf8_lossy(whole_path);
                self.report.error("", format!("{} {error}", quote(&path)), error.expected());
                return;
            }
        };
        match entry {
            Entry::Folder => {}
            Entry::Special => {
                self.report.error(&path, "is a device, a pipe or a socket", "a regular file");
            }
            _ if self.files.contains_key(&path) || self.links.contains_key(&path) => {
                self.report.error(&path, "occurs twice in the package", "one file of this name");
            }
            Entry::File(bytes) => {
                self.files.insert(path, bytes);
            }
            Entry::Link { target } => match path::check_link(&target) {
                Ok(target) => {
                    self.links.insert(path, target);
                }
                Err(error) => {
                    let target = quote(&String::from_utf8_lossy(&target));
                    let message = format!("is a link to {target}, which {error}");
                    self.broken_links.error(&path, message, error.expected());
                }
            },
        }
    }

    /// Builds the tree and resolves its links.
    ///
    /// # Errors
    /// Returns all errors and warnings about the entries, except broken links.
    pub fn finish(mut self) -> Result<FileTree, Vec<Diagnostic>> {
        let name = match &self.root {
            Some(root) => {
                root.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
            }
            None => self.strip_root(),
        };
        self.report_used_as_folders();
        let files_max = self.limits.files_max;
        let broken = &mut self.broken_links;
        links::follow(&mut self.files, self.links, files_max, broken, &mut self.report);
        let warnings = self.report.finish()?;
        let broken_links = self.broken_links.finish().unwrap_or_else(|errors| errors);
        let budget = self.limits.budget;
        Ok(FileTree {
            budget,
            name,
            is_named_by_file: false,
            files: self.files,
            warnings,
            broken_links,
        })
    }

    pub(crate) fn report(&mut self) -> &mut Report {
        &mut self.report
    }

    /// Reports an error about an entry.
    pub(crate) fn error(&mut self, path: &[u8], message: String, expected: &str) {
        let path = String::from_utf8_lossy(self.in_root(path)).into_owned();
        self.report.error(&*path, message, expected);
    }

    /// Counts bytes that were read, even if they are not kept.
    pub(crate) fn spend(&mut self, bytes: u64) {
        self.total_bytes = self.total_bytes.saturating_add(bytes);
    }

    /// The path relative to the root. A path outside the root is returned unchanged.
    fn in_root<'a>(&self, path: &'a [u8]) -> &'a [u8] {
        let path = without_dots(path);
        let Some(root) = self.root.as_deref().filter(|root| !root.is_empty()) else { return path };
        match path.strip_prefix(root.as_bytes()) {
            Some([]) => &[],
            Some([b'/', rest @ ..]) => rest,
            _ => path,
        }
    }

    fn fill(&mut self, message: &str, expected: String) {
        self.full = true;
        self.report.error("", message, expected);
    }

    /// Reports files used as folders: an archive can contain both a file or link `a` and a file
    /// `a/b`.
    fn report_used_as_folders(&mut self) {
        for path in self.files.keys().chain(self.links.keys()) {
            for (end, _) in path.match_indices('/') {
                let ancestor = &path[..end];
                let is_file = self.files.contains_key(ancestor);
                if is_file || self.links.contains_key(ancestor) {
                    let kind = if is_file { "file" } else { "link" };
                    let message = format!("is in {}, which is a {kind}", quote(ancestor));
                    self.report.error(path, message, "a folder");
                }
            }
        }
    }

    /// Removes the folder around everything, if the caller did not declare one.
    fn strip_root(&mut self) -> Option<String> {
        let mut paths = self.files.keys().chain(self.links.keys());
        let (root, _) = paths.next()?.split_once('/')?;
        let prefix = format!("{root}/");
        if !paths.all(|path| path.starts_with(&prefix)) {
            return None;
        }
        let root = root.to_owned();
        strip_prefix(&mut self.files, &prefix);
        strip_prefix(&mut self.links, &prefix);
        self.report.strip_prefix(&prefix);
        self.broken_links.strip_prefix(&prefix);
        Some(root)
    }
}

/// The path without the leading `./` that some archivers add.
pub(crate) fn without_dots(mut path: &[u8]) -> &[u8] {
    while let [b'.', b'/', rest @ ..] = path {
        path = rest;
    }
    path
}

fn strip_prefix<T>(map: &mut BTreeMap<String, T>, prefix: &str) {
    *map = std::mem::take(map)
        .into_iter()
        .map(|(path, value)| (path[prefix.len()..].to_owned(), value))
        .collect();
}

#[cfg(test)]
mod tests;
