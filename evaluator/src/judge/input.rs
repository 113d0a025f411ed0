//! Input validators: they check whether a test's input satisfies the statement.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::problem::ValidationLimits;
use sandbox::{Cell, CellSpec, Ended, Execution, Limits};

use super::executable::{Executable, put_files};
use super::validator::run_limits;
use super::{Cells, Fault};

/// An input validator's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputVerdict {
    /// The input is valid.
    Valid,
    /// The input is invalid; the validator's end and its message.
    Invalid(String),
    /// The validator exceeded its time limit, which is given.
    TimedOut(Duration),
}

/// A validator in a cell, which can check any number of inputs.
#[derive(Debug)]
pub struct InputValidators {
    cells: Arc<Cells>,
    cell: Cell,
    executable: Executable,
    limits: Limits,
    accepts_with: i32,
}

impl InputValidators {
    /// Creates a cell with a validator. It accepts with the exit code `accepts_with`; `limits`
    /// apply to each run.
    ///
    /// # Errors
    /// If the sandbox failed.
    pub async fn set_up(
        cells: &Arc<Cells>,
        executable: Executable,
        accepts_with: i32,
        limits: &ValidationLimits,
    ) -> Result<Self, Fault> {
        let limits = run_limits(&executable, limits);
        let mut cell = cells.prepare(&CellSpec::run(&executable.language, &limits)).await?;
        executable.install(&mut cell).await?;
        Ok(Self { cells: Arc::clone(cells), cell, executable, limits, accepts_with })
    }

    /// Runs the validator on one input, with these files in its working directory.
    ///
    /// # Errors
    /// If the sandbox failed.
    pub async fn validate(
        &mut self,
        input: &Bytes,
        files: &[(String, Bytes)],
        args: &[String],
        core: Option<u32>,
    ) -> Result<InputVerdict, Fault> {
        put_files(&mut self.cell, files).await?;
        let argv = self.executable.argv(self.limits.memory_bytes, args);
        let execution =
            Execution::new(argv, self.limits).with_stdin(input.clone()).dropping_excess();
        let outcome = self.cell.execute(&Execution { core, ..execution }).await?;
        if outcome.ended == (Ended::Exited { code: self.accepts_with }) {
            return Ok(InputVerdict::Valid);
        }
        if matches!(outcome.ended, Ended::CpuLimit | Ended::WallLimit) {
            return Ok(InputVerdict::TimedOut(self.limits.cpu));
        }
        let said = [&outcome.stderr, &outcome.stdout]
            .into_iter()
            .find_map(|said| super::validator::excerpt(said));
        let ended = match outcome.ended {
            Ended::Exited { code } => format!("exit code {code}"),
            other => other.to_string(),
        };
        Ok(InputVerdict::Invalid(match said {
            Some(said) => format!("{ended}: {said}"),
            None => ended,
        }))
    }

    /// Destroys the cell, in the background.
    pub async fn tear_down(self) {
        self.cells.retire(self.cell).await;
    }
}
