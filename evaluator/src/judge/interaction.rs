//! Decides which program's end determines the result of an interaction.
//!
//! The rules are documented as a table in `docs/interaction.md`, in the same order as here.

use std::time::Duration;

use domain::verdict::RunEnd;
use sandbox::Outcome;

use super::validator::ValidatorVerdict;

/// The facts that the rules use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ends {
    /// How the submission ended.
    pub(super) submission: RunEnd,
    /// Whether the submission ended before the interactor.
    pub(super) submission_first: bool,
    /// The submission's wall time.
    pub(super) submission_wall: Duration,
    /// How long the submission had been computing without a pause when it ended.
    pub(super) submission_busy: Duration,
    /// How long the interactor had been computing without a pause when the submission ended.
    pub(super) interactor_busy: Duration,
    /// The interactor's result by its protocol.
    pub(super) verdict: ValidatorVerdict,
}

impl Ends {
    pub(super) fn new(
        end: RunEnd,
        submission: &Outcome,
        interactor: &Outcome,
        verdict: ValidatorVerdict,
    ) -> Self {
        Self {
            submission: end,
            submission_first: !submission.peer_ended,
            submission_wall: submission.wall,
            submission_busy: submission.busy,
            interactor_busy: interactor.busy,
            verdict,
        }
    }
}

/// Which end decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ruling {
    /// The submission's end.
    Submission(RunEnd),
    /// The interactor's verdict.
    Interactor(ValidatorVerdict),
}

/// Applies the rules; the first that matches decides.
pub(super) fn rule(ends: Ends) -> Ruling {
    let Ends { submission, submission_first, verdict, .. } = ends;
    let failed = submission.verdict().is_some();
    let computed = |busy| busy >= ends.submission_wall / 2;
    // 1. The submission waited for an interactor that was computing and then failed.
    if submission == RunEnd::WallClock
        && matches!(verdict, ValidatorVerdict::Failed(_))
        && computed(ends.interactor_busy)
        && !computed(ends.submission_busy)
    {
        let reason = "it took too long: it computed while the submission waited for it".to_owned();
        return Ruling::Interactor(ValidatorVerdict::Failed(reason));
    }
    // 2. The submission failed first. An interactor that loses its submission may end in any way.
    if failed && submission_first {
        return Ruling::Submission(submission);
    }
    match verdict {
        // 3. In all other cases an interactor that fails is our fault.
        ValidatorVerdict::Failed(_) => Ruling::Interactor(verdict),
        // 4. A rejection decides, regardless of the submission's end after it.
        ValidatorVerdict::Rejected(_) => Ruling::Interactor(verdict),
        // 5. An accepted submission must also end without failing.
        ValidatorVerdict::Accepted if failed => Ruling::Submission(submission),
        ValidatorVerdict::Accepted => Ruling::Interactor(verdict),
    }
}

#[cfg(test)]
mod tests {
    use domain::Verdict;

    use super::*;

    /// The submission's end; whether it was first; how long the submission and the interactor had
    /// been computing, in ms, of the 1,000 ms that the submission ran; the interactor's verdict.
    fn ends(submission: RunEnd, first: bool, busy_ms: [u64; 2], verdict: ValidatorVerdict) -> Ends {
        Ends {
            submission,
            submission_first: first,
            submission_wall: Duration::from_secs(1),
            submission_busy: Duration::from_millis(busy_ms[0]),
            interactor_busy: Duration::from_millis(busy_ms[1]),
            verdict,
        }
    }

    #[test]
    fn whose_end_decides() {
        let rejected = || ValidatorVerdict::Rejected(Verdict::WrongAnswer);
        let failed = || ValidatorVerdict::Failed("it crashed".to_owned());
        let busy = || {
            let reason = "it took too long: it computed while the submission waited for it";
            ValidatorVerdict::Failed(reason.to_owned())
        };
        let exit = |code| RunEnd::Exit { code };
        let pipe = RunEnd::Signal { signal: 13 };
        let submission = Ruling::Submission;
        let interactor = Ruling::Interactor;
        let (idle, working, both) = ([5, 5], [5, 900], [900, 900]);
        let cases = [
            // The submission ended first.
            (
                ends(exit(0), true, idle, ValidatorVerdict::Accepted),
                interactor(ValidatorVerdict::Accepted),
            ),
            (ends(exit(0), true, idle, rejected()), interactor(rejected())),
            (ends(exit(0), true, idle, failed()), interactor(failed())),
            (ends(exit(1), true, idle, ValidatorVerdict::Accepted), submission(exit(1))),
            (ends(exit(1), true, idle, rejected()), submission(exit(1))),
            (ends(exit(1), true, idle, failed()), submission(exit(1))),
            (ends(pipe, true, idle, rejected()), submission(pipe)),
            (ends(RunEnd::CpuClock, true, idle, rejected()), submission(RunEnd::CpuClock)),
            (ends(RunEnd::MemoryLimit, true, idle, failed()), submission(RunEnd::MemoryLimit)),
            (ends(RunEnd::WallClock, true, idle, failed()), submission(RunEnd::WallClock)),
            // The interactor ended first.
            (
                ends(exit(0), false, idle, ValidatorVerdict::Accepted),
                interactor(ValidatorVerdict::Accepted),
            ),
            (ends(exit(0), false, idle, rejected()), interactor(rejected())),
            (ends(exit(1), false, idle, rejected()), interactor(rejected())),
            (ends(pipe, false, idle, rejected()), interactor(rejected())),
            (ends(RunEnd::CpuClock, false, idle, rejected()), interactor(rejected())),
            (ends(exit(1), false, idle, ValidatorVerdict::Accepted), submission(exit(1))),
            (
                ends(RunEnd::CpuClock, false, idle, ValidatorVerdict::Accepted),
                submission(RunEnd::CpuClock),
            ),
            (ends(exit(0), false, idle, failed()), interactor(failed())),
            (ends(exit(1), false, idle, failed()), interactor(failed())),
            // The submission waited while the interactor computed.
            (ends(RunEnd::WallClock, true, working, failed()), interactor(busy())),
            (ends(RunEnd::WallClock, true, working, rejected()), submission(RunEnd::WallClock)),
            (ends(RunEnd::WallClock, true, both, failed()), submission(RunEnd::WallClock)),
            (ends(RunEnd::CpuClock, true, working, rejected()), submission(RunEnd::CpuClock)),
        ];
        for (ends, ruling) in cases {
            assert_eq!(rule(ends.clone()), ruling, "{ends:?}");
        }
    }
}
