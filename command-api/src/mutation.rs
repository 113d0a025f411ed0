//! The root of mutations.

use async_graphql::MergedObject;

use crate::cancel::CancelMutation;
use crate::import::ImportMutation;
use crate::problems::ProblemMutation;
use crate::rejudge::RejudgeMutation;
use crate::sessions::SessionMutation;
use crate::submit::SubmitMutation;
use crate::webhooks::WebhookMutation;

/// The root of mutations.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(
    SubmitMutation,
    CancelMutation,
    SessionMutation,
    ProblemMutation,
    ImportMutation,
    RejudgeMutation,
    WebhookMutation,
);
