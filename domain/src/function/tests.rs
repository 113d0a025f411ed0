//! Values of random types survive each way, and bytes and JSON of others are refused.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use serde_json::{Value as Json, json};

use super::value::{check_children, check_tree, trimmed};
use super::*;

fn any_key() -> BoxedStrategy<Type> {
    use Type::{BigInt, Bool, Char, Int, Long, String};
    prop::sample::select(vec![Bool, Int, Long, BigInt, Char, String]).boxed()
}

fn any_type() -> BoxedStrategy<Type> {
    let kinds = [NodeKind::Neighbors, NodeKind::Children, NodeKind::Random].map(Type::Node);
    let nodes = prop::sample::select([&kinds[..], &[Type::ListNode, Type::TreeNode]].concat());
    let leaf = prop_oneof![3 => any_key(), 1 => Just(Type::Float), 1 => nodes];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let fields = prop::collection::vec(inner.clone(), 1..4).prop_map(|types| {
            let field = |(index, of)| Field { name: format!("f{index}"), of };
            let fields = types.into_iter().enumerate().map(field).collect();
            Type::Struct(Arc::new(Struct { name: "S".to_owned(), fields }))
        });
        prop_oneof![
            inner.clone().prop_map(|item| Type::List(Box::new(item))),
            any_key().prop_map(|item| Type::Optional(Box::new(item))),
            (any_key(), inner.clone()).prop_map(|(k, v)| Type::Map(Box::new(k), Box::new(v))),
            prop::collection::vec(inner, 1..4).prop_map(Type::Tuple),
            fields,
        ]
    })
    .boxed()
}

fn value_of(of: &Type) -> BoxedStrategy<Value> {
    let optional_ints = || prop::collection::vec(any::<Option<i32>>(), 0..12);
    match of {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int => any::<i32>().prop_map(Value::Int).boxed(),
        Type::Long => any::<i64>().prop_map(Value::Long).boxed(),
        Type::BigInt => {
            "-?[0-9]{1,40}".prop_map(|text| Value::BigInt(BigInt::parse(&text).unwrap())).boxed()
        }
        Type::Float => prop::num::f64::ANY.prop_map(Value::Float).boxed(),
        Type::Char => any::<char>().prop_map(Value::Char).boxed(),
        Type::String => any::<String>().prop_map(Value::String).boxed(),
        Type::List(item) => {
            prop::collection::vec(value_of(item), 0..5).prop_map(Value::List).boxed()
        }
        Type::Optional(item) => {
            prop::option::of(value_of(item).prop_map(Box::new)).prop_map(Value::Optional).boxed()
        }
        Type::Map(key, value) => prop::collection::vec((value_of(key), value_of(value)), 0..5)
            .prop_map(|mut entries| {
                entries.sort_by(|(one, _), (other, _)| compare(one, other));
                entries.dedup_by(|(one, _), (other, _)| compare(one, other).is_eq());
                Value::Map(entries)
            })
            .boxed(),
        Type::Tuple(types) => {
            types.iter().map(value_of).collect::<Vec<_>>().prop_map(Value::Tuple).boxed()
        }
        Type::Struct(of) => {
            let fields: Vec<_> = of.fields.iter().map(|field| value_of(&field.of)).collect();
            fields.prop_map(Value::Tuple).boxed()
        }
        Type::ListNode => prop::collection::vec(any::<i32>(), 0..9).prop_map(Value::Chain).boxed(),
        Type::TreeNode => {
            let longest = |items: Vec<Option<i32>>| {
                let ends = (0..=items.len()).rev().map(|end| trimmed(items[..end].to_vec()));
                let mut trees = ends.filter(|items| check_tree(items).is_ok());
                Value::Tree(trees.next().unwrap())
            };
            optional_ints().prop_map(longest).boxed()
        }
        Type::Node(NodeKind::Children) => {
            let longest = |(root, items): (i32, Vec<Option<i32>>)| {
                let items = [&[Some(root), None], items.as_slice()].concat();
                let ends = (0..=items.len()).rev().map(|end| trimmed(items[..end].to_vec()));
                let mut trees = ends.filter(|items| check_children(items).is_ok());
                Value::Children(trees.next().unwrap())
            };
            (any::<i32>(), optional_ints()).prop_map(longest).boxed()
        }
        Type::Node(NodeKind::Neighbors) => (0_u32..6)
            .prop_flat_map(|count| {
                let neighbours = prop::collection::vec(1..=count.max(1), 0..4);
                prop::collection::vec(neighbours, count as usize)
            })
            .prop_map(Value::Graph)
            .boxed(),
        Type::Node(NodeKind::Random) => (0_u32..6)
            .prop_flat_map(|count| {
                let link = prop::option::of(0..count.max(1));
                prop::collection::vec((any::<i32>(), link), count as usize)
            })
            .prop_map(Value::Random)
            .boxed(),
    }
}

fn typed() -> impl Strategy<Value = (Type, Value)> {
    any_type().prop_flat_map(|of| {
        let value = value_of(&of);
        (Just(of), value)
    })
}

/// As in [`compare`], but −0 differs from 0, and a NaN from a NaN with other bits.
fn bytes_of(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::write(value, &mut bytes);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_value_survives_json_and_frames((of, value) in typed()) {
        let written = json::write(&of, &value);
        let text = serde_json::to_string(&written).unwrap();
        let read = json::read(&of, &serde_json::from_str(&text).unwrap());
        let read = read.map_err(|error| TestCaseError::fail(format!("{of} {text}: {error}")))?;
        prop_assert!(compare(&read, &value).is_eq(), "{of}: {text}");
        let framed = bytes_of(&read);
        let back = frame::read(&of, &framed).unwrap();
        prop_assert!(compare(&back, &value).is_eq());
        prop_assert_eq!(json::write(&of, &back).to_string(), text);
        // What is cut or continued is not a value.
        for end in [framed.len() / 2, framed.len() - 1] {
            prop_assert!(frame::read(&of, &framed[..end]).is_err());
        }
        let longer = [framed.as_slice(), &[0]].concat();
        prop_assert_eq!(frame::read(&of, &longer), Err(frame::Malformed::Trailing(1)));
    }

    #[test]
    fn hostile_bytes_are_refused_or_a_value(
        of in any_type(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(value) = frame::read(&of, &bytes) {
            let again = frame::read(&of, &bytes_of(&value)).unwrap();
            prop_assert!(compare(&again, &value).is_eq());
        }
    }
}

#[test]
fn a_count_beyond_the_bytes_takes_no_memory() {
    let of = Type::parse("int[][]", &Structs::new()).unwrap();
    let bytes = [u32::MAX.to_le_bytes(), [0; 4]].concat();
    assert_eq!(frame::read(&of, &bytes), Err(frame::Malformed::Short));
}

#[test]
fn json_of_another_type_is_refused_with_its_path() {
    let point = Struct {
        name: "Point".to_owned(),
        fields: vec![
            Field { name: "x".to_owned(), of: Type::Int },
            Field { name: "on".to_owned(), of: Type::Optional(Box::new(Type::Bool)) },
        ],
    };
    let structs: Structs = [("Point".to_owned(), Arc::new(point))].into();
    let error = |of: &str, json: Json| {
        json::read(&Type::parse(of, &structs).unwrap(), &json).unwrap_err().to_string()
    };
    for (of, json, expected) in [
        ("int", json!(2_147_483_648_u64), "$: 2147483648 is not a value of type int (32 bits)"),
        ("int", json!(1.0), "$: 1.0 is not a value of type int (32 bits)"),
        ("int", json!(true), "$: true is not a value of type int"),
        ("bool", json!(1), "$: 1 is not a value of type bool"),
        ("long", json!(u64::MAX), "$: 18446744073709551615 is not a value of type long (64 bits)"),
        ("bigint", json!(1e30), "$: an integer of more than 64 bits must be a string of digits"),
        ("bigint", json!("1e3"), "$: it is not a decimal integer with at most 10000 digits"),
        ("float", json!("nan"), "$: \"nan\" is not a value of type float"),
        ("char", json!("ab"), "$: \"ab\" is not a value of type char (one character)"),
        ("char", json!(""), "$: \"\" is not a value of type char (one character)"),
        ("int[][]", json!([[1], [2, "3"]]), "$[1][1]: \"3\" is not a value of type int"),
        ("tuple<int, string>", json!([1]), "$: it has 1 items instead of 2"),
        ("Point", json!({ "x": 1 }), "$: the field \"on\" is missing"),
        ("Point", json!({ "x": 1, "on": null, "y": 2 }), "$: Point has no field \"y\""),
        ("Point[]", json!([{ "x": 1, "on": 2 }]), "$[0].on: 2 is not a value of type bool"),
        (
            "map<int, int>",
            json!({ "1": 2, "01": 3 }),
            "$: a key: \"01\" is not a value of type int",
        ),
        ("map<bigint, int>", json!({ "1": 2, "01": 3 }), "$: the key \"1\" is there twice"),
        ("map<string, int>", json!({ "a": 2.5 }), "$.a: 2.5 is not a value of type int (32 bits)"),
        ("TreeNode", json!([null, 1]), "$: no node is left that item 1 could be a child of"),
        ("TreeNode", json!([1, "2"]), "$[1]: \"2\" is not a value of type int (32 bits)"),
        ("Node<children>", json!([1, 2]), "$: it must begin with the root's value and null"),
        ("Node<neighbors>", json!([[2], [3]]), "$: 3 is not a node; the nodes are 1 to 2"),
        ("Node<random>", json!([[7, 1]]), "$[0][1]: there are 1 nodes, numbered from 0"),
        ("string", json!("x".repeat(90)), "$: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… is not"),
    ] {
        if of == "string" {
            assert!(error("int", json).starts_with(expected));
            continue;
        }
        let found = error(of, json);
        assert!(found.starts_with(expected), "{of}: {found}");
    }
}

#[test]
fn empty_lists_stay_distinct_and_nodes_may_be_null() {
    let read = |of: &str, json: Json| {
        json::read(&Type::parse(of, &Structs::new()).unwrap(), &json).unwrap()
    };
    let lists = [json!([]), json!([[]]), json!([[], []])].map(|json| read("int[][]", json));
    for (index, one) in lists.iter().enumerate() {
        for (other_index, other) in lists.iter().enumerate() {
            assert_eq!(compare(one, other).is_eq(), index == other_index);
            assert_eq!(bytes_of(one) == bytes_of(other), index == other_index);
        }
    }
    for of in ["ListNode", "TreeNode", "Node<neighbors>", "Node<children>", "Node<random>"] {
        assert_eq!(read(of, json!(null)), read(of, json!([])), "{of}");
    }
    assert_eq!(
        read("TreeNode", json!([1, null, 2, null, null])),
        read("TreeNode", json!([1, null, 2]))
    );
}
