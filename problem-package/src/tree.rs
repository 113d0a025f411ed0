//! A package as a tree of files in memory, whatever it came from.
//!
//! A [`FileTreeBuilder`] takes the entries of a directory or an archive one by one, as hostile as
//! they come, and [`FileTreeBuilder::finish`] gives either a tree in which every path is safe and
//! every link is followed, or everything that is wrong.

mod links;
mod path;

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::budget::Budget;
use crate::diagnostic::{Diagnostic, Report, quote};
use crate::limits::TreeLimits;

pub(crate) use path::Omitted;

/// Whether a package is read as if there were nothing at this path from its root: what hides, and what operating
/// systems leave behind.
pub fn counts_as_absent(path: &str) -> bool {
    Omitted::Hidden.covers(path)
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File(Bytes),
    /// A folder; only its name matters, its files are entries of their own.
    Folder,
    /// A symbolic link.
    Link {
        /// As it is written in the link.
        target: Vec<u8>,
    },
    /// A device, a pipe, a socket: nothing that belongs into a package.
    Special,
}

/// What is wrong with a package whose reading was ended.
pub(crate) const OVER_TIME: &str = "reading the package takes too long";

/// The files of a package by their path from its root, links followed.
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
    /// An empty tree to insert entries into.
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

    /// The folder that everything was packed in, else the name of the archive's file where that is known.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Names the tree after the file of its archive, unless everything is in a folder, whose name it has.
    #[must_use]
    pub fn or_named(mut self, file_stem: &str) -> Self {
        if self.name.is_none() {
            self.name = Some(file_stem.to_owned());
            self.is_named_by_file = true;
        }
        self
    }

    /// Whether the name is that of the archive's file: it is in no byte of the archive.
    pub fn is_named_by_file(&self) -> bool {
        self.is_named_by_file
    }

    /// The file at a path.
    pub fn get(&self, path: &str) -> Option<&Bytes> {
        self.files.get(path).filter(|_| !self.budget.is_spent())
    }

    /// Every file, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        let files = self.files.iter().map(|(path, bytes)| (path.as_str(), bytes));
        files.take_while(|_| !self.budget.is_spent())
    }

    /// The files in a folder and below, with their path from the folder.
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

    /// The time that is left for reading it.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Links that were not followed, because they lead nowhere or out of the package: an error for each. Whether the
    /// package can be used without them depends on its format.
    pub fn broken_links(&self) -> &[Diagnostic] {
        &self.broken_links
    }

    /// What was ignored when the tree was built.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

/// Builds a [`FileTree`] within limits.
#[derive(Debug)]
pub struct FileTreeBuilder {
    limits: TreeLimits,
    omitted: Omitted,
    /// The folder that every path begins with.
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
    /// Says that every path begins with this folder; empty for none. It is taken away, and its last name names the tree.
    #[must_use]
    pub fn rooted(mut self, folder: &str) -> Self {
        self.root = Some(folder.to_owned());
        self
    }

    pub(crate) fn omitting(mut self, omitted: Omitted) -> Self {
        self.omitted = omitted;
        self
    }

    /// Whether an entry counts as absent: its bytes need not be read, nor the entries of a folder.
    pub fn omits(&self, path: &[u8]) -> bool {
        self.omitted.covers(&String::from_utf8_lossy(self.in_root(path)))
    }

    /// Whether a file of this size still fits, asked before its bytes are read. A refusal is
    /// reported.
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

    /// Whether a limit on the whole tree is reached, so that inserting more is of no use.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Takes one entry. What is wrong with it is reported by [`FileTreeBuilder::finish`].
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

    /// The tree, with every link followed that can be.
    ///
    /// # Errors
    /// With everything that is wrong with the entries but for links, and the warnings.
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

    /// Reports what is wrong with an entry.
    pub(crate) fn error(&mut self, path: &[u8], message: String, expected: &str) {
        let path = String::from_utf8_lossy(self.in_root(path)).into_owned();
        self.report.error(&*path, message, expected);
    }

    /// Counts bytes that were read, whatever became of them.
    pub(crate) fn spend(&mut self, bytes: u64) {
        self.total_bytes = self.total_bytes.saturating_add(bytes);
    }

    /// The path from the root. One that begins with no root is left as it is.
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

    /// An archive can say that `a` is a file or a link and that there is a file `a/b`.
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

    /// Takes away the folder that everything is in, where the caller named none.
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

/// The path without the `./` that some archivers begin it with.
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
