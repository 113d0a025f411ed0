//! The signer's memory of the newest signed head, kept apart from the tree's store. If the store is
//! emptied or set back, the signer refuses to sign a different history in its place.
//!
//! The head is kept in the process and, if there is a file, on this machine's disk. Each machine
//! has its own memory. When several projectors sign in turn, a larger tree that begins with the
//! remembered one replaces it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::head::{InvalidHead, NOTE_BYTES_MAX, SignedHead};
use crate::key_file::write_whole;

/// Appended to the name of the key file.
const EXTENSION: &str = ".head";

/// The newest signed head that the signer has seen.
#[derive(Debug, Default)]
pub struct Memory {
    file: Option<PathBuf>,
    newest: Mutex<Option<SignedHead>>,
}

/// The memory's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The file cannot be read or written.
    #[error("{path}, which holds the newest signed head, cannot be read or written")]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file does not hold a signed head.
    #[error(
        "{path}, which holds the newest signed head, is damaged: see docs/operations.md, \"A tree that was set back\""
    )]
    Damaged {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong with its content.
        #[source]
        source: InvalidHead,
    },
}

impl Memory {
    /// Opens the memory beside this key file.
    ///
    /// # Errors
    /// When its file exists but cannot be read.
    pub fn beside(keys: &Path) -> Result<Self, MemoryError> {
        let path = file_beside(keys);
        let newest = match fs::File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(read(&path, opened)?),
        };
        Ok(Self { file: Some(path), newest: Mutex::new(newest) })
    }

    /// The remembered head.
    pub fn newest(&self) -> Option<SignedHead> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the head is kept, for error messages.
    pub(crate) fn place(&self) -> String {
        let file = self.file.as_ref().map(|file| file.display().to_string());
        file.unwrap_or_else(|| "this process".to_owned())
    }

    /// Replaces the remembered head. It is on disk when this returns.
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
