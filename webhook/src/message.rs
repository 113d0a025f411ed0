//! The message for an event, with the content that auditors see.

use domain::{EventId, Position, Recorded, StreamId, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Maximum size of an event's data in a message, in bytes. Receivers rarely accept more than a
/// megabyte.
const DATA_BYTES_MAX: usize = 256 * 1_024;

/// A message, as JSON.
#[derive(Serialize)]
struct Message<'a> {
    id: EventId,
    #[serde(rename = "type")]
    kind: &'a str,
    schema: u32,
    position: Position,
    at: Timestamp,
    stream: &'a StreamId,
    version: Version,
    actor: &'a str,
    /// The event's data; null if it is too large.
    data: Option<&'a RawValue>,
}

/// The parts of a stored body that are sent unchanged.
#[derive(Deserialize)]
struct Stored<'a> {
    schema: u32,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The body of the message for an event. The same event always gives the same bytes.
pub(crate) fn message(recorded: &Recorded) -> serde_json::Result<Vec<u8>> {
    let stored: Stored<'_> = serde_json::from_str(&recorded.body)?;
    serde_json::to_vec(&Message {
        id: recorded.id,
        kind: recorded.event.kind(),
        schema: stored.schema,
        position: recorded.position,
        at: recorded.recorded_at,
        stream: &recorded.stream,
        version: recorded.version,
        actor: recorded.metadata.actor.as_str(),
        data: Some(stored.data).filter(|data| data.get().len() <= DATA_BYTES_MAX),
    })
}

#[cfg(test)]
mod tests {
    use domain::record::Placement;
    use domain::submission::{AbandonReason, AttemptAbandoned};
    use domain::{Actor, Event, Metadata, NewEvent};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn recorded(event: impl Into<Event>) -> Recorded {
        let id = EventId(Uuid::from_u128(1));
        let metadata = Metadata::new(Actor::system(), Uuid::nil());
        let placement = Placement {
            position: Position(7),
            stream: StreamId::Account("ada".parse().unwrap()),
            version: Version(2),
            recorded_at: Timestamp::UNIX_EPOCH,
        };
        let body = NewEvent { id, event: event.into(), metadata }.encode();
        Recorded::decode(placement, body).unwrap()
    }

    fn abandoned(detail_bytes: usize) -> Recorded {
        let reason = AbandonReason::Failed { detail: "x".repeat(detail_bytes) };
        recorded(AttemptAbandoned { attempt: 1, reason })
    }

    #[test]
    fn a_message_says_what_happened_where_and_when() {
        let parsed: serde_json::Value =
            serde_json::from_slice(&message(&abandoned(1)).unwrap()).unwrap();
        let expected = json!({
            "id": "00000000-0000-0000-0000-000000000001",
            "type": "AttemptAbandoned",
            "schema": 1,
            "position": 7,
            "at": "1970-01-01T00:00:00Z",
            "stream": "account:ada",
            "version": 2,
            "actor": "system",
            "data": { "attempt": 1, "reason": { "kind": "failed", "detail": "x" } },
        });
        assert_eq!(parsed, expected);
    }

    #[test]
    fn what_is_too_large_is_named_and_not_sent() {
        let large = message(&abandoned(DATA_BYTES_MAX)).unwrap();
        let parsed: serde_json::Value = serde_json::from_slice(&large).unwrap();
        assert_eq!((&parsed["data"], &parsed["position"]), (&json!(null), &json!(7)));
        assert!(
            message(&abandoned(DATA_BYTES_MAX - 1_000)).unwrap().len() > DATA_BYTES_MAX - 1_000
        );
    }
}
