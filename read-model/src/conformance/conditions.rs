//! Which documents match a condition.

use serde_json::json;

use super::case::{Case, cases};
use super::samples::{BOXES, filled, met, number, opened, text};
use crate::{Condition, PageRequest, ReadError, Scalar, Views};

pub(super) fn cases() -> Vec<Case> {
    cases![
        equals_finds_numbers_texts_and_nothing,
        any_of_finds_each_and_an_empty_list_finds_none,
        none_of_keeps_the_missing_unless_null_is_listed,
        lists_of_values_may_be_long,
        has_looks_into_lists_only,
        at_least_and_below_split_the_order,
        less_than_leaves_out_the_missing_and_the_null,
        contains_takes_every_character_for_itself,
        contains_looks_into_texts_only,
        all_conditions_must_be_met,
        the_kinds_of_values_are_distinguished,
        a_field_that_is_no_plain_name_is_refused,
    ]
}

/// `a` 1 x, `b` 2 y, `c` null null, `d` without.
async fn four(url: &str) -> Views {
    let boxes = vec![
        ("a", json!({ "weight": 1, "label": "x" })),
        ("b", json!({ "weight": 2, "label": "y" })),
        ("c", json!({ "weight": null, "label": null })),
        ("d", json!({})),
    ];
    filled(url, boxes).await
}

async fn equals_finds_numbers_texts_and_nothing(url: String) {
    let views = four(&url).await;
    assert_eq!(met(&views, Condition::Equals("weight", number(2))).await, ["b"]);
    assert_eq!(met(&views, Condition::Equals("label", text("x"))).await, ["a"]);
    assert_eq!(met(&views, Condition::Equals("label", text("X"))).await, [""; 0]);
    assert_eq!(met(&views, Condition::Equals("weight", Scalar::Null)).await, ["c", "d"]);
    assert_eq!(met(&views, Condition::Equals("unheard_of", Scalar::Null)).await.len(), 4);
}

async fn any_of_finds_each_and_an_empty_list_finds_none(url: String) {
    let views = four(&url).await;
    let any_of = |values: &[Scalar]| Condition::AnyOf("weight", values.to_vec());
    assert_eq!(met(&views, any_of(&[])).await, [""; 0]);
    assert_eq!(met(&views, any_of(&[number(2), number(1), number(7)])).await, ["a", "b"]);
    assert_eq!(met(&views, any_of(&[Scalar::Null])).await, ["c", "d"]);
    assert_eq!(met(&views, any_of(&[number(1), Scalar::Null])).await, ["a", "c", "d"]);
    assert_eq!(met(&views, Condition::AnyOf("label", vec![text("y"), text("y")])).await, ["b"]);
}

async fn none_of_keeps_the_missing_unless_null_is_listed(url: String) {
    let views = four(&url).await;
    let none_of = |values: &[Scalar]| Condition::NoneOf("weight", values.to_vec());
    assert_eq!(met(&views, none_of(&[])).await, ["a", "b", "c", "d"]);
    assert_eq!(met(&views, none_of(&[number(1)])).await, ["b", "c", "d"]);
    assert_eq!(met(&views, none_of(&[number(1), number(2)])).await, ["c", "d"]);
    assert_eq!(met(&views, none_of(&[Scalar::Null])).await, ["a", "b"]);
    assert_eq!(met(&views, none_of(&[Scalar::Null, number(2)])).await, ["a"]);
}

async fn lists_of_values_may_be_long(url: String) {
    let views = four(&url).await;
    let long: Vec<_> = (2..40_000).map(number).collect();
    assert_eq!(met(&views, Condition::AnyOf("weight", long.clone())).await, ["b"]);
    assert_eq!(met(&views, Condition::NoneOf("weight", long)).await, ["a", "c", "d"]);
    let extremes = vec![number(i64::MAX), number(i64::MIN), number(1)];
    assert_eq!(met(&views, Condition::AnyOf("weight", extremes)).await, ["a"]);
}

async fn has_looks_into_lists_only(url: String) {
    let boxes = vec![
        ("a", json!({ "tags": ["graph", "tree"] })),
        ("b", json!({ "tags": ["tree"] })),
        ("c", json!({ "tags": "tree" })),
        ("d", json!({ "tags": [] })),
        ("e", json!({ "tags": [["tree"], { "tree": "tree" }, 1, null] })),
        ("f", json!({ "tags": null })),
        ("g", json!({})),
        ("h", json!({ "tags": [true, "1", "null"] })),
    ];
    let views = filled(&url, boxes).await;
    assert_eq!(met(&views, Condition::HasAny("tags", vec![text("tree")])).await, ["a", "b"]);
    assert_eq!(met(&views, Condition::HasAny("tags", vec![text("graph")])).await, ["a"]);
    assert_eq!(met(&views, Condition::HasAny("tags", vec![text("tre")])).await, [""; 0]);
    assert_eq!(met(&views, Condition::HasAny("tags", vec![number(1)])).await, ["e"]);
    assert_eq!(met(&views, Condition::HasAny("tags", vec![text("1")])).await, ["h"]);
    assert_eq!(met(&views, Condition::HasAny("tags", vec![Scalar::Null])).await, ["e"]);
    let either = vec![text("graph"), number(1)];
    assert_eq!(met(&views, Condition::HasAny("tags", either)).await, ["a", "e"]);
    assert_eq!(met(&views, Condition::HasAny("tags", vec![])).await, [""; 0]);
}

async fn at_least_and_below_split_the_order(url: String) {
    let views = four(&url).await;
    for (bound, at_least, below) in [
        (number(i64::MIN), vec!["a", "b"], vec!["c", "d"]),
        (number(1), vec!["a", "b"], vec!["c", "d"]),
        (number(2), vec!["b"], vec!["a", "c", "d"]),
        (number(3), vec![], vec!["a", "b", "c", "d"]),
        (Scalar::Null, vec!["a", "b", "c", "d"], vec![]),
    ] {
        assert_eq!(met(&views, Condition::AtLeast("weight", bound.clone())).await, at_least);
        assert_eq!(met(&views, Condition::Below("weight", bound)).await, below);
    }
    assert_eq!(met(&views, Condition::AtLeast("label", text("xx"))).await, ["b"]);
    assert_eq!(met(&views, Condition::Below("label", text("xx"))).await, ["a", "c", "d"]);
}

async fn less_than_leaves_out_the_missing_and_the_null(url: String) {
    let views = four(&url).await;
    let less = |field, value| Condition::LessThan(field, value);
    assert_eq!(met(&views, less("weight", number(2))).await, ["a"]);
    assert_eq!(met(&views, less("weight", number(9))).await, ["a", "b"]);
    assert_eq!(met(&views, less("label", text("y"))).await, ["a"]);
    assert_eq!(met(&views, less("weight", number(1))).await, [""; 0]);
    assert_eq!(met(&views, less("weight", Scalar::Null)).await, [""; 0]);
}

async fn contains_takes_every_character_for_itself(url: String) {
    let labels = [
        "100% sure",
        "snake_case",
        "a.b*c+d?",
        "(group) [class] {2}",
        "^start $end |",
        "back\\slash \\E \\Q",
        "it's \"quoted\" `so`",
        "né e\u{301} 漢字 🦀",
        "line\nbreak",
        "$label {$literal: 1}",
    ];
    let boxes: Vec<_> = labels.iter().map(|&it| (it, json!({ "label": it }))).collect();
    let views = filled(&url, boxes).await;
    let contains = |needle: &str| Condition::Contains("label", needle.to_owned());
    for (needle, label) in [
        ("%", 0),
        ("e_c", 1),
        (".b*", 2),
        ("+d?", 2),
        ("[class]", 3),
        ("{2}", 3),
        ("^start $", 4),
        ("|", 4),
        ("\\E", 5),
        ("k\\s", 5),
        ("'s \"", 6),
        ("`so`", 6),
        ("né", 7),
        ("e\u{301} 漢", 7),
        ("🦀", 7),
        ("e\nb", 8),
        ("$label", 9),
        ("$literal: 1", 9),
    ] {
        assert_eq!(met(&views, contains(needle)).await, [labels[label]], "{needle:?}");
    }
    for needle in ["snakeXcase", "SNAKE", "a.*", "^100", "e\u{301}\u{301}", "sure ", "ne\u{301} "] {
        assert_eq!(met(&views, contains(needle)).await, [""; 0], "{needle:?}");
    }
    assert_eq!(met(&views, contains("")).await.len(), labels.len());
    assert_eq!(met(&views, contains(&"x".repeat(100_000))).await, [""; 0]);
}

async fn contains_looks_into_texts_only(url: String) {
    let boxes = vec![
        ("a", json!({ "label": "12" })),
        ("b", json!({ "label": 12 })),
        ("c", json!({ "label": ["12"] })),
        ("d", json!({ "label": { "12": "12" } })),
        ("e", json!({ "label": null })),
        ("f", json!({})),
    ];
    let views = filled(&url, boxes).await;
    assert_eq!(met(&views, Condition::Contains("label", "1".to_owned())).await, ["a"]);
    assert_eq!(met(&views, Condition::Contains("label", String::new())).await, ["a"]);
}

async fn all_conditions_must_be_met(url: String) {
    let views = four(&url).await;
    let conditions = vec![
        Condition::AtLeast("weight", number(1)),
        Condition::Below("weight", number(2)),
        Condition::Contains("label", "x".to_owned()),
        Condition::NoneOf("label", vec![text("y")]),
    ];
    assert_eq!(views.reader.count(&BOXES, &conditions).await.unwrap(), 1);
    let contradiction =
        vec![Condition::Equals("weight", number(1)), Condition::Equals("weight", number(2))];
    assert_eq!(views.reader.count(&BOXES, &contradiction).await.unwrap(), 0);
    assert_eq!(views.reader.count(&BOXES, &[]).await.unwrap(), 4);
}

async fn the_kinds_of_values_are_distinguished(url: String) {
    let boxes = vec![
        ("a", json!({ "weight": 1 })),
        ("b", json!({ "weight": "1" })),
        ("c", json!({ "weight": "" })),
    ];
    let views = filled(&url, boxes).await;
    assert_eq!(met(&views, Condition::Equals("weight", number(1))).await, ["a"]);
    assert_eq!(met(&views, Condition::Equals("weight", text("1"))).await, ["b"]);
    assert_eq!(met(&views, Condition::AnyOf("weight", vec![text("1")])).await, ["b"]);
    assert_eq!(met(&views, Condition::NoneOf("weight", vec![number(1)])).await, ["b", "c"]);
    assert_eq!(met(&views, Condition::Equals("weight", Scalar::Null)).await, [""; 0]);
    assert_eq!(met(&views, Condition::Equals("weight", text(""))).await, ["c"]);
}

async fn a_field_that_is_no_plain_name_is_refused(url: String) {
    let views = opened(&url).await;
    for field in ["$where", "a.b", "weight') OR 1=1 --", "", "Weight"] {
        for condition in [
            Condition::Equals(field, number(1)),
            Condition::AnyOf(field, vec![]),
            Condition::NoneOf(field, vec![]),
            Condition::HasAny(field, vec![number(1)]),
            Condition::AtLeast(field, Scalar::Null),
            Condition::Below(field, Scalar::Null),
            Condition::Contains(field, String::new()),
        ] {
            let conditions = vec![condition];
            let result = views.reader.count(&BOXES, &conditions).await;
            assert!(matches!(result, Err(ReadError::Unavailable(_))), "{field:?}: {result:?}");
        }
        let order = crate::Order { field: Some(field), direction: crate::Direction::Ascending };
        let request = PageRequest { order, ..PageRequest::all(1) };
        let result = views.reader.page(&BOXES, &request).await;
        assert!(matches!(result, Err(ReadError::Unavailable(_))), "{field:?}: {result:?}");
    }
}
