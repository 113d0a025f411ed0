//! Secrets that work once: invitations, password resets, and the steps of a sign-in at an identity
//! provider.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::CredentialsError;
use super::token::TokenHash;

/// Stores tickets by the hash of their secret.
#[async_trait]
pub trait Tickets: Send + Sync {
    /// Stores or replaces a ticket.
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), CredentialsError>;

    /// The ticket of this kind with this hash, unless it has expired at `now`.
    async fn ticket(
        &self,
        kind: TicketKind,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Ticket>, CredentialsError>;

    /// Removes the ticket and returns it, unless it has expired at `now`. Of several callers, only
    /// one gets it.
    async fn take_ticket(
        &self,
        kind: TicketKind,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Ticket>, CredentialsError>;

    /// Up to `limit` tickets of this kind that have not expired at `now`, oldest first.
    async fn tickets(
        &self,
        kind: TicketKind,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Ticket>, CredentialsError>;

    /// The number of tickets of this kind that have not expired at `now`.
    async fn count_tickets(
        &self,
        kind: TicketKind,
        now: Timestamp,
    ) -> Result<u64, CredentialsError>;

    /// Removes the ticket of this kind with this id; returns whether there was one.
    async fn remove_ticket(&self, kind: TicketKind, id: Uuid) -> Result<bool, CredentialsError>;

    /// Removes the tickets of this kind that belong to the subject.
    async fn remove_tickets_of(
        &self,
        kind: TicketKind,
        subject: Uuid,
    ) -> Result<(), CredentialsError>;
}

/// What a ticket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketKind {
    /// Registers one account.
    Invitation,
    /// Sets a new password.
    PasswordReset,
    /// Recognises the answer of an identity provider.
    ProviderRequest,
    /// Exchanged for a session after a sign-in at an identity provider.
    SignInCode,
}

impl TicketKind {
    /// The name in stores.
    pub(crate) fn stored(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
            Self::ProviderRequest => "provider_request",
            Self::SignInCode => "sign_in_code",
        }
    }
}

/// A ticket without its secret. Times have microsecond precision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The hash of the ticket's secret.
    pub hash: TokenHash,
    /// The ticket's id, to list and revoke it by.
    pub id: Uuid,
    /// What the ticket is for.
    pub kind: TicketKind,
    /// The account it belongs to; it is erased with it.
    pub subject: Option<Uuid>,
    /// What its user needs to know when it is used; each kind has its own form.
    pub data: String,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of expiry.
    pub expires_at: Timestamp,
}

/// A ticket as all stores keep it. Times are in microseconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredTicket {
    #[serde(rename = "_id")]
    pub(crate) hash: String,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) subject: Option<String>,
    pub(crate) data: String,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
}

impl From<&Ticket> for StoredTicket {
    fn from(ticket: &Ticket) -> Self {
        Self {
            hash: hex::encode(ticket.hash.0),
            id: ticket.id.to_string(),
            kind: ticket.kind.stored().to_owned(),
            subject: ticket.subject.map(|subject| subject.to_string()),
            data: ticket.data.clone(),
            created_at: ticket.created_at.as_microsecond(),
            expires_at: ticket.expires_at.as_microsecond(),
        }
    }
}

impl StoredTicket {
    /// The ticket, which is known to be of this kind.
    pub(crate) fn of(self, kind: TicketKind) -> Result<Ticket, CredentialsError> {
        let damaged = |field: &str| {
            CredentialsError::Damaged(format!("the ticket {} has no valid {field}", self.id))
        };
        let time = |us, field: &str| Timestamp::from_microsecond(us).map_err(|_| damaged(field));
        let id = |text: &str, field: &str| Uuid::try_parse(text).map_err(|_| damaged(field));
        let mut hash = TokenHash([0; 32]);
        hex::decode_to_slice(&self.hash, &mut hash.0).map_err(|_| damaged("hash"))?;
        Ok(Ticket {
            hash,
            id: id(&self.id, "id")?,
            kind,
            subject: self.subject.as_deref().map(|text| id(text, "subject")).transpose()?,
            created_at: time(self.created_at, "created_at")?,
            expires_at: time(self.expires_at, "expires_at")?,
            data: self.data,
        })
    }
}
