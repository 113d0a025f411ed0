//! Rejudges and their trials. Nobody but judges sees any of it.

use domain::rejudge::{Against, RejudgeCreated};
use domain::submission::TrialStarted;
use domain::{Login, Recorded, RejudgeId, TrialId, Verdict};
use serde::{Deserialize, Serialize};

use super::submission::{SubmissionState, SubmissionView, stored};
use crate::{Collection, Micros, View};

/// Where a rejudge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RejudgeState {
    /// Some trials have not ended.
    Judging,
    /// All have; it can be applied.
    Ready,
    /// What its trials found counts.
    Applied,
    /// It did.
    Reverted,
    /// It never will.
    Cancelled,
}

/// Who brought a rejudge where it stands, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeStep {
    /// Where to.
    pub state: RejudgeState,
    /// Who.
    pub by: Login,
    /// When.
    pub at: Micros,
    /// Why, where they said so.
    pub reason: Option<String>,
}

/// How many trials went from one verdict to another, or stayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictChangeView {
    /// What counted when the trial ended.
    pub from: Verdict,
    /// What the trial found.
    pub to: Verdict,
    /// How many.
    pub count: i64,
}

/// A rejudge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeView {
    /// Its identity.
    pub id: RejudgeId,
    /// The position at which it was created.
    pub number: i64,
    /// Where it stands.
    pub state: RejudgeState,
    /// Why it was created.
    pub reason: String,
    /// Which revisions its trials are judged against.
    pub against: Against,
    /// How it came to where it stands: who created it is the first.
    pub steps: Vec<RejudgeStep>,
    /// How many trials there are to be.
    pub trials: i64,
    /// How many have ended.
    pub ended: i64,
    /// How many found another verdict than counted then.
    pub changed: i64,
    /// How many ended without a verdict, by our fault.
    pub failed: i64,
    /// From verdict to verdict, in the order of verdicts.
    pub matrix: Vec<VerdictChangeView>,
    /// The last event that changed it.
    pub position: i64,
    /// How many events its stream has.
    pub version: i64,
}

impl View for RejudgeView {
    const COLLECTION: Collection =
        Collection { name: "rejudges", schema: 1, indexes: &[&["number"]] };

    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl RejudgeView {
    /// A rejudge just created.
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

    /// An event of its own stream came.
    pub fn advance(&mut self, recorded: &Recorded) {
        self.position = stored(recorded.position.0);
        self.version = stored(recorded.version.0);
    }

    /// Somebody brought it there.
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

    /// One of its trials ended.
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

/// What a trial came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TrialOutcome {
    /// It goes on.
    Pending,
    /// The verdict that counted when it ended.
    Same,
    /// Another.
    Changed,
    /// No evaluator could judge it: the submission keeps its verdict.
    Failed,
}

impl TrialOutcome {
    /// As documents hold it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Same => "SAME",
            Self::Changed => "CHANGED",
            Self::Failed => "FAILED",
        }
    }
}

/// A submission judged again, beside what counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialView {
    /// For which rejudge.
    pub rejudge: RejudgeId,
    /// The submission's number.
    pub number: i64,
    /// What it came to.
    pub outcome: TrialOutcome,
    /// The verdict that counted when it ended.
    pub before: Option<Verdict>,
    /// The submission as if it had been handed in for this trial only.
    pub judged: SubmissionView,
}

impl View for TrialView {
    const COLLECTION: Collection = Collection {
        name: "trials",
        schema: 2,
        indexes: &[&["rejudge", "number"], &["rejudge", "outcome", "number"]],
    };

    fn key(&self) -> String {
        TrialId { rejudge: self.rejudge, submission: self.judged.id }.to_string()
    }
}

impl TrialView {
    /// A trial just begun, of the submission with this number.
    pub fn new(started: &TrialStarted, number: i64, recorded: &Recorded) -> Self {
        Self {
            rejudge: started.rejudge,
            number,
            outcome: TrialOutcome::Pending,
            before: None,
            judged: SubmissionView::new(&started.submission, recorded),
        }
    }

    /// The trial after a later event of its stream; `counting` is the verdict of its submission now.
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
