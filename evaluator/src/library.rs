//! Revisions, sources and test data, kept at hand.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::problem::ProblemRevised;
use domain::{Digest, Event, Slug, StreamId, Version};
use event_store::{BlobError, Blobs, EventLog, ReadError};
use moka::future::Cache;

use crate::DiskCache;
use crate::judge::{MaterialError, Materials};

/// Revisions kept at hand.
const REVISIONS_MAX: u64 = 256;
/// Bytes of test data kept at hand.
const DATA_BYTES_MAX: u64 = 256 << 20;

/// What could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The log does not answer.
    #[error("fetching the revision failed")]
    Log(#[from] ReadError),
    /// The blob store does not answer, or lost something.
    #[error("fetching the source failed")]
    Blob(#[from] BlobError),
    /// The log has no such revision.
    #[error("the problem {slug} has no revision {revision}")]
    NoRevision {
        /// Of which problem.
        slug: Slug,
        /// Which revision.
        revision: u32,
    },
}

/// Fetches once what many submissions need.
#[derive(Debug)]
pub(crate) struct Library {
    log: Arc<dyn EventLog>,
    blobs: Arc<dyn Blobs>,
    revisions: Cache<(Slug, u32), Arc<ProblemRevised>>,
    data: Cache<Digest, Bytes>,
    /// Behind the memory and before the blobs, where those are far away.
    disk: Option<Arc<DiskCache>>,
}

#[async_trait]
impl Materials for Library {
    async fn bytes(&self, digest: &Digest) -> Result<Bytes, MaterialError> {
        let failed = |error| MaterialError { digest: *digest, source: Box::new(error) };
        self.fetch(digest).await.map_err(failed)
    }
}

impl Library {
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        blobs: Arc<dyn Blobs>,
        disk: Option<Arc<DiskCache>>,
    ) -> Self {
        let weigher = |_: &Digest, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let data = Cache::builder().max_capacity(DATA_BYTES_MAX).weigher(weigher).build();
        Self { log, blobs, revisions: Cache::new(REVISIONS_MAX), data, disk }
    }

    /// The revision, which never changes.
    pub(crate) async fn revision(
        &self,
        slug: &Slug,
        revision: u32,
    ) -> Result<Arc<ProblemRevised>, FetchError> {
        let key = (slug.clone(), revision);
        if let Some(found) = self.revisions.get(&key).await {
            return Ok(found);
        }
        // Every event of a problem's stream is a revision, so its number is its version.
        let version = Version(u64::from(revision));
        let stream = StreamId::Problem(slug.clone());
        let events = self.log.read_stream(&stream, version, 1).await?;
        match events.into_iter().next().map(|recorded| recorded.event) {
            Some(Event::ProblemRevised(revised)) if revised.revision == revision => {
                let revised = Arc::new(revised);
                self.revisions.insert(key, Arc::clone(&revised)).await;
                Ok(revised)
            }
            _ => Err(FetchError::NoRevision { slug: slug.clone(), revision }),
        }
    }

    /// Bytes of this name that many submissions need.
    async fn fetch(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        if let Some(found) = self.data.get(digest).await {
            return Ok(found);
        }
        let bytes = match &self.disk {
            None => self.blobs.get(digest).await?,
            Some(disk) => match disk.get(*digest).await {
                Some(kept) => kept,
                None => {
                    let bytes = self.blobs.get(digest).await?;
                    disk.put(*digest, bytes.clone()).await;
                    bytes
                }
            },
        };
        self.data.insert(*digest, bytes.clone()).await;
        Ok(bytes)
    }

    /// A source of this name, which is needed once and not kept.
    pub(crate) async fn source(&self, digest: &Digest) -> Result<Bytes, FetchError> {
        Ok(self.blobs.get(digest).await?)
    }
}
