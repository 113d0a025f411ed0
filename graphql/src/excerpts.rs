//! The beginnings of test data, which are shown with the results of tests.

use std::sync::Arc;

use domain::Digest;
use event_store::Blobs;
use moka::future::Cache;
use tokio::sync::Semaphore;

use crate::ApiError;

/// Maximum size of all excerpts in memory, in bytes. The least recently used ones go first.
const KEPT_BYTES_MAX: u64 = 32 << 20;
/// Blobs that are read at once. A blob is read whole, and may be large.
const AT_ONCE: usize = 2;

/// Reads the beginnings of blobs and keeps them.
#[derive(Debug)]
pub struct Excerpts {
    blobs: Arc<dyn Blobs>,
    kept: Cache<(Digest, usize), Arc<Excerpt>>,
    turns: Semaphore,
}

/// The beginning of a blob.
#[derive(Debug)]
pub(crate) struct Excerpt {
    /// Its text; what is not UTF-8 is replaced.
    pub(crate) text: String,
    /// Whether the blob has more.
    pub(crate) truncated: bool,
}

impl Excerpts {
    /// Excerpts of these blobs.
    pub fn new(blobs: Arc<dyn Blobs>) -> Self {
        let bytes = |_: &(Digest, usize), excerpt: &Arc<Excerpt>| {
            u32::try_from(size_of::<Excerpt>() + excerpt.text.len()).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder().max_capacity(KEPT_BYTES_MAX).weigher(bytes).build();
        Self { blobs, kept, turns: Semaphore::new(AT_ONCE) }
    }

    /// The first `bytes_max` bytes of a blob. Concurrent requests for the same ones read them once.
    pub(crate) async fn of(
        &self,
        digest: Digest,
        bytes_max: usize,
    ) -> Result<Arc<Excerpt>, Arc<ApiError>> {
        let reading = async {
            let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
            let bytes = self.blobs.get(&digest).await.map_err(ApiError::from)?;
            let shown = &bytes[..bytes.len().min(bytes_max)];
            let text = String::from_utf8_lossy(shown).into_owned();
            Ok(Arc::new(Excerpt { text, truncated: shown.len() < bytes.len() }))
        };
        self.kept
            .try_get_with((digest, bytes_max), reading)
            .await
            .map_err(|error: Arc<ApiError>| error)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use event_store::StoreUrls;

    use super::*;

    #[tokio::test]
    async fn the_beginning_of_a_blob_is_kept() {
        let directory = tempfile::TempDir::new().unwrap();
        let stores = event_store::open(&StoreUrls::embedded(directory.path())).await.unwrap();
        let excerpts = Excerpts::new(Arc::clone(&stores.blobs));
        let long = stores.blobs.put(Bytes::from(vec![b'a'; 11])).await.unwrap();
        let short = stores.blobs.put(Bytes::from_static(b"1 2\n")).await.unwrap();
        let (one, other) = tokio::join!(excerpts.of(long, 10), excerpts.of(long, 10));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!(one.truncated && one.text.len() == 10);
        assert!(Arc::ptr_eq(&one, &other));
        let short = excerpts.of(short, 10).await.unwrap();
        assert!(!short.truncated && short.text == "1 2\n");
        assert!(excerpts.of(Digest::of(b"absent"), 10).await.is_err());
    }
}
