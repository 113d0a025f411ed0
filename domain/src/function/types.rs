//! The types of parameters and results.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// How deep types may be nested: `int[][]` has the depth 3.
pub const NESTING_MAX: usize = 8;

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// An integer of 32 bits, signed.
    Int,
    /// An integer of 64 bits, signed.
    Long,
    /// An integer of any size.
    BigInt,
    /// A binary floating-point number of 64 bits.
    Float,
    /// One Unicode scalar value.
    Char,
    /// Unicode text.
    String,
    /// Values of one type, in order.
    List(Box<Type>),
    /// A value or nothing.
    Optional(Box<Type>),
    /// Values by key. The order does not matter.
    Map(Box<Type>, Box<Type>),
    /// A fixed number of values of their own types, at least one.
    Tuple(Vec<Type>),
    /// Named fields.
    Struct(Arc<Struct>),
    /// The head of a singly linked list of `int`.
    ListNode,
    /// The root of a binary tree of `int`.
    TreeNode,
    /// A node of a graph or of another tree.
    Node(NodeKind),
}

/// The links that a `Node` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// `val` and `neighbors`: the first node of an undirected graph, whose values are 1 to n.
    Neighbors,
    /// `val` and `children`: the root of a tree.
    Children,
    /// `val`, `next` and `random`: the head of a linked list with a second link to any node.
    Random,
}

/// A declared type with named fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Struct {
    /// The type's name.
    pub name: String,
    /// The fields in order, at least one.
    pub fields: Vec<Field>,
}

/// A field of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The field's name.
    pub name: String,
    /// The type of its value.
    pub of: Type,
}

/// Declared structs by name.
pub type Structs = BTreeMap<String, Arc<Struct>>;

/// The text is not a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidType {
    /// A part is not as expected.
    #[error("{text:?} is not a type: expected {expected} at character {at}")]
    Syntax {
        /// The whole text.
        text: String,
        /// The place, from 1.
        at: usize,
        /// What is missing.
        expected: &'static str,
    },
    /// A name is not a type and not a declared struct.
    #[error(
        "{name:?} is not a type; the types are bool, int, long, bigint, float, char, string, T[], \
         T?, map<K,V>, tuple<A,B>, ListNode, TreeNode, Node<neighbors>, Node<children>, \
         Node<random> and the structs that the signature declares"
    )]
    Unknown {
        /// The name.
        name: String,
    },
    /// The type is nested too deeply.
    #[error("a type may be nested {NESTING_MAX} deep, and {text:?} is nested deeper")]
    TooDeep {
        /// The whole text.
        text: String,
    },
    /// The keys of a map have an unsuitable type.
    #[error("the keys of a map are bool, int, long, bigint, char or string, not {0}")]
    Key(String),
    /// An optional value of something that already can be nothing.
    #[error("{0}? is not a type, because {0} can be null already")]
    AlreadyOptional(String),
}

impl Type {
    /// Reads a type such as `map<string, int[]>`. Names other than the built-in ones are structs.
    ///
    /// # Errors
    /// If the text is not a type.
    pub fn parse(text: &str, structs: &Structs) -> Result<Self, InvalidType> {
        let mut reader = Reader { text, at: 0, structs };
        let found = reader.read(NESTING_MAX)?;
        match reader.peek() {
            None => Ok(found),
            Some(_) => Err(reader.expected("the end")),
        }
    }

    /// The length of the longest chain of types inside each other.
    pub fn depth(&self) -> usize {
        1 + self.parts().into_iter().map(Self::depth).max().unwrap_or(0)
    }

    /// Whether it is this type, or contains it.
    pub fn contains(&self, is_wanted: &dyn Fn(&Self) -> bool) -> bool {
        is_wanted(self) || self.parts().into_iter().any(|part| part.contains(is_wanted))
    }

    /// The types directly inside.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::List(item) | Self::Optional(item) => vec![item],
            Self::Map(key, value) => vec![key, value],
            Self::Tuple(items) => items.iter().collect(),
            Self::Struct(of) => of.fields.iter().map(|field| &field.of).collect(),
            _ => vec![],
        }
    }

    fn is_key(&self) -> bool {
        use Type::{BigInt, Bool, Char, Int, Long, String};
        matches!(self, Bool | Int | Long | BigInt | Char | String)
    }

    /// Whether null is a value of it.
    fn can_be_null(&self) -> bool {
        matches!(self, Self::Optional(_) | Self::ListNode | Self::TreeNode | Self::Node(_))
    }
}

impl NodeKind {
    /// The name in the text of a type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Neighbors => "neighbors",
            Self::Children => "children",
            Self::Random => "random",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Long => f.write_str("long"),
            Self::BigInt => f.write_str("bigint"),
            Self::Float => f.write_str("float"),
            Self::Char => f.write_str("char"),
            Self::String => f.write_str("string"),
            Self::List(item) => write!(f, "{item}[]"),
            Self::Optional(item) => write!(f, "{item}?"),
            Self::Map(key, value) => write!(f, "map<{key}, {value}>"),
            Self::Tuple(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "tuple<{}>", items.join(", "))
            }
            Self::Struct(of) => f.write_str(&of.name),
            Self::ListNode => f.write_str("ListNode"),
            Self::TreeNode => f.write_str("TreeNode"),
            Self::Node(kind) => write!(f, "Node<{}>", kind.name()),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    structs: &'a Structs,
}

impl Reader<'_> {
    fn read(&mut self, depth_left: usize) -> Result<Type, InvalidType> {
        let mut found = self.read_base(depth_left)?;
        loop {
            found = if self.take('[') {
                self.need(']', "]")?;
                Type::List(Box::new(found))
            } else if self.take('?') {
                if found.can_be_null() {
                    return Err(InvalidType::AlreadyOptional(found.to_string()));
                }
                Type::Optional(Box::new(found))
            } else {
                return Ok(found);
            };
            if found.depth() > depth_left {
                return Err(self.too_deep());
            }
        }
    }

    fn read_base(&mut self, depth_left: usize) -> Result<Type, InvalidType> {
        let inner = depth_left.checked_sub(1).ok_or_else(|| self.too_deep())?;
        let name = self.name();
        Ok(match name.as_str() {
            "" => return Err(self.expected("the name of a type")),
            "bool" => Type::Bool,
            "int" => Type::Int,
            "long" => Type::Long,
            "bigint" => Type::BigInt,
            "float" => Type::Float,
            "char" => Type::Char,
            "string" => Type::String,
            "ListNode" => Type::ListNode,
            "TreeNode" => Type::TreeNode,
            "map" => {
                self.need('<', "<")?;
                let key = self.read(inner)?;
                if !key.is_key() {
                    return Err(InvalidType::Key(key.to_string()));
                }
                self.need(',', "a comma")?;
                let value = self.read(inner)?;
                self.need('>', ">")?;
                Type::Map(Box::new(key), Box::new(value))
            }
            "tuple" => {
                self.need('<', "<")?;
                let mut items = vec![self.read(inner)?];
                while self.take(',') {
                    items.push(self.read(inner)?);
                }
                self.need('>', "a comma or >")?;
                Type::Tuple(items)
            }
            "Node" => {
                self.need('<', "<neighbors>, <children> or <random>")?;
                let kinds = [NodeKind::Neighbors, NodeKind::Children, NodeKind::Random];
                let name = self.name();
                let kind = kinds.into_iter().find(|kind| kind.name() == name);
                let kind = kind.ok_or_else(|| self.expected("neighbors, children or random"))?;
                self.need('>', ">")?;
                Type::Node(kind)
            }
            _ => match self.structs.get(&name) {
                Some(of) => {
                    let found = Type::Struct(Arc::clone(of));
                    if found.depth() > depth_left {
                        return Err(self.too_deep());
                    }
                    found
                }
                None => return Err(InvalidType::Unknown { name }),
            },
        })
    }

    fn name(&mut self) -> String {
        self.skip_space();
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let name = &rest[..end.unwrap_or(rest.len())];
        self.at += name.len();
        name.to_owned()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn need(&mut self, wanted: char, expected: &'static str) -> Result<(), InvalidType> {
        if self.take(wanted) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.text[self.at..].chars().next()
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn expected(&self, expected: &'static str) -> InvalidType {
        let at = self.text[..self.at].chars().count() + 1;
        InvalidType::Syntax { text: self.text.to_owned(), at, expected }
    }

    fn too_deep(&self) -> InvalidType {
        InvalidType::TooDeep { text: self.text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structs() -> Structs {
        let field = |name: &str, of| Field { name: name.to_owned(), of };
        let fields = vec![field("x", Type::Int), field("y", Type::Float)];
        let point = Struct { name: "Point".to_owned(), fields };
        [("Point".to_owned(), Arc::new(point))].into()
    }

    #[test]
    fn a_type_is_read_as_it_is_shown() {
        for text in [
            "bool",
            "int[][]",
            "long?",
            "bigint",
            "float[]?",
            "map<string, map<char, int?[]>>",
            "tuple<int, tuple<string>, Point>[]",
            "ListNode[]",
            "TreeNode",
            "Node<neighbors>",
            "Node<children>",
            "Node<random>",
        ] {
            assert_eq!(Type::parse(text, &structs()).unwrap().to_string(), text);
        }
        let spaced = Type::parse(" map < string,int [ ] > ? ", &structs()).unwrap();
        assert_eq!(spaced.to_string(), "map<string, int[]>?");
    }

    #[test]
    fn what_is_not_a_type_is_refused_with_its_place() {
        let error = |text: &str| Type::parse(text, &structs()).unwrap_err().to_string();
        assert_eq!(error("int[").as_str(), "\"int[\" is not a type: expected ] at character 5");
        assert!(error("").contains("expected the name of a type at character 1"));
        assert!(error("int]").contains("expected the end at character 4"));
        assert!(error("map<int>").contains("expected a comma at character 8"));
        assert!(error("tuple<>").contains("expected the name of a type"));
        assert!(error("Node<left>").contains("expected neighbors, children or random"));
        assert!(error("number").starts_with("\"number\" is not a type; the types are bool"));
        assert!(error("map<float, int>").contains("not float"));
        assert_eq!(error("int??"), "int?? is not a type, because int? can be null already");
        assert!(error("TreeNode?").contains("can be null already"));
    }

    #[test]
    fn nesting_is_bounded() {
        let deepest = format!("int{}", "[]".repeat(NESTING_MAX - 1));
        assert_eq!(Type::parse(&deepest, &structs()).unwrap().depth(), NESTING_MAX);
        for text in [
            format!("{deepest}[]"),
            format!("{}int{}", "tuple<".repeat(10_000), ">".repeat(10_000)),
            format!("Point{}", "[]".repeat(NESTING_MAX - 1)),
        ] {
            let error = Type::parse(&text, &structs()).unwrap_err();
            assert!(matches!(error, InvalidType::TooDeep { .. }), "{error}");
        }
    }
}
