//! The note of this process.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::handler;
use crate::layout::{ENTRY_BYTES, RUNNING, SUFFIX, lock};

/// The note of a running process: what it is working on, and whether a watched thread crashed.
#[derive(Debug)]
pub struct Note {
    file: File,
    path: PathBuf,
    /// The length of the first two lines, in bytes.
    head_bytes: usize,
    /// Whether each place for an entry is in use.
    places: Mutex<Vec<bool>>,
}

impl Note {
    /// Creates the note of a process with this name, which must be unique, in a folder that is
    /// created if necessary. Installs the signal handlers of the process at the first call.
    ///
    /// # Errors
    /// If the folder or the file cannot be created or locked.
    pub fn create(folder: &Path, name: &str) -> io::Result<Arc<Self>> {
        let name = name.replace('\n', " ");
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
        let file_name = name.replace(|it| !is_plain(it), "_");
        let path = folder.join(file_name).with_added_extension(SUFFIX);
        fs::create_dir_all(folder)?;
        let _creating = lock(folder)?;
        let mut file = File::options().read(true).write(true).create_new(true).open(&path)?;
        file.lock()?;
        let head = format!("{RUNNING}{name}\n");
        file.write_all(head.as_bytes())?;
        handler::install()?;
        Ok(Arc::new(Self { file, path, head_bytes: head.len(), places: Mutex::default() }))
    }

    /// Marks the note if the current thread crashes from now on. The thread keeps the note open
    /// until it ends.
    pub fn watch_this_thread(self: &Arc<Self>) {
        let owner: Arc<Self> = Arc::clone(self);
        handler::watch_this_thread(self.file.as_raw_fd(), owner);
    }

    /// Adds work in progress to the note, until the entry is dropped.
    ///
    /// # Errors
    /// If the text is longer than 127 bytes or has several lines, or if the file cannot be written.
    pub fn enter(self: &Arc<Self>, text: &str) -> io::Result<Entry> {
        if text.len() >= ENTRY_BYTES || text.contains('\n') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the text is too long"));
        }
        let place = self.take_place();
        let entry = Entry { note: Arc::clone(self), place };
        self.write(place, text)?;
        Ok(entry)
    }

    /// Removes the file: the process has nothing to do any longer.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    fn write(&self, place: usize, text: &str) -> io::Result<()> {
        let width = ENTRY_BYTES - 1;
        let offset = self.head_bytes + place * ENTRY_BYTES;
        self.file.write_all_at(format!("{text:width$}\n").as_bytes(), offset as u64)
    }

    /// Takes the first free place, so that the file is no longer than it must be.
    fn take_place(&self) -> usize {
        let mut places = self.places();
        let place = places.iter().position(|taken| !taken).unwrap_or(places.len());
        if place == places.len() {
            places.push(true);
        }
        places[place] = true;
        place
    }

    fn places(&self) -> MutexGuard<'_, Vec<bool>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        // It may have been removed, and if not, the next process removes it.
        let _ = self.remove();
    }
}

/// Work in progress. Dropping it removes it from the note.
#[derive(Debug)]
pub struct Entry {
    note: Arc<Note>,
    place: usize,
}

impl Drop for Entry {
    fn drop(&mut self) {
        // If this fails, the place is not used again: what it says stays, and is checked anyway.
        if self.note.write(self.place, "").is_ok() {
            self.note.places()[self.place] = false;
        }
    }
}
