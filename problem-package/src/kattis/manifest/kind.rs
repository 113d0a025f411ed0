//! Reads `type`, `validation` and `grading`: how submissions are judged.

use domain::grading::{Objective, OnFailure};

use super::content::{FILE, Manifest, OlderGrading, Validation};
use crate::diagnostic::{Report, quote};
use crate::fields::Field;

/// The values of `type`.
const TYPES: [&str; 5] = ["pass-fail", "scoring", "multi-pass", "interactive", "submit-answer"];

/// Types that exclude each other.
const INCOMPATIBLE: [(&str, &str); 3] =
    [("pass-fail", "scoring"), ("multi-pass", "submit-answer"), ("interactive", "submit-answer")];

pub(super) fn read_type(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    manifest.place("type", field);
    let words = field.texts(report);
    if words.is_empty() {
        field.error(report, &TYPES.join(", "));
    }
    for (place, word) in words.iter().enumerate() {
        let kind = &mut manifest.kind;
        match word.as_str() {
            "pass-fail" => {}
            "scoring" => kind.is_scoring = true,
            "interactive" => kind.is_interactive = true,
            "multi-pass" => kind.is_multi_pass = true,
            "submit-answer" => {
                let expected = "a problem that is solved by a program";
                field.not_supported(report, "submit-answer problems are", expected);
            }
            _ => {
                let message = format!("unknown type {}", quote(word));
                report.error((FILE, field.position()), message, TYPES.join(", "));
            }
        }
        if words[..place].contains(word) {
            let message = format!("the type {} occurs twice", quote(word));
            report.warning((FILE, field.position()), message, "each type once");
        }
    }
    for (one, other) in INCOMPATIBLE {
        if [one, other].iter().all(|word| words.iter().any(|known| known == word)) {
            let message = format!("a problem cannot be both {one} and {other}");
            report.error((FILE, field.position()), message, "one of them");
        }
    }
}

pub(super) fn read_validation(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    manifest.place("validation", field);
    if field.is_null() {
        return;
    }
    let Some(text) = field.text(report) else { return };
    let mut words = text.split_whitespace();
    manifest.validation = match words.next() {
        Some("default") => Some(Validation::Default),
        Some("custom") => Some(Validation::Custom),
        _ => {
            field.error(report, "default, or custom and then interactive, score or both");
            return;
        }
    };
    for word in words {
        match word {
            _ if manifest.validation == Some(Validation::Default) => {
                field.error(report, "nothing after default");
            }
            "interactive" => manifest.kind.is_interactive = true,
            "multi-pass" => manifest.kind.is_multi_pass = true,
            // A validator may always report a score; it counts if the problem is scored.
            "score" => {}
            _ => field.error(report, "interactive or score after custom"),
        }
    }
}

pub(super) fn read_grading(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    manifest.place("grading", field);
    for (key, node) in field.map(report) {
        let name = format!("grading.{}", key.text);
        let field = Field { key: &name, node, ..field };
        if field.is_null() {
            continue;
        }
        let grading = &mut manifest.grading;
        match key.text.as_str() {
            "objective" => match field.text(report).as_deref() {
                Some("max") => grading.objective = Some(Objective::Max),
                Some("min") => grading.objective = Some(Objective::Min),
                _ => field.error(report, "min or max"),
            },
            // Groups of a scored problem are always shown.
            "show_test_data_groups" => drop(field.boolean(report)),
            "on_reject" => match field.text(report).as_deref() {
                Some("first_error") => grading.on_reject = Some(OnFailure::Stop),
                Some("grade") => grading.on_reject = Some(OnFailure::Continue),
                Some("worst_error") => {}
                _ => field.error(report, "first_error, worst_error or grade"),
            },
            "accept_score" => grading.accept_score = field.number(report, "a number"),
            "reject_score" => grading.reject_score = field.number(report, "a number"),
            "range" => grading.range = range(field, report),
            _ => manifest.version.unknown_key(FILE, key, &name, report),
        }
    }
}

/// Reads two numbers. An infinite one means no bound.
pub(in crate::kattis) fn range(
    field: Field<'_>,
    report: &mut Report,
) -> Option<(Option<f64>, Option<f64>)> {
    let words: Vec<String> = match &field.node.value {
        crate::yaml::Value::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
        _ => field.texts(report),
    };
    let numbers: Vec<f64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let finite = |number: f64| number.is_finite().then_some(number);
    match numbers[..] {
        [min, max] if words.len() == 2 && min <= max => Some((finite(min), finite(max))),
        _ => {
            field.error(report, "two numbers such as `0 100`, the smaller first");
            None
        }
    }
}

/// Checks keys that exclude each other.
pub(super) fn check(manifest: &mut Manifest, report: &mut Report) {
    let scored_only = manifest.grading
        != OlderGrading { on_reject: manifest.grading.on_reject, ..OlderGrading::default() };
    if !manifest.kind.is_scoring && scored_only {
        let place = manifest.places.get("grading").and_then(|(_, position)| *position);
        let message = "`grading` is ignored: the problem is not scored";
        report.warning((FILE, place), message, "`type: scoring`");
        manifest.grading =
            OlderGrading { on_reject: manifest.grading.on_reject, ..OlderGrading::default() };
    }
    if manifest.passes.is_some() && !manifest.kind.is_multi_pass {
        let place = manifest.places.get("validation_passes").and_then(|(_, position)| *position);
        let message = "`limits.validation_passes` is given for a single-pass problem";
        report.warning((FILE, place), message, "`type: multi-pass`");
        manifest.passes = None;
    }
}
