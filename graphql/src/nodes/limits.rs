//! Limits on a program's run.

use async_graphql::{Enum, SimpleObject};
use domain::problem::{Derivation, TimeLimitOrigin as Origin};
use read_model::views::ProblemView;

use super::int;

/// Limits on a program's run.
#[derive(Debug, Clone, SimpleObject)]
pub struct Limits {
    /// CPU time per test, in milliseconds.
    time_ms: i32,
    /// Memory per test, in KiB.
    memory_kb: i32,
    /// Standard output per test, in KiB.
    output_kb: i32,
    /// Size of the submitted source, in bytes.
    source_bytes: i32,
    /// How the time limit was chosen.
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

/// The source of a time limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Enum)]
pub enum TimeLimitKind {
    /// The problem package states it.
    #[default]
    Given,
    /// The default: the package states no limit, and there was nothing to measure.
    Default,
    /// Derived from the running times of the problem's own submissions. The other fields of
    /// `TimeLimitOrigin` show how.
    Derived,
}

/// How the time limit was chosen. Every field except `kind` is null unless the limit was derived.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct TimeLimitOrigin {
    /// The source of the limit.
    kind: TimeLimitKind,
    /// The slowest submission that must stay within the limit.
    slowest: Option<String>,
    /// The time of that submission's slowest test, in milliseconds.
    slowest_ms: Option<i32>,
    /// The limit is at least this many times `slowestMs`.
    multiplier: Option<f64>,
    /// The limit is a multiple of this, in milliseconds.
    resolution_ms: Option<i32>,
    /// The fastest submission that must exceed the limit; null if there is none.
    fastest_beyond: Option<String>,
    /// The time of that submission's slowest test, in milliseconds.
    fastest_beyond_ms: Option<i32>,
    /// `fastestBeyondMs` must be at least this many times the limit.
    margin: Option<f64>,
    /// The sandbox used to measure: `native` or `docker`.
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
