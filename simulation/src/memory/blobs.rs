//! An in-memory blob store: bytes by digest.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Digest;
use event_store::{BLOB_BYTES_MAX, BlobError, Blobs};

use super::lock;

/// An in-memory blob store.
#[derive(Debug, Default)]
pub struct MemoryBlobs(Mutex<BTreeMap<Digest, Bytes>>);

impl MemoryBlobs {
    pub(crate) fn keep(&self, bytes: &Bytes) -> Result<Digest, BlobError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge(bytes.len()));
        }
        let digest = Digest::of(bytes);
        lock(&self.0).insert(digest, bytes.clone());
        Ok(digest)
    }

    pub(crate) fn find(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        lock(&self.0).get(digest).cloned().ok_or(BlobError::NotFound(*digest))
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        self.keep(&bytes)
    }

    async fn put_again(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        self.keep(&bytes)
    }

    async fn get(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        self.find(digest)
    }

    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError> {
        Ok(self.find(digest).is_ok())
    }
}
