//! What a request says about its client: its token and its trace context.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::{Api, ApiError, Authenticator, Code, Secret, Viewer};

/// The client's identity, from the `Authorization` header.
#[derive(Debug)]
pub struct Gate(pub Option<Viewer>);

impl Gate {
    /// The client of a request with these headers.
    ///
    /// # Errors
    /// If the token is malformed or invalid, or a store failed.
    pub async fn of(headers: &HeaderMap, authenticator: &Authenticator) -> Result<Self, ApiError> {
        let Some(secret) = secret(headers)? else { return Ok(Self(None)) };
        Ok(Self(Some(authenticator.authenticate(&secret).await?)))
    }
}

/// The token in the `Authorization` header, if there is one. The scheme may be in any case, as in
/// every standard of HTTP.
///
/// # Errors
/// If the header is malformed.
pub fn secret(headers: &HeaderMap) -> Result<Option<Secret>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let said = value.to_str().ok().and_then(|value| value.split_once(' '));
    let token = said.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let malformed = || ApiError::new(Code::Unauthenticated, "expected Authorization: Bearer …");
    let (_, token) = token.ok_or_else(malformed)?;
    Ok(Some(Secret(token.trim().to_owned())))
}

impl FromRequestParts<Arc<Api>> for Gate {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        api: &Arc<Api>,
    ) -> Result<Self, Self::Rejection> {
        Self::of(&parts.headers, &api.authenticator).await.map_err(refusal)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        refusal(self)
    }
}

/// The GraphQL response to a request that failed as a whole.
pub fn refusal(error: ApiError) -> Response {
    let status = StatusCode::from_u16(error.code.http_status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut extensions = json!({ "code": error.code.as_str() });
    if let Some(seconds) = error.retry_after {
        extensions["retryAfter"] = seconds.into();
    }
    let body = json!({ "errors": [{ "message": error.message, "extensions": extensions }] });
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The request's W3C trace context.
#[derive(Debug, Clone)]
pub struct TraceParent(pub Option<String>);

impl TraceParent {
    /// The header's value, or none if it is invalid in version 00 of the standard. The value is
    /// stored in the log.
    pub fn of(headers: &HeaderMap) -> Self {
        let said = headers.get("traceparent").and_then(|value| value.to_str().ok());
        Self(said.filter(|said| is_trace_parent(said)).map(str::to_owned))
    }
}

/// Whether this is a version, a trace id, a span id and flags: 55 characters.
fn is_trace_parent(said: &str) -> bool {
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |part: &str, digits| is_hex(part, digits) && part.bytes().any(|b| b != b'0');
    match said.split('-').collect::<Vec<_>>()[..] {
        ["00", trace, span, flags] => is_id(trace, 32) && is_id(span, 16) && is_hex(flags, 2),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_refusal_says_when_to_try_again() {
        let error = ApiError::too_many("too many requests", Duration::from_millis(6_001));
        let response = refusal(error);
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        let body = axum::body::to_bytes(response.into_body(), 1 << 10).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let extensions = json!({ "code": "TOO_MANY", "retryAfter": 7 });
        assert_eq!(body["errors"][0]["extensions"], extensions);
        let lasting = refusal(ApiError::new(Code::Internal, "a fault"));
        assert!(!lasting.headers().contains_key(header::RETRY_AFTER));
    }

    #[test]
    fn a_token_is_read_whatever_the_case_of_its_scheme() {
        let said = |value: &str| {
            let value = value.parse().unwrap();
            secret(&[(header::AUTHORIZATION, value)].into_iter().collect())
        };
        for value in ["Bearer assay_x", "bearer assay_x", "BEARER  assay_x "] {
            let hash = said(value).unwrap().map(|secret| secret.hash());
            assert_eq!(hash, Some(Secret("assay_x".to_owned()).hash()), "{value}");
        }
        for value in ["assay_x", "Bearer", "Basic YTpi", "Bearerassay_x"] {
            assert_eq!(said(value).unwrap_err().code, Code::Unauthenticated, "{value}");
        }
        assert!(secret(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn only_the_standards_trace_parent_is_taken() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let long = format!("{good}{}", "0".repeat(380_000));
        for (said, taken) in [
            (good, true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true),
            (long.as_str(), false),
            ("", false),
            ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", said.parse().unwrap());
            assert_eq!(TraceParent::of(&headers).0.as_deref(), taken.then_some(said));
        }
    }
}
