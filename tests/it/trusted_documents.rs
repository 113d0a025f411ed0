//! Documents that the operator has stored, and that clients name instead of sending them.

use domain::Digest;
use futures::StreamExt;
use reqwest::Client;
use serde_json::{Value, json};
use tests::deployment::{Deployment, Stack, assay_command};

const VIEWER: &str = "query Viewer { viewer { login } }";
const FOLLOW: &str = "subscription { mySubmissions { cursor submission { state } } }";
const RENAME: &str = "mutation Submit($input: SubmitInput!) { submit(input: $input) { token } }";

/// A manifest as code generators write it.
fn manifest(folder: &std::path::Path, texts: &[(&str, &str)]) -> String {
    let path = folder.join("documents.json");
    let texts: serde_json::Map<String, Value> =
        texts.iter().map(|(id, text)| ((*id).to_owned(), (*text).into())).collect();
    std::fs::write(&path, Value::Object(texts).to_string()).unwrap();
    path.display().to_string()
}

fn hash(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()
}

fn persisted(text: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash(text) } })
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_documents_are_executed_by_name_and_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = manifest(
        folder.path(),
        &[
            ("viewer", VIEWER),
            ("follow", FOLLOW),
            ("rename", RENAME),
            (
                "register",
                "mutation($input: RegisterInput!) {
            register(input: $input) { accessToken userErrors { code message } }
        }",
            ),
        ],
    );
    let settings =
        [("graphql.documents", path.as_str()), ("graphql.only_trusted_documents", "true")];
    let deployment = Deployment::start_with(Stack::Embedded, &settings).await;
    let ada = deployment.register("ada").await;
    for body in [
        json!({ "documentId": "viewer" }),
        json!({ "documentId": format!("sha256:{}", hash(VIEWER)), "operationName": "Viewer" }),
        json!({ "extensions": persisted(VIEWER) }),
        json!({ "query": VIEWER }),
    ] {
        let answer = ada.post(&body).await;
        assert_eq!(answer.clone().data()["viewer"]["login"], "ada", "{body}: {answer:?}");
    }
    for (body, status, code) in [
        (json!({ "query": "{ viewer { id } }" }), 403, "UNTRUSTED_DOCUMENT"),
        (json!({ "extensions": persisted("{ a }") }), 200, "PERSISTED_QUERY_NOT_FOUND"),
        (json!({ "documentId": "other" }), 200, "PERSISTED_QUERY_NOT_FOUND"),
        (json!({ "documentId": "viewer", "query": VIEWER }), 400, "BAD_USER_INPUT"),
    ] {
        let answer = ada.post(&body).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{body}: {answer:?}");
    }
    let by_get = async |query: &[(&str, &str)], accept: &str| {
        let mut address = deployment.address().join("/graphql").unwrap();
        address.query_pairs_mut().extend_pairs(query);
        let request = Client::new().get(address).header("accept", accept);
        let answer = request.bearer_auth(ada.token().unwrap()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    const RESPONSE: &str = "application/graphql-response+json";
    let extensions = persisted(VIEWER).to_string();
    for query in [("documentId", "viewer"), ("extensions", extensions.as_str())] {
        let (status, body) = by_get(&[query], RESPONSE).await;
        assert_eq!(status, 200, "{body}");
        assert!(body.contains("\"login\":\"ada\""), "{body}");
    }
    let (status, body) = by_get(&[("documentId", "other")], RESPONSE).await;
    assert_eq!(status, 400, "{body}");
    let (status, body) = by_get(&[("documentId", "rename")], RESPONSE).await;
    assert_eq!(status, 405, "{body}");
    let (status, body) = by_get(&[("documentId", "viewer")], "text/event-stream").await;
    assert!(status == 200 && body.contains("\"login\":\"ada\""), "{body}");

    // Over a WebSocket: a text that is known, and one that is not.
    let mut updates = ada.subscribe(FOLLOW, json!({})).await;
    let other = ada.subscribe("subscription { mySubmissions { gap } }", json!({})).await;
    let refused: Vec<_> = other.collect().await;
    assert!(refused.iter().any(Result::is_err), "{refused:?}");
    let submit = json!({
        "documentId": "rename",
        "variables": { "input": { "problem": "prb_none", "language": "python3", "source": "" } },
    });
    assert_eq!(ada.post(&submit).await.status, 200);
    assert!(futures::FutureExt::now_or_never(updates.next()).is_none(), "it stays open");
}

#[test]
fn documents_that_could_not_be_executed_are_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let nonsense = manifest(folder.path(), &[("page", "query {\n  nonsense }")]);
    let missing = folder.path().join("missing").display().to_string();
    for (settings, texts) in [
        (vec![format!("graphql.documents={nonsense}")], ["the document ", "line 2: "]),
        (vec![format!("graphql.documents={missing}")], ["graphql.documents", "missing"]),
        (
            vec!["graphql.only_trusted_documents=true".to_owned()],
            ["graphql.only_trusted_documents", "needs graphql.documents"],
        ),
    ] {
        let mut arguments = vec!["serve", "--set", "http.listen=127.0.0.1:0"];
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        let output = assay_command(folder.path(), &arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{settings:?}: {said}");
        assert!(texts.iter().all(|text| said.contains(text)), "{settings:?}: {said}");
    }
}
