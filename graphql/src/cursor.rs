//! Cursors: opaque strings that survive reconnects, replicas and restarts.

use async_graphql::connection::CursorType;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Position;
use read_model::Keyset;
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

/// A place in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCursor(pub Keyset);

impl CursorType for ListCursor {
    type Error = ApiError;

    fn decode_cursor(text: &str) -> Result<Self, ApiError> {
        decode(text).map(Self)
    }

    fn encode_cursor(&self) -> String {
        encode(&self.0)
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

#[cfg(test)]
mod tests {
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
        }
    }
}
