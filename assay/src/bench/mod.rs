//! What `assay bench` measures, one file for each of its commands. What they share is here: the sandboxes
//! they measure, the programs they compile, and how figures are told.

pub(crate) mod accuracy;
mod holdings;
mod host;
mod installation;
pub(crate) mod judge;
pub(crate) mod languages;
pub(crate) mod sandbox;
pub(crate) mod slots;
pub(crate) mod soak;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::sandbox::{
    Adapter, Cell, CellPath, CellSpec, Execution, Language, Languages, Limits, Sandbox,
    SandboxConfig, SandboxError,
};
use bytes::Bytes;
use evaluator::judge::{Cells, Compiler};
use serde::Serialize;

use crate::config::Config;
use crate::{Exit, Failure};

/// The core that what is measured runs on, as in a slot.
const CORE: u32 = 0;
/// Cells that are closed at the same time.
const CLOSING_MAX: usize = 4;

/// What every command of `bench` takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Common {
    /// Measure this sandbox, and no others but those named like it; all that this machine has where
    /// none is named
    #[arg(long = "sandbox", value_enum, value_name = "SANDBOX")]
    modes: Vec<Mode>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A way to seal cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Namespaces of this machine, as root.
    Native,
    /// The same in a user namespace, as without root.
    Userns,
    /// Containers.
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

    /// Whether its cells' processes are this process's children, whose cpu time it can count.
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

/// A sandbox that is measured.
struct Measured {
    mode: Mode,
    sandbox: Arc<dyn Sandbox>,
    cells: Arc<Cells>,
    languages: Languages,
}

/// A sandbox that is not, and why.
#[derive(Debug, Serialize)]
struct LeftOut {
    mode: Mode,
    why: String,
}

/// The sandboxes to measure. One that was asked for by name must work.
async fn open(config: &Config, common: &Common) -> Result<(Vec<Measured>, Vec<LeftOut>), Failure> {
    let wanted = if common.modes.is_empty() { &Mode::ALL[..] } else { &common.modes };
    let (mut measured, mut left_out) = (Vec::new(), Vec::new());
    for &mode in wanted {
        match open_one(config, mode).await {
            Ok(one) => measured.push(one),
            Err(failure) if common.modes.is_empty() => {
                eprintln!("{mode} is left out: {failure}");
                left_out.push(LeftOut { mode, why: failure.message });
            }
            Err(failure) => return Err(failure),
        }
    }
    match measured.is_empty() {
        true => Err(Failure::new(Exit::Usage, "no sandbox works here; ask assay doctor why")),
        false => Ok((measured, left_out)),
    }
}

async fn open_one(config: &Config, mode: Mode) -> Result<Measured, Failure> {
    if mode == Mode::Native && !nix::unistd::geteuid().is_root() {
        let message = "only root has native cells without a user namespace";
        return Err(Failure::new(Exit::Usage, message));
    }
    let failed = |error: SandboxError| Failure::of(Exit::Usage, &format!("opening {mode}"), &error);
    let sandbox = ::sandbox::resolve(&mode.config(&config.sandbox)).map_err(failed)?;
    let cells = Arc::new(Cells::new(Arc::clone(&sandbox), CLOSING_MAX));
    let measured = Measured { mode, sandbox, cells, languages: Languages::builtin() };
    // The programs that measure are C: without it there is nothing to measure with.
    measured.sandbox.toolchain(measured.language("c")?).await.map_err(failed)?;
    Ok(measured)
}

impl Measured {
    fn language(&self, id: &str) -> Result<&Arc<Language>, Failure> {
        let missing = || Failure::new(Exit::Usage, format!("there is no language {id}"));
        self.languages.get(id).ok_or_else(missing)
    }

    /// Compiles a program of ours.
    async fn compile(&self, language: &str, source: &str) -> Result<Bytes, Failure> {
        let language = self.language(language)?;
        let compiler = Compiler::new(Arc::clone(&self.cells));
        let compiled = compiler.compile(language, source, Some(CORE)).await.map_err(failed)?;
        let message = || format!("{} did not take our program: {}", language.id, compiled.log);
        let artifact = compiled.artifact.as_ref();
        Ok(artifact.ok_or_else(|| Failure::new(Exit::JudgeError, message()))?.0.clone())
    }

    /// A fresh cell with this program in it.
    async fn cell(
        &self,
        language: &str,
        program: &Bytes,
        limits: &Limits,
    ) -> Result<Cell, Failure> {
        let language = self.language(language)?;
        let mut cell =
            self.cells.prepare(&CellSpec::run(language, limits)).await.map_err(failed)?;
        let path = CellPath::program(&language.artifact).map_err(failed)?;
        cell.put(&path, program.clone(), true).await.map_err(failed)?;
        Ok(cell)
    }

    /// The command that runs a program, with arguments.
    fn command(
        &self,
        language: &str,
        limits: Limits,
        arguments: &[&str],
    ) -> Result<Execution, Failure> {
        let mut argv = self.language(language)?.run_argv(limits.memory_bytes);
        argv.extend(arguments.iter().map(ToString::to_string));
        Ok(Execution::new(argv, limits).on_core(CORE))
    }

    /// Destroys what is left.
    async fn close(self) {
        self.cells.drained().await;
        self.sandbox.shutdown().await;
    }
}

/// A failure of the sandbox, which ends a measurement.
fn failed(error: impl std::error::Error + 'static) -> Failure {
    Failure::of(Exit::JudgeError, "measuring", &error)
}

/// Two points of a distribution, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Percentiles {
    p50: f64,
    p95: f64,
}

impl Percentiles {
    /// Of at least one time, by nearest rank.
    fn of(times: &[Duration]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            milliseconds(sorted.get(rank - 1).copied().unwrap_or_default())
        };
        Self { p50: at(50), p95: at(95) }
    }

    /// How much larger each point is than the same point of another distribution.
    fn above(self, other: Self) -> Self {
        Self { p50: rounded(self.p50 - other.p50), p95: rounded(self.p95 - other.p95) }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} / {:.3} ms", self.p50, self.p95)
    }
}

/// To a microsecond.
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
