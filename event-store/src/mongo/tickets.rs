//! [`Tickets`] in MongoDB: `credentials.tickets`.

use async_trait::async_trait;
use futures::TryStreamExt;
use jiff::Timestamp;
use mongodb::bson::{DateTime, Document, doc, to_document};
use uuid::Uuid;

use super::credentials::{MongoCredentials, SWEPT_BY, not_available};
use crate::credentials::tickets::StoredTicket;
use crate::{CredentialsError, Ticket, TicketKind, Tickets, TokenHash};

#[async_trait]
impl Tickets for MongoCredentials {
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), CredentialsError> {
        let stored = StoredTicket::from(ticket);
        let mut document = to_document(&stored).expect("a ticket is text and numbers");
        document.insert(SWEPT_BY, DateTime::from_millis(ticket.expires_at.as_millisecond()));
        self.tickets
            .clone_with_type::<Document>()
            .replace_one(doc! { "_id": stored.hash }, document)
            .upsert(true)
            .await
            .map(drop)
            .map_err(not_available)
    }

    async fn ticket(
        &self,
        kind: TicketKind,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Ticket>, CredentialsError> {
        let found =
            self.tickets.find_one(live_one(kind, hash, now)).await.map_err(not_available)?;
        found.map(|ticket| ticket.of(kind)).transpose()
    }

    async fn take_ticket(
        &self,
        kind: TicketKind,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Ticket>, CredentialsError> {
        let take = self.tickets.find_one_and_delete(live_one(kind, hash, now));
        take.await.map_err(not_available)?.map(|ticket| ticket.of(kind)).transpose()
    }

    async fn tickets(
        &self,
        kind: TicketKind,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Ticket>, CredentialsError> {
        let find = self.tickets.find(live(kind, now));
        let find = find.sort(doc! { "created_at": 1, "_id": 1 }).limit(limit.into());
        let found: Vec<StoredTicket> =
            find.await.map_err(not_available)?.try_collect().await.map_err(not_available)?;
        found.into_iter().map(|ticket| ticket.of(kind)).collect()
    }

    async fn count_tickets(
        &self,
        kind: TicketKind,
        now: Timestamp,
    ) -> Result<u64, CredentialsError> {
        self.tickets.count_documents(live(kind, now)).await.map_err(not_available)
    }

    async fn remove_ticket(&self, kind: TicketKind, id: Uuid) -> Result<bool, CredentialsError> {
        let filter = doc! { "kind": kind.stored(), "id": id.to_string() };
        let removed = self.tickets.delete_one(filter).await.map_err(not_available)?;
        Ok(removed.deleted_count > 0)
    }

    async fn remove_tickets_of(
        &self,
        kind: TicketKind,
        subject: Uuid,
    ) -> Result<(), CredentialsError> {
        let filter = doc! { "kind": kind.stored(), "subject": subject.to_string() };
        self.tickets.delete_many(filter).await.map(drop).map_err(not_available)
    }
}

fn live(kind: TicketKind, now: Timestamp) -> Document {
    doc! { "kind": kind.stored(), "expires_at": { "$gt": now.as_microsecond() } }
}

fn live_one(kind: TicketKind, hash: &TokenHash, now: Timestamp) -> Document {
    let mut filter = live(kind, now);
    filter.insert("_id", hex::encode(hash.0));
    filter
}
