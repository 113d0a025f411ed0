//! Opens the ports that a URL names (INV-1).

use std::error::Error;
use std::sync::Arc;

use crate::names::Namespace;
use crate::{Generation, GenerationStore, ViewReader, ViewWriter, mongo, sqlite};

/// The ports of one read model.
#[derive(Debug, Clone)]
pub struct Views {
    /// For queries: reads each projection's live generation.
    pub reader: Arc<dyn ViewReader>,
    /// For projections: writes the first generation.
    pub writer: Arc<dyn ViewWriter>,
    /// For building, switching and dropping generations.
    pub generations: Arc<dyn GenerationStore>,
}

impl Views {
    /// The same ports with reader and writer fixed to one generation.
    pub fn at(&self, generation: Generation) -> Self {
        let (reader, writer) = self.generations.at(generation);
        Self { reader, writer, generations: Arc::clone(&self.generations) }
    }
}

/// Why a read model could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no adapter, or does not parse.
    #[error("{url:?} is not a read model; expected sqlite:PATH or mongodb://…/DATABASE")]
    InvalidUrl {
        /// The given URL, without secrets.
        url: String,
    },
    /// The store exists but must not be used in its current state.
    #[error("{cause}; {cure}")]
    Refused {
        /// The problem.
        cause: String,
        /// How to fix it.
        cure: String,
    },
    /// The store did not answer.
    #[error("the read model cannot be opened")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// Opens the read model that `url` names: `sqlite:PATH` or `mongodb://…/DATABASE`.
///
/// The namespace prefixes every table or collection name, so that separate sets of views can share
/// a store and be erased separately. It consists of lower-case letters, digits and hyphens.
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

/// The URL with the part between scheme and host removed.
pub(crate) fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((_, public)) => format!("{scheme}://…@{public}"),
        None => url.to_owned(),
    }
}
