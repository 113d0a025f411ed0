//! The changes of a commit as few commands: a round trip for each collection, not for each document.

use std::collections::BTreeMap;

use mongodb::bson::{RawArrayBuf, RawDocumentBuf, rawdoc};

use super::BoxedError;
use super::document::stored;
use crate::names::Namespace;
use crate::stored::storable;
use crate::{Change, Collection};

/// Bytes of one command's documents, unless a single one is greater. A command itself is a
/// document, of 16 MiB at most.
const COMMAND_BYTES_MAX: usize = 8 << 20;
/// Statements of one command, at most; the server takes 100,000.
const STATEMENTS_MAX: usize = 10_000;

/// What becomes of each document, in the end: within one transaction nobody sees it on the way.
#[derive(Debug, Default)]
pub(super) struct Batch {
    collections: BTreeMap<String, BTreeMap<String, Option<RawDocumentBuf>>>,
}

impl Batch {
    pub(super) fn new(namespace: &Namespace, changes: &[Change]) -> Result<Self, BoxedError> {
        let mut batch = Self::default();
        for change in changes {
            match change {
                Change::Put { collection, key, document } => {
                    storable(key, document)?;
                    let fields = document.as_object().expect("storable documents are objects");
                    batch.set(namespace, collection, key, Some(stored(key, fields)))?;
                }
                Change::Delete { collection, key } => {
                    batch.set(namespace, collection, key, None)?;
                }
            }
        }
        Ok(batch)
    }

    fn set(
        &mut self,
        namespace: &Namespace,
        collection: &Collection,
        key: &str,
        document: Option<RawDocumentBuf>,
    ) -> Result<(), BoxedError> {
        let name = namespace.documents(collection)?;
        self.collections.entry(name).or_default().insert(key.to_owned(), document);
        Ok(())
    }

    /// The commands that bring it about, in any order. They can be run again after a rollback.
    pub(super) fn commands(&self) -> Vec<RawDocumentBuf> {
        let mut commands = vec![];
        for (name, documents) in &self.collections {
            let mut deletes = Statements::new("delete", "deletes", name);
            let mut updates = Statements::new("update", "updates", name);
            for (key, document) in documents {
                match document {
                    None => deletes.push(rawdoc! { "q": { "_id": key.as_str() }, "limit": 1 }),
                    Some(document) => {
                        let mut update = rawdoc! { "q": { "_id": key.as_str() }, "upsert": true };
                        update.append_ref("u", document.as_ref());
                        updates.push(update);
                    }
                }
            }
            commands.extend(deletes.finish());
            commands.extend(updates.finish());
        }
        commands
    }
}

/// Statements of one kind for one collection, in as many commands as they need.
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

    fn push(&mut self, statement: RawDocumentBuf) {
        let bytes = statement.as_bytes().len();
        let too_large = self.waiting_bytes + bytes > COMMAND_BYTES_MAX;
        if too_large || self.waiting_count == STATEMENTS_MAX {
            self.flush();
        }
        self.waiting.push(statement);
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
