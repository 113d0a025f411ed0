//! Webhooks: where events are sent, and how far delivery has come.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use domain::Position;
use read_model::views::{AccountView, DeadLetterView, WebhookView};

use super::submission::behind;
use super::{User, int};
use crate::loaders::Key;
use crate::scalars::{DateTime, PositionScalar};
use crate::{Api, ApiError, GlobalId};

/// The state of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "read_model::views::WebhookState")]
pub enum WebhookState {
    /// Events are delivered.
    Active,
    /// The receiving server answered 410 Gone. `replayWebhook` enables the webhook again.
    Disabled,
}

/// An event that could not be delivered.
#[derive(Debug, Clone, SimpleObject)]
pub struct DeadLetter {
    /// The event's position in the log.
    position: PositionScalar,
    /// The event's UUID, which is also the message's id.
    event: String,
    /// The number of delivery attempts.
    attempts: i32,
    /// Why the last attempt failed.
    reason: String,
    /// When delivery was given up.
    at: DateTime,
    /// Whether another attempt is scheduled.
    retried: bool,
}

impl From<DeadLetterView> for DeadLetter {
    fn from(view: DeadLetterView) -> Self {
        Self {
            position: position(view.position),
            event: view.event.to_string(),
            attempts: int(view.attempts),
            reason: view.reason,
            at: view.at.into(),
            retried: view.retried,
        }
    }
}

/// A subscription that sends events to another server.
#[derive(Debug, Clone)]
pub struct Webhook(pub WebhookView);

impl From<WebhookView> for Webhook {
    fn from(view: WebhookView) -> Self {
        Self(view)
    }
}

#[Object]
impl Webhook {
    /// The global id; opaque.
    pub async fn id(&self) -> ID {
        GlobalId::Webhook(self.0.id).into()
    }

    /// The URL that events are sent to.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// The event types that are sent.
    async fn types(&self) -> &[String] {
        &self.0.kinds
    }

    /// The webhook's state.
    async fn state(&self) -> WebhookState {
        self.0.state.into()
    }

    /// Who created it.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<User> {
        let login = &self.0.created_by;
        let account = Api::loader(ctx).load_one(Key::<AccountView>::new(login)).await?;
        Ok(account.ok_or_else(|| behind(login.as_str()))?.into())
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Every event up to this position was delivered, given up or filtered out. Recorded about
    /// every 10 seconds.
    async fn position(&self, ctx: &Context<'_>) -> Result<PositionScalar> {
        Ok(PositionScalar(self.progress(Api::of(ctx)).await?))
    }

    /// The number of events after `position`, filtered out or not.
    async fn lag(&self, ctx: &Context<'_>) -> Result<i32> {
        let api = Api::of(ctx);
        let head = api.log.info().await.map_err(ApiError::from)?.head;
        Ok(int(head.0.saturating_sub(self.progress(api).await?.0)))
    }

    /// The events that could not be delivered, in log order; at most the newest 100.
    async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.0.dead_letters.iter().cloned().map(Into::into).collect()
    }
}

impl Webhook {
    /// Every event up to this position was delivered, given up or filtered out.
    ///
    /// # Errors
    /// When the read model does not answer.
    pub async fn progress(&self, api: &Api) -> Result<Position, ApiError> {
        let checkpoints = api.reader.checkpoints().await?;
        let recorded = checkpoints.get(&self.0.checkpoint_name()).map(|it| it.position);
        Ok(position(self.0.through).0.max(recorded.unwrap_or(Position::START)))
    }
}

fn position(stored: i64) -> PositionScalar {
    PositionScalar(Position(u64::try_from(stored).unwrap_or(0)))
}
