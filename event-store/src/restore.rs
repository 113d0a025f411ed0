//! Fills an empty log with another log's events, exactly as they were recorded.
//!
//! Only a restore uses this. An append would assign new times and versions, but a copy must have
//! the positions, versions, times and bytes of the original, because checkpoints, cursors and
//! audits refer to them. The log cannot be opened until the restore is finished.

use std::error::Error;
use std::sync::Arc;

use domain::Recorded;
use uuid::Uuid;

use crate::archive::HotLog;
use crate::open_error::OpenError;
use crate::resolver::{StoreUrls, Stores, open_hot, open_stores_on};
use crate::{StoreFault, WorkItem, open_credentials, open_tree};

/// A restore in progress.
#[derive(Debug)]
pub struct Restoration {
    /// The stores being filled. Their work is not queued yet.
    pub stores: Stores,
    hot: Arc<dyn HotLog>,
}

impl Restoration {
    /// Starts a restore of the log with this id into empty stores. They cannot be opened until it
    /// is finished.
    ///
    /// # Errors
    /// As [`open`](crate::open), and when the log, the credentials or the tree are not empty.
    pub async fn begin(urls: &StoreUrls, log_id: Uuid) -> Result<Self, OpenError> {
        // First, because the log shows whether an earlier restore was interrupted.
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
        // Open it again, because a handle remembers the log's id.
        let opened = open_hot(&urls.log, true).await?;
        let hot = Arc::clone(&opened.hot);
        let stores = open_stores_on(opened, urls).await?;
        Ok(Self { stores, hot })
    }

    /// Adds the next events, exactly as they were recorded.
    ///
    /// # Errors
    /// When they do not follow the last event, or the store does not answer.
    pub async fn import(&self, events: &[Recorded]) -> Result<(), StoreFault> {
        self.hot.import(events).await
    }

    /// Queues the given work and makes the stores ready to open.
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
        cure: "restore into empty stores".to_owned(),
    }
}

fn unavailable(port: &'static str, source: impl Error + Send + Sync + 'static) -> OpenError {
    OpenError::Unavailable { port, source: Box::new(source) }
}
