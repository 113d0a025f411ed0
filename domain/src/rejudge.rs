//! A rejudge judges submissions again, each in its own trial, without changing the verdicts that
//! count. Applying the rejudge then makes the verdicts of all its trials count at once.
//!
//! A submission's verdicts form a stack: the verdict of its own judging at the bottom, then those
//! of the rejudges that are applied and not reverted, in the order they were applied. The top one
//! counts, so a rejudge can be reverted at any time, even when others were applied after it.

mod events;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::aggregate::Aggregate;
use crate::{Event, Login, SubmissionId, Verdict};

pub use events::{
    Against, Found, Member, RejudgeApplied, RejudgeCancelled, RejudgeCreated, RejudgeReverted,
    RejudgeTrialsQueued, Selection,
};

/// Submissions of one rejudge. The list of members and the list of results are one event each.
pub const MEMBERS_MAX: usize = 10_000;
/// Number of characters of a reason, without the space around it.
pub const REASON_CHARS: RangeInclusive<usize> = 1..=1_000;

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialEnd {
    /// It ended with a verdict.
    Judged(Verdict),
    /// No evaluator could judge it.
    Failed,
}

/// A command to a rejudge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RejudgeCommand {
    /// Create the rejudge.
    Create(Box<RejudgeCreated>),
    /// Record that every trial was queued.
    RecordQueued,
    /// Make the verdicts of the trials count.
    Apply {
        /// The account that applies it.
        by: Login,
        /// The reason given for applying it.
        reason: Option<String>,
        /// The trials that have ended, and how.
        trials: BTreeMap<SubmissionId, TrialEnd>,
    },
    /// Cancel the rejudge before it is applied.
    Cancel {
        /// The account that cancels it.
        by: Login,
        /// The reason given for cancelling it.
        reason: Option<String>,
    },
    /// Make the verdicts of the trials no longer count.
    Revert {
        /// The account that reverts it.
        by: Login,
        /// The reason given for reverting it.
        reason: Option<String>,
    },
}

/// Why a rejudge refused a command.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum RejudgeRejection {
    /// The rejudge already exists.
    #[error("the rejudge already exists")]
    AlreadyCreated,
    /// There is no such rejudge.
    #[error("there is no such rejudge")]
    NotFound,
    /// There are no submissions, too many, or the same one twice.
    #[error("a rejudge must have 1 to {MEMBERS_MAX} submissions, without duplicates")]
    BadMembers,
    /// The reason is empty or too long.
    #[error("a reason must have {} to {} characters", REASON_CHARS.start(), REASON_CHARS.end())]
    BadReason,
    /// Some trials have not ended.
    #[error("{left} of {trials} trials have not ended")]
    NotReady {
        /// Number of trials that have not ended.
        left: usize,
        /// Number of all trials.
        trials: usize,
    },
    /// The rejudge was applied and can only be reverted.
    #[error("the rejudge was already applied; revert it instead")]
    Applied,
    /// The rejudge was not applied.
    #[error("the rejudge was not applied; cancel it instead")]
    NotApplied,
    /// The rejudge was cancelled.
    #[error("the rejudge was cancelled")]
    Cancelled,
    /// The rejudge was reverted.
    #[error("the rejudge was reverted; create a new one")]
    Reverted,
}

/// The phase that a rejudge is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RejudgePhase {
    /// Not created.
    #[default]
    Absent,
    /// Its trials are being judged, or all have ended and it can be applied.
    Judging,
    /// Its verdicts count.
    Applied,
    /// Its verdicts counted and no longer do.
    Reverted,
    /// Its verdicts will never count.
    Cancelled,
}

/// A rejudge's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejudge {
    /// The event that created it; `None` before that.
    pub created: Option<RejudgeCreated>,
    /// Whether every trial was queued.
    pub queued: bool,
    /// Its current phase.
    pub phase: RejudgePhase,
    /// The submissions for which its verdicts count, or counted before it was reverted.
    pub applied: Vec<SubmissionId>,
}

impl Rejudge {
    /// The submissions that are judged again; empty before the rejudge is created.
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
            // The rejudge is already in the phase that the command asks for.
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
