//! Draining evaluators.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use event_store::Scope;
use graphql::nodes::Judge;
use graphql::{Api, ConsistencyToken, GlobalId, Viewer, access};

use crate::payload::{Failure, Payload, UserError, UserErrorCode, answer};

/// Mutations of evaluators.
#[derive(Debug, Default)]
pub struct JudgeMutation;

/// The evaluator, or why nothing was done.
#[derive(SimpleObject, Default)]
pub struct JudgePayload {
    /// The evaluator.
    judge: Option<Judge>,
    /// Why nothing was done; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// Always null, because draining is no event.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for JudgePayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl JudgeMutation {
    /// Drains an evaluator, or lets it take work again. A drained evaluator finishes what it has,
    /// and takes no new work, also after a restart. This applies to all evaluators with the same
    /// name. For administrators.
    async fn drain_judge(&self, ctx: &Context<'_>, id: ID, drained: bool) -> Result<JudgePayload> {
        let judge = drain(ctx, &id, drained).await;
        answer(judge.map(|judge| JudgePayload { judge, ..JudgePayload::default() }))
    }
}

async fn drain(ctx: &Context<'_>, id: &ID, drained: bool) -> Result<Option<Judge>, Failure> {
    let viewer = Viewer::required(ctx)?;
    if !access::may_drain(Some(viewer)) || !viewer.allows(Scope::Full) {
        let message = "only administrators can drain evaluators";
        return Err(UserError::new(UserErrorCode::Forbidden, message).into());
    }
    let (api, id) = (Api::of(ctx), GlobalId::judge(id)?);
    let judge = Judge::find(api, &id).await?.ok_or_else(|| {
        let message = "no evaluator with this id was seen in the last ten minutes";
        UserError::at(UserErrorCode::NotFound, "id", message)
    })?;
    let name = judge.drain_name().ok_or_else(|| {
        let message = "this evaluator's version of Assay cannot be drained; stop it instead";
        UserError::at(UserErrorCode::Invalid, "id", message)
    })?;
    api.queue.set_drained(name, drained).await?;
    tracing::info!(by = %viewer.login, evaluator = name, drained, "an evaluator was drained or undrained");
    Ok(Judge::find(api, &id).await?)
}
