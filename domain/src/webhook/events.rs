//! The events of a webhook.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{EventId, Login, Position, WebhookId};

/// A webhook was created; events are sent to its server from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookCreated {
    /// The webhook's id.
    pub webhook: WebhookId,
    /// The account that created it.
    pub by: Login,
    /// The URL that events are sent to. It is not secret; the signing secret is not in the log.
    pub url: String,
    /// Type names of the events that are sent.
    pub kinds: BTreeSet<String>,
    /// Only events after this position are sent.
    pub after: Position,
}

/// Every event up to a position was delivered, given up or skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookAdvanced {
    /// The position of the last of these events.
    pub through: Position,
    /// Positions of dead letters that were delivered after a retry.
    pub redelivered: Vec<Position>,
}

/// An event could not be delivered and became a dead letter. Later events are still delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryGivenUp {
    /// The event's id.
    pub event: EventId,
    /// The event's position in the log.
    pub position: Position,
    /// Number of delivery attempts.
    pub attempts: u32,
    /// The error of the last attempt.
    pub reason: String,
}

/// One more delivery of a dead letter was requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRetried {
    /// The account that requested it.
    pub by: Login,
    /// The event's position in the log.
    pub position: Position,
}

/// Redelivery of every event from a position on was requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRewound {
    /// The account that requested it.
    pub by: Login,
    /// The first position that is delivered again.
    pub from: Position,
}

/// The server asked for no further events. Nothing is sent until the webhook is rewound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDisabled {
    /// The position of the event whose delivery the server answered with that.
    pub position: Position,
}

/// The webhook was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRemoved {
    /// The account that removed it.
    pub by: Login,
}
