//! Uploads of problem packages: `POST /packages` takes a zip archive and returns its SHA-256.

use std::sync::Arc;

use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use domain::Role;
use event_store::Scope;
use graphql::{Api, ApiError, Code, Gate};
use serde_json::json;

/// Serves `/packages`.
pub fn routes(api: Arc<Api>) -> Router {
    let limit = DefaultBodyLimit::max(api.limits.package_bytes);
    Router::new().route("/packages", post(upload)).layer(limit).with_state(api)
}

async fn upload(
    State(api): State<Arc<Api>>,
    Gate(viewer): Gate,
    archive: Result<Bytes, BytesRejection>,
) -> Response {
    let allowed =
        viewer.is_some_and(|viewer| viewer.has(Role::Setter) && viewer.allows(Scope::Full));
    if !allowed {
        return ApiError::new(Code::Forbidden, "only setters can upload packages").into_response();
    }
    let archive = match archive {
        Ok(archive) => archive,
        Err(rejection) => return ApiError::from(rejection).into_response(),
    };
    if !archive.starts_with(b"PK") {
        return ApiError::bad_input("a package must be a zip archive").into_response();
    }
    let bytes = archive.len();
    match api.blobs.put(archive).await {
        Ok(digest) => {
            let body = json!({ "sha256": digest.to_string(), "bytes": bytes });
            (StatusCode::CREATED, Json(body)).into_response()
        }
        Err(error) => ApiError::from(error).into_response(),
    }
}
