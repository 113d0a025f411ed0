//! Why credentials could not be read or written.

use std::error::Error;

/// Why a credentials operation failed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The store did not answer in time.
    #[error("the credentials store does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A stored field has a value that Assay never writes.
    #[error("the credentials store is damaged: {0}")]
    Damaged(String),
}
