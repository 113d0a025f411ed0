//! Submissions, each in one small document.

use domain::submission::SubmissionReceived;
use domain::{
    Digest, Event, LanguageId, Login, Recorded, RejudgeId, Slug, StreamId, SubmissionId, Verdict,
};
use serde::{Deserialize, Serialize};

use super::{Measured, RejudgedView, VerdictStack};
use crate::{Collection, Micros, View};

/// The state of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubmissionState {
    /// It waits for an evaluator.
    Queued,
    /// An evaluator is compiling it.
    Compiling,
    /// An evaluator is running its tests.
    Running,
    /// It has a verdict.
    Judged,
    /// It was cancelled before it had a verdict.
    Cancelled,
}

impl SubmissionState {
    /// The name used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Compiling => "COMPILING",
            Self::Running => "RUNNING",
            Self::Judged => "JUDGED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether the submission's own judging has ended.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Judged | Self::Cancelled)
    }
}

/// A submission without its judgements, for lists and searches. It takes a few hundred bytes, and
/// at most [`SUMMARY_BYTES_MAX`] with fewer than 20 applied rejudges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmissionView {
    /// The submission's id.
    pub id: SubmissionId,
    /// The log position of its receipt. Short, so people use it to refer to the submission.
    pub number: i64,
    /// The account that submitted it.
    pub author: Login,
    /// The problem that it solves.
    pub problem: Slug,
    /// The problem's revision that it is judged against.
    pub revision: u32,
    /// The language of the source.
    pub language: LanguageId,
    /// Digest of the source in the blob store.
    pub source: Digest,
    /// Size of the source, in bytes.
    pub source_bytes: u64,
    /// Its state.
    pub state: SubmissionState,
    /// The verdict that counts: the topmost of `verdicts`.
    pub verdict: Option<Verdict>,
    /// The verdict of its own judging and those of applied rejudges.
    pub verdicts: VerdictStack,
    /// Cpu time of the slowest test in the judgement that counts, in milliseconds; `None` if no test
    /// was run.
    pub time_ms: Option<i64>,
    /// Peak memory of the largest test in the judgement that counts, in KiB; `None` if no test was
    /// run.
    pub memory_kib: Option<i64>,
    /// Number of attempts started. The last one counts, because none follows a verdict.
    pub attempts: u32,
    /// The last attempt; `None` before an evaluator took the submission.
    pub attempt: Option<AttemptView>,
    /// When it was received.
    pub created_at: Micros,
    /// Since when the verdict counts.
    pub judged_at: Option<Micros>,
    /// Position of the last event that changed it.
    pub position: i64,
    /// Number of events in its stream.
    pub version: i64,
}

/// Maximum size of a [`SubmissionView`] as JSON, in bytes.
pub const SUMMARY_BYTES_MAX: usize = 4 << 10;

/// A summary of the last attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptView {
    /// Name of the evaluator.
    pub evaluator: String,
    /// Maximum number of tests that it will run.
    pub tests_total: u32,
    /// Number of tests with an outcome.
    pub tests_done: u32,
    /// Cpu time of compiling and of all tests so far, in milliseconds.
    pub cpu_ms: u64,
    /// Whether it ended without a verdict.
    pub abandoned: bool,
}

impl View for SubmissionView {
    const COLLECTION: Collection = Collection {
        name: "submissions",
        schema: 5,
        indexes: &[
            &["number"],
            &["author", "number"],
            &["problem", "number"],
            &["author", "problem", "number"],
            &["state", "number"],
            &["verdict", "number"],
            &["language", "verdict", "number"],
            &["created_at"],
            &["problem", "time_ms"],
            &["problem", "memory_kib"],
            &["problem", "source_bytes"],
        ],
    };

    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl SubmissionView {
    /// A new submission.
    pub fn new(received: &SubmissionReceived, recorded: &Recorded) -> Self {
        Self {
            id: received.submission,
            number: stored(recorded.position.0),
            author: received.author.clone(),
            problem: received.problem.clone(),
            revision: received.revision,
            language: received.language.clone(),
            source: received.source,
            source_bytes: received.source_bytes,
            state: SubmissionState::Queued,
            verdict: None,
            verdicts: VerdictStack::default(),
            time_ms: None,
            memory_kib: None,
            attempts: 0,
            attempt: None,
            created_at: recorded.recorded_at.into(),
            judged_at: None,
            position: stored(recorded.position.0),
            version: stored(recorded.version.0),
        }
    }

    /// Applies a later event of the submission's stream.
    pub fn evolve(&mut self, recorded: &Recorded) {
        let at = Micros::from(recorded.recorded_at);
        self.position = stored(recorded.position.0);
        self.version = stored(recorded.version.0);
        match &recorded.event {
            Event::JudgingStarted(started) => {
                self.state = SubmissionState::Compiling;
                self.attempts = started.attempt;
                self.attempt = Some(AttemptView {
                    evaluator: started.evaluator.clone(),
                    tests_total: started.tests,
                    tests_done: 0,
                    cpu_ms: 0,
                    abandoned: false,
                });
            }
            Event::Compiled(compiled) => {
                self.state = SubmissionState::Running;
                if let Some(attempt) = &mut self.attempt {
                    attempt.cpu_ms += compiled.time_ms;
                }
            }
            Event::TestsJudged(judged) => {
                if let Some(attempt) = &mut self.attempt {
                    attempt.tests_done += judged.outcomes.len() as u32;
                    attempt.cpu_ms += judged.outcomes.iter().map(|it| it.time_ms).sum::<u64>();
                }
            }
            Event::JudgingFinished(finished) => {
                let has_run = finished.verdict != Verdict::CompileError;
                self.take_measured(has_run.then(|| Measured::from(finished)));
                self.finish(finished.verdict, at);
            }
            Event::AttemptAbandoned(_) => {
                self.state = SubmissionState::Queued;
                if let Some(attempt) = &mut self.attempt {
                    attempt.abandoned = true;
                }
            }
            Event::SubmissionAbandoned(_) => self.finish(Verdict::JudgeError, at),
            Event::SubmissionCancelled(_) => {
                self.state = SubmissionState::Cancelled;
                if let Some(attempt) = &mut self.attempt {
                    attempt.abandoned = true;
                }
            }
            _ => {}
        }
    }

    /// Applies a rejudge's verdict. The submission's own stream does not change.
    pub fn apply_rejudge(&mut self, rejudge: RejudgeId, verdict: Verdict, recorded: &Recorded) {
        self.position = stored(recorded.position.0);
        self.verdicts.apply(rejudge, verdict, recorded.recorded_at.into());
        self.count_topmost();
    }

    /// Reverts an applied rejudge.
    pub fn revert_rejudge(&mut self, rejudge: RejudgeId, recorded: &Recorded) {
        self.position = stored(recorded.position.0);
        self.verdicts.revert(rejudge);
        self.count_topmost();
    }

    /// Replaces the verdicts of all rejudges.
    pub fn take_rejudged(&mut self, rejudged: Vec<RejudgedView>) {
        self.verdicts.rejudged = rejudged;
        self.count_topmost();
    }

    /// What the judgement that counts measured; `None` if no test was run.
    pub fn measured(&self) -> Option<Measured> {
        Some(Measured { time_ms: self.time_ms?, memory_kib: self.memory_kib? })
    }

    /// Replaces what the judgement that counts measured.
    pub fn take_measured(&mut self, measured: Option<Measured>) {
        self.time_ms = measured.map(|measured| measured.time_ms);
        self.memory_kib = measured.map(|measured| measured.memory_kib);
    }

    /// Applies a rejudge event if it concerns this submission. Applying it again changes nothing.
    pub fn apply_rejudge_event(&mut self, recorded: &Recorded) {
        let StreamId::Rejudge(id) = recorded.stream else { return };
        match &recorded.event {
            Event::RejudgeApplied(applied) => {
                let found = applied.found.iter().find(|found| found.submission == self.id);
                let known = self.verdicts.rejudged.iter().any(|it| it.rejudge == id);
                if let (Some(found), false) = (found, known) {
                    self.apply_rejudge(id, found.verdict, recorded);
                }
            }
            Event::RejudgeReverted(_) => self.revert_rejudge(id, recorded),
            _ => {}
        }
    }

    fn finish(&mut self, verdict: Verdict, at: Micros) {
        self.state = SubmissionState::Judged;
        self.verdicts.judge(verdict, at);
        self.count_topmost();
    }

    fn count_topmost(&mut self) {
        let counting = self.verdicts.counting();
        self.verdict = counting.map(|counting| counting.verdict);
        self.judged_at = counting.map(|counting| counting.since);
    }
}

/// A position or version as an `i64`, which every store can hold.
pub(super) fn stored(count: u64) -> i64 {
    i64::try_from(count).expect("a log has fewer than 2^63 events")
}
