//! The sessions for transactions: one for each generation of a projection and one for each list of
//! generations. The database records the id of each current session.
//!
//! A process killed inside a transaction leaves it open, and MongoDB keeps its writes locked for a
//! minute. So a process's first write ends the session of the previous writer. A writer that is
//! still alive loses at most one attempt.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::{Client, ClientSession, Collection};
use tokio::sync::Mutex as AsyncMutex;

use super::store::Store;

/// The current session of one writer, once it was started.
#[derive(Debug, Default)]
pub(super) struct Session(Option<ClientSession>);

/// All sessions of a process.
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

    /// The session, without an open transaction.
    pub(super) async fn ready<'a>(
        &self,
        writes: &str,
        session: &'a mut Session,
    ) -> Result<&'a mut ClientSession, Error> {
        let mut begun = match session.0.take() {
            Some(begun) => begun,
            None => self.begin(writes).await?,
        };
        // An earlier attempt may have been cancelled midway. It is not an error if no transaction
        // is open.
        begun.abort_transaction().await.ok();
        Ok(session.0.insert(begun))
    }

    /// Ends the previous writer's session, then records its own. In the other order, a process
    /// killed between the two steps would leave the old session unrecorded and open.
    async fn begin(&self, writes: &str) -> Result<ClientSession, Error> {
        let session = self.client.start_session().await?;
        let writers = self.writers();
        let before = writers.find_one(doc! { "_id": writes }).await?;
        if let Some(id) = before.as_ref().and_then(|before| before.get_document("session").ok()) {
            let kill = doc! { "killSessions": [id.clone()] };
            // The session then expires by itself.
            if let Err(error) = self.store.database.run_command(kill).await {
                tracing::warn!(%error, writes, "cannot end the session of a previous writer");
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
