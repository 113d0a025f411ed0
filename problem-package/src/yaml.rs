//! YAML as a tree in which every value knows where it stands.
//!
//! Deserialising straight into a struct would stop at the first value of the wrong type. A package's
//! writer wants all of them at once, each with its line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Location, Spanned};

use crate::diagnostic::{Position, Report, quote};
use crate::limits::{YAML_BYTES_MAX, YAML_DEPTH_MAX, YAML_NODES_MAX};

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// The key of a map and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) position: Position,
    pub(crate) text: String,
}

impl Value {
    /// What it is, for a diagnostic.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Null => "empty".to_owned(),
            Self::Bool(value) => format!("{value}"),
            Self::Integer(value) => format!("{value}"),
            Self::Float(value) => format!("{value}"),
            Self::Text(text) => quote(text),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
        }
    }
}

/// The entries of a YAML file whose root is a map, none for an empty file. `None` when it is
/// something else, which is reported.
pub(crate) fn read_map(path: &str, bytes: &[u8], report: &mut Report) -> Option<Vec<(Key, Node)>> {
    let root = parse(path, bytes, report)?;
    match root.value {
        Value::Map(entries) => Some(entries),
        Value::Null => Some(Vec::new()),
        other => {
            let message = format!("the file is {}", other.describe());
            report.error((path, root.position), message, "a map of keys and values");
            None
        }
    }
}

fn parse(path: &str, bytes: &[u8], report: &mut Report) -> Option<Node> {
    if bytes.len() > YAML_BYTES_MAX {
        let message = format!("has {} bytes", bytes.len());
        report.error(path, message, format!("at most {YAML_BYTES_MAX} in a YAML file"));
        return None;
    }
    let Ok(text) = str::from_utf8(bytes) else {
        report.error(path, "is not UTF-8", "a text file in UTF-8");
        return None;
    };
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: YAML_DEPTH_MAX,
            max_nodes: YAML_NODES_MAX,
            // A problem has no use for them, and they are what makes small YAML large.
            max_aliases: 0,
            max_anchors: 0,
            max_documents: 1,
        },
        // They are refused by what reads the number, with the rest that is wrong with it.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options(text, options) {
        Ok(node) => Some(node),
        Err(error) => {
            let at = error.location().and_then(position);
            let mut message = format!("is not valid YAML: {error}");
            // The parser says where as well.
            if let Some(place) = message.rfind(" at line ") {
                message.truncate(place);
            }
            report.error((path, at), message, "");
            None
        }
    }
}

fn position(location: Location) -> Option<Position> {
    let line = u32::try_from(location.line()).ok().filter(|line| *line > 0)?;
    Some(Position { line, column: u32::try_from(location.column()).ok()? })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let position = position(spanned.referenced).unwrap_or(Position { line: 1, column: 1 });
        Ok(Self { position, value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        let position = position(spanned.referenced).unwrap_or(Position { line: 1, column: 1 });
        Ok(Self { position, text: spanned.value })
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        let value = i64::try_from(value).map_err(|_| E::custom("the number is too large"))?;
        Ok(Value::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        while let Some((key, node)) = map.next_entry::<Key, Node>()? {
            if entries.iter().any(|(earlier, _)| earlier.text == key.text) {
                return Err(A::Error::custom(format!("the key {} stands twice", quote(&key.text))));
            }
            entries.push((key, node));
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(Key, Node)> {
        let mut report = Report::default();
        read_map("f.yaml", text.as_bytes(), &mut report).expect("a map")
    }

    fn errors(bytes: &[u8]) -> Vec<String> {
        let mut report = Report::default();
        read_map("f.yaml", bytes, &mut report);
        report.finish().unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_value_knows_its_type_and_its_place() {
        let text = "name: Sum\nlimits:\n  memory: 32\n  time_limit: 0.5\nlist: [a, true, ~]\n";
        let entries = entries(text);
        let at = |line, column| Position { line, column };
        assert_eq!(entries[0].0, Key { position: at(1, 1), text: "name".to_owned() });
        assert_eq!(entries[0].1, Node { position: at(1, 7), value: Value::Text("Sum".to_owned()) });
        let Value::Map(limits) = &entries[1].1.value else { panic!("limits is a map") };
        assert_eq!(limits[0].0.position, at(3, 3));
        assert_eq!(limits[0].1.value, Value::Integer(32));
        assert_eq!(limits[1].1, Node { position: at(4, 15), value: Value::Float(0.5) });
        let Value::List(list) = &entries[2].1.value else { panic!("list is a list") };
        let values: Vec<_> = list.iter().map(|node| node.value.clone()).collect();
        assert_eq!(values, [Value::Text("a".to_owned()), Value::Bool(true), Value::Null]);
    }

    #[test]
    fn what_is_not_yaml_is_an_error_with_its_line() {
        let error = errors(b"name: Sum\nlimits: [1, 2\nkeywords: x\n").remove(0);
        assert!(error.starts_with("error: f.yaml:3:9: is not valid YAML: "), "{error}");
        let error = errors(b"a: 1\nb: 2\na: 3\n").remove(0);
        assert!(error.starts_with("error: f.yaml:3:1: is not valid YAML: "), "{error}");
        let error = errors(b"- a\n").remove(0);
        assert_eq!(
            error,
            "error: f.yaml:1:1: the file is a list; expected a map of keys and values"
        );
        assert_eq!(errors(b"\xff"), ["error: f.yaml: is not UTF-8; expected a text file in UTF-8"]);
        let huge = vec![b'#'; YAML_BYTES_MAX + 1];
        assert!(errors(&huge)[0].contains("at most 262144 in a YAML file"));
    }

    #[test]
    fn yaml_cannot_grow() {
        let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
        assert!(errors(bomb.as_bytes())[0].contains("not valid YAML"));
        let deep = format!("a: {}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(errors(deep.as_bytes())[0].contains("not valid YAML"));
        let wide = format!("a: [{}]", "1,".repeat(YAML_NODES_MAX));
        assert!(errors(wide.as_bytes())[0].contains("not valid YAML"));
    }

    #[test]
    fn an_empty_file_is_an_empty_map() {
        let mut report = Report::default();
        assert_eq!(read_map("f.yaml", b"", &mut report), Some(vec![]));
        assert_eq!(read_map("f.yaml", b"# nothing\n", &mut report), Some(vec![]));
        assert_eq!(report.finish(), Ok(vec![]));
    }
}
