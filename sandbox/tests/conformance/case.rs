//! A case: a program, its limits, how it may end, and further checks.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use sandbox::{Ended, Limits, Outcome};

use crate::fixture::Fixture;

pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;

/// How far a run's measured time may exceed its limit on a busy machine.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// Limits of a case that should hit one of them soon.
pub(crate) const SHORT: Limits = Limits {
    cpu: Duration::from_millis(250),
    wall: Duration::from_secs(6),
    memory_bytes: 256 * MIB,
    processes: 64,
    open_files: 128,
    stdout_bytes: 16 * MIB,
    stderr_bytes: 64 * KIB,
    file_bytes: 64 * MIB,
    stack: sandbox::Stack::Unlimited,
};

/// Limits of a case that should hit the wall limit.
pub(crate) const IDLE: Limits = Limits { wall: Duration::from_millis(350), ..SHORT };

/// Limits of a case that is not about time.
pub(crate) const AMPLE: Limits =
    Limits { cpu: Duration::from_secs(3), wall: Duration::from_secs(15), ..SHORT };

/// The mode of a suite's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As root.
    Native,
    /// As root, with a user namespace around each cell.
    UserNamespace,
    /// As the user nobody: a user namespace and no cgroups.
    WithoutRoot,
    /// Docker containers.
    Docker,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::UserNamespace => "native in a user namespace",
            Self::WithoutRoot => "native without root",
            Self::Docker => "docker",
        }
    }
}

/// How a run may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Exit(i32),
    Signal(i32),
    Cpu,
    Wall,
    Memory,
    Output,
    File,
    /// An exit code that is not 0, or a signal, as for a compile error.
    Failure,
}

impl End {
    /// The cell allowed what the program tried, or the program finished normally.
    pub(crate) const SUCCESS: Self = Self::Exit(0);
    /// The cell refused what the program tried (see `probe.h`).
    pub(crate) const REFUSED: Self = Self::Exit(1);

    fn is(self, ended: Ended) -> bool {
        match ended {
            Ended::Exited { code } => {
                self == Self::Exit(code) || (self == Self::Failure && code != 0)
            }
            Ended::Signaled { signal } => self == Self::Signal(signal) || self == Self::Failure,
            Ended::CpuLimit => self == Self::Cpu,
            Ended::WallLimit => self == Self::Wall,
            Ended::MemoryLimit => self == Self::Memory,
            Ended::OutputLimit => self == Self::Output,
            Ended::FileLimit => self == Self::File,
        }
    }
}

/// A further check of an outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Check {
    /// The processor time reached its limit, and the wall time did not.
    CpuReached,
    /// The wall time reached its limit, and the run ended soon after.
    WallReached,
    /// The run ended long before its limits.
    Soon,
    /// It printed exactly this.
    Prints(&'static str),
    /// It printed a number in this range.
    Counts(u64, u64),
    /// It printed its input.
    Echoes,
    /// Processor time in this range, in milliseconds.
    CpuMs(u64, u64),
    /// Peak memory in this range, in MiB.
    PeakMib(u64, u64),
    /// This many bytes of output were kept.
    Kept(usize),
    /// Standard error was kept up to its limit, and is reported as truncated.
    ComplaintsCut,
    /// Neither output stream contains these words.
    Never(&'static str),
}

impl Check {
    fn holds(self, outcome: &Outcome, limits: &Limits, stdin: &[u8]) -> bool {
        let within = |value: u64, min: u64, max: u64| (min..=max).contains(&value);
        let text = || String::from_utf8_lossy(&outcome.stdout).into_owned();
        let messages = || text() + &String::from_utf8_lossy(&outcome.stderr);
        match self {
            Self::CpuReached => outcome.cpu >= limits.cpu && outcome.wall < limits.wall,
            Self::WallReached => outcome.wall >= limits.wall && outcome.wall < limits.wall + GRACE,
            Self::Soon => outcome.wall < GRACE,
            Self::Prints(text) => outcome.stdout == text,
            Self::Counts(min, max) => {
                text().trim().parse().is_ok_and(|count| within(count, min, max))
            }
            Self::Echoes => outcome.stdout == stdin,
            Self::CpuMs(min, max) => {
                within(u64::try_from(outcome.cpu.as_millis()).unwrap_or(u64::MAX), min, max)
            }
            Self::PeakMib(min, max) => within(outcome.memory_bytes, min * MIB, max * MIB),
            Self::Kept(bytes) => outcome.stdout.len() == bytes,
            Self::ComplaintsCut => {
                outcome.stderr.len() as u64 == limits.stderr_bytes && outcome.stderr_truncated
            }
            Self::Never(words) => !messages().contains(words),
        }
    }
}

/// The program of a case.
#[derive(Clone, Copy)]
pub(crate) enum Program {
    /// The probe, with these words.
    Probe(&'static [&'static str]),
    /// A source to compile and run.
    Source { language: &'static str, text: &'static str },
    /// A source to compile but not run. The outcome is the compiler's.
    Compile { language: &'static str, source: fn() -> Vec<u8> },
    /// Several steps with their own assertions.
    Steps(for<'a> fn(&'a Fixture) -> BoxFuture<'a, ()>),
}

/// The weaker expectations of a mode that cannot enforce what the others do.
#[derive(Clone, Copy)]
pub(crate) struct Weaker {
    pub(crate) mode: Mode,
    pub(crate) expect: &'static [End],
    pub(crate) checks: &'static [Check],
    /// A sentence of `docs/security.md`.
    pub(crate) reason: &'static str,
}

/// One hostile program.
#[derive(Clone)]
pub(crate) struct Case {
    /// The topic of the case: a line of the list of hostile programs, or a promise of the port.
    pub(crate) line: &'static str,
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    pub(crate) limits: Limits,
    pub(crate) stdin: Bytes,
    pub(crate) expect: &'static [End],
    pub(crate) checks: &'static [Check],
    pub(crate) weaker: Vec<Weaker>,
    /// Whether it has its own cell. Other cases share one, like the tests of a submission.
    pub(crate) own_cell: bool,
}

impl Case {
    fn new(name: &'static str, program: Program, limits: Limits) -> Self {
        Self {
            line: "",
            name,
            program,
            limits,
            stdin: Bytes::new(),
            expect: &[End::SUCCESS],
            checks: &[],
            weaker: Vec::new(),
            own_cell: false,
        }
    }

    pub(crate) fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(crate) fn stdin(self, stdin: impl Into<Bytes>) -> Self {
        Self { stdin: stdin.into(), ..self }
    }

    pub(crate) fn ends(self, expect: &'static [End]) -> Self {
        Self { expect, ..self }
    }

    pub(crate) fn checks(self, checks: &'static [Check]) -> Self {
        Self { checks, ..self }
    }

    pub(crate) fn in_own_cell(self) -> Self {
        Self { own_cell: true, ..self }
    }

    /// Sets the expectations for a mode that cannot do better, and the reason.
    pub(crate) fn weaker(
        mut self,
        mode: Mode,
        expect: &'static [End],
        checks: &'static [Check],
        reason: &'static str,
    ) -> Self {
        self.weaker.push(Weaker { mode, expect, checks, reason });
        self
    }

    /// A message about what is wrong with an outcome, if anything.
    pub(crate) fn objection(&self, mode: Mode, outcome: &Outcome) -> Option<String> {
        let weaker = self.weaker.iter().find(|weaker| weaker.mode == mode);
        let (expect, checks) =
            weaker.map_or((self.expect, self.checks), |weaker| (weaker.expect, weaker.checks));
        let broken: Vec<_> = checks
            .iter()
            .filter(|check| !check.holds(outcome, &self.limits, &self.stdin))
            .collect();
        if expect.iter().any(|end| end.is(outcome.ended)) && broken.is_empty() {
            return None;
        }
        let brief = Outcome {
            stdout: outcome.stdout.slice(..outcome.stdout.len().min(300)),
            stderr: outcome.stderr.slice(..outcome.stderr.len().min(300)),
            ..outcome.clone()
        };
        Some(format!(
            "expected {expect:?} with {checks:?}; does not hold: {broken:?}; got {brief:#?}"
        ))
    }
}

/// A case that runs one of the probe's behaviours.
pub(crate) fn probe(name: &'static str, words: &'static [&'static str]) -> Case {
    Case::new(name, Program::Probe(words), SHORT)
}

/// A case that compiles a program and runs it with ample limits.
pub(crate) fn source(name: &'static str, language: &'static str, text: &'static str) -> Case {
    Case::new(name, Program::Source { language, text }, AMPLE)
}

/// A case that only compiles a source.
pub(crate) fn compile(name: &'static str, language: &'static str, source: fn() -> Vec<u8>) -> Case {
    let limits = Limits {
        memory_bytes: 512 * MIB,
        open_files: 256,
        stdout_bytes: sandbox::COMPILER_TEXT_BYTES_MAX,
        stderr_bytes: sandbox::COMPILER_TEXT_BYTES_MAX,
        ..AMPLE
    };
    Case::new(name, Program::Compile { language, source }, limits).ends(&[End::Failure])
}

/// A case of several steps.
pub(crate) fn steps(
    name: &'static str,
    steps: for<'a> fn(&'a Fixture) -> BoxFuture<'a, ()>,
) -> Case {
    Case::new(name, Program::Steps(steps), SHORT)
}

/// Puts cases under one line.
pub(crate) fn line(line: &'static str, cases: impl IntoIterator<Item = Case>) -> Vec<Case> {
    cases.into_iter().map(|case| Case { line, ..case }).collect()
}
