//! Growing delays between retries.

use std::time::Duration;

/// Delays that double from a first to a longest one.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Delays from `first` to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The delay before the next retry.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.longest);
        delay
    }

    /// Begins with the first delay again, after something succeeded.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// Waits for the next delay, and returns it.
    pub async fn wait(&mut self) -> Duration {
        let delay = self.next_delay();
        tokio::time::sleep(delay).await;
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_begin_again() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(500));
        let next = |backoff: &mut Backoff| backoff.next_delay().as_millis();
        let delays = [100, 200, 400, 500, 500];
        assert_eq!(delays.map(|_| next(&mut backoff)), delays);
        backoff.reset();
        assert_eq!(next(&mut backoff), 100);
    }
}
