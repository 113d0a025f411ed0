//! Sample data and queries for the cases.

use domain::{Checkpoint, EventId, Position};
use serde_json::{Value, json};
use uuid::Uuid;

use super::opening::open;
use crate::{
    Change, Collection, Condition, Direction, Document, Keyset, Order, PageRequest, Scalar, Views,
};

/// The projection that the cases commit as.
pub(super) const PROJECTION: &str = "boxes";

/// A collection for the cases. `label` has no index, because a missing index must not change
/// results.
pub(super) const BOXES: Collection =
    Collection { name: "boxes", schema: 1, indexes: &[&["weight"], &["owner", "weight"]] };

/// Opens the read model of a case.
pub(super) async fn opened(url: &str) -> Views {
    let views = open(url, "live").await.unwrap();
    views.writer.prepare(&[BOXES]).await.unwrap();
    views.writer.index(&[BOXES]).await.unwrap();
    views
}

/// A read model with these documents.
pub(super) async fn filled(url: &str, documents: Vec<(&str, Value)>) -> Views {
    let views = opened(url).await;
    let changes = documents.into_iter().map(|(key, document)| put(key, document));
    views.writer.commit(PROJECTION, None, &at(1), changes.collect()).await.unwrap();
    views
}

pub(super) fn put(key: &str, document: Value) -> Change {
    Change::Put { collection: BOXES, key: key.to_owned(), document: Document::of(&document) }
}

pub(super) fn delete(key: &str) -> Change {
    Change::Delete { collection: BOXES, key: key.to_owned() }
}

/// The checkpoint at a position.
pub(super) fn at(position: u64) -> Checkpoint {
    let event = EventId(Uuid::from_u64_pair(7, position));
    Checkpoint { log: Uuid::from_u128(1), position: Position(position), event }
}

pub(super) async fn got(views: &Views, keys: &[&str]) -> Vec<Option<Value>> {
    let keys: Vec<_> = keys.iter().map(|&key| key.to_owned()).collect();
    views.reader.get(&BOXES, &keys).await.unwrap()
}

/// The keys of a page and whether there are more.
pub(super) async fn keys_of(views: &Views, request: &PageRequest) -> (Vec<String>, bool) {
    let page = views.reader.page(&BOXES, request).await.unwrap();
    (page.items.into_iter().map(|(place, _)| place.key).collect(), page.has_more)
}

/// The keys of all documents that match the condition. Asserts that the count agrees.
pub(super) async fn met(views: &Views, condition: Condition) -> Vec<String> {
    let conditions = vec![condition];
    let count = views.reader.count(&BOXES, &conditions).await.unwrap();
    let (keys, has_more) =
        keys_of(views, &PageRequest { conditions, ..PageRequest::all(100) }).await;
    assert!(!has_more);
    assert_eq!(count, u64::try_from(keys.len()).unwrap());
    keys
}

pub(super) fn ordered(
    field: Option<&'static str>,
    direction: Direction,
    limit: u32,
) -> PageRequest {
    PageRequest { order: Order { field, direction }, ..PageRequest::all(limit) }
}

pub(super) fn place(value: Scalar, key: &str) -> Keyset {
    Keyset { value, key: key.to_owned() }
}

pub(super) fn text(text: &str) -> Scalar {
    Scalar::Text(text.to_owned())
}

pub(super) fn number(number: i64) -> Scalar {
    Scalar::Integer(number)
}

/// Pseudo-random numbers, the same on every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // The generator of Marsaglia's "Xorshift RNGs", with the paper's first 64-bit shift triple.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Many boxes with few different weights and labels, and some without.
pub(super) fn many_boxes(count: u64) -> Vec<Change> {
    let mut dice = Dice(0x5eed);
    let boxes = (0..count).map(|number| {
        let mut document = json!({ "owner": format!("owner {}", dice.below(3)) });
        match dice.below(6) {
            0 => {}
            1 => document["weight"] = Value::Null,
            _ => document["weight"] = json!(i64::try_from(dice.below(7)).unwrap() - 3),
        }
        if dice.below(4) > 0 {
            document["label"] =
                json!(["", "a", "A", "é", "z"][usize::try_from(dice.below(5)).unwrap()]);
        }
        put(&format!("{:03}-{number}", dice.below(1000)), document)
    });
    boxes.collect()
}
