//! Reads arguments of validators.

use crate::diagnostic::{Position, Report};
use crate::fields::Field;
use crate::yaml::Value;

/// Arguments of a validator and their place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Words {
    pub(super) words: Vec<String>,
    pub(super) path: String,
    pub(super) position: Position,
}

/// Reads arguments: a string of words, or a list of strings.
pub(super) fn read(field: Field<'_>, report: &mut Report) -> Option<Words> {
    let words: Vec<String> = match &field.node.value {
        Value::Null => return None,
        Value::List(nodes) => {
            nodes.iter().filter_map(|node| Field { node, ..field }.text(report)).collect()
        }
        Value::Map(_) => {
            field.error(report, "a string or a list of strings");
            return None;
        }
        _ => field.text(report)?.split_whitespace().map(str::to_owned).collect(),
    };
    Some(Words { words, path: field.path.to_owned(), position: field.position() })
}
