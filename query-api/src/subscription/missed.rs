//! What a client of `mySubmissions` missed, read from the viewer's own submissions and not from
//! everybody's events.

use std::sync::Arc;

use domain::{Login, Position, Recorded, StreamId};
use event_store::read_stream_whole;
use futures::{StreamExt, TryStreamExt, stream};
use graphql::{Api, ApiError};
use read_model::views::SubmissionView;
use read_model::{Condition, PageRequest, Scalar, ViewReaderExt};

/// A distance, in events, for which the log itself is read: one page of it costs less.
const NEAR_EVENTS_MAX: u64 = 512;
/// Maximum number of submissions that are read instead of the log.
const SUBMISSIONS_MAX: u32 = 500;
/// Maximum size of the events that are kept until they are sent, in bytes.
const BYTES_MAX: usize = 8 << 20;
/// Streams that are read concurrently.
const READS_AT_ONCE: usize = 8;

/// The events of an author's submissions after a position, in the order of the log, and the
/// position up to which they are complete; read the log after it. The views say which submissions
/// have changed; the events come from the log (INV-13).
///
/// Nothing is read, and the position is the given one, if it is near, if too much was missed to be
/// kept in memory, or if streams are parked, because their views are out of date.
pub(super) async fn missed(
    api: &Api,
    author: &Login,
    from: Position,
) -> Result<(Vec<Arc<Recorded>>, Position), ApiError> {
    let nothing = (vec![], from);
    // Before the views are read, so that they have at least reached it then.
    let reached = api.freshness.reached().await?;
    if reached.0.saturating_sub(from.0) <= NEAR_EVENTS_MAX || has_parked_streams(api).await? {
        return Ok(nothing);
    }
    let after = i64::try_from(from.0.saturating_add(1)).unwrap_or(i64::MAX);
    let conditions = vec![
        Condition::Equals("author", Scalar::Text(author.to_string())),
        Condition::AtLeast("position", Scalar::Integer(after)),
    ];
    let request = PageRequest { conditions, ..PageRequest::all(SUBMISSIONS_MAX) };
    let changed = api.reader.views::<SubmissionView>(&request).await?;
    if changed.has_more {
        return Ok(nothing);
    }
    let streams = changed.items.into_iter().map(|(_, view)| StreamId::Submission(view.id));
    let mut reads = stream::iter(streams)
        .map(|stream| async move { read_stream_whole(api.log.as_ref(), &stream).await })
        .buffer_unordered(READS_AT_ONCE);
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(stream) = reads.try_next().await? {
        let later = stream.into_iter().filter(|it| from < it.position && it.position <= reached);
        events.extend(later.map(|recorded| {
            bytes += recorded.body.len();
            Arc::new(recorded)
        }));
        if bytes > BYTES_MAX {
            return Ok(nothing);
        }
    }
    events.sort_by_key(|recorded| recorded.position);
    Ok((events, reached))
}

async fn has_parked_streams(api: &Api) -> Result<bool, ApiError> {
    for parked in api.freshness.projections().values() {
        if api.reader.count(parked, &[]).await? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
