//! The files that `init.yml` names: in the package, or in a zip archive in it.

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

    /// The names of the files in the archive; `None` without one.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let archive = self.archive.as_ref()?;
        Some(archive.files().map(|(path, _)| path.to_owned()).collect())
    }

    /// Whether the package has a file of this name beside `init.yml`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tree.get(name).is_some()
    }

    /// A file of the package, or else of the archive.
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

    /// What a test reads or is compared with. DMOJ's judge has every line of it end in one way, unless it is binary.
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

    /// A file of a program, under its own name.
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

/// The path without what leads nowhere (`./`, `a/../`). One that leaves the package is reported.
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

/// The bytes with `\n` at the end of every line.
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
