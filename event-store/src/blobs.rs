//! The port of everything too large for an event.

use std::error::Error;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Digest;

/// Bytes of one blob.
pub const BLOB_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes by their digest: sources, test data, archives. Compressed at rest.
///
/// A blob is written before the event that names it, so an event never names what is not there.
#[async_trait]
pub trait Blobs: Send + Sync + std::fmt::Debug {
    /// Keeps the bytes and returns their name. On disk when this returns; keeping what is kept
    /// already costs a look-up.
    async fn put(&self, bytes: Bytes) -> Result<Digest, BlobError>;

    /// The bytes, checked against their name.
    async fn get(&self, digest: &Digest) -> Result<Bytes, BlobError>;

    /// Whether the bytes are kept.
    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError>;
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
