//! The stores' clock.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The clock of the stores' machine. It follows the runtime's time, but can be set.
#[derive(Debug)]
pub struct Clock {
    began: Instant,
    began_us: i64,
    set_by_us: AtomicI64,
}

impl Clock {
    /// A clock that shows this time now.
    pub fn starting_at(at: Timestamp) -> Self {
        let (began, began_us) = (Instant::now(), at.as_microsecond());
        Self { began, began_us, set_by_us: AtomicI64::new(0) }
    }

    /// Microseconds since 1970.
    pub(crate) fn now_us(&self) -> i64 {
        let elapsed_us = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.began_us + elapsed_us + self.set_by_us.load(Ordering::Relaxed)
    }

    /// Sets the clock forwards or back.
    pub(crate) fn set_by(&self, by: SignedDuration) {
        let by_us = i64::try_from(by.as_micros()).unwrap_or(0);
        self.set_by_us.fetch_add(by_us, Ordering::Relaxed);
    }
}
