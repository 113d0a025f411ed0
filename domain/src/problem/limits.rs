//! What a run of a program may use, and how its time limit came about.

use serde::{Deserialize, Serialize};

/// What a run of the program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Cpu time of one test, in milliseconds.
    pub time_ms: u64,
    /// Memory of one test, in KiB.
    pub memory_kib: u64,
    /// Standard output of one test, in KiB.
    pub output_kib: u64,
    /// Size of the submitted source, in bytes.
    pub source_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time_ms: 1_000,
            memory_kib: 256 * 1024,
            output_kib: 8 * 1024,
            source_bytes: 128 * 1024,
        }
    }
}

/// How the time limit came about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TimeLimitOrigin {
    /// The package, or whoever wrote the problem, says it.
    #[default]
    Given,
    /// Nobody said it, and there was nothing to measure.
    Default,
    /// From the times of the package's own submissions.
    Derived(Derivation),
}

/// A time limit made from measured times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Derivation {
    /// The slowest submission that has to be within it.
    pub slowest: String,
    /// Its slowest test, in milliseconds.
    pub slowest_ms: u64,
    /// The limit is at least so many times that.
    pub multiplier: f64,
    /// And a multiple of this, in milliseconds.
    pub resolution_ms: u64,
    /// The fastest submission that has to be beyond it, and its slowest test in milliseconds.
    pub fastest_beyond: Option<(String, u64)>,
    /// That has to be so many times the limit.
    pub margin: f64,
    /// `native` or `docker`.
    pub sandbox: String,
}
