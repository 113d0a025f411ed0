//! Parked streams: those with an event that a projection cannot apply. All other streams continue.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Recorded, StreamId};
use read_model::views::ParkedView;
use read_model::{Change, Collection, Document, PageRequest, ReadError, ViewReader, WHOLE_PAGE};

/// Maximum number of parked streams. If there would be more, the fault is probably not in the
/// streams, so the projection stops.
const PARKED_MAX: usize = 1_000;
/// Maximum length of a stored error, in characters.
const ERROR_CHARS_MAX: usize = 2_000;

/// The parked streams of one generation of a projection.
#[derive(Debug, Default)]
pub(crate) struct Parking {
    parked: BTreeMap<StreamId, ParkedView>,
    changed: BTreeSet<StreamId>,
}

/// More than [`PARKED_MAX`] streams cannot be applied.
#[derive(Debug, thiserror::Error)]
#[error("{PARKED_MAX} streams are parked already, and {stream} cannot be applied: {error}")]
pub struct TooManyParked {
    stream: StreamId,
    error: String,
}

impl Parking {
    /// Loads the committed ones.
    pub(crate) async fn load(
        reader: &dyn ViewReader,
        collection: &Collection,
    ) -> Result<Self, ReadError> {
        let mut request = PageRequest::all(WHOLE_PAGE);
        let mut parking = Self::default();
        loop {
            let page = reader.page(collection, &request).await?;
            request.after = page.items.last().map(|(place, _)| place.clone());
            for (place, document) in page.items {
                let parked: ParkedView =
                    serde_json::from_value(document).map_err(|source| ReadError::Damaged {
                        collection: collection.stored_name(),
                        key: place.key,
                        source,
                    })?;
                parking.parked.insert(parked.stream.clone(), parked);
            }
            if !page.has_more {
                return Ok(parking);
            }
        }
    }

    /// All parked streams.
    pub(crate) fn streams(&self) -> Vec<ParkedView> {
        self.parked.values().cloned().collect()
    }

    /// Whether the event's stream is parked. If so, the event is counted there and must not be
    /// applied.
    pub(crate) fn takes(&mut self, recorded: &Recorded) -> bool {
        let Some(parked) = self.parked.get_mut(&recorded.stream) else { return false };
        parked.events += 1;
        self.changed.insert(recorded.stream.clone());
        true
    }

    /// Parks the event's stream from this event on.
    pub(crate) fn park(&mut self, recorded: &Recorded, error: &str) -> Result<(), TooManyParked> {
        let stream = recorded.stream.clone();
        let error: String = error.chars().take(ERROR_CHARS_MAX).collect();
        if self.parked.len() >= PARKED_MAX {
            return Err(TooManyParked { stream, error });
        }
        let parked = ParkedView {
            stream: stream.clone(),
            first: i64::try_from(recorded.position.0).unwrap_or(i64::MAX),
            events: 1,
            error,
            since: recorded.recorded_at.into(),
        };
        self.parked.insert(stream.clone(), parked);
        self.changed.insert(stream);
        Ok(())
    }

    /// Removes a stream from the parked ones.
    pub(crate) fn unpark(&mut self, stream: &StreamId) {
        self.parked.remove(stream);
        self.changed.insert(stream.clone());
    }

    /// The changes of parked streams since the last call.
    pub(crate) fn take_changes(&mut self, collection: Collection) -> Vec<Change> {
        let changed = std::mem::take(&mut self.changed);
        let changes = changed.into_iter().map(|stream| {
            let key = stream.to_string();
            match self.parked.get(&stream) {
                Some(parked) => Change::Put { collection, key, document: Document::of(parked) },
                None => Change::Delete { collection, key },
            }
        });
        changes.collect()
    }
}
