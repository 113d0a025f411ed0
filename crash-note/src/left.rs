//! The notes that crashed processes left behind.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::layout::{CRASHED, SUFFIX, lock};

/// The note of a process that is gone because a watched thread crashed. Nobody else reads it as
/// long as this exists.
#[derive(Debug)]
pub struct LeftNote {
    /// The name of the process.
    pub process: String,
    /// What was in progress when it crashed.
    pub in_progress: Vec<String>,
    path: PathBuf,
    /// Holds the lock on the note.
    _file: File,
}

impl LeftNote {
    /// Removes the file. Without this, the next call of [`left_behind`] returns the note again.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// The notes of crashed processes in this folder. Removes those of processes that ended in another
/// way, and leaves those of running processes alone.
///
/// # Errors
/// If the folder or a note cannot be read.
pub fn left_behind(folder: &Path) -> io::Result<Vec<LeftNote>> {
    let _reading = match lock(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        locked => locked?,
    };
    let mut left = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|it| it != SUFFIX) {
            continue;
        }
        let mut file = File::options().read(true).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        match read(&String::from_utf8_lossy(&bytes)) {
            Some((process, in_progress)) => {
                left.push(LeftNote { process, in_progress, path, _file: file });
            }
            None => fs::remove_file(&path)?,
        }
    }
    Ok(left)
}

/// The name and the work of a process that crashed; `None` without the mark.
fn read(note: &str) -> Option<(String, Vec<String>)> {
    let mut lines = note.strip_prefix(CRASHED)?.lines();
    let process = lines.next()?.to_owned();
    // A place that was never written is a hole of zeros.
    let entries = lines.map(|line| line.trim_matches(['\0', ' '])).filter(|it| !it.is_empty());
    Some((process, entries.map(str::to_owned).collect()))
}
