//! The events of a submission or trial.

use serde::{Deserialize, Serialize};

use crate::grading::{CheckerScore, GroupOutcome, TestResult};
use crate::problem::{Checker, Limits};
use crate::verdict::RunEnd;
use crate::{Digest, LanguageId, Login, RejudgeId, Slug, SubmissionId, Verdict};

/// A program was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionReceived {
    /// The submission's id.
    pub submission: SubmissionId,
    /// The account that submitted it.
    pub author: Login,
    /// The problem it was submitted to.
    pub problem: Slug,
    /// The revision of the problem it is judged against; it never changes.
    pub revision: u32,
    /// The programming language of the source.
    pub language: LanguageId,
    /// Digest of the source, as submitted.
    pub source: Digest,
    /// Size of the source, in bytes.
    pub source_bytes: u64,
}

/// A submission is judged again for a rejudge, without changing the verdict that counts. The events
/// that follow in the trial's stream are those of a submission's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialStarted {
    /// The rejudge that the trial belongs to.
    pub rejudge: RejudgeId,
    /// The submission as it was received, except for the revision, which is the trial's.
    pub submission: SubmissionReceived,
}

/// An evaluator started an attempt at judging the submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgingStarted {
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The evaluator's worker name.
    pub evaluator: String,
    /// Number of tests of the revision.
    pub tests: u32,
}

/// Compilation ended, successfully or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compiled {
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// Whether compilation succeeded.
    pub ok: bool,
    /// The compiler's output, possibly truncated.
    pub log: String,
    /// Whether `log` was truncated.
    pub truncated: bool,
    /// CPU time of the compilation, in milliseconds.
    pub time_ms: u64,
}

/// Output of a run that is shown to the submission's author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The beginning of its standard output.
    pub stdout: String,
    /// The beginning of its standard error.
    pub stderr: String,
    /// Whether `stdout` or `stderr` was truncated.
    pub truncated: bool,
    /// The checker's message.
    pub checker: Option<String>,
    /// For a function problem, the beginning of what the submission returned, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// Messages of the problem's validator about an output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// For the users who manage the problem.
    pub judge: Option<String>,
    /// For the submission's author.
    pub team: Option<String>,
}

/// One test's outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestOutcome {
    /// The test's number, from 1, in judging order.
    pub number: u32,
    /// The test's verdict.
    pub verdict: Verdict,
    /// What ended the run; `None` when our own failure kept the program from running.
    pub end: Option<RunEnd>,
    /// CPU time, in milliseconds.
    pub time_ms: u64,
    /// Peak memory, in KiB.
    pub memory_kib: u64,
    /// The score that a validator gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<CheckerScore>,
    /// Messages of a validator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// Set for samples, and for failed tests with `full_feedback`.
    pub shown: Option<Shown>,
}

impl TestOutcome {
    /// The part of the outcome that affects the grade.
    pub fn result(&self) -> TestResult {
        TestResult { verdict: self.verdict, score: self.score }
    }
}

/// One or more tests were judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestsJudged {
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The tests' outcomes, in the order they finished.
    pub outcomes: Vec<TestOutcome>,
}

/// Everything the verdict depended on, so that it can be reproduced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of Assay that judged it.
    pub assay: String,
    /// `native` or `docker`.
    pub sandbox: String,
    /// Version reported by the compiler or interpreter.
    pub toolchain: String,
    /// Digest of the language's definition (commands, flags, allowances) and the toolchain.
    pub language: Digest,
    /// Digest of the program that was compiled, snippets included.
    pub program: Digest,
    /// Digest of the problem's revision.
    pub revision: Digest,
    /// Resource limits of a run.
    pub limits: Limits,
    /// The checker that outputs were judged with.
    pub checker: Checker,
    /// Toolchains of the problem's own programs, in the revision's order.
    #[serde(rename = "referees", default, skip_serializing_if = "Vec::is_empty")]
    pub problem_programs: Vec<ProblemProgramProvenance>,
    /// `cgroup` or `peak_rss`; `None` when nothing was run.
    pub memory_source: Option<String>,
}

/// The toolchain that one of the problem's own programs was built and run with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemProgramProvenance {
    /// The program's name in the package.
    pub name: String,
    /// Version reported by its compiler or interpreter.
    pub toolchain: String,
    /// Digest of the language's definition and the toolchain.
    pub language: Digest,
}

/// The attempt ended with a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgingFinished {
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The submission's verdict.
    pub verdict: Verdict,
    /// The submission's score; set for scored problems only.
    pub score: Option<f64>,
    /// The result of each test group.
    #[serde(default)]
    pub groups: Vec<GroupOutcome>,
    /// CPU time of the slowest test, in milliseconds.
    pub time_ms: u64,
    /// Peak memory over all tests, in KiB.
    pub memory_kib: u64,
    /// Everything the verdict depended on.
    pub provenance: Provenance,
}

/// Why an attempt ended without a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AbandonReason {
    /// A newer attempt replaced it, for example because its evaluator stopped responding.
    Superseded,
    /// Its evaluator shut down.
    ShutDown,
    /// Its evaluator failed to judge the submission.
    Failed {
        /// What went wrong.
        detail: String,
    },
}

/// The attempt ended without a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptAbandoned {
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// Why the attempt was abandoned.
    pub reason: AbandonReason,
}

/// The submission was cancelled before it had a verdict, and will have none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionCancelled {
    /// The attempt that was in progress and ends with this; `None` if there was none.
    pub attempt: Option<u32>,
    /// The reason given for cancelling it.
    pub reason: Option<String>,
}

/// No evaluator could judge the submission. Its verdict is `JUDGE_ERROR`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionAbandoned {
    /// Number of times it was delivered to an evaluator.
    pub deliveries: u32,
    /// The error of the last failed attempt, or why there is none.
    pub detail: String,
}
