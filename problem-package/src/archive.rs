//! Reads zip archives. Their contents are untrusted.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use bytes::Bytes;
use zip::ZipArchive;
use zip::read::ZipFile;

use crate::diagnostic::{Diagnostic, Report, quote};
use crate::format::may_identify_format;
use crate::limits::{
    ARCHIVE_ENTRIES_PER_FILE, INFLATED_BYTES_FREE, INFLATION_RATIO_MAX, LINK_TARGET_BYTES_MAX,
    TreeLimits,
};
use crate::tree::{Entry, FileTree, FileTreeBuilder, Omitted, without_dots};

/// Signature of an entry in the central directory.
const CENTRAL_HEADER: &[u8] = b"PK\x01\x02";
/// Offsets of the name's length and of the name in such an entry.
const NAME_LENGTH_AT: usize = 28;
const NAME_AT: usize = 46;

/// The file type bits of a Unix mode, and the accepted types: none, file, folder and link.
const MODE_KIND: u32 = 0o170_000;
const MODE_KINDS_TAKEN: [u32; 4] = [0, 0o100_000, 0o040_000, 0o120_000];

/// The expectation in errors about unreadable entries.
const READABLE: &str = "a stored or deflated file of the size that the archive claims";

/// Maximum number of bytes reserved for a file before inflating it, regardless of its claimed size.
const RESERVED_BYTES_MAX: u64 = 64 * 1024;

impl FileTree {
    /// Reads a package from a zip archive, without the folders around everything. Nothing is
    /// inflated beyond the limits, and ignored entries are not inflated.
    ///
    /// # Errors
    /// Returns all errors of the archive and its entries.
    pub fn from_zip(archive: &[u8], limits: &TreeLimits) -> Result<Self, Vec<Diagnostic>> {
        read(archive, limits, Kind::Package)
    }

    /// Reads a zip archive of test data. Paths stay as they are in the archive.
    ///
    /// # Errors
    /// Returns all errors of the archive and its entries.
    pub(crate) fn from_data_zip(
        archive: &[u8],
        limits: &TreeLimits,
    ) -> Result<Self, Vec<Diagnostic>> {
        read(archive, limits, Kind::Data)
    }
}

/// The contents of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Package,
    Data,
}

fn read(archive: &[u8], limits: &TreeLimits, kind: Kind) -> Result<FileTree, Vec<Diagnostic>> {
    let mut limits = limits.clone();
    let inflated_max = (archive.len() as u64).saturating_mul(INFLATION_RATIO_MAX);
    limits.total_bytes_max = limits.total_bytes_max.min(inflated_max.max(INFLATED_BYTES_FREE));
    let mut report = Report::default();
    let mut builder = FileTree::builder(limits.clone());
    if let Some(mut zip) = open(archive, &limits, &mut report) {
        let names = names(&mut zip);
        builder = match kind {
            Kind::Package => builder.rooted(&root(&names)),
            Kind::Data => builder.rooted("").omitting(Omitted::Noise),
        };
        read_entries(&mut zip, &names, &mut builder);
    }
    let diagnostics = report.finish().unwrap_or_else(|diagnostics| diagnostics);
    builder.report().extend(&diagnostics);
    builder.finish()
}

fn open<'a>(
    archive: &'a [u8],
    limits: &TreeLimits,
    report: &mut Report,
) -> Option<ZipArchive<Cursor<&'a [u8]>>> {
    if archive.len() > limits.archive_bytes_max {
        let message = format!("the archive has {} bytes", archive.len());
        report.error("", message, format!("at most {}", limits.archive_bytes_max));
        return None;
    }
    // Count before parsing the central directory, because a parsed entry takes many times its size
    // in the archive. Ignored entries are included, so the limit is higher than for files.
    let entries_max = limits.files_max.saturating_mul(ARCHIVE_ENTRIES_PER_FILE);
    if entry_names(archive).count() > entries_max {
        report.error("", "the archive has too many entries", format!("at most {entries_max}"));
        return None;
    }
    match ZipArchive::new(Cursor::new(archive)) {
        Ok(zip) => {
            if zip.has_duplicate_names() {
                report_duplicate_names(archive, report);
            }
            Some(zip)
        }
        Err(error) => {
            let message = format!("the archive cannot be read: {error}");
            report.error("", message, "a zip archive of a problem package");
            None
        }
    }
}

/// The path of each entry. It may be invalid UTF-8 even if the archive declares UTF-8.
fn names(zip: &mut ZipArchive<Cursor<&[u8]>>) -> Vec<Vec<u8>> {
    let mut names = Vec::with_capacity(zip.len());
    for index in 0..zip.len() {
        let name = zip.by_index_raw(index).ok().map(|file| name(&file).into_owned());
        // Unreadable entries are reported when their contents are read.
        let listed = |zip: &ZipArchive<_>| zip.name_for_index(index)?.ok().map(Cow::into_owned);
        names.push(name.or_else(|| listed(zip).map(String::into_bytes)).unwrap_or_default());
    }
    names
}

/// The name of an entry. Archivers on Linux write UTF-8 without declaring it. Other names are in
/// code page 437, unless an extra field has the name in UTF-8.
fn name<'a>(file: &'a ZipFile<'_, Cursor<&[u8]>>) -> Cow<'a, [u8]> {
    let raw = file.name_raw();
    if str::from_utf8(raw).is_ok() {
        return Cow::Borrowed(raw);
    }
    match file.name() {
        Ok(name) => Cow::Owned(name.into_owned().into_bytes()),
        Err(_) => Cow::Borrowed(raw),
    }
}

/// The folders around everything, such as `contest/sum`, or an empty string. More than one folder
/// is removed only if a file that identifies a format follows.
fn root(names: &[Vec<u8>]) -> String {
    let paths: Vec<&str> = names
        .iter()
        .filter_map(|name| str::from_utf8(without_dots(name)).ok())
        .filter(|path| !Omitted::Noise.covers(path))
        .collect();
    // A hidden folder may contain the package if there is nothing else beside it.
    let mut visible = without_hidden(paths);
    let mut root: Vec<&str> = Vec::new();
    while let Some(folder) = common_folder(&visible) {
        root.push(folder);
        visible = visible.iter().map(|path| &path[folder.len() + 1..]).collect();
        // Drop the folder's own entry.
        visible.retain(|path| !path.is_empty());
        visible = without_hidden(visible);
    }
    if !visible.iter().any(|path| may_identify_format(path)) {
        root.truncate(1);
    }
    root.join("/")
}

/// The paths that do not start with a hidden name, or all paths if every one does.
fn without_hidden(mut paths: Vec<&str>) -> Vec<&str> {
    let is_hidden =
        |path: &&str| Omitted::Hidden.covers(path.split('/').next().unwrap_or_default());
    if !paths.iter().all(is_hidden) {
        paths.retain(|path| !is_hidden(path));
    }
    paths
}

/// The folder that all paths start with.
fn common_folder<'a>(paths: &[&'a str]) -> Option<&'a str> {
    let (folder, _) = paths.first()?.split_once('/')?;
    let is_common = paths
        .iter()
        .all(|path| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
    (is_common && !matches!(folder, "" | "." | "..")).then_some(folder)
}

fn read_entries(
    zip: &mut ZipArchive<Cursor<&[u8]>>,
    names: &[Vec<u8>],
    builder: &mut FileTreeBuilder,
) {
    for (index, name) in names.iter().enumerate() {
        if builder.is_full() {
            return;
        }
        if builder.omits(name) {
            continue;
        }
        match zip.by_index(index) {
            Ok(mut file) => insert(name, &mut file, builder),
            Err(error) => {
                let message = format!("cannot be read: {error}");
                builder.error(name, message, READABLE);
            }
        }
    }
}

fn insert(path: &[u8], file: &mut ZipFile<'_, Cursor<&[u8]>>, builder: &mut FileTreeBuilder) {
    let kind = file.unix_mode().map_or(0, |mode| mode & MODE_KIND);
    if file.is_dir() {
        builder.insert(path, Entry::Folder);
    } else if file.is_symlink() {
        if let Some(target) = inflate(file, path, LINK_TARGET_BYTES_MAX as u64, builder) {
            builder.insert(path, Entry::Link { target });
        }
    } else if !MODE_KINDS_TAKEN.contains(&kind) {
        builder.insert(path, Entry::Special);
    } else if builder.admits(path, file.size())
        && let Some(bytes) = inflate(file, path, file.size(), builder)
    {
        builder.insert(path, Entry::File(Bytes::from(bytes)));
    }
}

/// The inflated bytes, unless they are more than `bytes_max` or fewer than the archive claims.
fn inflate(
    file: &mut ZipFile<'_, Cursor<&[u8]>>,
    path: &[u8],
    bytes_max: u64,
    builder: &mut FileTreeBuilder,
) -> Option<Vec<u8>> {
    let claimed = file.size();
    let mut bytes = Vec::with_capacity(usize::try_from(claimed.min(RESERVED_BYTES_MAX)).ok()?);
    let result = file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes);
    let message = match result {
        Err(error) => format!("cannot be read: {error}"),
        Ok(_) if bytes.len() as u64 > bytes_max => {
            format!("inflates to more than {bytes_max} bytes")
        }
        Ok(_) if (bytes.len() as u64) < claimed => {
            format!("inflates to {} bytes but claims {claimed}", bytes.len())
        }
        Ok(_) => return Some(bytes),
    };
    builder.spend(bytes.len() as u64);
    builder.error(path, message, READABLE);
    None
}

/// The zip crate keeps only one of two entries with the same name, and does not say which name it
/// was.
fn report_duplicate_names(archive: &[u8], report: &mut Report) {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<_> = entry_names(archive).filter(|name| !seen.insert(*name)).collect();
    for name in &twice {
        let message =
            format!("{} occurs twice in the archive", quote(&String::from_utf8_lossy(name)));
        report.error("", message, "one entry of this name");
    }
    if twice.is_empty() {
        report.error("", "a name occurs twice in the archive", "one entry of each name");
    }
}

/// The names in the central directory, and any bytes in the data that look like such names.
fn entry_names(archive: &[u8]) -> impl Iterator<Item = &[u8]> {
    archive.windows(CENTRAL_HEADER.len()).enumerate().filter_map(|(start, window)| {
        if window != CENTRAL_HEADER {
            return None;
        }
        let header = &archive[start..];
        let length = header.get(NAME_LENGTH_AT..NAME_LENGTH_AT + 2)?;
        let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
        header.get(NAME_AT..NAME_AT + length)
    })
}

#[cfg(test)]
mod tests;
