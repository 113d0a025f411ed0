//! Tokens: sessions, their refresh tokens, and access tokens.

use domain::Login;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::CredentialsError;

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

impl TokenKind {
    /// The kind in stores, which is JSON.
    pub(crate) fn stored(self) -> String {
        serde_json::to_string(&self).expect("a kind is a name")
    }
}

/// The outcome of exchanging a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The token was exchanged now.
    First(TokenRecord),
    /// The token had been exchanged before, at its `rotated_at`.
    Again(TokenRecord),
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
    /// An id that all tokens of one sign-in share. An access token has its own.
    pub family: Uuid,
    /// When a refresh token was exchanged for a new session; `None` if it still can be.
    pub rotated_at: Option<Timestamp>,
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

    /// The outcome of exchanging this refresh token; `None` if it has expired at `now`.
    pub(crate) fn rotated(self, is_first: bool, now: Timestamp) -> Option<Rotation> {
        let rotation = if is_first { Rotation::First } else { Rotation::Again };
        self.is_live(now).then(|| rotation(self))
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
    /// `None` for tokens of older versions, whose family is their id.
    #[serde(default)]
    pub(crate) family: Option<String>,
    #[serde(default)]
    pub(crate) rotated_at: Option<i64>,
}

impl From<&TokenRecord> for StoredToken {
    fn from(token: &TokenRecord) -> Self {
        Self {
            hash: hex::encode(token.hash.0),
            id: token.id.to_string(),
            subject: token.subject.to_string(),
            login: token.login.to_string(),
            kind: token.kind.stored(),
            name: token.name.clone(),
            scopes: serde_json::to_string(&token.scopes).expect("a list of names"),
            created_at: token.created_at.as_microsecond(),
            last_used_at: token.last_used_at.map(Timestamp::as_microsecond),
            expires_at: token.expires_at.map(Timestamp::as_microsecond),
            family: Some(token.family.to_string()),
            rotated_at: token.rotated_at.map(Timestamp::as_microsecond),
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
            family: Uuid::try_parse(stored.family.as_ref().unwrap_or(&stored.id))
                .map_err(|_| damaged("family"))?,
            rotated_at: stored.rotated_at.map(|us| time(us, "rotated_at")).transpose()?,
            name: stored.name,
        })
    }
}
