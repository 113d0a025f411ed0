//! The write port for projections.

use std::error::Error;

use crate::{Collection, Document, Unstorable};
use async_trait::async_trait;
use domain::Checkpoint;

/// Stores changes together with the checkpoint they lead to.
#[async_trait]
pub trait ViewWriter: Send + Sync + std::fmt::Debug {
    /// Creates missing collections.
    async fn prepare(&self, collections: &[Collection]) -> Result<(), CommitError>;

    /// Creates missing indexes of prepared collections. Indexing many existing documents at once is
    /// faster than updating indexes during inserts.
    async fn index(&self, collections: &[Collection]) -> Result<(), CommitError>;

    /// The projection's checkpoint; `None` if it never committed.
    async fn checkpoint(&self, projection: &str) -> Result<Option<Checkpoint>, CommitError>;

    /// Applies the changes and moves the checkpoint in one transaction (INV-9). Changes nothing and
    /// fails with [`CommitError::Superseded`] unless the checkpoint is at `from`.
    async fn commit(
        &self,
        projection: &str,
        from: Option<&Checkpoint>,
        to: &Checkpoint,
        changes: Vec<Change>,
    ) -> Result<(), CommitError>;

    /// Removes all documents and checkpoints of this namespace.
    async fn erase(&self) -> Result<(), CommitError>;
}

/// A change of one document.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Inserts or replaces the document.
    Put {
        /// The document's collection.
        collection: Collection,
        /// The document's key.
        key: String,
        /// The new content.
        document: Document,
    },
    /// Deletes the document.
    Delete {
        /// The document's collection.
        collection: Collection,
        /// The document's key.
        key: String,
    },
}

/// Why a commit failed. Nothing of it was applied.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another projector has moved the checkpoint or made another generation live.
    #[error("another projector moved the checkpoint")]
    Superseded,
    /// The generation to become live has not read as far as the live one.
    #[error("the built generation is behind the live one")]
    Behind,
    /// The store did not answer in time, or it is full.
    #[error("the read model takes no changes")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A document has a form that cannot be stored. Retrying does not help.
    #[error("a document cannot be stored")]
    Unstorable(#[from] Unstorable),
    /// A stored field has a value that Assay never writes.
    #[error("the read model is damaged: {0}; delete it and rebuild")]
    Damaged(String),
}

pub(crate) fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> CommitError {
    CommitError::Unavailable(error.into())
}
