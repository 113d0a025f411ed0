//! A time budget for reading one package.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The time for reading one package, including all its texts and archives. The caller can cancel
/// it. The default has no time limit.
///
/// Once its budget is spent, a tree returns no more files, so every reader finishes soon.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    ends_at: Option<Instant>,
    is_cancelled: Arc<AtomicBool>,
}

impl Budget {
    /// A budget that ends after this time, counted from now.
    pub fn of(time: Duration) -> Self {
        Self { ends_at: Instant::now().checked_add(time), ..Self::default() }
    }

    /// Cancels the budget and all its clones.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the time is over or the budget was cancelled.
    pub fn is_spent(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
            || self.ends_at.is_some_and(|end| Instant::now() >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_by_itself_or_when_the_caller_ends_it() {
        assert!(!Budget::default().is_spent());
        assert!(!Budget::of(Duration::MAX).is_spent());
        assert!(Budget::of(Duration::ZERO).is_spent());
        let (one, other) = {
            let budget = Budget::of(Duration::from_secs(1_000));
            (budget.clone(), budget)
        };
        assert!(!one.is_spent());
        other.cancel();
        assert!(one.is_spent());
    }
}
