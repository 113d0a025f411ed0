//! The port for data too large for an event.

use std::error::Error;
use std::io::Read;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Digest;
use jiff::Timestamp;
use tokio::sync::Semaphore;

/// Maximum size of one blob, in bytes.
pub const BLOB_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Stores byte strings by their digest: sources, test data, archives. Compressed at rest.
///
/// A blob is written before the event that names it, so events never name a missing blob.
#[async_trait]
pub trait Blobs: Send + Sync + std::fmt::Debug {
    /// Stores the bytes and returns their digest. They are on disk when this returns. Putting a
    /// blob that is already stored costs a lookup and renews its time.
    async fn put(&self, bytes: Bytes) -> Result<Digest, BlobError>;

    /// As [`Blobs::put`], but overwrites the stored bytes, which may be damaged.
    async fn put_again(&self, bytes: Bytes) -> Result<Digest, BlobError>;

    /// The bytes, verified against the digest.
    async fn get(&self, digest: &Digest) -> Result<Bytes, BlobError>;

    /// Whether the blob is stored.
    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError>;

    /// Up to `limit` blobs after this digest, in digest order.
    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<KeptBlob>, BlobError>;

    /// Removes a blob unless it was put at `before` or later, by this process or another. Returns
    /// whether it was removed.
    async fn remove(&self, digest: &Digest, before: Timestamp) -> Result<bool, BlobError>;

    /// Removes partly written blobs from before this time, left by processes that died. Returns
    /// their number.
    async fn remove_unfinished(&self, before: Timestamp) -> Result<u64, BlobError>;
}

/// A stored blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptBlob {
    /// The blob's digest.
    pub digest: Digest,
    /// Compressed size in the store, in bytes.
    pub bytes: u64,
    /// When it was last put, even if it was already stored.
    pub put_at: Timestamp,
}

/// Why a blob operation failed.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// No blob with this digest is stored.
    #[error("there is no blob {0}")]
    NotFound(Digest),
    /// The stored bytes do not match the digest.
    #[error("the blob {0} is damaged")]
    Damaged(Digest),
    /// The blob is larger than [`BLOB_BYTES_MAX`].
    #[error("a blob has at most {BLOB_BYTES_MAX} bytes, not {0}")]
    TooLarge(usize),
    /// The store did not answer in time, or it is full.
    #[error("the blob store does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// Maximum number of concurrent compressions and decompressions; each holds its buffers in memory.
const CODECS_MAX: usize = 4;
/// zstd's default. Higher levels cost more time than they save space.
const COMPRESSION_LEVEL: i32 = 3;

static CODECS: Semaphore = Semaphore::const_new(CODECS_MAX);

/// The blob's digest. Every adapter's `put` computes it first, because a blob that is already
/// stored need not be compressed.
pub(crate) async fn name(bytes: &Bytes) -> Result<Digest, BlobError> {
    if bytes.len() > BLOB_BYTES_MAX {
        return Err(BlobError::TooLarge(bytes.len()));
    }
    let bytes = bytes.clone();
    Ok(off_thread(move || Digest::of(&bytes)).await)
}

/// Compresses a blob for storage.
pub(crate) async fn compress(bytes: Bytes) -> Result<Vec<u8>, BlobError> {
    off_thread(move || zstd::encode_all(&*bytes, COMPRESSION_LEVEL))
        .await
        .map_err(|error| BlobError::Unavailable(Box::new(error)))
}

/// Decompresses a stored blob and verifies its digest. Every adapter's `get` ends here.
pub(crate) async fn decompress(digest: Digest, kept: Vec<u8>) -> Result<Bytes, BlobError> {
    let bytes = off_thread(move || {
        let mut bytes = Vec::new();
        // Tampered data may expand to any size, so the limit applies here too.
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
