//! Views and their collections.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The collection of a view's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Collection {
    /// The view's name, in the plural.
    pub name: &'static str,
    /// Increases whenever the documents' form or meaning changes. It is part of the stored name, so
    /// that a new schema is built beside the old one.
    pub schema: u32,
    /// Indexes, each a list of top-level fields. The key is always indexed and ends every index.
    pub indexes: &'static [&'static [&'static str]],
}

impl Collection {
    /// The name in the store: `problems_v1`.
    pub fn stored_name(&self) -> String {
        format!("{}_v{}", self.name, self.schema)
    }

    /// All fields that appear in an index.
    pub fn indexed_fields(&self) -> BTreeSet<&'static str> {
        self.indexes.iter().flat_map(|fields| fields.iter().copied()).collect()
    }
}

/// A document that is folded from the log.
pub trait View: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The collection of its documents.
    const COLLECTION: Collection;

    /// The document's key, unique in the collection.
    fn key(&self) -> String;
}

/// A time in documents: microseconds since 1970, so that all stores order it the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl From<Timestamp> for Micros {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }
}

impl From<Micros> for Timestamp {
    fn from(micros: Micros) -> Self {
        Self::from_microsecond(micros.0).unwrap_or(Self::UNIX_EPOCH)
    }
}
