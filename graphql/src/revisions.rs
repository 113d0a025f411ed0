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
