//! [`Credentials`] in a SQLite file.

use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use sqlite::Readers;
use uuid::Uuid;

use super::database::Kind;
use super::writer::{self, JobError, WriteError, Writer};
use crate::credentials::{SWEEP_AFTER, StoredToken, subject};
use crate::open_error::OpenError;
use crate::{Credentials, CredentialsError, Profile, Rotation, TokenHash, TokenKind, TokenRecord};

const KIND: Kind = Kind {
    port: "credentials",
    application_id: 0x4173_4372, // "AsCr"
    create: include_str!("credentials.sql"),
    upgrades: &[include_str!("credentials.2.sql"), include_str!("credentials.3.sql")],
};

/// A file of credentials.
#[derive(Debug)]
pub(crate) struct SqliteCredentials {
    writer: Writer,
    readers: Readers,
}

impl SqliteCredentials {
    pub(crate) async fn open(path: PathBuf) -> Result<Self, OpenError> {
        let (writer, readers) = writer::open(path, &KIND).await?;
        Ok(Self { writer, readers })
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, CredentialsError> {
        let job = move |connection: &Connection| work(connection).map_err(JobError::from);
        self.writer.run(job).await.map_err(|error| match error {
            WriteError::Refused(error) => error,
            WriteError::NotWritten(error) | WriteError::Unknown(error) => {
                CredentialsError::Unavailable(error)
            }
        })
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, CredentialsError> {
        self.readers
            .run(query)
            .await
            .map_err(|error| CredentialsError::Unavailable(Box::new(error)))
    }
}

impl SqliteCredentials {
    async fn names(
        &self,
        query: &'static str,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, CredentialsError> {
        self.read(move |connection| {
            let mut query = connection.prepare_cached(query)?;
            let names =
                query.query_map(params![after.unwrap_or_default(), limit], |row| row.get(0))?;
            names.collect()
        })
        .await
    }
}

#[async_trait]
impl Credentials for SqliteCredentials {
    async fn put_profile(&self, subject: Uuid, profile: &Profile) -> Result<(), CredentialsError> {
        let profile = profile.clone();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO profiles (subject, email, name, password_hash)
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    subject.to_string(),
                    profile.email,
                    profile.name,
                    profile.password_hash,
                ])?;
            Ok(())
        })
        .await
    }

    async fn change_profile(
        &self,
        subject: Uuid,
        from: &Profile,
        to: &Profile,
    ) -> Result<bool, CredentialsError> {
        let (from, to) = (from.clone(), to.clone());
        self.write(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE profiles SET email = ?2, name = ?3, password_hash = ?4
                     WHERE subject = ?1 AND email IS ?5 AND name IS ?6 AND password_hash IS ?7",
                )?
                .execute(params![
                    subject.to_string(),
                    to.email,
                    to.name,
                    to.password_hash,
                    from.email,
                    from.name,
                    from.password_hash,
                ])?;
            Ok(changed > 0)
        })
        .await
    }

    async fn subjects_with_email(
        &self,
        email: &str,
        limit: u32,
    ) -> Result<Vec<Uuid>, CredentialsError> {
        let query = "SELECT subject FROM profiles WHERE email = ?1 ORDER BY subject LIMIT ?2";
        let names = self.names(query, Some(email.to_owned()), limit);
        names.await?.iter().map(|name| subject(name)).collect()
    }

    async fn profiles(&self, subjects: &[Uuid]) -> Result<Vec<Option<Profile>>, CredentialsError> {
        let subjects = subjects.to_vec();
        self.read(move |connection| {
            let mut query = connection.prepare_cached(
                "SELECT email, name, password_hash FROM profiles WHERE subject = ?1",
            )?;
            let mut profile = |subject: &Uuid| {
                let row = |row: &Row<'_>| {
                    let (email, name) = (row.get(0)?, row.get(1)?);
                    Ok(Profile { email, name, password_hash: row.get(2)? })
                };
                query.query_row([subject.to_string()], row).optional()
            };
            subjects.iter().map(&mut profile).collect()
        })
        .await
    }

    async fn erase(&self, subject: Uuid) -> Result<(), CredentialsError> {
        let subject = subject.to_string();
        self.write(move |connection| {
            for table in ["tokens", "tickets", "identities"] {
                connection
                    .execute(&format!("DELETE FROM {table} WHERE subject = ?1"), [&subject])?;
            }
            connection.execute("DELETE FROM profiles WHERE subject = ?1", [&subject])?;
            Ok(())
        })
        .await
    }

    async fn put_token(&self, token: &TokenRecord) -> Result<(), CredentialsError> {
        let token = StoredToken::from(token);
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO tokens (hash, id, subject, login, kind, name, scopes,
                                                    created_at, last_used_at, expires_at, family,
                                                    rotated_at)
                     VALUES (:hash, :id, :subject, :login, :kind, :name, :scopes,
                             :created_at, :last_used_at, :expires_at, :family, :rotated_at)",
                )?
                .execute(named_params! {
                    ":hash": token.hash,
                    ":id": token.id,
                    ":subject": token.subject,
                    ":login": token.login,
                    ":kind": token.kind,
                    ":name": token.name,
                    ":scopes": token.scopes,
                    ":created_at": token.created_at,
                    ":last_used_at": token.last_used_at,
                    ":expires_at": token.expires_at,
                    ":family": token.family,
                    ":rotated_at": token.rotated_at,
                })?;
            // Each new token also deletes tokens that expired long ago.
            let long_ago =
                token.created_at - i64::try_from(SWEEP_AFTER.as_micros()).expect("a day");
            connection
                .prepare_cached("DELETE FROM tokens WHERE expires_at < ?1")?
                .execute([long_ago])?;
            Ok(())
        })
        .await
    }

    async fn token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<TokenRecord>, CredentialsError> {
        let hash = hex::encode(hash.0);
        let found = self
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT * FROM tokens WHERE hash = ?1")?
                    .query_row([hash], stored)
                    .optional()
            })
            .await?;
        let token = found.map(TokenRecord::try_from).transpose()?;
        Ok(token.filter(|token| token.is_live(now)))
    }

    async fn use_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<TokenRecord>, CredentialsError> {
        let Some(mut token) = self.token(hash, now).await? else { return Ok(None) };
        if token.note_use(now) {
            let hash = hex::encode(hash.0);
            self.write(move |connection| {
                connection
                    .prepare_cached("UPDATE tokens SET last_used_at = ?2 WHERE hash = ?1")?
                    .execute(params![hash, now.as_microsecond()])?;
                Ok(())
            })
            .await?;
        }
        Ok(Some(token))
    }

    async fn tokens(
        &self,
        subject: Uuid,
        now: Timestamp,
    ) -> Result<Vec<TokenRecord>, CredentialsError> {
        let stored: Vec<StoredToken> = self
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT * FROM tokens WHERE subject = ?1 ORDER BY created_at, hash",
                    )?
                    .query_map([subject.to_string()], stored)?
                    .collect()
            })
            .await?;
        TokenRecord::live(stored, now)
    }

    async fn rotate_refresh_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Rotation>, CredentialsError> {
        let (hash, now_us) = (hex::encode(hash.0), now.as_microsecond());
        let (refresh, session) = (TokenKind::Refresh.stored(), TokenKind::Session.stored());
        let rotated = self.write(move |connection| {
            let rotate = "UPDATE tokens SET rotated_at = ?2
                          WHERE hash = ?1 AND kind = ?3 AND rotated_at IS NULL";
            let is_first =
                connection.prepare_cached(rotate)?.execute(params![hash, now_us, refresh])? > 0;
            let found = connection
                .prepare_cached("SELECT * FROM tokens WHERE hash = ?1 AND kind = ?2")?
                .query_row([&hash, &refresh], stored)
                .optional()?;
            if let (true, Some(token)) = (is_first, &found) {
                connection
                    .prepare_cached(
                        "DELETE FROM tokens WHERE subject = ?1 AND id = ?2 AND kind = ?3",
                    )?
                    .execute([&token.subject, &token.id, &session])?;
            }
            Ok(found.map(|token| (is_first, token)))
        });
        let Some((is_first, token)) = rotated.await? else { return Ok(None) };
        Ok(TokenRecord::try_from(token)?.rotated(is_first, now))
    }

    async fn revoke_token(&self, subject: Uuid, token: Uuid) -> Result<bool, CredentialsError> {
        self.write(move |connection| {
            let removed = connection
                .prepare_cached(
                    "DELETE FROM tokens WHERE subject = ?1 AND id = ?2 AND rotated_at IS NULL",
                )?
                .execute([subject.to_string(), token.to_string()])?;
            Ok(removed > 0)
        })
        .await
    }

    async fn revoke_family(&self, subject: Uuid, family: Uuid) -> Result<(), CredentialsError> {
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM tokens WHERE subject = ?1 AND family = ?2")?
                .execute([subject.to_string(), family.to_string()])?;
            Ok(())
        })
        .await
    }

    async fn revoke_tokens(
        &self,
        subject: Uuid,
        kinds: &[TokenKind],
        except_family: Option<Uuid>,
    ) -> Result<(), CredentialsError> {
        let kinds: Vec<String> = kinds.iter().map(|kind| kind.stored()).collect();
        let except = except_family.map(|family| family.to_string());
        self.write(move |connection| {
            let mut delete = connection.prepare_cached(
                "DELETE FROM tokens WHERE subject = ?1 AND kind = ?2 AND family IS NOT ?3",
            )?;
            for kind in kinds {
                delete.execute(params![subject.to_string(), kind, except])?;
            }
            Ok(())
        })
        .await
    }

    async fn put_secret(&self, name: &str, secret: &str) -> Result<(), CredentialsError> {
        let row = [name.to_owned(), secret.to_owned()];
        self.write(move |connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO secrets (name, secret) VALUES (?1, ?2)")?
                .execute(row)?;
            Ok(())
        })
        .await
    }

    async fn add_secret(&self, name: &str, secret: &str) -> Result<bool, CredentialsError> {
        let row = [name.to_owned(), secret.to_owned()];
        self.write(move |connection| {
            let added = connection
                .prepare_cached("INSERT OR IGNORE INTO secrets (name, secret) VALUES (?1, ?2)")?
                .execute(row)?;
            Ok(added > 0)
        })
        .await
    }

    async fn secret(&self, name: &str) -> Result<Option<String>, CredentialsError> {
        let name = name.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT secret FROM secrets WHERE name = ?1")?
                .query_row([name], |row| row.get(0))
                .optional()
        })
        .await
    }

    async fn remove_secret(&self, name: &str) -> Result<(), CredentialsError> {
        let name = name.to_owned();
        self.write(move |connection| {
            connection.prepare_cached("DELETE FROM secrets WHERE name = ?1")?.execute([name])?;
            Ok(())
        })
        .await
    }

    async fn subjects(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, CredentialsError> {
        let after = after.map(|after| after.to_string());
        let names = self.names(
            "SELECT subject FROM profiles WHERE subject > ?1 ORDER BY subject LIMIT ?2",
            after,
            limit,
        );
        names.await?.iter().map(|name| subject(name)).collect()
    }

    async fn secret_names(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, CredentialsError> {
        let after = after.map(str::to_owned);
        self.names("SELECT name FROM secrets WHERE name > ?1 ORDER BY name LIMIT ?2", after, limit)
            .await
    }

    async fn is_empty(&self) -> Result<bool, CredentialsError> {
        self.read(|connection| {
            let query = "SELECT NOT EXISTS (SELECT 1 FROM profiles)
                            AND NOT EXISTS (SELECT 1 FROM tokens)
                            AND NOT EXISTS (SELECT 1 FROM secrets)
                            AND NOT EXISTS (SELECT 1 FROM tickets)
                            AND NOT EXISTS (SELECT 1 FROM identities)";
            connection.query_row(query, [], |row| row.get(0))
        })
        .await
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredToken> {
    Ok(StoredToken {
        hash: row.get("hash")?,
        id: row.get("id")?,
        subject: row.get("subject")?,
        login: row.get("login")?,
        kind: row.get("kind")?,
        name: row.get("name")?,
        scopes: row.get("scopes")?,
        created_at: row.get("created_at")?,
        last_used_at: row.get("last_used_at")?,
        expires_at: row.get("expires_at")?,
        family: row.get("family")?,
        rotated_at: row.get("rotated_at")?,
    })
}
