//! The vocabulary of the log: positions, streams, versions, and the envelope around an event.

mod position;

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::Login;
use crate::event::{DecodeError, Event};

pub use position::{EventId, Position, StreamId, Version};

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(String);

impl Actor {
    /// A signed-in account.
    pub fn account(login: &Login) -> Self {
        Self(format!("account:{login}"))
    }

    /// An evaluator, by its worker name.
    pub fn evaluator(name: &str) -> Self {
        Self(format!("evaluator:{name}"))
    }

    /// The operator at the command line, or the service itself.
    pub fn system() -> Self {
        Self("system".to_owned())
    }

    /// The login, if the actor is an account.
    pub fn login(&self) -> Option<Login> {
        self.0.strip_prefix("account:")?.parse().ok()
    }

    /// The actor as written in the log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Metadata of an event: who caused it, and as part of which request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Who caused it.
    pub actor: Actor,
    /// An id shared by all events that one request led to.
    pub correlation: Uuid,
    /// The event that led to this one.
    pub causation: Option<EventId>,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
}

impl Metadata {
    /// Metadata of an event that no other event led to, without a trace.
    pub fn new(actor: Actor, correlation: Uuid) -> Self {
        Self { actor, correlation, causation: None, traceparent: None }
    }
}

/// How far a reader has read. The ids of the log and of the event let the reader detect a log that
/// lost its tail, or a different log (INV-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The id of the log that was read.
    pub log: Uuid,
    /// The position of the last event that was read.
    pub position: Position,
    /// That event's id; nil at [`Position::START`].
    pub event: EventId,
}

impl Checkpoint {
    /// The checkpoint before the first event of a log.
    pub fn start(log: Uuid) -> Self {
        Self { log, position: Position::START, event: EventId(Uuid::nil()) }
    }

    /// The checkpoint after reading this event.
    pub fn at(log: Uuid, recorded: &Recorded) -> Self {
        Self { log, position: recorded.position, event: recorded.id }
    }
}

/// An event that is not in the log yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Generated once; a retry has the same id.
    pub id: EventId,
    /// What happened.
    pub event: Event,
    /// Who caused it, and as part of which request.
    pub metadata: Metadata,
}

/// An event as stored in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its position in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its number in the stream, from 1.
    pub version: Version,
    /// The store's time when it was recorded, never before that of the previous event.
    pub recorded_at: Timestamp,
    /// Its id.
    pub id: EventId,
    /// Who caused it, and as part of which request.
    pub metadata: Metadata,
    /// What happened, converted to the newest schema.
    pub event: Event,
    /// The stored bytes, exactly as written. The Merkle tree's leaves contain these.
    pub body: Arc<str>,
}

/// The stored form of an event: everything its writer knows. The store keeps position, stream,
/// version and time separately.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    id: EventId,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    schema: u32,
    metadata: Cow<'a, Metadata>,
    data: &'a RawValue,
}

impl NewEvent {
    /// The bytes to store.
    pub fn encode(&self) -> String {
        let data = self.event.encode();
        let body = Body {
            id: self.id,
            kind: self.event.kind().into(),
            schema: self.event.schema(),
            metadata: Cow::Borrowed(&self.metadata),
            data: &data,
        };
        serde_json::to_string(&body).expect("a body is maps, strings and numbers")
    }
}

/// Where and when the store recorded a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Its position in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its number in the stream, from 1.
    pub version: Version,
    /// The store's time when it was recorded.
    pub recorded_at: Timestamp,
}

impl Recorded {
    /// Reads a stored event of any schema ever written (INV-3).
    ///
    /// # Errors
    /// When the bytes are not an event that this version of Assay knows.
    pub fn decode(placement: Placement, body: impl Into<Arc<str>>) -> Result<Self, DecodeError> {
        let body = body.into();
        let stored: Body = serde_json::from_str(&body).map_err(DecodeError::Malformed)?;
        let event = Event::decode(&stored.kind, stored.schema, stored.data)?;
        let (id, metadata) = (stored.id, stored.metadata.into_owned());
        let Placement { position, stream, version, recorded_at } = placement;
        Ok(Self { position, stream, version, recorded_at, id, metadata, event, body })
    }

    /// Its leaf in the Merkle tree over the log: its placement, then its body exactly as written.
    pub fn leaf(&self) -> Vec<u8> {
        let at_us = self.recorded_at.as_microsecond();
        leaf_of(self.position, &self.stream.to_string(), self.version, at_us, &self.body)
    }

    /// Reads a leaf of the Merkle tree.
    ///
    /// # Errors
    /// When the bytes are not the leaf of an event that this version of Assay knows.
    pub fn of_leaf(leaf: &[u8]) -> Result<Self, InvalidLeaf> {
        let text = std::str::from_utf8(leaf).map_err(|_| InvalidLeaf::Form)?;
        let fields: Vec<&str> = text.splitn(6, '\n').collect();
        let [LEAF_FORMAT, position, stream, version, at_us, body] = fields.as_slice() else {
            return Err(InvalidLeaf::Form);
        };
        let number = |text: &str| text.parse().map_err(|_| InvalidLeaf::Form);
        let at_us = at_us.parse().map_err(|_| InvalidLeaf::Form)?;
        let placement = Placement {
            position: Position(number(position)?),
            stream: stream.parse().map_err(|_| InvalidLeaf::Form)?,
            version: Version(number(version)?),
            recorded_at: Timestamp::from_microsecond(at_us).map_err(|_| InvalidLeaf::Form)?,
        };
        let recorded = Self::decode(placement, *body)?;
        // Each event has one encoding only, so the hashed bytes are the bytes that were read.
        if recorded.leaf() == leaf { Ok(recorded) } else { Err(InvalidLeaf::Form) }
    }
}

/// The leaf of an event. The event may be one that this version of Assay does not know.
pub fn leaf_of(
    position: Position,
    stream: &str,
    version: Version,
    recorded_at_us: i64,
    body: &str,
) -> Vec<u8> {
    format!("{LEAF_FORMAT}\n{position}\n{stream}\n{version}\n{recorded_at_us}\n{body}").into_bytes()
}

/// The first line of a leaf.
const LEAF_FORMAT: &str = "assay.event/1";

/// The bytes are not a leaf.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLeaf {
    /// The bytes do not have the form of a leaf.
    #[error("a leaf is six lines: {LEAF_FORMAT}, position, stream, version, microseconds, body")]
    Form,
    /// The leaf's event is malformed, or unknown to this version of Assay.
    #[error("the leaf's event cannot be read")]
    Event(#[from] DecodeError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountRegistered;

    #[test]
    fn a_stored_event_reads_back_as_written() {
        let new = NewEvent {
            id: EventId(Uuid::from_u128(1)),
            event: Event::AccountRegistered(AccountRegistered {
                login: "ada".parse().unwrap(),
                subject: Uuid::from_u128(2),
            }),
            metadata: Metadata::new(Actor::system(), Uuid::from_u128(3)),
        };
        let placement = Placement {
            position: Position(7),
            stream: StreamId::Account("ada".parse().unwrap()),
            version: Version(1),
            recorded_at: Timestamp::UNIX_EPOCH,
        };
        let recorded = Recorded::decode(placement, new.encode()).unwrap();
        assert_eq!(recorded.event, new.event);
        assert_eq!(recorded.metadata, new.metadata);
        assert_eq!(&*recorded.body, new.encode());

        let leaf = String::from_utf8(recorded.leaf()).unwrap();
        assert_eq!(leaf, format!("assay.event/1\n7\naccount:ada\n1\n0\n{}", new.encode()));
        assert_eq!(Recorded::of_leaf(leaf.as_bytes()).unwrap(), recorded);
        for (from, to) in
            [("event/1", "event/2"), ("\n7\n", "\n07\n"), ("account:", ""), ("\n1", "")]
        {
            let other = leaf.replacen(from, to, 1);
            assert!(Recorded::of_leaf(other.as_bytes()).is_err(), "{other}");
        }
    }
}
