//! Streams that a projection cannot go on with. All others go on without them.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Recorded, StreamId};
use read_model::views::ParkedView;
use read_model::{Change, Collection, Document, PageRequest, ReadError, ViewReader, WHOLE_PAGE};

/// Streams that may be parked at once. Where more would be, the fault is not theirs, and the
/// projection stops.
const PARKED_MAX: usize = 1_000;
/// Characters of an error that are kept.
const ERROR_CHARS_MAX: usize = 2_000;

/// The parked streams of one generation of a projection.
#[derive(Debug, Default)]
pub(crate) struct Parking {
    parked: BTreeMap<StreamId, ParkedView>,
    changed: BTreeSet<StreamId>,
}

/// More streams cannot be applied than may be parked.
#[derive(Debug, thiserror::Error)]
#[error("{PARKED_MAX} streams are parked already, and {stream} cannot be applied: {error}")]
pub struct TooManyParked {
    stream: StreamId,
    error: String,
}

impl Parking {
    /// Those that were committed.
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

    /// Those that are parked.
    pub(crate) fn streams(&self) -> Vec<ParkedView> {
        self.parked.values().cloned().collect()
    }

    /// Whether the event is one of a parked stream; it is then counted there, and not applied.
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

    /// The stream is parked no more.
    pub(crate) fn unpark(&mut self, stream: &StreamId) {
        self.parked.remove(stream);
        self.changed.insert(stream.clone());
    }

    /// What became of parked streams since the last call.
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
