//! The newest revision of each problem, and who may see and change it.

use std::sync::Arc;

use domain::problem::{Problem, ProblemAccess, ProblemRevised};
use domain::{Event, Slug, StreamId, Version};
use event_store::{EventLog, ReadError, Stream};
use moka::future::Cache;

/// The most bytes of revisions in the cache, as they are in the log.
const PROBLEMS_BYTES_MAX: u64 = 64 << 20;
/// Revisions per read of the log.
const REVISIONS_PAGE: u32 = 8;

/// Caches the newest revision of each problem. Each use reads the log from where the last read
/// ended.
#[derive(Debug)]
pub(crate) struct ProblemCache {
    log: Arc<dyn EventLog>,
    streams: Cache<Slug, Known>,
}

/// A problem's stream as far as it was read.
#[derive(Debug, Clone)]
struct Known {
    stream: Stream<Problem>,
    /// Bytes of the newest revision's event.
    bytes: usize,
}

impl ProblemCache {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        let streams = Cache::builder()
            .max_capacity(PROBLEMS_BYTES_MAX)
            .weigher(|_, known: &Known| u32::try_from(known.bytes).unwrap_or(u32::MAX))
            .build();
        Self { log, streams }
    }

    /// The newest revision; `None` if the problem does not exist (INV-2: the log decides).
    pub(crate) async fn current(
        &self,
        slug: &Slug,
    ) -> Result<Option<Arc<ProblemRevised>>, ReadError> {
        Ok(self.stream(slug).await?.state.current)
    }

    /// The problem's stream, with its owner.
    pub(crate) async fn stream(&self, slug: &Slug) -> Result<Stream<Problem>, ReadError> {
        let id = StreamId::Problem(slug.clone());
        let new = || Known { stream: Stream::new(id.clone()), bytes: 0 };
        let mut known = self.streams.get(slug).await.unwrap_or_else(new);
        loop {
            let from = known.stream.version.next();
            let newer = self.log.read_stream(&id, from, REVISIONS_PAGE).await?;
            if newer.is_empty() {
                return Ok(known.stream);
            }
            if known.stream.version == Version::NONE {
                known.stream.state.access = ProblemAccess::created_by(&newer[0].metadata.actor);
            }
            let revisions = newer.iter().rev();
            let mut revisions = revisions.filter(|it| matches!(it.event, Event::ProblemRevised(_)));
            known.bytes = revisions.next().map_or(known.bytes, |newest| newest.body.len());
            known.stream.advance(&newer);
            self.streams.insert(slug.clone(), known.clone()).await;
        }
    }
}
