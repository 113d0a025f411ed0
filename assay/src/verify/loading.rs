//! Loads a package's files from a path, within the limits on packages.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use problem_package::{Diagnostic, Entry, FileTree, FileTreeBuilder, TreeLimits};

use crate::{Exit, Failure};

/// The first bytes of a zip archive.
const ZIP: &[u8] = b"PK";

/// Why a package could not be loaded.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The path cannot be read.
    Unreadable(Failure),
    /// The content is not an acceptable package.
    Unfit(Vec<Diagnostic>),
}

/// The package at a path: a folder, a zip archive, or a single file.
pub(crate) fn load(path: &Path) -> Result<FileTree, LoadError> {
    let unreadable = |error: std::io::Error| {
        let doing = format!("reading {}", path.display());
        LoadError::Unreadable(Failure::of(Exit::Usage, &doing, &error))
    };
    let path = path.canonicalize().map_err(unreadable)?;
    let limits = TreeLimits::default();
    if path.is_dir() {
        let name = file_name(&path);
        let mut builder = FileTree::builder(limits).rooted(&name);
        add(&mut builder, &path, name.as_bytes()).map_err(unreadable)?;
        return builder.finish().map_err(LoadError::Unfit);
    }
    let mut file = File::open(&path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.by_ref().take(ZIP.len() as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    let is_zip = bytes == ZIP;
    let name = file_name(&path);
    let mut builder = FileTree::builder(limits.clone());
    // Check the size before reading: the file may be of any size.
    let length = file.metadata().map_err(unreadable)?.len();
    if !is_zip && !builder.admits(name.as_bytes(), length) {
        return builder.finish().map_err(LoadError::Unfit);
    }
    // Read one byte more than allowed, so that a growing or endless file is refused as too large.
    let bytes_max = if is_zip { limits.archive_bytes_max as u64 } else { limits.file_bytes_max };
    file.take(bytes_max + 1 - bytes.len() as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    if is_zip {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let tree = FileTree::from_zip(&bytes, &limits).map_err(LoadError::Unfit)?;
        return Ok(tree.or_named(&stem));
    }
    builder.insert(name.as_bytes(), Entry::File(bytes.into()));
    builder.finish().map_err(LoadError::Unfit)
}

/// Adds a folder's content. `prefix` is the folder's name in the tree.
fn add(builder: &mut FileTreeBuilder, folder: &Path, prefix: &[u8]) -> std::io::Result<()> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    let mut entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if builder.is_full() {
            return Ok(());
        }
        let name = [prefix, b"/", entry.file_name().as_bytes()].concat();
        if builder.omits(&name) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            builder.insert(&name, Entry::Folder);
            add(builder, &entry.path(), &name)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path())?.into_os_string().into_vec();
            builder.insert(&name, Entry::Link { target });
        } else if kind.is_file() {
            if builder.admits(&name, entry.metadata()?.len()) {
                builder.insert(&name, Entry::File(Bytes::from(fs::read(entry.path())?)));
            }
        } else {
            builder.insert(&name, Entry::Special);
        }
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
