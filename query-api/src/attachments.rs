//! Files that a problem offers for download: `GET /problems/{slug}/attachments/{path}`.
//!
//! They are as public as the statement. Their bytes are untrusted, so the browser must not run them
//! or show them as one of our pages: everything except plain images is a download, and the type is
//! never guessed.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::Slug;
use domain::problem::Attachment;
use read_model::ViewReaderExt;
use read_model::views::ProblemView;

use crate::{Api, ApiError};

/// The folder under which statements refer to attachments.
const FOLDER: &str = "attachments/";
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

/// The URL of a problem's attachment on this server, without the host.
pub(crate) fn address(slug: &Slug, path: &str) -> String {
    let mut address = format!("/problems/{slug}/attachments/");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                address.push(byte.into());
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address
}

/// Maps a problem's attachments, as a statement names them, to their URLs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses(HashMap<String, String>);

impl Addresses {
    pub(crate) fn new(slug: &Slug, attachments: &[Attachment]) -> Self {
        let addresses = attachments.iter().map(|it| (it.path.clone(), address(slug, &it.path)));
        Self(addresses.collect())
    }

    /// Names and URLs, ordered by name.
    pub(crate) fn sorted(&self) -> Vec<(&str, &str)> {
        let mut sorted: Vec<_> =
            self.0.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect();
        sorted.sort_unstable();
        sorted
    }

    /// The URL of the attachment that a relative reference names, if there is one.
    pub(crate) fn of(&self, reference: &str) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        let decoded = decode(reference)?;
        let name = decoded.strip_prefix("./").unwrap_or(&decoded);
        let inside = || self.0.get(name.strip_prefix(FOLDER)?);
        self.0.get(name).or_else(inside).map(String::as_str)
    }
}

/// Decodes a percent-encoded reference; `None` if it is not UTF-8.
fn decode(reference: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(reference.len());
    let mut rest = reference.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = |digits: &[u8]| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok();
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) if high.is_ascii_hexdigit() => hex(&[*high, *low]),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).ok()
}

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
    // Found by name in a list, so path traversal is impossible.
    let attachments = problem.into_iter().flat_map(|problem| problem.attachments);
    let Some(attachment) = attachments.into_iter().find(|it| it.path == path) else {
        return not_found();
    };
    let etag = format!("\"{}\"", attachment.content.digest);
    if has_it(&headers, &etag) {
        return (StatusCode::NOT_MODIFIED, protection(&path, &etag)).into_response();
    }
    match api.blobs.get(&attachment.content.digest).await {
        Ok(bytes) => (protection(&path, &etag), bytes).into_response(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "there is no such attachment\n").into_response()
}

fn has_it(headers: &HeaderMap, etag: &str) -> bool {
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
    use domain::Digest;
    use domain::problem::BlobRef;

    use super::*;

    #[test]
    fn a_reference_names_an_attachment_or_nothing() {
        let attachment = |path: &str| Attachment {
            path: path.to_owned(),
            content: BlobRef { digest: Digest::of(b""), bytes: 0 },
        };
        let attachments = ["fig.png", "data/a b.zip", "Größe.txt", "100%.txt"].map(attachment);
        let addresses = Addresses::new(&"sum".parse().unwrap(), &attachments);
        for (reference, address) in [
            ("fig.png", Some("/problems/sum/attachments/fig.png")),
            ("./fig.png", Some("/problems/sum/attachments/fig.png")),
            ("attachments/fig.png", Some("/problems/sum/attachments/fig.png")),
            ("./attachments/data/a%20b.zip", Some("/problems/sum/attachments/data/a%20b.zip")),
            ("Gr%C3%B6%c3%9fe.txt", Some("/problems/sum/attachments/Gr%C3%B6%C3%9Fe.txt")),
            ("100%.txt", Some("/problems/sum/attachments/100%25.txt")),
            ("100%25.txt", Some("/problems/sum/attachments/100%25.txt")),
            ("Fig.png", None),
            ("%ff.png", None),
            ("%+1", None),
            ("../fig.png", None),
            ("/fig.png", None),
            ("https://example.com/fig.png", None),
        ] {
            assert_eq!(addresses.of(reference), address, "{reference}");
        }
    }

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
    fn who_has_it_is_not_sent_it_again() {
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
            assert_eq!(has_it(&headers, "\"a\""), has, "{known}");
        }
        assert!(!has_it(&HeaderMap::new(), "\"a\""));
    }

    #[test]
    fn attachments_are_found_where_they_are_served() {
        let attachment = |path: &str| Attachment {
            path: path.to_owned(),
            content: BlobRef { digest: Digest::of(b""), bytes: 0 },
        };
        let attachments = ["fig 1.png", "img/tree.svg"].map(attachment);
        let addresses = Addresses::new(&"sum".parse().unwrap(), &attachments);
        for (markdown, part) in [
            ("![x](<fig 1.png>)", "<img src=\"/problems/sum/attachments/fig%201.png\""),
            ("![x](fig%201.png)", "<img src=\"/problems/sum/attachments/fig%201.png\""),
            ("![x](attachments/img/tree.svg)", "src=\"/problems/sum/attachments/img/tree.svg\""),
            ("<img src=\"img/tree.svg\">", "src=\"/problems/sum/attachments/img/tree.svg\""),
            ("[x](img/tree.svg)", "<a href=\"/problems/sum/attachments/img/tree.svg\""),
            ("![x](other.png)", "<img src=\"other.png\""),
            ("![x](https://example.com/img/tree.svg)", "src=\"https://example.com/img/tree.svg\""),
        ] {
            let addresses = addresses.clone();
            let html =
                statement::to_html(markdown, move |name| addresses.of(name).map(str::to_owned));
            assert!(html.contains(part), "{part} is missing from {html}");
        }
    }
}
