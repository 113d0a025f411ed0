//! Exports of the log over the API: made in the background, downloaded, verified with only a key,
//! and finished by another process when one dies.

use domain::{Digest, Position};
use event_store::{ExportContent, ExportPart, ExportsError, NewExport};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{ALL, Deployment, PROJECTOR, Stack, assay_command};
use tests::waiting::until;
use uuid::Uuid;

const EXPORT: &str = "mutation($input: ExportAuditInput!) {
  exportAudit(input: $input) { export { id state url } replayed userErrors { code field } token }
}";
const ASK: &str = "query($id: ID!) { node(id: $id) { ... on AuditExport {
  id state filter position events bytes sha256 url reason requestedBy requestedAt endedAt expiresAt
} } }";

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_exports_the_log_on_embedded_stores() {
    an_auditor_exports_the_log(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_exports_the_log_on_redis_and_mongodb() {
    an_auditor_exports_the_log(Stack::Cluster).await;
}

async fn an_auditor_exports_the_log(stack: Stack) {
    let mut deployment = Deployment::start(stack).await;
    let (admin, ada) = (deployment.admin(), deployment.register("ada").await);
    until("a head was signed", async || {
        let head = admin.data("{ audit { head { treeSize } } }", json!({})).await;
        head["audit"]["head"].is_object().then_some(())
    })
    .await;

    let input = json!({ "idempotencyKey": "whole" });
    let created = start(&admin, input.clone()).await;
    assert_eq!((&created["replayed"], &created["token"]), (&json!(false), &Value::Null));
    let id = created["export"]["id"].as_str().unwrap().to_owned();
    let again = start(&admin, input).await;
    assert_eq!((&again["replayed"], &again["export"]["id"]), (&json!(true), &json!(id)));
    let other = json!({ "idempotencyKey": "whole", "to": "1" });
    assert_eq!(start(&admin, other).await["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED");
    let done = ended(&admin, &id).await;
    assert_eq!((&done["state"], &done["filter"]), (&json!("DONE"), &json!({})), "{done}");
    assert!(done["events"].as_i64().unwrap() >= 2, "{done}");
    verify_download(&deployment, &admin, &done).await;

    let part = json!({ "filter": { "stream": "usr_ada" }, "to": "1000" });
    let part = start(&admin, part).await["export"]["id"].as_str().unwrap().to_owned();
    let part = ended(&admin, &part).await;
    assert_eq!(part["events"], 1, "{part}");
    verify_download(&deployment, &admin, &part).await;
    let list = "query($after: String) { auditExports(first: 1, after: $after) {
        totalCount nodes { id } pageInfo { endCursor hasNextPage } } }";
    let first = admin.data(list, json!({})).await["auditExports"].take();
    assert_eq!((&first["totalCount"], &first["nodes"][0]["id"]), (&json!(2), &part["id"]));
    let after = json!({ "after": first["pageInfo"]["endCursor"] });
    let second = admin.data(list, after).await["auditExports"].take();
    assert_eq!(
        (&second["nodes"][0]["id"], &second["pageInfo"]["hasNextPage"]),
        (&json!(id), &json!(false))
    );

    // Others get the answer for what does not exist.
    let missing = format!("/audit/exports/exp_{}", Uuid::new_v4().simple());
    let missing = get(&admin, &missing).await;
    assert_eq!(missing.status(), 404);
    let missing = missing.text().await.unwrap();
    for api in [&ada, &ada.anonymous(), &ada.with_token("nonsense")] {
        let refused = get(api, done["url"].as_str().unwrap()).await;
        assert_eq!(refused.status(), 404);
        assert_eq!(refused.text().await.unwrap(), missing);
    }
    assert_eq!(ada.data(ASK, json!({ "id": id })).await["node"], Value::Null);

    another_process_finishes(&mut deployment, stack).await;

    let stores = deployment.stores().await;
    let later = Timestamp::now() + SignedDuration::from_hours(25);
    assert!(!stores.exports.remove_expired(later).await.unwrap().is_empty());
    let admin = deployment.admin();
    assert_eq!(admin.data(ASK, json!({ "id": id })).await["node"], Value::Null);
    assert_eq!(get(&admin, done["url"].as_str().unwrap()).await.status(), 404);
}

/// A process died with a lease and half a file.
async fn another_process_finishes(deployment: &mut Deployment, stack: Stack) {
    let (name, role) = match stack {
        Stack::Embedded => (ALL, None),
        Stack::Cluster => (PROJECTOR, Some(PROJECTOR)),
    };
    deployment.kill_hard(name).await;
    let stores = deployment.stores().await;
    let new = NewExport {
        id: Uuid::now_v7(),
        requested_by: "admin".parse().unwrap(),
        requested_at: Timestamp::now(),
        filter: "{}".to_owned(),
        keep_hours: 24,
    };
    stores.exports.create(&new).await.unwrap();
    let begun = Timestamp::now() - SignedDuration::from_secs(58);
    let held = stores.exports.take(begun).await.unwrap().unwrap();
    let digest = stores.blobs.put("half a file".into()).await.unwrap();
    stores.exports.add_part(&held, 0, ExportPart { digest, bytes: 11 }).await.unwrap();
    deployment.start_process(name, role, &[]).await;
    let admin = deployment.admin();
    let done = ended(&admin, &format!("exp_{}", new.id.simple())).await;
    assert_eq!(done["state"], "DONE", "{done}");
    verify_download(deployment, &admin, &done).await;
    let content = ExportContent { events: 0, head: Position(0), digest: Digest::of(b"") };
    let late = stores.exports.finish(&held, content, Timestamp::now()).await;
    assert!(matches!(late, Err(ExportsError::LeaseLost(_))), "{late:?}");
}

async fn start(api: &Api, input: Value) -> Value {
    api.data(EXPORT, json!({ "input": input })).await["exportAudit"].take()
}

async fn ended(api: &Api, id: &str) -> Value {
    until("the export has ended", async || {
        let export = api.data(ASK, json!({ "id": id })).await["node"].take();
        export["endedAt"].is_string().then_some(export)
    })
    .await
}

async fn get(api: &Api, path: &str) -> reqwest::Response {
    let url = api.client().endpoint(path).unwrap();
    let mut request = reqwest::Client::new().get(url);
    if let Some(token) = api.token() {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

/// Downloads the file, and verifies it with only the public key.
async fn verify_download(deployment: &Deployment, api: &Api, export: &Value) {
    let response = get(api, export["url"].as_str().unwrap()).await;
    assert_eq!(response.status(), 200);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("cache-control"), "no-store");
    assert!(header("content-disposition").starts_with("attachment"));
    let length: f64 = header("content-length").parse().unwrap();
    assert_eq!(Some(length), export["bytes"].as_f64());
    let bytes = response.bytes().await.unwrap();
    assert_eq!(bytes.len() as f64, length);
    assert_eq!(Digest::of(&bytes).to_string(), export["sha256"].as_str().unwrap());
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("export.zip"), &bytes).unwrap();
    let key = deployment.cli(&["keys", "show"]);
    let key = String::from_utf8(key.stdout).unwrap();
    let verify = ["audit", "verify", "export.zip", "--key", key.trim()];
    let verified = assay_command(elsewhere.path(), &verify).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}
