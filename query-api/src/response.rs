//! GraphQL responses in the standard's form, and as HTTP responses.

use std::collections::BTreeMap;

use async_graphql::{Response, ServerError, Value};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use graphql::{ApiError, Bill, Code, Paid};
use serde::Serialize;

use crate::media::Media;

/// Maximum number of errors in a response.
const ERRORS_MAX: usize = 10;

/// The fields of a response that say what its client may spend per minute, what is left of it, and
/// after how many seconds nothing is missing.
pub(crate) const RATE_LIMIT_FIELDS: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
];

/// A response in the standard's form: without `data` if nothing was executed.
#[derive(Debug, Serialize)]
pub(crate) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a BTreeMap<String, Value>>,
}

impl<'a> Body<'a> {
    pub(crate) fn of(response: &'a Response) -> Self {
        let was_executed = was_executed(response);
        let data = Some(&response.data).filter(|_| was_executed);
        let extensions = Some(&response.extensions).filter(|it| was_executed && !it.is_empty());
        Self { data, errors: first_errors(response), extensions }
    }
}

/// The errors that a client sees.
pub(crate) fn first_errors(response: &Response) -> &[ServerError] {
    &response.errors[..response.errors.len().min(ERRORS_MAX)]
}

/// Whether the document was executed, even if it failed.
pub(crate) fn was_executed(response: &Response) -> bool {
    let is_error = |error: &ServerError| error.path.is_empty();
    response.data != Value::Null
        || response.errors.is_empty()
        || !response.errors.iter().all(is_error)
}

/// The HTTP response in this media type.
pub(crate) fn respond(response: &Response, media: Media) -> HttpResponse {
    let status = match (was_executed(response), media) {
        (true, _) => StatusCode::OK,
        (false, media) => status_of(response, media),
    };
    let content_type = (header::CONTENT_TYPE, media.content_type());
    let body = serde_json::to_vec(&Body::of(response)).expect("a response is JSON");
    let mut answer = (status, [content_type], body).into_response();
    if let (false, Some(seconds)) = (status.is_success(), retry_after(response)) {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// After how many seconds to try again, if the first error says so.
fn retry_after(response: &Response) -> Option<u64> {
    match response.errors.first()?.extensions.as_ref()?.get("retryAfter")? {
        Value::Number(seconds) => seconds.as_u64(),
        _ => None,
    }
}

/// Adds what the client has left. These are the fields of the drafts up to 06 of
/// draft-ietf-httpapi-ratelimit-headers: most clients know them, and the later ones hardly any.
pub(crate) fn with_rate_limit(mut response: HttpResponse, bill: &Bill) -> HttpResponse {
    let Some(Paid { left, .. }) = bill.paid() else { return response };
    let seconds = left.full_after().as_millis().div_ceil(1_000) as u64;
    let fields = [u64::from(left.limit.get()), left.remaining.into(), seconds];
    for (name, value) in RATE_LIMIT_FIELDS.into_iter().zip(fields) {
        response.headers_mut().insert(name, value.into());
    }
    response
}

/// The HTTP response to a request that is not executed.
pub(crate) fn refuse(error: ApiError, media: Media) -> HttpResponse {
    let status = StatusCode::from_u16(error.code.http_status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refuse_with(status, error, media)
}

/// As [`refuse`], with a status of the transport's own.
pub(crate) fn refuse_with(status: StatusCode, error: ApiError, media: Media) -> HttpResponse {
    let media = match media {
        Media::GraphQl => Media::GraphQl,
        // A response without results is JSON.
        Media::Json | Media::EventStream | Media::Html => Media::Json,
    };
    let mut response = respond(&error.into(), media);
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// The status of a document that was not executed.
fn status_of(response: &Response, media: Media) -> StatusCode {
    let extensions = response.errors.first().and_then(|error| error.extensions.as_ref());
    let code = match extensions.and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => Code::named(code),
        _ => None,
    };
    match code.unwrap_or(Code::GraphqlValidationFailed) {
        // The request was well-formed, which is all that the status tells here.
        Code::GraphqlValidationFailed
        | Code::PersistedQueryNotFound
        | Code::PersistedQueryNotSupported
            if media == Media::Json =>
        {
            StatusCode::OK
        }
        code => StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::BAD_REQUEST),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_refusal_says_when_to_try_again() {
        let error = ApiError::too_many("too many requests", Duration::from_secs(7));
        let response = refuse(error, Media::GraphQl);
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        let response = refuse(ApiError::bad_input("malformed"), Media::Json);
        assert!(response.headers().get(header::RETRY_AFTER).is_none());
    }
}
