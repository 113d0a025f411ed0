//! [`Blobs`] in a directory: `<directory>/<2 hex>/<digest>.zst`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Digest;
use uuid::Uuid;

use crate::blobs::{compress, decompress, name};
use crate::resolver::OpenError;
use crate::{BlobError, Blobs};

/// Where a blob is until it is whole.
const UNFINISHED: &str = "unfinished";
/// An unfinished file of this age was left by a process that is gone.
const UNFINISHED_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// Blobs are sources, and answers of hidden tests: nobody else's business.
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
            remove_leftovers(&unfinished)?;
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
        if self.contains(&digest).await? {
            let path = self.path(&digest);
            // The one who put it may not have come to this yet.
            blocking(move || sync_parent(&path)).await.map_err(unavailable)?;
        } else {
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
}

/// A file appears under its name whole and on disk, or not at all.
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
        // A full disk should not stay full because of what did not fit.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    fs::rename(&unfinished, path)?;
    sync_parent(path)
}

/// Makes it where it is missing, and what is above it.
fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}

fn parent(path: &Path) -> &Path {
    path.parent().expect("a blob's file is in a directory")
}

fn remove_leftovers(unfinished: &Path) -> io::Result<()> {
    for entry in fs::read_dir(unfinished)? {
        let entry = entry?;
        let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
        if matches!(age, Ok(Ok(age)) if age > UNFINISHED_AGE_MAX) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn unavailable(error: io::Error) -> BlobError {
    BlobError::Unavailable(Box::new(error))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
