//! What people do with their accounts, and administrators with others', on both stacks.

mod invitations;
mod lists;
mod mails;
mod passwords;
mod providers;
mod sessions;

use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, Stack};

/// The password of everybody that a test registers.
const PASSWORD: &str = "correct horse";

#[tokio::test(flavor = "multi_thread")]
async fn accounts_on_embedded_stores() {
    journey(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_on_redis_and_mongodb() {
    journey(Stack::Cluster).await;
}

async fn journey(stack: Stack) {
    let deployment =
        Deployment::start_with(stack, &[("accounts.registration", "invitation")]).await;
    invitations::only_the_invited_register(&deployment).await;
    passwords::a_password_is_changed(&deployment).await;
    passwords::a_profile_is_changed(&deployment).await;
    sessions::other_sessions_are_ended(&deployment).await;
    sessions::a_copied_refresh_token_ends_its_sign_in(&deployment).await;
    lists::roles_are_granted_and_revoked(&deployment).await;
    passwords::accounts_are_erased(&deployment).await;
    lists::administrators_list_accounts(&deployment).await;
}

/// Registers an account with a new invitation, and returns the API with its token.
async fn register(deployment: &Deployment, login: &str) -> Api {
    let invitation = invitations::create(deployment).await;
    let payload = invitations::register(&deployment.api(), login, Some(&invitation)).await;
    let token = payload["accessToken"].as_str().map(str::to_owned);
    deployment.api().with_token(&token.unwrap_or_else(|| panic!("not registered: {payload}")))
}

/// Signs in, and returns the payload.
async fn sign_in(api: &Api, login: &str, password: &str) -> Value {
    let query = "mutation($login: String!, $password: String!) {
        login(login: $login, password: $password) {
            accessToken refreshToken userErrors { code }
        }
    }";
    let variables = json!({ "login": login, "password": password });
    api.anonymous().data(query, variables).await["login"].take()
}

/// The API with the session of a payload.
fn with_session(api: &Api, payload: &Value) -> Api {
    let token = payload["accessToken"].as_str();
    api.with_token(token.unwrap_or_else(|| panic!("not signed in: {payload}")))
}

async fn is_signed_in(api: &Api) -> bool {
    let answer = api.ask("{ viewer { login } }", json!({})).await;
    if answer.status != 200 {
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"));
    }
    answer.status == 200
}

/// The codes and fields of a payload's errors.
fn errors(payload: &Value) -> Vec<(String, String)> {
    let errors = payload["userErrors"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let field = |error: &Value| {
        let names = error["field"].as_array().map(|it| it.iter().map(text).collect::<Vec<_>>());
        names.unwrap_or_default().join(".")
    };
    errors.map(|error| (text(&error["code"]), field(error))).collect()
}

/// Checks the errors of a payload, written as `CODE field`.
fn assert_errors(payload: &Value, expected: &[&str]) {
    let found: Vec<String> =
        errors(payload).into_iter().map(|(code, field)| format!("{code} {field}")).collect();
    let found: Vec<&str> = found.iter().map(|error| error.trim_end()).collect();
    assert_eq!(found, expected, "{payload}");
}
