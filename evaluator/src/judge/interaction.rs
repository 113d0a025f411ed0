//! Two programs talked to each other: whose end decides.
//!
//! The rules are a table in `docs/interaction.md`, row by row as they stand here.

use std::time::Duration;

use domain::Verdict;
use domain::verdict::RunEnd;
use sandbox::{Ended, Outcome};

use super::validator::Answer;

/// The share of the time that a program waited in which the interactor must have computed for the wait
/// to be its fault, in percent.
const BUSY_PERCENT: u32 = 50;

/// What ends a program that writes where nobody reads any more.
const SIGPIPE: i32 = 13;

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
    // Nobody else than the interactor can have shut what it wrote to, whatever the clocks say.
    let wrote_to_nobody = end == RunEnd::Signal { signal: SIGPIPE };
    let submission_first = submission.at <= interactor.at && !wrote_to_nobody;
    let failed = end.verdict().is_some();
    let waited = end == RunEnd::WallClock;
    // 1. It waited for an interactor that computed and came to no end.
    if waited
        && matches!(answer, Answer::Failed(_))
        && interactor.cpu * 100 >= submission.wall * BUSY_PERCENT
    {
        let reason = "it computed while the submission waited for it".to_owned();
        return Ruling::Interactor(Answer::Failed(reason));
    }
    // 2. It failed first; what became of an interactor that was left alone does not matter.
    if failed && submission_first {
        return Ruling::Submission(end);
    }
    // 3. An interactor that was ended by writing where the submission did not read any more found it silent.
    if interactor.ended == (Ended::Signaled { signal: SIGPIPE }) {
        return match failed {
            true => Ruling::Submission(end),
            false => Ruling::Interactor(Answer::Rejected(Verdict::WrongAnswer)),
        };
    }
    match answer {
        // 4. An interactor that fails otherwise is our fault.
        Answer::Failed(_) => Ruling::Interactor(answer),
        // 5. A rejection that came first stands, whatever the submission did after it.
        Answer::Rejected(_) => Ruling::Interactor(answer),
        // 6. After it was accepted, it has still to end well.
        Answer::Accepted if failed => Ruling::Submission(end),
        Answer::Accepted => Ruling::Interactor(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn side(at_ms: u64, cpu_ms: u64) -> Side {
        let (ended, cpu, wall) = (Ended::Exited { code: 0 }, MS(cpu_ms), MS(1_000));
        Side { ended, cpu, wall, at: MS(at_ms) }
    }

    #[test]
    fn whose_end_decides() {
        let rejected = || Answer::Rejected(Verdict::WrongAnswer);
        let failed = || Answer::Failed("it crashed".to_owned());
        let busy = || Answer::Failed("it computed while the submission waited for it".to_owned());
        let exit = |code| RunEnd::Exit { code };
        let pipe = RunEnd::Signal { signal: SIGPIPE };
        let (first, second) = (side(10, 5), side(20, 5));
        let submission = Ruling::Submission;
        let interactor = Ruling::Interactor;
        let cases = [
            // The submission ended first.
            (first, second, exit(0), Answer::Accepted, interactor(Answer::Accepted)),
            (first, second, exit(0), rejected(), interactor(rejected())),
            (first, second, exit(0), failed(), interactor(failed())),
            (first, second, exit(1), Answer::Accepted, submission(exit(1))),
            (first, second, exit(1), rejected(), submission(exit(1))),
            (first, second, exit(1), failed(), submission(exit(1))),
            (first, second, RunEnd::CpuClock, rejected(), submission(RunEnd::CpuClock)),
            (first, second, RunEnd::MemoryLimit, failed(), submission(RunEnd::MemoryLimit)),
            (first, second, RunEnd::WallClock, failed(), submission(RunEnd::WallClock)),
            (first, second, pipe, rejected(), interactor(rejected())),
            // The interactor did.
            (second, first, exit(0), Answer::Accepted, interactor(Answer::Accepted)),
            (second, first, exit(0), rejected(), interactor(rejected())),
            (second, first, exit(1), rejected(), interactor(rejected())),
            (second, first, pipe, rejected(), interactor(rejected())),
            (second, first, RunEnd::CpuClock, rejected(), interactor(rejected())),
            (second, first, exit(1), Answer::Accepted, submission(exit(1))),
            (second, first, pipe, Answer::Accepted, submission(pipe)),
            (second, first, RunEnd::CpuClock, Answer::Accepted, submission(RunEnd::CpuClock)),
            (second, first, exit(0), failed(), interactor(failed())),
            (second, first, exit(1), failed(), interactor(failed())),
            // It waited, and the interactor computed.
            (first, side(20, 900), RunEnd::WallClock, failed(), interactor(busy())),
            (first, side(20, 900), RunEnd::WallClock, rejected(), submission(RunEnd::WallClock)),
            (first, side(20, 900), RunEnd::CpuClock, rejected(), submission(RunEnd::CpuClock)),
        ];
        let piped = |side: Side| Side { ended: Ended::Signaled { signal: SIGPIPE }, ..side };
        let silent = [
            (first, piped(second), exit(0), failed(), interactor(rejected())),
            (first, piped(second), exit(1), failed(), submission(exit(1))),
            (second, piped(first), exit(1), failed(), submission(exit(1))),
        ];
        for (one, other, end, answer, ruling) in cases.into_iter().chain(silent) {
            let found = rule(one, other, end, answer.clone());
            assert_eq!(found, ruling, "{end:?} {answer:?} {:?} {:?}", one.at, other.at);
        }
    }
}
