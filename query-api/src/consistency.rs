//! Read your own writes without a lie: wait until the projections are there, briefly.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use read_model::{Collection, ViewReader};
use tokio::time::Instant;

use crate::{ApiError, Code};

/// How long a read waits for the projections.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// How often a waiting read looks at the checkpoints.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Knows how far the projections that queries read have come.
#[derive(Debug, Clone)]
pub struct Freshness {
    reader: Arc<dyn ViewReader>,
    projections: BTreeMap<String, Collection>,
}

impl Freshness {
    /// Watches the checkpoints of these projections, each with the collection of its parked streams.
    pub fn new(
        reader: Arc<dyn ViewReader>,
        projections: impl IntoIterator<Item = (String, Collection)>,
    ) -> Self {
        Self { reader, projections: projections.into_iter().collect() }
    }

    /// The names its checkpoints are kept under, with the collections of parked streams.
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
        Ok(positions.min().unwrap_or(Position::START))
    }

    /// Waits until every projection has reached the position.
    ///
    /// # Errors
    /// `NOT_CAUGHT_UP` when that takes too long.
    pub async fn wait_for(&self, position: Position) -> Result<(), ApiError> {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let reached = self.reached().await?;
            if reached >= position {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let message = format!("the read model is at {reached}, not yet at {position}");
                return Err(ApiError::new(Code::NotCaughtUp, message));
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}
