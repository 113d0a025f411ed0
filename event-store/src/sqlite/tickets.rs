//! [`Tickets`] in a SQLite file of credentials.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::credentials::SqliteCredentials;
use crate::credentials::tickets::StoredTicket;
use crate::{CredentialsError, Ticket, TicketKind, Tickets, TokenHash};

#[async_trait]
impl Tickets for SqliteCredentials {
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), CredentialsError> {
        let ticket = StoredTicket::from(ticket);
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO tickets (hash, id, kind, subject, data, created_at,
                                                     expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    ticket.hash,
                    ticket.id,
                    ticket.kind,
                    ticket.subject,
                    ticket.data,
                    ticket.created_at,
                    ticket.expires_at,
                ])?;
            // Each new ticket also deletes those that have expired.
            connection
                .prepare_cached("DELETE FROM tickets WHERE expires_at <= ?1")?
                .execute([ticket.created_at])?;
            Ok(())
        })
        .await
    }

    async fn ticket(
        &self,
        kind: TicketKind,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Ticket>, CredentialsError> {
        let key = (hex::encode(hash.0), kind.stored(), now.as_microsecond());
        let found = self.read(move |connection| {
            let query = "SELECT * FROM tickets WHERE hash = ?1 AND kind = ?2 AND expires_at > ?3";
            connection.prepare_cached(query)?.query_row(key, stored).optional()
        });
        found.await?.map(|ticket| ticket.of(kind)).transpose()
    }

    async fn take_ticket(
        &self,
        kind: TicketKind,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Ticket>, CredentialsError> {
        let key = (hex::encode(hash.0), kind.stored(), now.as_microsecond());
        let taken = self.write(move |connection| {
            let delete = "DELETE FROM tickets WHERE hash = ?1 AND kind = ?2 AND expires_at > ?3
                          RETURNING *";
            connection.prepare_cached(delete)?.query_row(key, stored).optional()
        });
        taken.await?.map(|ticket| ticket.of(kind)).transpose()
    }

    async fn tickets(
        &self,
        kind: TicketKind,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Ticket>, CredentialsError> {
        let found = self.read(move |connection| {
            let query = "SELECT * FROM tickets WHERE kind = ?1 AND expires_at > ?2
                         ORDER BY created_at, hash LIMIT ?3";
            let key = params![kind.stored(), now.as_microsecond(), limit];
            let found: rusqlite::Result<Vec<StoredTicket>> =
                connection.prepare_cached(query)?.query_map(key, stored)?.collect();
            found
        });
        found.await?.into_iter().map(|ticket| ticket.of(kind)).collect()
    }

    async fn count_tickets(
        &self,
        kind: TicketKind,
        now: Timestamp,
    ) -> Result<u64, CredentialsError> {
        self.read(move |connection| {
            let query = "SELECT count(*) FROM tickets WHERE kind = ?1 AND expires_at > ?2";
            let count: i64 = connection
                .prepare_cached(query)?
                .query_row((kind.stored(), now.as_microsecond()), |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
        .await
    }

    async fn remove_ticket(&self, kind: TicketKind, id: Uuid) -> Result<bool, CredentialsError> {
        self.write(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM tickets WHERE kind = ?1 AND id = ?2")?
                .execute((kind.stored(), id.to_string()))?;
            Ok(removed > 0)
        })
        .await
    }

    async fn remove_tickets_of(
        &self,
        kind: TicketKind,
        subject: Uuid,
    ) -> Result<(), CredentialsError> {
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM tickets WHERE kind = ?1 AND subject = ?2")?
                .execute((kind.stored(), subject.to_string()))?;
            Ok(())
        })
        .await
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredTicket> {
    Ok(StoredTicket {
        hash: row.get("hash")?,
        id: row.get("id")?,
        kind: row.get("kind")?,
        subject: row.get("subject")?,
        data: row.get("data")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}
