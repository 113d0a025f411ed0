//! The blobs, over an unreliable network.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Digest;
use event_store::{BlobError, Blobs, KeptBlob};
use jiff::Timestamp;

use super::cause;
use crate::memory::MemoryBlobs;
use crate::process::{Process, Silence};

/// The blob store as one process sees it.
#[derive(Debug)]
pub(super) struct DistantBlobs {
    pub(super) process: Arc<Process>,
    pub(super) blobs: Arc<MemoryBlobs>,
}

fn unavailable(silence: Silence) -> BlobError {
    BlobError::Unavailable(cause(silence))
}

#[async_trait]
impl Blobs for DistantBlobs {
    async fn put(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        let blobs = Arc::clone(&self.blobs);
        let put = self.process.ask("put a blob", move || (blobs.keep(&bytes), String::new()));
        put.await.map_err(unavailable)?
    }

    async fn put_again(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        self.put(bytes).await
    }

    async fn get(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        let (blobs, digest) = (Arc::clone(&self.blobs), *digest);
        let get = self.process.ask("get a blob", move || (blobs.find(&digest), String::new()));
        get.await.map_err(unavailable)?
    }

    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError> {
        let (blobs, digest) = (Arc::clone(&self.blobs), *digest);
        let find = move || (blobs.find(&digest).is_ok(), String::new());
        self.process.ask("find a blob", find).await.map_err(unavailable)
    }

    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<KeptBlob>, BlobError> {
        self.blobs.list(after, limit).await
    }

    async fn remove(&self, digest: &Digest, before: Timestamp) -> Result<bool, BlobError> {
        self.blobs.remove(digest, before).await
    }

    async fn remove_unfinished(&self, before: Timestamp) -> Result<u64, BlobError> {
        self.blobs.remove_unfinished(before).await
    }
}
