//! [`Identities`] in a SQLite file of credentials.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::credentials::SqliteCredentials;
use crate::credentials::identities::StoredIdentity;
use crate::{CredentialsError, Identities, Identity};

#[async_trait]
impl Identities for SqliteCredentials {
    async fn claim_identity(&self, identity: &Identity) -> Result<bool, CredentialsError> {
        let identity = StoredIdentity::from(identity);
        self.write(move |connection| {
            let stored = connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO identities (issuer, external_id, id, provider, subject,
                                                       login, created_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    identity.issuer,
                    identity.external_id,
                    identity.id,
                    identity.provider,
                    identity.subject,
                    identity.login,
                    identity.created_at,
                ])?;
            Ok(stored > 0)
        })
        .await
    }

    async fn identity(
        &self,
        issuer: &str,
        external_id: &str,
    ) -> Result<Option<Identity>, CredentialsError> {
        let key = (issuer.to_owned(), external_id.to_owned());
        let found = self.read(move |connection| {
            let query = "SELECT * FROM identities WHERE issuer = ?1 AND external_id = ?2";
            connection.prepare_cached(query)?.query_row(key, stored).optional()
        });
        found.await?.map(Identity::try_from).transpose()
    }

    async fn identities(&self, subject: Uuid) -> Result<Vec<Identity>, CredentialsError> {
        let found = self.read(move |connection| {
            let query = "SELECT * FROM identities WHERE subject = ?1 ORDER BY created_at, id";
            let found: rusqlite::Result<Vec<StoredIdentity>> = connection
                .prepare_cached(query)?
                .query_map([subject.to_string()], stored)?
                .collect();
            found
        });
        found.await?.into_iter().map(Identity::try_from).collect()
    }

    async fn release_identity(&self, subject: Uuid, id: Uuid) -> Result<bool, CredentialsError> {
        self.write(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM identities WHERE subject = ?1 AND id = ?2")?
                .execute([subject.to_string(), id.to_string()])?;
            Ok(removed > 0)
        })
        .await
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredIdentity> {
    Ok(StoredIdentity {
        id: row.get("id")?,
        provider: row.get("provider")?,
        issuer: row.get("issuer")?,
        external_id: row.get("external_id")?,
        subject: row.get("subject")?,
        login: row.get("login")?,
        created_at: row.get("created_at")?,
    })
}
