//! Changes of the list of generations, in MongoDB.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Checkpoint;
use mongodb::ClientSession;
use mongodb::bson::{Document, doc};
use tokio::time::sleep;

use super::failure::{Failure, failure};
use super::reader::MongoReader;
use super::store::Store;
use super::stored_generations::read_all;
use super::writer::{
    ATTEMPTS_MAX, MongoWriter, REST_MAX, REST_MIN, UPKEEP_MAX, checkpoint_of, stored_checkpoint,
    within,
};
use crate::generation::{flip, has_caught_up};
use crate::writer::unavailable;
use crate::{
    CommitError, Generation, GenerationStore, Generations, ReadError, ViewReader, ViewWriter,
};

#[derive(Debug)]
pub(super) struct MongoGenerations {
    pub(super) store: Store,
    pub(super) writer: MongoWriter,
}

impl MongoGenerations {
    async fn attempt(&self, change: &Exchange<'_>) -> Result<(), Failure> {
        let writes = format!("{}'s generations", change.projection);
        let session = self.writer.sessions.of(&writes);
        let mut session = session.lock().await;
        let session = self.writer.begin(&writes, &mut session).await?;
        if let Err(failure) = self.fill(change, session).await {
            session.abort_transaction().await.ok();
            return Err(failure);
        }
        MongoWriter::finish(session).await
    }

    async fn fill(
        &self,
        change: &Exchange<'_>,
        session: &mut ClientSession,
    ) -> Result<(), Failure> {
        let Exchange { projection, from, to, flip } = change;
        if let Some((before, built)) = flip {
            self.exchange(projection, *before, *built, session).await?;
        }
        let generations = self.store.generations();
        let set = doc! { "$set": { "generations": to } };
        if let Some(from) = from {
            let old = doc! { "_id": projection, "generations": from };
            let update = generations.update_one(old, set).session(&mut *session);
            if update.await.map_err(failure)?.matched_count == 0 {
                return Err(Failure::Superseded);
            }
        } else {
            let new = doc! { "_id": projection, "generations": to };
            generations.insert_one(new).session(&mut *session).await.map_err(failure)?;
        }
        Ok(())
    }

    /// Stops commits to the old live generation if the built one has caught up.
    async fn exchange(
        &self,
        projection: &str,
        before: Option<Generation>,
        built: Generation,
        session: &mut ClientSession,
    ) -> Result<(), Failure> {
        let Some(before) = before else { return Ok(()) };
        let checkpoints = self.store.checkpoints();
        let key = doc! { "_id": before.of_name(projection) };
        // First, so that this conflicts with a concurrent commit to that generation and only one of
        // them succeeds.
        let retired = doc! { "$set": { "retired": true } };
        let retire = checkpoints.update_one(key.clone(), retired).upsert(true);
        retire.session(&mut *session).await.map_err(failure)?;
        let live = match self.reached(projection, before, session).await {
            // Other views replace those with a damaged checkpoint.
            Err(Failure::Final(error)) if error.is::<CommitError>() => None,
            live => live?,
        };
        let built = self.reached(projection, built, session).await?;
        if !has_caught_up(built.as_ref(), live.as_ref()) {
            return Err(Failure::Behind);
        }
        if live.is_none() {
            let nowhere = stored_checkpoint(&Checkpoint::start(uuid::Uuid::nil()))?;
            let set = checkpoints.update_one(key, doc! { "$set": nowhere });
            set.session(&mut *session).await.map_err(failure)?;
        }
        Ok(())
    }

    async fn reached(
        &self,
        projection: &str,
        generation: Generation,
        session: &mut ClientSession,
    ) -> Result<Option<Checkpoint>, Failure> {
        let key = doc! { "_id": generation.of_name(projection) };
        let found = self.store.checkpoints().find_one(key).session(&mut *session).await;
        let found = found.map_err(failure)?;
        let Some(document) = found.filter(|it| it.contains_key("position")) else {
            return Ok(None);
        };
        checkpoint_of(projection, document).map(Some).map_err(|it| Failure::Final(it.into()))
    }
}

/// One change of generations.
struct Exchange<'a> {
    projection: &'a str,
    from: Option<String>,
    to: String,
    flip: Option<(Option<Generation>, Generation)>,
}

#[async_trait]
impl GenerationStore for MongoGenerations {
    async fn all(&self) -> Result<BTreeMap<String, Generations>, ReadError> {
        read_all(&self.store).await
    }

    async fn change(
        &self,
        projection: &str,
        from: Option<&Generations>,
        to: &Generations,
    ) -> Result<(), CommitError> {
        let text = |it: &Generations| serde_json::to_string(it).map_err(unavailable);
        let (stored, wanted) = (from.map(text).transpose()?, text(to)?);
        let change = Exchange { projection, from: stored, to: wanted, flip: flip(from, to) };
        within(UPKEEP_MAX, async {
            for name in [self.store.namespace.generations(), self.store.namespace.checkpoints()] {
                self.writer.make_once(&name).await.map_err(unavailable)?;
            }
            let (mut rest, mut may_be_done) = (REST_MIN, false);
            for _ in 0..ATTEMPTS_MAX {
                match self.attempt(&change).await {
                    Ok(()) => return Ok(()),
                    Err(Failure::Superseded) if may_be_done => {
                        let all = read_all(&self.store).await.map_err(unavailable)?;
                        let done = all.get(projection) == Some(to);
                        return if done { Ok(()) } else { Err(CommitError::Superseded) };
                    }
                    Err(Failure::Superseded) => return Err(CommitError::Superseded),
                    Err(Failure::Behind) => return Err(CommitError::Behind),
                    Err(Failure::Final(error) | Failure::Refused(error)) => {
                        return Err(CommitError::Unavailable(error));
                    }
                    Err(Failure::Transient(_)) => {}
                    Err(Failure::Unknown(_)) => may_be_done = true,
                }
                sleep(rest).await;
                rest = (rest * 2).min(REST_MAX);
            }
            Err(unavailable("the server rolls every attempt back"))
        })
        .await
        .inspect_err(|_| self.writer.forget())
    }

    async fn remove(
        &self,
        projection: &str,
        collections: &[String],
        generation: Generation,
    ) -> Result<(), CommitError> {
        self.writer.forget();
        within(UPKEEP_MAX, async {
            for name in collections {
                let name = self.store.namespace.stored(name, generation).map_err(unavailable)?;
                let collection = self.store.database.collection::<Document>(&name);
                collection.drop().await.map_err(unavailable)?;
            }
            let key = doc! { "_id": generation.of_name(projection) };
            self.store.checkpoints().delete_one(key).await.map_err(unavailable)?;
            Ok(())
        })
        .await
    }

    async fn forget(&self, projection: &str) -> Result<(), CommitError> {
        let generations = self.store.generations();
        let delete = generations.delete_one(doc! { "_id": projection });
        within(UPKEEP_MAX, async { delete.await.map(drop).map_err(unavailable) }).await
    }

    fn at(&self, generation: Generation) -> (Arc<dyn ViewReader>, Arc<dyn ViewWriter>) {
        let reader = MongoReader::pinned(self.store.clone(), generation);
        (Arc::new(reader), Arc::new(self.writer.at(generation)))
    }
}
