//! The media types of responses, and which of them a client wants.

use std::str::FromStr;

use axum::http::{HeaderMap, HeaderValue, header};
use headers_accept::Accept;
use mediatype::{MediaType, Name, ReadParams, names};

/// The media type of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// `application/json`: a document that cannot be executed is answered with status 200.
    Json,
    /// `application/graphql-response+json`: the status tells whether the document was executed.
    GraphQl,
    /// `text/event-stream`: one event for each result.
    EventStream,
    /// `text/html`: the explorer.
    Html,
}

/// Available media types, each before those that are preferred less.
static AVAILABLE: [(Media, MediaType<'_>); 4] = [
    (Media::Json, MediaType::new(names::APPLICATION, names::JSON)),
    (
        Media::GraphQl,
        MediaType::from_parts(
            names::APPLICATION,
            Name::new_unchecked("graphql-response"),
            Some(names::JSON),
            &[],
        ),
    ),
    (Media::EventStream, MediaType::new(names::TEXT, Name::new_unchecked("event-stream"))),
    (Media::Html, MediaType::new(names::TEXT, names::HTML)),
];

impl Media {
    /// The media type that the client prefers; JSON if it does not say. `None` if it accepts none.
    pub(crate) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(header::ACCEPT).iter();
        let lines: Vec<_> = lines.filter_map(|line| line.to_str().ok()).collect();
        if lines.is_empty() {
            return Some(Self::Json);
        }
        let accept = Accept::from_str(&without_charsets(&lines.join(","))).ok()?;
        let available = AVAILABLE.iter().map(|(_, media_type)| media_type);
        let chosen = accept.negotiate(available)?;
        AVAILABLE.iter().find(|(_, it)| it == chosen).map(|(media, _)| *media)
    }

    /// The value of `Content-Type`.
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::EventStream => "text/event-stream",
            Self::Html => "text/html; charset=utf-8",
        })
    }
}

/// The media ranges without their charsets, because a range with a parameter matches only media
/// types with the same one. Every response is in UTF-8.
fn without_charsets(ranges: &str) -> String {
    let is_kept = |part: &&str| !part.trim_start().to_ascii_lowercase().starts_with("charset=");
    let ranges = ranges.split(',').map(|range| {
        let parts: Vec<_> = range.split(';').filter(is_kept).collect();
        parts.join(";")
    });
    ranges.collect::<Vec<_>>().join(",")
}

/// Whether the body is JSON in UTF-8.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(said) = said.and_then(|said| MediaType::parse(said).ok()) else { return false };
    let charset = said.get_param(names::CHARSET);
    said.essence() == MediaType::new(names::APPLICATION, names::JSON)
        && charset.is_none_or(|charset| charset.as_str().eq_ignore_ascii_case("utf-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        [(name, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn the_client_chooses_the_media_type() {
        assert_eq!(Media::wanted(&HeaderMap::new()), Some(Media::Json));
        for (accept, wanted) in [
            ("*/*", Some(Media::Json)),
            ("application/*", Some(Media::Json)),
            ("application/json", Some(Media::Json)),
            ("application/json; charset=utf-8", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::GraphQl)),
            ("application/graphql-response+json, application/json;q=0.9", Some(Media::GraphQl)),
            ("application/graphql-response+json;q=0.1, application/json", Some(Media::Json)),
            ("application/graphql-response+json; charset=utf-8", Some(Media::GraphQl)),
            ("text/event-stream", Some(Media::EventStream)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Some(Media::Html)),
            ("image/png", None),
            ("text/plain, image/*", None),
        ] {
            assert_eq!(Media::wanted(&headers(header::ACCEPT, accept)), wanted, "{accept}");
        }
    }

    #[test]
    fn only_json_in_utf_8_is_taken() {
        for (said, taken) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("Application/JSON;charset=UTF-8", true),
            ("application/json; charset=utf-16", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=x", false),
            ("", false),
        ] {
            assert_eq!(is_json(&headers(header::CONTENT_TYPE, said)), taken, "{said}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
