//! Which other websites' pages may use the API from a browser (CORS).

use std::time::Duration;

use axum::Router;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::response::RATE_LIMIT_FIELDS;

/// How long a browser may remember what is allowed.
const PREFLIGHT_AGE_MAX: Duration = Duration::from_secs(600);
/// The entry that stands for every origin.
const EVERY: &str = "*";

/// The origins whose pages may use the API.
#[derive(Debug, Clone)]
pub struct Cors(Option<AllowOrigin>);

/// An entry in a list of origins that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin:?} {reason}")]
pub struct InvalidOrigin {
    origin: String,
    reason: &'static str,
}

impl Cors {
    /// Allows these origins, such as `https://judge.example.org`, or with `*` every origin. An empty
    /// list allows none.
    ///
    /// # Errors
    /// If an entry is not an origin as browsers send it.
    pub fn of(origins: &[String]) -> Result<Self, InvalidOrigin> {
        match origins {
            [] => Ok(Self(None)),
            [one] if one == EVERY => Ok(Self(Some(AllowOrigin::any()))),
            some => {
                let origins: Result<Vec<_>, _> = some.iter().map(|it| origin(it)).collect();
                Ok(Self(Some(AllowOrigin::list(origins?))))
            }
        }
    }

    /// Adds the headers to every response of the routes, and answers preflight requests.
    /// Credentials are not allowed: the API takes only tokens, which the page itself must know.
    pub fn apply(&self, router: Router) -> Router {
        let Some(origins) = &self.0 else { return router };
        let cors = CorsLayer::new()
            .allow_origin(origins.clone())
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(
                [header::RETRY_AFTER].into_iter().chain(RATE_LIMIT_FIELDS).collect::<Vec<_>>(),
            )
            .max_age(PREFLIGHT_AGE_MAX);
        router.layer(cors)
    }
}

/// The value of `Origin` that a browser sends for this origin.
fn origin(text: &str) -> Result<HeaderValue, InvalidOrigin> {
    let invalid = |reason| InvalidOrigin { origin: text.to_owned(), reason };
    if text == EVERY {
        return Err(invalid("allows every origin, so it must be the only entry"));
    }
    let not_an_origin = || invalid("is not an origin, such as https://judge.example.org");
    let (scheme, authority) = text.split_once("://").ok_or_else(not_an_origin)?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let parsed: Authority = authority.parse().map_err(|_| not_an_origin())?;
    if !is_scheme || parsed.host().is_empty() || authority.contains('@') {
        return Err(not_an_origin());
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(invalid("never matches, because browsers send origins in lower case"));
    }
    if matches!((scheme, parsed.port_u16()), ("http", Some(80)) | ("https", Some(443))) {
        return Err(invalid("never matches, because browsers leave out the usual port"));
    }
    HeaderValue::from_str(text).map_err(|_| not_an_origin())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::response::Response;
    use axum::routing::get;
    use tower_service::Service;

    use super::*;

    fn cors(origins: &[&str]) -> Result<Cors, InvalidOrigin> {
        Cors::of(&origins.iter().map(|&it| it.to_owned()).collect::<Vec<_>>())
    }

    async fn answer(origins: &[&str], method: Method, from: &str) -> Response {
        let router = Router::new().route("/graphql", get(|| async { "answer" }));
        let request = Request::builder()
            .method(method)
            .uri("/graphql")
            .header(header::ORIGIN, from)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type");
        let request = request.body(Body::empty()).unwrap();
        cors(origins).unwrap().apply(router).call(request).await.unwrap()
    }

    fn said(response: &Response, name: header::HeaderName) -> &str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn only_the_origins_in_the_list_are_allowed() {
        const ADA: &str = "https://ada.example.org";
        for (origins, from, allowed) in [
            (&[][..], ADA, ""),
            (&["*"], ADA, "*"),
            (&[ADA, "http://localhost:3000"], ADA, ADA),
            (&[ADA, "http://localhost:3000"], "http://localhost:3000", "http://localhost:3000"),
            (&[ADA], "https://evil.example.org", ""),
            (&[ADA], "http://ada.example.org", ""),
        ] {
            let response = answer(origins, Method::GET, from).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(said(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), allowed, "{from}");
        }
    }

    #[tokio::test]
    async fn a_preflight_is_remembered_and_allows_tokens_but_no_credentials() {
        let origin = "https://ada.example.org";
        let response = answer(&[origin], Method::OPTIONS, origin).await;
        assert_eq!(response.status(), StatusCode::OK);
        let allowed = said(&response, header::ACCESS_CONTROL_ALLOW_HEADERS);
        assert_eq!(allowed, "authorization,content-type");
        assert_eq!(said(&response, header::ACCESS_CONTROL_ALLOW_METHODS), "GET,POST");
        assert_eq!(said(&response, header::ACCESS_CONTROL_MAX_AGE), "600");
        assert_eq!(said(&response, header::ACCESS_CONTROL_ALLOW_CREDENTIALS), "");
        let response = answer(&[origin], Method::GET, origin).await;
        let exposed = said(&response, header::ACCESS_CONTROL_EXPOSE_HEADERS);
        assert_eq!(exposed, "retry-after,ratelimit-limit,ratelimit-remaining,ratelimit-reset");
    }

    #[test]
    fn what_is_no_origin_is_refused_with_the_reason() {
        for (origins, reason) in [
            (&["judge.example.org"][..], "is not an origin"),
            (&["https://judge.example.org/"], "is not an origin"),
            (&["https://"], "is not an origin"),
            (&["https://ada@judge.example.org"], "is not an origin"),
            (&["null"], "is not an origin"),
            (&["https://Judge.example.org"], "lower case"),
            (&["https://judge.example.org:443"], "usual port"),
            (&["*", "https://judge.example.org"], "only entry"),
        ] {
            let error = cors(origins).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(origins[0]), "{error}");
        }
    }
}
