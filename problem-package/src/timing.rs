//! The time limit: given by the package, or derived from the times of its submissions.

use domain::problem::{Derivation, TimeLimitOrigin};

/// How a package sets its time limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// The limit given by the package, in ms.
    pub given_ms: Option<u64>,
    /// The limit is at least this factor times the time of the slowest submission that must stay
    /// within it.
    pub multiplier: f64,
    /// The fastest submission that must exceed the limit takes at least this factor times the
    /// limit.
    pub margin: f64,
    /// A derived limit is rounded up to a multiple of this, in ms.
    pub resolution_ms: u64,
}

impl Default for Timing {
    /// The defaults of the older format.
    fn default() -> Self {
        Self { given_ms: None, multiplier: 5.0, margin: 2.0, resolution_ms: 1_000 }
    }
}

/// A submission and the time of its slowest test, in ms.
pub type Timed = (String, u64);

/// Why no time limit can be derived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// No submission that must stay within the limit was measured.
    #[error("no submission that must stay within the time limit was measured")]
    NothingMeasured,
    /// The slowest submission that must stay within the limit and the fastest that must exceed it
    /// are too close.
    #[error(
        "{slowest} takes {slowest_ms} ms, so the limit is at least {limit_ms} ms; {fastest} must take at least \
         {needed_ms} ms but takes {fastest_ms} ms"
    )]
    NoRoom {
        /// The slowest submission that must stay within the limit.
        slowest: String,
        /// The time of its slowest test, in ms.
        slowest_ms: u64,
        /// The limit derived from it, in ms.
        limit_ms: u64,
        /// The fastest submission that must exceed the limit.
        fastest: String,
        /// The time of its slowest test, in ms.
        fastest_ms: u64,
        /// The time that `fastest` needs at least, in ms.
        needed_ms: u64,
    },
}

impl Timing {
    /// Derives the limit in ms from measured times, and records how.
    ///
    /// # Errors
    /// If nothing was measured, or if no limit separates the submissions.
    pub fn derive(
        &self,
        slowest: Option<Timed>,
        fastest_beyond: Option<Timed>,
        sandbox: &str,
    ) -> Result<(u64, Derivation), TimingError> {
        let (slowest, slowest_ms) = slowest.ok_or(TimingError::NothingMeasured)?;
        let resolution = self.resolution_ms.max(1);
        let least_ms = scaled(slowest_ms, self.multiplier).max(1);
        let limit_ms = least_ms.div_ceil(resolution).saturating_mul(resolution);
        let needed_ms = scaled(limit_ms, self.margin);
        if let Some((fastest, fastest_ms)) = &fastest_beyond
            && *fastest_ms < needed_ms
        {
            let (fastest, fastest_ms) = (fastest.clone(), *fastest_ms);
            return Err(TimingError::NoRoom {
                slowest,
                slowest_ms,
                limit_ms,
                fastest,
                fastest_ms,
                needed_ms,
            });
        }
        let derivation = Derivation {
            slowest,
            slowest_ms,
            multiplier: self.multiplier,
            resolution_ms: resolution,
            fastest_beyond,
            margin: self.margin,
            sandbox: sandbox.to_owned(),
        };
        Ok((limit_ms, derivation))
    }

    /// The origin of the time limit before anything is measured.
    pub fn origin(&self) -> TimeLimitOrigin {
        match self.given_ms {
            Some(_) => TimeLimitOrigin::Given,
            None => TimeLimitOrigin::Default,
        }
    }
}

/// `ms` times `factor`, rounded up to whole ms so that a limit is never too short.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "milliseconds are far below 2^52, and factors are positive"
)]
pub fn scaled(ms: u64, factor: f64) -> u64 {
    // Floating-point products such as 1.1 * 10 are slightly too large.
    (ms as f64 * factor - 1e-6).ceil().max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(name: &str, ms: u64) -> Option<Timed> {
        Some((name.to_owned(), ms))
    }

    fn newer(resolution_ms: u64) -> Timing {
        Timing { given_ms: None, multiplier: 2.0, margin: 1.5, resolution_ms }
    }

    #[test]
    fn the_limit_is_the_smallest_multiple_that_fits() {
        let older = Timing::default();
        let cases = [
            // legacy, "Limits": time_multiplier is 5 by default; whole seconds.
            (&older, 1, 1_000),
            (&older, 200, 1_000),
            (&older, 201, 2_000),
            (&older, 1_000, 5_000),
            // 2025-09, "Problem timing": T_ac * ac_to_time_limit <= time_limit, time_resolution
            // 1.0.
            (&newer(1_000), 0, 1_000),
            (&newer(1_000), 500, 1_000),
            (&newer(1_000), 501, 2_000),
            (&newer(100), 210, 500),
            (&newer(250), 100, 250),
            (&Timing { multiplier: 1.1, ..newer(10) }, 100, 110),
        ];
        for (timing, slowest_ms, limit_ms) in cases {
            let (derived, derivation) =
                timing.derive(timed("accepted/a", slowest_ms), None, "native").unwrap();
            assert_eq!(derived, limit_ms, "{timing:?} {slowest_ms}");
            assert_eq!(derivation.slowest_ms, slowest_ms);
        }
    }

    #[test]
    fn what_must_be_beyond_the_limit_has_to_be_far_enough() {
        let timing = newer(1_000);
        // 2025-09: time_limit * time_limit_to_tle <= T_tle.
        assert!(timing.derive(timed("a", 400), timed("slow", 1_500), "native").is_ok());
        let error = timing.derive(timed("a", 400), timed("slow", 1_499), "native").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a takes 400 ms, so the limit is at least 1000 ms; slow must take at least 1500 ms but takes 1499 ms"
        );
        let beyond = Timing { multiplier: 1e300, ..newer(1_000) };
        assert_eq!(beyond.derive(timed("a", 1), None, "native").unwrap().0, u64::MAX);
        let nothing = timing.derive(None, timed("slow", 9_000), "native");
        assert_eq!(nothing, Err(TimingError::NothingMeasured));
    }
}
