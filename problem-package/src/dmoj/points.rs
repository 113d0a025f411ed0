//! Points: cases add up, a batch scores the minimum of its cases, and cases worth nothing must
//! pass.

use domain::grading::{Aggregation, Grading, Objective, OnFailure, Rule, TestGroup};
use domain::problem::Test;

use super::cases::Unit;
use super::checker::Judge;
use super::config::FILE;
use crate::diagnostic::Report;

/// The tests in judging order and their grading.
pub(super) struct Graded {
    pub(super) grading: Grading,
    pub(super) tests: Vec<Test>,
}

/// The groups while they are built.
struct Groups {
    groups: Vec<TestGroup>,
    /// Groups that must pass before later ones are judged.
    gates: Vec<u32>,
    /// The number of each batch and the index of its group.
    batches: Vec<(u32, u32)>,
    tests: Vec<Test>,
}

pub(super) fn grade(units: Vec<Unit>, judge: &Judge, report: &mut Report) -> Graded {
    let total: f64 = units.iter().map(|unit| unit.points).sum();
    if total <= 0.0 {
        if judge.is_partial {
            report.warning(
                FILE,
                "the checker gives points, but no test case is worth any",
                "`points`",
            );
        }
        let tests = units.into_iter().flat_map(|unit| unit.tests).collect();
        return Graded { grading: Grading::pass_fail(OnFailure::Stop), tests };
    }
    let root = TestGroup {
        rule: Rule::Aggregate { aggregation: Aggregation::Sum, max_score: Some(total) },
        ..TestGroup::root(OnFailure::Continue)
    };
    let mut groups = Groups { groups: vec![root], gates: vec![], batches: vec![], tests: vec![] };
    let (pretests, units): (Vec<_>, Vec<_>) = units.into_iter().partition(|unit| unit.is_pretest);
    if !pretests.is_empty() {
        let gate = groups.add("pretests", OnFailure::Stop, Aggregation::PassFail, 0.0);
        groups.put(gate, pretests.into_iter().flat_map(|unit| unit.tests), None);
        groups.gates.push(gate);
    }
    // The group of single cases since the last gate or batch, if they cannot be in the root.
    let mut open: Option<u32> = None;
    let mut gates = 0;
    for unit in units {
        if unit.tests.is_empty() {
            continue;
        }
        if let Some(number) = unit.batch {
            open = None;
            let requires = groups.places_of(&unit.dependencies);
            let name = format!("batch-{number}");
            let group = groups.add(&name, OnFailure::Stop, Aggregation::Min, unit.points);
            groups.groups[group as usize].require_pass.extend(requires);
            groups.put(group, unit.tests.into_iter(), None);
            groups.batches.push((number, group));
            if unit.points == 0.0 {
                groups.gates.push(group);
            }
        } else if unit.points == 0.0 {
            open = None;
            gates += 1;
            let gate =
                groups.add(&format!("gate-{gates}"), OnFailure::Stop, Aggregation::PassFail, 0.0);
            groups.put(gate, unit.tests.into_iter(), None);
            groups.gates.push(gate);
        } else if groups.gates.is_empty() {
            groups.put(0, unit.tests.into_iter(), Some(unit.points));
        } else {
            let group = open.unwrap_or_else(|| {
                let name = format!("cases-{}", groups.tests.len() + 1);
                groups.add(&name, OnFailure::Continue, Aggregation::Sum, 0.0)
            });
            open = Some(group);
            groups.put(group, unit.tests.into_iter(), Some(unit.points));
            if let Rule::Aggregate { max_score: Some(max), .. } =
                &mut groups.groups[group as usize].rule
            {
                *max += unit.points;
            }
        }
    }
    Graded {
        grading: Grading { objective: Some(Objective::Max), groups: groups.groups },
        tests: groups.tests,
    }
}

impl Groups {
    /// Adds a group that requires all gates so far.
    fn add(&mut self, name: &str, on_reject: OnFailure, aggregation: Aggregation, max: f64) -> u32 {
        let place = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push(TestGroup {
            name: name.to_owned(),
            parent: Some(0),
            on_reject,
            require_pass: self.gates.clone(),
            rule: Rule::Aggregate { aggregation, max_score: Some(max) },
        });
        place
    }

    fn put(&mut self, group: u32, tests: impl Iterator<Item = Test>, points: Option<f64>) {
        self.tests.extend(tests.map(|test| Test { group, points, ..test }));
    }

    fn places_of(&self, batches: &[u32]) -> Vec<u32> {
        let is_asked = |(number, _): &&(u32, u32)| batches.contains(number);
        self.batches.iter().filter(is_asked).map(|(_, place)| *place).collect()
    }
}
