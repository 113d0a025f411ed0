//! Expected results of a `test.yml`: `expect`, `cases`, `score` and `score_cases`.
//!
//! All four apply to single test cases, numbered from 1 in judging order.

use std::collections::{BTreeMap, BTreeSet};

use domain::Verdict;

use super::cases::Outline;
use crate::diagnostic::{Report, quote};
use crate::fields::Field;
use crate::package::{Rule, TimeLimitUse};
use crate::yaml::{Node, Value};

/// The allowed verdicts of a test case; empty if it must not run.
type Verdicts = BTreeSet<Verdict>;

/// The expected results of a program.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expectation {
    /// Verdicts of the whole submission that are right regardless of the rules.
    pub(super) expected: BTreeSet<Verdict>,
    pub(super) rules: Vec<Rule>,
    /// The minimum and maximum score.
    pub(super) score: Option<(f64, f64)>,
}

/// Reads the expected results. Returns `None` and a warning if there is nothing to check.
pub(super) fn read<'a>(
    field: impl Fn(&'a str) -> Option<Field<'a>>,
    outline: &Outline,
    report: &mut Report,
) -> Option<Expectation> {
    let all = match field("expect") {
        Some(field) => Codes::read(field, report)?,
        None => Codes { verdicts: [Verdict::Accepted].into(), compile_error: false, is_any: false },
    };
    let cases = match field("cases") {
        Some(field) => of_cases(field, report, Codes::read)?,
        None => BTreeMap::new(),
    };
    let score = score(&field, outline, report);
    if all.is_any && cases.is_empty() && score.is_none() {
        let at = field("expect")?;
        let message = "the code \"*\" cannot be checked, so the submission is ignored";
        report.warning((at.path, at.position()), message, EXPECTED_CODE);
        return None;
    }
    let accepted: Verdicts = [Verdict::Accepted].into();
    let is_accepted =
        all.verdicts == accepted && cases.values().all(|case| case.verdicts == accepted);
    let mut expected = BTreeSet::new();
    if all.compile_error {
        expected.insert(Verdict::CompileError);
    }
    if is_accepted {
        expected.insert(Verdict::Accepted);
    }
    // A program that must not compile runs on no test case.
    let rules = match all.compile_error && all.verdicts.is_empty() {
        true => vec![],
        false => rules(&all.verdicts, &cases, outline, is_accepted),
    };
    let score = score.filter(|_| !rules.is_empty());
    Some(Expectation { expected, rules, score })
}

const EXPECTED_CODE: &str = "AC, WA, TLE, MLE, OLE, RTE, IR, CE or SC";

/// The result codes of one test case, or of all of them.
struct Codes {
    verdicts: Verdicts,
    compile_error: bool,
    /// Whether any result is allowed (`*`).
    is_any: bool,
}

impl Codes {
    /// Returns `None` and a warning if a code cannot be checked.
    fn read(field: Field<'_>, report: &mut Report) -> Option<Self> {
        let codes = field.texts(report);
        if matches!(&field.node.value, Value::Text(text) if text == "*") {
            return Some(Self {
                verdicts: Verdict::OF_TESTS.into(),
                compile_error: true,
                is_any: true,
            });
        }
        let mut found = Self { verdicts: BTreeSet::new(), compile_error: false, is_any: false };
        for code in codes {
            let of_code: &[Verdict] = match code.as_str() {
                "AC" => &[Verdict::Accepted],
                "WA" => &[Verdict::WrongAnswer, Verdict::PresentationError],
                "TLE" => &[Verdict::TimeLimitExceeded],
                "MLE" => &[Verdict::MemoryLimitExceeded],
                "OLE" => &[Verdict::OutputLimitExceeded],
                "RTE" | "IR" => &[Verdict::RuntimeError],
                // A case that does not run has no verdict.
                "SC" => &[],
                "CE" => {
                    found.compile_error = true;
                    &[]
                }
                _ => {
                    let message = format!(
                        "the code {} cannot be checked, so the submission is ignored",
                        quote(&code)
                    );
                    report.warning((field.path, field.position()), message, EXPECTED_CODE);
                    return None;
                }
            };
            found.verdicts.extend(of_code);
        }
        Some(found)
    }
}

/// Reads values for single cases, by case number. `None` if one of them is invalid.
fn of_cases<T>(
    field: Field<'_>,
    report: &mut Report,
    read: impl Fn(Field<'_>, &mut Report) -> Option<T>,
) -> Option<BTreeMap<usize, T>> {
    let nodes: Vec<(usize, &Node)> = match &field.node.value {
        Value::List(nodes) => (1..).zip(nodes).collect(),
        Value::Map(entries) => {
            let number = |text: &str| text.trim().parse().ok();
            entries.iter().filter_map(|(key, node)| Some((number(&key.text)?, node))).collect()
        }
        _ => {
            field.error(report, "a list with an entry for each case, or a map from their numbers");
            return None;
        }
    };
    nodes
        .into_iter()
        .map(|(case, node)| Some((case, read(Field { node, ..field }, report)?)))
        .collect()
}

fn rules(
    all: &Verdicts,
    cases: &BTreeMap<usize, Codes>,
    outline: &Outline,
    is_accepted: bool,
) -> Vec<Rule> {
    let rule = |scope: &str, verdicts: &Verdicts| {
        let mut permitted = verdicts.clone();
        // DMOJ calls partial points a wrong answer; here the test is accepted.
        if outline.part_is_wrong && permitted.contains(&Verdict::WrongAnswer) {
            permitted.insert(Verdict::Accepted);
        }
        Rule {
            scope: scope.to_owned(),
            permitted,
            // Requires nothing beyond `permitted`, because a test case may be skipped.
            required: Verdict::OF_TESTS.into(),
            score: None,
            message: None,
            time_limit: if is_accepted { TimeLimitUse::Lower } else { TimeLimitUse::None },
        }
    };
    if cases.values().all(|case| case.verdicts == *all) {
        return vec![rule("", all)];
    }
    // Test cases with the same input have the same name.
    let mut of_names: BTreeMap<&str, Verdicts> = BTreeMap::new();
    for (number, case) in (1..).zip(&outline.cases) {
        let verdicts = cases.get(&number).map_or(all, |codes| &codes.verdicts);
        of_names.entry(&case.name).or_default().extend(verdicts);
    }
    of_names.into_iter().map(|(name, verdicts)| rule(name, &verdicts)).collect()
}

/// The minimum and maximum score of the whole program, computed from its cases.
fn score<'a>(
    field: &impl Fn(&'a str) -> Option<Field<'a>>,
    outline: &Outline,
    report: &mut Report,
) -> Option<(f64, f64)> {
    let (all, cases) = (field("score"), field("score_cases"));
    if all.is_none() && cases.is_none() {
        return None;
    }
    let all = all.map_or(Some(None), |field| points(field, report))?;
    let cases = cases.map_or(Some(BTreeMap::new()), |field| of_cases(field, report, points))?;
    let mut least_and_most = (0.0, 0.0);
    let mut batches: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for (number, case) in (1..).zip(&outline.cases) {
        let given = cases.get(&number).copied().flatten().or(all);
        let (least, most) = given.unwrap_or((0.0, case.points));
        match case.batch {
            // A batch scores the minimum of its cases.
            Some(batch) => {
                let of_batch = batches.entry(batch).or_insert((least, most));
                *of_batch = (of_batch.0.min(least), of_batch.1.min(most));
            }
            None => least_and_most = (least_and_most.0 + least, least_and_most.1 + most),
        }
    }
    let add = |sum: (f64, f64), of_batch: (f64, f64)| (sum.0 + of_batch.0, sum.1 + of_batch.1);
    Some(batches.into_values().fold(least_and_most, add))
}

/// The minimum and maximum points of a case; `Some(None)` if any are allowed.
fn points(field: Field<'_>, report: &mut Report) -> Option<Option<(f64, f64)>> {
    let nodes = match &field.node.value {
        Value::Null => return Some(None),
        Value::Text(text) if text == "*" => return Some(None),
        Value::List(nodes) => nodes.iter().collect(),
        _ => vec![field.node],
    };
    let mut range: Option<(f64, f64)> = None;
    for node in nodes {
        let points = match &node.value {
            Value::Integer(points) => Some(*points as f64),
            Value::Text(text) => text.trim().parse::<i64>().ok().map(|points| points as f64),
            _ => None,
        };
        let Some(points) = points else {
            Field { node, ..field }.error(report, "a whole number of points, or a list of them");
            return None;
        };
        let (least, most) = range.unwrap_or((points, points));
        range = Some((least.min(points), most.max(points)));
    }
    Some(range)
}
