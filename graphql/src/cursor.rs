//! Cursors: opaque strings that survive reconnects, replicas and restarts.

use async_graphql::connection::CursorType;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Position, RunId, Version};
use read_model::{Direction, Keyset, Order};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ApiError;

/// Maximum size of an encoded cursor, in bytes.
const CURSOR_BYTES_MAX: usize = 1_024;

fn encode(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("a cursor is maps, strings and numbers");
    URL_SAFE_NO_PAD.encode(json)
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    let malformed = || ApiError::bad_input("the cursor is malformed");
    if text.len() > CURSOR_BYTES_MAX {
        return Err(malformed());
    }
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
    serde_json::from_slice(&json).map_err(|_| malformed())
}

/// A place in a list. It is valid only in the list and the order that it was made for; the filter
/// may change, because it does not change the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCursor {
    /// The list and its order, as [`list_name`] has them.
    #[serde(rename = "l")]
    list: String,
    #[serde(flatten)]
    place: Keyset,
}

/// Names a list of these nodes in this order.
pub fn list_name(nodes: &str, order: Order) -> String {
    let sign = match order.direction {
        Direction::Ascending => '+',
        Direction::Descending => '-',
    };
    format!("{nodes}{sign}{}", order.field.unwrap_or_default())
}

impl ListCursor {
    /// A place in the list with this name.
    pub fn new(list: &str, place: Keyset) -> Self {
        Self { list: list.to_owned(), place }
    }

    /// The place that a client's cursor names in the list with this name.
    ///
    /// # Errors
    /// If the cursor is malformed, or is from another list or another order.
    pub fn place_in(list: &str, text: &str) -> Result<Keyset, ApiError> {
        let cursor = Self::decode_cursor(text)?;
        if cursor.list != list {
            let message = "the cursor is from another list or another order";
            return Err(ApiError::bad_input(message));
        }
        Ok(cursor.place)
    }
}

impl CursorType for ListCursor {
    type Error = ApiError;

    fn decode_cursor(text: &str) -> Result<Self, ApiError> {
        decode(text)
    }

    fn encode_cursor(&self) -> String {
        encode(self)
    }
}

/// A place in a live stream: an event and, if the event makes several messages, the number
/// received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamCursor {
    /// The event's position in the log.
    #[serde(rename = "p")]
    pub position: Position,
    /// Number of this event's messages that were sent; `None` if all were.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u32>,
}

impl StreamCursor {
    /// A cursor after all messages up to and including this event's.
    pub fn behind(position: Position) -> Self {
        Self { position, messages: None }
    }

    /// The text that clients receive.
    pub fn encode(&self) -> String {
        encode(self)
    }

    /// Parses a client's cursor.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn decode(text: &str) -> Result<Self, ApiError> {
        decode(text)
    }

    /// Whether the client has received the message with this index (from 0) of this event.
    pub fn covers(&self, position: Position, index: u32) -> bool {
        position < self.position
            || position == self.position && self.messages.is_none_or(|sent| index < sent)
    }
}

/// A place in the live stream of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCursor {
    /// The run. A cursor is of no use for another.
    #[serde(rename = "r")]
    pub run: RunId,
    /// The number of the run's events that were received.
    #[serde(rename = "v")]
    pub version: Version,
}

impl RunCursor {
    /// The text that clients receive.
    pub fn encode(&self) -> String {
        encode(self)
    }

    /// Parses a client's cursor.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn decode(text: &str) -> Result<Self, ApiError> {
        decode(text)
    }
}

#[cfg(test)]
mod tests {
    use read_model::Scalar;

    use super::*;

    #[test]
    fn a_stream_cursor_covers_what_was_sent() {
        let part = StreamCursor { position: Position(5), messages: Some(2) };
        assert!(part.covers(Position(4), 9));
        assert!(part.covers(Position(5), 1));
        assert!(!part.covers(Position(5), 2));
        assert!(!part.covers(Position(6), 0));
        assert!(StreamCursor::behind(Position(5)).covers(Position(5), 9));
        assert_eq!(StreamCursor::decode(&part.encode()).unwrap(), part);
    }

    #[test]
    fn malformed_cursors_are_refused() {
        for text in ["", "x", "e30", "bnVsbA", &"A".repeat(5_000)] {
            assert!(StreamCursor::decode(text).is_err(), "{text}");
            assert!(ListCursor::decode_cursor(text).is_err(), "{text}");
            assert!(RunCursor::decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_cursor_is_valid_in_its_own_list_and_order_only() {
        let order = |field, direction| Order { field, direction };
        let by_title = order(Some("title_key"), Direction::Ascending);
        let list = list_name("Problem", by_title);
        let place = Keyset { value: Scalar::Text("a b".to_owned()), key: "a".to_owned() };
        let text = ListCursor::new(&list, place.clone()).encode_cursor();
        assert_eq!(ListCursor::place_in(&list, &text).unwrap(), place);
        for other in [
            list_name("Submission", by_title),
            list_name("Problem", order(Some("title_key"), Direction::Descending)),
            list_name("Problem", order(Some("number"), Direction::Ascending)),
            list_name("Problem", order(None, Direction::Ascending)),
        ] {
            let error = ListCursor::place_in(&other, &text).unwrap_err();
            assert_eq!(error.code, crate::Code::BadUserInput, "{other}");
        }
        let of_a_stream = StreamCursor::behind(Position(5)).encode();
        assert!(ListCursor::place_in(&list, &of_a_stream).is_err());
        assert!(StreamCursor::decode(&text).is_err());
    }
}
