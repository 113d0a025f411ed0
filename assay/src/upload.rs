//! Makes an archive for upload from a path.

use std::fs;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use domain::Slug;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::verify::{LoadError, load};
use crate::{Exit, Failure, pack};

/// A package in the form that a server accepts.
#[derive(Debug)]
pub(crate) struct Archive {
    /// The bytes of a zip archive.
    pub(crate) bytes: Vec<u8>,
    /// The problem's slug, from the archive's file name; `None` if the archive itself names the
    /// problem.
    pub(crate) slug: Option<Slug>,
}

/// Refuses a slug for several packages, which would become revisions of one problem.
pub(crate) fn check_slug(slug: Option<&Slug>, packages: &[PathBuf]) -> Result<(), Failure> {
    match (slug, packages.len()) {
        (Some(_), 2..) => Err(Failure::new(Exit::Usage, "`--slug` takes only one package")),
        _ => Ok(()),
    }
}

/// The archive for a path: a folder, an archive, or a single file that is a package.
pub(crate) fn archive(path: &Path) -> Result<Archive, Failure> {
    // Do not pack what the server would refuse.
    let tree = match load(path) {
        Ok(tree) => tree,
        Err(LoadError::Unreadable(failure)) => return Err(failure),
        Err(LoadError::Unfit(diagnostics)) => {
            let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            return Err(Failure::new(Exit::Usage, lines.join("\n")));
        }
    };
    let packing = |error| Failure::of(Exit::Usage, "packing the package", &error);
    let bytes = if path.is_dir() {
        let is_read = |path: &str| !problem_package::counts_as_absent(path);
        pack::pack(path, is_read).map_err(packing)?
    } else {
        let bytes = fs::read(path).map_err(packing)?;
        match bytes.starts_with(b"PK") {
            true => bytes,
            false => pack_file(path, &bytes).map_err(packing)?,
        }
    };
    Ok(Archive { bytes, slug: problem_package::slug_of_file(&tree) })
}

fn pack_file(path: &Path, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, SimpleFileOptions::default()).map_err(io::Error::other)?;
    zip.write_all(bytes)?;
    Ok(zip.finish().map_err(io::Error::other)?.into_inner())
}

#[cfg(test)]
mod tests {
    use problem_package::{FileTree, TreeLimits};

    use super::*;

    const FILES: [(&str, &str); 5] = [
        ("problem.yaml", "name: Sum\n"),
        ("data/secret/1 (a).in", "1\n"),
        (".git/config", "[core]\n"),
        ("data/.DS_Store", "noise"),
        (".timelimit", "1\n"),
    ];

    fn zip(files: impl Iterator<Item = (String, &'static str)>) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn slug_of(path: &Path) -> Option<String> {
        archive(path).unwrap().slug.map(|slug| slug.to_string())
    }

    #[test]
    fn a_folder_is_packed_without_what_counts_as_absent() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("A plus B");
        for (name, text) in FILES {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let archive = archive(&folder).unwrap();
        assert_eq!(archive.slug, None);
        let names = zip::ZipArchive::new(Cursor::new(&archive.bytes)).unwrap();
        let names: Vec<_> = names.file_names_raw().map(String::from_utf8_lossy).collect();
        assert!(
            !names.iter().any(|name| name.contains(".git") || name.contains("Store")),
            "{names:?}"
        );
        let tree = FileTree::from_zip(&archive.bytes, &TreeLimits::default()).unwrap();
        let paths: Vec<_> = tree.files().map(|(path, _)| path).collect();
        assert_eq!(paths, [".timelimit", "data/secret/1 (a).in", "problem.yaml"]);
        assert_eq!(tree.name(), Some("A plus B"));
    }

    #[test]
    fn a_zip_without_a_folder_is_named_by_its_file() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: Vec<u8>| {
            let path = place.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let flat = || zip(FILES.iter().map(|(name, text)| ((*name).to_owned(), *text)));
        for (name, slug) in
            [("sum.zip", "sum"), ("x (1).zip", "x"), ("Hello World.zip", "hello-world")]
        {
            assert_eq!(slug_of(&write(name, flat())).as_deref(), Some(slug), "{name}");
        }
        let rooted = zip(FILES.iter().map(|(name, text)| (format!("sum/{name}"), *text)));
        assert_eq!(slug_of(&write("other.zip", rooted)), None);
        // Polygon packages contain a name.
        let xml = "<problem short-name=\"sum\"></problem>";
        let polygon = zip([("problem.xml".to_owned(), xml)].into_iter());
        assert_eq!(slug_of(&write("sum-3$linux.zip", polygon)), None);
    }
}
