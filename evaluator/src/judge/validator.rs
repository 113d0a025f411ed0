//! Programs of the problem's that judge outputs: strangers' code too, in cells of their own.

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

pub(super) use protocol::{Files, excerpt};

/// What a validator says about an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is right.
    Accepted,
    /// It is not.
    Rejected(Verdict),
    /// The validator could not say; why.
    Failed(String),
}

/// An answer with everything that came with it.
#[derive(Debug, Clone)]
pub(super) struct Validated {
    pub(super) answer: Answer,
    pub(super) score: Option<CheckerScore>,
    pub(super) feedback: Feedback,
    /// The input that the submission is to be run on next.
    pub(super) next_pass: Option<Bytes>,
}

/// The programs of one problem, ready to be run.
#[derive(Debug, Clone)]
pub struct Validators {
    /// In the order in which they are asked.
    pub programs: Arc<[Executable]>,
    /// Their names, as the package has them.
    pub names: Arc<[String]>,
    /// How they are asked.
    pub validation: Validation,
    /// Whether there is more to get than a verdict.
    pub is_scored: bool,
}

impl Validators {
    pub(super) fn protocol(&self) -> Protocol {
        self.validation.protocol
    }

    /// What one run of a validator may use.
    pub(super) fn limits(&self, executable: &Executable) -> Limits {
        run_limits(executable, &self.validation.limits)
    }
}

/// What one run of a packaged program may use.
pub(super) fn run_limits(executable: &Executable, limits: &ValidationLimits) -> Limits {
    let bytes = limits.output_kib * 1024;
    let base = executable.language.run_limits(
        Duration::from_millis(limits.time_ms),
        limits.memory_kib * 1024,
        bytes,
    );
    // A script may start a shell, and that an interpreter.
    Limits { processes: base.processes.max(SCRIPT_PROCESSES), file_bytes: bytes, ..base }
}

/// Processes of a program that brings scripts.
const SCRIPT_PROCESSES: u32 = 64;
/// Bytes of a number that cannot be read, as far as it is shown.
const NUMBER_BYTES_MAX: usize = 40;
/// Room for a validator's files besides what it writes, in bytes.
const DISK_BYTES: u64 = 512 << 20;

/// A cell with one validator in it.
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
    /// Seals a cell and puts a validator in. It can be linked with another cell where one is given.
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

    /// Puts the files of a test in place, with what an earlier pass left.
    pub(super) async fn lay_out(&mut self, files: &Files<'_>) -> Result<(), Fault> {
        self.cell.clear().await?;
        let placed = protocol::placed(self.protocol, files);
        let put = put_files(&mut self.cell, &placed).await;
        match put {
            // Of all files these alone have names that a program chose.
            Err(error) if !files.kept.is_empty() => Err(self.left_by_it(error)),
            put => Ok(put?),
        }
    }

    /// How it is run on what was laid out. An interactor has no standard input of its own.
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

    /// How it is run on the files of a submission.
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

    /// What its end means, and what it left.
    pub(super) async fn read(&mut self, outcome: &Outcome) -> Result<Validated, Fault> {
        let mut found = protocol::read(self.protocol, outcome);
        // Testlib's parts and points, where there is nothing to give a part of: the output is not right.
        if !self.is_scored && found.score.take().is_some() && found.answer == Answer::Accepted {
            found.answer = Answer::Rejected(Verdict::WrongAnswer);
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
        if let Answer::Failed(reason) = &mut found.answer {
            // Its setter needs every word of it.
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

    /// The output that an interactor leaves for the checker after it.
    pub(super) async fn left_output(&mut self) -> Result<Bytes, Fault> {
        Ok(self.file(protocol::OUTPUT).await?.unwrap_or_default())
    }

    /// What it left in its feedback directory for the next pass.
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

    /// What it means that the files which it left cannot be taken or put back.
    fn left_by_it(&self, error: SandboxError) -> Fault {
        match error.of_files_left() {
            Some(detail) => self.fault(format!("the files that it left cannot be kept: {detail}")),
            None => error.into(),
        }
    }

    /// What it means that it failed in this way.
    pub(super) fn fault(&self, detail: String) -> Fault {
        Fault::Program { program: self.name.clone(), detail }
    }

    /// Runs it on an output.
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

    /// A file that it left; `None` when there is none, or nothing that may be read.
    async fn file(&mut self, name: &str) -> Result<Option<Bytes>, Fault> {
        match self.cell.get(&CellPath::work(name)?, self.limits.file_bytes).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.of_files_left().is_some() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a validator is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Judge what was printed.
    Checker,
    /// Talk.
    Interactor,
}

/// What a validator left in its feedback directory.
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
        let accepted = found.answer == Answer::Accepted;
        let failed = |reason: &str| Answer::Failed(reason.to_owned());
        let written = |bytes: &Bytes| {
            String::from_utf8_lossy(&bytes[..bytes.len().min(NUMBER_BYTES_MAX)]).trim().to_owned()
        };
        match (self.score, self.share) {
            (None, None) => {}
            _ if matches!(found.answer, Answer::Failed(_)) => {}
            (Some(_), Some(_)) => {
                found.answer = failed("it wrote both score.txt and score_multiplier.txt");
            }
            (Some(number), None) | (None, Some(number)) if !accepted => {
                let number = written(&number);
                found.answer =
                    Answer::Failed(format!("it scored an output that it rejected: {number:?}"));
            }
            (Some(score), None) => match protocol::number(&score) {
                Some(points) => found.score = Some(CheckerScore::Points(points)),
                None => {
                    let score = written(&score);
                    found.answer = Answer::Failed(format!(
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
                        found.answer = Answer::Failed(format!(
                            "its score_multiplier.txt holds no number from 0 to 1: {share:?}"
                        ));
                    }
                }
            }
        }
        if self.next_pass.is_some() && matches!(found.answer, Answer::Rejected(_)) {
            found.answer = failed("it wrote nextpass.in for an output that it rejected");
        }
        found.next_pass = self.next_pass.filter(|_| found.answer == Answer::Accepted);
        found
    }
}
