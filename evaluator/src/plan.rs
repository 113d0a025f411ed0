//! The order of a submission's tests: which test runs next, and which outcomes can be reported.
//! Does not run them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::grading::{
    CustomGrades, Grade, GraderCall, GroupGrade, Rubric, Survey, TestResult, TestState,
};
use domain::submission::{Feedback, Shown, TestOutcome};

/// Another cell is set up only if the remaining tests last longer than its setup time, times this.
const WORTH_FACTOR: u32 = 2;

/// Bytes of outcomes in one report. The limit of an event is four times this.
const REPORT_BYTES_MAX: usize = 512 << 10;
/// Bytes of all texts in the outcomes of one attempt: program output and validator messages. Later
/// texts are omitted.
const TEXTS_BYTES_MAX: usize = 4 << 20;
/// Replaces omitted messages.
const LEFT_OUT: &str = "(omitted: the messages of this judging exceed 4 MiB)";
/// Bytes of an outcome without its texts.
const OUTCOME_BYTES: usize = 300;

/// The tests of one attempt. They may run concurrently and end in any order, but outcomes are
/// reported in order of test number, so that a submission's log does not depend on the number of
/// free slots. A test does not begin while other tests may still make it unnecessary.
#[derive(Debug)]
pub(crate) struct Plan {
    rubric: Rubric,
    results: BTreeMap<u32, TestResult>,
    graded: CustomGrades,
    survey: Survey,
    begun: BTreeSet<u32>,
    finished: BTreeMap<u32, TestOutcome>,
    /// The last test whose outcome was reported, or which was skipped.
    reported: u32,
    /// Remaining bytes for texts of later outcomes.
    texts_left: usize,
}

impl Plan {
    /// A plan for the tests of a rubric, with none run yet.
    pub(crate) fn new(rubric: Rubric) -> Self {
        let (results, graded) = (BTreeMap::new(), CustomGrades::new());
        let survey = rubric.survey(&results, &graded);
        let (begun, finished) = (BTreeSet::new(), BTreeMap::new());
        let texts_left = TEXTS_BYTES_MAX;
        Self { rubric, results, graded, survey, begun, finished, reported: 0, texts_left }
    }

    /// The number of tests that may still have to begin.
    pub(crate) fn left(&self) -> u32 {
        let open = self.states().filter(|(number, state)| {
            matches!(state, TestState::Ready | TestState::Waiting) && !self.begun.contains(number)
        });
        u32::try_from(open.count()).unwrap_or(u32::MAX)
    }

    /// The next test that can begin. The caller confirms with [`begin`](Self::begin).
    pub(crate) fn next(&self) -> Option<u32> {
        let ready = |(number, state): &(u32, TestState)| {
            *state == TestState::Ready && !self.begun.contains(number)
        };
        self.states().find(ready).map(|(number, _)| number)
    }

    /// Marks a test as begun.
    pub(crate) fn begin(&mut self, number: u32) {
        self.begun.insert(number);
    }

    /// Records the outcome of a test. Returns what is wrong with the score that a validator gave,
    /// if anything.
    pub(crate) fn end(&mut self, outcome: TestOutcome) -> Option<String> {
        let objection = self.rubric.objection(outcome.number, outcome.result());
        self.results.insert(outcome.number, outcome.result());
        self.finished.insert(outcome.number, outcome);
        self.survey = self.rubric.survey(&self.results, &self.graded);
        objection
    }

    /// Whether [`report`](Self::report) would return outcomes.
    pub(crate) fn has_more_to_report(&self) -> bool {
        let rest = self.states().skip(self.reported as usize);
        let mut rest = rest.skip_while(|(_, state)| *state == TestState::Skipped);
        rest.next().is_some_and(|(number, _)| self.finished.contains_key(&number))
    }

    /// The next outcomes to report in order of test number, up to one event's worth.
    pub(crate) fn report(&mut self) -> Vec<TestOutcome> {
        let mut outcomes = Vec::new();
        let mut bytes = 0;
        while bytes < REPORT_BYTES_MAX {
            let number = self.reported + 1;
            match self.finished.remove(&number) {
                Some(mut outcome) => {
                    self.bound_texts(&mut outcome);
                    bytes += weight(&outcome);
                    outcomes.push(outcome);
                }
                None if self.state(number) == Some(TestState::Skipped) => {}
                None => return outcomes,
            }
            self.reported = number;
        }
        outcomes
    }

    /// Counts the outcome's texts against the attempt's limit, or omits them.
    fn bound_texts(&mut self, outcome: &mut TestOutcome) {
        let bytes = texts(outcome).map(String::len).sum();
        if let Some(left) = self.texts_left.checked_sub(bytes) {
            self.texts_left = left;
            return;
        }
        self.texts_left = 0;
        if let Some(shown) = &mut outcome.shown {
            let (stdout, stderr, checker) = (String::new(), String::new(), None);
            *shown = Shown { stdout, stderr, truncated: true, checker, result: None };
        }
        if let Some(Feedback { judge, team }) = &mut outcome.feedback {
            for message in [judge, team].into_iter().flatten() {
                LEFT_OUT.clone_into(message);
            }
        }
    }

    /// The grader to run before judging can continue.
    pub(crate) fn grader(&self) -> Option<&GraderCall> {
        self.survey.grader.as_ref()
    }

    /// Records a grader's result of a group.
    pub(crate) fn graded(&mut self, group: u32, grade: GroupGrade) {
        self.graded.insert(group, grade);
        self.survey = self.rubric.survey(&self.results, &self.graded);
    }

    /// The overall result, once it is known.
    pub(crate) fn grade(&self) -> Option<&Grade> {
        self.survey.grade.as_ref()
    }

    /// The data for the verdict: the rubric, and the graders' results.
    pub(crate) fn into_parts(self) -> (Rubric, CustomGrades) {
        (self.rubric, self.graded)
    }

    fn states(&self) -> impl Iterator<Item = (u32, TestState)> {
        (1..).zip(self.survey.states.iter().copied())
    }

    fn state(&self, number: u32) -> Option<TestState> {
        self.survey.states.get(number as usize - 1).copied()
    }
}

/// The largest size of an outcome in an event, in bytes: JSON may need two bytes for one.
fn weight(outcome: &TestOutcome) -> usize {
    OUTCOME_BYTES + texts(outcome).map(|text| 2 * text.len()).sum::<usize>()
}

/// All texts in an outcome that were written by the submission or the problem's programs.
fn texts(outcome: &TestOutcome) -> impl Iterator<Item = &String> {
    let shown = outcome
        .shown
        .iter()
        .flat_map(|shown| [Some(&shown.stdout), Some(&shown.stderr), shown.checker.as_ref()]);
    let feedback =
        outcome.feedback.iter().flat_map(|said| [said.judge.as_ref(), said.team.as_ref()]);
    shown.chain(feedback).flatten()
}

/// Whether setting up another cell is worth it for the remaining tests.
pub(crate) fn another_cell_pays(left: u32, mean_test: Duration, set_up: Duration) -> bool {
    mean_test * left > set_up * WORTH_FACTOR
}

#[cfg(test)]
mod tests {
    use domain::Verdict;
    use domain::grading::{Grading, OnFailure, Rule, Slot, TestGroup, TestScores};
    use domain::verdict::RunEnd;
    use proptest::prelude::*;

    use super::*;

    fn outcome(number: u32, verdict: Verdict) -> TestOutcome {
        let end = Some(RunEnd::Exit { code: 0 });
        TestOutcome {
            number,
            verdict,
            end,
            time_ms: 0,
            memory_kib: 0,
            score: None,
            feedback: None,
            shown: None,
        }
    }

    fn plan(tests: u32, on_reject: OnFailure) -> Plan {
        let slots = vec![Slot { group: 0, points: None }; tests as usize];
        Plan::new(Rubric::new(Grading::pass_fail(on_reject), slots))
    }

    /// Runs a plan on `lanes` lanes. `schedule` chooses which running test ends next, and whether
    /// outcomes are reported then.
    fn run(
        plan: &mut Plan,
        lanes: usize,
        schedule: &[(usize, bool)],
        verdict: impl Fn(u32) -> Verdict,
    ) -> Vec<TestOutcome> {
        let (mut running, mut reported) = (Vec::new(), Vec::new());
        let mut schedule = schedule.iter().copied().cycle();
        loop {
            while running.len() < lanes
                && let Some(number) = plan.next()
            {
                plan.begin(number);
                running.push(number);
            }
            if running.is_empty() {
                reported.extend(plan.report());
                assert!(!plan.has_more_to_report());
                return reported;
            }
            let (pick, report) = schedule.next().unwrap_or_default();
            let number = running.swap_remove(pick % running.len());
            plan.end(outcome(number, verdict(number)));
            if report {
                reported.extend(plan.report());
            }
        }
    }

    proptest! {
        #[test]
        fn every_test_is_reported_once_and_in_order(
            tests in 0u32..40,
            lanes in 1usize..6,
            schedule in prop::collection::vec((0usize..6, any::<bool>()), 1..60),
            failing in 0u32..40,
        ) {
            let verdict = |number| match number % 7 == failing % 7 {
                true => Verdict::WrongAnswer,
                false => Verdict::Accepted,
            };
            let mut plan = plan(tests, OnFailure::Continue);
            let reported = run(&mut plan, lanes, &schedule, verdict);
            let numbers: Vec<u32> = reported.iter().map(|outcome| outcome.number).collect();
            prop_assert_eq!(numbers, (1..=tests).collect::<Vec<_>>());
            prop_assert!(reported.iter().all(|outcome| outcome.verdict == verdict(outcome.number)));
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
            let mut plan = plan(tests, OnFailure::Stop);
            let reported = run(&mut plan, 3, &schedule, verdict);
            let numbers: Vec<u32> = reported.iter().map(|outcome| outcome.number).collect();
            prop_assert_eq!(numbers, (1..=tests.min(failing)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn texts_of_an_attempt_are_bounded_in_all() {
        let mut plan = plan(2_000, OnFailure::Continue);
        let mut bytes = 0;
        for number in 1..=2_000 {
            plan.begin(number);
            let message = Some("m".repeat(4_000));
            let feedback = Some(Feedback { judge: message.clone(), team: message });
            plan.end(TestOutcome { feedback, ..outcome(number, Verdict::WrongAnswer) });
        }
        let mut last = None;
        while plan.has_more_to_report() {
            for outcome in plan.report() {
                bytes += texts(&outcome).map(String::len).sum::<usize>();
                last = Some(outcome);
            }
        }
        assert!(bytes <= TEXTS_BYTES_MAX + 2 * 2_000 * LEFT_OUT.len(), "{bytes}");
        let last = last.unwrap();
        assert_eq!((last.number, last.verdict), (2_000, Verdict::WrongAnswer));
        assert_eq!(last.feedback.unwrap().team.as_deref(), Some(LEFT_OUT));
    }

    /// A package may stop at the first group that its own grader rejects.
    #[test]
    fn what_a_grader_finds_lets_the_next_tests_begin() {
        let mut grading = Grading::pass_fail(OnFailure::Stop);
        let scores = TestScores::default();
        for name in ["sample", "secret"] {
            grading.groups.push(TestGroup {
                name: name.to_owned(),
                parent: Some(0),
                rule: Rule::Custom { flags: vec![], scores },
                ..TestGroup::root(OnFailure::Stop)
            });
        }
        let slots = [1, 2].map(|group| Slot { group, points: None }).to_vec();
        let mut plan = Plan::new(Rubric::new(grading, slots));
        let accepted = GroupGrade { verdict: Verdict::Accepted, score: 0.0 };
        for number in [1, 2] {
            assert_eq!(plan.next(), Some(number));
            plan.begin(number);
            assert_eq!(plan.end(outcome(number, Verdict::Accepted)), None);
            assert_eq!((plan.next(), plan.grade()), (None, None));
            let group = plan.grader().unwrap().group;
            plan.graded(group, accepted);
        }
        assert_eq!(plan.grade().unwrap().verdict, Verdict::Accepted);
    }

    /// The most text in a test, times the most tests, is more than one event holds.
    #[test]
    fn one_report_fits_in_an_event() {
        let mut plan = plan(2_000, OnFailure::Continue);
        for number in 1..=2_000 {
            plan.begin(number);
            let said = Some("\n".repeat(1_000));
            let feedback = Some(Feedback { judge: said.clone(), team: said });
            plan.end(TestOutcome { feedback, ..outcome(number, Verdict::WrongAnswer) });
        }
        let mut reported = 0;
        while plan.has_more_to_report() {
            let outcomes = plan.report();
            reported += outcomes.len();
            let bytes = outcomes.iter().map(weight).sum::<usize>();
            assert!(bytes <= REPORT_BYTES_MAX + 10_000, "{bytes}");
        }
        assert_eq!(reported, 2_000);
    }

    #[test]
    fn another_cell_pays_when_much_is_left() {
        let ms = Duration::from_millis;
        assert!(another_cell_pays(50, ms(2), ms(10)));
        assert!(!another_cell_pays(5, ms(2), ms(10)));
        assert!(!another_cell_pays(0, ms(1_000), ms(1)));
    }
}
