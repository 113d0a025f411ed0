//! Errors and tokens that mutations return.

use async_graphql::{Enum, SimpleObject};
use domain::Recorded;
use graphql::{Api, ConsistencyToken};
use read_model::{View, ViewReaderExt};

/// Why a mutation did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UserErrorCode {
    /// An argument is invalid.
    Invalid,
    /// The object does not exist.
    NotFound,
    /// The viewer is not allowed to do this.
    Forbidden,
    /// Another request changed the object first; read it again and retry.
    Conflict,
    /// The input exceeds a size limit.
    TooLarge,
    /// The rate limit or the maximum number was exceeded.
    TooMany,
    /// The token is invalid, expired or revoked.
    Expired,
    /// The login or the password is wrong; which of the two is not disclosed.
    BadCredentials,
    /// The login is in use by another account.
    Taken,
    /// The language is unknown, the problem does not accept it, or no evaluator has it. Without
    /// `field`: no evaluator has a language that the problem's own programs need.
    LanguageUnavailable,
    /// The idempotency key was used before with a different input.
    IdempotencyKeyReused,
    /// The object's version differs from the expected one.
    VersionMismatch,
    /// Part of the work has not finished yet.
    NotReady,
    /// The object is already in a different final state.
    AlreadyFinal,
    /// The slug belongs to a problem with a different title.
    OtherProblem,
    /// The package gives no time limit. Measure its submissions and pass their times as `timing`.
    TimingNeeded,
}

/// A reason why a mutation did nothing.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct UserError {
    /// The reason, for programs.
    pub code: UserErrorCode,
    /// The reason, for people.
    pub message: String,
    /// The path of the offending argument, for example `["input", "source"]`; null if the error
    /// concerns no single argument.
    pub field: Option<Vec<String>>,
}

impl UserError {
    /// An error that concerns no single argument.
    pub(crate) fn new(code: UserErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None }
    }

    /// An error in the argument at this dotted path.
    pub(crate) fn at(code: UserErrorCode, path: &str, message: impl Into<String>) -> Self {
        let field = Some(path.split('.').map(str::to_owned).collect());
        Self { code, message: message.into(), field }
    }
}

/// The consistency token for reading what was written; `None` if nothing was.
pub(crate) fn token(recorded: &[Recorded]) -> Option<ConsistencyToken> {
    recorded.last().map(|recorded| ConsistencyToken(recorded.position))
}

/// Why a command failed: through the user's fault or the server's.
pub(crate) enum Failure {
    /// Shown to the user in the payload's `userErrors`.
    User(Vec<UserError>),
    /// Shown as a top-level error.
    Api(graphql::ApiError),
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        Self::User(vec![error])
    }
}

impl<E: Into<graphql::ApiError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Api(error.into())
    }
}

/// The API error for a failed append. The caller handles conflicts.
pub(crate) fn not_appended(error: &event_store::AppendError) -> graphql::ApiError {
    graphql::ApiError::store(error)
}

/// The payload of a mutation.
pub(crate) trait Payload: Default {
    /// A payload with nothing but the user's errors.
    fn refused(user_errors: Vec<UserError>) -> Self;
}

/// The answer of a mutation: its payload, with the user's errors where there are any, or a
/// top-level error.
pub(crate) fn answer<P: Payload>(outcome: Result<P, Failure>) -> async_graphql::Result<P> {
    match outcome {
        Ok(payload) => Ok(payload),
        Err(Failure::User(user_errors)) => Ok(P::refused(user_errors)),
        Err(Failure::Api(error)) => Err(error.into()),
    }
}

/// Reads what was changed, once the read model has reached it. If it does not in time, the list is
/// empty, and the write still counts.
pub(crate) async fn read_back<V: View, N: From<V>>(
    api: &Api,
    keys: &[String],
    recorded: &[Recorded],
) -> Vec<N> {
    if let Some(last) = recorded.last()
        && api.freshness.wait_for(last.position).await.is_err()
    {
        return vec![];
    }
    let found = api.reader.many::<V>(keys).await.unwrap_or_default();
    found.into_iter().flatten().map(N::from).collect()
}
