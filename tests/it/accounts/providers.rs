//! Signing in with an identity provider.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::api::Api;
use tests::deployment::{Deployment, Stack};
use tests::identity_provider::{CLIENT_ID, CLIENT_SECRET, IdentityProvider};
use url::Url;

use super::{PASSWORD, assert_errors, is_signed_in, with_session};

const VERIFIER: &str = "a long random text that only this app knows";

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_provider_on_embedded_stores() {
    journey(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_provider_on_redis_and_mongodb() {
    journey(Stack::Cluster).await;
}

async fn journey(stack: Stack) {
    let world = World::start(stack).await;
    let ada = world.the_first_sign_in_registers_an_account().await;
    world.wrong_answers_sign_nobody_in().await;
    world.codes_work_once_and_for_one_app().await;
    world.identities_are_linked_and_unlinked(&ada).await;
    world.a_provider_that_is_down_is_unavailable().await;
}

struct World {
    deployment: Deployment,
    provider: IdentityProvider,
    browser: reqwest::Client,
}

impl World {
    async fn start(stack: Stack) -> Self {
        let provider = IdentityProvider::start().await;
        let settings = [
            ("accounts.public_url", "http://judge.example"),
            ("accounts.return_to", "http://judge.example/signed-in"),
            ("oidc.school.issuer", provider.issuer()),
            ("oidc.school.client_id", CLIENT_ID),
            ("oidc.school.client_secret", CLIENT_SECRET),
            ("oidc.school.scopes", r#"["profile", "email"]"#),
            ("oidc.school.register", "true"),
            // The same provider for people who have an account.
            ("oidc.staff.issuer", provider.issuer()),
            ("oidc.staff.client_id", CLIENT_ID),
            ("oidc.staff.client_secret", CLIENT_SECRET),
        ];
        let deployment = Deployment::start_with(stack, &settings).await;
        let browser = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        Self { deployment, provider, browser }
    }

    /// Visits an address of Assay, and returns the address that it leads to.
    async fn visit(&self, path: &str) -> Url {
        let address = self.deployment.address().join(path).unwrap();
        let answer = self.browser.get(address).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 303, "{path}");
        answer.headers()["location"].to_str().unwrap().parse().unwrap()
    }

    async fn begin(&self, provider: &str) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        self.visit(&format!("/auth/oidc/{provider}?challenge={challenge}")).await
    }

    /// What the app learns of somebody who signed in at the provider: `code=…` or `error=…`.
    async fn outcome(&self, provider: &str, claims: &Value, change: impl Fn(&mut Value)) -> String {
        let address = self.begin(provider).await;
        let query = self.provider.sign_in(&address, claims, change);
        let page = self.visit(&format!("/auth/oidc/{provider}/callback?{query}")).await;
        assert!(page.as_str().starts_with("http://judge.example/signed-in#"), "{page}");
        page.fragment().unwrap().to_owned()
    }

    async fn code(&self, provider: &str, claims: &Value) -> String {
        let outcome = self.outcome(provider, claims, |_| ()).await;
        outcome.strip_prefix("code=").unwrap_or_else(|| panic!("{outcome}")).to_owned()
    }

    async fn sign_in_with(&self, code: &str, verifier: &str) -> Value {
        let query = "mutation($code: String!, $verifier: String!) {
            signInWithCode(code: $code, verifier: $verifier, client: \"a browser\") {
                accessToken refreshToken user { login name email } userErrors { code field }
            }
        }";
        let variables = json!({ "code": code, "verifier": verifier });
        self.deployment.api().data(query, variables).await["signInWithCode"].take()
    }

    async fn sign_in(&self, provider: &str, claims: &Value) -> Value {
        self.sign_in_with(&self.code(provider, claims).await, VERIFIER).await
    }

    async fn the_first_sign_in_registers_an_account(&self) -> Api {
        self.deployment.register("ada").await;
        let ada = json!({
            "sub": "1", "preferred_username": "Ada", "name": "Ada L.",
            "email": "ada@school.example", "email_verified": true,
        });
        let first = self.sign_in("school", &ada).await;
        assert_errors(&first, &[]);
        let user = json!({ "login": "ada-2", "name": "Ada L.", "email": null });
        // The session of the payload is not the one that asked.
        assert_eq!(first["user"], user);
        let api = with_session(&self.deployment.api(), &first);
        let own = api.data("{ viewer { login email roles } }", json!({})).await["viewer"].take();
        let expected =
            json!({ "login": "ada-2", "email": "ada@school.example", "roles": ["USER"] });
        assert_eq!(own, expected);
        // Later it signs in to the same account, even if everything but the id is different.
        let again = self.sign_in("school", &json!({ "sub": "1", "name": "Eve" })).await;
        assert_eq!(again["user"], user);
        // An address that is not verified says nothing, and never leads to an account.
        let eve = json!({ "sub": "2", "email": "ada@example.org", "preferred_username": "数独" });
        let eve = self.sign_in("school", &eve).await;
        assert_eq!(eve["user"]["login"], "user");
        let eve = with_session(&api, &eve);
        let email = eve.data("{ viewer { email } }", json!({})).await["viewer"]["email"].take();
        assert_eq!(email, Value::Null);
        let refused = self.sign_in("staff", &json!({ "sub": "3" })).await;
        assert_errors(&refused, &["NOT_FOUND"]);
        api
    }

    async fn wrong_answers_sign_nobody_in(&self) {
        let ada = json!({ "sub": "1" });
        let now_s = jiff::Timestamp::now().as_second();
        let spoiled: [(&str, &str, Value); 6] = [
            ("nonce", "another request's", json!("x")),
            ("aud", "another app's", json!("another")),
            ("iss", "another issuer's", json!("https://id.example")),
            ("exp", "expired", json!(now_s - 120)),
            ("iat", "from the future", json!(now_s + 300)),
            ("nonce", "without a nonce", Value::Null),
        ];
        for (field, what, value) in spoiled {
            let change = |token: &mut Value| token[field] = value.clone();
            let outcome = self.outcome("school", &ada, change).await;
            assert_eq!(outcome, "error=UNAUTHENTICATED", "{what}");
        }
        // The provider's clock may be a minute off.
        for (field, value) in [("exp", now_s - 30), ("iat", now_s + 30)] {
            let change = |token: &mut Value| token[field] = json!(value);
            let outcome = self.outcome("school", &ada, change).await;
            assert!(outcome.starts_with("code="), "{field}: {outcome}");
        }
        // An answer to no request, to another provider's, and a second one to the same.
        let made_up = self.visit("/auth/oidc/school/callback?state=x&code=y").await;
        assert_eq!(made_up.fragment(), Some("error=UNAUTHENTICATED"));
        let query = self.provider.sign_in(&self.begin("school").await, &ada, |_| ());
        let elsewhere = self.visit(&format!("/auth/oidc/staff/callback?{query}")).await;
        assert_eq!(elsewhere.fragment(), Some("error=UNAUTHENTICATED"));
        let query = self.provider.sign_in(&self.begin("school").await, &ada, |_| ());
        let callback = format!("/auth/oidc/school/callback?{query}");
        assert!(self.visit(&callback).await.fragment().unwrap().starts_with("code="));
        assert_eq!(self.visit(&callback).await.fragment(), Some("error=UNAUTHENTICATED"));
        // Somebody who cancels at the provider.
        let query = self.provider.sign_in(&self.begin("school").await, &ada, |_| ());
        let state = query.split('&').next().unwrap();
        let cancelled = format!("/auth/oidc/school/callback?{state}&error=access_denied");
        assert_eq!(self.visit(&cancelled).await.fragment(), Some("error=FORBIDDEN"));
        // Addresses that are none.
        for (path, status) in [("school", 400), ("school?challenge=short", 400), ("none", 404)] {
            let address = self.deployment.address().join(&format!("/auth/oidc/{path}")).unwrap();
            let answer = self.browser.get(address).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{path}");
        }
    }

    async fn codes_work_once_and_for_one_app(&self) {
        let ada = json!({ "sub": "1" });
        let code = self.code("school", &ada).await;
        let expired = &["EXPIRED code"];
        assert_errors(&self.sign_in_with("a guess", VERIFIER).await, expired);
        assert_errors(&self.sign_in_with(&code, VERIFIER).await, &[]);
        assert_errors(&self.sign_in_with(&code, VERIFIER).await, expired);
        // Somebody who saw the code cannot use it, and has no second guess.
        let code = self.code("school", &ada).await;
        assert_errors(&self.sign_in_with(&code, "a guess").await, expired);
        assert_errors(&self.sign_in_with(&code, VERIFIER).await, expired);
    }

    async fn identities_are_linked_and_unlinked(&self, ada: &Api) {
        let link_with = async |api: &Api, code: &str, password: Option<&str>| {
            let query = "mutation($code: String!, $verifier: String!, $password: String) {
                linkIdentity(code: $code, verifier: $verifier, password: $password) {
                    identity { id provider } userErrors { code field }
                }
            }";
            let variables = json!({ "code": code, "verifier": VERIFIER, "password": password });
            api.data(query, variables).await["linkIdentity"].take()
        };
        let link = async |api: &Api, code: &str| link_with(api, code, Some(PASSWORD)).await;
        let unlink = async |api: &Api, id: &Value| {
            let query = "mutation($id: ID!) {
                unlinkIdentity(id: $id) { userErrors { code field } }
            }";
            api.data(query, json!({ "id": id })).await["unlinkIdentity"].take()
        };
        let bob = self.deployment.register("bob").await;
        let claims = json!({ "sub": "3" });
        // A token alone does not link an identity, and a wrong password does not use the code up.
        let code = self.code("staff", &claims).await;
        for password in [None, Some("a guess")] {
            let refused = link_with(&bob, &code, password).await;
            assert_errors(&refused, &["BAD_CREDENTIALS password"]);
        }
        let linked = link(&bob, &code).await;
        assert_eq!(linked["identity"]["provider"], "staff", "{linked}");
        assert_eq!(self.sign_in("staff", &claims).await["user"]["login"], "bob");
        let again = link(&bob, &self.code("staff", &claims).await).await;
        assert_eq!(again["identity"], linked["identity"]);
        assert_errors(&link(ada, &self.code("staff", &claims).await).await, &["TAKEN"]);

        let list = "{ viewer { identities { id provider } } }";
        let listed = bob.data(list, json!({})).await["viewer"]["identities"].take();
        assert_eq!(listed, json!([linked["identity"]]));
        let others = "{ user(login: \"bob\") { identities { id } } }";
        let others = self.deployment.admin().data(others, json!({})).await;
        assert_eq!(others["user"]["identities"], json!([]));

        let id = &linked["identity"]["id"];
        assert_errors(&unlink(ada, id).await, &["NOT_FOUND id"]);
        assert_errors(&unlink(&bob, id).await, &[]);
        assert_errors(&self.sign_in("staff", &claims).await, &["NOT_FOUND"]);

        // ada-2 has no password, so that its only identity stays until it has one.
        let own = ada.data(list, json!({})).await["viewer"]["identities"].take();
        let id = &own[0]["id"];
        assert_errors(&unlink(ada, id).await, &["FORBIDDEN id"]);
        assert_eq!(self.sign_in("school", &json!({ "sub": "1" })).await["user"]["login"], "ada-2");
        let code = self.code("school", &json!({ "sub": "1" })).await;
        let set = "mutation($new: String!) {
            changePassword(new: $new) { userErrors { code } }
        }";
        let set = ada.data(set, json!({ "new": PASSWORD })).await["changePassword"].take();
        assert_errors(&set, &[]);
        // A new password ends sign-ins that have begun, which may be a thief's.
        assert_errors(&self.sign_in_with(&code, VERIFIER).await, &["EXPIRED code"]);
        assert_errors(&unlink(ada, id).await, &[]);
        assert!(is_signed_in(ada).await);
    }

    async fn a_provider_that_is_down_is_unavailable(&self) {
        let address = self.begin("school").await;
        let query = self.provider.sign_in(&address, &json!({ "sub": "1" }), |_| ());
        self.provider.set_down(true);
        let page = self.visit(&format!("/auth/oidc/school/callback?{query}")).await;
        assert_eq!(page.fragment(), Some("error=UNAVAILABLE"));
        let api = self.deployment.api();
        let options = "{ signInOptions { registration providers { name path } } }";
        let options = api.data(options, json!({})).await["signInOptions"].take();
        let providers = json!([
            { "name": "school", "path": "/auth/oidc/school" },
            { "name": "staff", "path": "/auth/oidc/staff" },
        ]);
        assert_eq!(options, json!({ "registration": "OPEN", "providers": providers }));
        self.provider.set_down(false);
        let code = self.code("school", &json!({ "sub": "1" })).await;
        assert_errors(&self.sign_in_with(&code, VERIFIER).await, &[]);
    }
}
