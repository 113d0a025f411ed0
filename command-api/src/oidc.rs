//! OpenID Connect: sends people to an identity provider, and learns from its answer who they are.
//!
//! Nothing here knows accounts: the outcome is an account at the provider.

use std::fmt;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use graphql::{ApiError, Code};
use moka::future::Cache;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::http;
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, DiscoveryError, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse,
};
use reqwest::redirect;
use serde::{Deserialize, Serialize};
use supervision::error_chain;
use url::Url;

/// Maximum time for each answer of a provider.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// Maximum size of each answer of a provider, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// How long a provider's metadata and keys are cached.
const METADATA_TIME: Duration = Duration::from_secs(60);
/// How far a provider's clock may differ from ours, in seconds.
const CLOCK_SKEW_S: i64 = 60;
/// The signatures of ID tokens that are accepted. None of them needs a shared secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// An identity provider.
#[derive(Clone)]
pub struct ProviderSettings {
    /// The name in addresses: letters, digits and hyphens.
    pub name: String,
    /// The issuer's URL, below which its metadata is.
    pub issuer: String,
    /// Our id at the provider.
    pub client_id: String,
    /// Our secret at the provider, if we have one.
    pub client_secret: Option<String>,
    /// The scopes to ask for, besides `openid`.
    pub scopes: Vec<String>,
    /// Whether the first sign-in of somebody registers an account.
    pub register: bool,
}

impl fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderSettings").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A setting for an identity provider is invalid.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: expected {expected}")]
pub struct ProviderSettingError {
    setting: String,
    expected: &'static str,
}

/// The identity providers of this server.
#[derive(Debug)]
pub struct Providers {
    providers: Vec<Provider>,
    /// The page that people return to.
    return_to: Url,
}

/// One identity provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) settings: ProviderSettings,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    http: reqwest::Client,
    metadata: Cache<(), CoreProviderMetadata>,
}

/// A request to a provider, until it is answered.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pending {
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// An account at a provider.
#[derive(Serialize, Deserialize)]
pub(crate) struct ExternalAccount {
    pub(crate) provider: String,
    pub(crate) issuer: String,
    pub(crate) external_id: String,
    pub(crate) preferred_login: Option<String>,
    pub(crate) name: Option<String>,
    /// Only if the provider says that it is verified.
    pub(crate) email: Option<String>,
}

impl Providers {
    /// Providers whose answers come to this server at `public_url`. People then return to
    /// `return_to`.
    ///
    /// # Errors
    /// If a setting is invalid.
    pub fn new(
        settings: Vec<ProviderSettings>,
        public_url: &str,
        return_to: &str,
    ) -> Result<Self, ProviderSettingError> {
        let web = "an address that starts with https:// or http://";
        let address = |setting: &str, text: &str| {
            let url = Url::parse(text).ok();
            url.filter(|url| matches!(url.scheme(), "https" | "http"))
                .ok_or_else(|| ProviderSettingError { setting: setting.to_owned(), expected: web })
        };
        let return_to = address("accounts.return_to", return_to)?;
        let public_url = address("accounts.public_url", public_url)?;
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(ANSWER_TIME_MAX)
            .build()
            .expect("TLS is compiled in");
        let provider = |settings: ProviderSettings| {
            let name = &settings.name;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                let expected = "a name of letters, digits and hyphens";
                return Err(ProviderSettingError { setting: format!("oidc.{name}"), expected });
            }
            if settings.client_id.is_empty() {
                let setting = format!("oidc.{name}.client_id");
                return Err(ProviderSettingError { setting, expected: "the id at the provider" });
            }
            let setting = format!("oidc.{name}.issuer");
            address(&setting, &settings.issuer)?;
            let invalid = |_| ProviderSettingError { setting, expected: web };
            let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(invalid)?;
            let base = public_url.as_str().trim_end_matches('/');
            let redirect = RedirectUrl::new(format!("{base}/auth/oidc/{name}/callback"));
            let redirect = redirect.expect("an address with a path is one");
            let metadata = Cache::builder().max_capacity(1).time_to_live(METADATA_TIME).build();
            Ok(Provider { settings, issuer, redirect, http: http.clone(), metadata })
        };
        let providers = settings.into_iter().map(provider).collect::<Result<_, _>>()?;
        Ok(Self { providers, return_to })
    }

    /// The provider with this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.settings.name == name)
    }

    /// The names of the providers.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.providers.iter().map(|provider| provider.settings.name.as_str())
    }

    /// The page that people return to, with an outcome that no server gets to see.
    pub(crate) fn page(&self, key: &str, value: &str) -> Url {
        let mut page = self.return_to.clone();
        page.set_fragment(Some(&format!("{key}={value}")));
        page
    }
}

impl Provider {
    /// The address at which people sign in at the provider. Its answer has this state.
    pub(crate) async fn begin(&self, state: String) -> Result<(Url, Pending), ApiError> {
        let metadata = self.metadata().await?;
        let id = ClientId::new(self.settings.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata, id, self.secret());
        let client = client.set_redirect_uri(self.redirect.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = client
            .authorize_url(flow, || CsrfToken::new(state), Nonce::new_random)
            .set_pkce_challenge(challenge);
        for scope in &self.settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (address, _, nonce) = request.url();
        Ok((address, Pending { nonce, verifier }))
    }

    /// Exchanges the code of the provider's answer for an ID token, and verifies that.
    pub(crate) async fn finish(
        &self,
        code: String,
        pending: Pending,
    ) -> Result<ExternalAccount, ApiError> {
        let metadata = self.metadata().await?;
        let id = ClientId::new(self.settings.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata, id, self.secret());
        let client = client.set_redirect_uri(self.redirect.clone());
        let request = client.exchange_code(AuthorizationCode::new(code));
        let request = request.map_err(|_| self.unavailable("it has no token endpoint"))?;
        let http = |request| send(self.http.clone(), request);
        let answer = request.set_pkce_verifier(pending.verifier).request_async(&http).await;
        let answer = answer.map_err(|error| match error {
            RequestTokenError::Request(error) => self.unavailable(&error.to_string()),
            RequestTokenError::ServerResponse(error) => self.refused(error.error().as_ref()),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                self.unavailable("it answered something else than a token")
            }
        })?;
        let token = answer.id_token().ok_or_else(|| self.refused("there is no ID token"))?;
        let skew = TimeDelta::seconds(CLOCK_SKEW_S);
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || Utc::now() - skew)
            .set_issue_time_verifier_fn(move |issued| match issued <= Utc::now() + skew {
                true => Ok(()),
                false => Err("it was issued in the future".to_owned()),
            });
        let claims = token.claims(&verifier, &pending.nonce);
        let claims = claims.map_err(|error| self.refused(&error.to_string()))?;
        let name = claims.name().and_then(|name| name.get(None));
        let is_verified = claims.email_verified() == Some(true);
        let login = claims.preferred_username();
        Ok(ExternalAccount {
            provider: self.settings.name.clone(),
            issuer: claims.issuer().to_string(),
            external_id: claims.subject().to_string(),
            preferred_login: login.map(|login| login.to_string()),
            name: name.map(|name| name.to_string()),
            email: claims.email().filter(|_| is_verified).map(|email| email.to_string()),
        })
    }

    fn secret(&self) -> Option<ClientSecret> {
        self.settings.client_secret.clone().map(ClientSecret::new)
    }

    async fn metadata(&self) -> Result<CoreProviderMetadata, ApiError> {
        if let Some(metadata) = self.metadata.get(&()).await {
            return Ok(metadata);
        }
        let http = |request| send(self.http.clone(), request);
        let found = CoreProviderMetadata::discover_async(self.issuer.clone(), &http).await;
        let metadata = found.map_err(|error| {
            self.unavailable(&match error {
                DiscoveryError::Request(error) => error.to_string(),
                DiscoveryError::Response(status, ..) => format!("it answered {status}"),
                error => error.to_string(),
            })
        })?;
        self.metadata.insert((), metadata.clone()).await;
        Ok(metadata)
    }

    fn unavailable(&self, reason: &str) -> ApiError {
        let provider = &self.settings.name;
        tracing::warn!(provider, reason, "an identity provider does not respond");
        let message = format!("the identity provider {provider} does not respond; try again later");
        ApiError::new(Code::Unavailable, message)
    }

    fn refused(&self, reason: &str) -> ApiError {
        let provider = &self.settings.name;
        tracing::warn!(provider, reason, "the answer of an identity provider is not valid");
        ApiError::new(Code::Unauthenticated, "the answer of the identity provider is not valid")
    }
}

/// A provider did not answer.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("the request failed: {0}")]
    Failed(String),
    #[error("the answer is too large")]
    TooLarge,
}

impl From<reqwest::Error> for SendError {
    fn from(error: reqwest::Error) -> Self {
        // The address may have a code in it.
        Self::Failed(error_chain(&error.without_url()))
    }
}

/// Sends one request, and reads a bounded answer.
async fn send(
    http: reqwest::Client,
    request: http::Request<Vec<u8>>,
) -> Result<http::Response<Vec<u8>>, SendError> {
    let mut answer = http.execute(request.try_into()?).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(SendError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    let mut response = http::Response::new(bytes);
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}
