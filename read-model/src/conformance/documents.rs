//! Documents are read back exactly as they were written.

use serde_json::{Value, json};

use super::case::{Case, cases};
use super::samples::{
    BOXES, Dice, PROJECTION, at, delete, filled, got, keys_of, opened, place, put, text,
};
use crate::{Direction, Order, PageRequest, Scalar, WHOLE_PAGE};

pub(super) fn cases() -> Vec<Case> {
    cases![
        what_was_put_is_there_and_what_was_deleted_is_not,
        get_answers_in_the_order_of_the_keys_and_each_as_often_as_asked,
        a_later_put_replaces_the_whole_document,
        the_last_change_of_a_key_in_a_commit_counts,
        deleting_what_is_not_there_is_no_error,
        a_collection_that_was_never_prepared_reads_empty,
        a_commit_makes_a_collection_that_was_not_prepared,
        preparing_again_changes_nothing,
        whole_numbers_and_fractions_survive_exactly,
        fractions_survive_to_the_last_bit,
        lists_objects_nulls_and_texts_survive_exactly,
        a_document_of_a_mebibyte_survives,
        keys_of_every_script_survive_and_are_ordered_by_bytes,
        keys_and_values_that_look_like_a_query_are_only_text,
        a_thousand_changes_are_one_commit,
        what_no_store_holds_exactly_is_refused_by_all,
    ]
}

async fn what_was_put_is_there_and_what_was_deleted_is_not(url: String) {
    let views = filled(&url, vec![("a", json!({ "weight": 1 })), ("b", json!({}))]).await;
    assert_eq!(
        got(&views, &["a", "b", "c"]).await,
        [Some(json!({ "weight": 1 })), Some(json!({})), None]
    );
    views.writer.commit(PROJECTION, Some(&at(1)), &at(2), vec![delete("a")]).await.unwrap();
    assert_eq!(got(&views, &["a", "b"]).await, [None, Some(json!({}))]);
    assert_eq!(views.reader.count(&BOXES, &[]).await.unwrap(), 1);
}

async fn get_answers_in_the_order_of_the_keys_and_each_as_often_as_asked(url: String) {
    let documents = ["a", "b", "c"].map(|key| (key, json!({ "label": key }))).to_vec();
    let views = filled(&url, documents).await;
    let found = got(&views, &["c", "x", "a", "c", "b"]).await;
    let labels: Vec<_> =
        found.iter().map(|it| it.as_ref().map(|it| it["label"].as_str().unwrap())).collect();
    assert_eq!(labels, [Some("c"), None, Some("a"), Some("c"), Some("b")]);
    assert_eq!(got(&views, &[]).await, []);
}

async fn a_later_put_replaces_the_whole_document(url: String) {
    let views = filled(&url, vec![("a", json!({ "weight": 1, "label": "old" }))]).await;
    let change = put("a", json!({ "weight": 2 }));
    views.writer.commit(PROJECTION, Some(&at(1)), &at(2), vec![change]).await.unwrap();
    assert_eq!(got(&views, &["a"]).await, [Some(json!({ "weight": 2 }))]);
}

async fn the_last_change_of_a_key_in_a_commit_counts(url: String) {
    let views = opened(&url).await;
    let changes = vec![
        put("a", json!({ "weight": 1 })),
        put("b", json!({ "weight": 1 })),
        delete("a"),
        delete("c"),
        delete("b"),
        put("b", json!({ "weight": 2 })),
        put("c", json!({ "weight": 3 })),
    ];
    views.writer.commit(PROJECTION, None, &at(1), changes).await.unwrap();
    let found = got(&views, &["a", "b", "c"]).await;
    assert_eq!(found, [None, Some(json!({ "weight": 2 })), Some(json!({ "weight": 3 }))]);
}

async fn deleting_what_is_not_there_is_no_error(url: String) {
    let views = opened(&url).await;
    views.writer.commit(PROJECTION, None, &at(1), vec![delete("a")]).await.unwrap();
    assert_eq!(views.writer.checkpoint(PROJECTION).await.unwrap(), Some(at(1)));
}

async fn a_collection_that_was_never_prepared_reads_empty(url: String) {
    let views = super::opening::open(&url, "live").await.unwrap();
    assert_eq!(got(&views, &["a", "b"]).await, [None, None]);
    assert_eq!(keys_of(&views, &PageRequest::all(5)).await, (vec![], false));
    assert_eq!(views.reader.count(&BOXES, &[]).await.unwrap(), 0);
    assert!(views.reader.checkpoints().await.unwrap().is_empty());
}

async fn a_commit_makes_a_collection_that_was_not_prepared(url: String) {
    let views = super::opening::open(&url, "live").await.unwrap();
    let change = put("a", json!({ "weight": 1 }));
    views.writer.commit(PROJECTION, None, &at(1), vec![change]).await.unwrap();
    assert_eq!(got(&views, &["a"]).await, [Some(json!({ "weight": 1 }))]);
}

async fn preparing_again_changes_nothing(url: String) {
    let views = filled(&url, vec![("a", json!({ "weight": 1 }))]).await;
    views.writer.prepare(&[BOXES, BOXES]).await.unwrap();
    let again = opened(&url).await;
    assert_eq!(got(&again, &["a"]).await, [Some(json!({ "weight": 1 }))]);
}

async fn whole_numbers_and_fractions_survive_exactly(url: String) {
    let wholes = [0, 1, -1, i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX, i64::MIN];
    let unsigned = i64::MAX.unsigned_abs();
    let fractions = [
        0.0,
        -0.0,
        1.0,
        -2.5,
        1e300,
        0.1,
        0.1 + 0.2,
        100.0 / 3.0,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::EPSILON,
    ];
    let document = json!({ "wholes": wholes, "unsigned": unsigned, "fractions": fractions });
    let views = filled(&url, vec![("a", document.clone())]).await;
    let found = got(&views, &["a"]).await.pop().flatten().unwrap();
    assert_eq!(found, document);
    let found_fractions = found["fractions"].as_array().unwrap();
    assert!(found_fractions.iter().all(Value::is_f64));
    assert!(found["wholes"].as_array().unwrap().iter().all(Value::is_i64));
    assert!(found_fractions[1].as_f64().unwrap().is_sign_negative());
}

/// Every event reads, changes and rewrites its documents, so a lost bit would show after a replay
/// (INV-10).
async fn fractions_survive_to_the_last_bit(url: String) {
    let mut dice = Dice(0x5eed);
    let scores = (0..2_000).map(|_| {
        let (points, parts) = (dice.below(10_000), dice.below(300) + 1);
        f64::from(u32::try_from(points).unwrap()) / f64::from(u32::try_from(parts).unwrap())
    });
    let document = json!({ "scores": scores.collect::<Vec<_>>() });
    let views = filled(&url, vec![("a", document.clone())]).await;
    let found = got(&views, &["a"]).await.pop().flatten().unwrap();
    let pairs =
        found["scores"].as_array().unwrap().iter().zip(document["scores"].as_array().unwrap());
    let changed: Vec<_> = pairs.filter(|(found, put)| found != put).take(3).collect();
    assert!(changed.is_empty(), "found and put: {changed:?}");
}

async fn lists_objects_nulls_and_texts_survive_exactly(url: String) {
    let document = json!({
        "nothing": null,
        "flags": [true, false],
        "empty": { "list": [], "object": {}, "text": "" },
        "nested": [[1, [2.5, ["three", null]]], { "a": { "b": [{ "c": -1 }] } }],
        "text": "tab\t, line\n, quotes ' \" `, backslash \\, \u{1} \u{7f} \u{2028}, é e\u{301} 漢字 🦀",
        "dotless": { "größe": 1, "a b": 2 },
    });
    let views = filled(&url, vec![("a", document.clone())]).await;
    assert_eq!(got(&views, &["a"]).await, [Some(document.clone())]);
    let page = views.reader.page(&BOXES, &PageRequest::all(1)).await.unwrap();
    assert_eq!(page.items, [(place(Scalar::Null, "a"), document)]);
}

async fn a_document_of_a_mebibyte_survives(url: String) {
    let document = json!({ "label": "é".repeat(1 << 19), "weight": 1 });
    // Together they exceed the size of one command in some stores.
    let keys =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"];
    let documents = keys.map(|key| (key, json!({ "text": document["label"], "weight": 1 })));
    let views = filled(&url, documents.to_vec()).await;
    let found = got(&views, &["a", "q"]).await;
    assert!(found.iter().all(|it| it.as_ref().unwrap()["text"] == document["label"]));
}

async fn keys_of_every_script_survive_and_are_ordered_by_bytes(url: String) {
    let mut keys =
        ["a", "B", "b", "é", "e\u{301}", "漢", "ﬀ", "🦀", "a b", "a/b", "", "%", "ss", "ß"];
    let views = filled(&url, keys.map(|key| (key, json!({ "label": key }))).to_vec()).await;
    keys.sort_unstable();
    assert_eq!(keys_of(&views, &PageRequest::all(100)).await.0, keys);
    let by_label = PageRequest {
        order: Order { field: Some("label"), direction: Direction::Descending },
        ..PageRequest::all(100)
    };
    keys.reverse();
    assert_eq!(keys_of(&views, &by_label).await.0, keys);
    let found = got(&views, &keys).await;
    for (key, document) in keys.iter().zip(found) {
        assert_eq!(document.unwrap()["label"], *key);
    }
}

async fn keys_and_values_that_look_like_a_query_are_only_text(url: String) {
    let hostile = [
        "'; DROP TABLE live_boxes_v1; --",
        "\" OR \"\"=\"",
        "{\"$ne\": null}",
        "$where",
        "$$ROOT",
        "?1",
        ":key",
        "a') OR 1=1 --",
    ];
    let views = filled(&url, hostile.map(|it| (it, json!({ "label": it }))).to_vec()).await;
    for it in hostile {
        assert_eq!(got(&views, &[it]).await, [Some(json!({ "label": it }))]);
        for condition in [
            crate::Condition::Equals("label", text(it)),
            crate::Condition::AnyOf("label", vec![text(it)]),
            crate::Condition::Contains("label", it.to_owned()),
        ] {
            assert_eq!(super::samples::met(&views, condition).await, [it]);
        }
    }
    assert_eq!(got(&views, &["$ne", "' OR 1=1 --"]).await, [None, None]);
    views.writer.commit(PROJECTION, Some(&at(1)), &at(2), vec![delete(hostile[0])]).await.unwrap();
    assert_eq!(views.reader.count(&BOXES, &[]).await.unwrap(), 7);
}

async fn a_thousand_changes_are_one_commit(url: String) {
    let views = opened(&url).await;
    let keys: Vec<_> = (0..i64::from(WHOLE_PAGE)).map(|it| (it, format!("{it:04}"))).collect();
    let puts = keys.iter().map(|(weight, key)| put(key, json!({ "weight": weight })));
    views.writer.commit(PROJECTION, None, &at(1), puts.collect()).await.unwrap();
    let page = views.reader.page(&BOXES, &PageRequest::all(WHOLE_PAGE)).await.unwrap();
    assert!(!page.has_more);
    let found: Vec<_> = page.items.into_iter().map(|(place, _)| place.key).collect();
    let expected: Vec<_> = keys.iter().map(|(_, key)| key.clone()).collect();
    assert_eq!(found, expected);
    let second = keys.iter().map(|(weight, key)| match weight % 2 {
        0 => delete(key),
        _ => put(key, json!({ "weight": -weight })),
    });
    views.writer.commit(PROJECTION, Some(&at(1)), &at(2), second.collect()).await.unwrap();
    assert_eq!(views.reader.count(&BOXES, &[]).await.unwrap(), 500);
    assert_eq!(got(&views, &["0001", "0002"]).await, [Some(json!({ "weight": -1 })), None]);
}

async fn what_no_store_holds_exactly_is_refused_by_all(url: String) {
    let views = opened(&url).await;
    for document in [
        json!({ "deep": [{ "number": u64::MAX }] }),
        json!({ "_id": "mine" }),
        json!({ "deep": { "zero\0byte": 1 } }),
        json!([1]),
        json!("text"),
        json!({ "text": "x".repeat(9 << 20) }),
    ] {
        let changes = vec![put("good", json!({})), put("bad", document)];
        let result = views.writer.commit(PROJECTION, None, &at(1), changes).await;
        assert!(matches!(result, Err(crate::CommitError::Unstorable(_))), "{result:?}");
    }
    assert_eq!(views.reader.count(&BOXES, &[]).await.unwrap(), 0);
    assert_eq!(views.writer.checkpoint(PROJECTION).await.unwrap(), None);
}
