//! Reads that include the caller's own writes: they wait briefly until the projections have reached
//! the position.
//!
//! One waiting read polls the checkpoints on behalf of all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use read_model::{Collection, ViewReader};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::{ApiError, Code};

/// How long a read waits for the projections.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// How often the checkpoints are polled while any read waits.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Reports how far the projections behind the queries have come.
#[derive(Debug)]
pub struct Freshness {
    reader: Arc<dyn ViewReader>,
    projections: BTreeMap<String, Collection>,
    /// The position that every projection is known to have reached.
    known: watch::Sender<Position>,
    /// Held by the read that polls for all.
    polling: Mutex<()>,
}

impl Freshness {
    /// Watches the checkpoints of these projections, each with the collection of its parked
    /// streams.
    pub fn new(
        reader: Arc<dyn ViewReader>,
        projections: impl IntoIterator<Item = (String, Collection)>,
    ) -> Self {
        let (known, _) = watch::channel(Position::START);
        let projections = projections.into_iter().collect();
        Self { reader, projections, known, polling: Mutex::new(()) }
    }

    /// The names of the projections' checkpoints, with the collections of parked streams.
    pub fn projections(&self) -> &BTreeMap<String, Collection> {
        &self.projections
    }

    /// The position that every projection has reached.
    ///
    /// # Errors
    /// When the read model does not answer.
    pub async fn reached(&self) -> Result<Position, ApiError> {
        let checkpoints = self.reader.checkpoints().await?;
        let positions = self.projections.keys().map(|name| {
            checkpoints.get(name).map_or(Position::START, |checkpoint| checkpoint.position)
        });
        let reached = positions.min().unwrap_or(Position::START);
        self.known.send_if_modified(|known| {
            let advanced = reached > *known;
            *known = reached.max(*known);
            advanced
        });
        Ok(reached)
    }

    /// Whether every projection is known to have reached the position. Reads nothing.
    pub fn is_known(&self, position: Position) -> bool {
        *self.known.borrow() >= position
    }

    /// Waits until every projection has reached the position.
    ///
    /// # Errors
    /// `NOT_CAUGHT_UP` when that takes longer than 5 s.
    pub async fn wait_for(&self, position: Position) -> Result<(), ApiError> {
        let mut known = self.known.subscribe();
        let seen = async {
            // The sender is not dropped while this is borrowed.
            let _ = known.wait_for(|known| *known >= position).await;
            Ok(())
        };
        let waiting = async {
            tokio::select! {
                biased;
                seen = seen => seen,
                polled = self.poll_until(position) => polled,
            }
        };
        tokio::time::timeout_at(Instant::now() + WAIT_MAX, waiting).await.unwrap_or_else(|_| {
            let reached = *self.known.borrow();
            let message = format!("the read model is at {reached}, not yet at {position}");
            Err(ApiError::new(Code::NotCaughtUp, message))
        })
    }

    /// Polls for all waiting reads. The next one takes over when this one is done.
    async fn poll_until(&self, position: Position) -> Result<(), ApiError> {
        let _polling = self.polling.lock().await;
        while self.reached().await? < position {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use domain::{Checkpoint, EventId};
    use futures::future::join_all;
    use read_model::{Condition, Page, PageRequest, ReadError};
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    const READS: u64 = 1_000;
    const PARKED: Collection = Collection { name: "parked", schema: 1, indexes: &[] };

    /// Checkpoints that advance by one position each time they are read.
    #[derive(Debug, Default)]
    struct Advancing {
        reads: AtomicU64,
    }

    #[async_trait]
    impl ViewReader for Advancing {
        async fn get(
            &self,
            _: &Collection,
            keys: &[String],
        ) -> Result<Vec<Option<Value>>, ReadError> {
            Ok(vec![None; keys.len()])
        }

        async fn page(&self, _: &Collection, _: &PageRequest) -> Result<Page<Value>, ReadError> {
            Ok(Page { items: vec![], has_more: false })
        }

        async fn count(&self, _: &Collection, _: &[Condition]) -> Result<u64, ReadError> {
            Ok(0)
        }

        async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, ReadError> {
            let position = Position(self.reads.fetch_add(1, Ordering::Relaxed) + 1);
            let (log, event) = (Uuid::nil(), EventId(Uuid::nil()));
            let checkpoint = Checkpoint { log, position, event };
            Ok([("problems_v1".to_owned(), checkpoint)].into())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn reads_that_wait_share_one_poll() {
        let reader = Arc::new(Advancing::default());
        let projections = [("problems_v1".to_owned(), PARKED)];
        let freshness = Freshness::new(Arc::clone(&reader) as Arc<dyn ViewReader>, projections);
        let waits = (0..READS).map(|number| freshness.wait_for(Position(number % 50)));
        assert!(join_all(waits).await.into_iter().all(|waited| waited.is_ok()));
        assert_eq!(reader.reads.load(Ordering::Relaxed), 49);
        // A position already known to be reached needs no read.
        freshness.wait_for(Position(49)).await.unwrap();
        assert_eq!(reader.reads.load(Ordering::Relaxed), 49);
        let late = freshness.wait_for(Position(u64::MAX)).await.unwrap_err();
        assert_eq!(late.code, Code::NotCaughtUp);
    }
}
