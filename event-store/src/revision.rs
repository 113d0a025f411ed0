//! Finds a revision of a problem in its stream.

use domain::{Event, Recorded, Slug, StreamId, Version};

use crate::{EventLog, ReadError};

/// Events read at once after the first one. A revision can have 2 MiB.
const REVISIONS_PAGE: u32 = 8;

/// The event of a problem's revision; `None` if the log does not have it.
///
/// A stream also contains changes of who may see and change the problem, so the revision's number is
/// at most its version in the stream.
///
/// # Errors
/// As [`EventLog::read_stream`].
pub async fn read_revision(
    log: &dyn EventLog,
    problem: &Slug,
    revision: u32,
) -> Result<Option<Recorded>, ReadError> {
    let stream = StreamId::Problem(problem.clone());
    let (mut from, mut page) = (Version(u64::from(revision)), 1);
    loop {
        let events = log.read_stream(&stream, from, page).await?;
        let Some(last) = events.last() else { return Ok(None) };
        from = last.version.next();
        let is_it = |recorded: &Recorded| match &recorded.event {
            Event::ProblemRevised(revised) => revised.revision == revision,
            _ => false,
        };
        if let Some(found) = events.into_iter().find(is_it) {
            return Ok(Some(found));
        }
        page = REVISIONS_PAGE;
    }
}
