//! Reading views from MongoDB.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use async_trait::async_trait;
use domain::Checkpoint;
use futures::{StreamExt, TryStreamExt};
use mongodb::Cursor;
use mongodb::bson::{Document, doc};
use serde_json::Value;

use super::document::loaded;
use super::filter::{filter, sort};
use super::read_limit::{READ_MAX, within};
use super::store::Store;
use super::stored_generations::Serving;
use crate::generation::{live_of, visible};
use crate::paging::Walk;
use crate::reader::unavailable;
use crate::stored::damaged;
use crate::{Collection, Condition, Generation, Page, PageRequest, ReadError, ViewReader};

#[derive(Debug)]
pub(super) struct MongoReader {
    store: Store,
    /// The generation to read; `None` for each projection's live one.
    pinned: Option<Generation>,
    serving: Serving,
}

impl MongoReader {
    pub(super) fn live(store: Store) -> Self {
        Self { store, pinned: None, serving: Serving::default() }
    }

    pub(super) fn pinned(store: Store, generation: Generation) -> Self {
        Self { store, pinned: Some(generation), serving: Serving::default() }
    }

    /// Runs a read of one collection, all of it on one generation; `None` if none is live. It takes
    /// less time than a retired generation is kept.
    async fn run<T, F: Future<Output = Result<T, ReadError>>>(
        &self,
        collection: &Collection,
        read: impl FnOnce(mongodb::Collection<Document>) -> F,
    ) -> Result<Option<T>, ReadError> {
        let began = Instant::now();
        let found = within(async {
            let generation = match self.pinned {
                Some(pinned) => Some(pinned),
                None => {
                    let known = self.serving.known(&self.store).await?;
                    live_of(&known, collection)
                }
            };
            let Some(generation) = generation else { return Ok(None) };
            let name = self.store.namespace.documents(collection, generation);
            let name = name.map_err(unavailable)?;
            read(self.store.database.collection(&name)).await.map(Some)
        });
        let found = found.await;
        // A process that was suspended may have read from a generation that was dropped in between.
        if began.elapsed() > READ_MAX { Err(unavailable("it took too long")) } else { found }
    }
}

#[async_trait]
impl ViewReader for MongoReader {
    async fn get(
        &self,
        collection: &Collection,
        keys: &[String],
    ) -> Result<Vec<Option<Value>>, ReadError> {
        let found = self.run(collection, |documents| async move {
            let find = documents.find(doc! { "_id": { "$in": keys } }).max_time(READ_MAX);
            all(collection, find.await.map_err(unavailable)?).await
        });
        let found: HashMap<_, _> = found.await?.unwrap_or_default().into_iter().collect();
        // A key may have been requested more than once.
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn page(
        &self,
        collection: &Collection,
        request: &PageRequest,
    ) -> Result<Page<Value>, ReadError> {
        let walked = self.run(collection, |documents| async move {
            let mut walk = Walk::new(request);
            while let Some(leg) = walk.next_leg() {
                let wanted =
                    filter(&request.conditions, Some(&leg.stretch)).map_err(unavailable)?;
                let find = documents
                    .find(wanted)
                    .sort(sort(&leg).map_err(unavailable)?)
                    .limit(i64::try_from(leg.limit).unwrap_or(i64::MAX))
                    .batch_size(u32::try_from(leg.limit).unwrap_or(u32::MAX))
                    // Sorting without an index is slow, but not an error.
                    .allow_disk_use(true)
                    .max_time(READ_MAX);
                walk.meet(all(collection, find.await.map_err(unavailable)?).await?);
            }
            Ok(walk)
        });
        walked.await?.unwrap_or_else(|| Walk::new(request)).finish(collection)
    }

    async fn count(
        &self,
        collection: &Collection,
        conditions: &[Condition],
    ) -> Result<u64, ReadError> {
        let counted = self.run(collection, |documents| async move {
            let wanted = filter(conditions, None).map_err(unavailable)?;
            documents.count_documents(wanted).max_time(READ_MAX).await.map_err(unavailable)
        });
        Ok(counted.await?.unwrap_or(0))
    }

    async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, ReadError> {
        let name = self.store.namespace.checkpoints();
        // Read the live generations before the checkpoints. In the other order, a checkpoint could
        // be newer than the documents it is taken to describe.
        let found = within(async {
            let known = self.serving.known(&self.store).await?;
            let stored = self.store.checkpoints();
            let find = stored.find(doc! {}).max_time(READ_MAX);
            let cursor = find.await.map_err(unavailable)?;
            let documents: Vec<_> = cursor.try_collect().await.map_err(unavailable)?;
            let checkpoints = documents.into_iter().map(|document| {
                let (projection, fields) = loaded(document)
                    .map_err(|(key, source)| damaged(name.clone(), &key, source))?;
                let checkpoint = serde_json::from_value(fields)
                    .map_err(|source| damaged(name.clone(), &projection, source))?;
                Ok((projection, checkpoint))
            });
            Ok((known, checkpoints.collect::<Result<_, ReadError>>()?))
        });
        let (known, stored) = found.await?;
        Ok(visible(stored, self.pinned, &known))
    }
}

/// All results of a query.
async fn all(
    collection: &Collection,
    cursor: Cursor<Document>,
) -> Result<Vec<(String, Value)>, ReadError> {
    let documents = cursor.map(|document| {
        loaded(document.map_err(unavailable)?)
            .map_err(|(key, source)| damaged(collection.stored_name(), &key, source))
    });
    documents.try_collect().await
}
