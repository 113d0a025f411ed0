//! Reading views from SQLite.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::Checkpoint;
use rusqlite::types::Value as Bound;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use serde_json::Value;
use sqlite::Readers;

use super::query::Query;
use super::stored_generations::known;
use super::table::{BoxedError, table_exists};
use crate::generation::{live_of, visible};
use crate::names::Namespace;
use crate::paging::Walk;
use crate::reader::unavailable;
use crate::stored::damaged;
use crate::{Collection, Condition, Generation, Page, PageRequest, ReadError, ViewReader};

#[derive(Debug)]
pub(super) struct SqliteReader {
    pub(super) readers: Readers,
    pub(super) namespace: Namespace,
    /// The generation to read; `None` for each projection's live one.
    pub(super) pinned: Option<Generation>,
}

impl SqliteReader {
    /// Runs a read of one table in one snapshot; `None` if the table does not exist (yet).
    async fn run<T: Send + 'static>(
        &self,
        collection: &Collection,
        read: impl FnOnce(&Connection, &str) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<Option<T>, ReadError> {
        let (collection, namespace, pinned) = (*collection, self.namespace.clone(), self.pinned);
        let result = self.readers.run(move |connection| {
            let moment = connection.unchecked_transaction()?;
            Ok(read_live(&moment, &namespace, &collection, pinned, read))
        });
        result.await.map_err(ReadError::Unavailable)?
    }
}

/// Reads the table of the generation that is live in this transaction.
fn read_live<T>(
    moment: &Connection,
    namespace: &Namespace,
    collection: &Collection,
    pinned: Option<Generation>,
    read: impl FnOnce(&Connection, &str) -> Result<T, ReadError>,
) -> Result<Option<T>, ReadError> {
    let generation = match pinned {
        Some(pinned) => Some(pinned),
        None => live_of(&known(moment, namespace)?, collection),
    };
    let Some(generation) = generation else { return Ok(None) };
    let table = namespace.documents(collection, generation).map_err(unavailable)?;
    match read(moment, &table) {
        Ok(found) => Ok(Some(found)),
        Err(_) if !table_exists(moment, &table).map_err(unavailable)? => Ok(None),
        Err(error) => Err(error),
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
        let found = self.run(collection, move |connection, table| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT document FROM \"{table}\" WHERE key = ?1"))
                .map_err(unavailable)?;
            let documents =
                wanted.iter().map(|key| statement.query_row([key], |row| row.get(0)).optional());
            documents.collect::<Result<Vec<Option<String>>, _>>().map_err(unavailable)
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
        let (owned, conditions, mut walk) =
            (*collection, request.conditions.clone(), Walk::new(request));
        let empty = Walk::new(request);
        let walked = self.run(collection, move |connection, table| {
            while let Some(leg) = walk.next_leg() {
                let query = Query::page(&owned, table, &conditions, &leg).map_err(unavailable)?;
                let found =
                    rows(connection, &query.text, query.bound).map_err(unavailable)?.into_iter();
                let found = found.map(|(key, text)| {
                    let document = parsed(&owned, &key, &text)?;
                    Ok((key, document))
                });
                walk.meet(found.collect::<Result<_, ReadError>>()?);
            }
            Ok(walk)
        });
        walked.await?.unwrap_or(empty).finish(collection)
    }

    async fn count(
        &self,
        collection: &Collection,
        conditions: &[Condition],
    ) -> Result<u64, ReadError> {
        let (owned, conditions) = (*collection, conditions.to_vec());
        let count = self.run(collection, move |connection, table| {
            let query = Query::count(&owned, table, &conditions).map_err(unavailable)?;
            let mut statement = connection.prepare_cached(&query.text).map_err(unavailable)?;
            let count: i64 = statement
                .query_row(params_from_iter(query.bound), |row| row.get(0))
                .map_err(unavailable)?;
            Ok(count.unsigned_abs())
        });
        Ok(count.await?.unwrap_or(0))
    }

    async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, ReadError> {
        let (namespace, pinned) = (self.namespace.clone(), self.pinned);
        let found = self.readers.run(move |connection| {
            let moment = connection.unchecked_transaction()?;
            Ok(stored_checkpoints(&moment, &namespace.checkpoints())
                .and_then(|stored| Ok(visible(stored, pinned, &known(&moment, &namespace)?))))
        });
        found.await.map_err(ReadError::Unavailable)?
    }
}

fn stored_checkpoints(
    connection: &Connection,
    table: &str,
) -> Result<BTreeMap<String, Checkpoint>, ReadError> {
    let text = format!("SELECT projection, checkpoint FROM \"{table}\"");
    let found = match rows(connection, &text, vec![]) {
        Ok(found) => found,
        Err(_) if !table_exists(connection, table).map_err(unavailable)? => vec![],
        // The table is new and this connection still has the old schema.
        Err(_) => rows(connection, &text, vec![]).map_err(ReadError::Unavailable)?,
    };
    let found = found.into_iter().map(|(key, text)| {
        let checkpoint = serde_json::from_str(&text)
            .map_err(|source| damaged(table.to_owned(), &key, source))?;
        Ok((key, checkpoint))
    });
    found.collect()
}

fn rows(
    connection: &Connection,
    text: &str,
    bound: Vec<Bound>,
) -> Result<Vec<(String, String)>, BoxedError> {
    let mut statement = connection.prepare_cached(text)?;
    let rows =
        statement.query_map(params_from_iter(bound), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn parsed(collection: &Collection, key: &str, text: &str) -> Result<Value, ReadError> {
    serde_json::from_str(text).map_err(|source| damaged(collection.stored_name(), key, source))
}
