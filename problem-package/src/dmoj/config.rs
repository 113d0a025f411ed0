//! The keys of `init.yml`, and how DMOJ's judge understands them.

use crate::diagnostic::Report;
use crate::fields::Field;
use crate::yaml::{Key, Node, Value};

pub(super) const FILE: &str = "init.yml";

/// Keys about how DMOJ's judge runs programs. They have no effect here.
pub(super) const WITHOUT_MEANING: [&str; 8] = [
    "unbuffered",
    "hints",
    "unicode",
    "wall_time_factor",
    "output_prefix_length",
    "meta",
    "short_circuit",
    "generator_args",
];

/// The top-level keys of the file.
#[derive(Debug)]
pub(super) struct Config<'a>(pub(super) &'a [(Key, Node)]);

impl<'a> Config<'a> {
    pub(super) fn field(&self, name: &'a str) -> Option<Field<'a>> {
        find(self.0, name).filter(|field| !field.is_null())
    }
}

/// The keys of a test case, of its batch and of the whole file. A key that the case lacks is
/// inherited from the batch or the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) case: &'a [(Key, Node)],
    pub(super) batch: &'a [(Key, Node)],
    pub(super) config: &'a Config<'a>,
}

impl<'a> Scope<'a> {
    pub(super) fn field(&self, name: &'a str) -> Option<Field<'a>> {
        let known = [self.case, self.batch].into_iter().find_map(|entries| find(entries, name));
        match known {
            Some(field) => Some(field).filter(|field| !field.is_null()),
            None => self.config.field(name),
        }
    }

    /// The field of the case or its batch, not of the file.
    pub(super) fn case_field(&self, name: &'a str) -> Option<Field<'a>> {
        let known = [self.case, self.batch].into_iter().find_map(|entries| find(entries, name));
        known.filter(|field| !field.is_null())
    }

    /// The field if its value is truthy; an empty string names nothing.
    pub(super) fn named(&self, name: &'a str) -> Option<Field<'a>> {
        self.field(name).filter(|field| is_true(field.node))
    }
}

/// Finds a key, also when it is written with `-` instead of `_`.
pub(super) fn find<'a>(entries: &'a [(Key, Node)], name: &'a str) -> Option<Field<'a>> {
    let is_key = |key: &Key| key.text == name || key.text.replace('-', "_") == name;
    let (_, node) = entries.iter().find(|(key, _)| is_key(key))?;
    Some(Field { path: FILE, key: name, node })
}

/// The scopes of all test cases given as a list.
pub(super) fn scopes<'a>(config: &'a Config<'a>) -> Vec<Scope<'a>> {
    let items = |field: Option<Field<'a>>| match field.map(|field| &field.node.value) {
        Some(Value::List(nodes)) => nodes.as_slice(),
        _ => &[],
    };
    let mut scopes = Vec::new();
    for node in
        ["pretest_test_cases", "test_cases"].into_iter().flat_map(|key| items(config.field(key)))
    {
        let Value::Map(batch) = &node.value else { continue };
        let Some(batched) = find(batch, "batched") else {
            scopes.push(Scope { case: batch, batch: &[], config });
            continue;
        };
        for node in items(Some(batched)) {
            let Value::Map(case) = &node.value else { continue };
            scopes.push(Scope { case, batch, config });
        }
    }
    scopes
}

/// Whether a value is truthy in Python.
pub(super) fn is_true(node: &Node) -> bool {
    match &node.value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Integer(number) => *number != 0,
        Value::Float(number) => *number != 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(entries) => !entries.is_empty(),
    }
}

/// Whether the value of a key is Python code.
pub(super) fn is_dynamic(key: &str) -> bool {
    key.ends_with('+')
}

pub(super) fn refuse_dynamic(key: &Key, report: &mut Report) {
    let message =
        format!("`{}` is not supported: it is Python code that computes the value", key.text);
    report.error((FILE, key.position), message, "the value itself");
}

pub(super) fn warn_of_symlinks(field: Field<'_>, report: &mut Report) {
    if is_true(field.node) {
        field.warning(report, "is ignored: the links are not created in a submission's folder");
    }
}
