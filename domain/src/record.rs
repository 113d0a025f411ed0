//! The vocabulary of the log: where an event stands and who caused it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::event::{DecodeError, Event};
use crate::{InvalidIdentity, Login, RejudgeId, Slug, SubmissionId, TrialId, WebhookId};

/// A place in the one total order of an installation. The first event stands at 1; 0 is before it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The place after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many events a stream holds; 0 is a stream that does not exist yet.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// No stream yet.
    pub const NONE: Self = Self(0);

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The stream of one aggregate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StreamId {
    /// `problem:<slug>`
    Problem(Slug),
    /// `submission:<uuid>`
    Submission(SubmissionId),
    /// `account:<login>`
    Account(Login),
    /// `rejudge:<uuid>`
    Rejudge(RejudgeId),
    /// `trial:<uuid>.<uuid>`: a submission judged again, beside what counts
    Trial(TrialId),
    /// `webhook:<uuid>`
    Webhook(WebhookId),
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(slug) => write!(f, "problem:{slug}"),
            Self::Submission(id) => write!(f, "submission:{id}"),
            Self::Account(login) => write!(f, "account:{login}"),
            Self::Rejudge(id) => write!(f, "rejudge:{id}"),
            Self::Trial(id) => write!(f, "trial:{id}"),
            Self::Webhook(id) => write!(f, "webhook:{id}"),
        }
    }
}

impl FromStr for StreamId {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
        match text.split_once(':') {
            Some(("problem", slug)) => slug.parse().map(Self::Problem),
            Some(("submission", id)) => id.parse().map(Self::Submission),
            Some(("account", login)) => login.parse().map(Self::Account),
            Some(("rejudge", id)) => id.parse().map(Self::Rejudge),
            Some(("trial", id)) => id.parse().map(Self::Trial),
            Some(("webhook", id)) => id.parse().map(Self::Webhook),
            _ => Err(InvalidIdentity {
                kind: "stream id",
                rule: "problem:<slug>, submission:<uuid>, account:<login>, rejudge:<uuid>, \
                       trial:<uuid>.<uuid> or webhook:<uuid>",
            }),
        }
    }
}

impl TryFrom<String> for StreamId {
    type Error = InvalidIdentity;

    fn try_from(text: String) -> Result<Self, InvalidIdentity> {
        text.parse()
    }
}

impl From<StreamId> for String {
    fn from(stream: StreamId) -> Self {
        stream.to_string()
    }
}

/// An event's identity, made by its writer before the first attempt to write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

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

    /// As written in the log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What goes beside an event: who, and as part of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Who caused it.
    pub actor: Actor,
    /// The same for everything that one request led to.
    pub correlation: Uuid,
    /// The event that led to this one.
    pub causation: Option<EventId>,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
}

/// How far a reader has come. The log's id and the event's make a log that lost its tail, or another
/// log altogether, something a reader notices (INV-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The log that was read.
    pub log: Uuid,
    /// The last event that was read.
    pub position: Position,
    /// That event's id; nil at [`Position::START`].
    pub event: EventId,
}

impl Checkpoint {
    /// Nothing of this log was read yet.
    pub fn start(log: Uuid) -> Self {
        Self { log, position: Position::START, event: EventId(Uuid::nil()) }
    }

    /// This event was the last that was read.
    pub fn at(log: Uuid, recorded: &Recorded) -> Self {
        Self { log, position: recorded.position, event: recorded.id }
    }
}

/// An event that is not in the log yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Made once; a retry carries the same id.
    pub id: EventId,
    /// What happened.
    pub event: Event,
    /// Who caused it.
    pub metadata: Metadata,
}

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place in the total order.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub version: Version,
    /// The store's clock, never earlier than the event before.
    pub recorded_at: Timestamp,
    /// Its identity.
    pub id: EventId,
    /// Who caused it.
    pub metadata: Metadata,
    /// What happened, at the newest schema.
    pub event: Event,
    /// The stored bytes, exactly as written; audits digest these.
    pub body: Arc<str>,
}

/// The stored form of an event: everything its writer knows. Where and when it was recorded is the
/// store's to say and stands beside it.
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

/// Where the store put a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Its place in the total order.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: Version,
    /// The store's clock.
    pub recorded_at: Timestamp,
}

impl Recorded {
    /// Reads a stored event, whatever its schema was when it was written (INV-3).
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

    /// The bytes that stand for it in the Merkle tree over the log: its place, then its body, exactly as written.
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
        // One spelling only, so that what was hashed is what was read.
        if recorded.leaf() == leaf { Ok(recorded) } else { Err(InvalidLeaf::Form) }
    }
}

/// The leaf of an event, which need not be one that this version of Assay knows.
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

/// The bytes are no leaf.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLeaf {
    /// They have not the form of one.
    #[error("a leaf is six lines: {LEAF_FORMAT}, position, stream, version, microseconds, body")]
    Form,
    /// Its event is none that this version of Assay knows.
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
            metadata: Metadata {
                actor: Actor::system(),
                correlation: Uuid::from_u128(3),
                causation: None,
                traceparent: None,
            },
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

    #[test]
    fn stream_ids_have_one_spelling() {
        let uuid = "018f3c5e-7b1a-7c3d-9a54-0242ac120003";
        let (rejudge, trial) = (format!("rejudge:{uuid}"), format!("trial:{uuid}.{uuid}"));
        let webhook = format!("webhook:{uuid}");
        for text in ["problem:two-sum", "account:ada", &rejudge, &trial, &webhook] {
            assert_eq!(text.parse::<StreamId>().unwrap().to_string(), text);
        }
        for text in ["", "problem", "problem:", "contest:x", "submission:1", "trial:1.2"] {
            assert!(text.parse::<StreamId>().is_err(), "{text}");
        }
    }
}
