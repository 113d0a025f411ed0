//! Which test is next, and which outcomes may be told: the order of tests, apart from running them.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Verdict;
use domain::problem::OnFailure;
use domain::submission::TestOutcome;

/// Times that the tests left must last longer than another cell takes to set up.
const WORTH_FACTOR: u32 = 2;

/// The tests of one attempt. They may run side by side and end in any order; outcomes are told in order
/// of test number, so that the log of a submission reads the same however many slots were free.
#[derive(Debug)]
pub(crate) struct Plan {
    tests: u32,
    on_failure: OnFailure,
    next: u32,
    finished: BTreeMap<u32, TestOutcome>,
    /// Outcomes up to this test were told.
    told: u32,
    stopped: bool,
}

impl Plan {
    /// Tests from 1 to `tests`.
    pub(crate) fn new(tests: u32, on_failure: OnFailure) -> Self {
        Self { tests, on_failure, next: 1, finished: BTreeMap::new(), told: 0, stopped: false }
    }

    /// Whether a test may begin before the one before it has ended. Where a failure ends the attempt, a
    /// later test that runs all the same would be wasted, or would be told where it must not be.
    pub(crate) fn side_by_side(&self) -> bool {
        self.on_failure == OnFailure::Continue
    }

    /// Tests that are still to begin.
    pub(crate) fn left(&self) -> u32 {
        if self.stopped { 0 } else { self.tests + 1 - self.next }
    }

    /// The test to begin now.
    pub(crate) fn begin(&mut self) -> Option<u32> {
        (self.left() > 0).then(|| {
            self.next += 1;
            self.next - 1
        })
    }

    /// A test ended.
    pub(crate) fn end(&mut self, outcome: TestOutcome) {
        let failed = outcome.verdict != Verdict::Accepted;
        self.stopped |= failed && self.on_failure == OnFailure::Stop;
        self.finished.insert(outcome.number, outcome);
    }

    /// Outcomes that follow on those that were told before.
    pub(crate) fn tell(&mut self) -> Vec<TestOutcome> {
        let mut outcomes = Vec::new();
        while let Some(outcome) = self.finished.remove(&(self.told + 1)) {
            self.told += 1;
            outcomes.push(outcome);
        }
        outcomes
    }
}

/// Whether it pays to set up another cell for the tests that are left.
pub(crate) fn another_cell_pays(left: u32, mean_test: Duration, set_up: Duration) -> bool {
    mean_test * left > set_up * WORTH_FACTOR
}

#[cfg(test)]
mod tests {
    use domain::verdict::RunEnd;
    use proptest::prelude::*;

    use super::*;

    fn outcome(number: u32, verdict: Verdict) -> TestOutcome {
        let end = Some(RunEnd::Exit { code: 0 });
        TestOutcome { number, verdict, end, time_ms: 0, memory_kib: 0, shown: None }
    }

    /// Runs a plan on so many lanes; `schedule` picks which of those that run ends next, and whether
    /// what is known is told then.
    fn run(
        plan: &mut Plan,
        lanes: usize,
        schedule: &[(usize, bool)],
        verdict: impl Fn(u32) -> Verdict,
    ) -> Vec<TestOutcome> {
        let (mut running, mut told) = (Vec::new(), Vec::new());
        let mut schedule = schedule.iter().copied().cycle();
        loop {
            while running.len() < lanes
                && let Some(number) = plan.begin()
            {
                running.push(number);
            }
            if running.is_empty() {
                told.extend(plan.tell());
                return told;
            }
            let (pick, tell) = schedule.next().unwrap_or_default();
            let number = running.swap_remove(pick % running.len());
            plan.end(outcome(number, verdict(number)));
            if tell {
                told.extend(plan.tell());
            }
        }
    }

    proptest! {
        #[test]
        fn every_test_is_told_once_and_in_order(
            tests in 0u32..40,
            lanes in 1usize..6,
            schedule in prop::collection::vec((0usize..6, any::<bool>()), 1..60),
            failing in 0u32..40,
        ) {
            let verdict = |number| match number % 7 == failing % 7 {
                true => Verdict::WrongAnswer,
                false => Verdict::Accepted,
            };
            let mut plan = Plan::new(tests, OnFailure::Continue);
            let told = run(&mut plan, lanes, &schedule, verdict);
            let numbers: Vec<u32> = told.iter().map(|outcome| outcome.number).collect();
            prop_assert_eq!(numbers, (1..=tests).collect::<Vec<_>>());
            prop_assert!(told.iter().all(|outcome| outcome.verdict == verdict(outcome.number)));
        }

        #[test]
        fn the_first_failure_is_the_last_test(
            tests in 1u32..40,
            failing in 1u32..60,
            schedule in prop::collection::vec((0usize..6, any::<bool>()), 1..60),
        ) {
            let verdict = |number| match number >= failing {
                true => Verdict::TimeLimitExceeded,
                false => Verdict::Accepted,
            };
            let mut plan = Plan::new(tests, OnFailure::Stop);
            prop_assert!(!plan.side_by_side());
            let told = run(&mut plan, 1, &schedule, verdict);
            let numbers: Vec<u32> = told.iter().map(|outcome| outcome.number).collect();
            prop_assert_eq!(numbers, (1..=tests.min(failing)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn another_cell_pays_when_much_is_left() {
        let ms = Duration::from_millis;
        assert!(another_cell_pays(50, ms(2), ms(10)));
        assert!(!another_cell_pays(5, ms(2), ms(10)));
        assert!(!another_cell_pays(0, ms(1_000), ms(1)));
    }
}
