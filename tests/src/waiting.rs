//! Waiting for what must come, by looking again and again: no test depends on how long it takes.

use std::time::{Duration, Instant};

/// How long something that must happen may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until there is something to return.
///
/// # Panics
/// When nothing comes within [`PATIENCE`].
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Looks until it holds.
///
/// # Panics
/// As [`until`].
pub async fn until_true(what: &str, mut look: impl AsyncFnMut() -> bool) {
    until(what, async || look().await.then_some(())).await;
}
