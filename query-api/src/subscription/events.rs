//! The log as it grows, for auditors.

use std::sync::Arc;

use async_graphql::Result;
use async_graphql::connection::Edge;
use async_stream::try_stream;
use domain::Position;
use futures::Stream;
use tokio::sync::OwnedSemaphorePermit;

use graphql::nodes::{Event, EventCursor, EventEdge};
use graphql::{Api, ApiError, Topic};

/// The events after a position that pass a filter, then new ones as they are recorded.
pub(super) fn updates(
    api: Arc<Api>,
    after: Position,
    filter: audit::Filter,
    permit: Option<OwnedSemaphorePermit>,
) -> impl Stream<Item = Result<EventEdge>> {
    try_stream! {
        let _permit = permit;
        let mut feed = api.hub.feed(Topic::Everything, after);
        loop {
            let recorded = feed.next().await.map_err(ApiError::from)?;
            if filter.ends_before(&recorded) {
                return;
            }
            if filter.matches(&recorded) {
                let event = Event::whole(recorded.as_ref().clone());
                yield Edge::new(EventCursor::at(recorded.position), event);
            }
        }
    }
}
