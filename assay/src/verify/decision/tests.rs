//! What is decided early is what all tests would have said.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::Digest;
use domain::grading::{
    CheckerScore, CustomGrades, Grade, Grading, Objective, OnFailure, ScoreMode, TestGroup,
    TestScores, VerdictMode,
};
use domain::problem::{BlobRef, Test};
use domain::submission::{Feedback, TestOutcome};
use problem_package::{SourceFile, TimeLimitUse};
use proptest::prelude::*;

use super::super::agreement::disagreements;
use super::*;

/// The limit of every package here, and how far beyond it a submission is watched, in milliseconds.
const LIMIT_MS: u64 = 1_000;
const WATCHED_MS: u64 = 1_500;

/// The verdict with this initial. `t` is beyond the limit, and not as far as it is watched. `a` is
/// accepted with a part of the test's score. No test gets `p`, which is a part of the score as a
/// whole.
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
        is_model: None,
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

/// All of a package's tests in one group that stops at its first failure, or goes on and takes the
/// worst.
fn flat(on_reject: OnFailure) -> Grading {
    Grading { objective: None, groups: vec![group("", on_reject, VerdictMode::WorstError)] }
}

#[test]
fn a_submission_is_judged_until_nothing_left_can_change_whether_it_agrees() {
    type Case = (&'static str, Grading, &'static str, Vec<Rule>, Times, &'static str, u32, bool);
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
        ("2025 one test", stop(), "", vec![rule("4", EVERY, "W")], Times::None, "WAAW", 2, true),
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
    // After the grading: the number of tests in `a`, the expected and the tolerated verdicts, the
    // times, the results, the number of tests that run, and whether the submission agrees.
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
    let range = (0..5_u8, 0..5_u8).prop_map(|(least, more)| (least.into(), (least + more).into()));
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
    let scores = move || {
        (0..3_u8, 0..3_u8, bound(), bound()).prop_map(|(accept, reject, min, max)| TestScores {
            accept: accept.into(),
            reject: reject.into(),
            min,
            max,
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
