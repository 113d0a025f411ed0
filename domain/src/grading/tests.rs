//! Trees of test groups with their grades, worked out by hand from the formats' specifications.
//!
//! A case names the clause that it follows. Test results are words: `A` accepted, `W` wrong, `T`
//! too slow, `R` crashed, `M` too much memory, `-` not judged; `A=7` is accepted with 7 points from
//! the validator, `A*0.5` with half the score.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A group: its name, its rule as text, and the groups that it requires.
type Group = (&'static str, &'static str, &'static [&'static str]);

struct Case {
    /// The clause of the format's specification.
    clause: &'static str,
    groups: &'static [Group],
    /// The group of each test, and its own points.
    tests: &'static [(&'static str, Option<f64>)],
    results: &'static str,
    verdict: Verdict,
    score: Option<f64>,
}

fn parent(names: &[&str], name: &str) -> Option<u32> {
    let (up, _) = name.rsplit_once('/').unwrap_or(("", name));
    (!name.is_empty()).then(|| place(names, up))
}

fn place(names: &[&str], name: &str) -> u32 {
    let place = names.iter().position(|other| *other == name);
    u32::try_from(place.unwrap_or_else(|| panic!("no group {name:?}"))).unwrap()
}

/// `grader min first_error accept=20 range=0..20 continue`, `pass-fail 30`, `sum`, `custom`.
fn rule(words: &str) -> (Rule, OnFailure) {
    let mut words = words.split_whitespace();
    let kind = words.next().unwrap();
    let mut on_reject = OnFailure::Stop;
    let aggregation = match kind {
        "pass-fail" => Some(Aggregation::PassFail),
        "sum" => Some(Aggregation::Sum),
        "min" => Some(Aggregation::Min),
        _ => None,
    };
    if let Some(aggregation) = aggregation {
        let mut max_score = None;
        for word in words {
            match word {
                "continue" => on_reject = OnFailure::Continue,
                number => max_score = Some(number.parse().unwrap()),
            }
        }
        return (Rule::Aggregate { aggregation, max_score }, on_reject);
    }
    let (mut verdict, mut score) = (VerdictMode::default(), ScoreMode::default());
    let (mut ignore_sample, mut accept_if_any_accepted) = (false, false);
    let mut scores = TestScores::default();
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("continue", _) => on_reject = OnFailure::Continue,
            ("worst_error", _) => verdict = VerdictMode::WorstError,
            ("first_error", _) => verdict = VerdictMode::FirstError,
            ("always_accept", _) => verdict = VerdictMode::AlwaysAccept,
            ("sum", _) => score = ScoreMode::Sum,
            ("avg", _) => score = ScoreMode::Avg,
            ("min", _) => score = ScoreMode::Min,
            ("max", _) => score = ScoreMode::Max,
            ("ignore_sample", _) => ignore_sample = true,
            ("accept_if_any_accepted", _) => accept_if_any_accepted = true,
            ("accept", number) => scores.accept = number.parse().unwrap(),
            ("reject", number) => scores.reject = number.parse().unwrap(),
            ("range", range) => {
                let (min, max) = range.split_once("..").unwrap();
                (scores.min, scores.max) = (min.parse().ok(), max.parse().ok());
            }
            other => panic!("{other:?}"),
        }
    }
    let rule = match kind {
        "custom" => Rule::Custom { flags: vec![], scores },
        _ => Rule::Grader { verdict, score, ignore_sample, accept_if_any_accepted, scores },
    };
    (rule, on_reject)
}

fn rubric(objective: Option<Objective>, groups: &[Group], tests: &[(&str, Option<f64>)]) -> Rubric {
    let names: Vec<_> = groups.iter().map(|(name, ..)| *name).collect();
    let tree = groups.iter().map(|(name, words, requires)| {
        let (rule, on_reject) = rule(words);
        TestGroup {
            name: (*name).to_owned(),
            parent: parent(&names, name),
            on_reject,
            require_pass: requires.iter().map(|required| place(&names, required)).collect(),
            rule,
        }
    });
    let grading = Grading { objective, groups: tree.collect() };
    let slots: Vec<_> = tests
        .iter()
        .map(|(group, points)| Slot { group: place(&names, group), points: *points })
        .collect();
    assert_eq!(grading.flaws(&slots), Vec::<String>::new());
    Rubric::new(grading, slots)
}

fn results(words: &str) -> BTreeMap<u32, TestResult> {
    let mut results = BTreeMap::new();
    for (number, word) in (1..).zip(words.split_whitespace()) {
        let verdict = match &word[..1] {
            "A" => Accepted,
            "W" => WrongAnswer,
            "T" => TimeLimitExceeded,
            "R" => RuntimeError,
            "M" => MemoryLimitExceeded,
            "-" => continue,
            other => panic!("{other:?}"),
        };
        let score = match word.get(1..2) {
            Some("=") => Some(CheckerScore::Points(word[2..].parse().unwrap())),
            Some("*") => Some(CheckerScore::Share(word[2..].parse().unwrap())),
            _ => None,
        };
        results.insert(number, TestResult { verdict, score });
    }
    results
}

fn check(cases: &[Case], objective: Option<Objective>) {
    for case in cases {
        let rubric = rubric(objective, case.groups, case.tests);
        let survey = rubric.survey(&results(case.results), &CustomGrades::new());
        let grade = survey.grade.unwrap_or_else(|| panic!("{}: {:?}", case.clause, survey.states));
        assert_eq!((grade.verdict, grade.score), (case.verdict, case.score), "{}", case.clause);
        assert_eq!(grade.out_of_range, Vec::<String>::new(), "{}", case.clause);
    }
}

const S: (&str, Option<f64>) = ("sample", None);
const X: (&str, Option<f64>) = ("secret", None);
const A: (&str, Option<f64>) = ("secret/a", None);
const B: (&str, Option<f64>) = ("secret/b", None);

use Verdict::{
    Accepted, MemoryLimitExceeded, Partial, RuntimeError, TimeLimitExceeded, WrongAnswer,
};

#[test]
fn legacy_pass_fail() {
    const PLAIN: &[Group] =
        &[("", "grader", &[]), ("sample", "grader", &[]), ("secret", "grader", &[])];
    const CONTINUE: &[Group] = &[
        ("", "grader continue", &[]),
        ("sample", "grader continue", &[]),
        ("secret", "grader continue", &[]),
    ];
    const FIRST: &[Group] = &[
        ("", "grader continue", &[]),
        ("sample", "grader", &[]),
        ("secret", "grader first_error continue", &[]),
    ];
    let case = |clause, groups, results, verdict| Case {
        clause,
        groups,
        tests: &[S, X, X, X],
        results,
        verdict,
        score: None,
    };
    check(
        &[
            case(
                "legacy, Default Grader: accepted if all sub-results are",
                PLAIN,
                "A A A A",
                Accepted,
            ),
            case("legacy, Test Data Groups: on_reject break", PLAIN, "A A T -", TimeLimitExceeded),
            case("legacy: break after the sample", PLAIN, "W - - -", WrongAnswer),
            case(
                "legacy: break ignores later tests that were judged anyway",
                PLAIN,
                "A W R T",
                WrongAnswer,
            ),
            case(
                "legacy, worst_error: RTE before TLE before WA",
                CONTINUE,
                "A W T R",
                RuntimeError,
            ),
            case("legacy, worst_error: MLE before TLE", CONTINUE, "A T M W", MemoryLimitExceeded),
            case("legacy, worst_error: TLE before WA", CONTINUE, "A W T A", TimeLimitExceeded),
            case("legacy, first_error", FIRST, "A W R T", WrongAnswer),
        ],
        None,
    );
}

#[test]
fn legacy_flags_of_pass_fail() {
    const ANY: &[Group] = &[
        ("", "grader continue", &[]),
        ("sample", "grader", &[]),
        ("secret", "grader accept_if_any_accepted continue", &[]),
    ];
    const ALWAYS: &[Group] =
        &[("", "grader", &[]), ("sample", "grader always_accept", &[]), ("secret", "grader", &[])];
    const IGNORE: &[Group] = &[
        ("", "grader ignore_sample continue", &[]),
        ("sample", "grader", &[]),
        ("secret", "grader", &[]),
    ];
    let case = |clause, groups, results, verdict| Case {
        clause,
        groups,
        tests: &[S, X, X],
        results,
        verdict,
        score: None,
    };
    check(
        &[
            case("legacy, accept_if_any_accepted: one is", ANY, "A W A", Accepted),
            case(
                "legacy, accept_if_any_accepted: none is, so the mode decides",
                ANY,
                "A W R",
                RuntimeError,
            ),
            case("legacy, always_accept", ALWAYS, "W A A", Accepted),
            case("legacy, ignore_sample: the second sub-result is used", IGNORE, "W A A", Accepted),
            case("legacy, ignore_sample: and only that", IGNORE, "A A T", TimeLimitExceeded),
        ],
        None,
    );
}

#[test]
fn legacy_scores() {
    const SUBTASKS: &[Group] = &[
        ("", "grader ignore_sample continue range=0..100", &[]),
        ("sample", "grader accept=0 range=0..0", &[]),
        ("secret", "grader accept_if_any_accepted continue range=0..100", &[]),
        ("secret/a", "grader min accept=30 range=0..30", &[]),
        ("secret/b", "grader min accept=70 range=0..70", &[]),
    ];
    const SUM: &[Group] = &[
        ("", "grader continue range=0..10", &[]),
        ("sample", "grader always_accept accept=0", &[]),
        ("secret", "grader always_accept continue accept=5", &[]),
    ];
    const AVG: &[Group] = &[
        ("", "grader ignore_sample continue range=0..100", &[]),
        ("sample", "grader", &[]),
        ("secret", "grader avg always_accept continue accept=100", &[]),
    ];
    const MAX: &[Group] = &[
        ("", "grader ignore_sample continue range=0..100", &[]),
        ("sample", "grader", &[]),
        ("secret", "grader max always_accept continue accept=100 reject=10", &[]),
    ];
    const OPEN: &[Group] = &[
        ("", "grader continue", &[]),
        ("sample", "grader accept=0", &[]),
        ("secret", "grader always_accept continue", &[]),
    ];
    const STRICT: &[Group] = &[
        ("", "grader range=0..6", &[]),
        ("sample", "grader accept=0", &[]),
        ("secret", "grader accept=3", &[]),
    ];
    let sub = |clause, results, verdict, score| Case {
        clause,
        groups: SUBTASKS,
        tests: &[S, A, A, B, B],
        results,
        verdict,
        score: Some(score),
    };
    let flat = |clause, groups, results, verdict, score| Case {
        clause,
        groups,
        tests: &[S, X, X],
        results,
        verdict,
        score: Some(score),
    };
    check(
        &[
            sub("legacy, scoring: min of each subtask, summed", "A A A A A", Accepted, 100.0),
            sub(
                "legacy, scoring: a subtask is lost with one of its tests",
                "A A A A W",
                Partial,
                30.0,
            ),
            sub("legacy, on_reject break within a subtask only", "A W - A A", Partial, 70.0),
            sub("legacy, scoring: no subtask", "A W - T -", TimeLimitExceeded, 0.0),
            sub(
                "legacy, ignore_sample: a failed sample costs nothing",
                "W A A A A",
                Accepted,
                100.0,
            ),
            flat("legacy, sum of accept_score", SUM, "A A A", Accepted, 10.0),
            flat("legacy, sum, reject_score 0 by default", SUM, "A A W", Partial, 5.0),
            flat(
                "legacy, always_accept without points is not accepted",
                SUM,
                "A W W",
                WrongAnswer,
                0.0,
            ),
            flat("legacy, avg", AVG, "A A W", Partial, 50.0),
            flat("legacy, max", MAX, "A W A", Accepted, 100.0),
            flat("legacy, max of reject_score", MAX, "A W W", Partial, 10.0),
            flat("legacy, score.txt instead of accept_score", AVG, "A A=40 A=60", Partial, 50.0),
            flat("legacy, no range: every test accepted", OPEN, "A A A", Accepted, 2.0),
            flat("legacy, no range: some tests accepted", OPEN, "A A W", Partial, 1.0),
            flat(
                "legacy, Graders: the score of a rejection is ignored",
                STRICT,
                "A A W",
                WrongAnswer,
                0.0,
            ),
        ],
        Some(Objective::Max),
    );
}

#[test]
fn legacy_minimisation() {
    const MIN: &[Group] = &[
        ("", "grader ignore_sample continue range=10..1000", &[]),
        ("sample", "grader", &[]),
        ("secret", "grader sum", &[]),
    ];
    let case = |clause, results, verdict, score| Case {
        clause,
        groups: MIN,
        tests: &[S, X, X],
        results,
        verdict,
        score: Some(score),
    };
    check(
        &[
            case(
                "legacy, objective min: the lower end of the range is the best",
                "A A=4 A=6",
                Accepted,
                10.0,
            ),
            case("legacy, objective min: more is worse", "A A=5 A=6", Partial, 11.0),
            case("legacy, objective min: rejected", "A A=5 W", WrongAnswer, 0.0),
        ],
        Some(Objective::Min),
    );
}

#[test]
fn newer_scores() {
    const ROOT: Group = ("", "grader ignore_sample continue", &[]);
    const SAMPLE: Group = ("sample", "grader", &[]);
    const FLAT: &[Group] = &[ROOT, SAMPLE, ("secret", "sum 100 continue", &[])];
    const FLAT_MIN: &[Group] = &[ROOT, SAMPLE, ("secret", "min 100", &[])];
    const FLAT_PASS: &[Group] = &[ROOT, SAMPLE, ("secret", "pass-fail 100", &[])];
    const GROUPS: &[Group] = &[
        ROOT,
        SAMPLE,
        ("secret", "sum 100 continue", &[]),
        ("secret/a", "pass-fail 40", &[]),
        ("secret/b", "sum 60 continue", &[]),
    ];
    const DEPENDENT: &[Group] = &[
        ROOT,
        SAMPLE,
        ("secret", "sum 100 continue", &[]),
        ("secret/a", "pass-fail 40", &["sample"]),
        ("secret/b", "min 60", &["secret/a"]),
    ];
    const UNBOUNDED: &[Group] = &[ROOT, SAMPLE, ("secret", "sum continue", &[])];
    const LEAST: &[Group] = &[
        ROOT,
        SAMPLE,
        ("secret", "min 50 continue", &[]),
        ("secret/a", "sum 50 continue", &[]),
        ("secret/b", "sum 50 continue", &[]),
    ];
    const ALL_PASS: &[Group] = &[
        ROOT,
        SAMPLE,
        ("secret", "pass-fail 10", &[]),
        ("secret/a", "pass-fail 1", &[]),
        ("secret/b", "pass-fail 1", &[]),
    ];
    let flat = |clause, groups, results, verdict, score| Case {
        clause,
        groups,
        tests: &[S, X, X, X, X],
        results,
        verdict,
        score: Some(score),
    };
    let grouped = |clause, groups, results, verdict, score| Case {
        clause,
        groups,
        tests: &[S, A, A, B, B],
        results,
        verdict,
        score: Some(score),
    };
    check(
        &[
            flat(
                "2025-09, Scoring problems: max_score / N each",
                FLAT,
                "A A A A A",
                Accepted,
                100.0,
            ),
            flat("2025-09: the score of a failed test is 0", FLAT, "A A W T A", Partial, 50.0),
            flat(
                "2025-09: score_multiplier.txt times the test's maximum",
                FLAT,
                "A A*0.5 A A A",
                Partial,
                87.5,
            ),
            flat("2025-09: score.txt is the score", FLAT, "A A=1 A=2 A=3 A=4", Partial, 10.0),
            flat("2025-09: sample does not contribute", FLAT, "W A A A A", Accepted, 100.0),
            flat("2025-09: no points", FLAT, "A R W T W", RuntimeError, 0.0),
            flat(
                "2025-09, min: each test's maximum is max_score",
                FLAT_MIN,
                "A A*0.7 A*0.4 A A",
                Partial,
                40.0,
            ),
            flat("2025-09, min: one failed", FLAT_MIN, "A A A W -", WrongAnswer, 0.0),
            flat("2025-09, pass-fail: all", FLAT_PASS, "A A A A A", Accepted, 100.0),
            flat("2025-09, pass-fail: not all", FLAT_PASS, "A A A A T", TimeLimitExceeded, 0.0),
            flat(
                "2025-09, unbounded: the sum of score.txt",
                UNBOUNDED,
                "A A=7 A=0.5 A=1000 A=2",
                Accepted,
                1009.5,
            ),
            flat(
                "2025-09, unbounded: with a failed test",
                UNBOUNDED,
                "A A=7 W A=1 A=2",
                Partial,
                10.0,
            ),
            grouped("2025-09, groups: sum of both", GROUPS, "A A A A A", Accepted, 100.0),
            grouped(
                "2025-09, groups: pass-fail lost, half of the other",
                GROUPS,
                "A A W A W",
                Partial,
                30.0,
            ),
            grouped("2025-09, groups: a share within one", GROUPS, "A A A A*0.1 W", Partial, 43.0),
            grouped("2025-09, Group dependencies: met", DEPENDENT, "A A A A A", Accepted, 100.0),
            grouped(
                "2025-09, Group dependencies: not run, score 0",
                DEPENDENT,
                "A W - - -",
                WrongAnswer,
                0.0,
            ),
            grouped(
                "2025-09, Group dependencies: on the sample",
                DEPENDENT,
                "W - - - -",
                WrongAnswer,
                0.0,
            ),
            grouped(
                "2025-09, Group dependencies: ignored if judged",
                DEPENDENT,
                "A W A A A",
                WrongAnswer,
                0.0,
            ),
            grouped("2025-09, secret min: the lower group", LEAST, "A A A A W", Partial, 25.0),
            grouped("2025-09, secret pass-fail: all groups", ALL_PASS, "A A A A A", Accepted, 10.0),
            grouped("2025-09, secret pass-fail: not all", ALL_PASS, "A A A A R", RuntimeError, 0.0),
        ],
        Some(Objective::Max),
    );
}

/// Nested groups, with a different rule on each level.
#[test]
fn deeper_trees() {
    const C: (&str, Option<f64>) = ("secret/a/c", None);
    const D: (&str, Option<f64>) = ("secret/a/d", None);
    const ROOT: Group = ("", "grader ignore_sample continue range=0..100", &[]);
    const NEWER: Group = ("", "grader ignore_sample continue", &[]);
    const SAMPLE: Group = ("sample", "grader", &[]);
    let case = |clause, groups, tests, results, verdict, score| Case {
        clause,
        groups,
        tests,
        results,
        verdict,
        score: Some(score),
    };
    check(
        &[
            case(
                "legacy, Test Data Groups: zero or more subgroups, the lower of two sums",
                &[
                    ROOT,
                    SAMPLE,
                    ("secret", "grader always_accept continue", &[]),
                    ("secret/a", "grader min always_accept continue", &[]),
                    ("secret/a/c", "grader sum always_accept continue accept=10", &[]),
                    ("secret/a/d", "grader sum always_accept continue accept=20", &[]),
                ],
                &[S, C, C, D, D],
                "A A A A W",
                Partial,
                20.0,
            ),
            case(
                "legacy, on_reject break of a subgroup also ends a parent with break",
                &[
                    ROOT,
                    SAMPLE,
                    ("secret", "grader accept_if_any_accepted continue", &[]),
                    ("secret/a", "grader sum", &[]),
                    ("secret/a/c", "grader sum accept=10", &[]),
                    ("secret/a/d", "grader sum accept=20", &[]),
                    ("secret/b", "grader sum accept=30", &[]),
                ],
                &[S, C, C, D, B],
                "A W - - A",
                Partial,
                30.0,
            ),
            case(
                "legacy, avg of groups: the mean of 40 and 0",
                &[
                    ROOT,
                    SAMPLE,
                    ("secret", "grader avg always_accept continue", &[]),
                    ("secret/a", "grader min accept=40", &[]),
                    ("secret/b", "grader min accept=60", &[]),
                ],
                &[S, A, A, B],
                "A A A R",
                Partial,
                20.0,
            ),
            case(
                "legacy, max of groups: the better of two ways to solve it",
                &[
                    ROOT,
                    SAMPLE,
                    ("secret", "grader max accept_if_any_accepted continue", &[]),
                    ("secret/a", "grader min accept=40", &[]),
                    ("secret/b", "grader min accept=100", &[]),
                ],
                &[S, A, A, B],
                "A A W A",
                Accepted,
                100.0,
            ),
            case(
                "legacy, reject_score: each rejected test costs one point",
                &[
                    ROOT,
                    SAMPLE,
                    ("secret", "grader sum always_accept continue accept=10 reject=-1", &[]),
                ],
                &[S, X, X, X],
                "A A W W",
                Partial,
                8.0,
            ),
            case(
                "2025-09, min of pass-fail groups",
                &[
                    NEWER,
                    SAMPLE,
                    ("secret", "min 50 continue", &[]),
                    ("secret/a", "pass-fail 50", &[]),
                    ("secret/b", "pass-fail 50", &[]),
                ],
                &[S, A, A, B],
                "A A A A",
                Accepted,
                50.0,
            ),
            case(
                "2025-09, sum with a static validation test: (max_score - static_validation_score) / N each",
                &[NEWER, SAMPLE, ("secret", "sum 100 continue", &[])],
                &[S, ("secret", Some(40.0)), X, X, X],
                "A A A W A",
                Partial,
                80.0,
            ),
            case(
                "2025-09, a chain of requirements ends at its first rejected group",
                &[
                    NEWER,
                    SAMPLE,
                    ("secret", "sum 60 continue", &[]),
                    ("secret/a", "pass-fail 10", &[]),
                    ("secret/b", "pass-fail 20", &["secret/a"]),
                    ("secret/c", "pass-fail 30", &["secret/b"]),
                ],
                &[S, A, B, ("secret/c", None)],
                "A A W -",
                Partial,
                10.0,
            ),
        ],
        Some(Objective::Max),
    );
}

/// Points of single tests, and batches that depend on others, as in Polygon and DMOJ.
#[test]
fn points_of_tests() {
    const EACH: &[Group] = &[("", "sum continue 100", &[])];
    const BATCHES: &[Group] =
        &[("", "sum continue 100", &[]), ("1", "min 40", &[]), ("2", "min 50", &["1"])];
    let own = |points| ("", Some(points));
    check(
        &[
            Case {
                clause: "Polygon, points-policy each-test",
                groups: EACH,
                tests: &[("", Some(20.0)), ("", Some(30.0)), ("", Some(50.0))],
                results: "A W A",
                verdict: Partial,
                score: Some(70.0),
            },
            Case {
                clause: "Polygon: points from the checker",
                groups: EACH,
                tests: &[("", Some(50.0)), ("", Some(50.0))],
                results: "A=12.5 A",
                verdict: Partial,
                score: Some(62.5),
            },
            Case {
                clause: "DMOJ: a batch is worth its points when all of it is accepted",
                groups: BATCHES,
                tests: &[("1", None), ("1", None), ("2", None), ("", Some(10.0))],
                results: "A A W A",
                verdict: Partial,
                score: Some(50.0),
            },
            Case {
                clause: "DMOJ: dependencies that failed",
                groups: BATCHES,
                tests: &[("1", None), ("1", None), ("2", None), ("", Some(10.0))],
                results: "A W - A",
                verdict: Partial,
                score: Some(10.0),
            },
        ],
        Some(Objective::Max),
    );
    let rubric = rubric(Some(Objective::Max), EACH, &[own(20.0), own(30.0)]);
    let beyond = results("A=21").remove(&1).unwrap();
    assert_eq!(rubric.objection(1, beyond).unwrap(), "it gave 21 points, but the maximum is 20");
    assert_eq!(rubric.objection(2, beyond), None);
}

/// 2025-09, "It is a judge error if".
#[test]
fn thirds_make_a_whole() {
    let whole = |groups: &[Group], tests: &[(&str, Option<f64>)], words: &str| {
        let rubric = rubric(Some(Objective::Max), groups, tests);
        let grade = rubric.survey(&results(words), &CustomGrades::new()).grade.expect("all judged");
        assert_eq!(grade.out_of_range, Vec::<String>::new(), "{groups:?}");
        (grade.verdict, grade.score, grade.groups.last().and_then(|group| group.score))
    };
    let third = 100.0 / 3.0;
    for parts in [3, 6, 7, 9, 11, 13, 49, 97] {
        let share = Some(100.0 / f64::from(parts));
        let tests: Vec<_> = (0..parts).map(|_| ("secret", share)).collect();
        let words = "A ".repeat(parts as usize);
        let older: &[Group] = &[("", "grader range=0..100", &[]), ("secret", "grader", &[])];
        let newer: &[Group] = &[("", "sum 100", &[]), ("secret", "sum 100", &[])];
        for groups in [older, newer] {
            let found = whole(groups, &tests, &words);
            assert_eq!(found, (Accepted, Some(100.0), Some(100.0)), "{parts} {groups:?}");
        }
        // The rest of the group's points is shared equally among its tests.
        let tests: Vec<_> = (0..parts).map(|_| ("secret", None)).collect();
        let found = whole(newer, &tests, &words);
        assert_eq!(found, (Accepted, Some(100.0), Some(100.0)), "{parts}");
    }
    // Each group is worth a third, and each of its tests a third of that.
    let nested: &[Group] = &[
        ("", "grader range=0..100", &[]),
        ("a", "grader", &[]),
        ("b", "grader", &[]),
        ("c", "grader", &[]),
    ];
    let tests: Vec<_> =
        ["a", "b", "c"].into_iter().flat_map(|group| [(group, Some(third / 3.0)); 3]).collect();
    let found = whole(nested, &tests, &"A ".repeat(9));
    assert_eq!(found, (Accepted, Some(100.0), Some(33.333_333)));
    // The older grader rounds to six decimal places, so this counts as the whole.
    let tests = [("secret", Some(33.333_333_3)); 3];
    let older: &[Group] = &[("", "grader range=0..100", &[]), ("secret", "grader", &[])];
    assert_eq!(whole(older, &tests, "A A A"), (Accepted, Some(100.0), Some(100.0)));
    let tests = [("secret", Some(0.1)), ("secret", Some(0.2))];
    let open: &[Group] = &[("", "grader", &[]), ("secret", "grader", &[])];
    assert_eq!(whole(open, &tests, "A A"), (Accepted, Some(0.3), Some(0.3)));
    // The validator gives a share of a test's points.
    let newer: &[Group] = &[("", "sum 1", &[]), ("secret", "sum 1", &[])];
    let found = whole(newer, &[("secret", None), ("secret", None)], "A*0.2 A*0.4");
    assert_eq!(found, (Partial, Some(0.3), Some(0.3)));
}

#[test]
fn scores_that_validators_may_not_give() {
    const GROUPS: &[Group] = &[
        ("", "grader ignore_sample continue", &[]),
        ("secret", "sum continue", &[]),
        ("secret/a", "pass-fail 40", &[]),
        ("secret/b", "sum continue", &[]),
    ];
    let rubric = rubric(Some(Objective::Max), GROUPS, &[A, B]);
    let objection = |number, word| rubric.objection(number, results(word)[&1]);
    assert_eq!(objection(1, "A"), None);
    assert!(objection(1, "A=1").unwrap().contains("passed or failed"));
    assert!(objection(2, "A").unwrap().contains("gave no score"));
    assert!(objection(2, "A*0.5").unwrap().contains("no bound"));
    assert!(objection(2, "W=1").unwrap().contains("rejected output"));
    assert_eq!(objection(2, "A=1000"), None);
    assert_eq!(objection(2, "W"), None);
}

/// 2025-09: "It is a judge error if the score of `secret` or any test data group exceeds its
/// `max_score`."
#[test]
fn a_group_that_exceeds_its_maximum_score_is_reported() {
    const GROUPS: &[Group] = &[
        ("", "grader ignore_sample continue", &[]),
        ("secret", "sum 10 continue", &[]),
        ("secret/a", "pass-fail 20", &[]),
    ];
    let rubric = rubric(Some(Objective::Max), GROUPS, &[A]);
    let grade = rubric.survey(&results("A"), &CustomGrades::new()).grade.unwrap();
    assert_eq!(grade.impossible_score(), Some("secret scored 20, which is out of its range"));
}

#[test]
fn a_custom_grader_is_asked_for_when_its_group_is_known() {
    const GROUPS: &[Group] = &[
        ("", "grader ignore_sample continue range=0..100", &[]),
        ("sample", "grader", &[]),
        ("secret", "custom continue accept=5", &[]),
    ];
    let rubric = rubric(Some(Objective::Max), GROUPS, &[S, X, X]);
    let none = CustomGrades::new();
    assert_eq!(rubric.survey(&results("A A -"), &none).grader, None);
    let survey = rubric.survey(&results("A A W"), &none);
    assert_eq!(survey.grade, None);
    let call = survey.grader.unwrap();
    let grade = |verdict, score| GroupGrade { verdict, score };
    assert_eq!(
        (call.group, call.results),
        (2, vec![grade(Accepted, 5.0), grade(WrongAnswer, 0.0)])
    );
    let graded = CustomGrades::from([(2, grade(Accepted, 42.0))]);
    let found = rubric.survey(&results("A A W"), &graded).grade.unwrap();
    assert_eq!((found.verdict, found.score), (Partial, Some(42.0)));
    let graded = CustomGrades::from([(2, grade(WrongAnswer, 42.0))]);
    let found = rubric.survey(&results("A A W"), &graded).grade.unwrap();
    assert_eq!((found.verdict, found.score), (WrongAnswer, Some(0.0)));
}

#[test]
fn tests_wait_for_tests_that_could_make_them_unnecessary() {
    const GROUPS: &[Group] = &[
        ("", "grader ignore_sample continue", &[]),
        ("sample", "grader", &[]),
        ("secret", "sum 100 continue", &[]),
        ("secret/a", "pass-fail 40", &[]),
        ("secret/b", "min 60", &["secret/a"]),
    ];
    let rubric = rubric(Some(Objective::Max), GROUPS, &[S, A, A, B, B]);
    let states = |words| {
        let survey = rubric.survey(&results(words), &CustomGrades::new());
        let letter = |state: &TestState| match state {
            TestState::Judged => 'j',
            TestState::Ready => 'r',
            TestState::Waiting => 'w',
            TestState::Skipped => 's',
        };
        survey.states.iter().map(letter).collect::<String>()
    };
    assert_eq!(states("- - - - -"), "rrwww");
    assert_eq!(states("A A - - -"), "jjrww");
    assert_eq!(states("A A A - -"), "jjjrw");
    assert_eq!(states("A W - - -"), "jjsss");
    assert_eq!(states("W A A W -"), "jjjjs");
}

#[test]
fn groups_that_form_no_tree_are_reported() {
    let group = |name: &str, parent| TestGroup {
        name: name.to_owned(),
        parent,
        ..TestGroup::root(OnFailure::Stop)
    };
    let flaws = |groups, slot| Grading { objective: None, groups }.flaws(&[slot]);
    let slot = Slot { group: 0, points: None };
    assert_eq!(flaws(vec![], slot).len(), 2);
    assert_eq!(flaws(vec![group("", None), group("a", Some(0))], slot), Vec::<String>::new());
    assert_eq!(
        flaws(vec![group("", None), group("a", Some(1))], slot),
        ["the group a must come after its parent group"]
    );
    let itself = TestGroup { require_pass: vec![1], ..group("a", Some(0)) };
    let within = Slot { group: 1, points: None };
    assert_eq!(
        flaws(vec![group("", None), itself.clone()], within),
        ["the group a requires the group a, which must come before it"]
    );
    let inner = TestGroup { require_pass: vec![1], ..group("a/b", Some(1)) };
    assert_eq!(
        flaws(vec![group("", None), group("a", Some(0)), inner], within),
        ["the group a/b requires the group a, which must come before it"]
    );
    assert_eq!(
        flaws(
            vec![
                group("", None),
                group("a", Some(0)),
                TestGroup { name: "b".to_owned(), ..itself }
            ],
            slot
        ),
        ["the group a is required but has no tests"]
    );
    let far = Slot { group: 7, points: Some(f64::NAN) };
    assert_eq!(
        flaws(vec![group("", None)], far),
        ["every test must be in a group and have finite points"]
    );
}

#[test]
fn what_is_missing_is_taken_to_be_of_one_verdict() {
    let group = |on_reject, verdict| TestGroup {
        rule: Rule::Grader {
            verdict,
            score: ScoreMode::Sum,
            ignore_sample: false,
            accept_if_any_accepted: false,
            scores: TestScores::default(),
        },
        ..TestGroup::root(on_reject)
    };
    let (stop, go_on) = (OnFailure::Stop, OnFailure::Continue);
    let (worst, first) = (VerdictMode::WorstError, VerdictMode::FirstError);
    // Known results, the verdict of the rest, and the resulting verdict.
    let cases = [
        (stop, worst, vec![], Accepted, Accepted),
        (stop, worst, vec![], TimeLimitExceeded, TimeLimitExceeded),
        (stop, worst, vec![(1, Accepted)], WrongAnswer, WrongAnswer),
        (stop, worst, vec![(1, WrongAnswer)], RuntimeError, WrongAnswer),
        (go_on, worst, vec![(1, WrongAnswer)], Accepted, WrongAnswer),
        (go_on, worst, vec![(1, WrongAnswer)], RuntimeError, RuntimeError),
        (go_on, worst, vec![(1, RuntimeError)], WrongAnswer, RuntimeError),
        (go_on, first, vec![(1, WrongAnswer)], RuntimeError, WrongAnswer),
        (go_on, first, vec![(2, WrongAnswer)], RuntimeError, RuntimeError),
        (go_on, VerdictMode::AlwaysAccept, vec![(1, WrongAnswer)], RuntimeError, Accepted),
    ];
    let slots = vec![Slot { group: 0, points: None }; 3];
    let none = CustomGrades::new();
    for (on_reject, mode, known, rest, verdict) in cases {
        let grading = Grading { objective: None, groups: vec![group(on_reject, mode)] };
        let rubric = Rubric::new(grading, slots.clone());
        let result = |(number, verdict): &(u32, Verdict)| {
            (*number, TestResult { verdict: *verdict, score: None })
        };
        let known = known.iter().map(result).collect();
        let grade = rubric.completed(&known, &none, rest).unwrap();
        assert_eq!(grade.verdict, verdict, "{on_reject:?} {mode:?} {known:?} {rest:?}");
    }
    // Scores, and results of the package's own grader, do not follow from verdicts.
    let scored = Grading { objective: Some(Objective::Max), groups: vec![group(go_on, worst)] };
    let rubric = Rubric::new(scored, slots.clone());
    assert_eq!(rubric.completed(&BTreeMap::new(), &none, Accepted), None);
    let rule = Rule::Custom { flags: vec![], scores: TestScores::default() };
    let custom = vec![TestGroup { rule, ..TestGroup::root(go_on) }];
    let rubric = Rubric::new(Grading { objective: None, groups: custom }, slots);
    assert_eq!(rubric.completed(&BTreeMap::new(), &none, Accepted), None);
}

proptest! {
    /// Judging only the ready tests, in any order, gives the same grade as judging all.
    #[test]
    fn the_order_of_judging_does_not_matter(
        verdicts in proptest::collection::vec(0..4u8, 7),
        order in proptest::collection::vec(0..7usize, 40),
        stops in proptest::collection::vec(any::<bool>(), 4),
    ) {
        let on_reject = |stop| if stop { OnFailure::Stop } else { OnFailure::Continue };
        let named = |name: &str, parent, stop| TestGroup {
            name: name.to_owned(), parent, ..TestGroup::root(on_reject(stop))
        };
        let groups = vec![
            named("", None, stops[0]), named("sample", Some(0), stops[1]),
            named("secret", Some(0), stops[2]), named("secret/a", Some(2), stops[3]),
        ];
        let slots = [1, 1, 2, 3, 3, 2, 2].map(|group| Slot { group, points: None }).to_vec();
        let rubric = Rubric::new(Grading { objective: None, groups }, slots);
        let all: BTreeMap<u32, TestResult> = (1..).zip(&verdicts).map(|(number, verdict)| {
            let verdict = [Accepted, Accepted, WrongAnswer, RuntimeError][*verdict as usize];
            (number, TestResult { verdict, score: None })
        }).collect();
        let none = CustomGrades::new();
        let mut known = BTreeMap::new();
        let mut order = order.into_iter().cycle();
        let grade = loop {
            let survey = rubric.survey(&known, &none);
            if let Some(grade) = survey.grade { break grade; }
            let ready: Vec<u32> = (1..).zip(&survey.states)
                .filter(|(_, state)| **state == TestState::Ready).map(|(number, _)| number).collect();
            prop_assert!(!ready.is_empty());
            let number = ready[order.next().unwrap() % ready.len()];
            known.insert(number, all[&number]);
        };
        prop_assert_eq!(Some(grade), rubric.survey(&all, &none).grade);
    }
}
