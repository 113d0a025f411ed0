//! Webhooks that were not removed. Nobody but administrators sees any of it.

use domain::webhook::{DEAD_LETTERS_MAX, DeliveryGivenUp, WebhookCreated};
use domain::{Event, EventId, Login, Position, Recorded, WebhookId};
use serde::{Deserialize, Serialize};

use super::submission::stored;
use crate::{Collection, Micros, View};

/// Where a webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WebhookState {
    /// It is told of events.
    Active,
    /// Its server said that it wants nothing more.
    Disabled,
}

/// An event that could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterView {
    /// Where the event stands.
    pub position: i64,
    /// Which event.
    pub event: EventId,
    /// How often it was tried.
    pub attempts: i64,
    /// What went wrong the last time.
    pub reason: String,
    /// When it was given up.
    pub at: Micros,
    /// Whether it is to be tried once more.
    pub retried: bool,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookView {
    /// Its identity.
    pub id: WebhookId,
    /// The position at which it was created.
    pub number: i64,
    /// Where events are sent to.
    pub url: String,
    /// The types of events that are sent.
    pub kinds: Vec<String>,
    /// Who created it.
    pub created_by: Login,
    /// When it was created.
    pub created_at: Micros,
    /// Where it stands.
    pub state: WebhookState,
    /// Every event up to this position was delivered, given up or skipped, as far as the log says.
    /// The checkpoint named [`checkpoint_name`](Self::checkpoint_name) may be ahead.
    pub through: i64,
    /// Number of times that it was rewound.
    pub rewinds: u64,
    /// What could not be delivered, in the order of the log, the newest [`DEAD_LETTERS_MAX`].
    pub dead_letters: Vec<DeadLetterView>,
}

impl View for WebhookView {
    const COLLECTION: Collection =
        Collection { name: "webhooks", schema: 2, indexes: &[&["number"]] };

    fn key(&self) -> String {
        self.id.to_string()
    }
}

/// The name of the checkpoint that says how far deliveries have come since the last rewind.
pub fn webhook_checkpoint(webhook: WebhookId, rewinds: u64) -> String {
    format!("{WEBHOOK_CHECKPOINTS}{webhook}_{rewinds}")
}

/// How the names of all these checkpoints begin.
pub const WEBHOOK_CHECKPOINTS: &str = "webhook_";

impl WebhookView {
    /// The name of its checkpoint.
    pub fn checkpoint_name(&self) -> String {
        webhook_checkpoint(self.id, self.rewinds)
    }

    /// A webhook just created.
    pub fn new(created: &WebhookCreated, recorded: &Recorded) -> Self {
        Self {
            id: created.webhook,
            number: stored(recorded.position.0),
            url: created.url.clone(),
            kinds: created.kinds.iter().cloned().collect(),
            created_by: created.by.clone(),
            created_at: recorded.recorded_at.into(),
            state: WebhookState::Active,
            through: stored(created.after.0),
            rewinds: 0,
            dead_letters: vec![],
        }
    }

    /// The webhook after a later event of its stream, but for its removal.
    pub fn evolve(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::WebhookAdvanced(advanced) => {
                self.through = self.through.max(stored(advanced.through.0));
                let delivered: Vec<i64> =
                    advanced.redelivered.iter().map(|position| stored(position.0)).collect();
                self.dead_letters.retain(|letter| !delivered.contains(&letter.position));
            }
            Event::DeliveryGivenUp(given_up) => {
                self.through = self.through.max(stored(given_up.position.0));
                self.add_dead_letter(given_up, recorded);
            }
            Event::DeliveryRetried(retried) => {
                if let Ok(place) = self.find(retried.position) {
                    self.dead_letters[place].retried = true;
                }
            }
            Event::WebhookRewound(rewound) => {
                self.state = WebhookState::Active;
                self.rewinds += 1;
                let from = stored(rewound.from.0);
                self.through = from - 1;
                self.dead_letters.retain(|letter| letter.position < from);
            }
            Event::WebhookDisabled(_) => self.state = WebhookState::Disabled,
            _ => {}
        }
    }

    fn add_dead_letter(&mut self, given_up: &DeliveryGivenUp, recorded: &Recorded) {
        let letter = DeadLetterView {
            position: stored(given_up.position.0),
            event: given_up.event,
            attempts: given_up.attempts.into(),
            reason: given_up.reason.clone(),
            at: recorded.recorded_at.into(),
            retried: false,
        };
        match self.find(given_up.position) {
            Ok(place) => self.dead_letters[place] = letter,
            Err(place) => self.dead_letters.insert(place, letter),
        }
        if self.dead_letters.len() > DEAD_LETTERS_MAX {
            self.dead_letters.remove(0);
        }
    }

    fn find(&self, position: Position) -> Result<usize, usize> {
        self.dead_letters.binary_search_by_key(&stored(position.0), |letter| letter.position)
    }
}
