//! The port that projections use.

use std::error::Error;

use crate::{Collection, Document, Unstorable};
use async_trait::async_trait;
use domain::Checkpoint;

/// Takes changes together with the checkpoint that they lead to.
#[async_trait]
pub trait ViewWriter: Send + Sync + std::fmt::Debug {
    /// Makes the collections, where they are missing.
    async fn prepare(&self, collections: &[Collection]) -> Result<(), CommitError>;

    /// Makes the indexes of prepared collections, where they are missing. Of many documents that are there already
    /// that takes less than keeping indexes while they come.
    async fn index(&self, collections: &[Collection]) -> Result<(), CommitError>;

    /// How far the projection has come; `None` when it never committed.
    async fn checkpoint(&self, projection: &str) -> Result<Option<Checkpoint>, CommitError>;

    /// Applies the changes and moves the checkpoint in one transaction, if it stands where `from`
    /// says; else nothing happens and the answer is [`CommitError::Superseded`] (INV-9).
    async fn commit(
        &self,
        projection: &str,
        from: Option<&Checkpoint>,
        to: &Checkpoint,
        changes: Vec<Change>,
    ) -> Result<(), CommitError>;

    /// Removes every document and checkpoint of this namespace.
    async fn erase(&self) -> Result<(), CommitError>;
}

/// What happens to one document.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It is this now.
    Put {
        /// Where.
        collection: Collection,
        /// Which.
        key: String,
        /// What.
        document: Document,
    },
    /// It is gone.
    Delete {
        /// Where.
        collection: Collection,
        /// Which.
        key: String,
    },
}

/// A commit did not succeed; nothing of it was applied.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another projector moved the checkpoint meanwhile, or made another generation live.
    #[error("another projector moved the checkpoint")]
    Superseded,
    /// What was to become live has not read as far as what is.
    #[error("what was built is behind what is live")]
    Behind,
    /// The store does not answer, or not in time, or is full.
    #[error("the read model takes no changes")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A document is of a form that no store takes; trying again will not help.
    #[error("a document cannot be stored")]
    Unstorable(#[from] Unstorable),
    /// A stored field is not what an Assay wrote.
    #[error("the read model is damaged: {0}; delete it and rebuild")]
    Damaged(String),
}
