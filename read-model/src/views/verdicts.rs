//! Decides which of a submission's verdicts counts.

use domain::{RejudgeId, Verdict};
use serde::{Deserialize, Serialize};

use crate::Micros;

/// A verdict and the time since which it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictSince {
    /// The verdict.
    pub verdict: Verdict,
    /// The time since which it counts. A rejudge with the same verdict keeps this time.
    pub since: Micros,
}

/// The verdict of a rejudge that is applied and not reverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgedView {
    /// The rejudge.
    pub rejudge: RejudgeId,
    /// The rejudge's verdict.
    pub found: VerdictSince,
    /// When it was applied.
    pub applied_at: Micros,
}

/// The verdicts of a submission as a stack. The topmost counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictStack {
    /// The verdict of the submission's own judging.
    pub own: Option<VerdictSince>,
    /// The verdicts of rejudges, in the order of application.
    pub rejudged: Vec<RejudgedView>,
}

impl VerdictStack {
    /// The verdict that counts.
    pub fn counting(&self) -> Option<VerdictSince> {
        self.rejudged.last().map(|rejudged| rejudged.found).or(self.own)
    }

    /// Sets the verdict of the submission's own judging.
    pub fn judge(&mut self, verdict: Verdict, at: Micros) {
        self.own = Some(VerdictSince { verdict, since: at });
    }

    /// Adds the verdict of an applied rejudge.
    pub fn apply(&mut self, rejudge: RejudgeId, verdict: Verdict, at: Micros) {
        let same = self.counting().filter(|counting| counting.verdict == verdict);
        let found = same.unwrap_or(VerdictSince { verdict, since: at });
        self.rejudged.push(RejudgedView { rejudge, found, applied_at: at });
    }

    /// Removes the verdict of a reverted rejudge.
    pub fn revert(&mut self, rejudge: RejudgeId) {
        self.rejudged.retain(|rejudged| rejudged.rejudge != rejudge);
    }
}

#[cfg(test)]
mod tests {
    use domain::Verdict::{Accepted, WrongAnswer};
    use uuid::Uuid;

    use super::*;

    fn rejudge(number: u128) -> RejudgeId {
        Uuid::from_u128(number).into()
    }

    fn counting(stack: &VerdictStack) -> Option<(Verdict, i64)> {
        stack.counting().map(|counting| (counting.verdict, counting.since.0))
    }

    #[test]
    fn the_last_applied_that_was_not_reverted_counts() {
        let mut stack = VerdictStack::default();
        assert_eq!(counting(&stack), None);
        stack.judge(Accepted, Micros(1));
        stack.apply(rejudge(1), WrongAnswer, Micros(2));
        stack.apply(rejudge(2), Accepted, Micros(3));
        assert_eq!(counting(&stack), Some((Accepted, 3)));
        // Removing it from below the top changes nothing else.
        stack.revert(rejudge(1));
        assert_eq!(counting(&stack), Some((Accepted, 3)));
        stack.revert(rejudge(2));
        assert_eq!(counting(&stack), Some((Accepted, 1)));
        stack.revert(rejudge(2));
        assert_eq!(counting(&stack), Some((Accepted, 1)));
    }

    #[test]
    fn a_rejudge_with_the_same_verdict_keeps_the_time() {
        let mut stack = VerdictStack::default();
        stack.judge(Accepted, Micros(1));
        stack.apply(rejudge(1), Accepted, Micros(2));
        assert_eq!(counting(&stack), Some((Accepted, 1)));
        assert_eq!(stack.rejudged[0].applied_at, Micros(2));
    }

    /// Reverting gives the same result as never having applied the rejudge.
    #[test]
    fn reverting_is_as_if_it_had_never_been_applied() {
        for case in 0..8 {
            let verdict = |number| if case >> number & 1 == 0 { Accepted } else { WrongAnswer };
            let with = [(1, verdict(0)), (2, verdict(1)), (3, verdict(2))];
            for gone in 1..=3 {
                let (mut stack, mut without) = (VerdictStack::default(), VerdictStack::default());
                for stack in [&mut stack, &mut without] {
                    stack.judge(Accepted, Micros(0));
                }
                for (number, verdict) in with {
                    let at = Micros(number as i64);
                    stack.apply(rejudge(number), verdict, at);
                    if number != gone {
                        without.apply(rejudge(number), verdict, at);
                    }
                }
                stack.revert(rejudge(gone));
                let verdict = |stack: &VerdictStack| stack.counting().map(|it| it.verdict);
                assert_eq!(verdict(&stack), verdict(&without), "{with:?} without {gone}");
            }
        }
    }
}
