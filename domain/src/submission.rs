//! A submission: received once, then judged in attempts. A verdict is never rewritten.
//! A trial is the same in a stream of its own: a submission judged again, for a rejudge.
//!
//! An attempt starts, makes progress, and ends judged or abandoned.
//! Whoever starts the next attempt abandons the one that was under way; because every append states
//! the version it was decided on, the evaluator that was cut off can no longer write (INV-7).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::aggregate::Aggregate;
use crate::grading::{CheckerScore, CustomGrades, Grade, GroupOutcome, Rubric, TestResult};
use crate::problem::{Checker, Limits};
use crate::verdict::RunEnd;
use crate::{Digest, Event, LanguageId, Login, RejudgeId, Slug, SubmissionId, Verdict};

/// A program was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionReceived {
    /// The submission.
    pub submission: SubmissionId,
    /// Who handed it in.
    pub author: Login,
    /// What it is to solve.
    pub problem: Slug,
    /// The revision it is judged against, for ever.
    pub revision: u32,
    /// What it is written in.
    pub language: LanguageId,
    /// The source, as handed in.
    pub source: Digest,
    /// Its size.
    pub source_bytes: u64,
}

/// A submission is judged again, beside what counts. What follows in the trial's stream is what follows
/// in a submission's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialStarted {
    /// For which rejudge.
    pub rejudge: RejudgeId,
    /// The submission as it was received, but for the revision that it is judged against.
    pub submission: SubmissionReceived,
}

/// An evaluator took the submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgingStarted {
    /// Counts from 1.
    pub attempt: u32,
    /// The worker's name.
    pub evaluator: String,
    /// How many tests there are.
    pub tests: u32,
}

/// The program was compiled, or was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compiled {
    /// Which attempt.
    pub attempt: u32,
    /// Whether there is a program to run.
    pub ok: bool,
    /// What the compiler said.
    pub log: String,
    /// Whether it said more.
    pub truncated: bool,
    /// Cpu time it took.
    pub time_ms: u64,
}

/// What a visible test shows of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The beginning of its standard output.
    pub stdout: String,
    /// The beginning of its standard error.
    pub stderr: String,
    /// Whether either went on.
    pub truncated: bool,
    /// What the checker said.
    pub checker: Option<String>,
}

/// What a validator of the problem's had to say about an output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// For those who manage the problem.
    pub judge: Option<String>,
    /// For the author.
    pub team: Option<String>,
}

/// One test's outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestOutcome {
    /// Counts from 1, in judging order.
    pub number: u32,
    /// What it was found to be.
    pub verdict: Verdict,
    /// Who ended the run; `None` when our own failure kept it from running.
    pub end: Option<RunEnd>,
    /// Cpu time.
    pub time_ms: u64,
    /// Peak memory, in KiB.
    pub memory_kib: u64,
    /// What a validator says it is worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<CheckerScore>,
    /// What a validator had to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// Only of a sample; a hidden test shows nothing.
    pub shown: Option<Shown>,
}

impl TestOutcome {
    /// What bears on the grade.
    pub fn result(&self) -> TestResult {
        TestResult { verdict: self.verdict, score: self.score }
    }
}

/// Some tests have a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestsJudged {
    /// Which attempt.
    pub attempt: u32,
    /// In the order they finished.
    pub outcomes: Vec<TestOutcome>,
}

/// Everything the verdict depended on, so that it can be computed again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of Assay that judged.
    pub assay: String,
    /// `native` or `docker`.
    pub sandbox: String,
    /// What the compiler or interpreter says it is.
    pub toolchain: String,
    /// Digest over the language's definition (commands, flags, allowances) and the toolchain.
    pub language: Digest,
    /// Digest of the program that was compiled, snippets included.
    pub program: Digest,
    /// Digest of the problem's revision.
    pub revision: Digest,
    /// What a run could use.
    pub limits: Limits,
    /// How outputs were judged.
    pub checker: Checker,
    /// What programs of the problem's own were made and run with, in the revision's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referees: Vec<RefereeProvenance>,
    /// `cgroup` or `peak_rss`; `None` when nothing was run.
    pub memory_source: Option<String>,
}

/// What a program of the problem's own was made and run with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefereeProvenance {
    /// As the package names it.
    pub name: String,
    /// What its compiler or interpreter says it is.
    pub toolchain: String,
    /// Digest over the language's definition and the toolchain.
    pub language: Digest,
}

/// The attempt has its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgingFinished {
    /// Which attempt.
    pub attempt: u32,
    /// What the submission was found to be.
    pub verdict: Verdict,
    /// Scored problems only.
    pub score: Option<f64>,
    /// What each test group came to.
    #[serde(default)]
    pub groups: Vec<GroupOutcome>,
    /// Of the slowest test.
    pub time_ms: u64,
    /// Of the largest test, in KiB.
    pub memory_kib: u64,
    /// What it depended on.
    pub provenance: Provenance,
}

/// Why an attempt ended without a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AbandonReason {
    /// Its evaluator was not heard of any more and another took over.
    Superseded,
    /// Its evaluator was told to stop.
    ShutDown,
    /// Its evaluator could not judge.
    Failed {
        /// What went wrong.
        detail: String,
    },
}

/// The attempt ended without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptAbandoned {
    /// Which attempt.
    pub attempt: u32,
    /// Why.
    pub reason: AbandonReason,
}

/// No evaluator could judge it. Shown as `JUDGE_ERROR`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionAbandoned {
    /// How often it was tried.
    pub deliveries: u32,
    /// What went wrong the last time.
    pub detail: String,
}

/// What can be asked of a submission.
#[derive(Debug, Clone, PartialEq)]
pub enum SubmissionCommand {
    /// Take it in.
    Receive(SubmissionReceived),
    /// Judge it again, in this stream of its own.
    StartTrial(TrialStarted),
    /// Begin an attempt, and abandon the one under way.
    StartJudging {
        /// The worker's name.
        evaluator: String,
        /// How many tests there are.
        tests: u32,
    },
    /// Say how compiling went.
    RecordCompile(Compiled),
    /// Say how some tests went.
    RecordTests(TestsJudged),
    /// Give the verdict that follows from what was recorded.
    Finish {
        /// Which attempt.
        attempt: u32,
        /// How the revision's tests are graded.
        rubric: Box<Rubric>,
        /// What graders of the problem's found.
        graded: CustomGrades,
        /// What it depended on.
        provenance: Box<Provenance>,
    },
    /// End the attempt without a verdict.
    AbandonAttempt(AttemptAbandoned),
    /// Stop trying.
    Abandon(SubmissionAbandoned),
}

/// Why a submission refused a command.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum SubmissionRejection {
    /// It was received before.
    #[error("the submission was received before")]
    AlreadyReceived,
    /// There is no such submission.
    #[error("there is no such submission")]
    NotFound,
    /// It has its verdict.
    #[error("the submission has its verdict")]
    AlreadyFinal,
    /// Another attempt is under way, or none.
    #[error("attempt {0} is not under way")]
    NotUnderWay(u32),
    /// Progress that cannot be: before compiling, twice, or of a test that is not there.
    #[error("the progress does not follow: {0}")]
    OutOfOrder(&'static str),
}

/// The attempt under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// How many tests there are.
    pub tests: u32,
    /// Whether it compiled; `None` before that is known.
    pub compiled: Option<bool>,
    /// What is known of its tests, by number.
    pub results: BTreeMap<u32, TestResult>,
    time_ms: u64,
    memory_kib: u64,
}

impl Attempt {
    /// What was recorded leads to; `None` while something is missing.
    fn grade(&self, rubric: &Rubric, graded: &CustomGrades) -> Option<Grade> {
        if !self.compiled? {
            return Some(Grade {
                verdict: Verdict::CompileError,
                root: Verdict::CompileError,
                score: None,
                groups: vec![],
                out_of_range: vec![],
                points_decide: false,
            });
        }
        rubric.survey(&self.results, graded).grade
    }

    /// Our own failure on a test is no verdict.
    fn has_judge_error(&self) -> bool {
        self.results.values().any(|result| result.verdict == Verdict::JudgeError)
    }
}

/// Where a submission stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Phase {
    /// Not received.
    #[default]
    Absent,
    /// Waiting for an evaluator.
    Queued,
    /// With an evaluator.
    Judging(Attempt),
    /// It has its verdict.
    Judged(Verdict),
}

/// A submission's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Submission {
    /// How it was received.
    pub received: Option<SubmissionReceived>,
    /// Where it stands.
    pub phase: Phase,
    /// How many attempts were begun.
    pub attempts: u32,
}

impl Aggregate for Submission {
    type Command = SubmissionCommand;
    type Rejection = SubmissionRejection;

    fn decide(&self, command: SubmissionCommand) -> Result<Vec<Event>, SubmissionRejection> {
        use SubmissionRejection as No;
        match (&self.phase, command) {
            (Phase::Absent, SubmissionCommand::Receive(received)) => Ok(vec![received.into()]),
            (Phase::Absent, SubmissionCommand::StartTrial(started)) => Ok(vec![started.into()]),
            (_, SubmissionCommand::Receive(_) | SubmissionCommand::StartTrial(_)) => {
                Err(No::AlreadyReceived)
            }
            (Phase::Absent, _) => Err(No::NotFound),
            (Phase::Judged(_), _) => Err(No::AlreadyFinal),
            (phase, SubmissionCommand::StartJudging { evaluator, tests }) => {
                let superseded = match phase {
                    Phase::Judging(attempt) => Some(AttemptAbandoned {
                        attempt: attempt.number,
                        reason: AbandonReason::Superseded,
                    }),
                    _ => None,
                };
                let attempt = self.attempts + 1;
                let started = JudgingStarted { attempt, evaluator, tests };
                Ok(superseded.map(Event::from).into_iter().chain([started.into()]).collect())
            }
            (_, SubmissionCommand::Abandon(abandoned)) => Ok(vec![abandoned.into()]),
            (Phase::Queued, command) => Err(No::NotUnderWay(command.attempt().unwrap_or(0))),
            (Phase::Judging(under_way), command) => {
                if let Some(attempt) = command.attempt()
                    && attempt != under_way.number
                {
                    return Err(No::NotUnderWay(attempt));
                }
                decide_progress(under_way, command)
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::SubmissionReceived(received) => {
                self.received = Some(received.clone());
                self.phase = Phase::Queued;
            }
            Event::TrialStarted(started) => {
                self.received = Some(started.submission.clone());
                self.phase = Phase::Queued;
            }
            Event::JudgingStarted(started) => {
                self.attempts = started.attempt;
                self.phase = Phase::Judging(Attempt {
                    number: started.attempt,
                    tests: started.tests,
                    compiled: None,
                    results: BTreeMap::new(),
                    time_ms: 0,
                    memory_kib: 0,
                });
            }
            Event::Compiled(compiled) => {
                if let Phase::Judging(attempt) = &mut self.phase {
                    attempt.compiled = Some(compiled.ok);
                }
            }
            Event::TestsJudged(judged) => {
                if let Phase::Judging(attempt) = &mut self.phase {
                    for outcome in &judged.outcomes {
                        attempt.results.insert(outcome.number, outcome.result());
                        attempt.time_ms = attempt.time_ms.max(outcome.time_ms);
                        attempt.memory_kib = attempt.memory_kib.max(outcome.memory_kib);
                    }
                }
            }
            Event::JudgingFinished(finished) => self.phase = Phase::Judged(finished.verdict),
            Event::AttemptAbandoned(_) => self.phase = Phase::Queued,
            Event::SubmissionAbandoned(_) => self.phase = Phase::Judged(Verdict::JudgeError),
            _ => {}
        }
    }
}

impl SubmissionCommand {
    /// The attempt that the command speaks for.
    fn attempt(&self) -> Option<u32> {
        match self {
            Self::RecordCompile(compiled) => Some(compiled.attempt),
            Self::RecordTests(judged) => Some(judged.attempt),
            Self::Finish { attempt, .. } => Some(*attempt),
            Self::AbandonAttempt(abandoned) => Some(abandoned.attempt),
            Self::Receive(_)
            | Self::StartTrial(_)
            | Self::StartJudging { .. }
            | Self::Abandon(_) => None,
        }
    }
}

fn decide_progress(
    attempt: &Attempt,
    command: SubmissionCommand,
) -> Result<Vec<Event>, SubmissionRejection> {
    let out_of_order = |why| Err(SubmissionRejection::OutOfOrder(why));
    match command {
        SubmissionCommand::RecordCompile(compiled) => match attempt.compiled {
            None => Ok(vec![compiled.into()]),
            Some(_) => out_of_order("it was compiled before"),
        },
        SubmissionCommand::RecordTests(judged) => {
            if attempt.compiled != Some(true) {
                return out_of_order("it was not compiled");
            }
            let mut seen = std::collections::BTreeSet::new();
            for outcome in &judged.outcomes {
                if !(1..=attempt.tests).contains(&outcome.number) {
                    return out_of_order("there is no such test");
                }
                if attempt.results.contains_key(&outcome.number) || !seen.insert(outcome.number) {
                    return out_of_order("the test was judged before");
                }
            }
            Ok(vec![judged.into()])
        }
        // Our own failure is no verdict: the attempt is abandoned and another evaluator tries.
        SubmissionCommand::Finish { .. } if attempt.has_judge_error() => {
            out_of_order("the judge failed a test")
        }
        SubmissionCommand::Finish { rubric, .. } if rubric.tests() != attempt.tests => {
            out_of_order("the tests are others")
        }
        SubmissionCommand::Finish { rubric, graded, provenance, .. } => {
            match attempt.grade(&rubric, &graded) {
                Some(Grade { verdict, score, groups, .. }) => Ok(vec![
                    JudgingFinished {
                        attempt: attempt.number,
                        verdict,
                        score,
                        groups,
                        time_ms: attempt.time_ms,
                        memory_kib: attempt.memory_kib,
                        provenance: *provenance,
                    }
                    .into(),
                ]),
                None => out_of_order("tests are missing"),
            }
        }
        SubmissionCommand::AbandonAttempt(abandoned) => Ok(vec![abandoned.into()]),
        SubmissionCommand::Receive(_)
        | SubmissionCommand::StartTrial(_)
        | SubmissionCommand::StartJudging { .. }
        | SubmissionCommand::Abandon(_) => out_of_order("it is not progress"),
    }
}

#[cfg(test)]
mod tests;
