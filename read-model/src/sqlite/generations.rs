//! Changes of the list of generations, in SQLite.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use sqlite::Readers;

use super::reader::SqliteReader;
use super::stored_generations::{known, make, stored};
use super::writer::{SqliteWriter, make_checkpoints, read_checkpoint};
use crate::generation::{flip, has_caught_up};
use crate::names::Namespace;
use crate::writer::unavailable;
use crate::{
    CommitError, Generation, GenerationStore, Generations, ReadError, ViewReader, ViewWriter,
};

#[derive(Debug)]
pub(super) struct SqliteGenerations {
    pub(super) readers: Readers,
    pub(super) writer: SqliteWriter,
    pub(super) namespace: Namespace,
}

#[async_trait]
impl GenerationStore for SqliteGenerations {
    async fn all(&self) -> Result<BTreeMap<String, Generations>, ReadError> {
        let namespace = self.namespace.clone();
        let found = self.readers.run(move |connection| Ok(known(connection, &namespace)));
        found.await.map_err(ReadError::Unavailable)?
    }

    async fn change(
        &self,
        projection: &str,
        from: Option<&Generations>,
        to: &Generations,
    ) -> Result<(), CommitError> {
        let (projection, from, to) = (projection.to_owned(), from.cloned(), to.clone());
        let change = move |connection: &Connection, namespace: &Namespace| {
            let table = make(connection, namespace).map_err(unavailable)?;
            if stored(connection, &table, &projection)? != from {
                return Err(CommitError::Superseded);
            }
            if let Some((before, built)) = flip(from.as_ref(), &to) {
                let checkpoints = make_checkpoints(connection, namespace)?;
                let reached = |generation: Generation| {
                    let key = generation.of_name(&projection);
                    read_checkpoint(connection, &checkpoints, &key)
                };
                let live = match before.map(reached).transpose() {
                    // Other views replace those with a damaged checkpoint.
                    Err(CommitError::Damaged(_)) => None,
                    live => live?.flatten(),
                };
                if !has_caught_up(reached(built)?.as_ref(), live.as_ref()) {
                    return Err(CommitError::Behind);
                }
            }
            let text = serde_json::to_string(&to).map_err(unavailable)?;
            let sql = format!(
                "INSERT OR REPLACE INTO \"{table}\" (projection, generations) VALUES (?1, ?2)"
            );
            connection.execute(&sql, [&projection, &text]).map_err(unavailable)?;
            Ok(())
        };
        self.writer.in_transaction(change).await
    }

    async fn remove(
        &self,
        projection: &str,
        collections: &[String],
        generation: Generation,
    ) -> Result<(), CommitError> {
        let key = generation.of_name(projection);
        let tables = collections.iter().map(|name| self.namespace.stored(name, generation));
        let tables = tables.collect::<Result<Vec<_>, _>>().map_err(unavailable)?;
        // One table at a time, so that other commits do not wait for all of them.
        for table in tables {
            let sql = format!("DROP TABLE IF EXISTS \"{table}\"");
            let drop = move |connection: &Connection, _: &Namespace| {
                connection.execute_batch(&sql).map_err(unavailable)
            };
            self.writer.in_transaction(drop).await?;
        }
        let forget = move |connection: &Connection, namespace: &Namespace| {
            let table = make_checkpoints(connection, namespace)?;
            let sql = format!("DELETE FROM \"{table}\" WHERE projection = ?1");
            connection.execute(&sql, [key]).map_err(unavailable)?;
            Ok(())
        };
        self.writer.in_transaction(forget).await
    }

    async fn forget(&self, projection: &str) -> Result<(), CommitError> {
        let projection = projection.to_owned();
        let forget = move |connection: &Connection, namespace: &Namespace| {
            let table = make(connection, namespace).map_err(unavailable)?;
            let sql = format!("DELETE FROM \"{table}\" WHERE projection = ?1");
            connection.execute(&sql, [projection]).map_err(unavailable)?;
            Ok(())
        };
        self.writer.in_transaction(forget).await
    }

    fn at(&self, generation: Generation) -> (Arc<dyn ViewReader>, Arc<dyn ViewWriter>) {
        let (readers, namespace) = (self.readers.clone(), self.namespace.clone());
        let reader = SqliteReader { readers, namespace, pinned: Some(generation) };
        (Arc::new(reader), Arc::new(self.writer.at(generation)))
    }
}
