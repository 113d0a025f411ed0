//! Delays between delivery attempts.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Factor between successive delays.
const FACTOR: u32 = 5;
/// Maximum delay, even if the receiver asks for more.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(3_600);

/// The delay after this number of failed attempts. It grows with each attempt and is randomized by
/// `luck`, from 0 to 1, so that receivers of one outage are not all retried at once.
pub(crate) fn delay(first: Duration, attempts: u32, luck: f64) -> Duration {
    let factor = FACTOR.saturating_pow(attempts.saturating_sub(1));
    let whole = first.saturating_mul(factor).min(DELAY_MAX);
    let half = whole / 2;
    half + half.mul_f64(luck.clamp(0.0, 1.0))
}

/// Parses the delay from the value of a `Retry-After` header.
pub(crate) fn asked_for(retry_after: &str, now: Timestamp) -> Option<Duration> {
    let text = retry_after.trim();
    let asked = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        }
    };
    Some(asked.min(DELAY_MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_grow_to_an_hour() {
        let longest: Vec<_> =
            (1..=9).map(|attempts| delay(SECOND, attempts, 1.0).as_secs()).collect();
        assert_eq!(longest, [1, 5, 25, 125, 625, 3_125, 3_600, 3_600, 3_600]);
        assert_eq!(delay(SECOND, 2, 0.0), Duration::from_millis(2_500));
    }

    #[test]
    fn a_receiver_may_ask_for_more_time() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (value, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("999999999999", Some(3_600)),
            ("Mon, 23 Nov 2026 12:00:30 GMT", Some(30)),
            ("Mon, 23 Nov 2026 11:00:30 GMT", Some(0)),
            ("Wed, 23 Nov 2033 12:00:30 GMT", Some(3_600)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(asked_for(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_between_half_and_whole_and_never_more_than_an_hour(
            first_ms in 0u64..10_000_000,
            attempts: u32,
            luck in 0.0f64..1.0,
        ) {
            let first = Duration::from_millis(first_ms);
            let (least, waited, most) =
                (delay(first, attempts, 0.0), delay(first, attempts, luck), delay(first, attempts, 1.0));
            prop_assert!(least <= waited && waited <= most && most <= DELAY_MAX);
            prop_assert!(most <= least * 2 + Duration::from_nanos(2));
            prop_assert!(most <= delay(first, attempts.saturating_add(1), 1.0));
        }

        #[test]
        fn whatever_a_receiver_asks_for_is_bounded(value in "\\PC*") {
            prop_assert!(asked_for(&value, Timestamp::UNIX_EPOCH).is_none_or(|it| it <= DELAY_MAX));
        }
    }
}
