//! The file with an installation's keys, one per line.
//!
//! Private keys sign; the newest comes first. While there are two, every head has both signatures,
//! so that users who trust the old key can move to the new one. Then the old one is retired: only
//! its public key stays in the file, to check earlier heads.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::key::{InvalidKey, PRIVATE, SignerKey, VerifierKey};

/// The file's permissions: for its owner only.
const FILE_MODE: u32 = 0o600;
/// Permission bits of group and others, which must not be set.
const OTHERS: u32 = 0o077;
/// Keys that sign at the same time.
const SIGNERS_MAX: usize = 8;

/// An installation's keys.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Keys that sign, newest first; never empty.
    pub signers: Vec<SignerKey>,
    /// Public keys that no longer sign, newest first.
    pub retired: Vec<VerifierKey>,
}

impl Keys {
    /// The keys of an installation with one signing key.
    pub fn of(key: SignerKey) -> Self {
        Self { signers: vec![key], retired: vec![] }
    }

    /// The public keys of all heads ever signed, newest first.
    pub fn verifiers(&self) -> Vec<VerifierKey> {
        self.signers.iter().map(SignerKey::verifier).chain(self.retired.clone()).collect()
    }

    /// Retires all signing keys except the newest.
    #[must_use]
    pub fn retire(mut self) -> Self {
        let retired = self.signers.split_off(1);
        let retired = retired.iter().map(SignerKey::verifier).chain(self.retired);
        Self { retired: retired.collect(), ..self }
    }
}

/// The key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file does not exist.
    #[error("there is no file {0}")]
    Missing(PathBuf),
    /// The file already exists.
    #[error("{0} already exists")]
    Exists(PathBuf),
    /// The file cannot be read or written.
    #[error("{path} cannot be read or written")]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Users other than the owner have permissions on the file.
    #[error("{path} can be read by others: its mode is {mode:o}; run: chmod 600 {path}", path = .path.display())]
    Open {
        /// Path of the file.
        path: PathBuf,
        /// The file's mode.
        mode: u32,
    },
    /// A line is not a key.
    #[error("{path}:{line} is not a key", path = .path.display())]
    Key {
        /// Path of the file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with the line.
        #[source]
        source: InvalidKey,
    },
    /// The file has no private key, or too many.
    #[error("{path} has {count} private keys; expected 1 to {SIGNERS_MAX}", path = .path.display())]
    Count {
        /// Path of the file.
        path: PathBuf,
        /// Number of private keys.
        count: usize,
    },
}

/// Reads the key file.
///
/// # Errors
/// When the file does not exist, others have permissions on it, or a line is not a key.
pub fn read(path: &Path) -> Result<Keys, KeyFileError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
        _ => KeyFileError::Io { path: path.to_owned(), source },
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & OTHERS != 0 {
        return Err(KeyFileError::Open { path: path.to_owned(), mode: mode & 0o7777 });
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let (mut signers, mut retired) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().map(str::trim).enumerate() {
        let parsed = match line {
            "" => Ok(()),
            _ if line.starts_with(PRIVATE) => line.parse().map(|key| signers.push(key)),
            _ => line.parse().map(|key| retired.push(key)),
        };
        parsed.map_err(|source| {
            let (path, line) = (path.to_owned(), index + 1);
            KeyFileError::Key { path, line, source }
        })?;
    }
    match signers.len() {
        1..=SIGNERS_MAX => Ok(Keys { signers, retired }),
        count => Err(KeyFileError::Count { path: path.to_owned(), count }),
    }
}

/// Creates the key file.
///
/// # Errors
/// When it already exists, or cannot be written.
pub fn create(path: &Path, keys: &Keys) -> Result<(), KeyFileError> {
    write(path, keys, false)
}

/// Replaces the key file atomically.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, keys: &Keys) -> Result<(), KeyFileError> {
    write(path, keys, true)
}

fn write(path: &Path, keys: &Keys, replace: bool) -> Result<(), KeyFileError> {
    let signers = keys.signers.iter().map(|key| key.to_secret_text() + "\n");
    let text: String = signers.chain(keys.retired.iter().map(|key| format!("{key}\n"))).collect();
    write_whole(path, &text, replace).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists if !replace => KeyFileError::Exists(path.to_owned()),
        _ => KeyFileError::Io { path: path.to_owned(), source },
    })
}

/// Writes a file atomically and to disk. Replaces an existing file only if `replace` is set.
pub(crate) fn write_whole(path: &Path, text: &str, replace: bool) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A process id would not be unique: in containers it is often the same.
    let unfinished = folder.join(format!(".{name}.{}", Uuid::new_v4()));
    let put = || -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(FILE_MODE).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if replace {
            fs::rename(&unfinished, path)?;
        } else {
            // Unlike a rename, this fails if the file exists.
            fs::hard_link(&unfinished, path)?;
            fs::remove_file(&unfinished)?;
        }
        fs::File::open(folder)?.sync_all()
    };
    put().inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: u8) -> SignerKey {
        SignerKey::new("judge.example".parse().unwrap(), [secret; 32])
    }

    fn names(keys: &Keys) -> Vec<String> {
        keys.verifiers().iter().map(ToString::to_string).collect()
    }

    fn both() -> Keys {
        Keys { signers: vec![key(2), key(1)], retired: vec![] }
    }

    #[test]
    fn a_key_file_is_created_once_replaced_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/tree.keys");
        assert!(matches!(read(&path), Err(KeyFileError::Missing(_))));
        create(&path, &Keys::of(key(1))).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, FILE_MODE);
        assert_eq!(names(&read(&path).unwrap()), names(&Keys::of(key(1))));
        let again = create(&path, &Keys::of(key(2)));
        assert!(matches!(again, Err(KeyFileError::Exists(_))), "{again:?}");
        assert_eq!(names(&read(&path).unwrap()), names(&Keys::of(key(1))));
        replace(&path, &both()).unwrap();
        assert_eq!(names(&read(&path).unwrap()), names(&both()));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::Open { mode: 0o640, .. })));
    }

    #[test]
    fn a_retired_key_keeps_its_public_half() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tree.keys");
        create(&path, &both().retire()).unwrap();
        let keys = read(&path).unwrap();
        assert_eq!((keys.signers.len(), keys.retired.len()), (1, 1));
        assert_eq!(names(&keys), names(&both()));
        assert!(!fs::read_to_string(&path).unwrap().contains(&key(1).to_secret_text()));
        assert_eq!(names(&keys.retire()), names(&both()));
    }

    #[test]
    fn an_invalid_key_is_reported_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tree.keys");
        create(&path, &Keys::of(key(1))).unwrap();
        fs::write(&path, format!("{}\n\nPRIVATE+KEY+no\n", key(1).to_secret_text())).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::Key { line: 3, .. })));
        fs::write(&path, format!("{}\n", key(1).verifier())).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::Count { count: 0, .. })));
    }
}
