//! [`Credentials`] in MongoDB: `credentials.profiles`, `credentials.tokens` and
//! `credentials.secrets`. Tickets and identities are in the files beside this one.

use std::collections::HashMap;

use async_trait::async_trait;
use futures::TryStreamExt;
use jiff::Timestamp;
use mongodb::Collection;
use mongodb::bson::{Bson, DateTime, Document, doc, to_document};
use mongodb::error::Error;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{connect, index, unavailable, unique};
use crate::credentials::identities::StoredIdentity;
use crate::credentials::tickets::StoredTicket;
use crate::credentials::{SWEEP_AFTER, StoredToken, subject as subject_of};
use crate::open_error::OpenError;
use crate::{Credentials, CredentialsError, Profile, Rotation, TokenHash, TokenKind, TokenRecord};

const PORT: &str = "credentials";
/// The expiry of a token or ticket as a date, for MongoDB's TTL index. Reads use `expires_at`.
pub(super) const SWEPT_BY: &str = "expires_on";

#[derive(Debug, Serialize, Deserialize)]
struct StoredProfile {
    #[serde(rename = "_id")]
    subject: String,
    profile: Profile,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredSecret {
    #[serde(rename = "_id")]
    name: String,
    secret: String,
}

/// A database of credentials.
#[derive(Debug)]
pub(crate) struct MongoCredentials {
    profiles: Collection<StoredProfile>,
    tokens: Collection<StoredToken>,
    secrets: Collection<StoredSecret>,
    pub(super) tickets: Collection<StoredTicket>,
    pub(super) identities: Collection<StoredIdentity>,
}

impl MongoCredentials {
    pub(crate) async fn open(url: &str) -> Result<Self, OpenError> {
        let database = connect(url, PORT).await?;
        let credentials = Self {
            profiles: database.collection("credentials.profiles"),
            tokens: database.collection("credentials.tokens"),
            secrets: database.collection("credentials.secrets"),
            tickets: database.collection("credentials.tickets"),
            identities: database.collection("credentials.identities"),
        };
        credentials.index().await.map_err(|error| unavailable(PORT, error))?;
        Ok(credentials)
    }

    async fn index(&self) -> Result<(), Error> {
        self.tokens.create_index(index(doc! { "subject": 1, "created_at": 1 })).await?;
        let mut sweep = index(doc! { SWEPT_BY: 1 });
        sweep.options.get_or_insert_default().expire_after = Some(SWEEP_AFTER.unsigned_abs());
        self.tokens.create_index(sweep.clone()).await?;
        self.tickets.create_index(sweep).await?;
        self.tickets.create_index(index(doc! { "kind": 1, "created_at": 1 })).await?;
        self.tickets.create_index(index(doc! { "subject": 1 })).await?;
        self.identities.create_index(unique(doc! { "issuer": 1, "external_id": 1 })).await?;
        self.identities.create_index(index(doc! { "subject": 1, "created_at": 1 })).await?;
        self.profiles.create_index(index(doc! { "profile.email": 1 })).await?;
        Ok(())
    }
}

#[async_trait]
impl Credentials for MongoCredentials {
    async fn put_profile(&self, subject: Uuid, profile: &Profile) -> Result<(), CredentialsError> {
        let stored = StoredProfile { subject: subject.to_string(), profile: profile.clone() };
        self.profiles
            .replace_one(doc! { "_id": &stored.subject }, &stored)
            .upsert(true)
            .await
            .map(drop)
            .map_err(not_available)
    }

    async fn change_profile(
        &self,
        subject: Uuid,
        from: &Profile,
        to: &Profile,
    ) -> Result<bool, CredentialsError> {
        let unchanged = doc! {
            "_id": subject.to_string(),
            "profile.email": &from.email,
            "profile.name": &from.name,
            "profile.password_hash": &from.password_hash,
        };
        let stored = StoredProfile { subject: subject.to_string(), profile: to.clone() };
        let replaced = self.profiles.replace_one(unchanged, &stored).await;
        Ok(replaced.map_err(not_available)?.matched_count > 0)
    }

    async fn subjects_with_email(
        &self,
        email: &str,
        limit: u32,
    ) -> Result<Vec<Uuid>, CredentialsError> {
        let find = self.profiles.find(doc! { "profile.email": email });
        let find = find.sort(doc! { "_id": 1 }).limit(limit.into());
        let found: Vec<StoredProfile> =
            find.await.map_err(not_available)?.try_collect().await.map_err(not_available)?;
        found.iter().map(|stored| subject_of(&stored.subject)).collect()
    }

    async fn profiles(&self, subjects: &[Uuid]) -> Result<Vec<Option<Profile>>, CredentialsError> {
        let names: Vec<String> = subjects.iter().map(Uuid::to_string).collect();
        let find = self.profiles.find(doc! { "_id": { "$in": &names } });
        let found: Vec<StoredProfile> =
            find.await.map_err(not_available)?.try_collect().await.map_err(not_available)?;
        let profiles: HashMap<String, Profile> =
            found.into_iter().map(|stored| (stored.subject, stored.profile)).collect();
        Ok(names.iter().map(|name| profiles.get(name).cloned()).collect())
    }

    async fn erase(&self, subject: Uuid) -> Result<(), CredentialsError> {
        let subject = subject.to_string();
        // Tokens first: an interrupted erasure leaves no session signed in, and repeating the call
        // finishes it.
        let of_subject = doc! { "subject": &subject };
        self.tokens.delete_many(of_subject.clone()).await.map_err(not_available)?;
        self.tickets.delete_many(of_subject.clone()).await.map_err(not_available)?;
        self.identities.delete_many(of_subject).await.map_err(not_available)?;
        self.profiles.delete_one(doc! { "_id": &subject }).await.map_err(not_available)?;
        Ok(())
    }

    async fn put_token(&self, token: &TokenRecord) -> Result<(), CredentialsError> {
        let stored = StoredToken::from(token);
        let mut document = to_document(&stored).expect("a token is text and numbers");
        if let Some(end) = token.expires_at {
            document.insert(SWEPT_BY, DateTime::from_millis(end.as_millisecond()));
        }
        self.tokens
            .clone_with_type::<Document>()
            .replace_one(doc! { "_id": stored.hash }, document)
            .upsert(true)
            .await
            .map(drop)
            .map_err(not_available)
    }

    async fn token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<TokenRecord>, CredentialsError> {
        let find = self.tokens.find_one(doc! { "_id": hex::encode(hash.0) });
        let token = find.await.map_err(not_available)?.map(TokenRecord::try_from).transpose()?;
        Ok(token.filter(|token| token.is_live(now)))
    }

    async fn use_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<TokenRecord>, CredentialsError> {
        let Some(mut token) = self.token(hash, now).await? else { return Ok(None) };
        if token.note_use(now) {
            let key = doc! { "_id": hex::encode(hash.0) };
            let used = doc! { "$set": { "last_used_at": now.as_microsecond() } };
            self.tokens.update_one(key, used).await.map_err(not_available)?;
        }
        Ok(Some(token))
    }

    async fn tokens(
        &self,
        subject: Uuid,
        now: Timestamp,
    ) -> Result<Vec<TokenRecord>, CredentialsError> {
        let find = self
            .tokens
            .find(doc! { "subject": subject.to_string() })
            .sort(doc! { "created_at": 1, "_id": 1 });
        let stored: Vec<StoredToken> =
            find.await.map_err(not_available)?.try_collect().await.map_err(not_available)?;
        TokenRecord::live(stored, now)
    }

    async fn rotate_refresh_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Rotation>, CredentialsError> {
        let one = doc! { "_id": hex::encode(hash.0), "kind": TokenKind::Refresh.stored() };
        let mut unused = one.clone();
        unused.insert("rotated_at", Bson::Null);
        let mark = doc! { "$set": { "rotated_at": now.as_microsecond() } };
        let marked = self.tokens.update_one(unused, mark).await.map_err(not_available)?;
        let is_first = marked.modified_count > 0;
        let Some(token) = self.tokens.find_one(one).await.map_err(not_available)? else {
            return Ok(None);
        };
        if is_first {
            let kind = TokenKind::Session.stored();
            let session = doc! { "subject": &token.subject, "id": &token.id, "kind": kind };
            self.tokens.delete_many(session).await.map_err(not_available)?;
        }
        Ok(TokenRecord::try_from(token)?.rotated(is_first, now))
    }

    async fn revoke_token(&self, subject: Uuid, token: Uuid) -> Result<bool, CredentialsError> {
        let (subject, id) = (subject.to_string(), token.to_string());
        let filter = doc! { "subject": subject, "id": id, "rotated_at": Bson::Null };
        let removed = self.tokens.delete_many(filter).await.map_err(not_available)?;
        Ok(removed.deleted_count > 0)
    }

    async fn revoke_family(&self, subject: Uuid, family: Uuid) -> Result<(), CredentialsError> {
        let filter = doc! { "subject": subject.to_string(), "$or": of_family(family) };
        self.tokens.delete_many(filter).await.map(drop).map_err(not_available)
    }

    async fn revoke_tokens(
        &self,
        subject: Uuid,
        kinds: &[TokenKind],
        except_family: Option<Uuid>,
    ) -> Result<(), CredentialsError> {
        let kinds: Vec<String> = kinds.iter().map(|kind| kind.stored()).collect();
        let mut filter = doc! { "subject": subject.to_string(), "kind": { "$in": kinds } };
        if let Some(family) = except_family {
            filter.insert("$nor", of_family(family));
        }
        self.tokens.delete_many(filter).await.map(drop).map_err(not_available)
    }

    async fn put_secret(&self, name: &str, secret: &str) -> Result<(), CredentialsError> {
        let stored = StoredSecret { name: name.to_owned(), secret: secret.to_owned() };
        self.secrets
            .replace_one(doc! { "_id": name }, &stored)
            .upsert(true)
            .await
            .map(drop)
            .map_err(not_available)
    }

    async fn add_secret(&self, name: &str, secret: &str) -> Result<bool, CredentialsError> {
        let only_new = doc! { "$setOnInsert": { "secret": secret } };
        let secrets = self.secrets.update_one(doc! { "_id": name }, only_new);
        let added = secrets.upsert(true).await.map_err(not_available)?;
        Ok(added.upserted_id.is_some())
    }

    async fn secret(&self, name: &str) -> Result<Option<String>, CredentialsError> {
        let found = self.secrets.find_one(doc! { "_id": name }).await.map_err(not_available)?;
        Ok(found.map(|stored| stored.secret))
    }

    async fn remove_secret(&self, name: &str) -> Result<(), CredentialsError> {
        self.secrets.delete_one(doc! { "_id": name }).await.map(drop).map_err(not_available)
    }

    async fn subjects(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, CredentialsError> {
        let after = after.map(|after| after.to_string()).unwrap_or_default();
        let find = self.profiles.find(doc! { "_id": { "$gt": after } });
        let find = find.sort(doc! { "_id": 1 }).limit(limit.into());
        let found: Vec<StoredProfile> =
            find.await.map_err(not_available)?.try_collect().await.map_err(not_available)?;
        found.iter().map(|stored| subject_of(&stored.subject)).collect()
    }

    async fn secret_names(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, CredentialsError> {
        let find = self.secrets.find(doc! { "_id": { "$gt": after.unwrap_or_default() } });
        let find = find.sort(doc! { "_id": 1 }).limit(limit.into());
        let found: Vec<StoredSecret> =
            find.await.map_err(not_available)?.try_collect().await.map_err(not_available)?;
        Ok(found.into_iter().map(|stored| stored.name).collect())
    }

    async fn is_empty(&self) -> Result<bool, CredentialsError> {
        let profile = self.profiles.find_one(doc! {}).await.map_err(not_available)?;
        let token = self.tokens.find_one(doc! {}).await.map_err(not_available)?;
        let secret = self.secrets.find_one(doc! {}).await.map_err(not_available)?;
        let ticket = self.tickets.find_one(doc! {}).await.map_err(not_available)?;
        let identity = self.identities.find_one(doc! {}).await.map_err(not_available)?;
        let accounts = profile.is_none() && token.is_none() && identity.is_none();
        Ok(accounts && secret.is_none() && ticket.is_none())
    }
}

/// The tokens of one sign-in. Those of older versions have no family, but their own id.
fn of_family(family: Uuid) -> Vec<Document> {
    let family = family.to_string();
    vec![doc! { "family": &family }, doc! { "family": Bson::Null, "id": &family }]
}

pub(super) fn not_available(error: Error) -> CredentialsError {
    CredentialsError::Unavailable(Box::new(error))
}
