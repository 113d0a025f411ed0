//! One event of the log, for any viewer.

use async_graphql::{Context, Result};
use domain::{Login, Position, StreamId};

use super::Event;
use crate::{Api, ApiError, Viewer, access};

impl Event {
    /// The event at this position, as far as the viewer may see it: whole for auditors, and as in
    /// `Submission.timeline` for viewers who may see the submission. `None` if there is no such
    /// event, or if the viewer may not see it.
    ///
    /// # Errors
    /// If a store does not respond.
    pub async fn visible(ctx: &Context<'_>, position: Position) -> Result<Option<Self>> {
        let (api, viewer) = (Api::of(ctx), Viewer::of(ctx));
        let Some(before) = position.0.checked_sub(1) else { return Ok(None) };
        if viewer.is_none() {
            return Ok(None);
        }
        let found = api.log.read_all(Position(before), 1).await.map_err(ApiError::from)?;
        let Some(recorded) = found.into_iter().next() else { return Ok(None) };
        if access::may_see_log(viewer) {
            return Ok(Some(Self::whole(recorded)));
        }
        let StreamId::Submission(id) = recorded.stream else { return Ok(None) };
        let fold = api.hub.folds.newest(id).await?;
        let may_see = |author: &Login| access::may_see_submissions_of(viewer, author);
        let Some(fold) = fold.filter(|fold| may_see(&fold.summary.author)) else {
            return Ok(None);
        };
        if access::may_see_judging(viewer) {
            return Ok(Some(Self::whole(recorded)));
        }
        let attempts = fold.judgements.iter().map(|it| &it.judgement);
        let abandoned = attempts.filter(|it| it.has_no_verdict()).map(|it| it.attempt);
        Ok(Some(Self::for_author(recorded, &abandoned.collect::<Vec<u32>>())))
    }
}
