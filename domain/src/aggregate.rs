//! What every aggregate is.

use crate::Event;

/// State that is folded from one stream, and that decides what may be added to it.
pub trait Aggregate: Default + Clone + Send + Sync {
    /// What can be asked of it.
    type Command: Send;
    /// Why it refuses.
    type Rejection: std::error::Error + Send + Sync + 'static;

    /// The events that the command leads to; none when it asks for what already is.
    ///
    /// # Errors
    /// When the state does not allow it.
    fn decide(&self, command: Self::Command) -> Result<Vec<Event>, Self::Rejection>;

    /// The state after the event. Events of other aggregates change nothing.
    fn evolve(&mut self, event: &Event);
}
