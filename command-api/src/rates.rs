//! Limits on how often something may happen per minute, counted per key: an account or a network.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// After this number of checks, keys whose quota is full again are dropped. So memory is bounded
/// by the number of recent checks.
const CHECKS_PER_CLEANING: usize = 1_024;
/// The bits of an IPv6 address that identify the network. A client chooses the rest.
const IPV6_NETWORK: u128 = !(u64::MAX as u128);

type Limiter<K, C> =
    RateLimiter<K, DefaultKeyedStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A limit per minute and key.
#[derive(Debug)]
pub(crate) struct Rate<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    limiter: Limiter<K, C>,
    checks: AtomicUsize,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    /// At most `count` per minute and key, and at least one.
    pub(crate) fn per_minute(count: u32) -> Self {
        Self::with_clock(count, DefaultClock::default())
    }
}

impl<K: Hash + Eq + Clone, C: Clock> Rate<K, C> {
    fn with_clock(count: u32, clock: C) -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN));
        let limiter = RateLimiter::new(quota, DefaultKeyedStateStore::default(), clock);
        Self { limiter, checks: AtomicUsize::new(0) }
    }

    /// Counts one for this key.
    ///
    /// # Errors
    /// If this is one too many, the time after which it is not.
    pub(crate) fn admit(&self, key: &K) -> Result<(), Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(CHECKS_PER_CLEANING) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let now = || self.limiter.clock().now();
        self.limiter.check_key(key).map_err(|too_early| too_early.wait_time_from(now()))
    }
}

/// The network that an address counts for: an IPv4 address itself, or the /64 of an IPv6 address.
pub(crate) fn network(address: IpAddr) -> IpAddr {
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
