//! What reader and writer share.

use std::error::Error;

use mongodb::bson::Document;
use mongodb::{Collection, Database};

use crate::names::Namespace;

pub(super) type BoxedError = Box<dyn Error + Send + Sync>;

/// The database that reader and writer share.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) database: Database,
    pub(super) namespace: Namespace,
}

impl Store {
    pub(super) fn checkpoints(&self) -> Collection<Document> {
        self.database.collection(&self.namespace.checkpoints())
    }

    pub(super) fn generations(&self) -> Collection<Document> {
        self.database.collection(&self.namespace.generations())
    }
}
