//! Projects a whole log into separate views.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::place::Place;
use crate::synthetic::{self, Shape};
use crate::{bytes, failed, rounded};
use assay::Failure;

/// The result of replaying a log on embedded stores.
#[derive(Debug, Serialize)]
pub(super) struct Replay {
    pub(super) events: u64,
    pub(super) seconds: f64,
    pub(super) events_per_s: f64,
    pub(super) views_bytes: u64,
}

pub(super) async fn measure(events: usize, folder: &Path) -> Result<Replay, Failure> {
    let place = Place::sqlite(folder);
    let blobs = place.blobs("replay").await?;
    let (log, _) = place.open(&place.url("replay"), &blobs).await?;
    let head = synthetic::write(log.as_ref(), &Shape::of(events)).await?.head;
    let file = folder.join("views.db");
    let views = read_model::open(&format!("sqlite:{}", file.display()), "live").await;
    let views = views.map_err(failed)?;
    let began = Instant::now();
    synthetic::project(&log, &views, head).await?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Replay {
        events: head.0,
        seconds: rounded(seconds),
        events_per_s: (head.0 as f64 / seconds).round(),
        views_bytes: bytes(&file),
    })
}
