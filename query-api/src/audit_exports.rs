//! The files of exports of the log: `GET /audit/exports/{id}`, for auditors.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use event_store::{Export, ExportState};
use futures::{StreamExt, stream};
use graphql::{Api, ApiError, Code, Gate, GlobalId, access};
use jiff::Timestamp;
use tokio::sync::Semaphore;

/// Downloads at the same time. Each holds a part of its file in memory.
const DOWNLOADS_MAX: usize = 4;

static DOWNLOADS: Semaphore = Semaphore::const_new(DOWNLOADS_MAX);

/// Serves the files of exports.
pub(crate) fn routes(api: Arc<Api>) -> Router {
    Router::new().route("/audit/exports/{id}", get(serve)).with_state(api)
}

async fn serve(
    State(api): State<Arc<Api>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match find(&api, id, &headers).await {
        Ok(Some(export)) => download(&api, export),
        Ok(None) => (StatusCode::NOT_FOUND, "there is no such export\n").into_response(),
        Err(error) => error.into_response(),
    }
}

/// The export, if the client may see it. An invalid token gets the same answer as none.
async fn find(
    api: &Api,
    id: Result<Path<String>, PathRejection>,
    headers: &HeaderMap,
) -> Result<Option<Export>, ApiError> {
    let Ok(Path(id)) = id else { return Ok(None) };
    let viewer = match Gate::of(headers, &api.authenticator).await {
        Ok(Gate(viewer)) => viewer,
        Err(error) if error.code == Code::Unauthenticated => None,
        Err(error) => return Err(error),
    };
    let Ok(GlobalId::AuditExport(id)) = id.parse() else { return Ok(None) };
    if !access::may_see_log(viewer.as_ref()) {
        return Ok(None);
    }
    Ok(api.exports.read(id, Timestamp::now()).await?)
}

fn download(api: &Arc<Api>, export: Export) -> Response {
    let ExportState::Done { parts, .. } = export.state else {
        return (StatusCode::NOT_FOUND, "there is no such export\n").into_response();
    };
    let Ok(permit) = DOWNLOADS.try_acquire() else {
        let message = format!("at most {DOWNLOADS_MAX} exports can be downloaded at the same time");
        return ApiError::new(Code::TooMany, message).into_response();
    };
    let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    let name = GlobalId::AuditExport(export.id);
    let disposition = format!("attachment; filename=\"{name}.zip\"");
    let blobs = Arc::clone(&api.blobs);
    let parts = stream::iter(parts).then(move |part| {
        let (blobs, _permit) = (Arc::clone(&blobs), &permit);
        async move { blobs.get(&part.digest).await }
    });
    let mut headers = HeaderMap::new();
    let fixed = HeaderValue::from_static;
    headers.insert(header::CONTENT_TYPE, fixed("application/zip"));
    headers.insert(header::CONTENT_LENGTH, bytes.into());
    headers.insert(header::CACHE_CONTROL, fixed("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    (headers, Body::from_stream(parts)).into_response()
}
