//! Typed access to the values of a YAML map. Reports values of the wrong type.

use crate::diagnostic::{Position, Report, quote};
use crate::yaml::{self, Key, Node, Value};

/// A key of a YAML file with its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    /// The path of the file.
    pub(crate) path: &'a str,
    /// The key with its parents, such as `limits.memory`.
    pub(crate) key: &'a str,
    pub(crate) node: &'a Node,
}

impl<'a> Field<'a> {
    pub(crate) fn position(&self) -> Position {
        self.node.position
    }

    pub(crate) fn error(&self, report: &mut Report, expected: &str) {
        let message = format!("`{}` is {}", self.key, self.node.value.describe());
        report.error((self.path, self.position()), message, expected);
    }

    /// Reports a feature of the format that this judge does not support.
    pub(crate) fn not_supported(&self, report: &mut Report, feature: &str, expected: &str) {
        report.error((self.path, self.position()), format!("{feature} not supported"), expected);
    }

    pub(crate) fn warning(&self, report: &mut Report, message: &str) {
        report.warning((self.path, self.position()), format!("`{}` {message}", self.key), "");
    }

    pub(crate) fn is_null(&self) -> bool {
        self.node.value == Value::Null
    }

    fn written(&self) -> Option<String> {
        self.node.written.clone()
    }

    pub(crate) fn text(&self, report: &mut Report) -> Option<String> {
        match &self.node.value {
            Value::Text(text) => Some(text.clone()),
            // YAML does not read names such as `2048` and `No`, or versions such as `1.10`, as
            // strings.
            Value::Integer(number) => Some(self.written().unwrap_or_else(|| number.to_string())),
            Value::Float(number) => Some(self.written().unwrap_or_else(|| format!("{number:?}"))),
            Value::Bool(truth) => Some(self.written().unwrap_or_else(|| truth.to_string())),
            _ => {
                self.error(report, "a string");
                None
            }
        }
    }

    /// A string, or a list of strings.
    pub(crate) fn texts(&self, report: &mut Report) -> Vec<String> {
        match &self.node.value {
            Value::List(nodes) => {
                nodes.iter().filter_map(|node| Field { node, ..*self }.text(report)).collect()
            }
            _ => self.text(report).into_iter().collect(),
        }
    }

    /// A number above 0.
    pub(crate) fn positive(&self, report: &mut Report, expected: &str) -> Option<f64> {
        let number = match self.node.value {
            Value::Integer(number) => number as f64,
            Value::Float(number) => number,
            _ => f64::NAN,
        };
        let is_positive = number.is_finite() && number > 0.0;
        if !is_positive {
            self.error(report, expected);
        }
        is_positive.then_some(number)
    }

    /// A finite number.
    pub(crate) fn number(&self, report: &mut Report, expected: &str) -> Option<f64> {
        let number = match &self.node.value {
            Value::Integer(number) => *number as f64,
            Value::Float(number) => *number,
            // YAML reads `1e-6` as a string.
            Value::Text(text) => text.trim().parse().unwrap_or(f64::NAN),
            _ => f64::NAN,
        };
        if !number.is_finite() {
            self.error(report, expected);
        }
        number.is_finite().then_some(number)
    }

    pub(crate) fn boolean(&self, report: &mut Report) -> Option<bool> {
        match &self.node.value {
            Value::Bool(value) => Some(*value),
            // YAML 1.1 has more words for booleans.
            Value::Text(text) if yaml::truth(text).is_some() => yaml::truth(text),
            _ => {
                self.error(report, "true or false");
                None
            }
        }
    }

    /// An integer above 0.
    pub(crate) fn positive_integer(&self, report: &mut Report, expected: &str) -> Option<u64> {
        match self.node.value {
            Value::Integer(number) if number > 0 => u64::try_from(number).ok(),
            _ => {
                self.error(report, expected);
                None
            }
        }
    }

    /// The entries of a map; an empty slice for a null value.
    pub(crate) fn map(&self, report: &mut Report) -> &'a [(Key, Node)] {
        match &self.node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                self.error(report, "a map of keys and values");
                &[]
            }
        }
    }
}

/// A key that the format does not have.
pub(crate) fn unknown_key(path: &str, key: &Key, name: &str, report: &mut Report) {
    let message = format!("unknown key {} is ignored", quote(name));
    // Beyond the limit only the number is reported, so skip the search.
    let meant = if report.is_full() { String::new() } else { meant(name) };
    report.warning((path, key.position), message, meant);
}

/// Keys that are suggested for misspelt ones.
const KEYS: [&str; 44] = [
    "accept_score",
    "archive",
    "author",
    "checker",
    "constants",
    "credits",
    "entry_point",
    "generators",
    "grader_flags",
    "grading",
    "input_validator_args",
    "input_validator_flags",
    "interactive",
    "keywords",
    "languages",
    "license",
    "limits",
    "max_score",
    "memory",
    "memory_limit",
    "name",
    "on_reject",
    "output",
    "output_validator_args",
    "output_validator_flags",
    "points",
    "problem_format_version",
    "range",
    "reject_score",
    "rights_owner",
    "score_aggregation",
    "source",
    "static_validation",
    "test_cases",
    "time_limit",
    "time_multipliers",
    "time_resolution",
    "type",
    "uuid",
    "validation",
    "validation_passes",
    "validator_flags",
    "verdict",
    "version",
];

/// Minimum similarity of a suggested key, and maximum difference in length, in bytes.
const ALIKE_MIN: f64 = 0.75;
const LONGER_MAX: usize = 2;

/// A suggestion for an unknown key, or an empty string.
pub(crate) fn meant(name: &str) -> String {
    let likeness = |key: &&str| strsim::normalized_damerau_levenshtein(name, key);
    let likely = KEYS.iter().filter(|key| key.len().abs_diff(name.len()) <= LONGER_MAX);
    let likely = likely.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    match likely.filter(|key| likeness(key) >= ALIKE_MIN && **key != name) {
        Some(key) => format!("perhaps {key:?}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn a_misspelt_key_is_guessed() {
        for (written, expected) in [
            ("limit", "perhaps \"limits\""),
            ("licence", "perhaps \"license\""),
            ("validaton", "perhaps \"validation\""),
            ("timelimit", "perhaps \"time_limit\""),
            ("x-note", ""),
            ("colour", ""),
            ("", ""),
        ] {
            assert_eq!(meant(written), expected, "{written}");
        }
    }
}
