//! The stores: each port's suite for each adapter, and errors that only one adapter can have.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod file;
mod mongodb;
mod redis;
mod sqlite;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use domain::account::AccountRegistered;
use domain::{Actor, EventId, Metadata, NewEvent, Position, StreamId, Version};
use event_store::conformance::{Case, LogUrls};
use event_store::{
    Ability, Announcement, AppendBatch, EventLog, OpenError, WorkQueue, WorkerFacts, WorkerId,
    open_blobs,
};
use futures::future::join_all;
use tempfile::TempDir;
use uuid::Uuid;

/// A unique name for a case.
fn fresh_name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("case-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A log without archived events, so that it never reads its blobs.
async fn open_log(url: &str) -> Result<(Arc<dyn EventLog>, Arc<dyn WorkQueue>), OpenError> {
    let directory = TempDir::new().unwrap();
    let blobs = open_blobs(&format!("file:{}", directory.path().display())).await?;
    let (log, queue, _) = event_store::open_log(url, blobs).await?;
    Ok((log, queue))
}

/// This log for a case, with its own blobs.
fn log_urls(log: String, archived: bool, case: &Case<LogUrls>, directory: &TempDir) -> LogUrls {
    let blobs = format!("file:{}/{}/blobs", directory.path().display(), case.name);
    LogUrls { log, blobs, archived }
}

/// The registration of a new account.
fn registration(login: &str) -> AppendBatch {
    let login: domain::Login = login.parse().unwrap();
    let registered = AccountRegistered { login: login.clone(), subject: Uuid::new_v4() };
    AppendBatch {
        stream: StreamId::Account(login),
        expected: Version::NONE,
        events: vec![NewEvent {
            id: EventId(Uuid::new_v4()),
            event: registered.into(),
            metadata: Metadata::new(Actor::system(), Uuid::new_v4()),
        }],
        enqueue: None,
        complete: None,
    }
}

/// What a worker announces that can do this.
fn announcement(worker: &str, abilities: BTreeSet<Ability>) -> Announcement {
    let facts = WorkerFacts { name: worker.to_owned(), ..WorkerFacts::default() };
    Announcement { worker: WorkerId(worker.to_owned()), abilities, facts }
}

/// Concurrent appends share disk flushes.
async fn appends_share_the_wait_for_the_disk(log: Arc<dyn EventLog>) {
    const APPENDS: usize = 200;
    let began = Instant::now();
    let logins: Vec<String> = (0..APPENDS).map(|number| format!("user-{number}")).collect();
    let appends = logins.iter().map(|login| {
        let (log, batch) = (&log, registration(login));
        async move { log.append(&batch).await.unwrap().first }
    });
    let mut positions = join_all(appends).await;
    let together = began.elapsed();
    positions.sort_unstable();
    assert!(positions.into_iter().eq((1..=APPENDS as u64).map(Position)));

    let began = Instant::now();
    let alone = 20;
    for number in 0..alone {
        log.append(&registration(&format!("alone-{number}"))).await.unwrap();
    }
    println!(
        "appends: {:.0}/s when {APPENDS} wait together, {:.0}/s one after another",
        APPENDS as f64 / together.as_secs_f64(),
        f64::from(alone) / began.elapsed().as_secs_f64(),
    );
}

/// The error and its causes, as they are shown.
fn report(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
