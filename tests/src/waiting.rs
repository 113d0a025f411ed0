//! Waiting for a condition by polling, so that no test depends on timing.

use std::time::{Duration, Instant};

/// How long to wait for something that must happen, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The polling interval.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Polls until there is a value to return.
///
/// # Panics
/// If there is none within [`PATIENCE`].
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Polls until the condition holds.
///
/// # Panics
/// As [`until`].
pub async fn until_true(what: &str, mut look: impl AsyncFnMut() -> bool) {
    until(what, async || look().await.then_some(())).await;
}
