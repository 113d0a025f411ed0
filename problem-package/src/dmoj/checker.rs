//! Reads `checker` and `interactive`: how outputs are judged.

mod builtin;
mod program;

use domain::checker::LineRule;
use domain::problem::{Checker, PackagedProgram, Protocol, Validation, ValidationLimits};

use crate::blobs::Blobs;
use crate::diagnostic::Report;
use crate::dmoj::config::{Config, FILE, is_true, scopes};
use crate::dmoj::data::Data;
use crate::fields::{Field, unknown_key};
use crate::yaml::Value;

/// How outputs are judged.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) checker: Checker,
    /// Whether the checker needs an answer to compare with.
    pub(super) compares: bool,
    /// Whether the checker gives points for partly correct outputs.
    pub(super) is_partial: bool,
    /// Whether the package's own tests call a partly correct output wrong.
    pub(super) part_is_wrong: bool,
    /// The checker's arguments after the test's points. `None`: it gets no arguments.
    args: Option<Vec<String>>,
}

impl Judge {
    fn of(checker: Checker) -> Self {
        let compares = !matches!(checker, Checker::Programs(_));
        Self { checker, compares, is_partial: false, part_is_wrong: false, args: None }
    }

    /// The checker's arguments for a test worth `points`.
    pub(super) fn args(&self, points: f64) -> Vec<String> {
        let own = self.args.iter().flatten().cloned();
        let points = self.args.as_ref().map(|_| points.to_string());
        points.into_iter().chain(own).collect()
    }
}

pub(super) fn read(
    config: &Config<'_>,
    data: &Data<'_>,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Judge {
    let mut reader = Reader { data, blobs, report };
    if let Some(field) = config.field("interactive") {
        let entries = field.map(reader.report);
        let program = reader.program(entries, field, "interactive");
        let validation = program.map(|program| Validation { interactive: true, ..program });
        return Judge { compares: false, ..Judge::of(checker(validation)) };
    }
    let Some(field) = checker_field(config, reader.report) else {
        return Judge::of(Checker::Lines(LineRule::Words));
    };
    match &field.node.value {
        Value::Map(entries) => {
            let name = entries.iter().find(|(key, _)| key.text == "name");
            let Some((_, node)) = name else {
                field.error(reader.report, "a name, or a map with `name` and `args`");
                return Judge::of(Checker::Lines(LineRule::Words));
            };
            for (key, _) in
                entries.iter().filter(|(key, _)| !["name", "args"].contains(&key.text.as_str()))
            {
                unknown_key(FILE, key, &key.text, reader.report);
            }
            let args = entries.iter().find(|(key, _)| key.text == "args");
            let args = args.map(|(_, node)| Field { path: FILE, key: "args", node });
            reader.named(Field { node, ..field }, args)
        }
        _ => reader.named(field, None),
    }
}

/// The checker of all test cases. It may be set for the file, a batch or a case.
fn checker_field<'a>(config: &'a Config<'a>, report: &mut Report) -> Option<Field<'a>> {
    let named = |field: Option<Field<'a>>| field.filter(|field| is_true(field.node));
    let mut fields = scopes(config).into_iter().map(|scope| named(scope.field("checker")));
    let Some(first) = fields.next() else { return named(config.field("checker")) };
    let standard = Value::Text("standard".to_owned());
    let value = |field: Option<Field<'a>>| field.map_or(&standard, |field| &field.node.value);
    if let Some(other) = fields.find(|other| !same(value(first), value(*other)))
        && let Some(at) = other.or(first)
    {
        let message = "a `checker` of a single test case is not supported";
        report.error((FILE, at.position()), message, "one for all test cases");
    }
    first
}

/// Whether two values are equal, ignoring positions.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| same(&one.value, &other.value))
        }
        (Value::Map(one), Value::Map(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|((one_key, one), (other_key, other))| {
                    one_key.text == other_key.text && same(&one.value, &other.value)
                })
        }
        _ => one == other,
    }
}

/// The fallback does not matter: without a program there is an error.
fn checker(validation: Option<Validation>) -> Checker {
    validation.map_or(Checker::Lines(LineRule::Words), Checker::Programs)
}

struct Reader<'a, 'b> {
    data: &'a Data<'a>,
    blobs: &'b mut Blobs,
    report: &'b mut Report,
}

fn validation(program: PackagedProgram, protocol: Protocol) -> Validation {
    Validation {
        programs: vec![program],
        protocol,
        interactive: false,
        passes: 1,
        limits: ValidationLimits::default(),
    }
}
