use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
use graphql::ServiceLimits;
use tempfile::TempDir;

use super::*;
use crate::parameters;

const TEXT: &str = "{ number }";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The documents in one file.
fn documents(name: &str, text: &str, only_trusted: bool) -> Result<Documents, DocumentsError> {
    let folder = folder(&[(name, text)]);
    Documents::read(&folder.path().join(name), only_trusted)
}

fn resolved(documents: &Documents, sent: serde_json::Value) -> Result<String, ApiError> {
    let mut request = parameters::from_value(sent)?;
    documents.resolve(&mut request)?;
    Ok(request.query)
}

fn persisted(hash: &str) -> serde_json::Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

#[test]
fn a_document_is_found_by_its_id_and_by_its_hash() {
    let manifest = json!({ "page": TEXT }).to_string();
    let apollo = json!({
        "format": "apollo-persisted-query-manifest", "version": 1,
        "operations": [{ "id": "page", "name": "Page", "type": "query", "body": TEXT }],
    });
    let hash = sha256(TEXT);
    for manifest in [manifest, apollo.to_string()] {
        let documents = documents("a.json", &manifest, false).unwrap();
        for sent in [
            json!({ "documentId": "page" }),
            json!({ "documentId": format!("sha256:{hash}"), "variables": {} }),
            json!({ "documentId": hash }),
            json!({ "extensions": persisted(&hash) }),
            json!({ "query": TEXT, "extensions": persisted(&hash) }),
            json!({ "query": TEXT }),
        ] {
            assert_eq!(resolved(&documents, sent.clone()).unwrap(), TEXT, "{sent}");
        }
        for (sent, code) in [
            (json!({ "documentId": "other" }), Code::PersistedQueryNotFound),
            (json!({ "extensions": persisted(&sha256("{ a }")) }), Code::PersistedQueryNotFound),
            (json!({ "documentId": "page", "query": TEXT }), Code::BadUserInput),
            (json!({ "query": "{ a }", "extensions": persisted(&hash) }), Code::BadUserInput),
            (json!({ "extensions": { "persistedQuery": { "version": 2 } } }), Code::BadUserInput),
            (json!({ "extensions": { "persistedQuery": 7 } }), Code::BadUserInput),
        ] {
            assert_eq!(resolved(&documents, sent.clone()).unwrap_err().code, code, "{sent}");
        }
    }
}

#[test]
fn a_client_learns_that_a_server_knows_no_documents() {
    let sent = json!({ "extensions": persisted(&sha256(TEXT)) });
    let refused = resolved(&Documents::default(), sent).unwrap_err();
    assert_eq!(refused.code, Code::PersistedQueryNotSupported);
    // The message that clients look for.
    assert_eq!(refused.message, "PersistedQueryNotSupported");
}

#[test]
fn other_documents_are_refused_if_only_trusted_ones_are_allowed() {
    let documents = documents("a.json", &json!({ "page": TEXT }).to_string(), true).unwrap();
    assert_eq!(resolved(&documents, json!({ "query": TEXT })).unwrap(), TEXT);
    assert_eq!(resolved(&documents, json!({ "documentId": "page" })).unwrap(), TEXT);
    for other in ["{ number }\n", "{ other }", ""] {
        let refused = resolved(&documents, json!({ "query": other })).unwrap_err();
        assert_eq!(refused.code, Code::UntrustedDocument, "{other}");
    }
}

#[test]
fn a_folder_has_documents_and_manifests() {
    let manifest = json!({ "page": "{ a }" }).to_string();
    let folder = folder(&[("b.graphql", TEXT), ("c.json", &manifest), ("README", "none")]);
    let documents = Documents::read(folder.path(), false).unwrap();
    assert_eq!(resolved(&documents, json!({ "documentId": sha256(TEXT) })).unwrap(), TEXT);
    assert_eq!(resolved(&documents, json!({ "documentId": "page" })).unwrap(), "{ a }");
    assert_eq!(documents.by_id.len(), 3);
}

#[test]
fn files_that_are_no_documents_are_named() {
    let claimed = json!({ "sha256:00": TEXT }).to_string();
    for (text, reason) in [
        ("{", "a.json is not an object"),
        ("[]", "a.json is not an object"),
        ("{\"a\": 7}", "a.json is not an object"),
        (claimed.as_str(), "has the hash"),
    ] {
        let error = documents("a.json", text, false).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    let error = Documents::read(Path::new("/nowhere"), false).unwrap_err().to_string();
    assert!(error.contains("/nowhere"), "{error}");
}

fn executed() -> i32 {
    panic!("a check executes nothing")
}

struct Query;

#[Object]
impl Query {
    async fn number(&self) -> i32 {
        executed()
    }

    #[graphql(complexity = "ids.len() * child_complexity")]
    async fn many(&self, ids: Vec<String>, first: Option<i32>) -> i32 {
        ids.len() as i32 + first.unwrap_or_default()
    }
}

#[tokio::test]
async fn every_operation_is_checked_and_none_is_executed() {
    let schema = Schema::build(Query, EmptyMutation, EmptySubscription);
    let schema = graphql::checked(schema).finish();
    let guard = Guard::new(&schema.sdl(), &ServiceLimits::default(), false);
    let schema = AnySchema::new(schema);
    for (text, reason) in [
        (TEXT, ""),
        ("query a { number } query b { number }", ""),
        ("query($ids: [String!]!, $first: Int) { many(ids: $ids, first: $first) }", ""),
        ("query($ids: [String!]!, $first: Int!) { many(ids: $ids, first: $first) }", ""),
        ("query a { number }\nquery b { nonsense }", "line 2: "),
        ("{ many(ids: 7) }", "ids"),
        ("{ number", "expected"),
        ("{ ...a } fragment a on Query { ...a }", "spreads itself"),
    ] {
        let documents = documents("a.json", &json!({ "page": text }).to_string(), false).unwrap();
        match documents.check(&schema, &guard).await {
            Ok(()) => assert_eq!(reason, "", "{text}"),
            Err(error) => {
                let error = error.to_string();
                assert!(!reason.is_empty() && error.contains(reason), "{text}: {error}");
            }
        }
    }
}
