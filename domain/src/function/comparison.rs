//! When a result counts as the expected one.

use serde::{Deserialize, Serialize};

use super::value::{Value, compare};

/// Maximum number of items that are matched with tolerances in any order.
const MATCHED_ITEMS_MAX: usize = 1_000;

/// How a result is compared with the expected one. NaN equals only NaN, and −0 equals 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equality {
    /// The difference that two `float` may have; 0 by default.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub float_absolute: f64,
    /// The difference that two `float` may have, as a fraction of the expected one; 0 by default.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub float_relative: f64,
    /// The depths of lists whose order does not matter. The result itself has the depth 0, its items
    /// the depth 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unordered: Vec<u8>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl Equality {
    /// Whether the result counts as the expected one. Both are of one type.
    pub fn holds(&self, expected: &Value, result: &Value) -> bool {
        if self.has_tolerance() {
            return self.is_close(expected, result, 0);
        }
        match self.unordered.is_empty() {
            true => compare(expected, result).is_eq(),
            false => {
                compare(&self.sorted(expected.clone(), 0), &self.sorted(result.clone(), 0)).is_eq()
            }
        }
    }

    fn has_tolerance(&self) -> bool {
        self.float_absolute > 0.0 || self.float_relative > 0.0
    }

    fn is_unordered(&self, depth: u8) -> bool {
        self.unordered.contains(&depth)
    }

    /// The value with its unordered lists sorted, so that equal values are the same.
    fn sorted(&self, value: Value, depth: u8) -> Value {
        let inner = depth.saturating_add(1);
        match value {
            Value::List(items) => {
                let mut items: Vec<_> =
                    items.into_iter().map(|item| self.sorted(item, inner)).collect();
                if self.is_unordered(depth) {
                    items.sort_by(compare);
                }
                Value::List(items)
            }
            Value::Tuple(items) => {
                Value::Tuple(items.into_iter().map(|item| self.sorted(item, inner)).collect())
            }
            Value::Map(entries) => {
                let entries = entries.into_iter();
                Value::Map(entries.map(|(key, value)| (key, self.sorted(value, inner))).collect())
            }
            Value::Optional(Some(value)) => {
                Value::Optional(Some(Box::new(self.sorted(*value, depth))))
            }
            Value::Chain(mut items) if self.is_unordered(depth) => {
                items.sort_unstable();
                Value::Chain(items)
            }
            other => other,
        }
    }

    fn is_close(&self, expected: &Value, result: &Value, depth: u8) -> bool {
        let inner = depth.saturating_add(1);
        match (expected, result) {
            (Value::Float(expected), Value::Float(result)) => self.is_near(*expected, *result),
            (Value::List(expected), Value::List(result)) if self.is_unordered(depth) => {
                self.match_all(expected, result, inner)
            }
            (Value::List(expected), Value::List(result))
            | (Value::Tuple(expected), Value::Tuple(result)) => {
                expected.len() == result.len()
                    && expected
                        .iter()
                        .zip(result)
                        .all(|(one, other)| self.is_close(one, other, inner))
            }
            (Value::Map(expected), Value::Map(result)) => {
                let mut pairs = expected.iter().zip(result);
                expected.len() == result.len()
                    && pairs.all(|((key, one), (other_key, other))| {
                        compare(key, other_key).is_eq() && self.is_close(one, other, inner)
                    })
            }
            (Value::Optional(Some(one)), Value::Optional(Some(other))) => {
                self.is_close(one, other, depth)
            }
            (expected, result) => {
                compare(&self.sorted(expected.clone(), depth), &self.sorted(result.clone(), depth))
                    .is_eq()
            }
        }
    }

    fn is_near(&self, expected: f64, result: f64) -> bool {
        if expected == result || expected.is_nan() && result.is_nan() {
            return true;
        }
        let difference = (expected - result).abs();
        // Infinities are near nothing else.
        difference.is_finite()
            && (difference <= self.float_absolute
                || difference <= self.float_relative * expected.abs())
    }

    /// Whether each item of one list can be paired with an item of the other that is close to it.
    fn match_all(&self, expected: &[Value], result: &[Value], depth: u8) -> bool {
        if expected.len() != result.len() {
            return false;
        }
        let order = |items: &[Value]| -> Vec<Value> {
            let mut items: Vec<_> =
                items.iter().map(|item| self.sorted(item.clone(), depth)).collect();
            items.sort_by(compare);
            items
        };
        let (expected, result) = (order(expected), order(result));
        let is_close =
            |one: usize, other: usize| self.is_close(&expected[one], &result[other], depth);
        // In order of size is nearly always right, and for numbers always.
        let are_numbers = matches!(expected.first(), Some(Value::Float(_)));
        if (0..expected.len()).all(|index| is_close(index, index)) {
            return true;
        }
        !are_numbers && expected.len() <= MATCHED_ITEMS_MAX && matches(expected.len(), is_close)
    }
}

/// Whether there is a perfect matching between two sets of this size (Kuhn's algorithm).
fn matches(count: usize, fits: impl Fn(usize, usize) -> bool) -> bool {
    let partners: Vec<Vec<usize>> =
        (0..count).map(|one| (0..count).filter(|other| fits(one, *other)).collect()).collect();
    let mut owner: Vec<Option<usize>> = vec![None; count];
    (0..count).all(|one| find_partner(one, &partners, &mut owner, &mut vec![false; count]))
}

fn find_partner(
    one: usize,
    partners: &[Vec<usize>],
    owner: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    partners[one].iter().any(|&other| {
        if std::mem::replace(&mut seen[other], true) {
            return false;
        }
        let is_free = owner[other].is_none_or(|holder| find_partner(holder, partners, owner, seen));
        if is_free {
            owner[other] = Some(one);
        }
        is_free
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::{Structs, Type, json};
    use super::*;

    fn holds(equality: &Equality, of: &str, expected: Json, result: Json) -> bool {
        let of = Type::parse(of, &Structs::new()).unwrap();
        let read = |json: &Json| json::read(&of, json).unwrap();
        equality.holds(&read(&expected), &read(&result))
    }

    #[test]
    fn values_are_compared_exactly_by_default() {
        let exact = Equality::default();
        for (of, one, other, expected) in [
            ("float", json!(0.0), json!(-0.0), true),
            ("float", json!("NaN"), json!("NaN"), true),
            ("float", json!("NaN"), json!(1.0), false),
            ("float", json!(0.1), json!(0.100_000_000_000_000_02), false),
            ("int[]", json!([1, 2]), json!([2, 1]), false),
            ("int[][]", json!([[]]), json!([]), false),
            ("map<string, int>", json!({ "a": 1, "b": 2 }), json!({ "b": 2, "a": 1 }), true),
            ("map<string, int>", json!({ "a": 1 }), json!({ "a": 2 }), false),
            ("TreeNode", json!([1, null, 2]), json!([1, 2]), false),
            ("int?", json!(null), json!(0), false),
        ] {
            assert_eq!(
                holds(&exact, of, one.clone(), other.clone()),
                expected,
                "{of} {one} {other}"
            );
        }
    }

    #[test]
    fn numbers_may_differ_by_the_tolerance() {
        let near = Equality { float_absolute: 1e-6, ..Equality::default() };
        let relative = Equality { float_relative: 1e-3, ..Equality::default() };
        assert!(holds(&near, "float[]", json!([1.0, 2.0]), json!([1.000_000_5, 2.0])));
        assert!(!holds(&near, "float[]", json!([1.0, 2.0]), json!([1.000_002, 2.0])));
        assert!(holds(&relative, "float", json!(1e9), json!(1_000_900_000)));
        assert!(!holds(&relative, "float", json!(1.0), json!("Infinity")));
        assert!(holds(&relative, "float", json!("Infinity"), json!("Infinity")));
        assert!(!holds(&near, "tuple<int, float>", json!([1, 0.5]), json!([2, 0.5])));
    }

    #[test]
    fn the_order_matters_only_where_it_is_said_to() {
        let at = |depths: &[u8]| Equality { unordered: depths.to_vec(), ..Equality::default() };
        let (one, other) = (json!([[1, 2], [3, 4]]), json!([[3, 4], [1, 2]]));
        let inside = json!([[2, 1], [4, 3]]);
        let both = json!([[4, 3], [2, 1]]);
        for (depths, results) in [
            (&[][..], [false, false, false]),
            (&[0], [true, false, false]),
            (&[1], [false, true, false]),
            (&[0, 1], [true, true, true]),
        ] {
            for (result, expected) in [&other, &inside, &both].into_iter().zip(results) {
                let found = holds(&at(depths), "int[][]", one.clone(), result.clone());
                assert_eq!(found, expected, "{depths:?} {result}");
            }
        }
        // Items count as often as they are there.
        assert!(!holds(&at(&[0]), "int[]", json!([1, 1, 2]), json!([1, 2, 2])));
        assert!(holds(&at(&[0]), "ListNode", json!([1, 2]), json!([2, 1])));
    }

    #[test]
    fn items_in_any_order_are_matched_with_tolerance_and_not_by_luck() {
        let equality = Equality { float_absolute: 0.5, unordered: vec![0], ..Equality::default() };
        assert!(holds(&equality, "float[]", json!([3.0, 1.0, 2.0]), json!([1.4, 2.4, 3.4])));
        // Sorted by the first part, the pairs would not fit.
        let (one, other) = (json!([[1.0, 9.0], [1.2, 5.0]]), json!([[1.1, 5.0], [1.3, 9.0]]));
        assert!(holds(&equality, "tuple<float, float>[]", one.clone(), other));
        let other = json!([[1.1, 5.0], [1.3, 7.0]]);
        assert!(!holds(&equality, "tuple<float, float>[]", one, other));
    }
}
