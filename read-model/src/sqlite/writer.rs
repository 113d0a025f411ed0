//! Writing views to SQLite.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Checkpoint;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::Mutex;
use tokio::task;

use super::query::{column, extracted};
use super::stored_generations::takes_no_commits;
use super::table::{table_exists, text_of};
use crate::names::{InvalidName, Namespace};
use crate::writer::unavailable;
use crate::{Change, Collection, CommitError, Generation, ViewWriter};

#[derive(Debug)]
pub(super) struct SqliteWriter {
    state: Arc<Mutex<State>>,
    namespace: Namespace,
    generation: Generation,
}

#[derive(Debug)]
struct State {
    connection: Connection,
    /// Tables that are known to exist.
    known: HashSet<String>,
}

impl SqliteWriter {
    pub(super) fn new(connection: Connection, namespace: Namespace) -> Self {
        let state = State { connection, known: HashSet::new() };
        Self { state: Arc::new(Mutex::new(state)), namespace, generation: Generation::FIRST }
    }

    /// The same connection for another generation.
    pub(super) fn at(&self, generation: Generation) -> Self {
        Self { state: Arc::clone(&self.state), namespace: self.namespace.clone(), generation }
    }

    /// Runs work on a blocking thread. Once started, it finishes even if the caller is cancelled.
    async fn run<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut State) -> Result<T, CommitError> + Send + 'static,
    ) -> Result<T, CommitError> {
        let mut state = Arc::clone(&self.state).lock_owned().await;
        let written = task::spawn_blocking(move || {
            let result = write(&mut state);
            if result.is_err() {
                // Another process may have erased the tables.
                state.known.clear();
            }
            result
        });
        written.await.map_err(unavailable)?
    }

    /// Runs a change of anything except documents in a transaction.
    pub(super) async fn in_transaction(
        &self,
        write: impl FnOnce(&Connection, &Namespace) -> Result<(), CommitError> + Send + 'static,
    ) -> Result<(), CommitError> {
        let namespace = self.namespace.clone();
        self.run(move |state| {
            state.in_transaction(|transaction, known| {
                known.clear();
                write(transaction, &namespace)
            })
        })
        .await
    }

    fn place(&self) -> Place {
        Place { namespace: self.namespace.clone(), generation: self.generation }
    }
}

/// The namespace and generation of a commit's documents.
#[derive(Debug)]
struct Place {
    namespace: Namespace,
    generation: Generation,
}

#[async_trait]
impl ViewWriter for SqliteWriter {
    async fn prepare(&self, collections: &[Collection]) -> Result<(), CommitError> {
        let (collections, place) = (collections.to_vec(), self.place());
        self.run(move |state| {
            state.in_transaction(|transaction, known| {
                for collection in &collections {
                    make_documents(transaction, &place, known, collection)?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn index(&self, collections: &[Collection]) -> Result<(), CommitError> {
        for collection in collections.iter().copied() {
            for fields in collection.indexes {
                let place = self.place();
                // One at a time, so that other commits do not wait for all of them.
                self.run(move |state| {
                    state.in_transaction(|transaction, known| {
                        let table = make_documents(transaction, &place, known, &collection)?;
                        make_index(transaction, &table, fields)
                    })
                })
                .await?;
            }
        }
        Ok(())
    }

    async fn checkpoint(&self, projection: &str) -> Result<Option<Checkpoint>, CommitError> {
        let (key, table) = (self.generation.of_name(projection), self.namespace.checkpoints());
        self.run(move |state| {
            if table_exists(&state.connection, &table).map_err(unavailable)? {
                read_checkpoint(&state.connection, &table, &key)
            } else {
                Ok(None)
            }
        })
        .await
    }

    async fn commit(
        &self,
        projection: &str,
        from: Option<&Checkpoint>,
        to: &Checkpoint,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        for change in &changes {
            if let Change::Put { key, document, .. } = change {
                document.check(key)?;
            }
        }
        let (projection, from, to) = (projection.to_owned(), from.copied(), *to);
        let place = self.place();
        self.run(move |state| {
            state.in_transaction(|transaction, known| {
                let Place { namespace, generation } = &place;
                let table = make_checkpoints(transaction, namespace)?;
                let key = generation.of_name(&projection);
                if read_checkpoint(transaction, &table, &key)? != from
                    || takes_no_commits(transaction, namespace, &projection, *generation)?
                {
                    return Err(CommitError::Superseded);
                }
                let checkpoint = serde_json::to_string(&to).map_err(unavailable)?;
                transaction
                    .prepare_cached(&format!(
                        "INSERT OR REPLACE INTO \"{table}\" (projection, checkpoint) VALUES (?1, ?2)"
                    ))
                    .and_then(|mut statement| statement.execute([&key, &checkpoint]))
                    .map_err(unavailable)?;
                for change in &changes {
                    apply(transaction, &place, known, change)?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn erase(&self) -> Result<(), CommitError> {
        self.in_transaction(|transaction, namespace| {
            erase(transaction, namespace).map_err(unavailable)
        })
        .await
    }
}

impl State {
    /// Runs work in a transaction. It takes the write lock first, so that data it reads cannot
    /// change.
    fn in_transaction(
        &mut self,
        write: impl FnOnce(&Connection, &mut HashSet<String>) -> Result<(), CommitError>,
    ) -> Result<(), CommitError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(unavailable)?;
        write(&transaction, &mut self.known)?;
        transaction.commit().map_err(unavailable)
    }
}

fn apply(
    connection: &Connection,
    place: &Place,
    known: &mut HashSet<String>,
    change: &Change,
) -> Result<(), CommitError> {
    match change {
        Change::Put { collection, key, document } => {
            let table = make_documents(connection, place, known, collection)?;
            let sql = format!(
                "INSERT INTO \"{table}\" (key, document) VALUES (?1, ?2) \
                 ON CONFLICT (key) DO UPDATE SET document = excluded.document"
            );
            let mut statement = connection.prepare_cached(&sql).map_err(unavailable)?;
            statement.execute([key, document.text()]).map_err(unavailable)?;
        }
        Change::Delete { collection, key } => {
            let table = make_documents(connection, place, known, collection)?;
            let sql = format!("DELETE FROM \"{table}\" WHERE key = ?1");
            let mut statement = connection.prepare_cached(&sql).map_err(unavailable)?;
            statement.execute([key]).map_err(unavailable)?;
        }
    }
    Ok(())
}

/// Creates a collection's table if needed, and returns its name.
fn make_documents(
    connection: &Connection,
    place: &Place,
    known: &mut HashSet<String>,
    collection: &Collection,
) -> Result<String, CommitError> {
    let table = place.namespace.documents(collection, place.generation).map_err(unavailable)?;
    if known.contains(&table) {
        return Ok(table);
    }
    let fields = collection.indexed_fields();
    let columns: Result<Vec<_>, _> = fields.iter().map(|field| generated(field)).collect();
    let columns = columns.map_err(unavailable)?;
    let stored: String = columns.iter().map(|(_, column)| format!(", {column} STORED")).collect();
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS \"{table}\" \
         (key TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL{stored})"
    );
    connection.execute_batch(&sql).map_err(unavailable)?;
    add_columns(connection, &table, &columns).map_err(unavailable)?;
    known.insert(table.clone());
    Ok(table)
}

/// The name and definition of an indexed field's column.
fn generated(field: &str) -> Result<(String, String), InvalidName> {
    let (name, value) = (column(field)?, extracted(field)?);
    Ok((name.clone(), format!("{name} GENERATED ALWAYS AS ({value})")))
}

/// Adds missing columns to a table of an earlier Assay, whose indexes may also differ. SQLite can
/// only add virtual generated columns, not stored ones.
fn add_columns(
    connection: &Connection,
    table: &str,
    columns: &[(String, String)],
) -> rusqlite::Result<()> {
    let known = names(connection, "SELECT name FROM pragma_table_xinfo(?1)", table)?;
    let lacking: Vec<_> = columns.iter().filter(|(name, _)| !known.contains(name)).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    const INDEXES: &str = "SELECT name FROM sqlite_schema \
                           WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL";
    for index in names(connection, INDEXES, table)? {
        connection.execute_batch(&format!("DROP INDEX \"{index}\""))?;
    }
    for (_, column) in lacking {
        connection
            .execute_batch(&format!("ALTER TABLE \"{table}\" ADD COLUMN {column} VIRTUAL"))?;
    }
    Ok(())
}

fn names(connection: &Connection, sql: &str, of: &str) -> rusqlite::Result<Vec<String>> {
    connection.prepare_cached(sql)?.query_map([of], |row| row.get(0))?.collect()
}

fn make_index(connection: &Connection, table: &str, fields: &[&str]) -> Result<(), CommitError> {
    let columns = fields.iter().map(|field| column(field));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(unavailable)?.join(", ");
    let sql = format!(
        "CREATE INDEX IF NOT EXISTS \"{table}.{}\" ON \"{table}\" ({columns}, key)",
        fields.join(".")
    );
    connection.execute_batch(&sql).map_err(unavailable)
}

/// Creates the table of checkpoints if needed, and returns its name.
pub(super) fn make_checkpoints(
    connection: &Connection,
    namespace: &Namespace,
) -> Result<String, CommitError> {
    let table = namespace.checkpoints();
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS \"{table}\" \
         (projection TEXT NOT NULL PRIMARY KEY, checkpoint TEXT NOT NULL) WITHOUT ROWID"
    );
    connection.execute_batch(&sql).map_err(unavailable)?;
    Ok(table)
}

pub(super) fn read_checkpoint(
    connection: &Connection,
    table: &str,
    projection: &str,
) -> Result<Option<Checkpoint>, CommitError> {
    let text = text_of(connection, table, "checkpoint", projection).map_err(unavailable)?;
    text.map(|it| serde_json::from_str(&it)).transpose().map_err(|error| {
        CommitError::Damaged(format!("the checkpoint of {projection} does not parse: {error}"))
    })
}

fn erase(connection: &Connection, namespace: &Namespace) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM sqlite_schema \
         WHERE type = 'table' AND substr(name, 1, length(?1)) = ?1",
    )?;
    let tables = statement.query_map([namespace.prefix()], |row| row.get(0))?;
    let tables = tables.collect::<rusqlite::Result<Vec<String>>>()?;
    tables.iter().try_for_each(|it| connection.execute_batch(&format!("DROP TABLE \"{it}\"")))
}
