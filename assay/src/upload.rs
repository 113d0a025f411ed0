//! From a path to the archive that a server takes.

use std::fs;
use std::io::{self, Cursor, Write};
use std::path::Path;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::verify::{LoadError, load};
use crate::{Exit, Failure, pack};

/// What stands at a path, as an archive: a folder, an archive, or a file that is all of a package.
pub(crate) fn archive(path: &Path) -> Result<Vec<u8>, Failure> {
    // Nothing that is refused anyway is packed.
    match load(path) {
        Ok(_) => {}
        Err(LoadError::Unreadable(failure)) => return Err(failure),
        Err(LoadError::Unfit(diagnostics)) => {
            let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            return Err(Failure::new(Exit::Usage, lines.join("\n")));
        }
    }
    let packing = |error| Failure::of(Exit::Usage, "packing the package", &error);
    if path.is_dir() {
        return pack::pack(path).map_err(packing);
    }
    let bytes = fs::read(path).map_err(packing)?;
    if bytes.starts_with(b"PK") { Ok(bytes) } else { pack_file(path, &bytes).map_err(packing) }
}

fn pack_file(path: &Path, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, SimpleFileOptions::default()).map_err(io::Error::other)?;
    zip.write_all(bytes)?;
    Ok(zip.finish().map_err(io::Error::other)?.into_inner())
}
