//! Settings of deliveries.

use std::time::Duration;

use crate::DestinationPolicy;

/// Settings of deliveries.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Rules for allowed destinations.
    pub policy: DestinationPolicy,
    /// Maximum number of attempts per event.
    pub attempts_max: u32,
    /// Delay after the first attempt.
    pub first_delay: Duration,
    /// Time limit for a receiver's answer.
    pub timeout: Duration,
}
