//! Files that a problem offers for download: `GET /problems/{slug}/attachments/{path}`.
//!
//! They are as public as the statement: those of a draft need the token of an account that sees it.
//! Their bytes are untrusted, so the browser must not run them
//! or show them as one of our pages: everything except plain images is a download, and the type is
//! never guessed.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use read_model::ViewReaderExt;
use read_model::views::ProblemView;

use graphql::{Api, ApiError, Code, Gate, Viewer, access};

/// Content types by lower-case extension. The image types in [`SHOWN`] are shown, the others
/// downloaded.
const TYPES: [(&str, &str); 17] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("jpeg", "image/jpeg"),
    ("svg", "image/svg+xml"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("json", "application/json"),
    ("csv", "text/csv; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("md", "text/plain; charset=utf-8"),
    ("in", "text/plain; charset=utf-8"),
    ("c", "text/plain; charset=utf-8"),
    ("cpp", "text/plain; charset=utf-8"),
    ("java", "text/plain; charset=utf-8"),
    ("py", "text/plain; charset=utf-8"),
];
/// Types that a browser shows in place: it can display them but not run them.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// Serves the attachments of every problem's newest revision.
pub(crate) fn routes(api: Arc<Api>) -> Router {
    Router::new().route("/problems/{slug}/attachments/{*path}", get(serve)).with_state(api)
}

async fn serve(
    State(api): State<Arc<Api>>,
    names: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let Ok(Path((slug, path))) = names else { return not_found() };
    let problem = match api.reader.one::<ProblemView>(&slug).await {
        Ok(problem) => problem,
        Err(error) => return ApiError::from(error).into_response(),
    };
    let problem = match problem {
        Some(problem) if !access::may_see_problem(None, &problem.access) => {
            match viewer(&api, &headers).await {
                Ok(viewer) => {
                    Some(problem).filter(|it| access::may_see_problem(viewer.as_ref(), &it.access))
                }
                Err(error) => return error.into_response(),
            }
        }
        problem => problem,
    };
    let is_draft = problem.as_ref().is_some_and(|it| !access::may_see_problem(None, &it.access));
    // Found by name in a list, so path traversal is impossible.
    let attachments = problem.into_iter().flat_map(|problem| problem.attachments);
    let Some(attachment) = attachments.into_iter().find(|it| it.path == path) else {
        return not_found();
    };
    let etag = format!("\"{}\"", attachment.content.digest);
    if is_cached_by_client(&headers, &etag) {
        return (StatusCode::NOT_MODIFIED, protection(&path, &etag)).into_response();
    }
    match api.blobs.get(&attachment.content.digest).await {
        Ok(bytes) if is_draft => {
            let mut headers = protection(&path, &etag);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            (headers, bytes).into_response()
        }
        Ok(bytes) => (protection(&path, &etag), bytes).into_response(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// The client; `None` also if its token is invalid, because another answer would tell that there is
/// such a draft.
async fn viewer(api: &Api, headers: &HeaderMap) -> Result<Option<Viewer>, ApiError> {
    match Gate::of(headers, &api.authenticator).await {
        Ok(Gate(viewer)) => Ok(viewer),
        Err(error) if error.code == Code::Unauthenticated => Ok(None),
        Err(error) => Err(error),
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "there is no such attachment\n").into_response()
}

fn is_cached_by_client(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut known = known.unwrap_or_default().split(',').map(str::trim);
    known.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn protection(path: &str, etag: &str) -> HeaderMap {
    let kind = media_type(path);
    let mut headers = HeaderMap::new();
    let fixed = HeaderValue::from_static;
    headers.insert(header::CONTENT_TYPE, fixed(kind));
    if !SHOWN.contains(&kind) {
        headers.insert(header::CONTENT_DISPOSITION, fixed("attachment"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, fixed("default-src 'none'; sandbox"));
    // The next revision may have different bytes at the same URL.
    headers.insert(header::CACHE_CONTROL, fixed("no-cache"));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    headers
}

fn media_type(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let mut types = TYPES.iter();
    let found = types.find(|(known, _)| extension.as_deref() == Some(known));
    found.map_or(UNKNOWN_TYPE, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_images_are_shown() {
        for (path, kind, shown) in [
            ("fig.png", "image/png", true),
            ("FIG.JPG", "image/jpeg", true),
            ("a/b.jpeg", "image/jpeg", true),
            ("fig.svg", "image/svg+xml", false),
            ("page.html", UNKNOWN_TYPE, false),
            ("script.js", UNKNOWN_TYPE, false),
            ("png", UNKNOWN_TYPE, false),
            ("a.png/b", UNKNOWN_TYPE, false),
            ("input.txt", "text/plain; charset=utf-8", false),
        ] {
            let headers = protection(path, "\"0\"");
            assert_eq!(headers[header::CONTENT_TYPE], kind, "{path}");
            assert_eq!(!headers.contains_key(header::CONTENT_DISPOSITION), shown, "{path}");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }

    #[test]
    fn an_unchanged_attachment_is_not_sent_again() {
        for (known, has) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(known));
            assert_eq!(is_cached_by_client(&headers, "\"a\""), has, "{known}");
        }
        assert!(!is_cached_by_client(&HeaderMap::new(), "\"a\""));
    }
}
