//! The trait that every aggregate implements.

use crate::Event;

/// State that is folded from one stream and decides which events may be added to it.
pub trait Aggregate: Default + Clone + Send + Sync {
    /// Its commands.
    type Command: Send;
    /// Why it refuses a command.
    type Rejection: std::error::Error + Send + Sync + 'static;

    /// The events that the command leads to; none when the state already is as it asks.
    ///
    /// # Errors
    /// When the state does not allow the command.
    fn decide(&self, command: Self::Command) -> Result<Vec<Event>, Self::Rejection>;

    /// The state after the event. Events of other aggregates change nothing.
    fn evolve(&mut self, event: &Event);
}
