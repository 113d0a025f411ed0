//! Validators: programs of the problem that judge outputs. They are untrusted code, and run in
//! their own cells.

mod protocol;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Verdict;
use domain::grading::CheckerScore;
use domain::problem::{Protocol, Validation, ValidationLimits};
use domain::submission::Feedback;
use sandbox::{Area, Cell, CellPath, CellSpec, Execution, Limits, Outcome, SandboxError};

use super::executable::{Executable, put_files};
use super::{Cells, Fault, TestData};

pub(super) use protocol::{Files, Role, Validated, ValidatorVerdict, excerpt};

/// A problem's validators, compiled.
#[derive(Debug, Clone)]
pub struct Validators {
    /// In the order in which they run.
    pub programs: Arc<[Executable]>,
    /// Their names in the package.
    pub names: Arc<[String]>,
    /// How they are run.
    pub validation: Validation,
    /// Whether the problem gives scores, and not only verdicts.
    pub is_scored: bool,
}

impl Validators {
    pub(super) fn protocol(&self) -> Protocol {
        self.validation.protocol
    }

    /// The limits of one run of a validator.
    pub(super) fn limits(&self, executable: &Executable) -> Limits {
        run_limits(executable, &self.validation.limits)
    }
}

/// The limits of one run of a packaged program.
pub(super) fn run_limits(executable: &Executable, limits: &ValidationLimits) -> Limits {
    let bytes = limits.output_kib * 1024;
    let base = executable.language.run_limits(
        Duration::from_millis(limits.time_ms),
        limits.memory_kib * 1024,
        bytes,
    );
    // A script may start a shell, which starts an interpreter.
    Limits { processes: base.processes.max(SCRIPT_PROCESSES), file_bytes: bytes, ..base }
}

/// Processes of a program with its own scripts.
const SCRIPT_PROCESSES: u32 = 64;
/// Bytes of an unreadable number that are shown.
const NUMBER_BYTES_MAX: usize = 40;
/// Disk space for a validator's files in addition to its output, in bytes.
const DISK_BYTES: u64 = 512 << 20;

/// A cell with one validator.
#[derive(Debug)]
pub(super) struct ValidatorCell {
    pub(super) cell: Cell,
    pub(super) executable: Executable,
    name: String,
    limits: Limits,
    protocol: Protocol,
    is_scored: bool,
}

impl ValidatorCell {
    /// Creates a cell and puts a validator in it. If `beside` is given, the cell can be linked with
    /// that cell.
    pub(super) async fn set_up(
        cells: &Cells,
        validators: &Validators,
        place: usize,
        beside: Option<&mut Cell>,
    ) -> Result<Self, Fault> {
        let executable = validators.programs[place].clone();
        let limits = validators.limits(&executable);
        let mut spec = CellSpec::run(&executable.language, &limits);
        spec.disk_bytes_max = spec.disk_bytes_max.max(DISK_BYTES);
        let mut cell = match beside {
            Some(other) => cells.prepare_beside(&spec, other).await?,
            None => cells.prepare(&spec).await?,
        };
        executable.install(&mut cell).await?;
        let name = validators.names[place].clone();
        let (protocol, is_scored) = (validators.protocol(), validators.is_scored);
        Ok(Self { cell, executable, name, limits, protocol, is_scored })
    }

    /// Writes the files of a test, and those that an earlier pass left.
    pub(super) async fn lay_out(&mut self, files: &Files<'_>) -> Result<(), Fault> {
        self.cell.clear().await?;
        let placed = protocol::placed(self.protocol, files);
        let put = put_files(&mut self.cell, &placed).await;
        match put {
            // Only these files have names that a program chose.
            Err(error) if !files.kept.is_empty() => Err(self.left_by_it(error)),
            put => Ok(put?),
        }
    }

    /// The execution on the files that `lay_out` wrote. An interactor is linked and has no standard
    /// input of its own.
    pub(super) fn execution(&self, test: &TestData, role: Role, output: &Bytes) -> Execution {
        let args = protocol::arguments(self.protocol, role, &test.validator_args);
        let argv = self.executable.argv(self.limits.memory_bytes, &args);
        let execution = Execution::new(argv, self.limits).keeping().dropping_excess();
        match (role, self.protocol) {
            (Role::Interactor, _) => {
                execution.linked().accepting(&protocol::accepting(self.protocol))
            }
            (Role::Checker, Protocol::Kattis) => execution.with_stdin(output.clone()),
            (Role::Checker, _) => execution,
        }
    }

    /// The execution that checks the files of a submission.
    pub(super) fn static_execution(
        &self,
        language: &str,
        entry_point: &str,
        further: &[String],
    ) -> Execution {
        let args = protocol::static_arguments(language, entry_point, further);
        let argv = self.executable.argv(self.limits.memory_bytes, &args);
        Execution::new(argv, self.limits).keeping().dropping_excess()
    }

    /// The validator's result, from its end and the files that it left.
    pub(super) async fn read(&mut self, outcome: &Outcome) -> Result<Validated, Fault> {
        let mut found = protocol::read(self.protocol, outcome);
        // Testlib's parts and points in a problem without scores: the output is not fully right.
        if !self.is_scored
            && found.score.take().is_some()
            && found.verdict == ValidatorVerdict::Accepted
        {
            found.verdict = ValidatorVerdict::Rejected(Verdict::WrongAnswer);
        }
        if self.protocol == Protocol::Kattis {
            let left = Left {
                score: self.file(protocol::SCORE).await?,
                share: self.file(protocol::SHARE).await?,
                judge: self.file(protocol::JUDGE_MESSAGE).await?,
                team: self.file(protocol::TEAM_MESSAGE).await?,
                next_pass: self.file(protocol::NEXT_PASS).await?,
            };
            found = left.complete(found);
        }
        if let ValidatorVerdict::Failed(reason) = &mut found.verdict {
            // The setter needs all messages to find the cause.
            let Feedback { judge, team } = &found.feedback;
            let said = [excerpt(&outcome.stderr), judge.clone(), team.clone()];
            for said in said.into_iter().flatten() {
                if !reason.contains(&said) {
                    reason.push_str(": ");
                    reason.push_str(&said);
                }
            }
        }
        Ok(found)
    }

    /// The output that an interactor left for the checker that follows.
    pub(super) async fn left_output(&mut self) -> Result<Bytes, Fault> {
        Ok(self.file(protocol::OUTPUT).await?.unwrap_or_default())
    }

    /// The files in the feedback directory, for the next pass.
    pub(super) async fn left(&mut self) -> Result<Vec<(String, Bytes)>, Fault> {
        let mut room = self.limits.file_bytes;
        let mut left = Vec::new();
        let listed = self.cell.list(Area::Work).await;
        for file in listed.map_err(|error| self.left_by_it(error))? {
            if !file.path.starts_with(protocol::FEEDBACK_FOLDER) || file.path == protocol::NEXT_PASS
            {
                continue;
            }
            room = room
                .checked_sub(file.bytes)
                .ok_or_else(|| self.fault("it wrote too much feedback".to_owned()))?;
            let bytes = self.cell.get(&CellPath::work(&file.path)?, file.bytes).await;
            let bytes = bytes.map_err(|error| self.left_by_it(error))?;
            left.push((file.path, bytes));
        }
        Ok(left)
    }

    /// A fault of the validator if the files that it left are the cause, otherwise of the sandbox.
    fn left_by_it(&self, error: SandboxError) -> Fault {
        match error.of_files_left() {
            Some(detail) => self.fault(format!("the files that it left cannot be kept: {detail}")),
            None => error.into(),
        }
    }

    /// A fault of this validator.
    pub(super) fn fault(&self, detail: String) -> Fault {
        Fault::Program { program: self.name.clone(), detail }
    }

    /// Runs the validator on an output.
    pub(super) async fn check(
        &mut self,
        test: &TestData,
        files: &Files<'_>,
        core: Option<u32>,
    ) -> Result<Validated, Fault> {
        self.lay_out(files).await?;
        let execution = self.execution(test, Role::Checker, files.output);
        let outcome = self.cell.execute(&Execution { core, ..execution }).await?;
        self.read(&outcome).await
    }

    /// A file that the validator left; `None` if it is missing or not a readable regular file.
    async fn file(&mut self, name: &str) -> Result<Option<Bytes>, Fault> {
        match self.cell.get(&CellPath::work(name)?, self.limits.file_bytes).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.of_files_left().is_some() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The files that a validator left in its feedback directory.
struct Left {
    score: Option<Bytes>,
    share: Option<Bytes>,
    judge: Option<Bytes>,
    team: Option<Bytes>,
    next_pass: Option<Bytes>,
}

impl Left {
    fn complete(self, mut found: Validated) -> Validated {
        let text = |bytes: Option<Bytes>| bytes.and_then(|bytes| excerpt(&bytes));
        found.feedback.judge = text(self.judge);
        found.feedback.team = text(self.team);
        let accepted = found.verdict == ValidatorVerdict::Accepted;
        let failed = |reason: &str| ValidatorVerdict::Failed(reason.to_owned());
        let written = |bytes: &Bytes| {
            String::from_utf8_lossy(&bytes[..bytes.len().min(NUMBER_BYTES_MAX)]).trim().to_owned()
        };
        match (self.score, self.share) {
            (None, None) => {}
            _ if matches!(found.verdict, ValidatorVerdict::Failed(_)) => {}
            (Some(_), Some(_)) => {
                found.verdict = failed("it wrote both score.txt and score_multiplier.txt");
            }
            (Some(number), None) | (None, Some(number)) if !accepted => {
                let number = written(&number);
                found.verdict = ValidatorVerdict::Failed(format!(
                    "it scored an output that it rejected: {number:?}"
                ));
            }
            (Some(score), None) => match protocol::number(&score) {
                Some(points) => found.score = Some(CheckerScore::Points(points)),
                None => {
                    let score = written(&score);
                    found.verdict = ValidatorVerdict::Failed(format!(
                        "its score.txt holds no number from 0 to 10^12: {score:?}"
                    ));
                }
            },
            (None, Some(share)) => {
                let number = protocol::number(&share).filter(|it| (0.0..=1.0).contains(it));
                match number {
                    Some(share) => found.score = Some(CheckerScore::Share(share)),
                    None => {
                        let share = written(&share);
                        found.verdict = ValidatorVerdict::Failed(format!(
                            "its score_multiplier.txt holds no number from 0 to 1: {share:?}"
                        ));
                    }
                }
            }
        }
        if self.next_pass.is_some() && matches!(found.verdict, ValidatorVerdict::Rejected(_)) {
            found.verdict = failed("it wrote nextpass.in for an output that it rejected");
        }
        found.next_pass = self.next_pass.filter(|_| found.verdict == ValidatorVerdict::Accepted);
        found
    }
}
