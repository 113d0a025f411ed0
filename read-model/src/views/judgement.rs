//! Attempts at judging a submission, and the outcomes of their tests.

use domain::grading::GroupOutcome;
use domain::submission::{AbandonReason, JudgingStarted, Provenance, TestOutcome};
use domain::{Event, Recorded, Verdict};
use serde::{Deserialize, Serialize};

use super::Measured;
use crate::{Collection, Micros, View};

/// Number of test outcomes in one document. With the longest possible texts (two streams of 4 KiB
/// and three messages of 1,000 characters, escaped) a document takes 5 MiB.
pub const OUTCOMES_PER_PAGE: u32 = 64;

/// One attempt at judging a submission or a trial, without the outcomes of its tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgementView {
    /// Id of the submission or the trial.
    pub judged: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Name of the evaluator.
    pub evaluator: String,
    /// Maximum number of tests that it will run.
    pub tests_total: u32,
    /// The compiler's result.
    pub compile: Option<CompileView>,
    /// The verdict; `None` while the attempt is running, and if it was abandoned.
    pub verdict: Option<Verdict>,
    /// The score; scored problems only.
    pub score: Option<f64>,
    /// The result of each test group.
    pub groups: Vec<GroupOutcome>,
    /// Cpu time of the slowest test, in milliseconds.
    pub time_ms: Option<u64>,
    /// Peak memory of the largest test, in KiB.
    pub memory_kib: Option<u64>,
    /// The inputs that determined the verdict.
    pub provenance: Option<Provenance>,
    /// Why it ended without a verdict.
    pub abandoned: Option<AbandonReason>,
    /// Whether it ended because the submission was cancelled.
    pub cancelled: bool,
    /// When an evaluator took it.
    pub started_at: Micros,
    /// When it ended, with or without a verdict.
    pub finished_at: Option<Micros>,
}

/// The compiler's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileView {
    /// Whether compilation succeeded.
    pub ok: bool,
    /// The compiler's output.
    pub log: String,
    /// Whether the output was longer than `log`.
    pub truncated: bool,
    /// Cpu time, in milliseconds.
    pub time_ms: u64,
}

impl JudgementView {
    /// The key of an attempt at a submission or a trial.
    pub fn key_of(judged: &str, attempt: u32) -> String {
        format!("{judged}.{attempt}")
    }

    /// An attempt that has just begun.
    pub fn new(judged: String, started: &JudgingStarted, recorded: &Recorded) -> Self {
        Self {
            judged,
            attempt: started.attempt,
            evaluator: started.evaluator.clone(),
            tests_total: started.tests,
            compile: None,
            verdict: None,
            score: None,
            groups: vec![],
            time_ms: None,
            memory_kib: None,
            provenance: None,
            abandoned: None,
            cancelled: false,
            started_at: recorded.recorded_at.into(),
            finished_at: None,
        }
    }

    /// Applies a later event of this attempt.
    pub fn evolve(&mut self, recorded: &Recorded) {
        let at = Micros::from(recorded.recorded_at);
        match &recorded.event {
            Event::Compiled(compiled) => {
                self.compile = Some(CompileView {
                    ok: compiled.ok,
                    log: compiled.log.clone(),
                    truncated: compiled.truncated,
                    time_ms: compiled.time_ms,
                });
            }
            Event::JudgingFinished(finished) => {
                self.verdict = Some(finished.verdict);
                self.score = finished.score;
                self.groups = finished.groups.clone();
                self.time_ms = Some(finished.time_ms);
                self.memory_kib = Some(finished.memory_kib);
                self.provenance = Some(finished.provenance.clone());
                self.finished_at = Some(at);
            }
            Event::AttemptAbandoned(abandoned) => {
                self.abandoned = Some(abandoned.reason.clone());
                self.finished_at = Some(at);
            }
            Event::SubmissionCancelled(cancelled) if cancelled.attempt == Some(self.attempt) => {
                self.cancelled = true;
                self.finished_at = Some(at);
            }
            _ => {}
        }
    }

    /// What its tests measured; `None` if none was run or it has no verdict.
    pub fn measured(&self) -> Option<Measured> {
        let stored = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.verdict.filter(|verdict| *verdict != Verdict::CompileError)?;
        Some(Measured { time_ms: stored(self.time_ms?), memory_kib: stored(self.memory_kib?) })
    }

    /// Whether it ended without a verdict.
    pub fn has_no_verdict(&self) -> bool {
        self.abandoned.is_some() || self.cancelled
    }

    /// The keys of all pages that may hold its outcomes.
    pub fn outcome_keys(&self) -> impl Iterator<Item = String> {
        let pages = 0..self.tests_total.div_ceil(OUTCOMES_PER_PAGE);
        pages.map(|page| OutcomesView::key_of(&self.judged, self.attempt, page))
    }
}

impl View for JudgementView {
    const COLLECTION: Collection = Collection { name: "judgements", schema: 2, indexes: &[] };

    fn key(&self) -> String {
        Self::key_of(&self.judged, self.attempt)
    }
}

/// Outcomes of up to [`OUTCOMES_PER_PAGE`] tests of one attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomesView {
    /// Id of the submission or the trial.
    pub judged: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Number of the page, from 0.
    pub page: u32,
    /// The outcomes, ordered by test number.
    pub outcomes: Vec<TestOutcome>,
}

impl OutcomesView {
    /// A page without outcomes.
    pub fn new(judged: String, attempt: u32, page: u32) -> Self {
        Self { judged, attempt, page, outcomes: vec![] }
    }

    /// The key of a page of an attempt.
    pub fn key_of(judged: &str, attempt: u32, page: u32) -> String {
        format!("{judged}.{attempt}.{page}")
    }

    /// The page of the test with this number, from 1.
    pub fn page_of(number: u32) -> u32 {
        number.saturating_sub(1) / OUTCOMES_PER_PAGE
    }

    /// Adds an outcome, keeping the order.
    pub fn add(&mut self, outcome: TestOutcome) {
        let place = self.outcomes.partition_point(|known| known.number <= outcome.number);
        self.outcomes.insert(place, outcome);
    }
}

impl View for OutcomesView {
    const COLLECTION: Collection = Collection { name: "outcomes", schema: 2, indexes: &[] };

    fn key(&self) -> String {
        Self::key_of(&self.judged, self.attempt, self.page)
    }
}
