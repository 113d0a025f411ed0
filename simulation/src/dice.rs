//! Pseudo-random numbers, which are the same for the same seed.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Steele, Lea and Flood's SplitMix64: small, and good enough here.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Derives an independent generator. Different labels give different ones.
    pub(crate) fn apart(&mut self, label: u64) -> Self {
        Self(self.throw() ^ label.wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }

    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn number(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (first, last) = range.into_inner();
        first + self.throw() % (last - first + 1)
    }

    /// Returns true with this probability, in per mille.
    pub(crate) fn falls(&mut self, per_mille: u64) -> bool {
        self.throw() % 1_000 < per_mille
    }

    pub(crate) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.number(0..=among.len() as u64 - 1) as usize]
    }

    /// A random duration from a range in milliseconds.
    pub(crate) fn time(&mut self, range_ms: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(range_ms))
    }
}
