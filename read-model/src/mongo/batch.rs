//! Combines the changes of a commit into few commands: two round trips per collection instead of
//! one per document.

use std::collections::BTreeMap;

use mongodb::bson::{RawArrayBuf, RawDocument, RawDocumentBuf, rawdoc};

use super::document::stored;
use crate::names::Namespace;
use crate::writer::unavailable;
use crate::{Change, Collection, CommitError, Generation};

/// Maximum size of one command's documents, in bytes, unless a single one is larger. A command is
/// itself a document of up to 16 MiB.
const COMMAND_BYTES_MAX: usize = 8 << 20;
/// Maximum number of statements in one command. The server's limit is 100,000.
const STATEMENTS_MAX: usize = 10_000;

/// Maximum number of keys in one delete statement.
const KEYS_MAX: usize = 1_000;

/// The final change of each document. Intermediate states inside the transaction are not visible.
#[derive(Debug, Default)]
pub(super) struct Batch {
    collections: BTreeMap<String, BTreeMap<String, Option<RawDocumentBuf>>>,
}

impl Batch {
    pub(super) fn new(
        namespace: &Namespace,
        generation: Generation,
        changes: &[Change],
    ) -> Result<Self, CommitError> {
        let mut batch = Self::default();
        let stored_name = |collection: &Collection| {
            namespace.documents(collection, generation).map_err(unavailable)
        };
        for change in changes {
            match change {
                Change::Put { collection, key, document } => {
                    document.check(key)?;
                    batch.set(stored_name(collection)?, key, Some(stored(key, document)));
                }
                Change::Delete { collection, key } => {
                    batch.set(stored_name(collection)?, key, None);
                }
            }
        }
        Ok(batch)
    }

    fn set(&mut self, name: String, key: &str, document: Option<RawDocumentBuf>) {
        self.collections.entry(name).or_default().insert(key.to_owned(), document);
    }

    /// The commands that make the changes, in order. They can be run again after a rollback.
    ///
    /// A put is a delete and an insert: for a batch, that is several times as fast as replacing
    /// documents one by one.
    pub(super) fn commands(&self) -> Vec<RawDocumentBuf> {
        let mut commands = vec![];
        for (name, documents) in &self.collections {
            let mut deletes = Statements::new("delete", "deletes", name);
            let keys: Vec<_> = documents.keys().collect();
            for keys in keys.chunks(KEYS_MAX) {
                let keys: RawArrayBuf = keys.iter().map(|key| key.as_str()).collect();
                deletes.push(&rawdoc! { "q": { "_id": { "$in": keys } }, "limit": 0 });
            }
            let mut inserts = Statements::new("insert", "documents", name);
            documents.values().flatten().for_each(|document| inserts.push(document));
            commands.extend(deletes.finish());
            commands.extend(inserts.finish());
        }
        commands
    }
}

/// Statements of one kind for one collection, split into commands as needed.
struct Statements<'a> {
    command: &'static str,
    field: &'static str,
    collection: &'a str,
    waiting: RawArrayBuf,
    waiting_count: usize,
    waiting_bytes: usize,
    full: Vec<RawDocumentBuf>,
}

impl<'a> Statements<'a> {
    fn new(command: &'static str, field: &'static str, collection: &'a str) -> Self {
        Self {
            command,
            field,
            collection,
            waiting: RawArrayBuf::new(),
            waiting_count: 0,
            waiting_bytes: 0,
            full: vec![],
        }
    }

    fn push(&mut self, statement: &RawDocument) {
        let bytes = statement.as_bytes().len();
        let too_large = self.waiting_bytes + bytes > COMMAND_BYTES_MAX;
        if too_large || self.waiting_count == STATEMENTS_MAX {
            self.flush();
        }
        self.waiting.push(statement.to_owned());
        self.waiting_count += 1;
        self.waiting_bytes += bytes;
    }

    fn flush(&mut self) {
        if self.waiting_count == 0 {
            return;
        }
        let mut command = RawDocumentBuf::new();
        command.append(self.command, self.collection);
        command.append(self.field, std::mem::take(&mut self.waiting));
        self.full.push(command);
        self.waiting_count = 0;
        self.waiting_bytes = 0;
    }

    fn finish(mut self) -> Vec<RawDocumentBuf> {
        self.flush();
        self.full
    }
}
