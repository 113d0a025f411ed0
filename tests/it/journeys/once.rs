//! Repeated requests, and reading what was just written.

use serde_json::{Value, json};
use tests::api::{Api, submission};
use tests::log::events_of;

use super::World;

/// How many times two clients submit concurrently.
const ROUNDS: usize = 20;

pub(super) async fn the_same_key_is_one_submission(world: &World) {
    let log = world.deployment.stores().await.log;
    for round in 0..ROUNDS {
        let mut input = submission("sum", "python3", "print(3)");
        input["idempotencyKey"] = json!(format!("round {round}"));
        let at_once = [(); 2].map(|()| {
            let (api, input) = (world.bob.clone(), input.clone());
            tokio::spawn(async move { api.submit_input(input).await })
        });
        let [one, other] = at_once;
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        let id = one["submission"]["id"].as_str().unwrap_or_else(|| panic!("{one}"));
        assert_eq!(other["submission"]["id"], id, "round {round}");
        assert_eq!(one["submission"]["number"], other["submission"]["number"]);
        assert_ne!(one["replayed"], other["replayed"], "one of them was first: {one} {other}");
        let events = events_of(&log, id).await;
        let received = events.iter().filter(|it| it.event.kind() == "SubmissionReceived").count();
        assert_eq!(received, 1);

        let again = world.bob.submit_input(input.clone()).await;
        assert_eq!((&again["submission"]["id"], &again["replayed"]), (&json!(id), &json!(true)));
        input["source"] = json!("print(4)");
        let other_body = world.bob.submit_input(input.clone()).await;
        assert_eq!(other_body["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED");
        assert_eq!(other_body["token"], Value::Null);
    }
    // Keys of different authors are independent.
    let mut input = submission("sum", "python3", "print(5)");
    input["idempotencyKey"] = json!("round 0");
    assert_eq!(world.ada.submit_input(input).await["replayed"], false);
}

/// Retries of everything else that creates something.
pub(super) async fn what_exists_is_not_created_again(world: &World) {
    let create = "mutation($input: AccessTokenInput!) { createAccessToken(input: $input) {
        secret replayed accessToken { id } userErrors { code field } } }";
    let input =
        json!({ "name": "CI", "scopes": ["read"], "expiresInDays": 7, "idempotencyKey": "k" });
    retried(&world.bob, create, "createAccessToken", input, ("name", json!("other"))).await;

    let create = "mutation($input: CreateWebhookInput!) { createWebhook(input: $input) {
        secret replayed id userErrors { code field } } }";
    let types = json!(["RejudgeReverted"]);
    let input = json!({ "url": "https://1.1.1.1/", "types": types, "idempotencyKey": "k" });
    let other = ("url", json!("https://1.1.1.1/other"));
    let admin = world.deployment.admin();
    let id = retried(&admin, create, "createWebhook", input, other).await["id"].take();
    let remove = "mutation($id: ID!) { removeWebhook(id: $id) { userErrors { code } } }";
    let removed = admin.data(remove, json!({ "id": id })).await["removeWebhook"].take();
    assert_eq!(removed["userErrors"], json!([]));

    let register = "mutation($input: RegisterInput!) { register(input: $input) {
        accessToken replayed user { login } userErrors { code } } }";
    let mut input =
        json!({ "login": "carl", "email": "carl@example.org", "password": "battery staple" });
    for replayed in [false, true] {
        let api = world.deployment.api();
        let payload = api.data(register, json!({ "input": input })).await["register"].take();
        assert_eq!(payload["replayed"], replayed, "{payload}");
        assert_eq!(payload["user"]["login"], "carl");
        let carl = api.with_token(payload["accessToken"].as_str().unwrap());
        assert_eq!(carl.data("{ viewer { login } }", json!({})).await["viewer"]["login"], "carl");
    }
    for (field, value) in [("password", "correct horse"), ("email", "bob@example.org")] {
        let right = input[field].take();
        input[field] = json!(value);
        let payload = world.ada.data(register, json!({ "input": input })).await["register"].take();
        assert_eq!(payload["userErrors"], json!([{ "code": "TAKEN" }]));
        assert_eq!(payload["accessToken"], Value::Null);
        input[field] = right;
    }
}

/// Creates once, again, and with another value of one field. Returns the second answer.
async fn retried(
    api: &Api,
    mutation: &str,
    field: &str,
    mut input: Value,
    other: (&str, Value),
) -> Value {
    let ask =
        async |input: &Value| api.data(mutation, json!({ "input": input })).await[field].take();
    let mut first = ask(&input).await;
    assert!(first["secret"].is_string() && first["replayed"] == false, "{first}");
    let again = ask(&input).await;
    first["secret"] = Value::Null;
    first["replayed"] = json!(true);
    assert_eq!(again, first, "the same without its secret");
    let name = other.0;
    input[name] = other.1;
    let reused = ask(&input).await;
    let error = json!({ "code": "IDEMPOTENCY_KEY_REUSED", "field": ["input", "idempotencyKey"] });
    assert_eq!(reused["userErrors"], json!([error]));
    assert_eq!((&reused["secret"], &reused["replayed"]), (&Value::Null, &json!(false)));
    again
}

pub(super) async fn a_token_waits_for_the_write(world: &World) {
    let ask = "query($id: ID!) { submission(id: $id) { id source } }";
    for round in 0..ROUNDS {
        let source = format!("print({round})");
        let payload = world.bob.submit("sum", "python3", &source).await;
        let (id, token) = (&payload["submission"]["id"], &payload["token"]);
        let seen = world.bob.data_after(token, ask, json!({ "id": id })).await;
        assert_eq!(seen["submission"], json!({ "id": id, "source": source }));
    }
    let far = after(&world.bob, "999999999").await;
    assert_eq!(far, (400, "BAD_USER_INPUT".to_owned()));
    let malformed = after(&world.bob, "soon").await;
    assert_eq!(malformed, (400, "BAD_USER_INPUT".to_owned()));
}

async fn after(api: &Api, token: &str) -> (u16, String) {
    let extensions = json!({ "assay": { "after": token } });
    let answer = api.post(&json!({ "query": "{ tags { slug } }", "extensions": extensions })).await;
    (answer.status, answer.code().to_owned())
}
