//! Reading views from SQLite.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Checkpoint;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use serde_json::Value;

use super::query::Query;
use super::{BoxedError, Pool, table_exists};
use crate::names::Namespace;
use crate::paging::Walk;
use crate::stored::damaged;
use crate::{Collection, Condition, Page, PageRequest, ReadError, ViewReader};

#[derive(Debug)]
pub(super) struct SqliteReader {
    pub(super) pool: Arc<Pool>,
    pub(super) namespace: Namespace,
}

impl SqliteReader {
    /// Runs a read of one table; `None` when there is no such table (yet).
    async fn run<T: Send + 'static>(
        &self,
        table: String,
        read: impl FnOnce(&Connection, &str) -> Result<T, BoxedError> + Send + 'static,
    ) -> Result<Option<T>, ReadError> {
        let result = self.pool.run(move |connection| match read(connection, &table) {
            Ok(found) => Ok(Some(found)),
            Err(_) if !table_exists(connection, &table)? => Ok(None),
            Err(error) => Err(error),
        });
        result.await.map_err(ReadError::Unavailable)
    }

    fn table(&self, collection: &Collection) -> Result<String, ReadError> {
        self.namespace.documents(collection).map_err(|it| ReadError::Unavailable(it.into()))
    }
}

#[async_trait]
impl ViewReader for SqliteReader {
    async fn get(
        &self,
        collection: &Collection,
        keys: &[String],
    ) -> Result<Vec<Option<Value>>, ReadError> {
        let wanted = keys.to_vec();
        let found = self.run(self.table(collection)?, move |connection, table| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT document FROM \"{table}\" WHERE key = ?1"))?;
            let documents =
                wanted.iter().map(|key| statement.query_row([key], |row| row.get(0)).optional());
            Ok(documents.collect::<Result<Vec<Option<String>>, _>>()?)
        });
        let Some(found) = found.await? else { return Ok(vec![None; keys.len()]) };
        let keyed = keys.iter().zip(found);
        keyed.map(|(key, text)| text.map(|it| parsed(collection, key, &it)).transpose()).collect()
    }

    async fn page(
        &self,
        collection: &Collection,
        request: &PageRequest,
    ) -> Result<Page<Value>, ReadError> {
        let mut walk = Walk::new(request);
        while let Some(leg) = walk.next_leg() {
            let table = self.table(collection)?;
            let query = Query::page(&table, &request.conditions, &leg)
                .map_err(|it| ReadError::Unavailable(it.into()))?;
            let found = self.run(table, move |connection, _| rows(connection, query)).await?;
            let found = found.unwrap_or_default().into_iter().map(|(key, text)| {
                let document = parsed(collection, &key, &text)?;
                Ok((key, document))
            });
            walk.meet(found.collect::<Result<_, ReadError>>()?);
        }
        walk.finish(collection)
    }

    async fn count(
        &self,
        collection: &Collection,
        conditions: &[Condition],
    ) -> Result<u64, ReadError> {
        let table = self.table(collection)?;
        let query =
            Query::count(&table, conditions).map_err(|it| ReadError::Unavailable(it.into()))?;
        let count = self.run(table, move |connection, _| {
            let mut statement = connection.prepare_cached(&query.text)?;
            let count: i64 =
                statement.query_row(params_from_iter(query.bound), |row| row.get(0))?;
            Ok(count.unsigned_abs())
        });
        Ok(count.await?.unwrap_or(0))
    }

    async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, ReadError> {
        let table = self.namespace.checkpoints();
        let found = self.run(table.clone(), |connection, table| {
            let text = format!("SELECT projection, checkpoint FROM \"{table}\"");
            rows(connection, Query { text, bound: vec![] })
        });
        let found = found.await?.unwrap_or_default().into_iter().map(|(projection, text)| {
            let checkpoint = serde_json::from_str(&text)
                .map_err(|source| damaged(table.clone(), &projection, source))?;
            Ok((projection, checkpoint))
        });
        found.collect()
    }
}

fn rows(connection: &Connection, query: Query) -> Result<Vec<(String, String)>, BoxedError> {
    let mut statement = connection.prepare_cached(&query.text)?;
    let rows =
        statement.query_map(params_from_iter(query.bound), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn parsed(collection: &Collection, key: &str, text: &str) -> Result<Value, ReadError> {
    serde_json::from_str(text).map_err(|source| damaged(collection.stored_name(), key, source))
}
