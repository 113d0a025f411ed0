//! A rejudge: submissions are judged again beside what counts, each in a trial of its own. Then all of
//! their verdicts are made to count at once, or none is.
//!
//! Verdicts of a submission lie one upon the other: its own judging's, and above it those of the
//! rejudges that were applied and not reverted, in the order they were applied. The topmost counts, so
//! any rejudge can be reverted at any time, whatever was applied after it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aggregate::Aggregate;
use crate::{Event, LanguageId, Login, RejudgeId, Slug, SubmissionId, Verdict};

/// Submissions of one rejudge: their list, and what became of each, are one event each.
pub const MEMBERS_MAX: usize = 10_000;
/// Characters of a reason.
pub const REASON_CHARS: RangeInclusive<usize> = 1..=1_000;

/// Which revision a submission is judged against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// Its problem's newest when the rejudge is created.
    #[default]
    Newest,
    /// The one it was judged against at first.
    Own,
}

/// What an organiser asked for. All of it must be met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// To this problem.
    pub problem: Option<Slug>,
    /// By this account.
    pub author: Option<Login>,
    /// In this language.
    pub language: Option<LanguageId>,
    /// With one of these verdicts; empty is any.
    pub verdicts: Vec<Verdict>,
    /// Judged by this evaluator.
    pub judge: Option<String>,
    /// Received then or later.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// One of these; empty is any.
    pub submissions: Vec<SubmissionId>,
    /// Which revision each is judged against.
    pub against: Against,
}

/// A submission that is judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Which.
    pub submission: SubmissionId,
    /// The revision its trial is judged against.
    pub revision: u32,
}

/// Submissions are to be judged again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeCreated {
    /// The rejudge.
    pub rejudge: RejudgeId,
    /// Who wants it.
    pub by: Login,
    /// Why.
    pub reason: String,
    /// How the submissions were chosen.
    pub selection: Selection,
    /// The submissions that were.
    pub members: Vec<Member>,
}

/// Every trial waits for an evaluator, or was with one already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeTrialsQueued {
    /// How many.
    pub trials: u32,
}

/// What a trial found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Of which submission.
    pub submission: SubmissionId,
    /// What it was found to be.
    pub verdict: Verdict,
}

/// What the trials found counts from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeApplied {
    /// Who wants it.
    pub by: Login,
    /// Why, where that is more than the rejudge's own reason.
    pub reason: Option<String>,
    /// In the order of the members.
    pub found: Vec<Found>,
    /// Members that no evaluator could judge: they keep the verdict they have.
    pub failed: Vec<SubmissionId>,
}

/// What the trials find will never count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeCancelled {
    /// Who wants it.
    pub by: Login,
    /// Why.
    pub reason: Option<String>,
}

/// What the trials found counts no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgeReverted {
    /// Who wants it.
    pub by: Login,
    /// Why.
    pub reason: Option<String>,
    /// Those for which it had counted.
    pub submissions: Vec<SubmissionId>,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialEnd {
    /// With a verdict.
    Judged(Verdict),
    /// No evaluator could judge it.
    Failed,
}

/// What can be asked of a rejudge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RejudgeCommand {
    /// Begin.
    Create(Box<RejudgeCreated>),
    /// Every trial was queued.
    RecordQueued,
    /// Make the trials' verdicts count.
    Apply {
        /// Who wants it.
        by: Login,
        /// Why.
        reason: Option<String>,
        /// How the trials ended that have.
        trials: BTreeMap<SubmissionId, TrialEnd>,
    },
    /// Give it up.
    Cancel {
        /// Who wants it.
        by: Login,
        /// Why.
        reason: Option<String>,
    },
    /// Undo what applying did.
    Revert {
        /// Who wants it.
        by: Login,
        /// Why.
        reason: Option<String>,
    },
}

/// Why a rejudge refused a command.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum RejudgeRejection {
    /// It was created before.
    #[error("the rejudge was created before")]
    AlreadyCreated,
    /// There is no such rejudge.
    #[error("there is no such rejudge")]
    NotFound,
    /// There is nothing to judge, too much, or the same twice.
    #[error("a rejudge has 1 to {MEMBERS_MAX} submissions, each of them once")]
    BadMembers,
    /// The reason is empty or too long.
    #[error("a reason has {} to {} characters", REASON_CHARS.start(), REASON_CHARS.end())]
    BadReason,
    /// Some trials go on.
    #[error("{left} of {trials} trials have not ended")]
    NotReady {
        /// How many.
        left: usize,
        /// Of how many.
        trials: usize,
    },
    /// It was applied, and can only be reverted.
    #[error("the rejudge was applied; it can be reverted")]
    Applied,
    /// It was never applied.
    #[error("the rejudge was not applied")]
    NotApplied,
    /// It was cancelled.
    #[error("the rejudge was cancelled")]
    Cancelled,
    /// It was reverted.
    #[error("the rejudge was reverted; create another")]
    Reverted,
}

/// Where a rejudge stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RejudgePhase {
    /// Not created.
    #[default]
    Absent,
    /// Its trials are judged, or wait to be applied.
    Judging,
    /// Its verdicts count.
    Applied,
    /// They did.
    Reverted,
    /// They never will.
    Cancelled,
}

/// A rejudge's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejudge {
    /// How it was created.
    pub created: Option<RejudgeCreated>,
    /// Whether every trial was queued.
    pub queued: bool,
    /// Where it stands.
    pub phase: RejudgePhase,
    /// For which submissions its verdicts count, or did.
    pub applied: Vec<SubmissionId>,
}

impl Rejudge {
    /// The submissions that are judged again.
    pub fn members(&self) -> &[Member] {
        self.created.as_ref().map_or(&[], |created| &created.members)
    }

    fn apply(
        &self,
        by: Login,
        reason: Option<String>,
        trials: &BTreeMap<SubmissionId, TrialEnd>,
    ) -> Result<Vec<Event>, RejudgeRejection> {
        let members = self.members();
        let ended = members.iter().filter(|member| trials.contains_key(&member.submission)).count();
        let ended = if self.queued { ended } else { 0 };
        if ended < members.len() {
            let trials = members.len();
            return Err(RejudgeRejection::NotReady { left: trials - ended, trials });
        }
        let (mut found, mut failed) = (Vec::new(), Vec::new());
        for Member { submission, .. } in members.iter().copied() {
            match trials.get(&submission) {
                Some(TrialEnd::Judged(verdict)) => {
                    found.push(Found { submission, verdict: *verdict });
                }
                Some(TrialEnd::Failed) | None => failed.push(submission),
            }
        }
        Ok(vec![RejudgeApplied { by, reason, found, failed }.into()])
    }
}

impl Aggregate for Rejudge {
    type Command = RejudgeCommand;
    type Rejection = RejudgeRejection;

    fn decide(&self, command: RejudgeCommand) -> Result<Vec<Event>, RejudgeRejection> {
        use {RejudgeCommand as Command, RejudgePhase as Phase, RejudgeRejection as No};
        check_reason(&command)?;
        match (self.phase, command) {
            (Phase::Absent, Command::Create(created)) => {
                check_members(&created.members)?;
                Ok(vec![(*created).into()])
            }
            (_, Command::Create(_)) => Err(No::AlreadyCreated),
            (Phase::Absent, _) => Err(No::NotFound),
            (Phase::Judging, Command::RecordQueued) if !self.queued => {
                let trials = u32::try_from(self.members().len()).unwrap_or(u32::MAX);
                Ok(vec![RejudgeTrialsQueued { trials }.into()])
            }
            (_, Command::RecordQueued) => Ok(vec![]),
            (Phase::Judging, Command::Apply { by, reason, trials }) => {
                self.apply(by, reason, &trials)
            }
            (Phase::Judging, Command::Cancel { by, reason }) => {
                Ok(vec![RejudgeCancelled { by, reason }.into()])
            }
            (Phase::Applied, Command::Revert { by, reason }) => {
                let submissions = self.applied.clone();
                Ok(vec![RejudgeReverted { by, reason, submissions }.into()])
            }
            // What is asked for is so already.
            (Phase::Applied, Command::Apply { .. })
            | (Phase::Cancelled, Command::Cancel { .. })
            | (Phase::Reverted, Command::Revert { .. }) => Ok(vec![]),
            (Phase::Applied, Command::Cancel { .. }) => Err(No::Applied),
            (Phase::Judging, Command::Revert { .. }) => Err(No::NotApplied),
            (Phase::Cancelled, _) => Err(No::Cancelled),
            (Phase::Reverted, _) => Err(No::Reverted),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::RejudgeCreated(created) => {
                self.created = Some(created.clone());
                self.phase = RejudgePhase::Judging;
            }
            Event::RejudgeTrialsQueued(_) => self.queued = true,
            Event::RejudgeApplied(applied) => {
                self.applied = applied.found.iter().map(|found| found.submission).collect();
                self.phase = RejudgePhase::Applied;
            }
            Event::RejudgeCancelled(_) => self.phase = RejudgePhase::Cancelled,
            Event::RejudgeReverted(_) => self.phase = RejudgePhase::Reverted,
            _ => {}
        }
    }
}

fn check_members(members: &[Member]) -> Result<(), RejudgeRejection> {
    let distinct: BTreeSet<SubmissionId> = members.iter().map(|it| it.submission).collect();
    match (1..=MEMBERS_MAX).contains(&members.len()) && distinct.len() == members.len() {
        true => Ok(()),
        false => Err(RejudgeRejection::BadMembers),
    }
}

fn check_reason(command: &RejudgeCommand) -> Result<(), RejudgeRejection> {
    let reason = match command {
        RejudgeCommand::Create(created) => Some(&created.reason),
        RejudgeCommand::RecordQueued => None,
        RejudgeCommand::Apply { reason, .. }
        | RejudgeCommand::Cancel { reason, .. }
        | RejudgeCommand::Revert { reason, .. } => reason.as_ref(),
    };
    match reason.is_none_or(|reason| REASON_CHARS.contains(&reason.trim().chars().count())) {
        true => Ok(()),
        false => Err(RejudgeRejection::BadReason),
    }
}

#[cfg(test)]
mod tests;
