//! What a projection is.

use domain::Recorded;
use read_model::Collection;

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

    /// Applies one event. `Missing` asks for a view that is not in memory yet: pass it on with `?`,
    /// and the event is applied again from the start once the view is there.
    fn apply(&self, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing>;

    /// The name its checkpoint is kept under.
    fn commit_name(&self) -> String {
        format!("{}_v{}", self.name(), self.version())
    }
}
