//! A flood of sign-ins is refused, and does not keep others from signing in.

use futures::future::join_all;
use serde_json::{Value, json};
use tests::api::{Answer, Api};
use tests::deployment::{Deployment, Stack};

/// Sign-ins of the flood; the settings below allow a tenth of it.
const FLOOD: usize = 300;
/// Tries to sign in to one account, each from another network; the settings below allow half.
const TRIES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_sign_ins_is_refused_and_others_sign_in_meanwhile() {
    let deployment = Deployment::start_with(
        Stack::Embedded,
        &[
            ("http.trusted_proxies", r#"["127.0.0.0/8"]"#),
            ("limits.sign_ins_per_minute", "30"),
            ("limits.sign_ins_per_account_per_minute", "10"),
        ],
    )
    .await;
    deployment.register("ada").await;
    deployment.register("bob").await;

    let flooding = deployment.api().forwarded_for("203.0.113.7");
    let logins: Vec<String> = (0..FLOOD).map(|number| format!("nobody{number}")).collect();
    let flood = join_all(logins.iter().map(|login| sign_in(&flooding, login, "a wrong one")));
    let ada = deployment.api().forwarded_for("198.51.100.200");
    let (flood, ada) = tokio::join!(flood, sign_in(&ada, "ada", "correct horse"));
    assert!(ada.data()["login"]["accessToken"].is_string(), "ada is signed in");
    assert!(refused(&flood) > FLOOD / 2, "{}", refused(&flood));
    assert!(refused(&flood) < FLOOD, "all were refused");

    // An account is protected from many networks, and the answers do not say whether it exists.
    for login in ["bob", "absent"] {
        let networks = (0..TRIES).map(|number| format!("198.51.100.{number}"));
        let apis: Vec<Api> = networks.map(|it| deployment.api().forwarded_for(&it)).collect();
        let tries = join_all(apis.iter().map(|api| sign_in(api, login, "a wrong one"))).await;
        assert!((1..TRIES).contains(&refused(&tries)), "{login}: {}", refused(&tries));
    }
}

/// The number of sign-ins that were refused because there are too many. All others must have been
/// checked.
fn refused(answers: &[Answer]) -> usize {
    let is_refused = |answer: &&Answer| {
        let login = &answer.body["data"]["login"];
        if login["userErrors"][0]["code"] == "BAD_CREDENTIALS" {
            return false;
        }
        assert_eq!(answer.code(), "TOO_MANY", "{answer:?}");
        let seconds = answer.body["errors"][0]["extensions"]["retryAfter"].as_u64();
        assert!(seconds.is_some_and(|seconds| (1..=60).contains(&seconds)), "{answer:?}");
        true
    };
    answers.iter().filter(is_refused).count()
}

async fn sign_in(api: &Api, login: &str, password: &str) -> Answer {
    let sign_in = "mutation($login: String!, $password: String!) {
        login(login: $login, password: $password) { accessToken userErrors { code } }
    }";
    let variables: Value = json!({ "login": login, "password": password });
    api.ask(sign_in, variables).await
}
