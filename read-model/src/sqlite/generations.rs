//! The list of generations, in SQLite.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};
use sqlite::Readers;

use super::reader::SqliteReader;
use super::writer::{SqliteWriter, make_checkpoints, read_checkpoint, unavailable};
use super::{BoxedError, table_exists};
use crate::generation::{Known, flip, has_caught_up};
use crate::names::Namespace;
use crate::stored::damaged;
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
                let live = before.map(reached).transpose()?.flatten();
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

/// All stored generations, as this connection's transaction sees them.
pub(super) fn known(connection: &Connection, namespace: &Namespace) -> Result<Known, ReadError> {
    let table = namespace.generations();
    let rows = rows(connection, &table).map_err(ReadError::Unavailable)?.into_iter();
    let rows = rows.map(|(projection, text)| {
        let generations = serde_json::from_str(&text)
            .map_err(|source| damaged(table.clone(), &projection, source))?;
        Ok((projection, generations))
    });
    rows.collect()
}

fn rows(connection: &Connection, table: &str) -> Result<Vec<(String, String)>, BoxedError> {
    let sql = format!("SELECT projection, generations FROM \"{table}\"");
    let mut statement = match connection.prepare_cached(&sql) {
        Ok(statement) => statement,
        Err(_) if !table_exists(connection, table)? => return Ok(vec![]),
        // The table is new and this connection still has the old schema.
        Err(_) => connection.prepare_cached(&sql)?,
    };
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a generation must not be written.
pub(super) fn takes_no_commits(
    connection: &Connection,
    namespace: &Namespace,
    projection: &str,
    generation: Generation,
) -> Result<bool, CommitError> {
    let table = namespace.generations();
    if !table_exists(connection, &table).map_err(unavailable)? {
        return Ok(false);
    }
    let known = stored(connection, &table, projection)?;
    Ok(known.is_some_and(|known| !known.takes_commits(generation)))
}

fn stored(
    connection: &Connection,
    table: &str,
    projection: &str,
) -> Result<Option<Generations>, CommitError> {
    let sql = format!("SELECT generations FROM \"{table}\" WHERE projection = ?1");
    let text: Option<String> = connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_row([projection], |row| row.get(0)).optional())
        .map_err(unavailable)?;
    text.map(|it| serde_json::from_str(&it)).transpose().map_err(|error| {
        CommitError::Damaged(format!("the generations of {projection} do not parse: {error}"))
    })
}

/// Creates the table of generations if needed, and returns its name.
fn make(connection: &Connection, namespace: &Namespace) -> rusqlite::Result<String> {
    let table = namespace.generations();
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS \"{table}\" \
         (projection TEXT NOT NULL PRIMARY KEY, generations TEXT NOT NULL) WITHOUT ROWID"
    ))?;
    Ok(table)
}
