//! What every mutation answers with.

use async_graphql::{Enum, SimpleObject};
use domain::Recorded;
use query_api::ConsistencyToken;

/// Why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UserErrorCode {
    /// An argument has no meaning.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// The viewer may not.
    Forbidden,
    /// Somebody else was faster; read again and try again.
    Conflict,
    /// It exceeds a limit.
    TooLarge,
    /// Too many in too short a time, or at once.
    TooMany,
    /// It has run out.
    Expired,
    /// Login or password is wrong; which of these is not told.
    BadCredentials,
    /// The login is somebody's.
    Taken,
    /// The language is not installed, or the problem does not take it.
    LanguageUnavailable,
    /// The same idempotency key with another input.
    IdempotencyKeyReused,
    /// It is at another version than expected.
    VersionMismatch,
    /// Something of it is still under way.
    NotReady,
    /// It has ended otherwise.
    AlreadyFinal,
    /// The slug is that of a problem with another title.
    OtherProblem,
    /// The package gives no time limit; measure its submissions and tell their times.
    TimingNeeded,
}

/// One reason why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct UserError {
    /// For programs.
    pub code: UserErrorCode,
    /// For people.
    pub message: String,
    /// Path into the arguments, as `["input", "source"]`.
    pub field: Option<Vec<String>>,
}

impl UserError {
    /// About no argument in particular.
    pub(crate) fn new(code: UserErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None }
    }

    /// About the argument at this dotted path.
    pub(crate) fn at(code: UserErrorCode, path: &str, message: impl Into<String>) -> Self {
        let field = Some(path.split('.').map(str::to_owned).collect());
        Self { code, message: message.into(), field }
    }
}

/// The position that a read must have reached to see what was written.
pub(crate) fn token(recorded: &[Recorded]) -> Option<ConsistencyToken> {
    recorded.last().map(|recorded| ConsistencyToken(recorded.position))
}

/// Why a command did not succeed: the user's doing, or ours.
pub(crate) enum Failure {
    /// To be told in the payload.
    User(Vec<UserError>),
    /// To be told at the top.
    Api(query_api::ApiError),
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        Self::User(vec![error])
    }
}

impl<E: Into<query_api::ApiError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Api(error.into())
    }
}

/// A log that took nothing, as clients are told of it. Conflicts are for the caller to tell.
pub(crate) fn not_appended(error: &event_store::AppendError) -> query_api::ApiError {
    query_api::ApiError::store(error)
}
