//! Revisions of problems, for all subscribers of this process.

use std::sync::Arc;
use std::time::Duration;

use domain::Slug;
use moka::future::Cache;
use read_model::views::{RevisionView, TestView};
use read_model::{ViewReader, ViewReaderExt};

use crate::ApiError;

/// Maximum size of the cached revisions, in bytes.
const REVISIONS_BYTES_MAX: u64 = 32 << 20;
/// How long an unused revision is cached.
const REVISION_IDLE_MAX: Duration = Duration::from_secs(60);

/// Loads revisions and shares them. A revision never changes.
#[derive(Debug)]
pub struct Revisions {
    reader: Arc<dyn ViewReader>,
    loaded: Cache<String, Arc<RevisionView>>,
}

impl Revisions {
    /// Loads revisions from this read model.
    pub fn new(reader: Arc<dyn ViewReader>) -> Self {
        let bytes = |_: &String, revision: &Arc<RevisionView>| {
            u32::try_from(revision.tests.iter().map(bytes_of).sum::<usize>()).unwrap_or(u32::MAX)
        };
        let loaded = Cache::builder()
            .max_capacity(REVISIONS_BYTES_MAX)
            .weigher(bytes)
            .time_to_idle(REVISION_IDLE_MAX)
            .build();
        Self { reader, loaded }
    }

    /// A revision of a problem; `None` if the read model does not have it yet. Concurrent requests
    /// for the same revision load it once.
    ///
    /// # Errors
    /// If the read model fails.
    pub async fn get(
        &self,
        problem: &Slug,
        revision: u32,
    ) -> Result<Option<Arc<RevisionView>>, ApiError> {
        let key = RevisionView::key_of(problem, revision);
        let load = async {
            let loaded = self.reader.one::<RevisionView>(&key).await;
            loaded.map_err(|error| Some(error.into()))?.map(Arc::new).ok_or(None)
        };
        match self.loaded.try_get_with(key.clone(), load).await {
            Ok(revision) => Ok(Some(revision)),
            Err(error) => Option::clone(&error).map_or(Ok(None), Err),
        }
    }
}

fn bytes_of(test: &TestView) -> usize {
    let texts = [Some(&test.name), test.group.as_ref(), test.hint.as_ref()];
    size_of::<TestView>() + texts.into_iter().flatten().map(String::len).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use domain::Checkpoint;
    use futures::future::join_all;
    use read_model::{Collection, Condition, Page, PageRequest, ReadError};
    use serde_json::{Value, json};

    use super::*;

    const SUBSCRIBERS: usize = 1_000;

    /// Views that have revision 1 of every problem, and count how often they are read.
    #[derive(Debug, Default)]
    struct Counting {
        reads: AtomicU64,
    }

    #[async_trait]
    impl ViewReader for Counting {
        async fn get(
            &self,
            _: &Collection,
            keys: &[String],
        ) -> Result<Vec<Option<Value>>, ReadError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            let known = RevisionView::key_of(&"sum".parse().unwrap(), 1);
            let revision = json!({ "slug": "sum", "revision": 1, "tests": [] });
            Ok(keys.iter().map(|key| (*key == known).then(|| revision.clone())).collect())
        }

        async fn page(&self, _: &Collection, _: &PageRequest) -> Result<Page<Value>, ReadError> {
            Ok(Page { items: vec![], has_more: false })
        }

        async fn count(&self, _: &Collection, _: &[Condition]) -> Result<u64, ReadError> {
            Ok(0)
        }

        async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, ReadError> {
            Ok(BTreeMap::new())
        }
    }

    #[tokio::test]
    async fn subscribers_that_begin_at_once_load_a_revision_once() {
        let reader = Arc::new(Counting::default());
        let revisions = Revisions::new(Arc::clone(&reader) as Arc<dyn ViewReader>);
        let problem: Slug = "sum".parse().unwrap();
        let loaded = join_all((0..SUBSCRIBERS).map(|_| revisions.get(&problem, 1))).await;
        let loaded: Vec<_> = loaded.into_iter().map(|it| it.unwrap().unwrap()).collect();
        assert!(loaded.iter().all(|it| Arc::ptr_eq(it, &loaded[0])));
        assert_eq!(reader.reads.load(Ordering::Relaxed), 1);
        // What the views do not have yet is looked for again.
        for reads in [2, 3] {
            assert!(revisions.get(&problem, 2).await.unwrap().is_none());
            assert_eq!(reader.reads.load(Ordering::Relaxed), reads);
        }
    }
}
