//! The error of opening a read model.

use std::error::Error;

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

/// The URL with the part between scheme and host removed.
pub(crate) fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((_, public)) => format!("{scheme}://…@{public}"),
        None => url.to_owned(),
    }
}
