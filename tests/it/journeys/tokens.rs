//! Access tokens and their scopes.

use event_store::{Scope, TokenKind, TokenRecord};
use futures::StreamExt;
use graphql::Secret;
use jiff::{SignedDuration, Timestamp};
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
    a_token_that_submits_shows_what_came_of_it_and_nothing_else(world).await;
    a_lesser_token_ends_itself_alone(world).await;
}

async fn a_token_that_submits_shows_what_came_of_it_and_nothing_else(world: &World) {
    let theirs = world.ada.submitted("sum", "python3", "print(3)").await;
    let admin = world.deployment.admin();
    let made = create(&admin, json!({ "name": "CI", "scopes": ["submit"] })).await;
    let submitter = admin.with_token(made["secret"].as_str().unwrap());
    let program = "print(sum(map(int, input().split())))";
    let own = submitter.submitted("sum", "python3", program).await;
    assert_eq!(submitter.verdict(&own).await, "ACCEPTED");

    let ask = "query($own: ID!, $theirs: ID!) {
        audit { events(first: 1) { nodes { position } } }
        own: submission(id: $own) { source }
        theirs: submission(id: $theirs) { source }
        submissions(filter: { author: \"ada\" }) { totalCount }
        user(login: \"ada\") { email }
        viewer { sessions { client } accessTokens { name } }
        webhooks { url }
    }";
    world.deployment.projected().await;
    let seen = submitter.data(ask, json!({ "own": own, "theirs": theirs })).await;
    let expected = json!({
        "audit": null, "own": { "source": program }, "theirs": null,
        "submissions": { "totalCount": 0 }, "user": { "email": null },
        "viewer": { "sessions": [], "accessTokens": [] }, "webhooks": [],
    });
    assert_eq!(seen, expected);
    let log = "subscription { auditEvents { cursor } }";
    match submitter.subscribe(log, json!({})).await.next().await {
        Some(Err(failure)) => assert!(failure.message.contains("FORBIDDEN"), "{failure}"),
        other => panic!("{other:?}"),
    }

    let made = create(&admin, json!({ "name": "looks", "scopes": ["read"] })).await;
    let reader = admin.with_token(made["secret"].as_str().unwrap());
    let seen = reader.data(ask, json!({ "own": own, "theirs": theirs })).await;
    assert_eq!(seen["theirs"]["source"], "print(3)");
    assert!(seen["audit"].is_object() && seen["user"]["email"].is_string(), "{seen}");
}

async fn a_lesser_token_ends_itself_alone(world: &World) {
    let made = create(&world.bob, json!({ "name": "found", "scopes": ["read", "submit"] })).await;
    let found = world.bob.with_token(made["secret"].as_str().unwrap());
    let logout = "mutation($id: ID) { logout(session: $id) { userErrors { code } } }";
    let revoke = "mutation($id: ID!) { revokeAccessToken(id: $id) { userErrors { code } } }";
    let sessions = world.bob.data("{ viewer { sessions { id } } }", json!({})).await;
    let other = json!({ "id": sessions["viewer"]["sessions"][0]["id"] });
    let refused = found.data(logout, other.clone()).await["logout"].take();
    assert_eq!(refused["userErrors"], json!([{ "code": "FORBIDDEN" }]));
    let another = create(&world.bob, json!({ "name": "more", "scopes": ["read"] })).await;
    let another = json!({ "id": another["accessToken"]["id"] });
    let refused = found.data(revoke, another).await["revokeAccessToken"].take();
    assert_eq!(refused["userErrors"], json!([{ "code": "FORBIDDEN" }]));
    // Each mutation takes the ids of its own kind of object.
    let mistaken = found.ask(revoke, other).await;
    assert_eq!(mistaken.code(), "BAD_USER_INPUT");
    assert!(mistaken.message().contains("is the id of a session"), "{mistaken:?}");
    assert_eq!(world.bob.data(WHO, json!({})).await["viewer"]["login"], "bob");
    let ended = found.data(logout, json!({})).await["logout"].take();
    assert_eq!(ended["userErrors"], json!([]));
    assert_refused(&found).await;
}

async fn create(api: &Api, input: Value) -> Value {
    api.data(CREATE, json!({ "input": input })).await["createAccessToken"].take()
}

async fn assert_refused(api: &Api) {
    let refused = api.ask(WHO, json!({})).await;
    assert_eq!((refused.status, refused.code()), (401, "UNAUTHENTICATED"));
}

/// A token of ada's that expired a second ago, inserted directly into the store.
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
        family: Uuid::nil(),
        rotated_at: None,
    };
    stores.credentials.put_token(&record).await.unwrap();
    secret.0
}
