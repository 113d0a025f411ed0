//! A webhook: somebody else's server is told of events, in the order of the log.
//!
//! How far it has come is in the log itself. So whoever delivers can die at any time and another goes on
//! after the last event that was recorded as delivered, and two that deliver at once fence each other
//! like any two writers of a stream (INV-7).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::aggregate::Aggregate;
use crate::{Event, EventId, Login, Position, StreamId, WebhookId};

/// Characters of an address.
pub const URL_CHARS_MAX: usize = 2_048;
/// Dead letters that a webhook remembers, the newest; the log has all of them.
pub const DEAD_LETTERS_MAX: usize = 100;
/// Events of webhooks themselves, of which no webhook is told: each delivery would lead to another.
pub const OWN_KINDS: [&str; 7] = [
    "WebhookCreated",
    "WebhookAdvanced",
    "DeliveryGivenUp",
    "DeliveryRetried",
    "WebhookRewound",
    "WebhookDisabled",
    "WebhookRemoved",
];
/// Stands in streams of trials alone, of which no webhook is told.
const TRIALS_KIND: &str = "TrialStarted";

/// A server is to be told of events from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookCreated {
    /// The webhook.
    pub webhook: WebhookId,
    /// Who wants it.
    pub by: Login,
    /// Where events are sent to. Not a secret; what signs them is not in the log.
    pub url: String,
    /// The types of events that are sent.
    pub kinds: BTreeSet<String>,
    /// The first event that may be sent stands after this.
    pub after: Position,
}

/// Everything up to a position was delivered, given up, or not wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookAdvanced {
    /// The position.
    pub through: Position,
    /// Dead letters that were delivered after all.
    pub redelivered: Vec<Position>,
}

/// An event could not be delivered. Those after it are all the same: it is a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryGivenUp {
    /// Which event.
    pub event: EventId,
    /// Where it stands.
    pub position: Position,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong the last time.
    pub reason: String,
}

/// A dead letter is to be tried once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRetried {
    /// Who wants it.
    pub by: Login,
    /// Where the event stands.
    pub position: Position,
}

/// Everything from a position on is to be delivered again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRewound {
    /// Who wants it.
    pub by: Login,
    /// The first position that is delivered again.
    pub from: Position,
}

/// The server said that it wants nothing more, ever. Nothing is sent until somebody rewinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDisabled {
    /// The event that it said so of.
    pub position: Position,
}

/// The webhook is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRemoved {
    /// Who wants it.
    pub by: Login,
}

/// What can be asked of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookCommand {
    /// Begin.
    Create(WebhookCreated),
    /// Record what was delivered.
    Advance(WebhookAdvanced),
    /// Go on without an event.
    GiveUp(DeliveryGivenUp),
    /// Try a dead letter once more.
    Retry {
        /// Who wants it.
        by: Login,
        /// Where the event stands.
        position: Position,
    },
    /// Deliver again.
    Rewind {
        /// Who wants it.
        by: Login,
        /// The first position that is delivered again.
        from: Position,
    },
    /// Send nothing more until somebody rewinds.
    Disable {
        /// The event that led to it.
        position: Position,
    },
    /// End.
    Remove {
        /// Who wants it.
        by: Login,
    },
}

/// Why a webhook refused a command.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum WebhookRejection {
    /// It was created before.
    #[error("the webhook was created before")]
    AlreadyCreated,
    /// There is no such webhook.
    #[error("there is no such webhook")]
    NotFound,
    /// The address is too long.
    #[error("an address has at most {URL_CHARS_MAX} characters")]
    UrlTooLong,
    /// No type of event is named.
    #[error("name at least one type of event")]
    NoKinds,
    /// Nothing of this type is ever sent.
    #[error("{0:?} is not a type of event that webhooks are told of")]
    UnknownKind(String),
    /// It has not come so far.
    #[error("the webhook is at {through}; it can deliver again from 1 to {}", .through.next())]
    Ahead {
        /// How far it has come.
        through: Position,
    },
    /// There is no such dead letter.
    #[error("no dead letter stands at {0}")]
    NotDead(Position),
    /// Its server said that it wants nothing more.
    #[error("the webhook is disabled; replaying from a position enables it")]
    Disabled,
    /// It was removed.
    #[error("the webhook was removed")]
    Removed,
}

/// Where a webhook stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WebhookPhase {
    /// Not created.
    #[default]
    Absent,
    /// It is told of events.
    Active,
    /// Its server wants nothing more.
    Disabled,
    /// It is no more.
    Removed,
}

/// A webhook's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Webhook {
    /// How it was created.
    pub created: Option<WebhookCreated>,
    /// Where it stands.
    pub phase: WebhookPhase,
    /// Everything up to here was delivered, given up, or not wanted.
    pub through: Position,
    /// Which events were given up, the newest [`DEAD_LETTERS_MAX`].
    pub dead: BTreeMap<Position, EventId>,
    /// Which of the dead letters are to be tried once more.
    pub retried: BTreeSet<Position>,
}

impl Webhook {
    /// Whether it is to be told of events of this type in this stream. Never of a trial's, which have
    /// the types of any judging: before a rejudge is applied, nothing of it shows.
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
            (_, Command::Rewind { from, .. })
                if from == Position::START || from > self.through.next() =>
            {
                Err(No::Ahead { through: self.through })
            }
            (_, Command::Rewind { by, from }) => Ok(vec![WebhookRewound { by, from }.into()]),
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
                self.through = Position(rewound.from.0.saturating_sub(1));
                // They come in their turn.
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
