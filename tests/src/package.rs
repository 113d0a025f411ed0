//! Problem packages: the samples, small generated ones, and malformed ones.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The folder of the sample problems.
pub const PROBLEMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../problems");

/// The folder of a sample problem.
pub fn sample(slug: &str) -> PathBuf {
    Path::new(PROBLEMS).join(slug)
}

/// The folder of the packages that together use every feature of all formats.
pub fn collection() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packages")
}

/// The folders in a folder, in order of name.
///
/// # Panics
/// If there is no such folder.
pub fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<_> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// Copies a folder recursively.
///
/// # Panics
/// If something cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &to);
        } else {
            fs::copy(&path, to).expect("a copy");
        }
    }
}

/// A package being assembled.
#[derive(Debug, Clone, Default)]
pub struct Package {
    entries: Vec<(String, Entry)>,
}

#[derive(Debug, Clone)]
enum Entry {
    File(Vec<u8>),
    Link(String),
}

impl Package {
    /// A problem that reads numbers and prints their sum, with this many hidden tests and one
    /// sample.
    pub fn sum(slug: &str, hidden_tests: usize) -> Self {
        let mut package = Self::default()
            .file(&format!("{slug}/problem.yaml"), "name: Sum\nlimits: {time_limit: 5}\n")
            .file(&format!("{slug}/problem_statement/problem.en.md"), "Add.\n")
            .file(&format!("{slug}/data/sample/1.in"), "1 2\n")
            .file(&format!("{slug}/data/sample/1.ans"), "3\n");
        for number in 1..=hidden_tests {
            let path = format!("{slug}/data/secret/{number:03}");
            package = package
                .file(&format!("{path}.in"), format!("{number} 1\n"))
                .file(&format!("{path}.ans"), format!("{}\n", number + 1));
        }
        package
    }

    /// Every file below a folder, with the folder's own name in front, in order of name. Links stay
    /// links.
    ///
    /// # Panics
    /// If there is no such folder.
    pub fn of_folder(folder: &Path) -> Self {
        let mut package = Self::default();
        let name = folder.file_name().expect("the folder has a name").to_string_lossy();
        package.add(folder, &name);
        package
    }

    fn add(&mut self, folder: &Path, prefix: &str) {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().expect("an entry has a name").to_string_lossy();
            let name = format!("{prefix}/{name}");
            if path.is_symlink() {
                let target = fs::read_link(&path).expect("a link");
                let target = target.to_str().expect("a target in plain characters").to_owned();
                self.entries.push((name, Entry::Link(target)));
            } else if path.is_dir() {
                self.add(&path, &name);
            } else {
                self.entries.push((name, Entry::File(fs::read(&path).expect("a file"))));
            }
        }
    }

    /// Adds this file, or replaces the one with this name.
    pub fn file(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.entries.retain(|(there, _)| there != path);
        self.entries.push((path.to_owned(), Entry::File(bytes.into())));
        self
    }

    /// Adds this symbolic link.
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.entries.push((path.to_owned(), Entry::Link(target.to_owned())));
        self
    }

    /// The names of its files and links.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(path, _)| path.as_str())
    }

    /// The bytes of a file.
    pub fn bytes(&self, path: &str) -> Option<&[u8]> {
        self.entries.iter().find_map(|(there, entry)| match entry {
            Entry::File(bytes) if there == path => Some(bytes.as_slice()),
            _ => None,
        })
    }

    /// Removes this file.
    pub fn without(mut self, path: &str) -> Self {
        self.entries.retain(|(there, _)| there != path);
        self
    }

    /// The package as a zip archive.
    ///
    /// # Panics
    /// If the library refuses a name.
    pub fn zip(&self) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (path, entry) in &self.entries {
            match entry {
                Entry::File(bytes) => {
                    zip.start_file(path.as_str(), options).expect("a name for a file");
                    zip.write_all(bytes).expect("memory takes everything");
                }
                Entry::Link(target) => {
                    zip.add_symlink(path.as_str(), target.as_str(), options).expect("a link");
                }
            }
        }
        zip.finish().expect("memory takes everything").into_inner()
    }
}

impl Extend<(String, Vec<u8>)> for Package {
    /// Adds files, which must have new names.
    fn extend<T: IntoIterator<Item = (String, Vec<u8>)>>(&mut self, files: T) {
        self.entries.extend(files.into_iter().map(|(name, bytes)| (name, Entry::File(bytes))));
    }
}
