//! A filter for events.

use domain::{Position, Recorded, StreamId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Selects events. An event must meet every condition that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Events of this stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamId>,
    /// Events of one of these types; empty means any type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Events caused by this actor, as written in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Events with this correlation id, which all events of one request share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Uuid>,
    /// Events at this position or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Position>,
    /// Events at this position or earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Position>,
    /// Events recorded at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Events recorded before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Filter {
    /// Whether no condition is set, so that every event matches.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether this event matches.
    pub fn matches(&self, recorded: &Recorded) -> bool {
        let Self { stream, types, actor, correlation, from, to, since, until } = self;
        stream.as_ref().is_none_or(|stream| *stream == recorded.stream)
            && (types.is_empty() || types.iter().any(|kind| kind == recorded.event.kind()))
            && actor.as_ref().is_none_or(|actor| actor == recorded.metadata.actor.as_str())
            && correlation.is_none_or(|it| it == recorded.metadata.correlation)
            && from.is_none_or(|from| recorded.position >= from)
            && to.is_none_or(|to| recorded.position <= to)
            && since.is_none_or(|since| recorded.recorded_at >= since)
            && until.is_none_or(|until| recorded.recorded_at < until)
    }

    /// Whether neither this event nor a later one can match. Positions and times only grow.
    pub fn ends_before(&self, recorded: &Recorded) -> bool {
        self.to.is_some_and(|to| recorded.position > to)
            || self.until.is_some_and(|until| recorded.recorded_at >= until)
    }
}
