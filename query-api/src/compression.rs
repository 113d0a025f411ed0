//! Compresses what clients read, with gzip or Brotli.
//!
//! That answers hold secrets and what clients send is no danger here (BREACH): an attacker would need
//! a victim's browser to send many requests as its user, and without the token, which no browser adds
//! by itself, a request is nobody's.

use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};

/// Minimum size of a body that is compressed, in bytes. Smaller ones fit into a packet anyway.
const BODY_BYTES_MIN: u64 = 1 << 10;
/// The level of gzip and Brotli: more of it costs much time and saves little.
const LEVEL: CompressionLevel = CompressionLevel::Precise(4);

/// Compresses whole answers. Streams of events are sent as they come.
pub(crate) fn layer() -> CompressionLayer<impl Predicate> {
    let predicate = SizeAbove::new(BODY_BYTES_MIN).and(NotForContentType::SSE);
    CompressionLayer::new().quality(LEVEL).compress_when(predicate)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, header};
    use axum::response::{IntoResponse, Response};
    use axum::routing::get;
    use tower_service::Service;

    use super::*;

    async fn answer(path: &str, accepted: &str) -> Response {
        let text = |bytes: usize, content_type: &'static str| {
            get(move || async move {
                ([(header::CONTENT_TYPE, content_type)], "a".repeat(bytes)).into_response()
            })
        };
        let mut router = Router::new()
            .route("/long", text(4 << 10, "application/json"))
            .route("/short", text(1_000, "application/json"))
            .route("/events", text(4 << 10, "text/event-stream"))
            .layer(layer());
        let request = Request::get(path).header(header::ACCEPT_ENCODING, accepted);
        router.call(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn long_answers_are_compressed_and_streams_are_not() {
        for (path, accepted, encoding) in [
            ("/long", "gzip", Some("gzip")),
            ("/long", "gzip, deflate, br", Some("br")),
            ("/long", "identity", None),
            ("/short", "gzip, br", None),
            ("/events", "gzip, br", None),
        ] {
            let answer = answer(path, accepted).await;
            let said = answer.headers().get(header::CONTENT_ENCODING);
            let said = said.map(|it| it.to_str().unwrap().to_owned());
            assert_eq!(said.as_deref(), encoding, "{path} {accepted}");
            let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
            assert_eq!(bytes.len() < 1_000, encoding.is_some(), "{path} {accepted}");
        }
    }
}
