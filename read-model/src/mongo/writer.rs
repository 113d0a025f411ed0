//! Writing views to MongoDB.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::Checkpoint;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::error::UNKNOWN_TRANSACTION_COMMIT_RESULT;
use mongodb::options::{IndexOptions, ReadConcern, WriteConcern};
use mongodb::{Client, ClientSession, IndexModel};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::batch::Batch;
use super::document::loaded;
use super::failure::{Failure, command_code, failure};
use super::sessions::{Session, Sessions};
use super::store::{BoxedError, Store};
use super::stored_generations::takes_commits;
use crate::names::plain;
use crate::writer::unavailable;
use crate::{Change, Collection, CommitError, Generation, Unstorable, ViewWriter};

/// Time limit of a commit, including all attempts.
const COMMIT_MAX: Duration = Duration::from_secs(30);
/// Maximum number of attempts of a transaction.
pub(super) const ATTEMPTS_MAX: u32 = 100;
/// Maximum number of tries to commit one transaction.
const COMMIT_TRIES_MAX: u32 = 3;
/// Delay before the second attempt. It doubles up to `REST_MAX`.
pub(super) const REST_MIN: Duration = Duration::from_millis(5);
/// Maximum delay between attempts.
pub(super) const REST_MAX: Duration = Duration::from_millis(500);
/// Time limit for creating indexes. The server continues after the client stops waiting.
const INDEX_MAX: Duration = Duration::from_secs(600);
/// Time limit for creating collections, reading a checkpoint or erasing.
pub(super) const UPKEEP_MAX: Duration = Duration::from_secs(60);
/// The server's error code for a collection that already exists.
const NAMESPACE_EXISTS: i32 = 48;
/// The server's error code for a command that is too large, which only a too large document causes.
const OBJECT_TOO_LARGE: i32 = 10_334;
/// The server's error codes for a document that it will never accept: too large (`BadValue`), too
/// deep (`Overflow`), refused by the collection's validator, or impossible to index.
const DOCUMENT_REFUSED: [i32; 4] = [2, 15, 121, 171];

#[derive(Debug)]
pub(super) struct MongoWriter {
    pub(super) sessions: Arc<Sessions>,
    store: Store,
    generation: Generation,
    /// Collections that are known to exist.
    known: Arc<Mutex<HashSet<String>>>,
}

/// The parts of one commit.
struct Commit<'a> {
    projection: &'a str,
    /// The key of the checkpoint's document.
    key: String,
    from: Option<&'a Checkpoint>,
    to: &'a Checkpoint,
    /// Unique id of this commit, stored in the checkpoint.
    token: String,
    commands: Vec<RawDocumentBuf>,
}

impl MongoWriter {
    pub(super) fn new(client: Client, store: Store) -> Self {
        let sessions = Arc::new(Sessions::new(client, store.clone()));
        Self { sessions, store, generation: Generation::FIRST, known: Arc::default() }
    }

    /// The same for another generation.
    pub(super) fn at(&self, generation: Generation) -> Self {
        let (sessions, known) = (Arc::clone(&self.sessions), Arc::clone(&self.known));
        Self { sessions, store: self.store.clone(), generation, known }
    }

    /// Creates the collection and the one for checkpoints. Outside of transactions, because inside
    /// one, collections would be locked for longer.
    async fn make(&self, collection: &Collection) -> Result<(), BoxedError> {
        let name = self.store.namespace.documents(collection, self.generation)?;
        self.make_once(&self.store.namespace.checkpoints()).await?;
        self.make_once(&name).await
    }

    async fn make_indexes(&self, collection: &Collection) -> Result<(), BoxedError> {
        let name = self.store.namespace.documents(collection, self.generation)?;
        let indexes = collection.indexes.iter().map(|fields| index(fields));
        let indexes = indexes.collect::<Result<Vec<_>, _>>()?;
        if !indexes.is_empty() {
            self.store.database.collection::<Document>(&name).create_indexes(indexes).await?;
        }
        Ok(())
    }

    pub(super) async fn make_once(&self, name: &str) -> Result<(), BoxedError> {
        if self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(name) {
            return Ok(());
        }
        match self.store.database.create_collection(name).await {
            Err(error) if command_code(&error) != Some(NAMESPACE_EXISTS) => {
                return Err(error.into());
            }
            _ => {}
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        Ok(())
    }

    /// Repeats attempts until the outcome is known.
    async fn commit_surely(&self, commit: &Commit<'_>) -> Result<(), CommitError> {
        let mut may_be_applied = false;
        let mut rest = REST_MIN;
        for attempt in 1.. {
            let error = match self.attempt(commit).await {
                Ok(()) => return Ok(()),
                Err(Failure::Superseded) if may_be_applied && self.is_applied(commit).await? => {
                    return Ok(());
                }
                Err(Failure::Superseded) => return Err(CommitError::Superseded),
                Err(Failure::Behind) => return Err(CommitError::Behind),
                Err(Failure::Refused(error)) => return Err(Unstorable::Refused(error).into()),
                Err(Failure::Final(error)) => return Err(CommitError::Unavailable(error)),
                Err(Failure::Transient(error)) => error,
                Err(Failure::Unknown(error)) => {
                    may_be_applied = true;
                    error
                }
            };
            if attempt == ATTEMPTS_MAX {
                return Err(unavailable(error));
            }
            tracing::debug!(%error, attempt, "retrying a commit to the read model");
            sleep(rest).await;
            rest = (rest * 2).min(REST_MAX);
        }
        unreachable!("the last attempt returns")
    }

    async fn attempt(&self, commit: &Commit<'_>) -> Result<(), Failure> {
        let writes = &commit.key;
        let session = self.sessions.of(writes);
        let mut session = session.lock().await;
        let session = self.begin(writes, &mut session).await?;
        if let Err(failure) = self.fill(commit, session).await {
            // Without this, the server would abort it only after a minute.
            session.abort_transaction().await.ok();
            return Err(failure);
        }
        Self::finish(session).await
    }

    /// Begins a transaction in the session for `writes`.
    pub(super) async fn begin<'a>(
        &self,
        writes: &str,
        session: &'a mut Session,
    ) -> Result<&'a mut ClientSession, Failure> {
        let session = self.sessions.ready(writes, session).await.map_err(Failure::Transient)?;
        session
            .start_transaction()
            .write_concern(WriteConcern::majority())
            .await
            .map_err(|error| Failure::Final(error.into()))?;
        Ok(session)
    }

    /// Commits the transaction.
    pub(super) async fn finish(session: &mut ClientSession) -> Result<(), Failure> {
        let mut tries = 1;
        loop {
            match session.commit_transaction().await {
                Ok(()) => return Ok(()),
                Err(error)
                    if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
                        && tries < COMMIT_TRIES_MAX =>
                {
                    tries += 1;
                }
                // The outcome is unknown even if the server does not know the transaction, because
                // an earlier try may have committed it.
                Err(error) => return Err(Failure::Unknown(error)),
            }
        }
    }

    /// The content of the transaction. The checkpoint comes first, so that of two racing commits
    /// one stops there.
    async fn fill(&self, commit: &Commit<'_>, session: &mut ClientSession) -> Result<(), Failure> {
        let checkpoints = self.store.checkpoints();
        let mut to = stored_checkpoint(commit.to)?;
        to.insert("commit", &commit.token);
        if let Some(from) = commit.from {
            let mut old = stored_checkpoint(from)?;
            old.insert("_id", &commit.key);
            // A retired generation takes no commits.
            old.insert("retired", doc! { "$exists": false });
            let update = checkpoints.update_one(old, doc! { "$set": to }).session(&mut *session);
            if update.await.map_err(failure)?.matched_count == 0 {
                return Err(Failure::Superseded);
            }
        } else {
            to.insert("_id", &commit.key);
            checkpoints.insert_one(to).session(&mut *session).await.map_err(failure)?;
            // A dropped generation has no checkpoint to mark as retired.
            let (projection, generation) = (commit.projection, self.generation);
            if !takes_commits(&self.store, projection, generation, session).await? {
                return Err(Failure::Superseded);
            }
        }
        for command in &commit.commands {
            let reply = self.store.database.run_raw_command(command.clone()).session(&mut *session);
            let reply = reply.await.map_err(|error| match command_code(&error) {
                Some(OBJECT_TOO_LARGE) => Failure::Refused(error.into()),
                _ => failure(error),
            })?;
            // The driver does not check the replies of raw commands.
            if let Ok([first, ..]) = reply.get_array("writeErrors").map(Vec::as_slice) {
                let code = first.as_document().and_then(|first| first.get_i32("code").ok());
                let error = first.to_string().into();
                return Err(match code {
                    Some(code) if DOCUMENT_REFUSED.contains(&code) => Failure::Refused(error),
                    _ => Failure::Final(error),
                });
            }
        }
        Ok(())
    }

    /// Whether the stored checkpoint is from this commit. The read is linearizable, so the answer
    /// is final.
    async fn is_applied(&self, commit: &Commit<'_>) -> Result<bool, CommitError> {
        let filter = doc! { "_id": &commit.key, "commit": &commit.token };
        let checkpoints = self.store.checkpoints();
        let found = checkpoints.find_one(filter);
        let found = found.read_concern(ReadConcern::linearizable()).max_time(COMMIT_MAX).await;
        Ok(found.map_err(unavailable)?.is_some())
    }

    pub(super) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[async_trait]
impl ViewWriter for MongoWriter {
    async fn prepare(&self, collections: &[Collection]) -> Result<(), CommitError> {
        within(UPKEEP_MAX, async {
            for collection in collections {
                self.make(collection).await.map_err(unavailable)?;
            }
            Ok(())
        })
        .await
    }

    async fn index(&self, collections: &[Collection]) -> Result<(), CommitError> {
        within(INDEX_MAX, async {
            for collection in collections {
                self.make_indexes(collection).await.map_err(unavailable)?;
            }
            Ok(())
        })
        .await
    }

    async fn checkpoint(&self, projection: &str) -> Result<Option<Checkpoint>, CommitError> {
        let checkpoints = self.store.checkpoints();
        let find = checkpoints.find_one(doc! { "_id": self.generation.of_name(projection) });
        let found = within(UPKEEP_MAX, async { find.await.map_err(unavailable) }).await?;
        let Some(document) = found else { return Ok(None) };
        checkpoint_of(projection, document).map(Some)
    }

    async fn commit(
        &self,
        projection: &str,
        from: Option<&Checkpoint>,
        to: &Checkpoint,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        let batch = Batch::new(&self.store.namespace, self.generation, &changes)?;
        let commands = batch.commands();
        let token = Uuid::now_v7().to_string();
        let key = self.generation.of_name(projection);
        let commit = Commit { projection, key, from, to, token, commands };
        let result = within(COMMIT_MAX, async {
            let collections: HashSet<_> = changes.iter().map(collection_of).collect();
            for collection in collections {
                self.make(collection).await.map_err(unavailable)?;
            }
            if changes.is_empty() {
                let checkpoints = self.store.namespace.checkpoints();
                self.make_once(&checkpoints).await.map_err(unavailable)?;
            }
            self.commit_surely(&commit).await
        });
        // Another process may have erased the collections.
        result.await.inspect_err(|_| self.forget())
    }

    async fn erase(&self) -> Result<(), CommitError> {
        self.forget();
        within(UPKEEP_MAX, async {
            let names = self.store.database.list_collection_names().await.map_err(unavailable)?;
            // Drop the checkpoints first: views without a checkpoint are rebuilt, but a checkpoint
            // without views would be trusted.
            self.store.checkpoints().drop().await.map_err(unavailable)?;
            self.store.generations().drop().await.map_err(unavailable)?;
            let prefix = self.store.namespace.prefix();
            for name in names.iter().filter(|name| name.starts_with(&prefix)) {
                let collection = self.store.database.collection::<Document>(name);
                collection.drop().await.map_err(unavailable)?;
            }
            Ok(())
        })
        .await
    }
}

pub(super) fn checkpoint_of(
    projection: &str,
    document: Document,
) -> Result<Checkpoint, CommitError> {
    let checkpoint = loaded(document).map_err(|(_, error)| error);
    let checkpoint = checkpoint.and_then(|(_, fields)| serde_json::from_value(fields));
    checkpoint.map_err(|error| {
        CommitError::Damaged(format!("the checkpoint of {projection} does not parse: {error}"))
    })
}

fn collection_of(change: &Change) -> &Collection {
    match change {
        Change::Put { collection, .. } | Change::Delete { collection, .. } => collection,
    }
}

fn index(fields: &[&str]) -> Result<IndexModel, BoxedError> {
    let mut keys = doc! {};
    for field in fields {
        keys.insert(plain(field)?, 1);
    }
    keys.insert("_id", 1);
    let options = IndexOptions::builder().name(fields.join(".")).build();
    Ok(IndexModel::builder().keys(keys).options(options).build())
}

pub(super) fn stored_checkpoint(checkpoint: &Checkpoint) -> Result<Document, Failure> {
    let position = i64::try_from(checkpoint.position.0).map_err(|it| Failure::Final(it.into()))?;
    Ok(doc! {
        "log": checkpoint.log.to_string(),
        "position": position,
        "event": checkpoint.event.to_string(),
    })
}

/// Adds a time limit. The driver itself would wait forever for a silent server.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, CommitError>>,
) -> Result<T, CommitError> {
    timeout(limit, work).await.map_err(unavailable)?
}
