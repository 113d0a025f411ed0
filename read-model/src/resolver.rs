//! From a URL to ports (INV-1).

use std::error::Error;
use std::sync::Arc;

use crate::names::Namespace;
use crate::{Generation, GenerationStore, ViewReader, ViewWriter, mongo, sqlite};

/// The sides of one read model.
#[derive(Debug, Clone)]
pub struct Views {
    /// For queries: reads of each projection what is live.
    pub reader: Arc<dyn ViewReader>,
    /// For projections: writes the first generation.
    pub writer: Arc<dyn ViewWriter>,
    /// For whoever builds, exchanges and drops generations.
    pub generations: Arc<dyn GenerationStore>,
}

impl Views {
    /// The same, but reader and writer are of one generation.
    pub fn at(&self, generation: Generation) -> Self {
        let (reader, writer) = self.generations.at(generation);
        Self { reader, writer, generations: Arc::clone(&self.generations) }
    }
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

/// Opens the read model that `url` names: `sqlite:PATH` or `mongodb://…/DATABASE`.
///
/// Every table or collection has the namespace before its name, so that views that are being
/// rebuilt live beside the ones in use, and are erased alone. It is of lower-case letters, digits
/// and hyphens.
pub async fn open(url: &str, namespace: &str) -> Result<Views, OpenError> {
    let namespace = Namespace::parse(namespace).ok_or_else(|| OpenError::Refused {
        cause: format!("{namespace:?} cannot be the namespace of a read model"),
        cure: Namespace::RULE.to_owned(),
    })?;
    match url.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => sqlite::open(path, namespace).await,
        Some(("mongodb", _)) => mongo::open(url, namespace).await,
        _ => Err(OpenError::InvalidUrl { url: without_secrets(url) }),
    }
}

/// The URL without what stands between the scheme and the host.
pub(crate) fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((_, public)) => format!("{scheme}://…@{public}"),
        None => url.to_owned(),
    }
}
