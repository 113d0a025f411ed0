//! The port for secrets and personal data, which an account may have erased.

mod error;
pub(crate) mod identities;
pub(crate) mod tickets;
mod token;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use error::CredentialsError;
pub use identities::{Identities, Identity};
pub use tickets::{Ticket, TicketKind, Tickets};
pub use token::{Rotation, Scope, TokenHash, TokenKind, TokenRecord};
pub(crate) use token::{SWEEP_AFTER, StoredToken};

/// Stores password hashes, token hashes and personal data by the account's subject, and plain-text
/// secrets by name.
///
/// None of this is in events, and replaying the log does not need it.
#[async_trait]
pub trait Credentials: Tickets + Identities + std::fmt::Debug {
    /// Stores or replaces the subject's profile.
    async fn put_profile(&self, subject: Uuid, profile: &Profile) -> Result<(), CredentialsError>;

    /// Replaces the subject's profile if it is still `from`; returns whether it was. A profile that
    /// was erased is not created again.
    async fn change_profile(
        &self,
        subject: Uuid,
        from: &Profile,
        to: &Profile,
    ) -> Result<bool, CredentialsError>;

    /// Up to `limit` subjects whose profile has exactly this email address, in text order.
    async fn subjects_with_email(
        &self,
        email: &str,
        limit: u32,
    ) -> Result<Vec<Uuid>, CredentialsError>;

    /// The profiles of these subjects, in the same order; `None` where there is none.
    async fn profiles(&self, subjects: &[Uuid]) -> Result<Vec<Option<Profile>>, CredentialsError>;

    /// Removes the subject's profile and all its tokens, tickets and identities.
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

    /// Exchanges a refresh token: removes its session, and keeps the token itself until it expires,
    /// so that a second exchange is noticed. Of several callers, only one gets `First`. `None` if
    /// there is no such refresh token, or it has expired at `now`.
    async fn rotate_refresh_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Rotation>, CredentialsError>;

    /// Removes the subject's token; returns whether there was one. Refresh tokens that were
    /// exchanged stay.
    async fn revoke_token(&self, subject: Uuid, token: Uuid) -> Result<bool, CredentialsError>;

    /// Removes every token of one sign-in, exchanged ones included.
    async fn revoke_family(&self, subject: Uuid, family: Uuid) -> Result<(), CredentialsError>;

    /// Removes the subject's tokens of these kinds, except those of one sign-in.
    async fn revoke_tokens(
        &self,
        subject: Uuid,
        kinds: &[TokenKind],
        except_family: Option<Uuid>,
    ) -> Result<(), CredentialsError>;

    /// Stores or replaces the secret with this name.
    async fn put_secret(&self, name: &str, secret: &str) -> Result<(), CredentialsError>;

    /// Stores the secret unless there is one with this name; returns whether it was stored.
    async fn add_secret(&self, name: &str, secret: &str) -> Result<bool, CredentialsError>;

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

    /// Whether the store holds no profiles, tokens, secrets, tickets or identities.
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

/// Parses a stored subject.
pub(crate) fn subject(stored: &str) -> Result<Uuid, CredentialsError> {
    let damaged = |_| CredentialsError::Damaged(format!("{stored:?} is not a subject"));
    stored.parse().map_err(damaged)
}
