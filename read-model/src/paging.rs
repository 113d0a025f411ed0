//! Paging, shared by all adapters.
//!
//! A keyset splits an order into stretches, each one contiguous range of an index: first the
//! remaining documents with the keyset's value, then those beyond it. This module decides which
//! stretches to read, in which direction and how far; adapters only read them.

use std::collections::VecDeque;

use serde::de::Error as _;
use serde_json::{Error, Value};

use crate::stored::damaged;
use crate::{
    Collection, Direction, Keyset, Order, Page, PageRequest, ReadError, Scalar, WHOLE_PAGE,
};

/// A contiguous range of an order. All bounds are exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// The field has this value. Ordered by key.
    Tie { field: &'static str, value: Scalar, after: Option<String>, before: Option<String> },
    /// The field is between the bounds. Without a lower bound, nulls are included.
    Between { field: &'static str, above: Option<Scalar>, below: Option<Scalar> },
    /// The key is between the bounds.
    Keys { after: Option<String>, before: Option<String> },
}

/// One read of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) stretch: Stretch,
    /// The direction of both field and key.
    pub(crate) direction: Direction,
    pub(crate) limit: usize,
}

/// Reads one page, leg by leg.
#[derive(Debug)]
pub(crate) struct Walk {
    order: Order,
    from_end: bool,
    limit: usize,
    direction: Direction,
    stretches: VecDeque<Stretch>,
    met: Vec<(String, Value)>,
}

impl Walk {
    pub(crate) fn new(request: &PageRequest) -> Self {
        let forwards = (request.order.direction == Direction::Ascending) != request.from_end;
        let mut stretches = stretches(request);
        if !forwards {
            stretches.reverse();
        }
        Self {
            order: request.order,
            from_end: request.from_end,
            limit: usize::try_from(request.limit.min(WHOLE_PAGE)).unwrap_or(usize::MAX),
            direction: if forwards { Direction::Ascending } else { Direction::Descending },
            stretches: stretches.into(),
            met: vec![],
        }
    }

    /// The next read; `None` when the page is complete.
    pub(crate) fn next_leg(&mut self) -> Option<Leg> {
        // One more than requested shows whether there are more.
        let missing = self.limit + 1 - self.met.len();
        if missing == 0 {
            return None;
        }
        let stretch = self.stretches.pop_front()?;
        Some(Leg { stretch, direction: self.direction, limit: missing })
    }

    /// Adds the documents that the leg found, up to its limit.
    pub(crate) fn meet(&mut self, found: Vec<(String, Value)>) {
        self.met.extend(found);
    }

    pub(crate) fn finish(mut self, collection: &Collection) -> Result<Page<Value>, ReadError> {
        let has_more = self.met.len() > self.limit;
        self.met.truncate(self.limit);
        if self.from_end {
            self.met.reverse();
        }
        let items = self.met.into_iter().map(|(key, document)| {
            let value = place_value(self.order, &document)
                .map_err(|source| damaged(collection.stored_name(), &key, source))?;
            Ok((Keyset { value, key }, document))
        });
        Ok(Page { items: items.collect::<Result<_, ReadError>>()?, has_more })
    }
}

/// The stretches that the request covers, in ascending order.
fn stretches(request: &PageRequest) -> Vec<Stretch> {
    let (low, high) = match request.order.direction {
        Direction::Ascending => (request.after.clone(), request.before.clone()),
        Direction::Descending => (request.before.clone(), request.after.clone()),
    };
    let Some(field) = request.order.field else {
        return vec![Stretch::Keys { after: low.map(|it| it.key), before: high.map(|it| it.key) }];
    };
    match (low, high) {
        (None, None) => vec![Stretch::Between { field, above: None, below: None }],
        (Some(low), None) => vec![
            Stretch::Tie { field, value: low.value.clone(), after: Some(low.key), before: None },
            Stretch::Between { field, above: Some(low.value), below: None },
        ],
        (None, Some(Keyset { value: Scalar::Null, key })) => {
            vec![Stretch::Tie { field, value: Scalar::Null, after: None, before: Some(key) }]
        }
        (None, Some(high)) => vec![
            Stretch::Tie { field, value: Scalar::Null, after: None, before: None },
            between(field, Scalar::Null, high.value.clone()),
            Stretch::Tie { field, value: high.value, after: None, before: Some(high.key) },
        ],
        (Some(low), Some(high)) if low.value == high.value => vec![Stretch::Tie {
            field,
            value: low.value,
            after: Some(low.key),
            before: Some(high.key),
        }],
        (Some(low), Some(high)) if low.value > high.value => vec![],
        (Some(low), Some(high)) => vec![
            Stretch::Tie { field, value: low.value.clone(), after: Some(low.key), before: None },
            between(field, low.value, high.value.clone()),
            Stretch::Tie { field, value: high.value, after: None, before: Some(high.key) },
        ],
    }
}

fn between(field: &'static str, above: Scalar, below: Scalar) -> Stretch {
    Stretch::Between { field, above: Some(above), below: Some(below) }
}

fn place_value(order: Order, document: &Value) -> Result<Scalar, Error> {
    let Some(field) = order.field else { return Ok(Scalar::Null) };
    match document.get(field) {
        None | Some(Value::Null) => Ok(Scalar::Null),
        Some(Value::String(text)) => Ok(Scalar::Text(text.clone())),
        Some(other) => other.as_i64().map(Scalar::Integer).ok_or_else(|| {
            Error::custom(format!("{field} is no whole number and no text, so it has no order"))
        }),
    }
}
