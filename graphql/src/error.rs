//! API errors, and the one table that maps causes to codes.

use std::error::Error;
use std::iter::successors;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextRequest, NextSubscribe,
};
use async_graphql::{Pos, Response};
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use event_store::LastingFault;
use futures::StreamExt;
use futures::stream::BoxStream;

/// The `extensions.code` of a top-level error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No token, or one that is unknown, expired or revoked.
    Unauthenticated,
    /// The token is valid, but does not allow this.
    Forbidden,
    /// An argument is invalid: a malformed id or cursor, or a page that is too large.
    BadUserInput,
    /// The object does not exist, or the viewer may not see it; which of the two is not disclosed.
    NotFound,
    /// The request is larger than the limit.
    TooLarge,
    /// The document does not parse, does not match the schema, or exceeds a limit.
    GraphqlValidationFailed,
    /// The document that the request names is not known; the client can send its text.
    PersistedQueryNotFound,
    /// This server knows no documents; the client must send texts.
    PersistedQueryNotSupported,
    /// This server executes only the documents that it knows, and this is none of them.
    UntrustedDocument,
    /// The read model did not reach the requested position in time.
    NotCaughtUp,
    /// Too many subscriptions on one socket, requests per minute, or requests that wait.
    TooMany,
    /// A store does not respond; try again later.
    Unavailable,
    /// Stored data was changed or damaged. Trying again does not help; the operator must act.
    Damaged,
    /// A position of the log is missing. As for [`Code::Damaged`].
    LogGap,
    /// The log is not the one that was read or signed before. As for [`Code::Damaged`].
    LogDiverged,
    /// A stored event cannot be decoded: it was changed, or a newer version wrote it.
    Undecodable,
    /// Stored bytes that an event names are missing. As for [`Code::Damaged`].
    DataMissing,
    /// A server error; the server's log has the details.
    Internal,
}

impl Code {
    /// Every code.
    const ALL: [Self; 18] = [
        Self::Unauthenticated,
        Self::Forbidden,
        Self::BadUserInput,
        Self::NotFound,
        Self::TooLarge,
        Self::GraphqlValidationFailed,
        Self::PersistedQueryNotFound,
        Self::PersistedQueryNotSupported,
        Self::UntrustedDocument,
        Self::NotCaughtUp,
        Self::TooMany,
        Self::Unavailable,
        Self::Damaged,
        Self::LogGap,
        Self::LogDiverged,
        Self::Undecodable,
        Self::DataMissing,
        Self::Internal,
    ];

    /// The code as clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::NotFound => "NOT_FOUND",
            Self::TooLarge => "TOO_LARGE",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::PersistedQueryNotSupported => "PERSISTED_QUERY_NOT_SUPPORTED",
            Self::UntrustedDocument => "UNTRUSTED_DOCUMENT",
            Self::NotCaughtUp => "NOT_CAUGHT_UP",
            Self::TooMany => "TOO_MANY",
            Self::Unavailable => "UNAVAILABLE",
            Self::Damaged => "DAMAGED",
            Self::LogGap => "LOG_GAP",
            Self::LogDiverged => "LOG_DIVERGED",
            Self::Undecodable => "UNDECODABLE",
            Self::DataMissing => "DATA_MISSING",
            Self::Internal => "INTERNAL",
        }
    }

    /// The code with this name; `None` if it is of a newer version.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// The HTTP status if the whole request fails with this code.
    pub fn http_status(self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::Forbidden | Self::UntrustedDocument => 403,
            Self::BadUserInput
            | Self::GraphqlValidationFailed
            | Self::PersistedQueryNotFound
            | Self::PersistedQueryNotSupported => 400,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::TooMany => 429,
            Self::NotCaughtUp | Self::Unavailable => 503,
            Self::Damaged
            | Self::LogGap
            | Self::LogDiverged
            | Self::Undecodable
            | Self::DataMissing
            | Self::Internal => 500,
        }
    }
}

/// An error with its code.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The code for `extensions.code` and the HTTP status.
    pub code: Code,
    /// The message for users.
    pub message: String,
    /// After how many seconds to try again, for `extensions.retryAfter` and the header
    /// `Retry-After`, if this is known.
    pub retry_after: Option<u64>,
}

impl ApiError {
    /// An error with this code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// An error for a request that is one too many, and can be tried again after `wait`.
    pub fn too_many(message: &str, wait: Duration) -> Self {
        let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
        let message = format!("{message}; try again in {seconds} s");
        Self { retry_after: Some(seconds), ..Self::new(Code::TooMany, message) }
    }

    /// An error for an invalid argument.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Code::BadUserInput, message)
    }

    /// The answer for an object that does not exist and for one that the viewer may not see:
    /// `there is no such submission`.
    pub fn no_such(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// A store failed. The cause is logged and not sent to the client. A store that does not
    /// respond is a warning; anything else calls for the operator, and is logged with `alert=true`.
    pub fn store(error: &(dyn Error + 'static)) -> Self {
        let code = lasting_code(error).unwrap_or(Code::Unavailable);
        let (code, message) = match code {
            Code::Damaged => (code, "stored data is damaged"),
            Code::LogGap => (code, "the log is damaged: a position is missing"),
            Code::LogDiverged => (code, "the log is not the one that was read before"),
            Code::Undecodable => (code, "a stored event cannot be decoded"),
            Code::DataMissing => (code, "stored data is missing"),
            _ => {
                tracing::warn!(error, "a store does not respond");
                return Self::new(code, "a store does not respond; try again later");
            }
        };
        tracing::error!(alert = true, code = code.as_str(), error, "stored data cannot be trusted");
        Self::new(code, format!("{message}; trying again does not help, inform the operator"))
    }
}

/// The code of a lasting fault in a store; `None` if the error does not show one.
fn lasting_code(error: &(dyn Error + 'static)) -> Option<Code> {
    if let Some(fault) = event_store::lasting_fault(error) {
        return Some(match fault {
            LastingFault::Damaged => Code::Damaged,
            LastingFault::Gap => Code::LogGap,
            LastingFault::Diverged => Code::LogDiverged,
            LastingFault::Undecodable => Code::Undecodable,
            LastingFault::Missing => Code::DataMissing,
        });
    }
    let is_damaged = successors(Some(error), |&error| error.source()).any(|error| {
        matches!(error.downcast_ref(), Some(read_model::ReadError::Damaged { .. }))
            || error.is::<audit::InvalidHead>()
    });
    is_damaged.then_some(Code::Damaged)
}

/// Sets `extensions.code` on every error: an [`ApiError`]'s own code, or for the schema's own
/// errors, which all concern the document, `GRAPHQL_VALIDATION_FAILED`. Sets `retryAfter` if the
/// error says when to try again.
#[derive(Debug, Clone, Copy)]
pub struct Codes;

impl ExtensionFactory for Codes {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Codes {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        with_codes(next.run(ctx).await)
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        next.run(ctx, stream).map(with_codes).boxed()
    }
}

impl From<ApiError> for Box<Response> {
    fn from(error: ApiError) -> Self {
        Self::new(error.into())
    }
}

impl From<ApiError> for Response {
    /// For a request that fails before it reaches the schema.
    fn from(error: ApiError) -> Self {
        let error = async_graphql::Error::from(error).into_server_error(Pos::default());
        with_codes(Self::from_errors(vec![error]))
    }
}

/// Sets `extensions.code` on every error.
pub fn with_codes(mut response: Response) -> Response {
    for error in &mut response.errors {
        let shared = error.source::<Arc<ApiError>>().map(Arc::as_ref);
        let (code, retry_after) = match error.source::<ApiError>().or(shared) {
            Some(error) => (error.code, error.retry_after),
            None => (Code::GraphqlValidationFailed, None),
        };
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", code.as_str());
        }
        if let Some(seconds) = retry_after {
            extensions.set("retryAfter", seconds);
        }
    }
    response
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Self::new(Code::TooLarge, "the request is larger than this server accepts")
            }
            _ => Self::bad_input("the request's body could not be read"),
        }
    }
}

impl From<read_model::ReadError> for ApiError {
    fn from(error: read_model::ReadError) -> Self {
        Self::store(&error)
    }
}

impl From<event_store::AppendError> for ApiError {
    fn from(error: event_store::AppendError) -> Self {
        Self::store(&error)
    }
}

impl From<event_store::ReadError> for ApiError {
    fn from(error: event_store::ReadError) -> Self {
        Self::store(&error)
    }
}

impl From<event_store::CredentialsError> for ApiError {
    fn from(error: event_store::CredentialsError) -> Self {
        Self::store(&error)
    }
}

impl From<event_store::TreeStoreError> for ApiError {
    fn from(error: event_store::TreeStoreError) -> Self {
        Self::store(&error)
    }
}

impl From<audit::InvalidHead> for ApiError {
    fn from(error: audit::InvalidHead) -> Self {
        Self::store(&error)
    }
}

impl From<audit::ReceiptError> for ApiError {
    fn from(error: audit::ReceiptError) -> Self {
        Self::store(&error)
    }
}

impl From<event_store::QueueError> for ApiError {
    fn from(error: event_store::QueueError) -> Self {
        Self::store(&error)
    }
}

impl From<event_store::RunsError> for ApiError {
    fn from(error: event_store::RunsError) -> Self {
        Self::store(&error)
    }
}

impl From<event_store::ExportsError> for ApiError {
    fn from(error: event_store::ExportsError) -> Self {
        Self::store(&error)
    }
}

impl From<event_store::BlobError> for ApiError {
    fn from(error: event_store::BlobError) -> Self {
        Self::store(&error)
    }
}

#[cfg(test)]
mod tests {
    use domain::{Digest, Position};
    use event_store::{BlobError, ReadError};

    use super::*;

    #[test]
    fn permanent_errors_are_not_reported_as_outages() {
        let digest = Digest::of(b"");
        let view = read_model::ReadError::Damaged {
            collection: "problems".to_owned(),
            key: "sum".to_owned(),
            source: serde_json::from_str::<u8>("x").unwrap_err(),
        };
        for (error, code) in [
            (ApiError::from(ReadError::Unavailable("refused".into())), Code::Unavailable),
            (ReadError::Gap { expected: Position(7), found: Position(9) }.into(), Code::LogGap),
            (ReadError::Diverged("it ends at 7".to_owned()).into(), Code::LogDiverged),
            (BlobError::NotFound(digest).into(), Code::DataMissing),
            (BlobError::Damaged(digest).into(), Code::Damaged),
            (view.into(), Code::Damaged),
            (audit::InvalidHead::Form("it has no origin").into(), Code::Damaged),
        ] {
            let is_outage = code == Code::Unavailable;
            assert_eq!(error.code, code, "{error}");
            assert_eq!(error.message.contains("try again later"), is_outage, "{error}");
            assert_eq!(error.code.http_status(), if is_outage { 503 } else { 500 });
        }
    }
}
