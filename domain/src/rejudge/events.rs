//! The events of a rejudge.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{LanguageId, Login, RejudgeId, Slug, SubmissionId, Verdict};

/// The revision that a submission is judged against again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The problem's newest revision when the rejudge is created.
    #[default]
    Newest,
    /// The revision it was first judged against.
    Own,
}

/// The submissions that an organiser selected. A submission must meet every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Submissions to this problem.
    pub problem: Option<Slug>,
    /// Submissions by this account.
    pub author: Option<Login>,
    /// Submissions in this language.
    pub language: Option<LanguageId>,
    /// Submissions with one of these verdicts; empty means any verdict.
    pub verdicts: Vec<Verdict>,
    /// Submissions judged by the evaluator with this name, or with this name before a hyphen.
    pub judge: Option<String>,
    /// Submissions received at this time or later.
    pub since: Option<Timestamp>,
    /// Submissions received before this time.
    pub until: Option<Timestamp>,
    /// Submissions with one of these ids; empty means any.
    pub submissions: Vec<SubmissionId>,
    /// The revision that each submission is judged against.
    pub against: Against,
}

/// A submission that is judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The submission's id.
    pub submission: SubmissionId,
    /// The revision its trial is judged against.
    pub revision: u32,
}

/// A rejudge of some submissions was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeCreated {
    /// The rejudge's id.
    pub rejudge: RejudgeId,
    /// The account that created it.
    pub by: Login,
    /// The reason given for it.
    pub reason: String,
    /// How the submissions were selected.
    pub selection: Selection,
    /// The submissions that were selected.
    pub members: Vec<Member>,
}

/// Every trial of the rejudge was queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeTrialsQueued {
    /// Number of trials.
    pub trials: u32,
}

/// The verdict of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The submission that was judged again.
    pub submission: SubmissionId,
    /// The trial's verdict.
    pub verdict: Verdict,
}

/// The verdicts of the trials count from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeApplied {
    /// The account that applied it.
    pub by: Login,
    /// The reason given for applying it, in addition to the rejudge's own.
    pub reason: Option<String>,
    /// The verdicts of the trials, in the order of the members.
    pub found: Vec<Found>,
    /// Members that no evaluator could judge again. They keep their verdict.
    pub failed: Vec<SubmissionId>,
}

/// The rejudge was cancelled; the verdicts of its trials will never count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeCancelled {
    /// The account that cancelled it.
    pub by: Login,
    /// The reason given for cancelling it.
    pub reason: Option<String>,
}

/// The verdicts of the trials no longer count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeReverted {
    /// The account that reverted it.
    pub by: Login,
    /// The reason given for reverting it.
    pub reason: Option<String>,
    /// The submissions whose trials had counted.
    pub submissions: Vec<SubmissionId>,
}
