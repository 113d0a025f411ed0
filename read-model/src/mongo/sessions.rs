//! The sessions in which transactions run: one for each generation of a projection and one for what
//! says which there are, and the server's documents say which session that is.
//!
//! A process that is killed in a transaction leaves it open, and MongoDB keeps what it wrote locked
//! for a minute. So whoever writes something for the first time ends the session of whoever wrote
//! it before. A writer that is still alive loses at most one attempt by that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::{Client, ClientSession, Collection};
use tokio::sync::Mutex as AsyncMutex;

use super::Store;

/// The session of what is written by one at a time, once there was one.
#[derive(Debug, Default)]
pub(super) struct Session(Option<ClientSession>);

/// Every session of a process.
#[derive(Debug)]
pub(super) struct Sessions {
    client: Client,
    store: Store,
    /// Transactions of one session take turns.
    of: Mutex<HashMap<String, Arc<AsyncMutex<Session>>>>,
}

impl Sessions {
    pub(super) fn new(client: Client, store: Store) -> Self {
        Self { client, store, of: Mutex::default() }
    }

    pub(super) fn of(&self, writes: &str) -> Arc<AsyncMutex<Session>> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(of.entry(writes.to_owned()).or_default())
    }

    /// The session, in which nothing is open.
    pub(super) async fn ready<'a>(
        &self,
        writes: &str,
        session: &'a mut Session,
    ) -> Result<&'a mut ClientSession, Error> {
        let mut begun = match session.0.take() {
            Some(begun) => begun,
            None => self.begin(writes).await?,
        };
        // An attempt may have been dropped half-way. That nothing is open is no error.
        begun.abort_transaction().await.ok();
        Ok(session.0.insert(begun))
    }

    /// Ends the session of whoever was here before, and then enters its own: in the other order, a
    /// process that is killed between the two would leave one that nobody knows.
    async fn begin(&self, writes: &str) -> Result<ClientSession, Error> {
        let session = self.client.start_session().await?;
        let writers = self.writers();
        let before = writers.find_one(doc! { "_id": writes }).await?;
        if let Some(id) = before.as_ref().and_then(|before| before.get_document("session").ok()) {
            let kill = doc! { "killSessions": [id.clone()] };
            // Then it ends by itself, later.
            if let Err(error) = self.store.database.run_command(kill).await {
                tracing::warn!(%error, writes, "what a writer may have left open is not ended");
            }
        }
        let writer = doc! { "_id": writes, "session": session.id() };
        writers.replace_one(doc! { "_id": writes }, writer).upsert(true).await?;
        Ok(session)
    }

    fn writers(&self) -> Collection<Document> {
        self.store.database.collection(&self.store.namespace.writers())
    }
}
