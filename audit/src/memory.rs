//! What a signer has seen signed, apart from the tree's store: should that be emptied or set back, nothing is signed
//! anew in its place.
//!
//! It is the newest signed head, in the process and, where there is a file, on this machine's disk. It is this machine's
//! memory only: where others sign in turn, a larger tree that begins with what is remembered takes its place.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::head::{InvalidHead, NOTE_BYTES_MAX, SignedHead};
use crate::key_file::write_whole;

/// What follows the name of the file of keys.
const EXTENSION: &str = ".head";

/// The newest head that was seen signed.
#[derive(Debug, Default)]
pub struct Memory {
    file: Option<PathBuf>,
    newest: Mutex<Option<SignedHead>>,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// It cannot be read or written.
    #[error("{path}, which remembers what was signed, cannot be read or written")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It holds no head.
    #[error(
        "{path}, which remembers what was signed, is damaged: docs/operations.md, \"A tree that was set back\""
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: InvalidHead,
    },
}

impl Memory {
    /// The memory beside this file of keys.
    ///
    /// # Errors
    /// When its file is there, and cannot be read.
    pub fn beside(keys: &Path) -> Result<Self, MemoryError> {
        let path = file_beside(keys);
        let newest = match fs::File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(read(&path, opened)?),
        };
        Ok(Self { file: Some(path), newest: Mutex::new(newest) })
    }

    /// The head that is remembered.
    pub fn newest(&self) -> Option<SignedHead> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where it is on disk, in words.
    pub(crate) fn place(&self) -> String {
        let file = self.file.as_ref().map(|file| file.display().to_string());
        file.unwrap_or_else(|| "this process".to_owned())
    }

    /// Remembers this head in the place of what was remembered; on disk when this returns.
    pub(crate) async fn keep(&self, head: &SignedHead) -> Result<(), MemoryError> {
        if self.newest().as_ref() == Some(head) {
            return Ok(());
        }
        if let Some(path) = self.file.clone() {
            let note = head.note().to_owned();
            let failed = |source| MemoryError::Io { path: path.clone(), source };
            let written = {
                let path = path.clone();
                tokio::task::spawn_blocking(move || write_whole(&path, &note, true)).await
            };
            written.map_err(io::Error::other).flatten().map_err(failed)?;
        }
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(head.clone());
        Ok(())
    }
}

fn file_beside(keys: &Path) -> PathBuf {
    let mut name = OsString::from(keys);
    name.push(EXTENSION);
    name.into()
}

fn read(path: &Path, opened: io::Result<fs::File>) -> Result<SignedHead, MemoryError> {
    let mut note = String::new();
    let read =
        opened.and_then(|file| file.take(NOTE_BYTES_MAX as u64 + 1).read_to_string(&mut note));
    read.map_err(|source| MemoryError::Io { path: path.to_owned(), source })?;
    SignedHead::parse(&note)
        .map_err(|source| MemoryError::Damaged { path: path.to_owned(), source })
}
