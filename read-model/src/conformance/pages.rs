//! Pages are in order, and every document is on exactly one of them.

use serde_json::{Value, json};

use super::case::{Case, cases};
use super::samples::{
    BOXES, PROJECTION, at, filled, keys_of, many_boxes, number, opened, ordered, place, text,
};
use crate::Direction::{Ascending, Descending};
use crate::{Condition, PageRequest, ReadError, Scalar, Views, WHOLE_PAGE};

pub(super) fn cases() -> Vec<Case> {
    cases![
        pages_by_key_go_up_and_down,
        pages_by_whole_number_go_up_and_down,
        pages_by_text_go_by_bytes,
        ties_are_broken_by_key_in_the_same_direction,
        the_missing_and_the_null_come_before_every_value,
        after_and_before_leave_out_the_place_itself,
        a_page_may_begin_at_a_place_without_a_document,
        after_and_before_together_bound_a_page_on_both_sides,
        from_the_end_takes_the_last_in_the_order_asked_for,
        has_more_is_exact_at_the_edges,
        no_page_is_longer_than_the_longest,
        a_walk_over_all_pages_meets_each_document_once,
        a_walk_with_conditions_meets_each_document_once,
        every_place_in_a_page_continues_it_both_ways,
        what_has_no_order_is_reported,
    ]
}

/// Five boxes, two of them with the same weight.
async fn five(url: &str) -> Views {
    let boxes = [("a", 30, "x"), ("b", 10, "Y"), ("c", 20, "y"), ("d", 10, "é"), ("e", -5, "z")];
    let boxes =
        boxes.map(|(key, weight, label)| (key, json!({ "weight": weight, "label": label })));
    filled(url, boxes.to_vec()).await
}

async fn pages_by_key_go_up_and_down(url: String) {
    let views = five(&url).await;
    assert_eq!(keys_of(&views, &ordered(None, Ascending, 3)).await.0, ["a", "b", "c"]);
    assert_eq!(keys_of(&views, &ordered(None, Descending, 3)).await.0, ["e", "d", "c"]);
}

async fn pages_by_whole_number_go_up_and_down(url: String) {
    let views = five(&url).await;
    let up = keys_of(&views, &ordered(Some("weight"), Ascending, 9)).await;
    assert_eq!(up, (["e", "b", "d", "c", "a"].map(str::to_owned).to_vec(), false));
    let page = views.reader.page(&BOXES, &ordered(Some("weight"), Descending, 2)).await.unwrap();
    let places: Vec<_> = page.items.into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, [place(number(30), "a"), place(number(20), "c")]);
}

async fn pages_by_text_go_by_bytes(url: String) {
    let views = five(&url).await;
    let up = keys_of(&views, &ordered(Some("label"), Ascending, 9)).await.0;
    assert_eq!(up, ["b", "a", "c", "e", "d"]);
    let page = views.reader.page(&BOXES, &ordered(Some("label"), Descending, 1)).await.unwrap();
    assert_eq!(page.items[0].0, place(text("é"), "d"));
}

async fn ties_are_broken_by_key_in_the_same_direction(url: String) {
    let boxes = ["c", "a", "d", "b"].map(|key| (key, json!({ "weight": 1 })));
    let views = filled(&url, boxes.to_vec()).await;
    let up = keys_of(&views, &ordered(Some("weight"), Ascending, 9)).await.0;
    assert_eq!(up, ["a", "b", "c", "d"]);
    let down = keys_of(&views, &ordered(Some("weight"), Descending, 9)).await.0;
    assert_eq!(down, ["d", "c", "b", "a"]);
    let after = Some(place(number(1), "c"));
    let request = PageRequest { after, ..ordered(Some("weight"), Descending, 9) };
    assert_eq!(keys_of(&views, &request).await.0, ["b", "a"]);
}

async fn the_missing_and_the_null_come_before_every_value(url: String) {
    let boxes = vec![
        ("a", json!({ "weight": i64::MIN })),
        ("b", json!({ "weight": null })),
        ("c", json!({ "weight": 0 })),
        ("d", json!({})),
    ];
    let views = filled(&url, boxes).await;
    let up = ordered(Some("weight"), Ascending, 9);
    assert_eq!(keys_of(&views, &up).await.0, ["b", "d", "a", "c"]);
    let down = ordered(Some("weight"), Descending, 9);
    assert_eq!(keys_of(&views, &down).await.0, ["c", "a", "d", "b"]);
    let page = views.reader.page(&BOXES, &up).await.unwrap();
    assert_eq!(page.items[1].0, place(Scalar::Null, "d"));
    for (request, expected) in [
        (PageRequest { after: Some(place(Scalar::Null, "b")), ..up.clone() }, vec!["d", "a", "c"]),
        (PageRequest { after: Some(place(Scalar::Null, "d")), ..up.clone() }, vec!["a", "c"]),
        (PageRequest { before: Some(place(Scalar::Null, "d")), ..up.clone() }, vec!["b"]),
        (PageRequest { before: Some(place(number(0), "c")), ..up.clone() }, vec!["b", "d", "a"]),
        (PageRequest { after: Some(place(number(0), "c")), ..down.clone() }, vec!["a", "d", "b"]),
        (PageRequest { after: Some(place(Scalar::Null, "d")), ..down.clone() }, vec!["b"]),
    ] {
        assert_eq!(keys_of(&views, &request).await.0, expected, "{request:?}");
    }
}

async fn after_and_before_leave_out_the_place_itself(url: String) {
    let views = five(&url).await;
    for (direction, after, before) in
        [(Ascending, vec!["d", "e"], vec!["a", "b"]), (Descending, vec!["b", "a"], vec!["e", "d"])]
    {
        let here = Some(place(Scalar::Null, "c"));
        let all = ordered(None, direction, 9);
        let request = PageRequest { after: here.clone(), ..all.clone() };
        assert_eq!(keys_of(&views, &request).await.0, after);
        let request = PageRequest { before: here, ..all };
        assert_eq!(keys_of(&views, &request).await.0, before);
    }
}

async fn a_page_may_begin_at_a_place_without_a_document(url: String) {
    let views = five(&url).await;
    let up = ordered(Some("weight"), Ascending, 9);
    for (after, expected) in [
        (place(number(10), "c"), vec!["d", "c", "a"]),
        (place(number(15), "zzz"), vec!["c", "a"]),
        (place(number(i64::MAX), ""), vec![]),
        (place(number(i64::MIN), ""), vec!["e", "b", "d", "c", "a"]),
    ] {
        let request = PageRequest { after: Some(after), ..up.clone() };
        assert_eq!(keys_of(&views, &request).await.0, expected, "{request:?}");
    }
}

async fn after_and_before_together_bound_a_page_on_both_sides(url: String) {
    let views = five(&url).await;
    let up = ordered(Some("weight"), Ascending, 9);
    let down = ordered(Some("weight"), Descending, 9);
    let (b, d, a) = (place(number(10), "b"), place(number(10), "d"), place(number(30), "a"));
    for (request, after, before, expected) in [
        (&up, &b, &a, vec!["d", "c"]),
        (&up, &b, &d, vec![]),
        (&up, &a, &b, vec![]),
        (&down, &a, &b, vec!["c", "d"]),
        (&down, &a, &d, vec!["c"]),
    ] {
        let (after, before) = (Some(after.clone()), Some(before.clone()));
        let request = PageRequest { after, before, ..request.clone() };
        assert_eq!(keys_of(&views, &request).await, (to_owned(&expected), false), "{request:?}");
        let request = PageRequest { from_end: true, ..request };
        assert_eq!(keys_of(&views, &request).await, (to_owned(&expected), false), "{request:?}");
    }
}

async fn from_the_end_takes_the_last_in_the_order_asked_for(url: String) {
    let views = five(&url).await;
    let up = PageRequest { from_end: true, ..ordered(Some("weight"), Ascending, 2) };
    assert_eq!(keys_of(&views, &up).await, (to_owned(&["c", "a"]), true));
    let earlier = PageRequest { before: Some(place(number(20), "c")), ..up };
    assert_eq!(keys_of(&views, &earlier).await, (to_owned(&["b", "d"]), true));
    let down = PageRequest { from_end: true, ..ordered(None, Descending, 2) };
    assert_eq!(keys_of(&views, &down).await, (to_owned(&["b", "a"]), true));
}

async fn has_more_is_exact_at_the_edges(url: String) {
    let views = five(&url).await;
    for from_end in [false, true] {
        for (limit, count, has_more) in
            [(0, 0, true), (1, 1, true), (4, 4, true), (5, 5, false), (6, 5, false)]
        {
            for field in [None, Some("weight"), Some("missing")] {
                let request = PageRequest { from_end, ..ordered(field, Ascending, limit) };
                let (keys, more) = keys_of(&views, &request).await;
                assert_eq!((keys.len(), more), (count, has_more), "{request:?}");
            }
        }
    }
    let last = Some(place(Scalar::Null, "e"));
    let request = PageRequest { after: last, ..PageRequest::all(1) };
    assert_eq!(keys_of(&views, &request).await, (vec![], false));
}

async fn no_page_is_longer_than_the_longest(url: String) {
    let views = opened(&url).await;
    let changes = many_boxes(u64::from(WHOLE_PAGE) + 1);
    views.writer.commit(PROJECTION, None, &at(1), changes).await.unwrap();
    for limit in [WHOLE_PAGE, u32::MAX] {
        let (keys, has_more) = keys_of(&views, &PageRequest::all(limit)).await;
        assert_eq!((keys.len(), has_more), (1_000, true));
    }
}

async fn a_walk_over_all_pages_meets_each_document_once(url: String) {
    let views = opened(&url).await;
    views.writer.commit(PROJECTION, None, &at(1), many_boxes(200)).await.unwrap();
    for field in [None, Some("weight"), Some("label"), Some("missing")] {
        for direction in [Ascending, Descending] {
            for limit in [1, 7, 200] {
                walk(&views, &ordered(field, direction, limit), 200).await;
            }
        }
    }
}

async fn a_walk_with_conditions_meets_each_document_once(url: String) {
    let views = opened(&url).await;
    views.writer.commit(PROJECTION, None, &at(1), many_boxes(300)).await.unwrap();
    for conditions in [
        vec![Condition::Equals("owner", text("owner 1"))],
        vec![Condition::Equals("owner", text("owner 2")), Condition::AtLeast("weight", number(-1))],
        vec![Condition::NoneOf("label", vec![text("a")]), Condition::Below("weight", number(3))],
    ] {
        let count = views.reader.count(&BOXES, &conditions).await.unwrap();
        assert!((20..300).contains(&count));
        for direction in [Ascending, Descending] {
            let request = ordered(Some("weight"), direction, 11);
            let request = PageRequest { conditions: conditions.clone(), ..request };
            walk(&views, &request, usize::try_from(count).unwrap()).await;
        }
    }
}

/// Walks to the end and back, and asserts that each walk finds all documents in order.
async fn walk(views: &Views, request: &PageRequest, count: usize) {
    let mut there = vec![];
    let mut request = request.clone();
    loop {
        let page = views.reader.page(&BOXES, &request).await.unwrap();
        there.extend(page.items.into_iter().map(|(place, _)| place));
        if !page.has_more {
            break;
        }
        request.after = there.last().cloned();
    }
    assert_eq!(there.len(), count, "{request:?}");
    let in_order = there.windows(2).all(|pair| {
        let (before, after) = ((&pair[0].value, &pair[0].key), (&pair[1].value, &pair[1].key));
        match request.order.direction {
            Ascending => before < after,
            Descending => before > after,
        }
    });
    assert!(in_order, "{request:?}");

    let mut back = vec![];
    request = PageRequest { after: None, from_end: true, ..request };
    loop {
        let page = views.reader.page(&BOXES, &request).await.unwrap();
        back.extend(page.items.into_iter().map(|(place, _)| place).rev());
        if !page.has_more {
            break;
        }
        request.before = back.last().cloned();
    }
    back.reverse();
    assert_eq!(there, back, "{request:?}");
}

async fn every_place_in_a_page_continues_it_both_ways(url: String) {
    let views = opened(&url).await;
    views.writer.commit(PROJECTION, None, &at(1), many_boxes(40)).await.unwrap();
    for direction in [Ascending, Descending] {
        let request = ordered(Some("weight"), direction, 100);
        let all = views.reader.page(&BOXES, &request).await.unwrap().items;
        for (index, (here, _)) in all.iter().enumerate() {
            let after = PageRequest { after: Some(here.clone()), ..request.clone() };
            let after = views.reader.page(&BOXES, &after).await.unwrap().items;
            let before = PageRequest { before: Some(here.clone()), ..request.clone() };
            let before = views.reader.page(&BOXES, &before).await.unwrap().items;
            assert_eq!((before.as_slice(), after.as_slice()), (&all[..index], &all[index + 1..]));
        }
    }
}

async fn what_has_no_order_is_reported(url: String) {
    for (number, value) in
        [json!(0.5), json!([1]), json!({ "a": 1 }), json!(true)].iter().enumerate()
    {
        let key = format!("box {number}");
        let views = super::opening::open(&url, &format!("live{number}")).await.unwrap();
        let document: Value = json!({ "weight": value });
        let change = super::samples::put(&key, document);
        views.writer.commit(PROJECTION, None, &at(1), vec![change]).await.unwrap();
        let result = views.reader.page(&BOXES, &ordered(Some("weight"), Ascending, 9)).await;
        let damaged =
            matches!(&result, Err(ReadError::Damaged { key: found, .. }) if *found == key);
        assert!(damaged, "{value}: {result:?}");
    }
}

fn to_owned(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}
