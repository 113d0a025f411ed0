//! The file of the keys that sign: a key a line, the newest first.
//!
//! While a file has two keys, every head bears both signatures. So whoever trusts the old key can follow to the new one,
//! and then the old one is taken out.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::key::{InvalidKey, SignerKey};

/// Nobody else's business.
const FILE_MODE: u32 = 0o600;
/// What must not be set of a file's permissions.
const OTHERS: u32 = 0o077;
/// Keys of a file.
const KEYS_MAX: usize = 8;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It is not there.
    #[error("there is no file {0}")]
    Missing(PathBuf),
    /// It is there already.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// It cannot be read or written.
    #[error("{path} cannot be read or written")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others may read it.
    #[error("{path} can be read by others: its mode is {mode:o}; run: chmod 600 {path}", path = .path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// What is set.
        mode: u32,
    },
    /// A line is no key.
    #[error("{path}:{line} is no key", path = .path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Which line.
        line: usize,
        /// Why.
        #[source]
        source: InvalidKey,
    },
    /// It has none, or too many.
    #[error("{path} has {count} keys; expected 1 to {KEYS_MAX}", path = .path.display())]
    Count {
        /// Which file.
        path: PathBuf,
        /// How many there are.
        count: usize,
    },
}

/// Reads the keys, the newest first.
///
/// # Errors
/// When the file is not there, or others may read it, or a line is no key.
pub fn read(path: &Path) -> Result<Vec<SignerKey>, KeyFileError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
        _ => KeyFileError::Io { path: path.to_owned(), source },
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & OTHERS != 0 {
        return Err(KeyFileError::Open { path: path.to_owned(), mode: mode & 0o7777 });
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let keys = lines.map(|(index, line)| {
        let key = line.trim().parse();
        key.map_err(|source| KeyFileError::Key { path: path.to_owned(), line: index + 1, source })
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    match keys.len() {
        1..=KEYS_MAX => Ok(keys),
        count => Err(KeyFileError::Count { path: path.to_owned(), count }),
    }
}

/// Makes the file.
///
/// # Errors
/// When it is there already, or cannot be written.
pub fn create(path: &Path, keys: &[SignerKey]) -> Result<(), KeyFileError> {
    write(path, keys, false)
}

/// Puts other keys into the file, which is never half-written.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, keys: &[SignerKey]) -> Result<(), KeyFileError> {
    write(path, keys, true)
}

fn write(path: &Path, keys: &[SignerKey], replace: bool) -> Result<(), KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
    let text: String = keys.iter().map(|key| key.to_secret_text() + "\n").collect();
    let put = || -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(FILE_MODE).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if replace {
            fs::rename(&unfinished, path)?;
        } else {
            // Unlike a rename, this fails where there is a file.
            fs::hard_link(&unfinished, path)?;
            fs::remove_file(&unfinished)?;
        }
        fs::File::open(folder)?.sync_all()
    };
    put().map_err(|source| {
        let _ = fs::remove_file(&unfinished);
        match source.kind() {
            io::ErrorKind::AlreadyExists if !replace => KeyFileError::Exists(path.to_owned()),
            _ => failed(source),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: u8) -> SignerKey {
        SignerKey::new("judge.example".parse().unwrap(), [secret; 32])
    }

    fn names(keys: &[SignerKey]) -> Vec<String> {
        keys.iter().map(|key| key.verifier().to_string()).collect()
    }

    #[test]
    fn a_file_is_made_once_replaced_whole_and_read_by_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/tree.keys");
        assert!(matches!(read(&path), Err(KeyFileError::Missing(_))));
        create(&path, &[key(1)]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, FILE_MODE);
        assert_eq!(names(&read(&path).unwrap()), names(&[key(1)]));
        assert!(matches!(create(&path, &[key(2)]), Err(KeyFileError::Exists(_))));
        assert_eq!(names(&read(&path).unwrap()), names(&[key(1)]));
        replace(&path, &[key(2), key(1)]).unwrap();
        assert_eq!(names(&read(&path).unwrap()), names(&[key(2), key(1)]));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::Open { mode: 0o640, .. })));
    }

    #[test]
    fn what_is_no_key_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tree.keys");
        create(&path, &[key(1)]).unwrap();
        fs::write(&path, format!("{}\n\nPRIVATE+KEY+no\n", key(1).to_secret_text())).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::Key { line: 3, .. })));
        fs::write(&path, "\n").unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::Count { count: 0, .. })));
    }
}
