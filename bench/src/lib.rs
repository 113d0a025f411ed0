#![doc = include_str!("../README.md")]

mod accuracy;
mod asof;
mod checker;
pub mod cli;
mod fairness;
mod guard;
mod holdings;
mod host;
mod installation;
mod judge;
mod languages;
mod log;
mod measured;
mod rejudge;
mod run;
mod sandbox;
mod slots;
mod soak;
mod subscriptions;
mod synthetic;
mod verify;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use ::sandbox::{Adapter, SandboxConfig};
use assay::config::Config;
use assay::{Exit, Failure, print_json};
use serde::Serialize;

use self::measured::{Compiled, Loaded, Measured};

/// The core that the measured programs run on, as in a slot.
const CORE: u32 = 0;
/// A program that does nothing.
const NOTHING: &str = "int main(void) { return 0; }\n";
/// A program that prints without end.
const OUTPUT_FLOOD: &str = "#include <unistd.h>\nstatic char page[65536];\nint main(void) { for (;;) write(1, page, \
                            sizeof page); }\n";

/// The arguments of every command that measures sandboxes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Common {
    /// Measure only this sandbox; may be given several times. By default, all that this machine has
    #[arg(long = "sandbox", value_enum, value_name = "SANDBOX")]
    modes: Vec<Mode>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A way to isolate cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Namespaces of this machine, as root.
    Native,
    /// Namespaces inside a user namespace, as without root.
    Userns,
    /// Docker containers.
    Docker,
}

impl Mode {
    const ALL: [Self; 3] = [Self::Native, Self::Userns, Self::Docker];

    fn config(self, base: &SandboxConfig) -> SandboxConfig {
        let mut config = base.clone();
        config.adapter = match self {
            Self::Native | Self::Userns => Adapter::Native,
            Self::Docker => Adapter::Docker,
        };
        config.native.force_user_namespace = self == Self::Userns;
        config
    }

    /// Whether the cells' processes are children of this process, so that their CPU time can be
    /// counted.
    fn has_own_children(self) -> bool {
        self != Self::Docker
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Userns => "userns",
            Self::Docker => "docker",
        })
    }
}

/// The report of a command.
#[derive(Debug, Serialize)]
struct Report<M> {
    /// One result per kind of sandbox, for commands with that choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<u32>,
    modes: Vec<M>,
    left_out: Vec<LeftOut>,
}

/// A sandbox that is not measured, with the reason.
#[derive(Debug, Serialize)]
struct LeftOut {
    mode: Mode,
    why: String,
}

/// Prints a report, as JSON or, with `print`, as text.
fn show<R: Serialize>(report: &R, json: bool, print: fn(&R)) -> Result<Exit, Failure> {
    match json {
        true => print_json(report)?,
        false => print(report),
    }
    Ok(Exit::Done)
}

/// Measures the sandboxes one after the other.
async fn each<M>(
    config: &Config,
    common: &Common,
    runs: Option<u32>,
    measure: impl AsyncFn(&Measured) -> Result<M, Failure>,
) -> Result<Report<M>, Failure> {
    let one_by_one = async |all: &[Measured]| {
        let mut modes = Vec::new();
        for measured in all {
            modes.push(measure(measured).await?);
        }
        Ok(modes)
    };
    let (modes, left_out) = together(config, common, one_by_one).await?;
    Ok(Report { runs, modes, left_out })
}

/// Measures all sandboxes together; there is at least one. Closes them afterwards, even if the
/// measurement failed.
async fn together<T>(
    config: &Config,
    common: &Common,
    measure: impl AsyncFnOnce(&[Measured]) -> Result<T, Failure>,
) -> Result<(T, Vec<LeftOut>), Failure> {
    let (measured, left_out) = open(config, common).await?;
    let found = measure(&measured).await;
    close(measured).await;
    Ok((found?, left_out))
}

/// Opens the sandboxes to measure. A sandbox requested by name must work.
async fn open(config: &Config, common: &Common) -> Result<(Vec<Measured>, Vec<LeftOut>), Failure> {
    let wanted = if common.modes.is_empty() { &Mode::ALL[..] } else { &common.modes };
    let (mut measured, mut left_out) = (Vec::new(), Vec::new());
    for &mode in wanted {
        match Measured::open(config, mode).await {
            Ok(one) => measured.push(one),
            Err(failure) if common.modes.is_empty() => {
                eprintln!("{mode} is left out: {failure}");
                left_out.push(LeftOut { mode, why: failure.message });
            }
            Err(failure) => {
                close(measured).await;
                return Err(failure);
            }
        }
    }
    match measured.is_empty() {
        true => Err(Failure::new(Exit::Usage, "no sandbox works here; run: assay doctor")),
        false => Ok((measured, left_out)),
    }
}

async fn close(measured: Vec<Measured>) {
    for measured in measured {
        measured.close().await;
    }
}

/// The failure of a sandbox, which ends a measurement.
fn failed(error: impl std::error::Error + 'static) -> Failure {
    Failure::of(Exit::JudgeError, "measuring", &error)
}

/// The size of a file in bytes; 0 if there is none.
fn bytes(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |it| it.len())
}

/// Two points of a distribution, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Percentiles {
    p50: f64,
    p95: f64,
}

impl Percentiles {
    /// The percentiles of at least one time.
    fn of(times: &[Duration]) -> Self {
        let at = |percent| milliseconds(percentile(times, percent));
        Self { p50: at(50), p95: at(95) }
    }

    /// The difference of each percentile from another distribution's.
    fn above(self, other: Self) -> Self {
        Self { p50: rounded(self.p50 - other.p50), p95: rounded(self.p95 - other.p95) }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} / {:.3} ms", self.p50, self.p95)
    }
}

/// By the nearest-rank method, so the result is one of the figures.
fn percentile<T: Copy + Default + Ord>(figures: &[T], percent: usize) -> T {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// Rounded to a microsecond.
fn milliseconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64() * 1_000.0)
}

fn rounded(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<_> = (1..=20).rev().map(Duration::from_millis).collect();
        let of_twenty = Percentiles::of(&times);
        assert_eq!(of_twenty, Percentiles { p50: 10.0, p95: 19.0 });
        let of_one = Percentiles::of(&[Duration::from_micros(1_500)]);
        assert_eq!(of_one, Percentiles { p50: 1.5, p95: 1.5 });
        assert_eq!(of_twenty.above(of_one), Percentiles { p50: 8.5, p95: 17.5 });
    }
}
