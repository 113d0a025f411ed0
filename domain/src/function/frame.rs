//! Values as bytes, for programs.
//!
//! All numbers are little-endian. `bool` is one byte, `int` 4, `long` 8, `float` the 8 of its bits,
//! `char` the 4 of its scalar value. `string` and `bigint` are a count of bytes in 4 bytes, and text
//! in UTF-8. A list is a count in 4 bytes and its items, a map a count and its entries. An optional
//! value is one byte, 1 if a value follows. Tuples and structs are their parts. Nodes are lists:
//! `ListNode` of `int`, `TreeNode` and `Node<children>` of optional `int` in level order,
//! `Node<neighbors>` of lists of places, `Node<random>` of a value and an optional place.

use super::types::{NodeKind, Type};
use super::value::{BigInt, Value, check_children, check_graph, check_tree, compare, trimmed};

/// The bytes are not a value of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A value needs more bytes.
    #[error("it ends too early")]
    Short,
    /// There are bytes after the value.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    /// Bytes that no value has.
    #[error("{0}")]
    Invalid(String),
}

/// Appends the value.
///
/// # Panics
/// If a list has more than 2^32 items.
pub fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Bool(value) => bytes.push(u8::from(*value)),
        Value::Int(value) => bytes.extend(value.to_le_bytes()),
        Value::Long(value) => bytes.extend(value.to_le_bytes()),
        Value::BigInt(value) => write_text(value.as_str(), bytes),
        Value::Float(value) => bytes.extend(value.to_bits().to_le_bytes()),
        Value::Char(value) => bytes.extend(u32::from(*value).to_le_bytes()),
        Value::String(value) => write_text(value, bytes),
        Value::List(items) => {
            write_count(items.len(), bytes);
            items.iter().for_each(|item| write(item, bytes));
        }
        Value::Optional(value) => {
            bytes.push(u8::from(value.is_some()));
            if let Some(value) = value {
                write(value, bytes);
            }
        }
        Value::Map(entries) => {
            write_count(entries.len(), bytes);
            for (key, value) in entries {
                write(key, bytes);
                write(value, bytes);
            }
        }
        Value::Tuple(items) => items.iter().for_each(|item| write(item, bytes)),
        Value::Chain(items) => {
            write_count(items.len(), bytes);
            items.iter().for_each(|item| bytes.extend(item.to_le_bytes()));
        }
        Value::Tree(items) | Value::Children(items) => {
            write_count(items.len(), bytes);
            for item in items {
                bytes.push(u8::from(item.is_some()));
                bytes.extend(item.iter().flat_map(|item| item.to_le_bytes()));
            }
        }
        Value::Graph(nodes) => {
            write_count(nodes.len(), bytes);
            for neighbours in nodes {
                write_count(neighbours.len(), bytes);
                bytes.extend(neighbours.iter().flat_map(|place| place.to_le_bytes()));
            }
        }
        Value::Random(nodes) => {
            write_count(nodes.len(), bytes);
            for (value, link) in nodes {
                bytes.extend(value.to_le_bytes());
                bytes.push(u8::from(link.is_some()));
                bytes.extend(link.iter().flat_map(|link| link.to_le_bytes()));
            }
        }
    }
}

/// Reads one value of this type, which must be all of the bytes.
///
/// # Errors
/// If the bytes are anything else. They may come from a hostile program: what is kept of them takes
/// memory in proportion to their number.
pub fn read(of: &Type, bytes: &[u8]) -> Result<Value, Malformed> {
    let mut reader = Reader::new(bytes);
    let value = reader.value(of)?;
    reader.end()?;
    Ok(value)
}

pub(super) fn write_count(count: usize, bytes: &mut Vec<u8>) {
    let count = u32::try_from(count).expect("a list has less than 2^32 items");
    bytes.extend(count.to_le_bytes());
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    write_count(text.len(), bytes);
    bytes.extend(text.as_bytes());
}

/// Reads values one after the other.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Fails if there are more bytes.
    pub(super) fn end(&self) -> Result<(), Malformed> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(Malformed::Trailing(left)),
        }
    }

    pub(super) fn value(&mut self, of: &Type) -> Result<Value, Malformed> {
        Ok(match of {
            Type::Bool => Value::Bool(self.flag("bool")?),
            Type::Int => Value::Int(self.int()?),
            Type::Long => Value::Long(i64::from_le_bytes(self.array()?)),
            Type::BigInt => {
                let number = BigInt::parse(self.text()?).map_err(|error| {
                    Malformed::Invalid(format!("a bigint is malformed: {error}"))
                })?;
                Value::BigInt(number)
            }
            Type::Float => Value::Float(f64::from_bits(u64::from_le_bytes(self.array()?))),
            Type::Char => {
                let number = self.count()?;
                let invalid = || Malformed::Invalid(format!("{number} is not a char"));
                Value::Char(char::from_u32(number).ok_or_else(invalid)?)
            }
            Type::String => Value::String(self.text()?.to_owned()),
            Type::List(item) => Value::List(self.list(|reader| reader.value(item))?),
            Type::Optional(item) => {
                let is_there = self.flag("the mark of an optional value")?;
                let value = if is_there { Some(Box::new(self.value(item)?)) } else { None };
                Value::Optional(value)
            }
            Type::Map(key, value) => self.map(key, value)?,
            Type::Tuple(types) => {
                let items = types.iter().map(|of| self.value(of));
                Value::Tuple(items.collect::<Result<_, _>>()?)
            }
            Type::Struct(of) => {
                let fields = of.fields.iter().map(|field| self.value(&field.of));
                Value::Tuple(fields.collect::<Result<_, _>>()?)
            }
            Type::ListNode => Value::Chain(self.list(Self::int)?),
            Type::TreeNode => {
                let items = trimmed(self.list(Self::optional_int)?);
                check_tree(&items).map_err(Malformed::Invalid)?;
                Value::Tree(items)
            }
            Type::Node(NodeKind::Children) => {
                let items = trimmed(self.list(Self::optional_int)?);
                check_children(&items).map_err(Malformed::Invalid)?;
                Value::Children(items)
            }
            Type::Node(NodeKind::Neighbors) => {
                let nodes = self.list(|reader| reader.list(Self::count))?;
                check_graph(&nodes).map_err(Malformed::Invalid)?;
                Value::Graph(nodes)
            }
            Type::Node(NodeKind::Random) => {
                let nodes = self.list(Self::random)?;
                let is_outside = |link: &u32| *link as usize >= nodes.len();
                if let Some(link) = nodes.iter().filter_map(|node| node.1).find(is_outside) {
                    return Err(Malformed::Invalid(format!("{link} is not the place of a node")));
                }
                Value::Random(nodes)
            }
        })
    }

    fn map(&mut self, key: &Type, value: &Type) -> Result<Value, Malformed> {
        let mut entries = self.list(|reader| Ok((reader.value(key)?, reader.value(value)?)))?;
        entries.sort_by(|(one, _), (other, _)| compare(one, other));
        match entries.windows(2).any(|pair| compare(&pair[0].0, &pair[1].0).is_eq()) {
            true => Err(Malformed::Invalid("a key of a map is there twice".to_owned())),
            false => Ok(Value::Map(entries)),
        }
    }

    /// Items take at least a byte each, so a list cannot have more items than bytes follow.
    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.count()? as usize;
        if count > self.0.len() {
            return Err(Malformed::Short);
        }
        (0..count).map(|_| item(self)).collect()
    }

    fn random(&mut self) -> Result<(i32, Option<u32>), Malformed> {
        let value = self.int()?;
        let link = if self.flag("the mark of a link")? { Some(self.count()?) } else { None };
        Ok((value, link))
    }

    fn optional_int(&mut self) -> Result<Option<i32>, Malformed> {
        if self.flag("the mark of a node")? { self.int().map(Some) } else { Ok(None) }
    }

    pub(super) fn int(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_le_bytes)
    }

    fn count(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    fn flag(&mut self, what: &str) -> Result<bool, Malformed> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(Malformed::Invalid(format!("{what} is {other}, not 0 or 1"))),
        }
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        let count = self.count()? as usize;
        let (text, rest) = self.0.split_at_checked(count).ok_or(Malformed::Short)?;
        self.0 = rest;
        let invalid = |_| Malformed::Invalid("a string is not UTF-8".to_owned());
        std::str::from_utf8(text).map_err(invalid)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (found, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(*found)
    }
}
