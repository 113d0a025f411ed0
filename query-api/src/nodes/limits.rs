//! What a run may use.

use async_graphql::{Enum, SimpleObject};
use domain::problem::{Derivation, TimeLimitOrigin as Origin};
use read_model::views::ProblemView;

use super::int;

/// What a run may use.
#[derive(Debug, Clone, SimpleObject)]
pub struct Limits {
    /// Cpu time of one test, in milliseconds.
    time_ms: i32,
    /// Memory of one test, in KiB.
    memory_kb: i32,
    /// Standard output of one test, in KiB.
    output_kb: i32,
    /// Size of the submitted source, in bytes.
    source_bytes: i32,
    /// How the time limit came about.
    time_limit_origin: TimeLimitOrigin,
}

impl Limits {
    pub(super) fn of(problem: &ProblemView) -> Self {
        let limits = problem.limits;
        Self {
            time_ms: int(limits.time_ms),
            memory_kb: int(limits.memory_kib),
            output_kb: int(limits.output_kib),
            source_bytes: int(limits.source_bytes),
            time_limit_origin: problem.time_limit.clone().into(),
        }
    }
}

/// Where a time limit can come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Enum)]
pub enum TimeLimitKind {
    /// Whoever wrote the problem says it.
    #[default]
    Given,
    /// Nobody said it, and there was nothing to measure.
    Default,
    /// From the times of the problem's own submissions. The other fields say how.
    Derived,
}

/// How a time limit came about. All but the kind is null unless it was derived.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct TimeLimitOrigin {
    /// Where it comes from.
    kind: TimeLimitKind,
    /// The slowest submission that has to be within it.
    slowest: Option<String>,
    /// Its slowest test, in milliseconds.
    slowest_ms: Option<i32>,
    /// The limit is at least so many times that.
    multiplier: Option<f64>,
    /// And a multiple of this, in milliseconds.
    resolution_ms: Option<i32>,
    /// The fastest submission that has to be beyond it; null where there is none.
    fastest_beyond: Option<String>,
    /// Its slowest test, in milliseconds.
    fastest_beyond_ms: Option<i32>,
    /// That has to be so many times the limit.
    margin: Option<f64>,
    /// What it was measured in: `native` or `docker`.
    sandbox: Option<String>,
}

impl From<Origin> for TimeLimitOrigin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Given => Self::default(),
            Origin::Default => Self { kind: TimeLimitKind::Default, ..Self::default() },
            Origin::Derived(derivation) => derivation.into(),
        }
    }
}

impl From<Derivation> for TimeLimitOrigin {
    fn from(derivation: Derivation) -> Self {
        let (fastest_beyond, fastest_beyond_ms) = derivation.fastest_beyond.unzip();
        Self {
            kind: TimeLimitKind::Derived,
            slowest: Some(derivation.slowest),
            slowest_ms: Some(int(derivation.slowest_ms)),
            multiplier: Some(derivation.multiplier),
            resolution_ms: Some(int(derivation.resolution_ms)),
            fastest_beyond,
            fastest_beyond_ms: fastest_beyond_ms.map(int),
            margin: Some(derivation.margin),
            sandbox: Some(derivation.sandbox),
        }
    }
}
