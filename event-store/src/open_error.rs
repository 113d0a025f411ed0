//! The error of opening a store.

use std::error::Error;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no adapter.
    #[error("{url:?} is not a {port} store; expected {expected}")]
    UnknownScheme {
        /// The URL's scheme; the rest is left out because it may hold a password.
        url: String,
        /// The port to open.
        port: &'static str,
        /// The supported URLs.
        expected: &'static str,
    },
    /// The URL does not parse.
    #[error("the {port} store's address is not valid: {reason}")]
    InvalidUrl {
        /// The port to open.
        port: &'static str,
        /// What is wrong with it.
        reason: String,
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
    #[error("the {port} store cannot be opened")]
    Unavailable {
        /// The port to open.
        port: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// The error for an opening whose `restoring` does not match the log's state.
pub(crate) fn not_whole(restoring: bool) -> OpenError {
    let (cause, cure) = match restoring {
        true => ("the log is not being restored", "begin again"),
        false => (
            "the log was restored in part, and is not whole",
            "delete the stores of the log, the credentials and the tree, and restore again",
        ),
    };
    OpenError::Refused { cause: cause.to_owned(), cure: cure.to_owned() }
}
