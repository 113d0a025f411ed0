//! Webhooks that were not removed. Only administrators see them.

use domain::webhook::{DEAD_LETTERS_MAX, DeliveryGivenUp, WebhookCreated};
use domain::{Event, EventId, Login, Position, Recorded, WebhookId};
use serde::{Deserialize, Serialize};

use super::submission::stored;
use crate::{Collection, Micros, View};

/// The state of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WebhookState {
    /// It receives events.
    Active,
    /// Its server answered that it wants no more events.
    Disabled,
}

/// An event that could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterView {
    /// The event's position.
    pub position: i64,
    /// The event's id.
    pub event: EventId,
    /// Number of delivery attempts.
    pub attempts: i64,
    /// Error of the last attempt.
    pub reason: String,
    /// When delivery was given up.
    pub at: Micros,
    /// Whether it will be tried once more.
    pub retried: bool,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookView {
    /// The webhook's id.
    pub id: WebhookId,
    /// Log position of its creation.
    pub number: i64,
    /// The URL that receives the events.
    pub url: String,
    /// Types of the events that are sent.
    pub kinds: Vec<String>,
    /// The account that created it.
    pub created_by: Login,
    /// When it was created.
    pub created_at: Micros,
    /// The current state.
    pub state: WebhookState,
    /// According to the log, every event up to this position was delivered, given up or skipped.
    /// The checkpoint named [`checkpoint_name`](Self::checkpoint_name) may be ahead.
    pub through: i64,
    /// Number of rewinds.
    pub rewinds: u64,
    /// Events that could not be delivered, in log order; only the newest [`DEAD_LETTERS_MAX`].
    pub dead_letters: Vec<DeadLetterView>,
}

impl View for WebhookView {
    const COLLECTION: Collection =
        Collection { name: "webhooks", schema: 2, indexes: &[&["number"]] };

    fn key(&self) -> String {
        self.id.to_string()
    }
}

/// The name of the checkpoint of deliveries since the last rewind.
pub fn webhook_checkpoint(webhook: WebhookId, rewinds: u64) -> String {
    format!("{WEBHOOK_CHECKPOINTS}{webhook}_{rewinds}")
}

/// Prefix of the names of all webhook checkpoints.
pub const WEBHOOK_CHECKPOINTS: &str = "webhook_";

impl WebhookView {
    /// The name of the webhook's checkpoint.
    pub fn checkpoint_name(&self) -> String {
        webhook_checkpoint(self.id, self.rewinds)
    }

    /// A new webhook.
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

    /// Applies a later event of the webhook's stream, except its removal.
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
