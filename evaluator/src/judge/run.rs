//! One test after another in one cell.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Verdict;
use domain::checker;
use domain::problem::Checker;
use domain::submission::{Shown, TestOutcome};
use domain::verdict::RunEnd;
use sandbox::{Cell, CellPath, CellSpec, Ended, Execution, MemorySource, Outcome};

use super::{Artifact, Cells, Fault, Program, near_limit};

/// Bytes of an output that a visible test shows.
const SHOWN_BYTES_MAX: usize = 4 << 10;

/// One test's data.
#[derive(Debug, Clone)]
pub struct TestData {
    /// Counts from 1.
    pub number: u32,
    /// Whether its outcome may show what was printed.
    pub sample: bool,
    /// What the program reads.
    pub input: Bytes,
    /// What is expected. It stays out here (INV-12).
    pub answer: Bytes,
}

/// What a test came to.
#[derive(Debug)]
pub struct Judged {
    /// As it is recorded.
    pub outcome: TestOutcome,
    /// How often the program was run again, because it had ended near its limit.
    pub reruns: u32,
    /// Cpu time of all its runs.
    pub cpu: Duration,
}

/// A cell with the program in it, ready for test after test.
#[derive(Debug)]
pub struct Bench {
    cells: Arc<Cells>,
    cell: Cell,
    program: Program,
    memory_source: Option<MemorySource>,
}

impl Bench {
    /// Seals a cell and puts the program in.
    ///
    /// # Errors
    /// When the sandbox failed.
    pub async fn set_up(
        cells: &Arc<Cells>,
        program: Program,
        artifact: &Artifact,
    ) -> Result<Self, Fault> {
        let spec = CellSpec::run(&program.language, &run_limits(&program));
        let mut cell = cells.prepare(&spec).await?;
        let path = CellPath::program(&program.language.artifact)?;
        cell.put(&path, artifact.0.clone(), true).await?;
        Ok(Self { cells: Arc::clone(cells), cell, program, memory_source: None })
    }

    /// Runs the program on one test, on this core where one is named, and compares what it printed.
    ///
    /// # Errors
    /// When the sandbox failed.
    pub async fn judge(&mut self, test: &TestData, core: Option<u32>) -> Result<Judged, Fault> {
        let limit = Duration::from_millis(self.program.limits.time_ms);
        let first = self.run(test, core).await?;
        let mut cpu = first.cpu;
        let second = match near_limit::is_near(&first, limit) {
            true => Some(self.run(test, core).await?),
            false => None,
        };
        cpu += second.as_ref().map_or(Duration::ZERO, |second| second.cpu);
        let reruns = u32::from(second.is_some());
        let outcome = near_limit::settle(first, second, limit);
        Ok(Judged { outcome: check(&outcome, test, &self.program.checker), reruns, cpu })
    }

    async fn run(&mut self, test: &TestData, core: Option<u32>) -> Result<Outcome, Fault> {
        let mut limits = run_limits(&self.program);
        limits.cpu += near_limit::margin(limits.cpu);
        let argv = self.program.language.run_argv(self.program.limits.memory_kib * 1024);
        let execution = Execution::new(argv, limits).with_stdin(test.input.clone());
        let outcome = self.cell.execute(&Execution { core, ..execution }).await?;
        self.memory_source = Some(outcome.memory_source);
        Ok(outcome)
    }

    /// Where the figures of memory come from; `None` before the first test.
    pub fn memory_source(&self) -> Option<MemorySource> {
        self.memory_source
    }

    /// Destroys the cell and all that is in it, in the background.
    pub async fn tear_down(self) {
        self.cells.retire(self.cell).await;
    }
}

fn run_limits(program: &Program) -> sandbox::Limits {
    let limits = &program.limits;
    program.language.run_limits(
        Duration::from_millis(limits.time_ms),
        limits.memory_kib * 1024,
        limits.output_kib * 1024,
    )
}

/// From what happened to what it means (INV-4).
fn check(outcome: &Outcome, test: &TestData, checker: &Checker) -> TestOutcome {
    let end = run_end(outcome.ended);
    let (verdict, message) = match end.verdict() {
        Some(verdict) => (verdict, None),
        None => {
            let Checker::Tokens(options) = checker;
            let comparison = checker::compare(&outcome.stdout, &test.answer, options);
            (Verdict::from(&comparison), comparison.message())
        }
    };
    // A program that slept until our clock rang used no cpu time to speak of.
    let time = if end == RunEnd::WallClock { outcome.wall } else { outcome.cpu };
    TestOutcome {
        number: test.number,
        verdict,
        end: Some(end),
        time_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        memory_kib: outcome.memory_bytes.div_ceil(1024),
        shown: test.sample.then(|| {
            let (stdout, more_stdout) = excerpt(&outcome.stdout);
            let (stderr, more_stderr) = excerpt(&outcome.stderr);
            let truncated = more_stdout || more_stderr || outcome.stderr_truncated;
            Shown { stdout, stderr, truncated, checker: message }
        }),
    }
}

fn run_end(ended: Ended) -> RunEnd {
    match ended {
        Ended::Exited { code } => RunEnd::Exit { code },
        Ended::Signaled { signal } => RunEnd::Signal { signal },
        Ended::CpuLimit => RunEnd::CpuClock,
        Ended::WallLimit => RunEnd::WallClock,
        Ended::MemoryLimit => RunEnd::MemoryLimit,
        Ended::OutputLimit => RunEnd::OutputCap,
        Ended::FileLimit => RunEnd::FileLimit,
    }
}

fn excerpt(bytes: &[u8]) -> (String, bool) {
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
    (String::from_utf8_lossy(shown).into_owned(), shown.len() < bytes.len())
}

#[cfg(test)]
mod tests {
    use domain::checker::TokenOptions;

    use super::*;

    fn outcome(ended: Ended, stdout: &'static [u8]) -> Outcome {
        Outcome {
            ended,
            cpu: Duration::from_millis(7),
            wall: Duration::from_millis(900),
            memory_bytes: 1_025,
            memory_source: MemorySource::Cgroup,
            stdout: Bytes::from_static(stdout),
            stderr: Bytes::new(),
            stderr_truncated: false,
        }
    }

    fn judge(ended: Ended, stdout: &'static [u8], sample: bool) -> TestOutcome {
        let (input, answer) = (Bytes::new(), Bytes::from_static(b"3\n"));
        let test = TestData { number: 1, sample, input, answer };
        check(&outcome(ended, stdout), &test, &Checker::Tokens(TokenOptions::default()))
    }

    #[test]
    fn inv_4_a_right_answer_does_not_make_up_for_a_limit() {
        let exited = |code| Ended::Exited { code };
        assert_eq!(judge(exited(0), b"3", false).verdict, Verdict::Accepted);
        assert_eq!(judge(exited(0), b"4", false).verdict, Verdict::WrongAnswer);
        assert_eq!(judge(exited(1), b"3", false).verdict, Verdict::RuntimeError);
        assert_eq!(judge(Ended::WallLimit, b"3", false).verdict, Verdict::TimeLimitExceeded);
        assert_eq!(judge(Ended::MemoryLimit, b"3", false).verdict, Verdict::MemoryLimitExceeded);
        assert_eq!(judge(Ended::OutputLimit, b"3", false).verdict, Verdict::OutputLimitExceeded);
    }

    #[test]
    fn a_sleeper_is_shown_the_time_it_slept() {
        assert_eq!(judge(Ended::WallLimit, b"", false).time_ms, 900);
        assert_eq!(judge(Ended::Exited { code: 0 }, b"3", false).time_ms, 7);
        assert_eq!(judge(Ended::Exited { code: 0 }, b"3", false).memory_kib, 2);
    }

    #[test]
    fn a_hidden_test_shows_nothing() {
        assert_eq!(judge(Ended::Exited { code: 0 }, b"4", false).shown, None);
        let shown = judge(Ended::Exited { code: 0 }, b"4", true).shown.unwrap();
        assert_eq!(shown.stdout, "4");
        assert_eq!(shown.checker.unwrap(), "token 1 is \"4\", expected \"3\"");
    }
}
