//! The port of secrets and personal data: what an account is allowed to have erased.

use std::error::Error;

use async_trait::async_trait;
use domain::Login;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Password and token hashes and personal data, by the account's subject.
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

    /// The token with this hash, if it is kept and not expired at `now`; remembers that it was used.
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

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
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
