//! Accounts of identity providers that sign in to accounts of ours.

use async_trait::async_trait;
use domain::Login;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::CredentialsError;

/// Stores which account each identity signs in to.
#[async_trait]
pub trait Identities: Send + Sync {
    /// Stores the identity, unless its issuer and external id are stored already; returns whether
    /// it was stored.
    async fn claim_identity(&self, identity: &Identity) -> Result<bool, CredentialsError>;

    /// The identity with this external id at this issuer.
    async fn identity(
        &self,
        issuer: &str,
        external_id: &str,
    ) -> Result<Option<Identity>, CredentialsError>;

    /// The subject's identities, oldest first.
    async fn identities(&self, subject: Uuid) -> Result<Vec<Identity>, CredentialsError>;

    /// Removes the subject's identity; returns whether there was one.
    async fn release_identity(&self, subject: Uuid, id: Uuid) -> Result<bool, CredentialsError>;
}

/// An account at an identity provider, linked to an account of ours. The time has microsecond
/// precision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The id by which its holder unlinks it.
    pub id: Uuid,
    /// The provider's name in the configuration.
    pub provider: String,
    /// The provider's issuer URL.
    pub issuer: String,
    /// The account's id at the provider: the claim `sub`.
    pub external_id: String,
    /// The account's subject.
    pub subject: Uuid,
    /// The account's login.
    pub login: Login,
    /// When they were linked.
    pub created_at: Timestamp,
}

/// An identity as all stores keep it. The time is in microseconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredIdentity {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) issuer: String,
    pub(crate) external_id: String,
    pub(crate) subject: String,
    pub(crate) login: String,
    pub(crate) created_at: i64,
}

impl From<&Identity> for StoredIdentity {
    fn from(identity: &Identity) -> Self {
        Self {
            id: identity.id.to_string(),
            provider: identity.provider.clone(),
            issuer: identity.issuer.clone(),
            external_id: identity.external_id.clone(),
            subject: identity.subject.to_string(),
            login: identity.login.to_string(),
            created_at: identity.created_at.as_microsecond(),
        }
    }
}

impl TryFrom<StoredIdentity> for Identity {
    type Error = CredentialsError;

    fn try_from(stored: StoredIdentity) -> Result<Self, CredentialsError> {
        let damaged = |field: &str| {
            CredentialsError::Damaged(format!("the identity {} has no valid {field}", stored.id))
        };
        Ok(Self {
            id: Uuid::try_parse(&stored.id).map_err(|_| damaged("id"))?,
            subject: Uuid::try_parse(&stored.subject).map_err(|_| damaged("subject"))?,
            login: stored.login.parse().map_err(|_| damaged("login"))?,
            created_at: Timestamp::from_microsecond(stored.created_at)
                .map_err(|_| damaged("created_at"))?,
            provider: stored.provider,
            issuer: stored.issuer,
            external_id: stored.external_id,
        })
    }
}
