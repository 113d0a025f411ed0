//! Finds webhooks and runs a follower for each.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::WebhookId;
use event_store::{Credentials, EventLog, alert};
use read_model::views::{WEBHOOK_CHECKPOINTS, WebhookView};
use read_model::{Generation, PageRequest, ReadError, ViewReaderExt, Views, WHOLE_PAGE};
use supervision::{Fault, Reporter, Task, error_chain};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::follower::{Follower, Pace, Tools};
use crate::sender::Sender;
use crate::settings::Settings;

/// How often the views are polled for new webhooks.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Delay before a retry when the views do not answer.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Runs the deliveries of all webhooks.
#[derive(Debug)]
pub struct Dispatcher {
    tools: Arc<Tools>,
}

#[async_trait]
impl Task for Dispatcher {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    /// Delivers until cancelled.
    async fn run(&self, reporter: &Reporter, cancelled: CancellationToken) -> Result<(), Fault> {
        let mut tasks = JoinSet::new();
        let mut followed: HashMap<WebhookId, AbortHandle> = HashMap::new();
        if let Err(error) = self.forget_removed().await {
            let error = error.as_ref() as &dyn std::error::Error;
            tracing::warn!(
                alert = alert(error),
                error,
                "cannot delete the checkpoints of removed webhooks"
            );
        }
        loop {
            while let Some(ended) = tasks.try_join_next() {
                if let Err(error) = ended {
                    tracing::error!(alert = true, %error, "a webhook's follower failed; restarting it");
                }
            }
            followed.retain(|_, task| !task.is_finished());
            let pause = match self.webhooks().await {
                Ok(webhooks) => {
                    reporter.running();
                    for WebhookView { id, .. } in webhooks {
                        followed.entry(id).or_insert_with(|| {
                            let follower = Follower::new(Arc::clone(&self.tools), id);
                            tasks.spawn(follower.run(cancelled.child_token()))
                        });
                    }
                    POLL_INTERVAL
                }
                Err(error) => {
                    reporter.retrying(error_chain(&error));
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(alert = alert(error), error, "cannot look up new webhooks");
                    RETRY_DELAY
                }
            };
            if cancelled.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                break;
            }
        }
        while tasks.join_next().await.is_some() {}
        Ok(())
    }
}

impl Dispatcher {
    /// A dispatcher on these stores. The views list the webhooks, and store the progress between
    /// two marks in the log.
    ///
    /// # Errors
    /// When the machine has no working TLS.
    pub fn new(
        log: Arc<dyn EventLog>,
        credentials: Arc<dyn Credentials>,
        views: Views,
        settings: Settings,
    ) -> reqwest::Result<Self> {
        let sender = Sender::new(settings.policy, settings.timeout)?;
        let pace = Pace::new(settings.timeout);
        Ok(Self { tools: Arc::new(Tools { log, credentials, views, sender, settings, pace }) })
    }

    /// All webhooks.
    async fn webhooks(&self) -> Result<Vec<WebhookView>, ReadError> {
        let (mut found, mut request) = (Vec::new(), PageRequest::all(WHOLE_PAGE));
        loop {
            let page = self.tools.views.reader.views::<WebhookView>(&request).await?;
            request.after = page.items.last().map(|(place, _)| place.clone());
            found.extend(page.items.into_iter().map(|(_, webhook)| webhook));
            if !page.has_more {
                return Ok(found);
            }
        }
    }

    /// Deletes the checkpoints of removed webhooks, and those from before a rewind.
    async fn forget_removed(&self) -> Result<(), Fault> {
        let views = &self.tools.views;
        let used: HashSet<String> =
            self.webhooks().await?.iter().map(WebhookView::checkpoint_name).collect();
        for name in views.reader.checkpoints().await?.into_keys() {
            if name.starts_with(WEBHOOK_CHECKPOINTS) && !used.contains(&name) {
                views.generations.remove(&name, &[], Generation::FIRST).await?;
            }
        }
        Ok(())
    }
}
