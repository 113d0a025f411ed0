//! From URLs to ports (INV-1).

use std::error::Error;
use std::sync::Arc;

use crate::{Blobs, Credentials, EventLog, WorkQueue};

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrls {
    /// `sqlite:PATH` or `redis://HOST[:PORT][/DB][?namespace=NAME&durability=relaxed]`.
    pub log: String,
    /// `file:DIRECTORY` or `mongodb://…/DATABASE`.
    pub blobs: String,
    /// `sqlite:PATH` or `mongodb://…/DATABASE`.
    pub credentials: String,
}

/// The opened ports.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Every event.
    pub log: Arc<dyn EventLog>,
    /// What waits.
    pub queue: Arc<dyn WorkQueue>,
    /// What is large.
    pub blobs: Arc<dyn Blobs>,
    /// What is secret.
    pub credentials: Arc<dyn Credentials>,
}

/// A store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no adapter.
    #[error("{url:?} is no {port} store; expected {expected}")]
    UnknownScheme {
        /// What was given, without secrets.
        url: String,
        /// Which port.
        port: &'static str,
        /// What there is.
        expected: &'static str,
    },
    /// The URL does not parse.
    #[error("the {port} store's address is not valid: {reason}")]
    InvalidUrl {
        /// Which port.
        port: &'static str,
        /// Why.
        reason: String,
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
    #[error("the {port} store cannot be opened")]
    Unavailable {
        /// Which port.
        port: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}
