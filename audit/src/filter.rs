//! Which events somebody wants.

use domain::{Position, Recorded, StreamId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Events that have everything that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Of this stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamId>,
    /// Of one of these types; of any where it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Caused by this actor, as written in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Of what one request led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Uuid>,
    /// At this position or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Position>,
    /// At this position or earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Position>,
    /// Recorded then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Recorded before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Filter {
    /// Whether every event is wanted.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether this event is wanted.
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

    /// Whether no event after this one can match. Positions and times only grow.
    pub fn ends_before(&self, recorded: &Recorded) -> bool {
        self.to.is_some_and(|to| recorded.position > to)
            || self.until.is_some_and(|until| recorded.recorded_at >= until)
    }
}
