//! Rejudges and their trials. Only judges see them.

use domain::rejudge::{Against, RejudgeCreated};
use domain::submission::TrialStarted;
use domain::{Login, Recorded, RejudgeId, TrialId, Verdict};
use serde::{Deserialize, Serialize};

use super::submission::{SubmissionState, SubmissionView, stored};
use crate::{Collection, Micros, View};

/// The state of a rejudge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RejudgeState {
    /// Some trials have not finished.
    Judging,
    /// All trials have finished, and it can be applied.
    Ready,
    /// The verdicts of its trials count.
    Applied,
    /// It was applied, then reverted.
    Reverted,
    /// It was cancelled and can never be applied.
    Cancelled,
}

/// A change of a rejudge's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeStep {
    /// The new state.
    pub state: RejudgeState,
    /// The account that made the change.
    pub by: Login,
    /// Time of the change.
    pub at: Micros,
    /// The reason, if one was given.
    pub reason: Option<String>,
}

/// The number of trials with one combination of old and new verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictChangeView {
    /// The verdict that counted when the trial finished.
    pub from: Verdict,
    /// The trial's verdict.
    pub to: Verdict,
    /// Number of trials.
    pub count: i64,
}

/// A rejudge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeView {
    /// The rejudge's id.
    pub id: RejudgeId,
    /// Log position of its creation.
    pub number: i64,
    /// The current state.
    pub state: RejudgeState,
    /// The reason for the rejudge.
    pub reason: String,
    /// Which revisions its trials are judged against.
    pub against: Against,
    /// All changes of state, starting with its creation.
    pub steps: Vec<RejudgeStep>,
    /// Total number of trials.
    pub trials: i64,
    /// Number of trials that have finished.
    pub ended: i64,
    /// Number of trials with another verdict than the one that counted.
    pub changed: i64,
    /// Number of trials that finished without a verdict because of an internal error.
    pub failed: i64,
    /// Counts per old and new verdict, in verdict order.
    pub matrix: Vec<VerdictChangeView>,
    /// Position of the last event that changed it.
    pub position: i64,
    /// Number of events in its stream.
    pub version: i64,
}

impl View for RejudgeView {
    const COLLECTION: Collection =
        Collection { name: "rejudges", schema: 2, indexes: &[&["number"]] };

    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl RejudgeView {
    /// A new rejudge.
    pub fn new(created: &RejudgeCreated, recorded: &Recorded) -> Self {
        let step = RejudgeStep {
            state: RejudgeState::Judging,
            by: created.by.clone(),
            at: recorded.recorded_at.into(),
            reason: Some(created.reason.clone()),
        };
        Self {
            id: created.rejudge,
            number: stored(recorded.position.0),
            state: RejudgeState::Judging,
            reason: created.reason.clone(),
            against: created.selection.against,
            steps: vec![step],
            trials: stored(created.members.len() as u64),
            ended: 0,
            changed: 0,
            failed: 0,
            matrix: vec![],
            position: stored(recorded.position.0),
            version: stored(recorded.version.0),
        }
    }

    /// Notes an event of its own stream.
    pub fn advance(&mut self, recorded: &Recorded) {
        self.position = stored(recorded.position.0);
        self.version = stored(recorded.version.0);
    }

    /// Records a change of state.
    pub fn step(
        &mut self,
        state: RejudgeState,
        by: &Login,
        reason: Option<&String>,
        recorded: &Recorded,
    ) {
        self.state = state;
        let (by, at) = (by.clone(), recorded.recorded_at.into());
        self.steps.push(RejudgeStep { state, by, at, reason: reason.cloned() });
    }

    /// Counts a finished trial.
    pub fn count(&mut self, trial: &TrialView, recorded: &Recorded) {
        self.position = stored(recorded.position.0);
        self.ended += 1;
        match trial.outcome {
            TrialOutcome::Changed => self.changed += 1,
            TrialOutcome::Failed => self.failed += 1,
            TrialOutcome::Pending | TrialOutcome::Same => {}
        }
        if let (TrialOutcome::Changed | TrialOutcome::Same, Some(from), Some(to)) =
            (trial.outcome, trial.before, trial.judged.verdict)
        {
            match self.matrix.binary_search_by_key(&(from, to), |it| (it.from, it.to)) {
                Ok(found) => self.matrix[found].count += 1,
                Err(place) => self.matrix.insert(place, VerdictChangeView { from, to, count: 1 }),
            }
        }
        if self.state == RejudgeState::Judging && self.ended == self.trials {
            self.state = RejudgeState::Ready;
        }
    }
}

/// The result of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TrialOutcome {
    /// The trial has not finished.
    Pending,
    /// The verdict that counted when the trial finished.
    Same,
    /// A different verdict.
    Changed,
    /// No evaluator could judge it, so the submission keeps its verdict.
    Failed,
}

impl TrialOutcome {
    /// The name used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Same => "SAME",
            Self::Changed => "CHANGED",
            Self::Failed => "FAILED",
        }
    }
}

/// A trial: a submission judged again without changing its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialView {
    /// The rejudge it belongs to.
    pub rejudge: RejudgeId,
    /// The submission's number.
    pub number: i64,
    /// The result.
    pub outcome: TrialOutcome,
    /// The verdict that counted when the trial finished.
    pub before: Option<Verdict>,
    /// The submission as this trial judged it.
    pub judged: SubmissionView,
}

impl View for TrialView {
    const COLLECTION: Collection = Collection {
        name: "trials",
        schema: 3,
        indexes: &[&["rejudge", "number"], &["rejudge", "outcome", "number"]],
    };

    fn key(&self) -> String {
        TrialId { rejudge: self.rejudge, submission: self.judged.id }.to_string()
    }
}

impl TrialView {
    /// A new trial of the submission with this number.
    pub fn new(started: &TrialStarted, number: i64, recorded: &Recorded) -> Self {
        Self {
            rejudge: started.rejudge,
            number,
            outcome: TrialOutcome::Pending,
            before: None,
            judged: SubmissionView::new(&started.submission, recorded),
        }
    }

    /// Applies a later event of the trial's stream. `counting` is the verdict that currently counts
    /// for the submission.
    pub fn evolve(&mut self, recorded: &Recorded, counting: Option<Verdict>) {
        self.judged.evolve(recorded);
        if self.judged.state == SubmissionState::Judged {
            self.before = counting;
            self.outcome = match self.judged.verdict {
                None | Some(Verdict::JudgeError) => TrialOutcome::Failed,
                found if found == counting => TrialOutcome::Same,
                Some(_) => TrialOutcome::Changed,
            };
        }
    }
}
