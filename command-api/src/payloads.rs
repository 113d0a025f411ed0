//! The interface of all payloads.

use async_graphql::Interface;
use graphql::ConsistencyToken;

use crate::payload::UserError;
use crate::problems::ProblemPayload;
use crate::rejudge::RejudgePayload;
use crate::sessions::{AccessTokenPayload, LogoutPayload, SessionPayload};
use crate::submit::SubmitPayload;
use crate::webhooks::{CreateWebhookPayload, WebhookPayload};

/// What every mutation returns. Nothing was written if there are `userErrors`.
#[derive(Interface)]
#[graphql(
    name = "Payload",
    field(
        name = "user_errors",
        ty = "&Vec<UserError>",
        desc = "Why nothing was done; empty on success."
    ),
    field(
        name = "token",
        ty = "&Option<ConsistencyToken>",
        desc = "The consistency token of the write; null if nothing was written to the log."
    )
)]
pub enum AnyPayload {
    /// Of submitting.
    Submit(Box<SubmitPayload>),
    /// Of signing in.
    Session(Box<SessionPayload>),
    /// Of ending sessions and tokens.
    Logout(LogoutPayload),
    /// Of creating an access token.
    AccessToken(Box<AccessTokenPayload>),
    /// Of creating or revising problems.
    Problem(Box<ProblemPayload>),
    /// Of creating or changing a rejudge.
    Rejudge(Box<RejudgePayload>),
    /// Of creating a webhook.
    CreateWebhook(Box<CreateWebhookPayload>),
    /// Of changing a webhook.
    Webhook(Box<WebhookPayload>),
}
