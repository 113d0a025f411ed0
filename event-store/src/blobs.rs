//! The port of everything too large for an event.

use std::error::Error;
use std::io::Read;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Digest;
use jiff::Timestamp;
use tokio::sync::Semaphore;

/// Bytes of one blob.
pub const BLOB_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes by their digest: sources, test data, archives. Compressed at rest.
///
/// A blob is written before the event that names it, so an event never names what is not there.
#[async_trait]
pub trait Blobs: Send + Sync + std::fmt::Debug {
    /// Keeps the bytes and returns their name. On disk when this returns. Putting what is kept
    /// already costs a look-up, and renews its time.
    async fn put(&self, bytes: Bytes) -> Result<Digest, BlobError>;

    /// As [`Blobs::put`], but in the place of what is kept under their name, which may be damaged.
    async fn put_again(&self, bytes: Bytes) -> Result<Digest, BlobError>;

    /// The bytes, checked against their name.
    async fn get(&self, digest: &Digest) -> Result<Bytes, BlobError>;

    /// Whether the bytes are kept.
    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError>;

    /// At most `limit` of the blobs after this digest, in the order of digests.
    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<KeptBlob>, BlobError>;

    /// Removes a blob, unless it was put at `before` or later, even if that was a moment ago by
    /// another process. Returns whether it was removed.
    async fn remove(&self, digest: &Digest, before: Timestamp) -> Result<bool, BlobError>;

    /// Removes what processes that died before then left of blobs they were writing. Returns how
    /// many blobs that were.
    async fn remove_unfinished(&self, before: Timestamp) -> Result<u64, BlobError>;
}

/// A blob in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptBlob {
    /// Its name.
    pub digest: Digest,
    /// Its size in the store, in bytes.
    pub bytes: u64,
    /// When it was last put, also if it was there already.
    pub put_at: Timestamp,
}

/// A blob operation did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// Nothing is kept under this name.
    #[error("there is no blob {0}")]
    NotFound(Digest),
    /// What is kept is not what was put.
    #[error("the blob {0} is damaged")]
    Damaged(Digest),
    /// More than [`BLOB_BYTES_MAX`].
    #[error("a blob has at most {BLOB_BYTES_MAX} bytes, not {0}")]
    TooLarge(usize),
    /// The store does not answer, or not in time, or is full.
    #[error("the blob store does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// Blobs that are compressed or decompressed at the same time, each with its buffers in memory.
const CODECS_MAX: usize = 4;
/// zstd's own default: beyond it time grows faster than space shrinks.
const COMPRESSION_LEVEL: i32 = 3;

static CODECS: Semaphore = Semaphore::const_new(CODECS_MAX);

/// The blob's name. Every adapter's `put` begins here: what is kept already need not be compressed.
pub(crate) async fn name(bytes: &Bytes) -> Result<Digest, BlobError> {
    if bytes.len() > BLOB_BYTES_MAX {
        return Err(BlobError::TooLarge(bytes.len()));
    }
    let bytes = bytes.clone();
    Ok(off_thread(move || Digest::of(&bytes)).await)
}

/// The form that is kept.
pub(crate) async fn compress(bytes: Bytes) -> Result<Vec<u8>, BlobError> {
    off_thread(move || zstd::encode_all(&*bytes, COMPRESSION_LEVEL))
        .await
        .map_err(|error| BlobError::Unavailable(Box::new(error)))
}

/// The bytes again, checked against their name. Every adapter's `get` ends here.
pub(crate) async fn decompress(digest: Digest, kept: Vec<u8>) -> Result<Bytes, BlobError> {
    let bytes = off_thread(move || {
        let mut bytes = Vec::new();
        // What was tampered with may unpack to anything, so the limit holds here too.
        let limit = BLOB_BYTES_MAX as u64 + 1;
        zstd::Decoder::new(&*kept)?.take(limit).read_to_end(&mut bytes)?;
        let intact = bytes.len() <= BLOB_BYTES_MAX && Digest::of(&bytes) == digest;
        Ok::<_, std::io::Error>(intact.then_some(bytes))
    });
    match bytes.await {
        Ok(Some(bytes)) => Ok(bytes.into()),
        Ok(None) | Err(_) => Err(BlobError::Damaged(digest)),
    }
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let _permit = CODECS.acquire().await.expect("the semaphore is never closed");
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
