//! The health of the process's parts.

use std::fmt;

use async_graphql::Enum;

/// The health of the service or a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Enum)]
pub enum Health {
    /// Working normally.
    Ok,
    /// Working, with problems.
    Degraded,
    /// Not working.
    Down,
}

/// A part of the process that runs beside the API and can fail on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The part's name, such as `projection submissions_v4`.
    pub name: String,
    /// The part's health.
    pub health: Health,
    /// The fault, if there is one.
    pub fault: Option<String>,
}

/// Reports the health of the process's other parts.
pub trait Parts: fmt::Debug + Send + Sync {
    /// The current health of every part.
    fn now(&self) -> Vec<Part>;
}
