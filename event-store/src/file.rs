//! [`Blobs`] in a directory: `<directory>/<2 hex>/<digest>.zst`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use domain::Digest;
use jiff::Timestamp;
use uuid::Uuid;

use crate::blobs::{compress, decompress, name};
use crate::open_error::OpenError;
use crate::{BlobError, Blobs, KeptBlob};

/// Lock file that keeps removing apart from putting: putting takes a shared lock, removing an
/// exclusive one.
const LOCK: &str = "lock";
/// Directory of partly written blobs.
const UNFINISHED: &str = "unfinished";
/// An unfinished file older than this was left by a process that died.
const UNFINISHED_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// Blobs include sources and the answers of hidden tests, so other users get no access.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A directory of blobs.
#[derive(Debug)]
pub(crate) struct FileBlobs {
    directory: Arc<Path>,
}

impl FileBlobs {
    pub(crate) async fn open(directory: PathBuf) -> Result<Self, OpenError> {
        blocking(move || {
            let unfinished = directory.join(UNFINISHED);
            make_directory(&unfinished)?;
            remove_leftovers(&unfinished, Timestamp::now() - UNFINISHED_AGE_MAX)?;
            Ok(Self { directory: directory.into() })
        })
        .await
        .map_err(|error| OpenError::Unavailable { port: "blobs", source: Box::new(error) })
    }

    async fn write(&self, digest: &Digest, bytes: Bytes) -> Result<(), BlobError> {
        let (path, directory) = (self.path(digest), Arc::clone(&self.directory));
        let kept = compress(bytes).await?;
        blocking(move || write_whole(&directory, &path, &kept)).await.map_err(unavailable)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.directory.join(&name[..2]).join(format!("{name}.zst"))
    }
}

#[async_trait]
impl Blobs for FileBlobs {
    async fn put(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        let digest = name(&bytes).await?;
        let (path, directory) = (self.path(&digest), Arc::clone(&self.directory));
        let is_kept = blocking(move || renew(&directory, &path)).await.map_err(unavailable)?;
        if !is_kept {
            self.write(&digest, bytes).await?;
        }
        Ok(digest)
    }

    async fn put_again(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        let digest = name(&bytes).await?;
        self.write(&digest, bytes).await?;
        Ok(digest)
    }

    async fn get(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        let path = self.path(digest);
        let kept = blocking(move || fs::read(path)).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BlobError::NotFound(*digest),
            _ => unavailable(error),
        })?;
        decompress(*digest, kept).await
    }

    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError> {
        let path = self.path(digest);
        blocking(move || path.try_exists()).await.map_err(unavailable)
    }

    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<KeptBlob>, BlobError> {
        let (directory, after) = (Arc::clone(&self.directory), after.copied());
        blocking(move || list(&directory, after, limit)).await.map_err(unavailable)
    }

    async fn remove(&self, digest: &Digest, before: Timestamp) -> Result<bool, BlobError> {
        let (path, directory) = (self.path(digest), Arc::clone(&self.directory));
        blocking(move || remove(&directory, &path, before)).await.map_err(unavailable)
    }

    async fn remove_unfinished(&self, before: Timestamp) -> Result<u64, BlobError> {
        let unfinished = self.directory.join(UNFINISHED);
        blocking(move || remove_leftovers(&unfinished, before)).await.map_err(unavailable)
    }
}

/// Opens a new handle each time, because a lock belongs to its handle.
fn lock_file(directory: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(FILE_MODE).open(directory.join(LOCK))
}

/// Renews the time of a blob's file. Returns whether the file exists.
fn renew(directory: &Path, path: &Path) -> io::Result<bool> {
    let lock = lock_file(directory)?;
    lock.lock_shared()?;
    match OpenOptions::new().write(true).open(path) {
        Ok(file) => file.set_modified(SystemTime::now())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    // The writer that put it may not have synced it yet.
    sync_parent(path)?;
    Ok(true)
}

fn remove(directory: &Path, path: &Path, before: Timestamp) -> io::Result<bool> {
    let lock = lock_file(directory)?;
    lock.lock()?;
    match fs::metadata(path) {
        Ok(metadata) if put_at(&metadata)? < before => fs::remove_file(path).map(|()| true),
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn put_at(metadata: &fs::Metadata) -> io::Result<Timestamp> {
    Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)
}

/// Reads the two-digit directories in order, until there are enough blobs.
fn list(directory: &Path, after: Option<Digest>, limit: usize) -> io::Result<Vec<KeptBlob>> {
    let first = after.and_then(|after| u8::from_str_radix(&after.to_string()[..2], 16).ok());
    let first = first.unwrap_or(0);
    let mut found = Vec::new();
    for prefix in first..=u8::MAX {
        let entries = match fs::read_dir(directory.join(format!("{prefix:02x}"))) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let begin = found.len();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".zst"));
            let Some(digest) = name.and_then(|name| name.parse().ok()) else { continue };
            // It may have been removed since it was listed.
            let Ok(metadata) = entry.metadata() else { continue };
            if after.is_none_or(|after| digest > after) {
                let put_at = put_at(&metadata)?;
                found.push(KeptBlob { digest, bytes: metadata.len(), put_at });
            }
        }
        found[begin..].sort_unstable_by_key(|blob| blob.digest);
        if found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// Writes a file so that it appears under its name complete and on disk, or not at all.
fn write_whole(directory: &Path, path: &Path, kept: &[u8]) -> io::Result<()> {
    make_directory(parent(path))?;
    File::open(directory)?.sync_all()?;
    let unfinished = directory.join(UNFINISHED).join(Uuid::new_v4().to_string());
    let created = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&unfinished);
    let written = created.and_then(|mut file| {
        file.write_all(kept)?;
        file.sync_all()
    });
    if let Err(error) = written {
        // If the disk is full, free the space of the partial file.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    let lock = lock_file(directory)?;
    lock.lock_shared()?;
    fs::rename(&unfinished, path)?;
    sync_parent(path)
}

/// Creates the directory and its missing parents.
fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}

fn parent(path: &Path) -> &Path {
    path.parent().expect("a blob's file is in a directory")
}

fn remove_leftovers(unfinished: &Path, before: Timestamp) -> io::Result<u64> {
    let mut removed = 0;
    for entry in fs::read_dir(unfinished)? {
        let entry = entry?;
        // It may have been finished since it was listed.
        let Ok(metadata) = entry.metadata() else { continue };
        if put_at(&metadata)? < before {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn unavailable(error: io::Error) -> BlobError {
    BlobError::Unavailable(Box::new(error))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
