//! The size of a log before and after its events are archived.

use std::path::Path;
use std::time::Instant;

use domain::Position;
use event_store::Archive;
use serde::Serialize;

use super::place::Place;
use crate::synthetic::{self, Shape};
use crate::{failed, rounded};
use assay::Failure;

/// Bytes of memory (Redis) or of the file (SQLite), and of the archive.
#[derive(Debug, Serialize)]
pub(super) struct Size {
    pub(super) log: &'static str,
    pub(super) events: u64,
    /// Size with every event in the log's store.
    pub(super) hot_bytes: u64,
    /// Size with every event in the archive.
    pub(super) archived_bytes: u64,
    /// Size of the archive itself, in the blobs.
    pub(super) blobs_bytes: u64,
    pub(super) appended_s: f64,
    pub(super) archived_s: f64,
}

pub(super) async fn measure(place: &Place, events: usize) -> Result<Size, Failure> {
    let (url, blobs) = (place.url("size"), place.blobs("size").await?);
    let before = event_store::server_memory(&url).await.map_err(failed)?.unwrap_or_default();
    let (log, archive) = place.open(&url, &blobs).await?;
    let began = Instant::now();
    let head = synthetic::write(log.as_ref(), &Shape::of(events)).await?.head;
    let appended_s = rounded(began.elapsed().as_secs_f64());
    let hot_bytes = taken(&url, &archive).await?.saturating_sub(before);
    let began = Instant::now();
    archive.archive(Position(u64::MAX), |_| ()).await.map_err(failed)?;
    archive.give_back_space().await.map_err(failed)?;
    let archived_s = rounded(began.elapsed().as_secs_f64());
    Ok(Size {
        log: place.name,
        events: head.0,
        hot_bytes,
        archived_bytes: taken(&url, &archive).await?.saturating_sub(before),
        blobs_bytes: below(&place.blobs_folder("size")).map_err(failed)?,
        appended_s,
        archived_s,
    })
}

async fn taken(url: &str, archive: &Archive) -> Result<u64, Failure> {
    match event_store::server_memory(url).await.map_err(failed)? {
        Some(bytes) => Ok(bytes),
        None => Ok(archive.status().await.map_err(failed)?.hot.bytes),
    }
}

/// Total size of the files in a folder, in bytes.
fn below(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { below(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}
