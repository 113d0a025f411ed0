//! The addresses that browsers visit to sign in at an identity provider.
//!
//! `GET /auth/oidc/NAME?challenge=…` leads to the provider, whose answer comes to
//! `/auth/oidc/NAME/callback` and leads back to the app, with `#code=…` or `#error=…`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use event_store::{Ticket, TicketKind};
use graphql::{ApiError, Code, Secret};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use crate::commands::Commands;
use crate::oidc::{Pending, Provider, Providers};
use crate::sign_in_code::{SignInCode, is_challenge};
use crate::tokens::generate;

/// How long somebody may take to sign in at a provider.
const REQUEST_LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// Maximum number of sign-ins at providers that have begun.
const REQUESTS_MAX: u64 = 10_000;

type Connection = Option<Extension<ConnectInfo<SocketAddr>>>;

/// A sign-in at a provider that has begun.
#[derive(Serialize, Deserialize)]
struct Begun {
    provider: String,
    challenge: String,
    pending: Pending,
}

#[derive(Deserialize)]
struct Beginning {
    challenge: Option<String>,
}

#[derive(Deserialize)]
struct ProviderAnswer {
    state: Option<String>,
    code: Option<String>,
}

/// Serves the addresses, if there are providers.
pub fn oidc_routes(commands: Arc<Commands>) -> Router {
    Router::new()
        .route("/auth/oidc/{name}", get(begin))
        .route("/auth/oidc/{name}/callback", get(finish))
        .with_state(commands)
}

async fn begin(
    State(commands): State<Arc<Commands>>,
    Path(name): Path<String>,
    Query(Beginning { challenge }): Query<Beginning>,
    connection: Connection,
    headers: HeaderMap,
) -> Response {
    let Some((providers, provider)) = provider(&commands, &name) else { return absent() };
    let Some(challenge) = challenge.filter(|challenge| is_challenge(challenge)) else {
        let message = "challenge must be the SHA-256 of a secret of yours, in base64url";
        return ApiError::bad_input(message).into_response();
    };
    if let Err(error) = admit(&commands, connection, &headers) {
        return error.into_response();
    }
    match request(&commands, provider, challenge).await {
        Ok(address) => redirect(&address),
        Err(error) => redirect(&providers.page("error", error.code.as_str())),
    }
}

async fn finish(
    State(commands): State<Arc<Commands>>,
    Path(name): Path<String>,
    Query(answer): Query<ProviderAnswer>,
    connection: Connection,
    headers: HeaderMap,
) -> Response {
    let Some((providers, provider)) = provider(&commands, &name) else { return absent() };
    if let Err(error) = admit(&commands, connection, &headers) {
        return error.into_response();
    }
    redirect(&match signed_in(&commands, provider, answer).await {
        Ok(code) => providers.page("code", &code.0),
        Err(error) => providers.page("error", error.code.as_str()),
    })
}

/// Stores a sign-in that begins, and returns the provider's address for it.
async fn request(
    commands: &Commands,
    provider: &Provider,
    challenge: String,
) -> Result<Url, ApiError> {
    let (kind, created_at) = (TicketKind::ProviderRequest, Timestamp::now());
    if commands.credentials.count_tickets(kind, created_at).await? >= REQUESTS_MAX {
        let wait = std::time::Duration::from_secs(60);
        return Err(ApiError::too_many("too many people are signing in", wait));
    }
    let state = generate();
    let (address, pending) = provider.begin(state.0.clone()).await?;
    let provider = provider.settings.name.clone();
    let begun = Begun { provider, challenge, pending };
    let ticket = Ticket {
        hash: state.hash(),
        id: Uuid::now_v7(),
        kind,
        subject: None,
        data: serde_json::to_string(&begun).expect("it is text"),
        created_at,
        expires_at: created_at + REQUEST_LIFETIME,
    };
    commands.credentials.put_ticket(&ticket).await?;
    Ok(address)
}

/// The code for the app, from the provider's answer to a sign-in that began here.
async fn signed_in(
    commands: &Commands,
    provider: &Provider,
    answer: ProviderAnswer,
) -> Result<Secret, ApiError> {
    let unknown =
        || ApiError::new(Code::Unauthenticated, "this sign-in did not begin here, or it expired");
    let state = Secret(answer.state.ok_or_else(unknown)?);
    let (kind, now) = (TicketKind::ProviderRequest, Timestamp::now());
    let taken = commands.credentials.take_ticket(kind, &state.hash(), now).await?;
    let begun = taken.and_then(|ticket| serde_json::from_str::<Begun>(&ticket.data).ok());
    let begun = begun.filter(|begun| begun.provider == provider.settings.name);
    let Begun { challenge, pending, .. } = begun.ok_or_else(unknown)?;
    let refused = || ApiError::new(Code::Forbidden, "the provider did not sign you in");
    let account = provider.finish(answer.code.ok_or_else(refused)?, pending).await?;
    Ok(SignInCode { account, challenge }.keep(commands.credentials.as_ref()).await?)
}

fn provider<'a>(commands: &'a Commands, name: &str) -> Option<(&'a Providers, &'a Provider)> {
    let providers = commands.accounts.providers.as_deref()?;
    Some((providers, providers.named(name)?))
}

fn admit(commands: &Commands, connection: Connection, headers: &HeaderMap) -> Result<(), ApiError> {
    let peer = connection.map(|Extension(ConnectInfo(address))| address.ip());
    let client = peer.map(|peer| commands.api.trusted_proxies.client(peer, headers));
    commands.admit_address(client)
}

fn absent() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

/// Caches do not keep the address, and the next site does not learn it.
fn redirect(address: &Url) -> Response {
    let Ok(location) = HeaderValue::from_str(address.as_str()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}
