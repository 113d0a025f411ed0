//! Access tokens and what they allow.

use event_store::{Scope, TokenKind, TokenRecord};
use jiff::{SignedDuration, Timestamp};
use query_api::Secret;
use serde_json::{Value, json};
use tests::api::{Api, submission};
use uuid::Uuid;

use super::World;

const CREATE: &str = "mutation($input: AccessTokenInput!) {
    createAccessToken(input: $input) {
        secret accessToken { id name scopes expiresAt } userErrors { code field }
    }
}";
const WHO: &str = "{ viewer { login } }";

pub(super) async fn tokens(world: &World) {
    let made = create(&world.ada, json!({ "name": "reads", "scopes": ["read"] })).await;
    let reader = world.ada.with_token(made["secret"].as_str().unwrap());
    assert_eq!(reader.data(WHO, json!({})).await["viewer"]["login"], "ada");
    let refused = reader.submit("sum", "python3", "print(3)").await;
    assert_eq!(refused["userErrors"][0]["code"], "FORBIDDEN");
    let refused = create(&reader, json!({ "name": "more", "scopes": ["full"] })).await;
    assert_eq!(
        refused["userErrors"][0]["code"], "FORBIDDEN",
        "a token does not make a stronger one"
    );

    let made_to_submit = json!({ "name": "submits", "scopes": ["submit"], "expiresInDays": 1 });
    let made_to_submit = create(&world.ada, made_to_submit).await;
    assert!(made_to_submit["accessToken"]["expiresAt"].is_string());
    let submitter = world.ada.with_token(made_to_submit["secret"].as_str().unwrap());
    let payload = submitter.submit_input(submission("sum", "python3", "print(3)")).await;
    assert!(payload["submission"]["id"].is_string(), "{payload}");

    let listed = world.ada.data("{ viewer { accessTokens { name scopes } } }", json!({})).await;
    let names: Vec<_> =
        listed["viewer"]["accessTokens"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert!(names.contains(&&json!("reads")) && names.contains(&&json!("submits")), "{names:?}");
    let others = "{ user(login: \"ada\") { accessTokens { name } sessions { client } } }";
    let others = world.deployment.admin().data(others, json!({})).await;
    assert_eq!(others["user"], json!({ "accessTokens": [], "sessions": [] }));

    let revoke = "mutation($id: ID!) { revokeAccessToken(id: $id) { userErrors { code } } }";
    let id = json!({ "id": made["accessToken"]["id"] });
    let by_other = world.bob.data(revoke, id.clone()).await;
    assert_eq!(by_other["revokeAccessToken"]["userErrors"], json!([{ "code": "NOT_FOUND" }]));
    let by_owner = world.ada.data(revoke, id).await;
    assert_eq!(by_owner["revokeAccessToken"]["userErrors"], json!([]));
    assert_refused(&reader).await;
    assert_refused(&world.ada.with_token(&expired(world).await)).await;
    assert_refused(&world.ada.with_token("assay_made-up")).await;
}

async fn create(api: &Api, input: Value) -> Value {
    api.data(CREATE, json!({ "input": input })).await["createAccessToken"].take()
}

async fn assert_refused(api: &Api) {
    let refused = api.ask(WHO, json!({})).await;
    assert_eq!((refused.status, refused.code()), (401, "UNAUTHENTICATED"));
}

/// A token of ada's that ended a second ago, put where tokens are kept.
async fn expired(world: &World) -> String {
    let stores = world.deployment.stores().await;
    let login: domain::Login = "ada".parse().unwrap();
    let stream = domain::StreamId::Account(login.clone());
    let events = event_store::read_stream_whole(stores.log.as_ref(), &stream).await.unwrap();
    let domain::Event::AccountRegistered(registered) = &events[0].event else {
        panic!("{events:?}")
    };
    let secret = Secret(format!("assay_{}", Uuid::new_v4().simple()));
    let now = Timestamp::now();
    let record = TokenRecord {
        id: Uuid::new_v4(),
        hash: secret.hash(),
        subject: registered.subject,
        login,
        kind: TokenKind::Access,
        name: "old".to_owned(),
        scopes: vec![Scope::Full],
        created_at: now - SignedDuration::from_hours(1),
        last_used_at: None,
        expires_at: Some(now - SignedDuration::from_secs(1)),
    };
    stores.credentials.put_token(&record).await.unwrap();
    secret.0
}
