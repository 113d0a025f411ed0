//! A log that another log's events are put into, as they were recorded.
//!
//! Nothing but a restore uses this. An append would stamp the store's clock and decide on versions;
//! a copy must have the positions, versions, times and bytes of what it is a copy of, because
//! checkpoints, cursors and audits name them. Until it is finished, the log cannot be opened: half a
//! log is none.

use std::error::Error;
use std::sync::Arc;

use domain::Recorded;
use uuid::Uuid;

use crate::archive::HotLog;
use crate::resolver::{OpenError, StoreUrls, Stores, open_hot, open_stores_on};
use crate::{StoreFault, WorkItem, open_credentials, open_tree};

/// Stores that are being filled.
#[derive(Debug)]
pub struct Restoration {
    /// The stores. Work in them waits for nobody yet.
    pub stores: Stores,
    hot: Arc<dyn HotLog>,
}

impl Restoration {
    /// Makes empty stores those of the log with this id. From here on they cannot be opened.
    ///
    /// # Errors
    /// As [`open`](crate::open), and when there is anything in the log, among the credentials or in the tree.
    pub async fn begin(urls: &StoreUrls, log_id: Uuid) -> Result<Self, OpenError> {
        // First, because a restore that was interrupted is told by the log.
        let opened = open_hot(&urls.log, false).await?;
        let credentials = open_credentials(&urls.credentials).await?;
        if !credentials.is_empty().await.map_err(|error| unavailable("credentials", error))? {
            return Err(not_empty("credentials"));
        }
        let tree = open_tree(&urls.tree).await?;
        if tree.newest_head().await.map_err(|error| unavailable("tree", error))?.is_some() {
            return Err(not_empty("tree"));
        }
        let begun = opened.hot.begin_restore(log_id).await;
        if !begun.map_err(|error| unavailable("log", error))? {
            return Err(not_empty("log"));
        }
        drop(opened);
        // Opened anew, because a handle remembers the log's id.
        let opened = open_hot(&urls.log, true).await?;
        let hot = Arc::clone(&opened.hot);
        let stores = open_stores_on(opened, urls).await?;
        Ok(Self { stores, hot })
    }

    /// Adds the next events, as they were recorded.
    ///
    /// # Errors
    /// When they do not follow what is there, or the store does not answer.
    pub async fn import(&self, events: &[Recorded]) -> Result<(), StoreFault> {
        self.hot.import(events).await
    }

    /// Queues what was waiting or under way, and lets the stores be opened.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn finish(self, work: &[WorkItem]) -> Result<(), StoreFault> {
        self.hot.finish_restore(work).await
    }
}

fn not_empty(port: &str) -> OpenError {
    OpenError::Refused {
        cause: format!("the {port} store is not empty"),
        cure: "restore into stores of which nothing is there yet".to_owned(),
    }
}

fn unavailable(port: &'static str, source: impl Error + Send + Sync + 'static) -> OpenError {
    OpenError::Unavailable { port, source: Box::new(source) }
}
