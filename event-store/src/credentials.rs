//! The port for secrets and personal data, which an account may have erased.

use std::error::Error;

use async_trait::async_trait;
use domain::Login;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Stores password hashes, token hashes and personal data by the account's subject, and plain-text
/// secrets by name.
///
/// None of this is in events, and replaying the log does not need it.
#[async_trait]
pub trait Credentials: Send + Sync + std::fmt::Debug {
    /// Stores or replaces the subject's profile.
    async fn put_profile(&self, subject: Uuid, profile: &Profile) -> Result<(), CredentialsError>;

    /// The profiles of these subjects, in the same order; `None` where there is none.
    async fn profiles(&self, subjects: &[Uuid]) -> Result<Vec<Option<Profile>>, CredentialsError>;

    /// Removes the subject's profile and all its tokens.
    async fn erase(&self, subject: Uuid) -> Result<(), CredentialsError>;

    /// Stores or replaces a token.
    async fn put_token(&self, token: &TokenRecord) -> Result<(), CredentialsError>;

    /// The token with this hash, unless it has expired at `now`.
    async fn token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<TokenRecord>, CredentialsError>;

    /// Like `token`, and records the use.
    async fn use_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<TokenRecord>, CredentialsError>;

    /// The subject's tokens that have not expired at `now`, oldest first.
    async fn tokens(
        &self,
        subject: Uuid,
        now: Timestamp,
    ) -> Result<Vec<TokenRecord>, CredentialsError>;

    /// Removes the subject's token; returns whether there was one.
    async fn revoke_token(&self, subject: Uuid, token: Uuid) -> Result<bool, CredentialsError>;

    /// Stores or replaces the secret with this name.
    async fn put_secret(&self, name: &str, secret: &str) -> Result<(), CredentialsError>;

    /// The secret with this name, if there is one.
    async fn secret(&self, name: &str) -> Result<Option<String>, CredentialsError>;

    /// Removes the secret with this name, if there is one.
    async fn remove_secret(&self, name: &str) -> Result<(), CredentialsError>;

    /// Up to `limit` subjects that have a profile, after this one, in text order.
    async fn subjects(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, CredentialsError>;

    /// Up to `limit` names of secrets, after this one, in byte order.
    async fn secret_names(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, CredentialsError>;

    /// Whether the store holds no profiles, tokens or secrets.
    async fn is_empty(&self) -> Result<bool, CredentialsError>;
}

/// An account's personal data and password hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// As the account holder entered it.
    pub email: Option<String>,
    /// As the account holder entered it.
    pub name: Option<String>,
    /// PHC string. `None` if the account cannot sign in with a password.
    pub password_hash: Option<String>,
}

/// SHA-256 of a token's secret. Tokens are long random strings, so one fast hash is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Issued at sign-in.
    Session,
    /// Exchanged for a new session.
    Refresh,
    /// Created by the user, for scripts.
    Access,
}

/// What a token permits, within the permissions of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Queries and subscriptions.
    Read,
    /// Submitting programs.
    Submit,
    /// Everything the account may do.
    Full,
}

/// A token without its secret. Times have microsecond precision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredToken", into = "StoredToken")]
pub struct TokenRecord {
    /// The token's id. A refresh token has the same id as its session.
    pub id: Uuid,
    /// The hash of the token's secret.
    pub hash: TokenHash,
    /// The account's subject.
    pub subject: Uuid,
    /// The account's login.
    pub login: Login,
    /// The kind of token.
    pub kind: TokenKind,
    /// The name its creator gave it.
    pub name: String,
    /// What the token permits.
    pub scopes: Vec<Scope>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last use; may be about a minute out of date.
    pub last_used_at: Option<Timestamp>,
    /// Time of expiry; `None` means never.
    pub expires_at: Option<Timestamp>,
}

/// Why a credentials operation failed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The store did not answer in time.
    #[error("the credentials store does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A stored field has a value that Assay never writes.
    #[error("the credentials store is damaged: {0}")]
    Damaged(String),
}

/// Parses a stored subject.
pub(crate) fn subject(stored: &str) -> Result<Uuid, CredentialsError> {
    let damaged = |_| CredentialsError::Damaged(format!("{stored:?} is not a subject"));
    stored.parse().map_err(damaged)
}

/// Minimum interval between writes of a token's last use, so that most uses write nothing.
const NOTE_USE_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// How long after expiry a token is deleted, so that a clock running ahead cannot delete a live
/// one.
pub(crate) const SWEEP_AFTER: SignedDuration = SignedDuration::from_hours(24);

impl TokenRecord {
    /// Whether the token has not expired at `now`.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Converts stored tokens and drops expired ones.
    pub(crate) fn live(
        stored: Vec<StoredToken>,
        now: Timestamp,
    ) -> Result<Vec<Self>, CredentialsError> {
        let tokens = stored.into_iter().map(Self::try_from);
        tokens.filter(|token| token.as_ref().map_or(true, |token| token.is_live(now))).collect()
    }

    /// Records the use; returns whether it must be written to the store.
    pub(crate) fn note_use(&mut self, now: Timestamp) -> bool {
        let due = self.last_used_at.is_none_or(|last| now.duration_since(last) >= NOTE_USE_EVERY);
        if due {
            self.last_used_at = Some(now);
        }
        due
    }
}

/// A token as all stores keep it. Times are in microseconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredToken {
    #[serde(rename = "_id")]
    pub(crate) hash: String,
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) login: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) scopes: String,
    pub(crate) created_at: i64,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) expires_at: Option<i64>,
}

impl From<&TokenRecord> for StoredToken {
    fn from(token: &TokenRecord) -> Self {
        let json = |value: serde_json::Result<String>| value.expect("a list of names");
        Self {
            hash: hex::encode(token.hash.0),
            id: token.id.to_string(),
            subject: token.subject.to_string(),
            login: token.login.to_string(),
            kind: json(serde_json::to_string(&token.kind)),
            name: token.name.clone(),
            scopes: json(serde_json::to_string(&token.scopes)),
            created_at: token.created_at.as_microsecond(),
            last_used_at: token.last_used_at.map(Timestamp::as_microsecond),
            expires_at: token.expires_at.map(Timestamp::as_microsecond),
        }
    }
}

impl From<TokenRecord> for StoredToken {
    fn from(token: TokenRecord) -> Self {
        Self::from(&token)
    }
}

impl TryFrom<StoredToken> for TokenRecord {
    type Error = CredentialsError;

    fn try_from(stored: StoredToken) -> Result<Self, CredentialsError> {
        let damaged = |field: &str| {
            let id = &stored.id;
            CredentialsError::Damaged(format!("the token {id} has no valid {field}"))
        };
        let time =
            |us: i64, field: &str| Timestamp::from_microsecond(us).map_err(|_| damaged(field));
        let mut hash = TokenHash([0; 32]);
        hex::decode_to_slice(&stored.hash, &mut hash.0).map_err(|_| damaged("hash"))?;
        Ok(Self {
            id: Uuid::try_parse(&stored.id).map_err(|_| damaged("id"))?,
            hash,
            subject: Uuid::try_parse(&stored.subject).map_err(|_| damaged("subject"))?,
            login: stored.login.parse().map_err(|_| damaged("login"))?,
            kind: serde_json::from_str(&stored.kind).map_err(|_| damaged("kind"))?,
            scopes: serde_json::from_str(&stored.scopes).map_err(|_| damaged("scopes"))?,
            created_at: time(stored.created_at, "created_at")?,
            last_used_at: stored.last_used_at.map(|us| time(us, "last_used_at")).transpose()?,
            expires_at: stored.expires_at.map(|us| time(us, "expires_at")).transpose()?,
            name: stored.name,
        })
    }
}
