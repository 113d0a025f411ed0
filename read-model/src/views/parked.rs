//! Streams that a projection could not go on with.

use domain::StreamId;
use serde::{Deserialize, Serialize};

use crate::{Collection, Micros};

/// A stream whose events are not applied from one of them on, because that one could not be.
///
/// It is committed like a view, but belongs to the runtime of projections and not to one of them;
/// each has a collection of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedView {
    /// Which stream; also its key.
    pub stream: StreamId,
    /// The position of the event that could not be applied.
    pub first: i64,
    /// How many of its events were not applied.
    pub events: i64,
    /// Why, with all causes.
    pub error: String,
    /// When that event was recorded.
    pub since: Micros,
}

impl ParkedView {
    /// The collection of this name, for one version of a projection.
    pub const fn collection(name: &'static str, version: u32) -> Collection {
        Collection { name, schema: version, indexes: &[] }
    }
}
