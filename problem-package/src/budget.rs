//! How long reading one package may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The time for reading one package, all its texts and archives together. The caller can end it early. By default it
/// has no end.
///
/// A tree whose budget is spent has no files any more, so that its readers come to an end, whatever they are at.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    ends_at: Option<Instant>,
    is_cancelled: Arc<AtomicBool>,
}

impl Budget {
    /// A budget of this time, from now on.
    pub fn of(time: Duration) -> Self {
        Self { ends_at: Instant::now().checked_add(time), ..Self::default() }
    }

    /// Ends it now. Every copy of it is ended.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether nothing is left of it.
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
