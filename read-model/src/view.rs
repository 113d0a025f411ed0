//! What a view is.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Where a view's documents are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Collection {
    /// The view's name, in the plural.
    pub name: &'static str,
    /// Counts up whenever the documents' form or meaning changes; part of the stored name, so that
    /// a new schema is built beside the old one.
    pub schema: u32,
    /// Each a list of top-level fields; the key is always indexed, and ends every index.
    pub indexes: &'static [&'static [&'static str]],
}

impl Collection {
    /// The name in the store: `problems_v1`.
    pub fn stored_name(&self) -> String {
        format!("{}_v{}", self.name, self.schema)
    }

    /// Every field that an index is about.
    pub fn indexed_fields(&self) -> BTreeSet<&'static str> {
        self.indexes.iter().flat_map(|fields| fields.iter().copied()).collect()
    }
}

/// A document that is folded from the log.
pub trait View: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Where its documents are kept.
    const COLLECTION: Collection;

    /// Its key, unique in the collection.
    fn key(&self) -> String;
}

/// A time as documents hold it: microseconds since 1970, so that every store orders it alike.
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
