//! Webhooks.

use domain::{Event, Recorded, StreamId};
use read_model::views::WebhookView;
use read_model::{Collection, View};

use crate::{Missing, Projection, Workspace};

/// Keeps [`WebhookView`].
#[derive(Debug)]
pub(super) struct Webhooks;

impl Projection for Webhooks {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    fn version(&self) -> u32 {
        2
    }

    fn collections(&self) -> Vec<Collection> {
        vec![WebhookView::COLLECTION]
    }

    fn parked_name(&self) -> &'static str {
        "parked_webhooks"
    }

    fn streams_are_apart(&self) -> bool {
        true
    }

    fn wants(&self, stream: &StreamId) -> bool {
        matches!(stream, StreamId::Webhook(_))
    }

    fn apply(&self, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing> {
        let StreamId::Webhook(id) = &recorded.stream else { return Ok(()) };
        let key = id.to_string();
        match &recorded.event {
            Event::WebhookCreated(created) => views.put(WebhookView::new(created, recorded)),
            Event::WebhookRemoved(_) => views.delete::<WebhookView>(&key),
            _ => {
                if let Some(mut webhook) = views.get::<WebhookView>(&key)? {
                    webhook.evolve(recorded);
                    views.put(webhook);
                }
            }
        }
        Ok(())
    }
}
