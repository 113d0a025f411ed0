//! A webhook: events are sent to an external server, in the order of the log.
//!
//! What happened to it is in the log. How far deliveries have come between two of these events is
//! in a checkpoint, like that of a projection, and is repeated in the log about once a day. A
//! process that delivers can die at any time; another continues after what was recorded last.

mod events;

use std::collections::{BTreeMap, BTreeSet};

use crate::aggregate::Aggregate;
use crate::{Event, EventId, Login, Position, StreamId};

pub use events::{
    DeliveryGivenUp, DeliveryRetried, WebhookAdvanced, WebhookCreated, WebhookDisabled,
    WebhookRemoved, WebhookRewound,
};

/// Characters of a webhook's URL.
pub const URL_CHARS_MAX: usize = 2_048;
/// Dead letters that a webhook's state keeps, newest first. The log has all of them.
pub const DEAD_LETTERS_MAX: usize = 100;
/// Event types of webhooks themselves. They are never sent, or each delivery would cause another.
pub const OWN_KINDS: [&str; 7] = [
    "WebhookCreated",
    "WebhookAdvanced",
    "DeliveryGivenUp",
    "DeliveryRetried",
    "WebhookRewound",
    "WebhookDisabled",
    "WebhookRemoved",
];
/// An event type that occurs only in streams of trials, which are never sent.
const TRIALS_KIND: &str = "TrialStarted";

/// A command to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookCommand {
    /// Create the webhook.
    Create(WebhookCreated),
    /// Record what was delivered.
    Advance(WebhookAdvanced),
    /// Make an event a dead letter and continue after it.
    GiveUp(DeliveryGivenUp),
    /// Deliver a dead letter once more.
    Retry {
        /// The account that requests it.
        by: Login,
        /// The event's position in the log.
        position: Position,
    },
    /// Deliver every event from a position on again.
    Rewind {
        /// The account that requests it.
        by: Login,
        /// The first position that is delivered again.
        from: Position,
        /// Every event up to this position was delivered, given up or skipped, as far as the
        /// checkpoint says.
        through: Position,
    },
    /// Send nothing until the webhook is rewound.
    Disable {
        /// The position of the event whose delivery led to this.
        position: Position,
    },
    /// Remove the webhook.
    Remove {
        /// The account that removes it.
        by: Login,
    },
}

/// Why a webhook refused a command.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum WebhookRejection {
    /// The webhook already exists.
    #[error("the webhook already exists")]
    AlreadyCreated,
    /// There is no such webhook.
    #[error("there is no such webhook")]
    NotFound,
    /// The URL is too long.
    #[error("the URL must have at most {URL_CHARS_MAX} characters")]
    UrlTooLong,
    /// No event type is named.
    #[error("name at least one event type")]
    NoKinds,
    /// Events of this type do not exist or are never sent.
    #[error("{0:?} is not an event type that webhooks can receive")]
    UnknownKind(String),
    /// The position to rewind to is 0, or after the next event to deliver.
    #[error("the position must be from 1 to {}: the webhook is at {through}", .through.next())]
    Ahead {
        /// Every event up to this position was delivered, given up or skipped.
        through: Position,
    },
    /// There is no such dead letter.
    #[error("there is no dead letter at position {0}")]
    NotDead(Position),
    /// The server asked for no further events.
    #[error("the webhook is disabled; replay it from a position to enable it")]
    Disabled,
    /// The webhook was removed.
    #[error("the webhook was removed")]
    Removed,
}

/// The phase that a webhook is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WebhookPhase {
    /// Not created.
    #[default]
    Absent,
    /// Events are sent.
    Active,
    /// The server asked for no further events.
    Disabled,
    /// It was removed.
    Removed,
}

/// A webhook's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Webhook {
    /// The event that created it; `None` before that.
    pub created: Option<WebhookCreated>,
    /// Its current phase.
    pub phase: WebhookPhase,
    /// Every event up to this position was delivered, given up or skipped, as far as the log says.
    pub through: Position,
    /// Number of times that it was rewound. Checkpoints from before the last one are void.
    pub rewinds: u64,
    /// The dead letters with the highest positions, up to [`DEAD_LETTERS_MAX`].
    pub dead: BTreeMap<Position, EventId>,
    /// Dead letters with a requested retry.
    pub retried: BTreeSet<Position>,
}

impl Webhook {
    /// Whether events of this type in this stream are sent. Events of trials never are, although
    /// they have the types of any judging: a rejudge stays hidden until it is applied.
    pub fn wants(&self, stream: &StreamId, kind: &str) -> bool {
        let is_named = self.created.as_ref().is_some_and(|created| created.kinds.contains(kind));
        is_named && !matches!(stream, StreamId::Trial(_))
    }
}

impl Aggregate for Webhook {
    type Command = WebhookCommand;
    type Rejection = WebhookRejection;

    fn decide(&self, command: WebhookCommand) -> Result<Vec<Event>, WebhookRejection> {
        use {WebhookCommand as Command, WebhookPhase as Phase, WebhookRejection as No};
        match (self.phase, command) {
            (Phase::Absent, Command::Create(created)) => {
                check(&created)?;
                Ok(vec![created.into()])
            }
            (_, Command::Create(_)) => Err(No::AlreadyCreated),
            (Phase::Absent, _) => Err(No::NotFound),
            (Phase::Removed, Command::Remove { .. }) => Ok(vec![]),
            (Phase::Removed, _) => Err(No::Removed),
            (_, Command::Remove { by }) => Ok(vec![WebhookRemoved { by }.into()]),
            (_, Command::Rewind { from, through, .. })
                if from == Position::START || from > self.through.max(through).next() =>
            {
                Err(No::Ahead { through: self.through.max(through) })
            }
            (_, Command::Rewind { by, from, .. }) => Ok(vec![WebhookRewound { by, from }.into()]),
            (Phase::Disabled, Command::Disable { .. }) => Ok(vec![]),
            (Phase::Disabled, _) => Err(No::Disabled),
            (Phase::Active, Command::Disable { position }) => {
                Ok(vec![WebhookDisabled { position }.into()])
            }
            (Phase::Active, Command::Advance(advanced)) => {
                let new = advanced.through > self.through || !advanced.redelivered.is_empty();
                Ok(new.then(|| advanced.into()).into_iter().collect())
            }
            (Phase::Active, Command::GiveUp(given_up)) => Ok(vec![given_up.into()]),
            (Phase::Active, Command::Retry { position, .. })
                if self.retried.contains(&position) =>
            {
                Ok(vec![])
            }
            (Phase::Active, Command::Retry { by, position }) => {
                match self.dead.contains_key(&position) {
                    true => Ok(vec![DeliveryRetried { by, position }.into()]),
                    false => Err(No::NotDead(position)),
                }
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::WebhookCreated(created) => {
                self.through = created.after;
                self.created = Some(created.clone());
                self.phase = WebhookPhase::Active;
            }
            Event::WebhookAdvanced(advanced) => {
                self.through = self.through.max(advanced.through);
                for position in &advanced.redelivered {
                    self.retried.remove(position);
                    self.dead.remove(position);
                }
            }
            Event::DeliveryGivenUp(given_up) => {
                self.through = self.through.max(given_up.position);
                self.retried.remove(&given_up.position);
                self.dead.insert(given_up.position, given_up.event);
                if self.dead.len() > DEAD_LETTERS_MAX
                    && let Some((oldest, _)) = self.dead.pop_first()
                {
                    self.retried.remove(&oldest);
                }
            }
            Event::DeliveryRetried(retried) => {
                self.retried.insert(retried.position);
            }
            Event::WebhookRewound(rewound) => {
                self.phase = WebhookPhase::Active;
                self.rewinds += 1;
                self.through = Position(rewound.from.0.saturating_sub(1));
                // The others are delivered again in order.
                self.dead.retain(|position, _| *position < rewound.from);
                self.retried.retain(|position| *position < rewound.from);
            }
            Event::WebhookDisabled(_) => self.phase = WebhookPhase::Disabled,
            Event::WebhookRemoved(_) => self.phase = WebhookPhase::Removed,
            _ => {}
        }
    }
}

fn check(created: &WebhookCreated) -> Result<(), WebhookRejection> {
    if created.url.chars().count() > URL_CHARS_MAX {
        return Err(WebhookRejection::UrlTooLong);
    }
    if created.kinds.is_empty() {
        return Err(WebhookRejection::NoKinds);
    }
    let is_sent = |kind: &str| {
        let known = Event::SCHEMAS.iter().any(|(known, _)| *known == kind);
        known && !OWN_KINDS.contains(&kind) && kind != TRIALS_KIND
    };
    match created.kinds.iter().find(|kind| !is_sent(kind)) {
        Some(kind) => Err(WebhookRejection::UnknownKind(kind.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
