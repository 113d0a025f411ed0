//! Which tests can still change whether a submission agrees with its package. A submission is judged until there are
//! none.

use std::collections::BTreeSet;

use domain::Verdict;
use domain::grading::{Rubric, Rule as GroupRule, Survey, TestState};
use domain::problem::RevisionContent;
use domain::submission::TestOutcome;
use problem_package::{Rule, SampleSubmission};

use super::agreement::{Scope, Verdicts, fits, is_in_range, is_said, score_of};
use crate::court::Known;

/// The tests whose times are needed of a submission that agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// None.
    None,
    /// Those that judging runs.
    Judged,
    /// All of them.
    All,
    /// All of them, until one takes at least this many milliseconds.
    UpTo(u64),
}

/// What a submission has to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) submission: &'a SampleSubmission,
    pub(super) content: &'a RevisionContent,
    pub(super) rubric: &'a Rubric,
    pub(super) times: Times,
}

/// Whether something holds, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Holds,
    Broken,
    /// It depends on at least one of these tests.
    Open(BTreeSet<u32>),
}

impl Question<'_> {
    /// The test to run next; `None` once nothing left can change whether the submission agrees, and its times are
    /// known as far as they are needed.
    pub(super) fn next(&self, known: Known<'_>) -> Option<u32> {
        let outcomes = known.outcomes;
        let left: BTreeSet<u32> =
            (1..=self.rubric.tests()).filter(|number| !outcomes.contains_key(number)).collect();
        let judged = self.judged(&left, known.survey);
        if outcomes.values().any(|outcome| outcome.verdict == Verdict::JudgeError) {
            return None;
        }
        let verdicts = self.possible(known, &judged);
        let is_ready = |number: &&u32| state(known.survey, **number) == TestState::Ready;
        // Something has to be seen of it, even if nothing is left to decide.
        if outcomes.is_empty() {
            return left.iter().find(is_ready).or(left.first()).copied();
        }
        // A verdict is shown, so it has to be known, too.
        let has_verdict = verdicts.as_ref().is_some_and(|verdicts| verdicts.len() == 1);
        let has_failed = outcomes.values().any(|outcome| outcome.verdict != Verdict::Accepted);
        let mut wanted = match self.standing(known, verdicts.as_ref(), &left) {
            Standing::Broken if has_verdict || has_failed => return None,
            Standing::Holds if has_verdict => BTreeSet::new(),
            Standing::Broken | Standing::Holds => judged.clone(),
            Standing::Open(tests) => tests,
        };
        let slowest_ms = outcomes.values().map(|outcome| outcome.time_ms).max().unwrap_or(0);
        match self.times {
            Times::None => {}
            Times::Judged => wanted.extend(&judged),
            Times::UpTo(enough_ms) if slowest_ms >= enough_ms => {}
            Times::All | Times::UpTo(_) => wanted.extend(&left),
        }
        wanted.iter().find(is_ready).or(wanted.first()).copied()
    }

    fn standing(
        &self,
        known: Known<'_>,
        verdicts: Option<&BTreeSet<Verdicts>>,
        left: &BTreeSet<u32>,
    ) -> Standing {
        let judged = self.judged(left, known.survey);
        let open = || Standing::open(&judged);
        let expected = &self.submission.expected;
        let fits = |got: &Verdicts| fits(self.submission, *got);
        let by_verdict = match verdicts {
            Some(verdicts) if verdicts.iter().all(fits) => Standing::Holds,
            Some(verdicts) if !verdicts.iter().any(fits) => Standing::Broken,
            _ => open(),
        };
        let rules = &self.submission.rules;
        let agreement = if expected.is_empty() {
            // What judging skips can break no rule, but it can still fulfil one.
            all_of(rules.iter().map(|rule| self.rule(rule, known, &judged, left)))
        } else if rules.is_empty() {
            by_verdict
        } else {
            // Rules are another way to be right, and then they hold for every test.
            either(by_verdict, all_of(rules.iter().map(|rule| self.rule(rule, known, left, left))))
        };
        let score = match (self.submission.score, &known.survey.grade) {
            (None, _) => Standing::Holds,
            (Some(range), Some(grade)) => {
                Standing::settled(is_in_range(grade.score.unwrap_or(0.0), range))
            }
            (Some(_), None) => open(),
        };
        let range = match &known.survey.grade {
            Some(grade) => Standing::settled(grade.out_of_range.is_empty()),
            None if self.content.grading.objective.is_some() => open(),
            None => Standing::Holds,
        };
        all_of([agreement, score, range])
    }

    /// Whether a rule holds, where these tests can break it, and any that is left can fulfil it.
    fn rule(
        &self,
        rule: &Rule,
        known: Known<'_>,
        breaking: &BTreeSet<u32>,
        left: &BTreeSet<u32>,
    ) -> Standing {
        // As `disagreements` takes it.
        if rule.permitted.is_empty() {
            return Standing::Holds;
        }
        let scope = Scope::of(rule);
        let is_covered =
            |number: &u32| scope.covers(&self.content.tests[*number as usize - 1].name);
        let in_scope = |tests: &BTreeSet<u32>| tests.iter().copied().filter(is_covered).collect();
        let breaking: BTreeSet<u32> = in_scope(breaking);
        let left: BTreeSet<u32> = in_scope(left);
        let outcomes = known.outcomes.iter().filter(|(number, _)| is_covered(number));
        let outcomes: Vec<&TestOutcome> = outcomes.map(|(_, outcome)| outcome).collect();
        let is_permitted = |verdict: &Verdict| rule.permitted.contains(verdict);
        let permitted = if !outcomes.iter().all(|outcome| is_permitted(&outcome.verdict)) {
            Standing::Broken
        } else if Verdict::OF_TESTS.iter().all(is_permitted) {
            Standing::Holds
        } else {
            Standing::open(&breaking)
        };
        // One such test is enough.
        let one = |has_one: bool| match has_one || outcomes.is_empty() && left.is_empty() {
            true => Standing::Holds,
            false if left.is_empty() => Standing::Broken,
            false => Standing::open(&left),
        };
        let required = one(outcomes.iter().any(|it| rule.required.contains(&it.verdict)));
        let message = match &rule.message {
            None => Standing::Holds,
            Some(message) if outcomes.iter().any(|outcome| is_said(message, outcome)) => {
                Standing::Holds
            }
            Some(_) if left.is_empty() => Standing::Broken,
            Some(_) => Standing::open(&left),
        };
        let score = match (rule.score, &known.survey.grade) {
            (None, _) => Standing::Holds,
            (Some(range), Some(grade)) => {
                Standing::settled(is_in_range(score_of(rule, grade), range))
            }
            (Some(_), None) => {
                let survey = known.survey;
                let tests = 1..=self.rubric.tests();
                Standing::open(&tests.filter(|number| is_open(survey, *number)).collect())
            }
        };
        all_of([permitted, required, message, score])
    }

    /// The tests among these that judging does not skip.
    fn judged(&self, left: &BTreeSet<u32>, survey: &Survey) -> BTreeSet<u32> {
        left.iter().copied().filter(|number| is_open(survey, *number)).collect()
    }

    /// All verdicts that the submission as a whole can still get, and perhaps some more. `None` where they are unknown
    /// before the end.
    ///
    /// A group gets one of the verdicts of its children, or is accepted. So it is enough to give the same verdict to
    /// all tests that are left: what a mixture of verdicts comes to, one of the mixed verdicts alone comes to as well.
    ///
    /// This fails for a group that one accepted child makes accepted. Such a group can be accepted while a test outside
    /// it fails, and one verdict for all tests does not show this. Then a rejected submission can get any verdict.
    fn possible(&self, known: Known<'_>, judged: &BTreeSet<u32>) -> Option<BTreeSet<Verdicts>> {
        if let Some(grade) = &known.survey.grade {
            return Some([grade.into()].into());
        }
        let results = known.results();
        let verdicts = |verdict| {
            let grade = self.rubric.completed(&results, known.graded, verdict)?;
            Some(Verdicts::from(&grade))
        };
        let mut possible: BTreeSet<Verdicts> =
            Verdict::OF_TESTS.into_iter().map(verdicts).collect::<Option<_>>()?;
        let can_fail = possible.iter().any(|it| it.root != Verdict::Accepted);
        if can_fail && judged.iter().any(|number| self.is_one_enough(*number)) {
            let failures = Verdict::OF_TESTS.into_iter().filter(|it| *it != Verdict::Accepted);
            possible.extend(failures.map(|it| Verdicts { root: it, submission: it }));
        }
        Some(possible)
    }

    /// Whether a test is in a group, at any depth, that one accepted child makes accepted.
    fn is_one_enough(&self, number: u32) -> bool {
        let groups = &self.content.grading.groups;
        let group = self.content.tests[number as usize - 1].group;
        let parent = |place: &u32| groups[*place as usize].parent;
        std::iter::successors(Some(group), parent).any(|place| {
            let rule = &groups[place as usize].rule;
            matches!(rule, GroupRule::Grader { accept_if_any_accepted: true, .. })
        })
    }
}

impl Standing {
    fn settled(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Broken }
    }

    /// Open while there are tests that decide it. Where there are none, nothing can break it any more.
    fn open(tests: &BTreeSet<u32>) -> Self {
        if tests.is_empty() { Self::Holds } else { Self::Open(tests.clone()) }
    }
}

/// All of them hold.
fn all_of(parts: impl IntoIterator<Item = Standing>) -> Standing {
    let mut open = BTreeSet::new();
    for part in parts {
        match part {
            Standing::Broken => return Standing::Broken,
            Standing::Open(tests) => open.extend(tests),
            Standing::Holds => {}
        }
    }
    Standing::open(&open)
}

/// One of the two holds.
fn either(one: Standing, other: Standing) -> Standing {
    match (one, other) {
        (Standing::Holds, _) | (_, Standing::Holds) => Standing::Holds,
        (Standing::Broken, only) | (only, Standing::Broken) => only,
        (Standing::Open(mut tests), Standing::Open(others)) => {
            tests.extend(others);
            Standing::Open(tests)
        }
    }
}

fn state(survey: &Survey, number: u32) -> TestState {
    survey.states[number as usize - 1]
}

/// Whether judging still needs a test.
fn is_open(survey: &Survey, number: u32) -> bool {
    matches!(state(survey, number), TestState::Ready | TestState::Waiting)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use domain::Digest;
    use domain::grading::{
        CheckerScore, CustomGrades, Grade, Grading, Objective, ScoreMode, TestGroup, TestScores,
        VerdictMode,
    };
    use domain::problem::{BlobRef, OnFailure, Test};
    use domain::submission::{Feedback, TestOutcome};
    use problem_package::{SourceFile, TimeLimitUse};
    use proptest::prelude::*;

    use super::super::agreement::disagreements;
    use super::*;

    /// The limit of every package here, and how far beyond it a submission is watched, in milliseconds.
    const LIMIT_MS: u64 = 1_000;
    const WATCHED_MS: u64 = 1_500;

    /// The verdict with this initial. `t` is beyond the limit, and not as far as it is watched. `a` is accepted with a
    /// part of the test's score. No test gets `p`, which is a part of the score as a whole.
    fn verdict(letter: char) -> Verdict {
        match letter {
            'A' | 'a' => Verdict::Accepted,
            'p' => Verdict::Partial,
            'W' => Verdict::WrongAnswer,
            'P' => Verdict::PresentationError,
            'O' => Verdict::OutputLimitExceeded,
            'T' | 't' => Verdict::TimeLimitExceeded,
            'R' => Verdict::RuntimeError,
            'M' => Verdict::MemoryLimitExceeded,
            'J' => Verdict::JudgeError,
            other => panic!("{other} is no verdict"),
        }
    }

    fn set(letters: &str) -> BTreeSet<Verdict> {
        letters.chars().map(verdict).collect()
    }

    fn outcome(number: u32, letter: char) -> TestOutcome {
        let time_ms = match letter {
            'T' => WATCHED_MS + 1,
            't' => LIMIT_MS + 1,
            _ => 10,
        };
        // A validator speaks of every rejected output.
        let feedback =
            (letter == 'W').then(|| Feedback { judge: Some("wrong".to_owned()), team: None });
        TestOutcome {
            number,
            verdict: verdict(letter),
            end: None,
            time_ms,
            memory_kib: 1,
            score: (letter == 'a').then_some(CheckerScore::Share(0.5)),
            feedback,
            shown: None,
        }
    }

    /// A group below the root, or the root itself.
    fn group(name: &str, on_reject: OnFailure, mode: VerdictMode) -> TestGroup {
        let rule = GroupRule::Grader {
            verdict: mode,
            score: ScoreMode::Sum,
            ignore_sample: false,
            accept_if_any_accepted: false,
            scores: TestScores::default(),
        };
        let parent = (!name.is_empty()).then_some(0);
        let root = TestGroup::root(on_reject);
        TestGroup { name: name.to_owned(), parent, rule, ..root }
    }

    fn content(grading: Grading, groups: &[u32]) -> RevisionContent {
        let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
        let test = |(number, &group): (usize, &u32)| {
            let name = format!("{}/{number}", grading.groups[group as usize].name);
            Test { group, ..Test::new(name.trim_start_matches('/'), blob, blob) }
        };
        let tests = (1..).zip(groups).map(test).collect();
        RevisionContent { tests, grading, ..RevisionContent::default() }
    }

    /// What a submission came to: how many tests ran, whether it agrees, and its verdict.
    #[derive(Debug, PartialEq)]
    struct Seen {
        ran: BTreeSet<u32>,
        agrees: bool,
        verdict: Verdict,
        slowest_ms: u64,
        /// By the last survey.
        skipped: BTreeSet<u32>,
    }

    fn judge(question: Question<'_>, letters: &str, is_whole: bool) -> Seen {
        let letters: Vec<char> = letters.chars().collect();
        let graded = CustomGrades::new();
        let mut outcomes = BTreeMap::new();
        let (survey, results) = loop {
            let results = outcomes
                .iter()
                .map(|(number, it): (&u32, &TestOutcome)| (*number, it.result()))
                .collect();
            let survey = question.rubric.survey(&results, &graded);
            let known = Known { outcomes: &outcomes, graded: &graded, survey: &survey };
            let next = if is_whole { known.first_left() } else { question.next(known) };
            let Some(number) = next else { break (survey, results) };
            let before = outcomes.insert(number, outcome(number, letters[number as usize - 1]));
            assert!(before.is_none(), "{number} ran twice");
        };
        let unknown = |verdict| Grade {
            root: verdict,
            verdict,
            score: None,
            groups: vec![],
            out_of_range: vec![],
            points_decide: false,
        };
        let failure = || {
            let mut verdicts = outcomes.values().map(|outcome| outcome.verdict);
            unknown(verdicts.find(|it| *it != Verdict::Accepted).unwrap_or(Verdict::Accepted))
        };
        let completed = || question.rubric.completed(&results, &graded, Verdict::Accepted);
        let skipped = (1..).zip(&survey.states).filter(|(_, state)| **state == TestState::Skipped);
        let skipped = skipped.map(|(number, _)| number).collect();
        let grade = match outcomes.values().any(|it| it.verdict == Verdict::JudgeError) {
            true => unknown(Verdict::JudgeError),
            false => survey.grade.or_else(completed).unwrap_or_else(failure),
        };
        let wrong = disagreements(question.submission, question.content, &outcomes, &grade);
        Seen {
            agrees: wrong.is_empty(),
            verdict: grade.verdict,
            slowest_ms: outcomes.values().map(|outcome| outcome.time_ms).max().unwrap_or(0),
            ran: outcomes.into_keys().collect(),
            skipped,
        }
    }

    fn submission(expected: &str, rules: Vec<Rule>) -> SampleSubmission {
        let file = SourceFile { path: "a.py".to_owned(), bytes: Bytes::new() };
        SampleSubmission {
            path: "accepted/a.py".to_owned(),
            language: "python3".parse().unwrap(),
            files: vec![file],
            entry_point: None,
            expected: set(expected),
            tolerated: BTreeSet::new(),
            rules,
            score: None,
        }
    }

    fn rule(scope: &str, permitted: &str, required: &str) -> Rule {
        Rule {
            scope: scope.to_owned(),
            permitted: set(permitted),
            required: set(required),
            score: None,
            message: None,
            time_limit: TimeLimitUse::None,
        }
    }

    /// All of a package's tests in one group that stops at its first failure, or goes on and takes the worst.
    fn flat(on_reject: OnFailure) -> Grading {
        Grading { objective: None, groups: vec![group("", on_reject, VerdictMode::WorstError)] }
    }

    #[test]
    fn a_submission_is_judged_until_nothing_left_can_change_whether_it_agrees() {
        type Case =
            (&'static str, Grading, &'static str, Vec<Rule>, Times, &'static str, u32, bool);
        const EVERY: &str = "AWPTRMO";
        let stop = || flat(OnFailure::Stop);
        let go_on = || flat(OnFailure::Continue);
        let first_error = || Grading {
            objective: None,
            groups: vec![group("", OnFailure::Continue, VerdictMode::FirstError)],
        };
        let scored = || Grading { objective: Some(Objective::Max), ..go_on() };
        let lenient = || Grading {
            objective: None,
            groups: vec![group("", OnFailure::Continue, VerdictMode::AlwaysAccept)],
        };
        let none = Vec::new;
        let beyond = Times::UpTo(WATCHED_MS);
        // The older folders, as verdicts with rules that are another way to be right.
        let old_wrong = || vec![rule("", "AW", "W")];
        let old_slow = || vec![rule("", "AWT", "T")];
        let old_crash = || vec![rule("", EVERY, "RM")];
        // The newer folders, as rules alone.
        let new_accepted = || vec![rule("", "A", EVERY)];
        let new_wrong = || vec![rule("", "AW", "W")];
        let new_slow = || vec![rule("", "AT", "T")];
        let new_rejected = || vec![rule("", EVERY, "WTRM")];
        let cases: Vec<Case> = vec![
            // What has to be accepted runs on everything, until a test fails.
            ("accepted", stop(), "A", none(), Times::Judged, "AAAA", 4, true),
            ("accepted, fails", stop(), "A", none(), Times::Judged, "AWAA", 2, false),
            (
                "accepted, fails where all are judged",
                go_on(),
                "A",
                none(),
                Times::Judged,
                "AWAA",
                2,
                false,
            ),
            ("accepted, measured, fails", stop(), "A", none(), Times::All, "AAWA", 3, false),
            ("accepted, always", lenient(), "A", none(), Times::Judged, "WWWW", 4, true),
            ("accepted, with points", scored(), "A", none(), Times::Judged, "AWAA", 4, false),
            // One failure is enough where judging stops.
            ("wrong", stop(), "W", old_wrong(), Times::None, "AWTA", 2, true),
            ("wrong, too slow", stop(), "W", old_wrong(), Times::None, "AATA", 3, false),
            ("wrong, never", stop(), "W", old_wrong(), Times::None, "AAAA", 4, false),
            ("wrong, worst of all", go_on(), "W", none(), Times::None, "AWAA", 4, true),
            ("wrong, crashes later", go_on(), "W", none(), Times::None, "AWRA", 3, false),
            ("wrong, first of all", first_error(), "W", none(), Times::None, "AWRA", 2, true),
            ("wrong, always accepted", lenient(), "W", none(), Times::None, "WWWW", 1, false),
            ("crash", stop(), "RM", old_crash(), Times::None, "ARAA", 2, true),
            // Rules are another way to be right: a crash may come after what judging skips.
            ("crash, wrong before", stop(), "RM", old_crash(), Times::None, "AWAR", 4, true),
            ("crash, wrong alone", stop(), "RM", old_crash(), Times::None, "AWAA", 4, false),
            ("crash, the worst", go_on(), "RM", none(), Times::None, "ARAA", 2, true),
            // What has to be too slow stops at the first test that takes as long as it is watched.
            ("slow", stop(), "T", old_slow(), beyond, "ATAA", 2, true),
            ("slow, only just", stop(), "T", old_slow(), beyond, "AtAA", 4, true),
            ("slow, only just at first", stop(), "T", old_slow(), beyond, "AtTA", 3, true),
            ("slow, wrong before", stop(), "T", old_slow(), beyond, "AWTA", 4, true),
            ("slow, crashes before", stop(), "T", old_slow(), beyond, "ARTA", 2, false),
            ("slow, and may crash", go_on(), "TRM", none(), beyond, "ATAA", 4, true),
            ("slow, never", stop(), "T", old_slow(), beyond, "AAAA", 4, false),
            // The newer format: what judging skips can break no rule.
            ("2025 accepted", stop(), "", new_accepted(), Times::Judged, "AAAA", 4, true),
            ("2025 accepted, fails", stop(), "", new_accepted(), Times::Judged, "AWAA", 2, false),
            ("2025 accepted, scored", scored(), "", new_accepted(), Times::All, "WAAA", 1, false),
            ("2025 wrong", stop(), "", new_wrong(), Times::None, "AWTA", 2, true),
            ("2025 wrong, too slow", stop(), "", new_wrong(), Times::None, "ATWA", 2, false),
            ("2025 slow", stop(), "", new_slow(), beyond, "ATWA", 2, true),
            ("2025 slow, only just", stop(), "", new_slow(), beyond, "AtAA", 4, true),
            ("2025 slow, wrong before", stop(), "", new_slow(), beyond, "AWTA", 2, false),
            ("2025 slow, never", stop(), "", new_slow(), beyond, "AAAA", 4, false),
            ("2025 rejected", stop(), "", new_rejected(), Times::None, "AWAA", 2, true),
            ("2025 rejected, scored", scored(), "", new_rejected(), Times::None, "AWAA", 4, true),
            // A rule can still be fulfilled by a test that judging skips, and only by one in its scope.
            (
                "2025 one test",
                stop(),
                "",
                vec![rule("4", EVERY, "W")],
                Times::None,
                "WAAW",
                2,
                true,
            ),
            (
                "2025 one test, other",
                stop(),
                "",
                vec![rule("4", EVERY, "W")],
                Times::None,
                "WAAA",
                2,
                false,
            ),
            (
                "2025 one test, not yet",
                stop(),
                "",
                vec![rule("3", "W", "W")],
                Times::None,
                "AAWA",
                3,
                true,
            ),
            ("2025 no rule", stop(), "", none(), Times::None, "AAAA", 4, true),
            // Whatever is expected, nothing is after a judge error.
            ("judge error", stop(), "A", none(), Times::All, "AJAA", 2, false),
            ("judge error, slow", stop(), "T", old_slow(), beyond, "TJAA", 1, true),
            // Something has to be seen.
            ("accepted, always, no times", lenient(), "A", none(), Times::None, "WWWW", 1, true),
        ];
        for (name, grading, expected, rules, times, letters, ran, agrees) in cases {
            let content = content(grading, &[0; 4]);
            let (submission, rubric) = (submission(expected, rules), content.rubric());
            let question =
                Question { submission: &submission, content: &content, rubric: &rubric, times };
            let seen = judge(question, letters, false);
            assert_eq!((seen.ran.len(), seen.agrees), (ran as usize, agrees), "{name}: {seen:?}");
        }
    }

    /// Four tests. The first ones are in the group `a`, the others in `b`.
    #[test]
    fn verdicts_are_decided_as_they_are_compared() {
        type Case = (
            &'static str,
            Grading,
            usize,
            &'static str,
            &'static str,
            Times,
            &'static str,
            usize,
            bool,
        );
        let grading = |objective, mode, is_one_enough| {
            let mut one = group("a", OnFailure::Continue, VerdictMode::WorstError);
            if let GroupRule::Grader { accept_if_any_accepted, .. } = &mut one.rule {
                *accept_if_any_accepted = is_one_enough;
            }
            let two = group("b", OnFailure::Continue, VerdictMode::WorstError);
            Grading { objective, groups: vec![group("", OnFailure::Stop, mode), one, two] }
        };
        let plain = |is_one_enough| grading(None, VerdictMode::WorstError, is_one_enough);
        let scored = |mode| grading(Some(Objective::Max), mode, false);
        let (worst, always) = (VerdictMode::WorstError, VerdictMode::AlwaysAccept);
        let (none, all) = (Times::None, Times::All);
        // After the grading: the number of tests in `a`, the expected and the tolerated verdicts, the times, the results,
        // the number of tests that run, and whether the submission agrees.
        let cases: Vec<Case> = vec![
            // What is tolerated is right.
            ("wrong", plain(false), 1, "W", "O", none, "WAAA", 1, true),
            ("tolerated", plain(false), 1, "W", "O", none, "OAAA", 1, true),
            ("tolerated, later", plain(false), 1, "W", "O", none, "AOAA", 4, true),
            ("tolerated, measured", plain(false), 1, "W", "O", all, "OAAA", 4, true),
            ("neither", plain(false), 1, "W", "O", none, "RAAA", 1, false),
            // The graders accept a submission with a part of the score, or without any.
            ("part", scored(always), 4, "p", "", none, "AWAA", 4, true),
            ("no part", scored(always), 4, "p", "", none, "WWWW", 4, true),
            ("no part, no times", scored(always), 1, "p", "", none, "WAAA", 1, true),
            ("no part, measured", scored(always), 1, "p", "", all, "WAAA", 4, true),
            ("no part, tolerated", scored(always), 1, "A", "p", all, "WAAA", 4, true),
            ("no part, rejected", scored(worst), 1, "A", "p", all, "WAAA", 1, false),
            ("part, tolerated", scored(always), 4, "A", "p", none, "AWAA", 4, true),
            ("part, rejected", scored(worst), 4, "A", "p", none, "AWAA", 4, false),
            // One accepted test makes `a` accepted, and then the verdict is that of `b`.
            ("one is enough, wrong later", plain(true), 3, "W", "", none, "RAAW", 4, true),
            ("one is enough, crash later", plain(true), 3, "W", "", none, "RAAR", 4, false),
            ("one is enough, none is", plain(true), 3, "R", "", none, "RWWA", 3, true),
            ("all are needed", plain(false), 3, "W", "", none, "RAAW", 1, false),
        ];
        for (name, grading, split, expected, tolerated, times, letters, ran, agrees) in cases {
            let groups: Vec<u32> = (0..4).map(|at| if at < split { 1 } else { 2 }).collect();
            let content = content(grading, &groups);
            let tolerated = set(tolerated);
            let submission = SampleSubmission { tolerated, ..submission(expected, vec![]) };
            let rubric = content.rubric();
            let question =
                Question { submission: &submission, content: &content, rubric: &rubric, times };
            let seen = judge(question, letters, false);
            assert_eq!((seen.ran.len(), seen.agrees), (ran, agrees), "{name}: {seen:?}");
        }
    }

    fn letters() -> impl Strategy<Value = String> {
        // Most tests are accepted, so that what fails does so anywhere.
        let letter = prop_oneof![
            4 => Just('A'), 1 => Just('a'), 1 => Just('W'), 1 => Just('T'), 1 => Just('t'), 1 => Just('R'), 1 => Just('M'),
        ];
        prop::collection::vec(letter, 1..9).prop_map(String::from_iter)
    }

    fn verdicts() -> impl Strategy<Value = String> {
        prop::sample::subsequence(vec!['A', 'W', 'T', 'R', 'M'], 1..=5).prop_map(String::from_iter)
    }

    /// Expected and tolerated verdicts of a submission as a whole.
    fn verdicts_of_all() -> impl Strategy<Value = (String, String)> {
        let set = || {
            let letters = vec!['A', 'p', 'W', 'T', 'R', 'M'];
            prop::sample::subsequence(letters, 1..=4).prop_map(String::from_iter)
        };
        let none = || Just(String::new());
        (prop_oneof![1 => none(), 3 => set()], prop_oneof![1 => none(), 1 => set()])
    }

    /// The least and the greatest of some scores.
    fn range() -> impl Strategy<Value = Option<(f64, f64)>> {
        let range =
            (0..5_u8, 0..5_u8).prop_map(|(least, more)| (least.into(), (least + more).into()));
        prop::option::weighted(0.2, range)
    }

    fn rules() -> impl Strategy<Value = Vec<Rule>> {
        let scope = prop_oneof![Just(""), Just("a"), Just("b"), Just("a/1"), Just("*/3")];
        let parts = (
            scope,
            verdicts(),
            verdicts(),
            prop::option::weighted(0.2, Just("wrong".to_owned())),
            range(),
        );
        let rule = parts.prop_map(|(scope, permitted, required, message, score)| Rule {
            message,
            score,
            ..rule(scope, &permitted, &required)
        });
        prop::collection::vec(rule, 0..3)
    }

    fn grading() -> impl Strategy<Value = Grading> {
        let on_reject = || prop_oneof![Just(OnFailure::Stop), Just(OnFailure::Continue)];
        let mode = || {
            prop_oneof![
                3 => Just(VerdictMode::WorstError),
                3 => Just(VerdictMode::FirstError),
                1 => Just(VerdictMode::AlwaysAccept),
            ]
        };
        let score = || {
            prop_oneof![
                Just(ScoreMode::Sum),
                Just(ScoreMode::Avg),
                Just(ScoreMode::Min),
                Just(ScoreMode::Max),
            ]
        };
        // Rejected tests may have a score, and groups the least and the greatest that they can score.
        let bound = || prop::option::of((0..8_u8).prop_map(f64::from));
        let scores =
            move || {
                (0..3_u8, 0..3_u8, bound(), bound()).prop_map(|(accept, reject, min, max)| {
                    TestScores { accept: accept.into(), reject: reject.into(), min, max }
                })
            };
        let part = move || (on_reject(), mode(), any::<bool>(), score(), scores());
        let groups = (
            part(),
            part(),
            part(),
            any::<bool>(),
            prop::option::of(prop_oneof![3 => Just(Objective::Max), 1 => Just(Objective::Min)]),
        );
        groups.prop_map(|(root, one, two, requires, objective)| {
            let make = |name: &str, (on_reject, verdict, any, score, scores)| {
                let accept_if_any_accepted = any && !name.is_empty();
                let rule = GroupRule::Grader {
                    verdict,
                    score,
                    ignore_sample: false,
                    accept_if_any_accepted,
                    scores,
                };
                TestGroup { rule, ..group(name, on_reject, verdict) }
            };
            let mut groups = vec![make("", root), make("a", one), make("b", two)];
            if requires {
                groups[2].require_pass = vec![1];
            }
            Grading { objective, groups }
        })
    }

    fn times() -> impl Strategy<Value = Times> {
        prop_oneof![
            Just(Times::None),
            Just(Times::Judged),
            Just(Times::All),
            Just(Times::UpTo(WATCHED_MS))
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_early_decision_is_the_one_after_all_tests(
            grading in grading(),
            letters in letters(),
            split in 0usize..9,
            (expected, tolerated) in verdicts_of_all(),
            rules in rules(),
            score in range(),
            times in times(),
        ) {
            let count = letters.len();
            // The group `b` requires `a`, which then has a test.
            let groups: Vec<u32> = (0..count).map(|at| if at == 0 || at < split { 1 } else { 2 }).collect();
            let content = content(grading, &groups);
            let submission = SampleSubmission { tolerated: set(&tolerated), score, ..submission(&expected, rules) };
            let rubric = content.rubric();
            let question =
                Question { submission: &submission, content: &content, rubric: &rubric, times };
            let (early, whole) = (judge(question, &letters, false), judge(question, &letters, true));
            prop_assert_eq!(whole.ran.len(), count);

            // Nothing is found wrong that is not.
            prop_assert!(early.agrees || !whole.agrees, "{:?} {:?}", early, whole);
            if early.agrees && !whole.agrees {
                // Only rules that are all that counts do not hold for what judging skips.
                prop_assert!(submission.expected.is_empty());
                let is_forbidden = |number: &u32| {
                    let (name, letter) = (&content.tests[*number as usize - 1].name, letters.as_bytes()[*number as usize - 1]);
                    submission.rules.iter().any(|rule| Scope::of(rule).covers(name) && !rule.permitted.contains(&verdict(letter.into())))
                };
                let unseen = early.skipped.difference(&early.ran);
                prop_assert!(unseen.into_iter().any(is_forbidden), "{:?}", early);
            }
            // What is shown of a submission that agrees is what it comes to, and the times are there.
            if early.agrees {
                prop_assert_eq!(early.verdict, whole.verdict);
                let every = || (1..=rubric.tests()).filter(|number| !early.ran.contains(number));
                match times {
                    Times::None => {}
                    Times::Judged => prop_assert!(every().all(|number| early.skipped.contains(&number))),
                    Times::All => prop_assert_eq!(every().count(), 0),
                    Times::UpTo(ms) => prop_assert!(early.slowest_ms >= ms || every().count() == 0),
                }
            }
        }
    }
}
