//! Resource limits of a run, and where the time limit comes from.

use serde::{Deserialize, Serialize};

/// Resource limits of a submission's runs, and the size limit of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU time of one test, in milliseconds.
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

/// Where the time limit comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TimeLimitOrigin {
    /// Given by the package or the problem's author.
    #[default]
    Given,
    /// The default limit: none was given, and there was nothing to measure.
    Default,
    /// Derived from the run times of the package's own submissions.
    Derived(Derivation),
}

/// How a time limit was derived from measured times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Derivation {
    /// The slowest submission that must be within the limit.
    pub slowest: String,
    /// Time of its slowest test, in milliseconds.
    pub slowest_ms: u64,
    /// The limit is at least `slowest_ms` times this.
    pub multiplier: f64,
    /// The limit is a multiple of this, in milliseconds.
    pub resolution_ms: u64,
    /// The fastest submission that must exceed the limit, and the time of its slowest test in
    /// milliseconds.
    pub fastest_beyond: Option<(String, u64)>,
    /// The time in `fastest_beyond` must be at least the limit times this.
    pub margin: f64,
    /// The sandbox that the times were measured in: `native` or `docker`.
    pub sandbox: String,
}
