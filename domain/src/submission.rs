//! A submission: received once, then judged in attempts. A verdict is never rewritten.
//! A trial judges a submission again for a rejudge. It has its own stream and the same events.
//!
//! An attempt starts, makes progress, and ends judged or abandoned. Until there is a verdict, the
//! submission can be cancelled: then it never has one.
//! Starting an attempt abandons the one in progress. Every append states the version it was decided
//! on, so the evaluator of the abandoned attempt can no longer write (INV-7).

mod events;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::aggregate::Aggregate;
use crate::grading::{CustomGrades, Grade, Rubric, TestResult};
use crate::{Event, Verdict};

pub use events::{
    AbandonReason, AttemptAbandoned, Compiled, Feedback, JudgingFinished, JudgingStarted,
    ProblemProgramProvenance, Provenance, Shown, SubmissionAbandoned, SubmissionCancelled,
    SubmissionReceived, TestOutcome, TestsJudged, TrialStarted,
};

/// Number of characters of the reason for cancelling, without the space around it.
pub const CANCEL_REASON_CHARS: RangeInclusive<usize> = 1..=1_000;

/// A command to a submission.
#[derive(Debug, Clone, PartialEq)]
pub enum SubmissionCommand {
    /// Receive a new submission.
    Receive(SubmissionReceived),
    /// Start a trial of a submission. The trial has its own stream.
    StartTrial(TrialStarted),
    /// Start an attempt, and abandon the one in progress.
    StartJudging {
        /// The evaluator's worker name.
        evaluator: String,
        /// Number of tests of the revision.
        tests: u32,
    },
    /// Record the result of compiling.
    RecordCompile(Compiled),
    /// Record the outcomes of tests.
    RecordTests(TestsJudged),
    /// End the attempt with the verdict that follows from the recorded outcomes.
    Finish {
        /// The attempt's number, from 1.
        attempt: u32,
        /// How the revision's tests are graded.
        rubric: Box<Rubric>,
        /// Results of the problem's own graders.
        graded: CustomGrades,
        /// Everything the verdict depended on.
        provenance: Box<Provenance>,
    },
    /// End the attempt without a verdict.
    AbandonAttempt(AttemptAbandoned),
    /// Stop trying to judge the submission.
    Abandon(SubmissionAbandoned),
    /// Cancel the submission, which has no verdict yet. Cancelling it again changes nothing.
    Cancel {
        /// Whether a judge cancels it. Only a judge can cancel an attempt in progress.
        by_judge: bool,
        /// The reason given for cancelling it.
        reason: Option<String>,
    },
}

/// Why a submission refused a command.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum SubmissionRejection {
    /// The submission already exists.
    #[error("the submission already exists")]
    AlreadyReceived,
    /// There is no such submission.
    #[error("there is no such submission")]
    NotFound,
    /// The submission already has its verdict.
    #[error("the submission already has its verdict")]
    AlreadyFinal,
    /// The submission was cancelled.
    #[error("the submission was cancelled")]
    Cancelled,
    /// An attempt is in progress, which only judges can cancel.
    #[error("the submission is being judged; only judges can cancel it now")]
    UnderWay,
    /// The reason is empty or too long.
    #[error(
        "a reason must have {} to {} characters",
        CANCEL_REASON_CHARS.start(),
        CANCEL_REASON_CHARS.end()
    )]
    BadReason,
    /// The attempt is not the one in progress.
    #[error("attempt {0} is not in progress")]
    NotUnderWay(u32),
    /// The recorded progress is impossible in the attempt's state.
    #[error("the progress is out of order: {0}")]
    OutOfOrder(&'static str),
}

/// The attempt in progress.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The attempt's number, from 1.
    pub number: u32,
    /// Number of tests of the revision.
    pub tests: u32,
    /// Whether compilation succeeded; `None` before its result is recorded.
    pub compiled: Option<bool>,
    /// Recorded test results, by test number.
    pub results: BTreeMap<u32, TestResult>,
    time_ms: u64,
    memory_kib: u64,
}

impl Attempt {
    /// The grade that follows from the recorded results; `None` while results are missing.
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

    /// Whether a test failed through our own fault. Such an attempt gets no verdict.
    fn has_judge_error(&self) -> bool {
        self.results.values().any(|result| result.verdict == Verdict::JudgeError)
    }
}

/// The phase that a submission is in.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Phase {
    /// Not received.
    #[default]
    Absent,
    /// Waiting for an evaluator.
    Queued,
    /// With an evaluator.
    Judging(Attempt),
    /// Judged, with this verdict.
    Judged(Verdict),
    /// Cancelled before it had a verdict.
    Cancelled,
}

/// A submission's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Submission {
    /// The event that created it; `None` before that.
    pub received: Option<SubmissionReceived>,
    /// Its current phase.
    pub phase: Phase,
    /// Number of attempts started.
    pub attempts: u32,
    /// Number of attempts whose evaluator reported a failure. Other attempts without a verdict are
    /// no evidence against the submission.
    pub failures: u32,
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
            (Phase::Cancelled, SubmissionCommand::Cancel { .. }) => Ok(vec![]),
            (Phase::Cancelled, _) => Err(No::Cancelled),
            (phase, SubmissionCommand::Cancel { by_judge, reason }) => {
                decide_cancel(phase, by_judge, reason)
            }
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
            Event::AttemptAbandoned(abandoned) => {
                self.phase = Phase::Queued;
                if let AbandonReason::Failed { .. } = abandoned.reason {
                    self.failures += 1;
                }
            }
            Event::SubmissionAbandoned(_) => self.phase = Phase::Judged(Verdict::JudgeError),
            Event::SubmissionCancelled(_) => self.phase = Phase::Cancelled,
            _ => {}
        }
    }
}

impl SubmissionCommand {
    /// The attempt that the command refers to.
    fn attempt(&self) -> Option<u32> {
        match self {
            Self::RecordCompile(compiled) => Some(compiled.attempt),
            Self::RecordTests(judged) => Some(judged.attempt),
            Self::Finish { attempt, .. } => Some(*attempt),
            Self::AbandonAttempt(abandoned) => Some(abandoned.attempt),
            Self::Receive(_)
            | Self::StartTrial(_)
            | Self::StartJudging { .. }
            | Self::Abandon(_)
            | Self::Cancel { .. } => None,
        }
    }
}

/// Decides on cancelling a submission without a verdict.
fn decide_cancel(
    phase: &Phase,
    by_judge: bool,
    reason: Option<String>,
) -> Result<Vec<Event>, SubmissionRejection> {
    let attempt = match phase {
        Phase::Judging(_) if !by_judge => return Err(SubmissionRejection::UnderWay),
        Phase::Judging(attempt) => Some(attempt.number),
        _ => None,
    };
    let reason = reason.map(|reason| reason.trim().to_owned());
    if reason.as_ref().is_some_and(|it| !CANCEL_REASON_CHARS.contains(&it.chars().count())) {
        return Err(SubmissionRejection::BadReason);
    }
    Ok(vec![SubmissionCancelled { attempt, reason }.into()])
}

fn decide_progress(
    attempt: &Attempt,
    command: SubmissionCommand,
) -> Result<Vec<Event>, SubmissionRejection> {
    let out_of_order = |why| Err(SubmissionRejection::OutOfOrder(why));
    match command {
        SubmissionCommand::RecordCompile(compiled) => match attempt.compiled {
            None => Ok(vec![compiled.into()]),
            Some(_) => out_of_order("the program was already compiled"),
        },
        SubmissionCommand::RecordTests(judged) => {
            if attempt.compiled != Some(true) {
                return out_of_order("the program was not compiled");
            }
            let mut seen = std::collections::BTreeSet::new();
            for outcome in &judged.outcomes {
                if !(1..=attempt.tests).contains(&outcome.number) {
                    return out_of_order("there is no such test");
                }
                if attempt.results.contains_key(&outcome.number) || !seen.insert(outcome.number) {
                    return out_of_order("the test was already judged");
                }
            }
            Ok(vec![judged.into()])
        }
        // Our own failure gives no verdict: the attempt is abandoned and another evaluator tries.
        SubmissionCommand::Finish { .. } if attempt.has_judge_error() => {
            out_of_order("the judge failed a test")
        }
        SubmissionCommand::Finish { rubric, .. } if rubric.tests() != attempt.tests => {
            out_of_order("the number of tests differs")
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
        | SubmissionCommand::Abandon(_)
        | SubmissionCommand::Cancel { .. } => out_of_order("the command reports no progress"),
    }
}

#[cfg(test)]
mod tests;
