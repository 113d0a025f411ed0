//! Passwords, profiles, and the end of an account.

use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::Deployment;

use super::{PASSWORD, assert_errors, is_signed_in, register, sign_in, with_session};

const NEW_PASSWORD: &str = "battery staple";
const CREATE_TOKEN: &str = "mutation($input: AccessTokenInput!) {
    createAccessToken(input: $input) { secret userErrors { code } }
}";

async fn access_token(api: &Api, scope: &str) -> Api {
    let input = json!({ "input": { "name": scope, "scopes": [scope] } });
    let payload = api.data(CREATE_TOKEN, input).await["createAccessToken"].take();
    api.with_token(payload["secret"].as_str().unwrap_or_else(|| panic!("{payload}")))
}

async fn change(api: &Api, current: Option<&str>, new: &str, tokens: bool) -> Value {
    let query = "mutation($current: String, $new: String!, $tokens: Boolean!) {
        changePassword(current: $current, new: $new, revokeAccessTokens: $tokens) {
            user { login } token userErrors { code field }
        }
    }";
    let variables = json!({ "current": current, "new": new, "tokens": tokens });
    api.data(query, variables).await["changePassword"].take()
}

pub(super) async fn a_password_is_changed(deployment: &Deployment) {
    let ada = register(deployment, "ada").await;
    let phone = with_session(&ada, &sign_in(&ada, "ada", PASSWORD).await);
    let script = access_token(&ada, "read").await;
    for (api, current, new, refusal) in [
        (&ada, Some("a guess 123"), NEW_PASSWORD, "BAD_CREDENTIALS current"),
        (&ada, None, NEW_PASSWORD, "BAD_CREDENTIALS current"),
        (&ada, Some(PASSWORD), "short", "INVALID new"),
        (&script, Some(PASSWORD), NEW_PASSWORD, "FORBIDDEN"),
    ] {
        assert_errors(&change(api, current, new, false).await, &[refusal]);
    }
    assert!(is_signed_in(&phone).await);

    let changed = change(&ada, Some(PASSWORD), NEW_PASSWORD, false).await;
    assert_errors(&changed, &[]);
    assert_eq!(changed["user"]["login"], "ada");
    assert!(is_signed_in(&ada).await && is_signed_in(&script).await);
    assert!(!is_signed_in(&phone).await);
    assert_errors(&sign_in(&ada, "ada", PASSWORD).await, &["BAD_CREDENTIALS"]);
    let phone = with_session(&ada, &sign_in(&ada, "ada", NEW_PASSWORD).await);

    assert_errors(&change(&phone, Some(NEW_PASSWORD), PASSWORD, true).await, &[]);
    assert!(is_signed_in(&phone).await);
    assert!(!is_signed_in(&ada).await && !is_signed_in(&script).await);
}

pub(super) async fn a_profile_is_changed(deployment: &Deployment) {
    let bob = register(deployment, "bob").await;
    let update = async |api: &Api, input: Value| {
        let query = "mutation($input: ProfileInput!) {
            updateProfile(input: $input) { user { name email } userErrors { code field } }
        }";
        api.data(query, json!({ "input": input })).await["updateProfile"].take()
    };
    let named = update(&bob, json!({ "name": "Bob" })).await;
    assert_eq!(named["user"], json!({ "name": "Bob", "email": "bob@example.org" }));
    let unchanged = update(&bob, json!({ "email": "bob@example.org" })).await;
    assert_errors(&unchanged, &[]);
    for (input, refusals) in [
        (json!({ "email": "b@example.org" }), &["BAD_CREDENTIALS input.password"][..]),
        (
            json!({ "email": "b@example.org", "password": "a guess 123" }),
            &["BAD_CREDENTIALS input.password"],
        ),
        (json!({ "email": "b", "name": "" }), &["INVALID input.name", "INVALID input.email"]),
    ] {
        assert_errors(&update(&bob, input).await, refusals);
    }
    let moved =
        update(&bob, json!({ "email": "b@example.org", "password": PASSWORD, "name": null })).await;
    assert_eq!(moved["user"], json!({ "name": null, "email": "b@example.org" }));
    let lesser = access_token(&bob, "read").await;
    assert_errors(&update(&lesser, json!({ "name": "Eve" })).await, &["FORBIDDEN"]);
}

pub(super) async fn accounts_are_erased(deployment: &Deployment) {
    let (eve, fay) = (register(deployment, "eve").await, register(deployment, "fay").await);
    let erase = async |api: &Api, password: Option<&str>, login: Option<&str>| {
        let query = "mutation($password: String, $login: String) {
            eraseAccount(password: $password, login: $login) {
                user { login erased name email roles } token userErrors { code field }
            }
        }";
        let variables = json!({ "password": password, "login": login });
        api.data(query, variables).await["eraseAccount"].take()
    };
    let admin = deployment.admin();
    for (api, password, login, refusal) in [
        (&eve, None, None, "BAD_CREDENTIALS password"),
        (&eve, Some("a guess 123"), None, "BAD_CREDENTIALS password"),
        (&eve, None, Some("eve"), "BAD_CREDENTIALS password"),
        (&eve, Some(PASSWORD), Some("fay"), "FORBIDDEN"),
        (&eve, Some(PASSWORD), Some("nobody"), "FORBIDDEN"),
        (&admin, None, None, "FORBIDDEN"),
        (&admin, None, Some("nobody"), "NOT_FOUND login"),
        (&admin, None, Some("no login"), "NOT_FOUND login"),
    ] {
        assert_errors(&erase(api, password, login).await, &[refusal]);
    }
    assert!(is_signed_in(&eve).await);

    let erased = json!({
        "login": "eve", "erased": true, "name": null, "email": null, "roles": [],
    });
    let own = erase(&eve, Some(PASSWORD), None).await;
    assert_eq!(own["user"], erased);
    assert!(own["token"].is_string());
    assert!(erase(&admin, None, Some("fay")).await["token"].is_string());
    assert_errors(&erase(&admin, None, Some("fay")).await, &[]);
    for login in ["eve", "fay"] {
        assert_errors(&sign_in(&admin, login, PASSWORD).await, &["BAD_CREDENTIALS"]);
    }
    assert!(!is_signed_in(&eve).await && !is_signed_in(&fay).await);
}
