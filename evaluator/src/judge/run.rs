//! Runs one test after another in one cell.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Verdict;
use domain::submission::{Feedback, Shown, TestOutcome};
use domain::text::visible;
use domain::verdict::RunEnd;
use sandbox::{Cell, CellSpec, Ended, Execution, MemorySource, Outcome};
use serde_json::Value as Json;

use super::calls::Calls;
use super::executable::put_files;
use super::function::{Called, Case, CaseResult, Waiting};
use super::interaction::{self, Ends, Ruling};
use super::output_checker::{Found, OutputChecker};
use super::validator::{Files, Role, Validated};
use super::{
    Cells, Checking, Fault, Judged, ProblemPrograms, Program, TestData, near_limit, static_check,
};

/// Bytes of each output stream that a visible test shows.
const SHOWN_BYTES_MAX: usize = 4 << 10;

/// The cells in which a submission is judged: one with the program, which can run any number of
/// tests, and those of the problem's validators.
#[derive(Debug)]
pub struct JudgingCells {
    cells: Arc<Cells>,
    cell: Cell,
    program: Program,
    /// The program's data files, written to the working directory of each run.
    data: Vec<(String, Bytes)>,
    output_checker: OutputChecker,
    /// The program that waits for its next case, if it is a function.
    waiting: Option<Waiting>,
    memory_source: Option<MemorySource>,
    /// Bytes of each output stream that an outcome shows.
    shown_bytes_max: usize,
}

/// One run of the program, judged.
struct Pass {
    outcome: Outcome,
    reruns: u32,
    cpu: Duration,
    found: Found,
}

impl JudgingCells {
    /// Creates a cell and puts the program in it.
    ///
    /// # Errors
    /// If the sandbox failed.
    pub async fn set_up(
        cells: &Arc<Cells>,
        program: Program,
        problem_programs: Arc<ProblemPrograms>,
    ) -> Result<Self, Fault> {
        let spec = CellSpec::run(&program.executable.language, &run_limits(&program));
        let mut cell = cells.prepare(&spec).await?;
        program.executable.install(&mut cell).await?;
        let data = program.source.data();
        Ok(Self {
            cells: Arc::clone(cells),
            cell,
            program,
            data,
            output_checker: OutputChecker::new(cells, problem_programs),
            waiting: None,
            memory_source: None,
            shown_bytes_max: SHOWN_BYTES_MAX,
        })
    }

    /// Outcomes show up to this number of bytes of each output stream.
    #[must_use]
    pub fn showing(self, shown_bytes_max: usize) -> Self {
        Self { shown_bytes_max, ..self }
    }

    /// Runs the program on an input to which no answer is known. If the program ends well, the
    /// verdict is `Accepted`, which says nothing about the output.
    ///
    /// # Errors
    /// If the sandbox failed.
    pub async fn run_unchecked(
        &mut self,
        test: &TestData,
        core: Option<u32>,
    ) -> Result<Judged, Fault> {
        if let Some(calls) = self.program.source.calls.clone() {
            return Ok(self.judge_call(&calls, test, false, core).await?.0);
        }
        let (outcome, reruns, cpu) = self.run_with_rerun(test, &test.input, core).await?;
        let end = run_end(outcome.ended);
        let found = Found::plain(end, end.verdict().unwrap_or(Verdict::Accepted), None);
        Ok(added(None, Pass { outcome, reruns, cpu, found }, test, self.shown_bytes_max))
    }

    /// Runs the program on an input. Returns how it ended, and everything that it printed or, if it
    /// is a function, what it returned.
    ///
    /// # Errors
    /// If the sandbox failed.
    pub async fn output_on(
        &mut self,
        test: &TestData,
        core: Option<u32>,
    ) -> Result<(RunEnd, Bytes), Fault> {
        if let Some(calls) = self.program.source.calls.clone() {
            let (judged, result) = self.judge_call(&calls, test, false, core).await?;
            let end = judged.outcome.end.unwrap_or(RunEnd::NoAnswer);
            return Ok(match result {
                Some(result) => (end, Bytes::from(result.to_string())),
                // It returned something else than its type, which answers nothing.
                None => (end.verdict().map_or(RunEnd::NoAnswer, |_| end), Bytes::new()),
            });
        }
        let (outcome, ..) = self.run_with_rerun(test, &test.input, core).await?;
        Ok((run_end(outcome.ended), outcome.stdout))
    }

    /// Moves the program to a fresh cell, so that its next run cannot see any effect of the
    /// previous one.
    async fn renew(&mut self) -> Result<(), Fault> {
        let spec = CellSpec::run(&self.program.executable.language, &run_limits(&self.program));
        let mut fresh = match self.output_checker.linked() {
            Some(interactor) => self.cells.prepare_beside(&spec, interactor).await?,
            None => self.cells.prepare(&spec).await?,
        };
        self.program.executable.install(&mut fresh).await?;
        self.cells.retire(std::mem::replace(&mut self.cell, fresh)).await;
        self.waiting = None;
        Ok(())
    }

    /// Runs the program on one test, on this core if one is given, and judges its output.
    ///
    /// # Errors
    /// If the sandbox or a program of the problem failed.
    pub async fn judge(&mut self, test: &TestData, core: Option<u32>) -> Result<Judged, Fault> {
        if test.is_static {
            return static_check::judge(
                &self.cells,
                &self.program.source,
                self.output_checker.problem_programs(),
                test,
                core,
            )
            .await;
        }
        if let Some(calls) = self.program.source.calls.clone() {
            return Ok(self.judge_call(&calls, test, true, core).await?.0);
        }
        let passes = match &self.output_checker.problem_programs().checking {
            Checking::Programs(validators) => validators.validation.passes,
            Checking::Tokens(_) | Checking::Lines(_) => 1,
        };
        let (mut input, mut kept) = (test.input.clone(), vec![]);
        let mut judged: Option<Judged> = None;
        for pass in 1.. {
            // A pass must know of the previous pass only what the validator passes on.
            if pass > 1 {
                self.renew().await?;
            }
            let next = self.pass(test, &input, &kept, core).await?;
            let next_pass = next.found.next_pass.clone();
            judged = Some(added(judged, next, test, self.shown_bytes_max));
            match next_pass {
                None => break,
                Some(_) if pass == passes => {
                    return Err(self.output_checker.validators[0].fault(format!(
                        "it asks for another pass after {passes}, the most allowed"
                    )));
                }
                Some(next_input) => {
                    input = next_input;
                    kept = self.output_checker.validators[0].left().await?;
                }
            }
        }
        Ok(judged.expect("there was a pass"))
    }

    /// Calls the submitted function, and judges what it returns. Also returns that, as JSON.
    async fn judge_call(
        &mut self,
        calls: &Calls,
        test: &TestData,
        is_checked: bool,
        core: Option<u32>,
    ) -> Result<(Judged, Option<Json>), Fault> {
        let case = calls.case(test, is_checked)?;
        let limit = Duration::from_millis(self.program.limits.time_ms);
        let mut first = self.call(calls, &case, test, core).await?;
        let (mut cpu, mut reruns) = (first.outcome.cpu, 0);
        if first.is_doubtful() {
            self.renew().await?;
            first = self.call(calls, &case, test, core).await?;
            cpu += first.outcome.cpu;
            reruns += 1;
        }
        let second = match near_limit::is_near(&first.outcome, limit) {
            true => {
                self.renew().await?;
                Some(self.call(calls, &case, test, core).await?)
            }
            false => None,
        };
        cpu += second.as_ref().map_or(Duration::ZERO, |second| second.outcome.cpu);
        reruns += u32::from(second.is_some());
        let repeated = second.as_ref().map(|second| second.outcome.clone());
        let outcome = near_limit::run_that_counts(first.outcome.clone(), repeated, limit);
        let said = match second {
            Some(second) if second.outcome == outcome => second.said,
            _ => first.said,
        };
        let CaseResult { end, verdict, note, result } =
            calls.rule(&case, run_end(outcome.ended), &said);
        let found = Found::plain(end, verdict, note);
        let pass = Pass { outcome, reruns, cpu, found };
        let mut judged = added(None, pass, test, self.shown_bytes_max);
        if let (Some(shown), Some(result)) = (&mut judged.outcome.shown, &result) {
            let (text, is_cut) = excerpt(result.to_string().as_bytes(), self.shown_bytes_max);
            shown.result = Some(text);
            shown.truncated |= is_cut;
        }
        Ok((judged, result))
    }

    async fn call(
        &mut self,
        calls: &Calls,
        case: &Case,
        test: &TestData,
        core: Option<u32>,
    ) -> Result<Called, Fault> {
        let mut limits = run_limits(&self.program);
        limits.cpu += near_limit::margin(limits.cpu);
        let start = Execution { core, ..self.execution(test, limits) };
        let called = calls.call(&mut self.cell, &mut self.waiting, case, &start).await?;
        self.memory_source = Some(called.outcome.memory_source);
        Ok(called)
    }

    async fn pass(
        &mut self,
        test: &TestData,
        input: &Bytes,
        kept: &[(String, Bytes)],
        core: Option<u32>,
    ) -> Result<Pass, Fault> {
        let problem_programs = Arc::clone(self.output_checker.problem_programs());
        match &problem_programs.checking {
            Checking::Programs(validators) if validators.validation.interactive => {
                self.interact(test, input, kept, core).await
            }
            _ => {
                let (outcome, reruns, cpu) = self.run_with_rerun(test, input, core).await?;
                let end = run_end(outcome.ended);
                let found = match end.verdict() {
                    Some(verdict) => Found::plain(end, verdict, None),
                    None => {
                        self.output_checker.check(test, input, kept, &outcome.stdout, core).await?
                    }
                };
                Ok(Pass { outcome, reruns, cpu, found })
            }
        }
    }

    /// Runs the program, and repeats the run if it ended near its limit.
    async fn run_with_rerun(
        &mut self,
        test: &TestData,
        input: &Bytes,
        core: Option<u32>,
    ) -> Result<(Outcome, u32, Duration), Fault> {
        let limit = Duration::from_millis(self.program.limits.time_ms);
        let first = self.run(test, input, core).await?;
        let mut cpu = first.cpu;
        let second = match near_limit::is_near(&first, limit) {
            // A program that could recognise its second run would have twice the time.
            true => {
                self.renew().await?;
                Some(self.run(test, input, core).await?)
            }
            false => None,
        };
        cpu += second.as_ref().map_or(Duration::ZERO, |second| second.cpu);
        let reruns = u32::from(second.is_some());
        Ok((near_limit::run_that_counts(first, second, limit), reruns, cpu))
    }

    async fn run(
        &mut self,
        test: &TestData,
        input: &Bytes,
        core: Option<u32>,
    ) -> Result<Outcome, Fault> {
        let mut limits = run_limits(&self.program);
        limits.cpu += near_limit::margin(limits.cpu);
        let execution = self.execution(test, limits).with_stdin(input.clone());
        self.lay_out(test).await?;
        let outcome = self.cell.execute(&Execution { core, ..execution }).await?;
        self.memory_source = Some(outcome.memory_source);
        Ok(outcome)
    }

    fn execution(&self, test: &TestData, mut limits: sandbox::Limits) -> Execution {
        if let Some(watched_ms) = self.program.watched_ms {
            limits.cpu = limits.cpu.max(Duration::from_millis(watched_ms));
            limits.wall = limits.wall.max(limits.cpu * 2);
        }
        let memory_bytes = self.program.limits.memory_kib * 1024;
        Execution::new(self.program.executable.argv(memory_bytes, &test.args), limits)
    }

    /// Writes the program's and the test's files to the working directory, which is empty before
    /// each run.
    async fn lay_out(&mut self, test: &TestData) -> Result<(), Fault> {
        put_files(&mut self.cell, &self.data).await?;
        put_files(&mut self.cell, &test.files).await?;
        Ok(())
    }

    /// Runs the program and the interactor, connected to each other.
    async fn interact(
        &mut self,
        test: &TestData,
        input: &Bytes,
        kept: &[(String, Bytes)],
        core: Option<u32>,
    ) -> Result<Pass, Fault> {
        let nothing = Bytes::new();
        let files = Files { input, answer: &test.answer, output: &nothing, kept };
        self.output_checker.validator(0, Some(&mut self.cell)).await?.lay_out(&files).await?;
        self.lay_out(test).await?;
        let submission = self.execution(test, run_limits(&self.program)).linked();
        let interactor = &mut self.output_checker.validators[0];
        let mut talking = interactor.execution(test, Role::Interactor, &nothing);
        // Gives the interactor time to see the submission's end.
        talking.limits.wall += submission.limits.wall;
        sandbox::link(&mut self.cell, &mut interactor.cell).await?;
        // A message between two programs on one core takes a seventh of the time between two cores.
        let submission = Execution { core, ..submission };
        let talking = Execution { core, ..talking };
        let (outcome, talked) =
            tokio::join!(self.cell.execute(&submission), interactor.cell.execute(&talking));
        let (outcome, talked) = (outcome?, talked?);
        self.memory_source = Some(outcome.memory_source);
        let validated = interactor.read(&talked).await?;
        let end = run_end(outcome.ended);
        let ends = Ends::new(end, &outcome, &talked, validated.verdict.clone());
        let ruling = interaction::rule(ends);
        let mut found = match ruling {
            Ruling::Submission(end) => {
                let verdict = end.verdict().unwrap_or(Verdict::RuntimeError);
                Found { feedback: validated.feedback, ..Found::plain(end, verdict, None) }
            }
            Ruling::Interactor(verdict) => {
                let mut found = Found::plain(end, Verdict::Accepted, None);
                found.add(Validated { verdict, ..validated }, interactor)?;
                found
            }
        };
        // A checker can follow the interactor, and judges what the interactor accepted.
        if found.verdict == Verdict::Accepted && self.output_checker.validators() > 1 {
            let output = self.output_checker.validators[0].left_output().await?;
            let files = Files { output: &output, ..files };
            let checker = self.output_checker.validator(1, None).await?;
            let validated = checker.check(test, &files, core).await?;
            found.add(validated, checker)?;
        }
        let cpu = outcome.cpu;
        Ok(Pass { outcome, reruns: 0, cpu, found })
    }

    /// From now on, runs end at their limit even if `watched_ms` is longer.
    pub fn stop_watching(&mut self) {
        self.program.watched_ms = None;
    }

    /// The source of the memory measurements; `None` before the first run.
    pub fn memory_source(&self) -> Option<MemorySource> {
        self.memory_source
    }

    /// Destroys the cells in the background.
    pub async fn tear_down(self) {
        // A cell that can be linked with another must be retired before it.
        self.output_checker.tear_down().await;
        self.cells.retire(self.cell).await;
    }
}

fn run_limits(program: &Program) -> sandbox::Limits {
    let limits = &program.limits;
    program.executable.language.run_limits(
        Duration::from_millis(limits.time_ms),
        limits.memory_kib * 1024,
        limits.output_kib * 1024,
    )
}

/// Adds one more pass to a test's outcome. The verdict follows from how the run ended (INV-4).
fn added(judged: Option<Judged>, pass: Pass, test: &TestData, shown_bytes_max: usize) -> Judged {
    let Pass { outcome, reruns, cpu, found } = pass;
    // A program that slept until the wall clock ended it used almost no CPU time.
    let time = if found.end == RunEnd::WallClock { outcome.wall } else { outcome.cpu };
    let time_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let memory_kib = outcome.memory_bytes.div_ceil(1024);
    let before = judged.as_ref().map(|judged| &judged.outcome);
    let has_feedback = found.feedback != Feedback::default();
    let is_shown = test.sample || test.full_feedback && !matches!(found.verdict, Verdict::Accepted);
    Judged {
        outcome: TestOutcome {
            number: test.number,
            verdict: found.verdict,
            end: Some(found.end),
            time_ms: time_ms.max(before.map_or(0, |before| before.time_ms)),
            memory_kib: memory_kib.max(before.map_or(0, |before| before.memory_kib)),
            score: found.score,
            feedback: has_feedback.then_some(found.feedback),
            shown: is_shown.then(|| {
                let (stdout, more_stdout) = excerpt(&outcome.stdout, shown_bytes_max);
                let (stderr, more_stderr) = excerpt(&outcome.stderr, shown_bytes_max);
                let truncated = more_stdout || more_stderr || outcome.stderr_truncated;
                Shown { stdout, stderr, truncated, checker: found.message, result: None }
            }),
        },
        reruns: reruns + judged.as_ref().map_or(0, |judged| judged.reruns),
        cpu: cpu + judged.as_ref().map_or(Duration::ZERO, |judged| judged.cpu),
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

pub(crate) fn excerpt(bytes: &[u8], shown_bytes_max: usize) -> (String, bool) {
    let shown = &bytes[..bytes.len().min(shown_bytes_max)];
    let mut text = visible(&String::from_utf8_lossy(shown));
    let is_cut = shown.len() < bytes.len() || text.len() > shown_bytes_max;
    // A character that became visible is longer than before.
    text.truncate(text.floor_char_boundary(shown_bytes_max));
    (text, is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(
        ended: Ended,
        verdict: Verdict,
        stdout: &'static [u8],
        test: &TestData,
    ) -> TestOutcome {
        let outcome = Outcome {
            ended,
            cpu: Duration::from_millis(7),
            wall: Duration::from_millis(900),
            memory_bytes: 1_025,
            memory_source: MemorySource::Cgroup,
            stdout: Bytes::from_static(stdout),
            stderr: Bytes::new(),
            stderr_truncated: false,
            peer_ended: false,
            busy: Duration::ZERO,
        };
        let end = run_end(ended);
        let found = Found::plain(end, verdict, Some("why".to_owned()));
        let pass = Pass { outcome, reruns: 0, cpu: Duration::ZERO, found };
        added(None, pass, test, SHOWN_BYTES_MAX).outcome
    }

    fn hidden() -> TestData {
        TestData::new(1, Bytes::new(), Bytes::from_static(b"3\n"))
    }

    #[test]
    fn an_excerpt_is_bounded_also_after_characters_became_visible() {
        assert_eq!(excerpt(b"ab", 2), ("ab".to_owned(), false));
        assert_eq!(excerpt(b"abc", 2), ("ab".to_owned(), true));
        assert_eq!(excerpt(b"a\0", 4), ("a␀".to_owned(), false));
        assert_eq!(excerpt(b"\0\0\0", 7), ("␀␀".to_owned(), true));
        assert_eq!(excerpt(&[0xff; 9], 9), ("\u{fffd}\u{fffd}\u{fffd}".to_owned(), true));
    }

    #[test]
    fn a_sleeper_is_shown_the_time_it_slept() {
        let slept = judge(Ended::WallLimit, Verdict::TimeLimitExceeded, b"", &hidden());
        assert_eq!(slept.time_ms, 900);
        let ran = judge(Ended::Exited { code: 0 }, Verdict::Accepted, b"3", &hidden());
        assert_eq!((ran.time_ms, ran.memory_kib), (7, 2));
    }

    #[test]
    fn a_hidden_test_shows_nothing_and_one_with_full_feedback_only_a_failure() {
        let exited = Ended::Exited { code: 0 };
        let wrong = Verdict::WrongAnswer;
        assert_eq!(judge(exited, wrong, b"4", &hidden()).shown, None);
        let sample = TestData { sample: true, ..hidden() };
        let shown = judge(exited, wrong, b"4", &sample).shown.unwrap();
        assert_eq!((shown.stdout.as_str(), shown.checker.as_deref()), ("4", Some("why")));
        let full_feedback = TestData { full_feedback: true, ..hidden() };
        assert!(judge(exited, wrong, b"4", &full_feedback).shown.is_some());
        assert!(judge(exited, Verdict::Accepted, b"3", &full_feedback).shown.is_none());
    }
}
