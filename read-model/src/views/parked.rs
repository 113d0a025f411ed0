//! Streams whose events a projection could not apply.

use domain::StreamId;
use serde::{Deserialize, Serialize};

use crate::{Collection, Micros};

/// A stream with an event that could not be applied. That event and all later ones are skipped.
///
/// It is committed like a view, but belongs to the projection runtime. Each projection has its own
/// collection of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedView {
    /// The stream; also the document's key.
    pub stream: StreamId,
    /// The position of the event that could not be applied.
    pub first: i64,
    /// Number of events that were skipped.
    pub events: i64,
    /// The error, with all its causes.
    pub error: String,
    /// When that event was recorded.
    pub since: Micros,
}

impl ParkedView {
    /// The collection with this name, for one version of a projection.
    pub const fn collection(name: &'static str, version: u32) -> Collection {
        Collection { name, schema: version, indexes: &[] }
    }
}
