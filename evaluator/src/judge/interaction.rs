//! Two programs talked to each other: whose end decides.
//!
//! The rules are a table in `docs/interaction.md`, row by row as they stand here.

use std::time::Duration;

use domain::verdict::RunEnd;
use sandbox::{Ended, Outcome};

use super::validator::Answer;

/// The share of the time that a program waited in which the interactor must have computed for the wait
/// to be its fault, in percent.
const BUSY_PERCENT: u32 = 50;

/// How one of the two ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) ended: Ended,
    pub(super) cpu: Duration,
    pub(super) wall: Duration,
    /// By a clock that both have.
    pub(super) at: Duration,
}

impl From<&Outcome> for Side {
    fn from(outcome: &Outcome) -> Self {
        let Outcome { ended, cpu, wall, ended_at, .. } = outcome;
        Self { ended: *ended, cpu: *cpu, wall: *wall, at: *ended_at }
    }
}

/// Whose end decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ruling {
    /// The submission's.
    Submission(RunEnd),
    /// The interactor's answer.
    Interactor(Answer),
}

/// Rules on an interaction; `answer` is what the interactor's end means by its protocol.
pub(super) fn rule(submission: Side, interactor: Side, end: RunEnd, answer: Answer) -> Ruling {
    let submission_first = submission.at <= interactor.at;
    let failed = end.verdict().is_some();
    let waited = end == RunEnd::WallClock;
    // 1. It waited for an interactor that computed.
    if waited && interactor.cpu * 100 >= submission.wall * BUSY_PERCENT {
        let reason = "it computed while the submission waited for it".to_owned();
        return Ruling::Interactor(Answer::Failed(reason));
    }
    // 2. It failed first; what became of an interactor that was left alone does not matter.
    if failed && submission_first {
        return Ruling::Submission(end);
    }
    match answer {
        // 3. An interactor that fails is our fault.
        Answer::Failed(_) => Ruling::Interactor(answer),
        // 4. A rejection that came first stands, whatever the submission did after it.
        Answer::Rejected(_) => Ruling::Interactor(answer),
        // 5. After it was accepted, it has still to end well.
        Answer::Accepted if failed => Ruling::Submission(end),
        Answer::Accepted => Ruling::Interactor(answer),
    }
}
