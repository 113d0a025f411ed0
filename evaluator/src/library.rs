//! Caches revisions and test data.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use domain::problem::ProblemRevised;
use domain::{Digest, Event, Recorded, Slug};
use event_store::{BlobError, Blobs, EventLog, ReadError};
use moka::future::Cache;

use crate::DiskCache;
use crate::judge::{MaterialError, Materials};

/// The most bytes of revisions in the cache, as they are in the log. In memory they take about
/// twice as much.
const REVISIONS_BYTES_MAX: u64 = 64 << 20;
/// The most bytes of test data in the cache.
const DATA_BYTES_MAX: u64 = 256 << 20;
/// How long to retry while the blob store is unavailable, and the delay between tries.
const BLOBS_PATIENCE: Duration = Duration::from_secs(300);
const BLOBS_RETRY_DELAY: Duration = Duration::from_millis(500);

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The log is unavailable.
    #[error("fetching the revision failed")]
    Log(#[from] ReadError),
    /// The blob store is unavailable, or the blob is missing.
    #[error("fetching the source failed")]
    Blob(#[from] BlobError),
    /// The log has no such revision.
    #[error("the problem {slug} has no revision {revision}")]
    NoRevision {
        /// The problem.
        slug: Slug,
        /// The number of the revision.
        revision: u32,
    },
}

/// Fetches from the log and the blob store, and caches what many submissions need.
#[derive(Debug)]
pub(crate) struct Library {
    log: Arc<dyn EventLog>,
    blobs: Arc<dyn Blobs>,
    revisions: Cache<(Slug, u32), Arc<Revision>>,
    data: Cache<Digest, Bytes>,
    /// Checked after the memory cache and before the blob store; `None` if the blobs are local
    /// files.
    disk: Option<Arc<DiskCache>>,
}

/// A revision of a problem.
#[derive(Debug)]
pub(crate) struct Revision {
    /// The event that recorded it.
    pub(crate) revised: ProblemRevised,
    /// Bytes of that event.
    bytes: usize,
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
        let weight = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let revisions = Cache::builder()
            .max_capacity(REVISIONS_BYTES_MAX)
            .weigher(move |_, revision: &Arc<Revision>| weight(revision.bytes))
            .build();
        let data = Cache::builder()
            .max_capacity(DATA_BYTES_MAX)
            .weigher(move |_, bytes: &Bytes| weight(bytes.len()))
            .build();
        Self { log, blobs, revisions, data, disk }
    }

    /// A revision of a problem. Revisions never change, so they can be cached. One read serves all
    /// that ask at the same time.
    pub(crate) async fn revision(
        &self,
        slug: &Slug,
        revision: u32,
    ) -> Result<Arc<Revision>, Arc<FetchError>> {
        let key = (slug.clone(), revision);
        self.revisions.try_get_with(key, self.read_revision(slug, revision)).await
    }

    async fn read_revision(&self, slug: &Slug, revision: u32) -> Result<Arc<Revision>, FetchError> {
        match event_store::read_revision(self.log.as_ref(), slug, revision).await? {
            Some(Recorded { event: Event::ProblemRevised(revised), body, .. }) => {
                Ok(Arc::new(Revision { revised, bytes: body.len() }))
            }
            _ => Err(FetchError::NoRevision { slug: slug.clone(), revision }),
        }
    }

    /// Test data or other bytes that many submissions need, through the caches. One download serves
    /// all that ask at the same time.
    async fn fetch(&self, digest: &Digest) -> Result<Bytes, Arc<BlobError>> {
        self.data.try_get_with(*digest, self.fetch_uncached(digest)).await
    }

    async fn fetch_uncached(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        let Some(disk) = &self.disk else { return self.blob(digest).await };
        if let Some(kept) = disk.get(*digest).await {
            return Ok(kept);
        }
        let bytes = self.blob(digest).await?;
        disk.put(*digest, bytes.clone()).await;
        Ok(bytes)
    }

    /// The source of a submission, which is needed once and so not cached.
    pub(crate) async fn source(&self, digest: &Digest) -> Result<Bytes, FetchError> {
        Ok(self.blob(digest).await?)
    }

    /// Retries while the blob store is unavailable. Otherwise every submission would use up its
    /// tries and be given up within minutes.
    async fn blob(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        let began = Instant::now();
        loop {
            match self.blobs.get(digest).await {
                Err(BlobError::Unavailable(cause)) if began.elapsed() < BLOBS_PATIENCE => {
                    tracing::warn!(%digest, %cause, "the blob store is unavailable, retrying");
                    tokio::time::sleep(BLOBS_RETRY_DELAY).await;
                }
                outcome => return outcome,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use event_store::{KeptBlob, StoreUrls, Stores};
    use jiff::Timestamp;

    use super::*;

    const TIMES_AWAY: usize = 2;

    /// A blob store that counts requests, takes a while to answer, and is unavailable for the
    /// first.
    #[derive(Debug)]
    struct Slow {
        blobs: Arc<dyn Blobs>,
        asked: AtomicUsize,
        times_away: usize,
    }

    #[async_trait]
    impl Blobs for Slow {
        async fn put(&self, bytes: Bytes) -> Result<Digest, BlobError> {
            self.blobs.put(bytes).await
        }

        async fn put_again(&self, bytes: Bytes) -> Result<Digest, BlobError> {
            self.blobs.put_again(bytes).await
        }

        async fn get(&self, digest: &Digest) -> Result<Bytes, BlobError> {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.asked.fetch_add(1, Ordering::Relaxed) < self.times_away {
                return Err(BlobError::Unavailable("away".into()));
            }
            self.blobs.get(digest).await
        }

        async fn contains(&self, digest: &Digest) -> Result<bool, BlobError> {
            self.blobs.contains(digest).await
        }

        async fn list(
            &self,
            after: Option<&Digest>,
            limit: usize,
        ) -> Result<Vec<KeptBlob>, BlobError> {
            self.blobs.list(after, limit).await
        }

        async fn remove(&self, digest: &Digest, before: Timestamp) -> Result<bool, BlobError> {
            self.blobs.remove(digest, before).await
        }

        async fn remove_unfinished(&self, before: Timestamp) -> Result<u64, BlobError> {
            self.blobs.remove_unfinished(before).await
        }
    }

    #[tokio::test]
    async fn test_data_that_many_need_at_once_is_fetched_once() {
        let folder = tempfile::tempdir().unwrap();
        let urls = StoreUrls::embedded(folder.path());
        let Stores { log, blobs, .. } = event_store::open(&urls).await.unwrap();
        let slow = Arc::new(Slow { blobs, asked: AtomicUsize::new(0), times_away: 0 });
        let kept = slow.put(Bytes::from_static(b"test data")).await.unwrap();
        let library = Library::new(log, Arc::clone(&slow) as Arc<dyn Blobs>, None);
        let fetched = futures::future::join_all((0..100).map(|_| library.bytes(&kept))).await;
        assert!(fetched.iter().all(|bytes| bytes.as_ref().is_ok_and(|it| it == "test data")));
        assert_eq!(slow.asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn blobs_that_are_away_are_waited_for_and_lost_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let urls = StoreUrls::embedded(folder.path());
        let Stores { log, blobs, .. } = event_store::open(&urls).await.unwrap();
        let away = Slow { blobs, asked: AtomicUsize::new(0), times_away: TIMES_AWAY };
        let library = Library::new(log, Arc::new(away), None);
        let kept = library.blobs.put(Bytes::from_static(b"a program")).await.unwrap();
        assert_eq!(library.source(&kept).await.unwrap(), "a program");
        let lost = library.source(&Digest::of(b"another")).await;
        assert!(matches!(lost, Err(FetchError::Blob(BlobError::NotFound(_)))), "{lost:?}");
    }
}
