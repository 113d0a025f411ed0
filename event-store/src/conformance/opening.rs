//! Opens stores through the resolver, as Assay does. Adapters that only tests have are registered
//! first.

use std::sync::{Arc, PoisonError, RwLock};

use crate::resolver::scheme;
use crate::{Archive, Blobs, EventLog, OpenError, TreeStore, WorkQueue};

/// The two ports that share one store.
type LogAndQueue = (Arc<dyn EventLog>, Arc<dyn WorkQueue>);

/// Adapters that only tests have. Their scheme must not be one of Assay's, and the same URL must
/// give the same store.
#[derive(Debug, Clone, Copy)]
pub struct TestAdapters {
    /// The scheme of their URLs.
    pub scheme: &'static str,
    /// Opens a log and its queue, without an archive.
    pub log: fn(&str) -> LogAndQueue,
    /// Opens blobs.
    pub blobs: fn(&str) -> Arc<dyn Blobs>,
    /// Opens a tree.
    pub tree: fn(&str) -> Arc<dyn TreeStore>,
}

static KNOWN: RwLock<Vec<TestAdapters>> = RwLock::new(Vec::new());

impl TestAdapters {
    /// Registers the adapters for all cases.
    pub fn make_known(self) {
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).push(self);
    }

    fn of(url: &str) -> Option<Self> {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|adapters| adapters.scheme == scheme(url)).copied()
    }
}

/// As [`open_log`](crate::open_log); only Assay's own logs have an archive.
pub(super) async fn open_log(
    url: &str,
    blobs: Arc<dyn Blobs>,
) -> Result<(Arc<dyn EventLog>, Arc<dyn WorkQueue>, Option<Arc<Archive>>), OpenError> {
    if let Some(adapters) = TestAdapters::of(url) {
        let (log, queue) = (adapters.log)(url);
        return Ok((log, queue, None));
    }
    let (log, queue, archive) = crate::open_log(url, blobs).await?;
    Ok((log, queue, Some(archive)))
}

/// As [`open_blobs`](crate::open_blobs).
pub(super) async fn open_blobs(url: &str) -> Result<Arc<dyn Blobs>, OpenError> {
    match TestAdapters::of(url) {
        Some(adapters) => Ok((adapters.blobs)(url)),
        None => crate::open_blobs(url).await,
    }
}

/// As [`open_tree`](crate::open_tree).
pub(super) async fn open_tree(url: &str) -> Result<Arc<dyn TreeStore>, OpenError> {
    match TestAdapters::of(url) {
        Some(adapters) => Ok((adapters.tree)(url)),
        None => crate::open_tree(url).await,
    }
}
