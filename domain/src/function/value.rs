//! Values of the types.

use std::cmp::Ordering;
use std::fmt;

/// Maximum number of digits of a `bigint`.
const BIGINT_DIGITS_MAX: usize = 10_000;

/// A value. The type says which of these it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A `bool`.
    Bool(bool),
    /// An `int`.
    Int(i32),
    /// A `long`.
    Long(i64),
    /// A `bigint`.
    BigInt(BigInt),
    /// A `float`.
    Float(f64),
    /// A `char`.
    Char(char),
    /// A `string`.
    String(String),
    /// A list.
    List(Vec<Value>),
    /// An optional value.
    Optional(Option<Box<Value>>),
    /// The entries of a map, sorted by key; each key once.
    Map(Vec<(Value, Value)>),
    /// The parts of a tuple, or the fields of a struct in their order.
    Tuple(Vec<Value>),
    /// The values of a `ListNode` and the nodes after it; empty for null.
    Chain(Vec<i32>),
    /// A `TreeNode` in level order, without the children of nothing and without nothing at the end.
    Tree(Vec<Option<i32>>),
    /// The neighbours of each node of a graph, whose nodes are 1 to n; empty for null.
    Graph(Vec<Vec<u32>>),
    /// A tree with any number of children in level order: the value of the root, and then, after a
    /// separator for each node, the values of its children.
    Children(Vec<Option<i32>>),
    /// The nodes of a chain: the value of each, and the place of the node that its second link
    /// leads to, from 0.
    Random(Vec<(i32, Option<u32>)>),
}

/// An integer of any size, as decimal text without superfluous zeros or signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BigInt(String);

/// The text is not a decimal integer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a decimal integer with at most {BIGINT_DIGITS_MAX} digits")]
pub struct InvalidBigInt;

impl BigInt {
    /// Reads decimal digits with an optional sign.
    ///
    /// # Errors
    /// If the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidBigInt> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let is_bounded = (1..=BIGINT_DIGITS_MAX).contains(&digits.len());
        if !is_bounded || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(InvalidBigInt);
        }
        Ok(match digits.trim_start_matches('0') {
            "" => Self("0".to_owned()),
            digits if is_negative => Self(format!("-{digits}")),
            digits => Self(digits.to_owned()),
        })
    }

    /// The decimal text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<i64> for BigInt {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl fmt::Display for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for BigInt {
    fn cmp(&self, other: &Self) -> Ordering {
        let magnitude = |of: &Self| {
            let digits = of.0.trim_start_matches('-');
            (digits.len(), digits.to_owned())
        };
        match (self.0.starts_with('-'), other.0.starts_with('-')) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => magnitude(self).cmp(&magnitude(other)),
            (true, true) => magnitude(other).cmp(&magnitude(self)),
        }
    }
}

impl PartialOrd for BigInt {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A total order of values of one type, so that they can be sorted. It equates values that are
/// exactly the same, except that NaN equals NaN and −0 equals 0.
pub fn compare(one: &Value, other: &Value) -> Ordering {
    use Value::{
        BigInt, Bool, Chain, Char, Children, Float, Graph, Int, List, Long, Map, Optional, Random,
        String, Tree, Tuple,
    };
    match (one, other) {
        (Bool(one), Bool(other)) => one.cmp(other),
        (Int(one), Int(other)) => one.cmp(other),
        (Long(one), Long(other)) => one.cmp(other),
        (BigInt(one), BigInt(other)) => one.cmp(other),
        (Float(one), Float(other)) => compare_floats(*one, *other),
        (Char(one), Char(other)) => one.cmp(other),
        (String(one), String(other)) => one.cmp(other),
        (List(one), List(other)) | (Tuple(one), Tuple(other)) => compare_all(one, other),
        (Optional(one), Optional(other)) => match (one, other) {
            (Some(one), Some(other)) => compare(one, other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        },
        (Map(one), Map(other)) => {
            let pairs = one.iter().zip(other).map(|((key, value), (other_key, other_value))| {
                compare(key, other_key).then_with(|| compare(value, other_value))
            });
            first_difference(pairs).then(one.len().cmp(&other.len()))
        }
        (Chain(one), Chain(other)) => one.cmp(other),
        (Tree(one), Tree(other)) | (Children(one), Children(other)) => one.cmp(other),
        (Graph(one), Graph(other)) => one.cmp(other),
        (Random(one), Random(other)) => one.cmp(other),
        // Values of different types are never compared.
        _ => Ordering::Equal,
    }
}

fn compare_all(one: &[Value], other: &[Value]) -> Ordering {
    let pairs = one.iter().zip(other).map(|(one, other)| compare(one, other));
    first_difference(pairs).then(one.len().cmp(&other.len()))
}

fn first_difference(mut pairs: impl Iterator<Item = Ordering>) -> Ordering {
    pairs.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn compare_floats(one: f64, other: f64) -> Ordering {
    match one.partial_cmp(&other) {
        Some(order) => order,
        // NaN is greater than everything else.
        None => one.is_nan().cmp(&other.is_nan()),
    }
}

/// A list of nodes without nothing at its end.
pub(super) fn trimmed(mut items: Vec<Option<i32>>) -> Vec<Option<i32>> {
    let end = items.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    items.truncate(end);
    items
}

/// Checks that each item in level order is a child of a node before it.
pub(super) fn check_tree(items: &[Option<i32>]) -> Result<(), String> {
    let mut places = 1_u64;
    for (index, item) in items.iter().enumerate() {
        match places.checked_sub(1) {
            Some(left) => places = left + if item.is_some() { 2 } else { 0 },
            None => return Err(format!("no node is left that item {index} could be a child of")),
        }
    }
    Ok(())
}

/// Checks that the children of each group have a parent.
pub(super) fn check_children(items: &[Option<i32>]) -> Result<(), String> {
    match items {
        [] | [Some(_)] | [Some(_), None, ..] => {}
        _ => return Err("it must begin with the root's value and null".to_owned()),
    }
    let (mut nodes, mut parents) = (0_usize, 0_usize);
    for (index, item) in items.iter().enumerate() {
        match item {
            Some(_) => nodes += 1,
            None => parents += 1,
        }
        if parents > nodes {
            return Err(format!("no node is left that item {index} could begin the children of"));
        }
    }
    Ok(())
}

/// Checks that every neighbour is a node.
pub(super) fn check_graph(nodes: &[Vec<u32>]) -> Result<(), String> {
    let count = nodes.len();
    let is_node = |place: &u32| (1..=count).contains(&(*place as usize));
    match nodes.iter().flatten().find(|place| !is_node(place)) {
        Some(place) => Err(format!("{place} is not a node; the nodes are 1 to {count}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_integers_have_one_text_each() {
        let text = |text: &str| BigInt::parse(text).map(|it| it.to_string());
        for (written, kept) in [("0", "0"), ("-0", "0"), ("007", "7"), ("-010", "-10")] {
            assert_eq!(text(written).unwrap(), kept);
        }
        let long = "9".repeat(BIGINT_DIGITS_MAX);
        assert_eq!(text(&long).unwrap(), long);
        for wrong in ["", "-", "+1", "1.0", "1e3", " 1", "١", &format!("{long}9")] {
            assert_eq!(text(wrong), Err(InvalidBigInt), "{wrong}");
        }
    }

    #[test]
    fn big_integers_are_ordered_by_size() {
        let sorted = ["-100", "-20", "-3", "0", "3", "20", "100", "99999999999999999999"];
        let numbers = sorted.map(|text| BigInt::parse(text).unwrap());
        assert!(numbers.is_sorted());
    }
}
