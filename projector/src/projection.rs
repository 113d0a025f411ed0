//! The trait of all projections.

use domain::{Recorded, StreamId};
use read_model::Collection;
use read_model::views::ParkedView;

use crate::{Missing, Workspace};

/// A pure function from a recorded event and the views it requests to changes.
pub trait Projection: Send + Sync + std::fmt::Debug {
    /// A short name, in the plural.
    fn name(&self) -> &'static str;

    /// Increases whenever the projection would produce different views from the same events. It is
    /// then rebuilt, into collections whose schema number increased too.
    fn version(&self) -> u32;

    /// The collections that only this projection writes.
    fn collections(&self) -> Vec<Collection>;

    /// Whether events of the stream can change a view. Unwanted events may still be passed to
    /// `apply`.
    fn wants(&self, stream: &StreamId) -> bool;

    /// Applies one event. `Missing` requests a view that is not in memory yet: return it with `?`,
    /// and the event is applied again from the start once the view is loaded.
    fn apply(&self, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing>;

    /// The name of the collection of its parked streams.
    fn parked_name(&self) -> &'static str;

    /// Whether each view depends on the events of one stream only. Then a parked stream can
    /// continue where it stopped. Otherwise later events of other streams would have to be applied
    /// again too, so only a full rebuild gives the result of a replay (INV-10).
    fn streams_are_apart(&self) -> bool {
        false
    }

    /// The collection of its parked streams.
    fn parked(&self) -> Collection {
        ParkedView::collection(self.parked_name(), self.version())
    }

    /// Its own collections and that of its parked streams.
    fn all_collections(&self) -> Vec<Collection> {
        [self.collections(), vec![self.parked()]].concat()
    }

    /// The name its checkpoint is kept under.
    fn commit_name(&self) -> String {
        format!("{}_v{}", self.name(), self.version())
    }
}
