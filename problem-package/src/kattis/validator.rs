//! The flags of the default output validator, which are the options of the token checker.

use domain::checker::TokenOptions;
use domain::problem::Checker;

use crate::diagnostic::{Position, Report, quote};
use crate::fields::Field;
use crate::yaml::Value;

const FLAGS: &str = "case_sensitive, space_change_sensitive, float_tolerance, \
                     float_absolute_tolerance and float_relative_tolerance";

/// Flags and where they stand.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Flags {
    pub(super) options: TokenOptions,
    pub(super) path: String,
    pub(super) position: Position,
}

/// Reads flags, which are words in one text or a list of texts.
pub(super) fn read(field: Field<'_>, report: &mut Report) -> Option<Flags> {
    let words: Vec<String> = match &field.node.value {
        Value::Null => return None,
        Value::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
        Value::List(nodes) => {
            // A tolerance in a list may be a number to YAML.
            nodes.iter().filter_map(|node| word(Field { node, ..field }, report)).collect()
        }
        _ => {
            field.error(report, "flags of the default validator");
            return None;
        }
    };
    let mut options = TokenOptions::default();
    let mut words = words.iter();
    while let Some(flag) = words.next() {
        match flag.as_str() {
            "case_sensitive" => options.case_sensitive = true,
            "space_change_sensitive" => options.space_sensitive = true,
            "float_tolerance" | "float_absolute_tolerance" | "float_relative_tolerance" => {
                let tolerance = tolerance(flag, words.next(), field, report);
                if flag != "float_relative_tolerance" {
                    options.float_absolute = tolerance;
                }
                if flag != "float_absolute_tolerance" {
                    options.float_relative = tolerance;
                }
            }
            _ => {
                let message = format!("the validator flag {} is not known", quote(flag));
                report.error((field.path, field.position()), message, FLAGS);
            }
        }
    }
    Some(Flags { options, path: field.path.to_owned(), position: field.position() })
}

fn word(field: Field<'_>, report: &mut Report) -> Option<String> {
    match field.node.value {
        Value::Float(number) => Some(number.to_string()),
        _ => field.text(report),
    }
}

fn tolerance(
    flag: &str,
    word: Option<&String>,
    field: Field<'_>,
    report: &mut Report,
) -> Option<f64> {
    let tolerance = word.and_then(|word| word.parse().ok());
    let tolerance = tolerance.filter(|tolerance: &f64| tolerance.is_finite() && *tolerance >= 0.0);
    if tolerance.is_none() {
        let found = word.map_or("nothing".to_owned(), |word| quote(word));
        let message = format!("the validator flag {flag} has {found} after it");
        report.error((field.path, field.position()), message, "a number such as 1e-6");
    }
    tolerance
}

/// The one checker for all tests, whose flags may be given in several places if they agree.
pub(super) fn agree(manifest: &Option<Flags>, data: &[Flags], report: &mut Report) -> Checker {
    let mut all = manifest.iter().chain(data);
    let Some(first) = all.next() else { return Checker::Tokens(TokenOptions::default()) };
    for other in all.filter(|other| other.options != first.options) {
        report.error(
            (other.path.as_str(), other.position),
            format!("the validator flags differ from those in {}", first.path),
            "the same flags for all tests",
        );
    }
    Checker::Tokens(first.options)
}
