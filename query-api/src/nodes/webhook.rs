//! Webhooks: who is told of what, and how far that has come.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use domain::Position;
use read_model::views::{AccountView, DeadLetterView, WebhookView};

use super::submission::behind;
use super::{User, int};
use crate::loaders::Key;
use crate::scalars::{DateTime, PositionScalar};
use crate::{Api, ApiError, GlobalId};

/// Where a webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "read_model::views::WebhookState")]
pub enum WebhookState {
    /// It is told of events.
    Active,
    /// Its server answered that it is gone (410). `replayWebhook` enables it again.
    Disabled,
}

/// An event that could not be delivered.
#[derive(Debug, Clone, SimpleObject)]
pub struct DeadLetter {
    /// Where the event stands in the log.
    position: PositionScalar,
    /// The event's id, which is that of the message.
    event: ID,
    /// How often it was tried.
    attempts: i32,
    /// What went wrong the last time.
    reason: String,
    /// When it was given up.
    at: DateTime,
    /// Whether it is about to be tried once more.
    retried: bool,
}

impl From<DeadLetterView> for DeadLetter {
    fn from(view: DeadLetterView) -> Self {
        Self {
            position: position(view.position),
            event: view.event.to_string().into(),
            attempts: int(view.attempts),
            reason: view.reason,
            at: view.at.into(),
            retried: view.retried,
        }
    }
}

/// A server that is told of events.
#[derive(Debug, Clone)]
pub struct Webhook(pub WebhookView);

impl From<WebhookView> for Webhook {
    fn from(view: WebhookView) -> Self {
        Self(view)
    }
}

#[Object]
impl Webhook {
    /// Opaque and global.
    pub async fn id(&self) -> ID {
        GlobalId::Webhook(self.0.id).into()
    }

    /// Where events are sent to.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// The types of events that are sent.
    async fn types(&self) -> &[String] {
        &self.0.kinds
    }

    /// Where it stands.
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

    /// Everything up to here was delivered, given up, or not wanted. It is recorded every 10 seconds or so.
    async fn position(&self) -> PositionScalar {
        position(self.0.through)
    }

    /// How many events come after that, wanted or not.
    async fn lag(&self, ctx: &Context<'_>) -> Result<i32> {
        let head = Api::of(ctx).log.info().await.map_err(ApiError::from)?.head;
        Ok(int(head.0.saturating_sub(position(self.0.through).0.0)))
    }

    /// What could not be delivered, in the order of the log; the newest 100.
    async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.0.dead_letters.iter().cloned().map(Into::into).collect()
    }
}

fn position(stored: i64) -> PositionScalar {
    PositionScalar(Position(u64::try_from(stored).unwrap_or(0)))
}
