//! Limits on how much may happen per minute, counted per key: an account or a network.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// After this number of checks, keys whose quota is full again are dropped. So memory is bounded
/// by the number of recent checks.
const CHECKS_PER_CLEANING: usize = 1_024;
/// The bits of an IPv6 address that identify the network. A client chooses the rest.
const IPV6_NETWORK: u128 = !(u64::MAX as u128);

const MINUTE: Duration = Duration::from_secs(60);

type Limiter<K, C> = RateLimiter<K, DefaultKeyedStateStore<K>, C, StateInformationMiddleware>;

/// A limit per minute and key.
#[derive(Debug)]
pub struct Rate<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    limiter: Limiter<K, C>,
    /// The limit per minute.
    limit: NonZeroU32,
    checks: AtomicUsize,
}

/// What a key has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// The limit per minute, which is also the most that a key can have left.
    pub limit: NonZeroU32,
    /// How much the key can still use at once.
    pub remaining: u32,
}

impl Left {
    /// The time until the key has its whole limit again, if it uses nothing meanwhile.
    pub fn full_after(self) -> Duration {
        MINUTE * self.limit.get().saturating_sub(self.remaining) / self.limit.get()
    }
}

/// More than a key has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuch {
    /// What the key has left.
    pub left: Left,
    /// The time after which it is not too much.
    pub wait: Duration,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    /// At most `count` per minute and key, and at least one.
    pub fn per_minute(count: u32) -> Self {
        Self::with_clock(count, DefaultClock::default())
    }
}

impl<K: Hash + Eq + Clone, C: Clock> Rate<K, C> {
    fn with_clock(count: u32, clock: C) -> Self {
        let limit = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let store = DefaultKeyedStateStore::default();
        let limiter = RateLimiter::new(Quota::per_minute(limit), store, clock);
        Self { limiter, limit, checks: AtomicUsize::new(0) }
    }

    /// Counts one for this key.
    ///
    /// # Errors
    /// If this is one too many, the time after which it is not.
    pub fn admit(&self, key: &K) -> Result<(), Duration> {
        self.spend(key, NonZeroU32::MIN).map(drop).map_err(|too_much| too_much.wait)
    }

    /// Counts this much for this key; more than the whole limit counts as the limit.
    ///
    /// # Errors
    /// If it is more than the key has left. Then nothing is counted.
    pub fn spend(&self, key: &K, count: NonZeroU32) -> Result<Left, TooMuch> {
        if self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(CHECKS_PER_CLEANING) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let (limit, count) = (self.limit, count.min(self.limit));
        let checked = self.limiter.check_key_n(key, count).expect("it is not above the limit");
        match checked {
            Ok(state) => Ok(Left { limit, remaining: state.remaining_burst_capacity() }),
            Err(too_early) => {
                let wait = too_early.wait_time_from(self.limiter.clock().now());
                let one = too_early.quota().replenish_interval();
                let missing = wait.as_nanos().div_ceil(one.as_nanos().max(1));
                let missing = u32::try_from(missing).unwrap_or(u32::MAX);
                let remaining = count.get().saturating_sub(missing);
                Err(TooMuch { left: Left { limit, remaining }, wait })
            }
        }
    }
}

/// The network that an address counts for: an IPv4 address itself, or the /64 of an IPv6 address.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & IPV6_NETWORK).into(),
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn each_key_has_its_own_rate_and_a_refusal_says_how_long_to_wait() {
        let clock = FakeRelativeClock::default();
        let rate = Rate::with_clock(3, clock.clone());
        for _ in 0..3 {
            assert_eq!(rate.admit(&"ada"), Ok(()));
        }
        assert_eq!(rate.admit(&"ada"), Err(Duration::from_secs(20)));
        assert_eq!(rate.admit(&"bob"), Ok(()));
        clock.advance(Duration::from_secs(15));
        assert_eq!(rate.admit(&"ada"), Err(Duration::from_secs(5)));
        clock.advance(Duration::from_secs(5));
        assert_eq!(rate.admit(&"ada"), Ok(()));
    }

    #[test]
    fn a_key_sees_what_it_has_left_and_a_refusal_counts_nothing() {
        let clock = FakeRelativeClock::default();
        let rate = Rate::with_clock(60, clock.clone());
        let [ten, forty, all] = [10, 40, 60].map(|count| NonZeroU32::new(count).unwrap());
        let left = |remaining| Left { limit: all, remaining };
        assert_eq!(rate.spend(&"ada", ten), Ok(left(50)));
        assert_eq!(rate.spend(&"ada", forty), Ok(left(10)));
        assert_eq!(left(10).full_after(), Duration::from_secs(50));
        let refused = TooMuch { left: left(10), wait: Duration::from_secs(30) };
        assert_eq!(rate.spend(&"ada", forty), Err(refused));
        assert_eq!(rate.spend(&"ada", forty), Err(refused));
        assert_eq!(rate.spend(&"ada", ten), Ok(left(0)));
        clock.advance(Duration::from_secs(60));
        // More than the whole limit is possible once a minute, so that nobody waits for ever.
        assert_eq!(rate.spend(&"ada", NonZeroU32::MAX), Ok(left(0)));
    }

    #[test]
    fn keys_are_dropped_once_their_quota_is_full_again() {
        // A hundred keys per second, each of which is used once and recovers in a second.
        let recent_keys = 100;
        let clock = FakeRelativeClock::default();
        let rate = Rate::with_clock(60, clock.clone());
        for key in 0..CHECKS_PER_CLEANING * 20 {
            clock.advance(Duration::from_millis(10));
            assert_eq!(rate.admit(&key), Ok(()));
            let kept = rate.limiter.len();
            assert!(kept <= CHECKS_PER_CLEANING + 2 * recent_keys, "{kept}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        for (address, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
            ("2001:db8:1:3::", "2001:db8:1:3::"),
        ] {
            let network = network(address.parse().unwrap());
            assert_eq!(network, expected.parse::<IpAddr>().unwrap(), "{address}");
        }
    }
}
