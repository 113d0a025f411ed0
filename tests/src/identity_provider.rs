//! An identity provider: discovery, keys and tokens of OpenID Connect. Tests are its users, and can
//! make it answer wrongly.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;
use uuid::Uuid;

/// Our id at the provider.
pub const CLIENT_ID: &str = "assay";
/// Our secret at the provider.
pub const CLIENT_SECRET: &str = "between us";
/// How long tokens last, in seconds.
const LIFETIME_S: i64 = 300;

/// A running provider. Dropping it ends it.
#[derive(Debug)]
pub struct IdentityProvider {
    shared: Arc<Shared>,
    running: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    issuer: String,
    key: EcdsaKeyPair,
    state: Mutex<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    /// What the token for each code says, and the challenge of its request.
    codes: BTreeMap<String, (Value, String)>,
    is_down: bool,
}

impl IdentityProvider {
    /// Starts a provider on any free port.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address: SocketAddr = listener.local_addr().expect("it listens");
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).expect("a key");
        let issuer = format!("http://{address}");
        let shared = Arc::new(Shared { issuer, key, state: Mutex::default() });
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&shared));
        let running = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("it serves until it is dropped");
        });
        Self { shared, running }
    }

    /// The issuer's URL.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// Answers every request with 503, or works again.
    pub fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// Somebody with these claims signs in at the address that Assay redirected to. `change` may
    /// spoil the token. Returns the query of the redirect back.
    ///
    /// # Panics
    /// If the address is not a request to this provider.
    pub fn sign_in(&self, address: &Url, claims: &Value, change: impl Fn(&mut Value)) -> String {
        assert!(address.as_str().starts_with(&format!("{}/authorize?", self.issuer())));
        let query: BTreeMap<String, String> = address.query_pairs().into_owned().collect();
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], CLIENT_ID);
        assert_eq!(query["code_challenge_method"], "S256");
        assert!(query["scope"].split(' ').any(|scope| scope == "openid"), "{query:?}");
        let now_s = Timestamp::now().as_second();
        let mut token = json!({
            "iss": self.issuer(), "aud": CLIENT_ID, "nonce": query["nonce"],
            "iat": now_s, "exp": now_s + LIFETIME_S,
        });
        let fields = token.as_object_mut().expect("an object");
        fields.extend(claims.as_object().expect("an object").clone());
        change(&mut token);
        let code = Uuid::new_v4().simple().to_string();
        let challenge = query["code_challenge"].clone();
        self.state().codes.insert(code.clone(), (token, challenge));
        format!("state={}&code={code}", query["state"])
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.shared.state.lock().expect("nothing panics while it holds the lock")
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Shared {
    fn is_down(&self) -> bool {
        self.state.lock().expect("nothing panics while it holds the lock").is_down
    }

    fn signed(&self, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({ "alg": "ES256", "kid": "1", "typ": "JWT" });
        let content = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), content.as_bytes());
        let signature = signature.expect("the key signs");
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    if shared.is_down() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let issuer = &shared.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
    .into_response()
}

async fn keys(State(shared): State<Arc<Shared>>) -> Json<Value> {
    // The public key is a byte and two numbers of 32 bytes.
    let (x, y) = shared.key.public_key().as_ref()[1..].split_at(32);
    let encode = |bytes| URL_SAFE_NO_PAD.encode(bytes);
    Json(json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "alg": "ES256",
        "x": encode(x), "y": encode(y),
    }] }))
}

async fn token(
    State(shared): State<Arc<Shared>>,
    headers: axum::http::HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    if shared.is_down() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let refused =
        || (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    if !headers.contains_key("authorization") {
        return refused();
    }
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let mut state = shared.state.lock().expect("nothing panics while it holds the lock");
    let Some((claims, challenge)) = state.codes.remove(field("code")) else { return refused() };
    drop(state);
    if URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier"))) != challenge {
        return refused();
    }
    Json(json!({
        "access_token": "unused", "token_type": "Bearer", "id_token": shared.signed(&claims),
    }))
    .into_response()
}
