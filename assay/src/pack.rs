//! Packs a folder into an archive for upload. The build script packs the samples with it too.

use std::fs;
use std::io::{self, Cursor, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Permission bits of a file in the archive. The reader looks only at the file type.
const FILE_MODE: u32 = 0o644;

/// Packs the folder into a zip archive under its own name. Order and times are fixed, so the same
/// files give the same bytes. Links stay links; the server decides which to follow. Files for whose
/// path `is_wanted` returns false are left out.
pub fn pack(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> io::Result<Vec<u8>> {
    let folder = folder.canonicalize()?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    add(&mut zip, &folder, &name, "", &is_wanted)?;
    Ok(zip.finish().map_err(io::Error::other)?.into_inner())
}

fn add(
    zip: &mut ZipWriter<Cursor<Vec<u8>>>,
    folder: &Path,
    root: &str,
    prefix: &str,
    is_wanted: &impl Fn(&str) -> bool,
) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(FILE_MODE);
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| {
            io::Error::other(format!("{} has a name that is not UTF-8", entry.path().display()))
        })?;
        let path = format!("{prefix}{name}");
        if !is_wanted(&path) {
            continue;
        }
        let name = format!("{root}/{path}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            add(zip, &entry.path(), root, &format!("{path}/"), is_wanted)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path())?;
            let target = target.to_string_lossy();
            zip.add_symlink(name, target, options).map_err(io::Error::other)?;
        } else if kind.is_file() {
            zip.start_file(name, options).map_err(io::Error::other)?;
            zip.write_all(&fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
