//! Reading views from MongoDB.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use domain::Checkpoint;
use futures::{StreamExt, TryStreamExt};
use mongodb::Cursor;
use mongodb::bson::{Document, doc};
use serde_json::Value;
use tokio::time::timeout;

use super::document::loaded;
use super::filter::{filter, sort};
use super::{BoxedError, Store};
use crate::paging::Walk;
use crate::stored::damaged;
use crate::{Collection, Condition, Page, PageRequest, ReadError, ViewReader};

/// How long one read of the store may take; also told to the server, which stops working then.
const READ_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct MongoReader {
    pub(super) store: Store,
}

impl MongoReader {
    fn documents(
        &self,
        collection: &Collection,
    ) -> Result<mongodb::Collection<Document>, ReadError> {
        let name = self.store.namespace.documents(collection).map_err(unavailable)?;
        Ok(self.store.database.collection(&name))
    }
}

#[async_trait]
impl ViewReader for MongoReader {
    async fn get(
        &self,
        collection: &Collection,
        keys: &[String],
    ) -> Result<Vec<Option<Value>>, ReadError> {
        let found = within(async {
            let documents = self.documents(collection)?;
            let find = documents.find(doc! { "_id": { "$in": keys } }).max_time(READ_MAX);
            all(collection, find.await.map_err(unavailable)?).await
        });
        let found: HashMap<_, _> = found.await?.into_iter().collect();
        // The same key may have been asked for more than once.
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn page(
        &self,
        collection: &Collection,
        request: &PageRequest,
    ) -> Result<Page<Value>, ReadError> {
        let mut walk = Walk::new(request);
        while let Some(leg) = walk.next_leg() {
            let found = within(async {
                let wanted =
                    filter(&request.conditions, Some(&leg.stretch)).map_err(unavailable)?;
                let documents = self.documents(collection)?;
                let find = documents
                    .find(wanted)
                    .sort(sort(&leg).map_err(unavailable)?)
                    .limit(i64::try_from(leg.limit).unwrap_or(i64::MAX))
                    .batch_size(u32::try_from(leg.limit).unwrap_or(u32::MAX))
                    // An order without an index is slow, but no error.
                    .allow_disk_use(true)
                    .max_time(READ_MAX);
                all(collection, find.await.map_err(unavailable)?).await
            });
            walk.meet(found.await?);
        }
        walk.finish(collection)
    }

    async fn count(
        &self,
        collection: &Collection,
        conditions: &[Condition],
    ) -> Result<u64, ReadError> {
        within(async {
            let wanted = filter(conditions, None).map_err(unavailable)?;
            let documents = self.documents(collection)?;
            documents.count_documents(wanted).max_time(READ_MAX).await.map_err(unavailable)
        })
        .await
    }

    async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, ReadError> {
        let name = self.store.namespace.checkpoints();
        within(async {
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
            checkpoints.collect()
        })
        .await
    }
}

/// Everything that a query found.
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

/// The driver itself would wait for a silent server for ever.
async fn within<T>(read: impl Future<Output = Result<T, ReadError>>) -> Result<T, ReadError> {
    timeout(READ_MAX, read).await.map_err(unavailable)?
}

fn unavailable(error: impl Into<BoxedError>) -> ReadError {
    ReadError::Unavailable(error.into())
}
