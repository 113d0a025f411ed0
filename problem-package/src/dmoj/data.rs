//! Finds the files that `init.yml` names, in the package or in its zip archive.

use bytes::Bytes;
use domain::problem::{BlobRef, ProgramFile};

use crate::blobs::Blobs;
use crate::diagnostic::{Diagnostic, Report, quote};
use crate::fields::Field;
use crate::limits::TreeLimits;
use crate::tree::{FileTree, counts_as_absent};

pub(super) struct Data<'a> {
    tree: &'a FileTree,
    archive: Option<FileTree>,
}

impl<'a> Data<'a> {
    pub(super) fn read(
        archive: Option<Field<'_>>,
        tree: &'a FileTree,
        report: &mut Report,
    ) -> Self {
        let archive = archive.and_then(|field| {
            let path = field.text(report)?;
            let bytes = find(tree, &path, field, report)?;
            let within = |diagnostics: &[Diagnostic]| -> Vec<Diagnostic> {
                let path = |inner: &str| {
                    if inner.is_empty() { path.clone() } else { format!("{path}/{inner}") }
                };
                diagnostics
                    .iter()
                    .cloned()
                    .map(|it| Diagnostic { path: path(&it.path), ..it })
                    .collect()
            };
            let limits = TreeLimits { budget: tree.budget().clone(), ..TreeLimits::default() };
            match FileTree::from_data_zip(bytes, &limits) {
                Ok(archive) => {
                    report.extend(&within(archive.warnings()));
                    Some(archive)
                }
                Err(diagnostics) => {
                    report.extend(&within(&diagnostics));
                    None
                }
            }
        });
        Self { tree, archive }
    }

    /// The paths of the files in the archive; `None` without an archive.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let archive = self.archive.as_ref()?;
        Some(archive.files().map(|(path, _)| path.to_owned()).collect())
    }

    /// Whether the package has a file of this name beside `init.yml`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tree.get(name).is_some()
    }

    /// A file of the package, or of the archive. Reports an error if it is missing.
    pub(super) fn get(&self, path: &str, field: Field<'_>, report: &mut Report) -> Option<&Bytes> {
        let within = within(path, field, report)?;
        let of_archive = self.archive.as_ref().and_then(|archive| archive.get(path));
        let found = self.tree.get(&within).or(of_archive);
        if found.is_none() {
            let expected = match &self.archive {
                Some(_) => "a file of the package or its archive",
                None => "a file of the package",
            };
            report_missing(path, field, expected, report);
        }
        found
    }

    /// An input or answer. As in DMOJ's judge, line endings are normalised unless the data is
    /// binary.
    pub(super) fn test_data(
        &self,
        path: &str,
        field: Field<'_>,
        is_binary: bool,
        blobs: &mut Blobs,
        report: &mut Report,
    ) -> Option<BlobRef> {
        let bytes = self.get(path, field, report)?;
        Some(blobs.put(&if is_binary { bytes.clone() } else { with_line_ends(bytes) }))
    }

    /// A file of a program, without its folder.
    pub(super) fn program_file(
        &self,
        path: &str,
        field: Field<'_>,
        blobs: &mut Blobs,
        report: &mut Report,
    ) -> Option<ProgramFile> {
        let bytes = self.get(path, field, report)?;
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(ProgramFile { path: name.to_owned(), content: blobs.put(bytes), executable: false })
    }
}

fn find<'a>(
    tree: &'a FileTree,
    path: &str,
    field: Field<'_>,
    report: &mut Report,
) -> Option<&'a Bytes> {
    let found = tree.get(&within(path, field, report)?);
    if found.is_none() {
        report_missing(path, field, "a file of the package", report);
    }
    found
}

fn report_missing(path: &str, field: Field<'_>, expected: &str, report: &mut Report) {
    let mut message = format!("`{}` names {}, which is missing", field.key, quote(path));
    if counts_as_absent(path) {
        message.push_str(": names that begin with . or - are not read");
    }
    report.error((field.path, field.position()), message, expected);
}

/// Normalises a path (`./`, `a/../`). Reports an error if it leaves the package.
fn within(path: &str, field: Field<'_>, report: &mut Report) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    let mut leaves = path.starts_with('/') || path.contains('\\');
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => leaves |= names.pop().is_none(),
            name => names.push(name),
        }
    }
    if leaves {
        let message = format!("`{}` is {}, which is not in the package", field.key, quote(path));
        report.error((field.path, field.position()), message, "a path within the package");
        return None;
    }
    Some(names.join("/"))
}

/// Converts all line endings to `\n` and adds a final one.
fn with_line_ends(bytes: &Bytes) -> Bytes {
    if bytes.is_empty() || !bytes.contains(&b'\r') && bytes.ends_with(b"\n") {
        return bytes.clone();
    }
    let mut normal = Vec::with_capacity(bytes.len() + 1);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => {}
            b'\r' => normal.push(b'\n'),
            byte => normal.push(*byte),
        }
    }
    if !normal.ends_with(b"\n") {
        normal.push(b'\n');
    }
    normal.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_ends_in_one_way() {
        for (bytes, expected) in
            [("", ""), ("a", "a\n"), ("a\r\nb\rc\n", "a\nb\nc\n"), ("\r", "\n"), ("a\n", "a\n")]
        {
            assert_eq!(with_line_ends(&Bytes::from(bytes)), expected, "{bytes:?}");
        }
    }
}
