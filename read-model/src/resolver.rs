//! From a URL to ports (INV-1).

use std::error::Error;
use std::sync::Arc;

use crate::{ViewReader, ViewWriter};

/// The two sides of one read model.
#[derive(Debug, Clone)]
pub struct Views {
    /// For queries.
    pub reader: Arc<dyn ViewReader>,
    /// For projections.
    pub writer: Arc<dyn ViewWriter>,
}

/// A read model could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no adapter, or does not parse.
    #[error("{url:?} is no read model; expected sqlite:PATH or mongodb://…/DATABASE")]
    InvalidUrl {
        /// What was given, without secrets.
        url: String,
    },
    /// The store is there but must not be used as it is.
    #[error("{cause}; {cure}")]
    Refused {
        /// What is wrong.
        cause: String,
        /// How to mend it.
        cure: String,
    },
    /// The store does not answer.
    #[error("the read model cannot be opened")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}
