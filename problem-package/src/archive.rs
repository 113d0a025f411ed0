//! Zip archives, which are strangers' bytes until proven otherwise.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use bytes::Bytes;
use zip::ZipArchive;
use zip::read::ZipFile;

use crate::diagnostic::{Diagnostic, Report, quote};
use crate::limits::{INFLATED_BYTES_FREE, INFLATION_RATIO_MAX, LINK_TARGET_BYTES_MAX, TreeLimits};
use crate::tree::{Entry, FileTree, FileTreeBuilder};

/// What begins each entry of an archive's table of contents.
const CENTRAL_HEADER: &[u8] = b"PK\x01\x02";
/// Where in such an entry the length of the name stands, and the name itself.
const NAME_LENGTH_AT: usize = 28;
const NAME_AT: usize = 46;

/// The bits of a Unix mode that tell what kind of file it is, and the three kinds we take.
const MODE_KIND: u32 = 0o170_000;
const MODE_KINDS_TAKEN: [u32; 4] = [0, 0o100_000, 0o040_000, 0o120_000];

/// What an entry has to be.
const READABLE: &str = "a stored or deflated file of the size that the archive claims";

/// Bytes reserved for a file before any of them is inflated, whatever size it claims.
const RESERVED_BYTES_MAX: u64 = 64 * 1024;

impl FileTree {
    /// The tree in a zip archive. No byte is inflated beyond the limits.
    ///
    /// # Errors
    /// With everything that is wrong with the archive and its entries.
    pub fn from_zip(archive: &[u8], limits: &TreeLimits) -> Result<Self, Vec<Diagnostic>> {
        let mut limits = limits.clone();
        let inflated_max = (archive.len() as u64).saturating_mul(INFLATION_RATIO_MAX);
        limits.total_bytes_max = limits.total_bytes_max.min(inflated_max.max(INFLATED_BYTES_FREE));
        let mut builder = Self::builder(limits.clone());
        read_entries(archive, &limits, &mut builder);
        builder.finish()
    }
}

fn read_entries(archive: &[u8], limits: &TreeLimits, builder: &mut FileTreeBuilder) {
    if archive.len() > limits.archive_bytes_max {
        let message = format!("the archive has {} bytes", archive.len());
        builder.report().error("", message, format!("at most {}", limits.archive_bytes_max));
        return;
    }
    // Counted before the table of contents is read into memory, where an entry takes many times the
    // bytes it takes in the archive.
    if entry_names(archive).count() > limits.files_max {
        let expected = format!("at most {}", limits.files_max);
        builder.report().error("", "the archive has too many entries", expected);
        return;
    }
    let mut zip = match ZipArchive::new(Cursor::new(archive)) {
        Ok(zip) => zip,
        Err(error) => {
            let message = format!("the archive cannot be read: {error}");
            builder.report().error("", message, "a zip archive of a problem package");
            return;
        }
    };
    if zip.has_duplicate_names() {
        report_duplicate_names(archive, builder.report());
    }
    for index in 0..zip.len() {
        if builder.is_full() {
            return;
        }
        let name = zip.name_for_index(index).and_then(Result::ok).unwrap_or_default().into_owned();
        match zip.by_index(index) {
            Ok(mut file) => insert(&mut file, builder),
            Err(error) => {
                let message = format!("cannot be read: {error}");
                builder.report().error(&name, message, READABLE);
            }
        }
    }
}

fn insert(file: &mut ZipFile<'_, Cursor<&[u8]>>, builder: &mut FileTreeBuilder) {
    let path = file.name_raw().to_vec();
    let kind = file.unix_mode().map_or(0, |mode| mode & MODE_KIND);
    if file.is_dir() {
        builder.insert(&path, Entry::Folder);
    } else if file.is_symlink() {
        if let Some(target) = inflate(file, &path, LINK_TARGET_BYTES_MAX as u64, builder) {
            builder.insert(&path, Entry::Link { target });
        }
    } else if !MODE_KINDS_TAKEN.contains(&kind) {
        builder.insert(&path, Entry::Special);
    } else if builder.admits(&path, file.size())
        && let Some(bytes) = inflate(file, &path, file.size(), builder)
    {
        builder.insert(&path, Entry::File(Bytes::from(bytes)));
    }
}

/// The inflated bytes, if there are no more of them than the archive claims and the caller allows.
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
            format!("inflates to {} bytes and claims {claimed}", bytes.len())
        }
        Ok(_) => return Some(bytes),
    };
    builder.spend(bytes.len() as u64);
    let path = String::from_utf8_lossy(path);
    builder.report().error(&*path, message, READABLE);
    None
}

/// The zip crate keeps one of two entries with the same name and only tells that there were two.
fn report_duplicate_names(archive: &[u8], report: &mut Report) {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<_> = entry_names(archive).filter(|name| !seen.insert(*name)).collect();
    for name in &twice {
        let message =
            format!("{} stands in the archive twice", quote(&String::from_utf8_lossy(name)));
        report.error("", message, "one entry of this name");
    }
    if twice.is_empty() {
        report.error("", "a name stands in the archive twice", "one entry of each name");
    }
}

/// The names in the table of contents, and whatever in the data looks like them.
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
