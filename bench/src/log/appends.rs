//! Appending and reading, beside the bare store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::submission::SubmissionReceived;
use domain::{Actor, Digest, EventId, Metadata, NewEvent, Position, StreamId, Version};
use event_store::{AppendBatch, EventLog, Floor};
use futures::future::try_join_all;
use serde::Serialize;
use uuid::Uuid;

use super::place::Place;
use crate::{failed, milliseconds, rounded};
use assay::Failure;

/// Appends per stream, about the number of a submission's events.
const APPENDS_PER_STREAM: usize = 5;
/// Events per read.
const PAGE: u32 = 1_024;

/// What is appended, and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Events, one per append.
    pub(super) appends: usize,
    /// Concurrent writers.
    pub(super) at_once: usize,
    /// The number of rounds.
    pub(super) runs: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Appends {
    pub(super) log: &'static str,
    pub(super) appends_per_s: f64,
    /// The floor: bare `XADD` commands, or waits for the disk, per second.
    pub(super) floor_per_s: f64,
    pub(super) floor: &'static str,
    /// Appends per second, relative to the floor.
    pub(super) ratio: f64,
    /// Events per second when the whole log is read from the store and decoded.
    pub(super) read_per_s: f64,
    /// Events per second when the whole log is read from the archive with empty caches.
    pub(super) read_archived_per_s: f64,
    /// The time to read one event of one stream from the archive with empty caches.
    pub(super) read_archived_stream_ms: f64,
}

/// Measures new logs, each beside its floor.
pub(super) async fn measure(place: &Place, load: Load) -> Result<Appends, Failure> {
    let body = batch(0, 0).events[0].encode();
    let count = load.appends as f64;
    let (mut appends, mut floors, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut reads, mut archived_reads, mut streams) = (Vec::new(), Vec::new(), Vec::new());
    let mut floor_is = "";
    for run in 0..load.runs.max(1) {
        let (url, blobs) = (place.url(&run.to_string()), place.blobs(&run.to_string()).await?);
        let (log, archive) = place.open(&url, &blobs).await?;
        let took = event_store::floor(&url, &body, load.appends, load.at_once).await;
        let floor = match took.map_err(failed)? {
            Floor::BareAppends(took) => {
                floor_is = "bare XADD";
                count / took.as_secs_f64()
            }
            Floor::Sync(took) => {
                floor_is = "waits for the disk";
                1.0 / took.as_secs_f64()
            }
        };
        let append = count / append_all(&log, load).await?.as_secs_f64();
        appends.push(append);
        floors.push(floor);
        ratios.push(append / floor);
        reads.push(count / read_all(&log).await?.as_secs_f64());
        archive.archive(Position(u64::MAX), |_| ()).await.map_err(failed)?;
        let (cold, _) = place.open(&url, &blobs).await?;
        let began = Instant::now();
        cold.read_stream(&batch(0, 0).stream, Version(1), 1).await.map_err(failed)?;
        streams.push(milliseconds(began.elapsed()));
        let (cold, _) = place.open(&url, &blobs).await?;
        archived_reads.push(count / read_all(&cold).await?.as_secs_f64());
    }
    Ok(Appends {
        log: place.name,
        appends_per_s: middle(appends).round(),
        floor_per_s: middle(floors).round(),
        floor: floor_is,
        ratio: middle(ratios),
        read_per_s: middle(reads).round(),
        read_archived_per_s: middle(archived_reads).round(),
        read_archived_stream_ms: middle(streams),
    })
}

async fn append_all(log: &Arc<dyn EventLog>, load: Load) -> Result<Duration, Failure> {
    let began = Instant::now();
    let writers = (0..load.at_once).map(|writer| {
        let (log, appends, at_once) = (Arc::clone(log), load.appends, load.at_once);
        tokio::spawn(async move {
            for turn in 0..(writer..appends).step_by(at_once).len() {
                let stream = turn / APPENDS_PER_STREAM * at_once + writer;
                let version = turn % APPENDS_PER_STREAM;
                log.append(&batch(stream, version)).await?;
            }
            Ok::<_, event_store::AppendError>(())
        })
    });
    for appended in try_join_all(writers).await.map_err(failed)? {
        appended.map_err(failed)?;
    }
    Ok(began.elapsed())
}

async fn read_all(log: &Arc<dyn EventLog>) -> Result<Duration, Failure> {
    let (began, mut reached) = (Instant::now(), Position::START);
    while let Some(last) = log.read_all(reached, PAGE).await.map_err(failed)?.last() {
        reached = last.position;
    }
    Ok(began.elapsed())
}

/// Size of each event, in bytes.
pub(super) fn body_bytes() -> usize {
    batch(0, 0).events[0].encode().len()
}

/// One event of a submission.
fn batch(stream: usize, version: usize) -> AppendBatch {
    let submission = Uuid::from_u128(stream as u128 + 1).into();
    let received = SubmissionReceived {
        submission,
        author: "ada".parse().expect("a login"),
        problem: "sum-of-two".parse().expect("a slug"),
        revision: 1,
        language: "python3".parse().expect("a language"),
        source: Digest::of(b"print()"),
        source_bytes: 7,
    };
    let metadata = Metadata::new(Actor::system(), Uuid::now_v7());
    AppendBatch {
        stream: StreamId::Submission(submission),
        expected: Version(version as u64),
        events: vec![NewEvent { id: EventId(Uuid::now_v7()), event: received.into(), metadata }],
        enqueue: None,
        complete: None,
    }
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    rounded(figures[figures.len() / 2])
}
