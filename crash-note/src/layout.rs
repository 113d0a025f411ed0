//! The layout of a note: a line with the state, a line with the process's name, and lines of fixed
//! length for the work in progress.

use std::fs::File;
use std::io;
use std::path::Path;

/// The suffix of the files.
pub(crate) const SUFFIX: &str = "judging";

/// The first line of a note while nothing has crashed.
pub(crate) const RUNNING: &str = "running\n";
/// The first line after a crash. As long as [`RUNNING`], which it replaces.
pub(crate) const CRASHED: &str = "crashed\n";

/// The length of an entry, in bytes: the text, spaces, and a line end.
pub(crate) const ENTRY_BYTES: usize = 128;

/// Locks the folder, so that nobody takes a note that is being created for one left behind.
pub(crate) fn lock(folder: &Path) -> io::Result<File> {
    let folder = File::open(folder)?;
    folder.lock()?;
    Ok(folder)
}
