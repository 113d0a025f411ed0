//! Reading the log in tests.

use std::sync::Arc;

use domain::{Position, Recorded, StreamId, SubmissionId};
use event_store::EventLog;

/// The number of events read at once.
const LOG_PAGE: u32 = 1_000;

/// The events of a submission, given its global id.
///
/// # Panics
/// If the log is unavailable, or the id is invalid.
pub async fn events_of(log: &Arc<dyn EventLog>, id: &str) -> Vec<Recorded> {
    let stream = StreamId::Submission(submission_id(id));
    event_store::read_stream_whole(log.as_ref(), &stream).await.expect("the log answers")
}

/// The submission id in a global id.
///
/// # Panics
/// If the global id is invalid.
pub fn submission_id(id: &str) -> SubmissionId {
    let uuid = id.strip_prefix("sub_").and_then(|id| id.parse().ok());
    uuid.unwrap_or_else(|| panic!("{id} is no submission's id"))
}

/// All events of a log, in order. Checks that positions have no gap.
///
/// # Panics
/// If the log is unavailable, or has a gap.
pub async fn whole_log(log: &Arc<dyn EventLog>) -> Vec<Recorded> {
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let after = events.last().map_or(Position::START, |last| last.position);
        let page = log.read_all(after, LOG_PAGE).await.expect("the log answers");
        if page.is_empty() {
            let numbers = events.iter().map(|event| event.position.0);
            assert!(numbers.eq(1..=events.len() as u64), "the positions have a gap");
            return events;
        }
        events.extend(page);
    }
}
