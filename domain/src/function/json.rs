//! Values as JSON, which setters and users write.
//!
//! | type | JSON |
//! |---|---|
//! | `bool`, `int`, `long` | a boolean; an integer |
//! | `bigint` | an integer, or a string of digits if it has more than 64 bits |
//! | `float` | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `char`, `string` | a string |
//! | `T[]`, `tuple<…>` | an array |
//! | `T?` | null or the value |
//! | `map<K, V>` | an object; keys that are not strings are written as strings |
//! | a struct | an object |
//! | `ListNode` | the array of values |
//! | `TreeNode` | the array in level order, null where a child is missing |
//! | `Node<neighbors>` | for each of the nodes 1 to n, the array of its neighbours |
//! | `Node<children>` | the array in level order, with null before the children of each node |
//! | `Node<random>` | for each node its value and the place of its second link, or null |

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Number, Value as Json};

use super::types::{NodeKind, Struct, Type};
use super::value::{BigInt, Value, check_children, check_graph, check_tree, compare, trimmed};

/// Characters of a value that an error quotes.
const QUOTED_CHARS_MAX: usize = 40;

/// The JSON is not a value of the type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Mismatch {
    /// Where in the JSON: `$[0].x` is the field `x` of the first item.
    pub path: Path,
    /// What is wrong there.
    pub reason: String,
}

/// A place in a JSON value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Index(usize),
    Key(String),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        // The innermost step comes first.
        self.0.iter().rev().try_for_each(|step| match step {
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, ".{key}"),
        })
    }
}

impl Mismatch {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { path: Path::default(), reason: reason.into() }
    }

    /// The same, seen from the array around it.
    pub fn in_item(mut self, index: usize) -> Self {
        self.path.0.push(Step::Index(index));
        self
    }

    /// The same, seen from the object around it.
    fn in_field(mut self, key: &str) -> Self {
        self.path.0.push(Step::Key(key.to_owned()));
        self
    }
}

/// Reads a value of this type.
///
/// # Errors
/// If the JSON is something else. Nothing is converted: 1.0 is not an `int`.
pub fn read(of: &Type, json: &Json) -> Result<Value, Mismatch> {
    match (of, json) {
        (Type::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (Type::Int, Json::Number(_)) => read_int(json).map(Value::Int),
        (Type::Long, Json::Number(number)) => match number.as_i64() {
            Some(value) => Ok(Value::Long(value)),
            None => Err(not_a("long (64 bits)", json)),
        },
        (Type::BigInt, Json::Number(number)) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Ok(Value::BigInt(value.into())),
            (None, Some(value)) => read_big_int(&value.to_string()),
            (None, None) => {
                Err(Mismatch::new("an integer of more than 64 bits must be a string of digits"))
            }
        },
        (Type::BigInt, Json::String(text)) => read_big_int(text),
        (Type::Float, Json::Number(number)) => match number.as_f64() {
            Some(value) => Ok(Value::Float(value)),
            None => Err(not_a("float", json)),
        },
        (Type::Float, Json::String(text)) => match text.as_str() {
            "NaN" => Ok(Value::Float(f64::NAN)),
            "Infinity" => Ok(Value::Float(f64::INFINITY)),
            "-Infinity" => Ok(Value::Float(f64::NEG_INFINITY)),
            _ => Err(not_a("float", json)),
        },
        (Type::Char, Json::String(text)) => match (text.chars().next(), text.chars().count()) {
            (Some(only), 1) => Ok(Value::Char(only)),
            _ => Err(not_a("char (one character)", json)),
        },
        (Type::String, Json::String(text)) => Ok(Value::String(text.clone())),
        (Type::List(item), Json::Array(items)) => {
            let read_one = |(index, json)| read(item, json).map_err(|it| it.in_item(index));
            items.iter().enumerate().map(read_one).collect::<Result<_, _>>().map(Value::List)
        }
        (Type::Optional(_), Json::Null) => Ok(Value::Optional(None)),
        (Type::Optional(item), json) => Ok(Value::Optional(Some(Box::new(read(item, json)?)))),
        (Type::Map(key, value), Json::Object(entries)) => read_map(key, value, entries),
        (Type::Tuple(types), Json::Array(items)) => read_tuple(types, items),
        (Type::Struct(of), Json::Object(fields)) => read_struct(of, fields),
        (Type::ListNode, json) => nodes(json, read_int).map(Value::Chain),
        (Type::TreeNode, json) => {
            let items = trimmed(nodes(json, optional_int)?);
            check_tree(&items).map_err(Mismatch::new)?;
            Ok(Value::Tree(items))
        }
        (Type::Node(NodeKind::Children), json) => {
            let items = trimmed(nodes(json, optional_int)?);
            check_children(&items).map_err(Mismatch::new)?;
            Ok(Value::Children(items))
        }
        (Type::Node(NodeKind::Neighbors), json) => {
            let graph = nodes(json, |json| nodes(json, place))?;
            check_graph(&graph).map_err(Mismatch::new)?;
            Ok(Value::Graph(graph))
        }
        (Type::Node(NodeKind::Random), json) => {
            let count = json.as_array().map_or(0, Vec::len);
            nodes(json, |json| read_random(json, count)).map(Value::Random)
        }
        (of, json) => Err(not_a(&of.to_string(), json)),
    }
}

/// The value as JSON. Reading it again gives the same value.
pub fn write(of: &Type, value: &Value) -> Json {
    match (of, value) {
        (_, Value::Bool(value)) => Json::Bool(*value),
        (_, Value::Int(value)) => Json::from(*value),
        (_, Value::Long(value)) => Json::from(*value),
        (_, Value::BigInt(value)) => match value.as_str().parse::<i64>() {
            Ok(small) => Json::from(small),
            Err(_) => Json::String(value.to_string()),
        },
        (_, Value::Float(value)) => match Number::from_f64(*value) {
            Some(number) => Json::Number(number),
            None if value.is_nan() => Json::from("NaN"),
            None if *value > 0.0 => Json::from("Infinity"),
            None => Json::from("-Infinity"),
        },
        (_, Value::Char(value)) => Json::String(value.to_string()),
        (_, Value::String(value)) => Json::String(value.clone()),
        (Type::List(item), Value::List(items)) => {
            items.iter().map(|value| write(item, value)).collect()
        }
        (Type::Optional(item), Value::Optional(value)) => {
            value.as_ref().map_or(Json::Null, |value| write(item, value))
        }
        (Type::Map(_, of), Value::Map(entries)) => {
            let entries = entries.iter().map(|(key, value)| (key_text(key), write(of, value)));
            Json::Object(entries.collect())
        }
        (Type::Tuple(types), Value::Tuple(items)) => {
            types.iter().zip(items).map(|(of, value)| write(of, value)).collect()
        }
        (Type::Struct(of), Value::Tuple(items)) => {
            let fields = of.fields.iter().zip(items);
            let fields = fields.map(|(field, value)| (field.name.clone(), write(&field.of, value)));
            Json::Object(fields.collect())
        }
        (_, Value::Chain(items)) => items.iter().copied().collect(),
        (_, Value::Tree(items) | Value::Children(items)) => {
            items.iter().map(|item| item.map_or(Json::Null, Json::from)).collect()
        }
        (_, Value::Graph(nodes)) => {
            nodes.iter().map(|neighbours| neighbours.iter().copied().collect::<Json>()).collect()
        }
        (_, Value::Random(nodes)) => {
            let node = |(value, link): &(i32, Option<u32>)| {
                Json::Array(vec![Json::from(*value), link.map_or(Json::Null, Json::from)])
            };
            nodes.iter().map(node).collect()
        }
        // A value comes from reading its type, so no other pair exists.
        _ => Json::Null,
    }
}

fn read_int(json: &Json) -> Result<i32, Mismatch> {
    let value = json.as_i64().and_then(|value| i32::try_from(value).ok());
    value.ok_or_else(|| not_a("int (32 bits)", json))
}

fn read_big_int(text: &str) -> Result<Value, Mismatch> {
    let value = BigInt::parse(text).map_err(|error| Mismatch::new(error.to_string()))?;
    Ok(Value::BigInt(value))
}

fn optional_int(json: &Json) -> Result<Option<i32>, Mismatch> {
    if json.is_null() { Ok(None) } else { read_int(json).map(Some) }
}

fn place(json: &Json) -> Result<u32, Mismatch> {
    let value = json.as_u64().and_then(|value| u32::try_from(value).ok());
    value.ok_or_else(|| not_a("node", json))
}

/// The items of an array; null counts as an empty one.
fn nodes<T>(
    json: &Json,
    read_one: impl Fn(&Json) -> Result<T, Mismatch>,
) -> Result<Vec<T>, Mismatch> {
    match json {
        Json::Null => Ok(vec![]),
        Json::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(index, item)| read_one(item).map_err(|it| it.in_item(index))).collect()
        }
        _ => Err(not_a("array of nodes", json)),
    }
}

fn read_random(json: &Json, count: usize) -> Result<(i32, Option<u32>), Mismatch> {
    let Some([value, link]) = json.as_array().map(Vec::as_slice) else {
        return Err(not_a("node with a value and a link", json));
    };
    let value = read_int(value).map_err(|it| it.in_item(0))?;
    let link = match link {
        Json::Null => None,
        link => Some(place(link).map_err(|it| it.in_item(1))?),
    };
    if link.is_some_and(|link| link as usize >= count) {
        return Err(Mismatch::new(format!("there are {count} nodes, numbered from 0")).in_item(1));
    }
    Ok((value, link))
}

fn read_tuple(types: &[Type], items: &[Json]) -> Result<Value, Mismatch> {
    if types.len() != items.len() {
        let (expected, found) = (types.len(), items.len());
        return Err(Mismatch::new(format!("it has {found} items instead of {expected}")));
    }
    let read_one = |(index, (of, json))| read(of, json).map_err(|it: Mismatch| it.in_item(index));
    let items = types.iter().zip(items).enumerate().map(read_one);
    items.collect::<Result<_, _>>().map(Value::Tuple)
}

fn read_struct(of: &Struct, fields: &Map<String, Json>) -> Result<Value, Mismatch> {
    let known: BTreeSet<&str> = of.fields.iter().map(|field| field.name.as_str()).collect();
    if let Some(unknown) = fields.keys().find(|name| !known.contains(name.as_str())) {
        return Err(Mismatch::new(format!("{} has no field {unknown:?}", of.name)));
    }
    let read_one = |field: &super::Field| {
        let missing = || Mismatch::new(format!("the field {:?} is missing", field.name));
        let json = fields.get(&field.name).ok_or_else(missing)?;
        read(&field.of, json).map_err(|it| it.in_field(&field.name))
    };
    of.fields.iter().map(read_one).collect::<Result<_, _>>().map(Value::Tuple)
}

fn read_map(key: &Type, of: &Type, entries: &Map<String, Json>) -> Result<Value, Mismatch> {
    let mut read_entries = Vec::with_capacity(entries.len());
    for (text, json) in entries {
        let key = read_key(key, text)?;
        let value = read(of, json).map_err(|it| it.in_field(text))?;
        read_entries.push((key, value));
    }
    read_entries.sort_by(|(one, _), (other, _)| compare(one, other));
    let twice = read_entries.windows(2).find(|pair| compare(&pair[0].0, &pair[1].0).is_eq());
    match twice {
        Some(pair) => {
            Err(Mismatch::new(format!("the key {:?} is there twice", key_text(&pair[0].0))))
        }
        None => Ok(Value::Map(read_entries)),
    }
}

fn read_key(of: &Type, text: &str) -> Result<Value, Mismatch> {
    let json = match of {
        Type::String | Type::Char | Type::BigInt => Json::from(text),
        _ => serde_json::from_str(text).unwrap_or_else(|_| Json::from(text)),
    };
    read(of, &json).map_err(|it| Mismatch::new(format!("a key: {}", it.reason)))
}

fn key_text(key: &Value) -> String {
    match key {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Long(value) => value.to_string(),
        Value::BigInt(value) => value.to_string(),
        Value::Char(value) => value.to_string(),
        Value::String(value) => value.clone(),
        // Other types are no keys.
        _ => String::new(),
    }
}

fn not_a(wanted: &str, json: &Json) -> Mismatch {
    let text = json.to_string();
    let mut quoted: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    Mismatch::new(format!("{quoted} is not a value of type {wanted}"))
}
