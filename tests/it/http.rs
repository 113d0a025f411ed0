//! What the answers of the API say beside their data, and to whom: compression, other origins,
//! costs and budgets.

use reqwest::header::HeaderMap;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tests::deployment::{Deployment, Stack, assay_command};

const SCHEMA: &str = "{ __schema { types { name description } } }";
const ORIGIN: &str = "https://judge.example.org";

/// Asks with these headers; the client adds none and changes nothing. Returns the whole response.
async fn ask(
    deployment: &Deployment,
    query: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Client::new()
        .post(deployment.address().join("/graphql").unwrap())
        .header("content-type", "application/json")
        .body(json!({ "query": query }).to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.headers().clone(), answer.bytes().await.unwrap().to_vec())
}

fn said<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_for_those_who_accept_it_and_open_to_the_origins_in_the_list() {
    let origins = format!("[\"{ORIGIN}\"]");
    let settings = [("http.cors_origins", origins.as_str())];
    let deployment = Deployment::start_with(Stack::Embedded, &settings).await;
    let (_, plain, whole) = ask(&deployment, SCHEMA, &[("origin", ORIGIN)]).await;
    assert_eq!(said(&plain, "content-encoding"), "");
    assert_eq!(said(&plain, "access-control-allow-origin"), ORIGIN);
    assert!(said(&plain, "access-control-expose-headers").contains("retry-after"), "{plain:?}");
    for encoding in ["gzip", "br"] {
        let (_, headers, body) = ask(&deployment, SCHEMA, &[("accept-encoding", encoding)]).await;
        assert_eq!(said(&headers, "content-encoding"), encoding);
        assert!(body.len() * 2 < whole.len(), "{encoding}: {} of {}", body.len(), whole.len());
        assert_eq!(said(&headers, "access-control-allow-origin"), "");
    }
    let (_, short, _) =
        ask(&deployment, "{ viewer { login } }", &[("accept-encoding", "br")]).await;
    assert_eq!(said(&short, "content-encoding"), "");
    // An upload is preflighted as well.
    let preflight = Client::new()
        .request(reqwest::Method::OPTIONS, deployment.address().join("/packages").unwrap())
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization");
    let preflight = preflight.send().await.unwrap();
    assert_eq!(preflight.status(), StatusCode::OK);
    assert_eq!(said(preflight.headers(), "access-control-allow-headers"), "authorization");
    assert_eq!(said(preflight.headers(), "access-control-max-age"), "600");
}

#[test]
fn an_origin_that_no_browser_sends_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = format!("http.cors_origins=[\"{ORIGIN}/\"]");
    let mut command = assay_command(folder.path(), &["serve", "--set", &wrong]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("http.cors_origins") && said.contains("is not an origin"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_shows_its_cost_and_a_client_without_budget_must_wait() {
    let settings = [("limits.cost_per_minute", "5000")];
    let deployment = Deployment::start_with(Stack::Embedded, &settings).await;
    let ada = deployment.register("ada").await;
    let authorization = format!("bearer {}", ada.token().unwrap());
    let token = [("authorization", authorization.as_str())];
    let cheap = "{ rateLimit { limit cost remaining resetAt } }";
    let (status, headers, body) = ask(&deployment, cheap, &token).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    let shown = &body["data"]["rateLimit"];
    assert_eq!(body["extensions"]["cost"], json!({ "requested": shown["cost"], "limit": 5_000 }));
    assert_eq!((&shown["limit"], &shown["cost"]), (&json!(5_000), &json!(5)));
    assert_eq!(said(&headers, "ratelimit-limit"), "5000");
    assert_eq!(said(&headers, "ratelimit-remaining"), shown["remaining"].to_string());
    assert_eq!(said(&headers, "ratelimit-reset"), "1");

    let costly = "{ submissions(first: 20) { nodes { id number state verdict
        problem { id slug title } language { id name } source } } }";
    let mut refused = None;
    for _ in 0..5 {
        let (status, headers, body) = ask(&deployment, costly, &token).await;
        if status != StatusCode::OK {
            refused = Some((status, headers, body));
            break;
        }
    }
    let (status, headers, body) = refused.expect("the budget ends");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{body}");
    assert_eq!(body["errors"][0]["extensions"]["code"], "TOO_MANY", "{body}");
    let wait = &body["errors"][0]["extensions"]["retryAfter"];
    assert_eq!(said(&headers, "retry-after"), wait.to_string());
    assert_eq!(said(&headers, "ratelimit-limit"), "5000");
    // Others have their own budget.
    let bob = deployment.register("bob").await;
    assert_eq!(bob.ask(costly, json!({})).await.status, 200);
    // A subscription is charged when it starts.
    let subscribed = ada.subscribe("subscription { mySubmissions { cursor } }", json!({})).await;
    drop(subscribed);
}
