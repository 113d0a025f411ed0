//! The port of secrets and personal data: what an account is allowed to have erased.

use std::error::Error;

use async_trait::async_trait;
use domain::Login;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Password and token hashes and personal data, by the account's subject; and secrets that are needed as
/// they are, by name.
///
/// None of it is an event and none of it is needed to replay the log.
#[async_trait]
pub trait Credentials: Send + Sync + std::fmt::Debug {
    /// Keeps a profile under a fresh subject, or replaces it.
    async fn put_profile(&self, subject: Uuid, profile: &Profile) -> Result<(), CredentialsError>;

    /// The profiles of these subjects, in their order; `None` for one that is not kept.
    async fn profiles(&self, subjects: &[Uuid]) -> Result<Vec<Option<Profile>>, CredentialsError>;

    /// Removes the profile and every token of the subject.
    async fn erase(&self, subject: Uuid) -> Result<(), CredentialsError>;

    /// Keeps a token.
    async fn put_token(&self, token: &TokenRecord) -> Result<(), CredentialsError>;

    /// The token with this hash, if it is kept and not expired at `now`.
    async fn token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<TokenRecord>, CredentialsError>;

    /// The same, and remembers that it was used.
    async fn use_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<TokenRecord>, CredentialsError>;

    /// The subject's tokens that are not expired at `now`, oldest first.
    async fn tokens(
        &self,
        subject: Uuid,
        now: Timestamp,
    ) -> Result<Vec<TokenRecord>, CredentialsError>;

    /// Removes the subject's token; says whether there was one.
    async fn revoke_token(&self, subject: Uuid, token: Uuid) -> Result<bool, CredentialsError>;

    /// Keeps a secret under this name, or replaces it.
    async fn put_secret(&self, name: &str, secret: &str) -> Result<(), CredentialsError>;

    /// The secret with this name; `None` when it is not kept.
    async fn secret(&self, name: &str) -> Result<Option<String>, CredentialsError>;

    /// Removes the secret with this name, where there is one.
    async fn remove_secret(&self, name: &str) -> Result<(), CredentialsError>;

    /// At most `limit` of the subjects with a profile after this one, in their order as text.
    async fn subjects(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, CredentialsError>;

    /// At most `limit` of the names of secrets after this one, in the order of their bytes.
    async fn secret_names(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, CredentialsError>;

    /// Whether there is no profile, no token and no secret.
    async fn is_empty(&self) -> Result<bool, CredentialsError>;
}

/// Personal data and the password's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// As the account holder gave it.
    pub email: Option<String>,
    /// As the account holder gave it.
    pub name: Option<String>,
    /// PHC string. `None`: cannot sign in with a password.
    pub password_hash: Option<String>,
}

/// SHA-256 of a token's secret. Tokens are long random strings, so one fast hash is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Made by signing in.
    Session,
    /// Exchanged for the next session.
    Refresh,
    /// Made by hand, for a script.
    Access,
}

/// What a token allows, within what its account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Queries and subscriptions.
    Read,
    /// Handing in programs.
    Submit,
    /// Everything the account may do.
    Full,
}

/// A token, without its secret. Times are kept to the microsecond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredToken", into = "StoredToken")]
pub struct TokenRecord {
    /// Its identity; a session's refresh token has the session's.
    pub id: Uuid,
    /// Of its secret.
    pub hash: TokenHash,
    /// Whose it is.
    pub subject: Uuid,
    /// Whose it is.
    pub login: Login,
    /// What it is for.
    pub kind: TokenKind,
    /// What its maker called it.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
    /// When it ends; `None` is never.
    pub expires_at: Option<Timestamp>,
}

/// A credentials operation did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The store does not answer, or not in time.
    #[error("the credentials store does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A stored field is not what an Assay wrote.
    #[error("the credentials store is damaged: {0}")]
    Damaged(String),
}

/// A subject as a store has it.
pub(crate) fn subject(stored: &str) -> Result<Uuid, CredentialsError> {
    let damaged = |_| CredentialsError::Damaged(format!("{stored:?} is not a subject"));
    stored.parse().map_err(damaged)
}

/// A token's last use is remembered at most this often: most uses then write nothing.
const NOTE_USE_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// Expired tokens are swept this long after, so that no clock that runs ahead ends one early.
pub(crate) const SWEEP_AFTER: SignedDuration = SignedDuration::from_hours(24);

impl TokenRecord {
    /// Whether it has not ended.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// What a store has of a subject, without what has ended.
    pub(crate) fn live(
        stored: Vec<StoredToken>,
        now: Timestamp,
    ) -> Result<Vec<Self>, CredentialsError> {
        let tokens = stored.into_iter().map(Self::try_from);
        tokens.filter(|token| token.as_ref().map_or(true, |token| token.is_live(now))).collect()
    }

    /// Notes the use; says whether it is to be written down.
    pub(crate) fn note_use(&mut self, now: Timestamp) -> bool {
        let due = self.last_used_at.is_none_or(|last| now.duration_since(last) >= NOTE_USE_EVERY);
        if due {
            self.last_used_at = Some(now);
        }
        due
    }
}

/// A token as every store keeps it. Times are in microseconds since 1970.
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
