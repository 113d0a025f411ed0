//! An in-memory blob store: bytes by digest.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Digest;
use event_store::{BLOB_BYTES_MAX, BlobError, Blobs, KeptBlob};
use jiff::Timestamp;

use super::lock;

/// An in-memory blob store.
#[derive(Debug, Default)]
pub struct MemoryBlobs {
    blobs: Mutex<BTreeMap<Digest, Kept>>,
}

#[derive(Debug)]
struct Kept {
    bytes: Bytes,
    put_at: Timestamp,
}

impl Kept {
    fn listed(&self, digest: Digest) -> KeptBlob {
        KeptBlob { digest, bytes: self.bytes.len() as u64, put_at: self.put_at }
    }
}

impl MemoryBlobs {
    pub(crate) fn keep(&self, bytes: &Bytes) -> Result<Digest, BlobError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge(bytes.len()));
        }
        let digest = Digest::of(bytes);
        let kept = Kept { bytes: bytes.clone(), put_at: Timestamp::now() };
        lock(&self.blobs).insert(digest, kept);
        Ok(digest)
    }

    pub(crate) fn find(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        let kept = lock(&self.blobs);
        kept.get(digest).map(|kept| kept.bytes.clone()).ok_or(BlobError::NotFound(*digest))
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

    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<KeptBlob>, BlobError> {
        let kept = lock(&self.blobs);
        let after = kept.iter().filter(|(digest, _)| after.is_none_or(|after| *digest > after));
        Ok(after.take(limit).map(|(digest, kept)| kept.listed(*digest)).collect())
    }

    async fn remove(&self, digest: &Digest, before: Timestamp) -> Result<bool, BlobError> {
        let mut kept = lock(&self.blobs);
        let is_old = kept.get(digest).is_some_and(|kept| kept.put_at < before);
        if is_old {
            kept.remove(digest);
        }
        Ok(is_old)
    }

    async fn remove_unfinished(&self, _: Timestamp) -> Result<u64, BlobError> {
        Ok(0)
    }
}
