//! Live status of a rejudge, for judges.
//!
//! Each message is the whole rejudge as the view has it, including how trials compare with the
//! verdicts that count. The log signals when there is something new. A client that resumes gets the
//! newest message and so misses nothing.

use std::sync::Arc;

use async_graphql::{Result, SimpleObject};
use async_stream::try_stream;
use domain::{Position, RejudgeId};
use futures::Stream;
use read_model::ViewReaderExt;
use read_model::views::{RejudgeState, RejudgeView};
use tokio::sync::OwnedSemaphorePermit;

use graphql::cursor::StreamCursor;
use graphql::nodes::Rejudge;
use graphql::{Api, ApiError, Topic};

/// The state of a rejudge after a change.
#[derive(Debug, Clone, SimpleObject)]
pub struct RejudgeUpdate {
    /// Pass this as `after` to resume after this update.
    cursor: String,
    /// Always false: each update is complete, so none is missed.
    gap: bool,
    /// The rejudge after the change.
    rejudge: Rejudge,
}

/// The rejudge's view, once the views have reached this position.
pub(super) async fn read(
    api: &Api,
    id: RejudgeId,
    position: Position,
) -> Result<Option<RejudgeView>, ApiError> {
    api.freshness.wait_for(position).await?;
    Ok(api.reader.one::<RejudgeView>(&id.to_string()).await?)
}

/// The rejudge's current state, unless the client has it, and its changes after this position.
pub(super) fn updates(
    api: Arc<Api>,
    mut rejudge: RejudgeView,
    position: Position,
    after: Option<StreamCursor>,
    permit: Option<OwnedSemaphorePermit>,
) -> impl Stream<Item = Result<RejudgeUpdate>> {
    try_stream! {
        let _permit = permit;
        let id = rejudge.id;
        let mut sent = after.map_or(Position::START, |after| after.position);
        let mut feed = api.hub.feed(Topic::Rejudge(id), position);
        loop {
            let position = changed_at(&rejudge);
            if position > sent {
                sent = position;
                yield RejudgeUpdate {
                    cursor: StreamCursor::behind(position).encode(),
                    gap: false,
                    rejudge: rejudge.clone().into(),
                };
            }
            if is_final(&rejudge) {
                return;
            }
            // The view may already include this event.
            let recorded = feed.next().await.map_err(ApiError::from)?;
            let known = recorded.position <= changed_at(&rejudge);
            let newer = if known { None } else { read(&api, id, recorded.position).await? };
            rejudge = newer.unwrap_or(rejudge);
        }
    }
}

fn changed_at(rejudge: &RejudgeView) -> Position {
    Position(u64::try_from(rejudge.position).unwrap_or(0))
}

fn is_final(rejudge: &RejudgeView) -> bool {
    match rejudge.state {
        RejudgeState::Judging | RejudgeState::Ready => false,
        RejudgeState::Applied | RejudgeState::Reverted | RejudgeState::Cancelled => true,
    }
}
