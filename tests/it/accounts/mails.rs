//! New passwords by mail.

use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{ALL, Deployment, Stack};
use tests::smtp_server::{Mail, SmtpServer};
use tests::waiting::until_true;

use super::{PASSWORD, assert_errors, is_signed_in, sign_in, with_session};

const NEW_PASSWORD: &str = "battery staple";

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_reset_by_mail_on_embedded_stores() {
    journey(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_reset_by_mail_on_redis_and_mongodb() {
    journey(Stack::Cluster).await;
}

async fn request(api: &Api, account: &str) -> Value {
    let query = "mutation($account: String!) {
        requestPasswordReset(account: $account) { userErrors { code field } }
    }";
    let data = api.anonymous().data(query, json!({ "account": account })).await;
    data["requestPasswordReset"].clone()
}

async fn reset(api: &Api, token: &str, password: &str) -> Value {
    let query = "mutation($token: String!, $password: String!) {
        resetPassword(token: $token, password: $password) { userErrors { code field } }
    }";
    let variables = json!({ "token": token, "password": password });
    api.anonymous().data(query, variables).await["resetPassword"].take()
}

/// The token in a mail.
fn token(mail: &Mail) -> String {
    let (_, rest) = mail.text.split_once("https://judge.example/reset#").expect("an address");
    rest.lines().next().unwrap().trim().to_owned()
}

async fn journey(stack: Stack) {
    let server = SmtpServer::start().await;
    let url = server.url();
    let settings = [
        ("mail.smtp", url.as_str()),
        ("mail.from", "Assay <assay@judge.example>"),
        ("mail.reset_url", "https://judge.example/reset#{token}"),
    ];
    let deployment = Deployment::start_with(stack, &settings).await;
    let api = deployment.api();
    let ada = deployment.register("ada").await;
    let options = api.data("{ signInOptions { passwordReset } }", json!({})).await;
    assert_eq!(options["signInOptions"]["passwordReset"], true);

    // The answers are the same for accounts that exist and others. Mails that are refused for a
    // while are sent again.
    server.refuse(1);
    for account in ["nobody", "nobody@example.org", "admin", "ada"] {
        assert_errors(&request(&api, account).await, &[]);
    }
    assert_errors(&request(&api, " ").await, &["INVALID account"]);
    let by_login = server.received(1).await.remove(0);
    assert_eq!(
        (by_login.from.as_str(), by_login.to.as_str()),
        ("assay@judge.example", "ada@example.org")
    );
    assert!(by_login.text.contains("the account ada."), "{by_login:?}");
    let is_known = "{ user(login: \"ada\") { login } }";
    until_true("the account is in the views", async || {
        api.data(is_known, json!({})).await["user"].is_object()
    })
    .await;
    assert_errors(&request(&api, "ada@example.org").await, &[]);
    let mails = server.received(2).await;
    assert_eq!(mails.len(), 2, "nobody else got a mail: {mails:?}");
    let (first, second) = (token(&mails[0]), token(&mails[1]));
    // An account gets two mails per minute at most.
    assert_errors(&request(&api, "ada").await, &[]);

    assert_errors(&reset(&api, &first, "short").await, &["INVALID password"]);
    assert_errors(&reset(&api, "a guess", NEW_PASSWORD).await, &["EXPIRED token"]);
    assert_errors(&reset(&api, &first, NEW_PASSWORD).await, &[]);
    assert!(!is_signed_in(&ada).await, "all sessions are ended");
    assert_errors(&sign_in(&api, "ada", PASSWORD).await, &["BAD_CREDENTIALS"]);
    let ada = with_session(&api, &sign_in(&api, "ada", NEW_PASSWORD).await);
    assert!(is_signed_in(&ada).await);
    // The token is used up, and so is the other one that was sent.
    for token in [first, second] {
        assert_errors(&reset(&api, &token, PASSWORD).await, &["EXPIRED token"]);
    }
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_gone_changes_no_answer() {
    let server = SmtpServer::start().await;
    let url = server.url();
    drop(server);
    let settings = [
        ("mail.smtp", url.as_str()),
        ("mail.from", "assay@judge.example"),
        ("mail.reset_url", "https://judge.example/reset#{token}"),
    ];
    let deployment = Deployment::start_with(Stack::Embedded, &settings).await;
    let ada = deployment.register("ada").await;
    for account in ["ada", "nobody"] {
        assert_errors(&request(&ada, account).await, &[]);
    }
    until_true("the failure is logged", async || {
        deployment.said(ALL).contains("sending a mail failed")
    })
    .await;
    let said = deployment.said(ALL);
    assert!(!said.contains("example.org") && !said.contains("reset#"), "{said}");
    assert!(is_signed_in(&ada).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_there_are_no_resets() {
    let deployment = Deployment::start(Stack::Embedded).await;
    assert_errors(&request(&deployment.api(), "admin").await, &["FORBIDDEN"]);
}
