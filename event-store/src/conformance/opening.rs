//! How cases open what they are about: as Assay does, through the resolver. What only tests have is made known first.

use std::sync::{Arc, PoisonError, RwLock};

use crate::resolver::scheme;
use crate::{Archive, Blobs, EventLog, OpenError, TreeStore, WorkQueue};

/// The two ports that one store has.
type LogAndQueue = (Arc<dyn EventLog>, Arc<dyn WorkQueue>);

/// Adapters that only tests have. A scheme of theirs is none of Assay's; the same URL is the same store.
#[derive(Debug, Clone, Copy)]
pub struct TestAdapters {
    /// What their URLs begin with.
    pub scheme: &'static str,
    /// A log with its queue, and without an archive.
    pub log: fn(&str) -> LogAndQueue,
    /// Blobs.
    pub blobs: fn(&str) -> Arc<dyn Blobs>,
    /// A tree.
    pub tree: fn(&str) -> Arc<dyn TreeStore>,
}

static KNOWN: RwLock<Vec<TestAdapters>> = RwLock::new(Vec::new());

impl TestAdapters {
    /// From now on, cases know them.
    pub fn make_known(self) {
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).push(self);
    }

    fn of(url: &str) -> Option<Self> {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|adapters| adapters.scheme == scheme(url)).copied()
    }
}

/// As [`open_log`](crate::open_log); an archive only of Assay's own.
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
