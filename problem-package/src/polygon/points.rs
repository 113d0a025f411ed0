//! Points and groups of tests.
//!
//! A problem without points is pass-fail even if it has groups: Polygon then uses them only for the
//! statement and the validators. A group may depend on a later one, so groups are reordered to put
//! dependencies first.

use std::collections::BTreeMap;

use domain::grading::{Aggregation, Grading, Objective, OnFailure, Rule, TestGroup};

use crate::diagnostic::{Report, quote};
use crate::xml::Element;

/// The group and points of a test.
pub(super) struct Worth {
    pub(super) group: Option<String>,
    pub(super) points: Option<f64>,
}

/// The grading of the tests.
pub(super) struct Graded {
    pub(super) grading: Grading,
    /// The tests in judging order, as indices in the package's order.
    pub(super) order: Vec<usize>,
    /// For each test in the package's order: the index of its group, and its points.
    pub(super) slots: Vec<(u32, Option<f64>)>,
}

/// A group of the package.
#[derive(Default)]
struct Group<'a> {
    name: String,
    element: Option<Element<'a>>,
    /// Whether the group scores all points or none.
    is_complete: bool,
    points: Option<f64>,
    requires: Vec<String>,
}

/// Reads the grading of the tests. `None` if the problem is pass-fail, or if there are errors.
pub(super) fn read(testset: Element<'_>, tests: &[Worth], report: &mut Report) -> Option<Graded> {
    let elements = testset.child("groups").into_iter().flat_map(|groups| groups.children("group"));
    let mut groups: Vec<Group<'_>> = Vec::new();
    for element in elements {
        let Some(group) = group(element, report) else { continue };
        if groups.iter().any(|earlier| earlier.name == group.name) {
            let message = format!("the group {} occurs twice", quote(&group.name));
            report.error(element.place(), message, "one group of each name");
        } else {
            groups.push(group);
        }
    }
    check_requirements(&groups, report);
    for name in tests.iter().filter_map(|test| test.group.as_ref()) {
        if !groups.iter().any(|group| group.name == *name) {
            groups.push(Group { name: name.clone(), ..Group::default() });
        }
    }
    let in_order = in_order(groups, tests, report)?;
    let is_positive = |points: Option<f64>| points.is_some_and(|points| points > 0.0);
    let has_points = tests.iter().any(|test| is_positive(test.points))
        || in_order.iter().any(|group| group.is_complete && is_positive(group.points));
    has_points.then(|| grade(&in_order, tests, report))
}

fn group<'a>(element: Element<'a>, report: &mut Report) -> Option<Group<'a>> {
    let name = element.required("name", report)?.to_owned();
    let points = element.number("points", report);
    let is_complete = match element.attribute("points-policy") {
        Some("complete-group") => true,
        Some("each-test") => false,
        None => points.is_some(),
        Some(other) => {
            let message = format!("`points-policy` is {}", quote(other));
            report.error(element.place(), message, "complete-group or each-test");
            false
        }
    };
    let requires = element.child("dependencies").into_iter().flat_map(|all| all.elements());
    let requires =
        requires.filter_map(|one| one.required("group", report)).map(str::to_owned).collect();
    Some(Group { name, element: Some(element), is_complete, points, requires })
}

fn check_requirements(groups: &[Group<'_>], report: &mut Report) {
    for group in groups {
        let Some(element) = group.element else { continue };
        for required in &group.requires {
            let name = quote(&group.name);
            let message = if *required == group.name {
                format!("the group {name} depends on itself")
            } else if groups.iter().any(|other| other.name == *required) {
                continue;
            } else {
                format!("the group {name} depends on {}, which does not exist", quote(required))
            };
            report.error(element.place(), message, "another group");
        }
    }
}

/// Orders the groups: dependencies first, otherwise by their first tests.
fn in_order<'a>(
    mut groups: Vec<Group<'a>>,
    tests: &[Worth],
    report: &mut Report,
) -> Option<Vec<Group<'a>>> {
    let first = |group: &Group<'_>| {
        tests.iter().position(|test| test.group.as_ref() == Some(&group.name)).unwrap_or(usize::MAX)
    };
    groups.sort_by_key(first);
    let mut ordered: Vec<Group<'a>> = Vec::with_capacity(groups.len());
    while !groups.is_empty() {
        let is_free = |group: &Group<'_>| {
            group.requires.iter().all(|required| {
                required == &group.name || !groups.iter().any(|other| other.name == *required)
            })
        };
        let Some(next) = groups.iter().position(is_free) else {
            let group = &groups[0];
            // Only a group with an element has dependencies.
            if let Some(element) = group.element {
                let name = quote(&group.name);
                let message = format!("the group {name} depends on itself through other groups");
                report.error(element.place(), message, "dependencies without a cycle");
            }
            return None;
        };
        ordered.push(groups.remove(next));
    }
    Some(ordered)
}

fn grade(groups: &[Group<'_>], tests: &[Worth], report: &mut Report) -> Graded {
    let with_tests: Vec<&Group<'_>> = groups
        .iter()
        .filter(|group| tests.iter().any(|test| test.group.as_ref() == Some(&group.name)))
        .collect();
    // The root is group 0.
    let places: BTreeMap<&str, u32> =
        (1..).zip(&with_tests).map(|(place, group)| (group.name.as_str(), place)).collect();
    let mut grading = Grading {
        objective: Some(Objective::Max),
        groups: vec![TestGroup {
            rule: Rule::Aggregate { aggregation: Aggregation::Sum, max_score: None },
            ..TestGroup::root(OnFailure::Continue)
        }],
    };
    let of_tests = |group: &str| -> f64 {
        tests
            .iter()
            .filter(|test| test.group.as_deref() == Some(group))
            .filter_map(|test| test.points)
            .sum()
    };
    let ungrouped = tests.iter().filter(|test| test.group.is_none());
    let mut total: f64 = ungrouped.filter_map(|test| test.points).sum();
    for group in &with_tests {
        let mut max = of_tests(&group.name);
        let given = group.element.zip(group.points);
        if let Some((element, points)) =
            given.filter(|(_, points)| group.is_complete && *points != max)
        {
            if max > 0.0 {
                let message = format!(
                    "the group {} has {points} points, but its tests have {max}",
                    quote(&group.name)
                );
                report.warning(
                    element.place(),
                    message,
                    "the same; the points of its tests are used",
                );
            } else {
                max = points;
            }
        }
        total += max;
        let aggregation = if group.is_complete { Aggregation::PassFail } else { Aggregation::Sum };
        grading.groups.push(TestGroup {
            name: group.name.clone(),
            parent: Some(0),
            on_reject: if group.is_complete { OnFailure::Stop } else { OnFailure::Continue },
            require_pass: required(group, groups, &places),
            rule: Rule::Aggregate { aggregation, max_score: Some(max) },
        });
    }
    grading.groups[0].rule =
        Rule::Aggregate { aggregation: Aggregation::Sum, max_score: Some(total) };

    let slot = |test: &Worth| {
        let group = test.group.as_deref().and_then(|name| places.get(name)).copied().unwrap_or(0);
        let is_complete = group > 0 && with_tests[group as usize - 1].is_complete;
        (group, (!is_complete).then(|| test.points.unwrap_or(0.0)))
    };
    let slots: Vec<_> = tests.iter().map(slot).collect();
    let mut order: Vec<usize> = (0..tests.len()).collect();
    order.sort_by_key(|at| slots[*at].0);
    Graded { grading, order, slots }
}

/// The indices of the groups with tests that a group requires, also through groups without tests.
fn required(group: &Group<'_>, groups: &[Group<'_>], places: &BTreeMap<&str, u32>) -> Vec<u32> {
    let mut found = Vec::new();
    let mut open: Vec<&str> = group.requires.iter().map(String::as_str).collect();
    let mut seen: Vec<&str> = Vec::new();
    while let Some(name) = open.pop() {
        if name == group.name || seen.contains(&name) {
            continue;
        }
        seen.push(name);
        match places.get(name) {
            Some(place) => found.push(*place),
            None => {
                let empty = groups.iter().find(|other| other.name == name);
                open.extend(
                    empty.into_iter().flat_map(|group| &group.requires).map(String::as_str),
                );
            }
        }
    }
    found
}
