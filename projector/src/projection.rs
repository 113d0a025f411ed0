//! What a projection is.

use domain::{Recorded, StreamId};
use read_model::Collection;
use read_model::views::ParkedView;

use crate::{Missing, Workspace};

/// A pure function from a recorded event, and the views it asks for, to changes.
pub trait Projection: Send + Sync + std::fmt::Debug {
    /// A short name, in the plural.
    fn name(&self) -> &'static str;

    /// Counts up when the projection would make something else of the same events. It is then
    /// built anew, into collections whose schema counted up with it.
    fn version(&self) -> u32;

    /// The collections that this projection, and no other, writes.
    fn collections(&self) -> Vec<Collection>;

    /// Whether any event of the stream can change a view. What is not wanted may come all the same.
    fn wants(&self, stream: &StreamId) -> bool;

    /// Applies one event. `Missing` asks for a view that is not in memory yet: pass it on with `?`,
    /// and the event is applied again from the start once the view is there.
    fn apply(&self, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing>;

    /// What the collection of its parked streams is called.
    fn parked_name(&self) -> &'static str;

    /// Whether every view follows from the events of one stream alone. Then a parked stream can be
    /// taken up where it was left; else what other streams did meanwhile would have to be done
    /// again with it, and only building everything anew gives what a replay gives (INV-10).
    fn streams_are_apart(&self) -> bool {
        false
    }

    /// Where its parked streams are.
    fn parked(&self) -> Collection {
        ParkedView::collection(self.parked_name(), self.version())
    }

    /// Its own collections, and that of its parked streams.
    fn all_collections(&self) -> Vec<Collection> {
        [self.collections(), vec![self.parked()]].concat()
    }

    /// The name its checkpoint is kept under.
    fn commit_name(&self) -> String {
        format!("{}_v{}", self.name(), self.version())
    }
}
