//! [`Identities`] in MongoDB: `credentials.identities`.

use async_trait::async_trait;
use futures::TryStreamExt;
use mongodb::bson::doc;
use uuid::Uuid;

use super::credentials::{MongoCredentials, not_available};
use super::is_duplicate;
use crate::credentials::identities::StoredIdentity;
use crate::{CredentialsError, Identities, Identity};

#[async_trait]
impl Identities for MongoCredentials {
    async fn claim_identity(&self, identity: &Identity) -> Result<bool, CredentialsError> {
        match self.identities.insert_one(StoredIdentity::from(identity)).await {
            Ok(_) => Ok(true),
            Err(error) if is_duplicate(&error) => Ok(false),
            Err(error) => Err(not_available(error)),
        }
    }

    async fn identity(
        &self,
        issuer: &str,
        external_id: &str,
    ) -> Result<Option<Identity>, CredentialsError> {
        let find = self.identities.find_one(doc! { "issuer": issuer, "external_id": external_id });
        find.await.map_err(not_available)?.map(Identity::try_from).transpose()
    }

    async fn identities(&self, subject: Uuid) -> Result<Vec<Identity>, CredentialsError> {
        let find = self.identities.find(doc! { "subject": subject.to_string() });
        let find = find.sort(doc! { "created_at": 1, "_id": 1 });
        let found: Vec<StoredIdentity> =
            find.await.map_err(not_available)?.try_collect().await.map_err(not_available)?;
        found.into_iter().map(Identity::try_from).collect()
    }

    async fn release_identity(&self, subject: Uuid, id: Uuid) -> Result<bool, CredentialsError> {
        let filter = doc! { "_id": id.to_string(), "subject": subject.to_string() };
        let removed = self.identities.delete_one(filter).await.map_err(not_available)?;
        Ok(removed.deleted_count > 0)
    }
}
