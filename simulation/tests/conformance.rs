//! The in-memory stores pass the conformance suites of all adapters.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Once, PoisonError};

use event_store::conformance::{
    LogUrls, TestAdapters, blobs_cases, log_cases, queue_cases, run, tree_cases,
};
use jiff::Timestamp;
use read_model::conformance::{TestAdapter, view_cases};
use simulation::Clock;
use simulation::memory::{MemoryBlobs, MemoryLog, MemoryTree, MemoryViews};
use uuid::Uuid;

const SCHEME: &str = "memory";

/// Stores opened before, by URL.
struct Opened<T>(Mutex<BTreeMap<String, Arc<T>>>);

impl<T> Opened<T> {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn at(&self, url: &str, make: impl FnOnce() -> T) -> Arc<T> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(opened.entry(url.to_owned()).or_insert_with(|| Arc::new(make())))
    }
}

static LOGS: Opened<MemoryLog> = Opened::new();
static BLOBS: Opened<MemoryBlobs> = Opened::new();
static TREES: Opened<MemoryTree> = Opened::new();
static VIEWS: Opened<MemoryViews> = Opened::new();

fn make_known() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let stores = TestAdapters {
            scheme: SCHEME,
            log: |url| {
                let clock = || Arc::new(Clock::starting_at(Timestamp::now()));
                let log = LOGS.at(url, || MemoryLog::new(clock(), Uuid::new_v4()));
                (log.clone(), log)
            },
            blobs: |url| BLOBS.at(url, MemoryBlobs::default),
            tree: |url| TREES.at(url, MemoryTree::default),
        };
        stores.make_known();
        let views = |url: &str, namespace: &str| {
            VIEWS.at(&format!("{url}/{namespace}"), MemoryViews::default).sides()
        };
        TestAdapter { scheme: SCHEME, views }.make_known();
    });
}

/// A URL that no other case uses.
fn url(suite: &str, case: &str) -> String {
    format!("{SCHEME}:{suite}/{case}")
}

fn log_urls(suite: &str, case: &str) -> LogUrls {
    LogUrls { log: url(suite, case), blobs: url(suite, case), archived: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn log() {
    make_known();
    run("log × memory", log_cases(), |case| log_urls("log", case.name)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue() {
    make_known();
    run("queue × memory", queue_cases(), |case| log_urls("queue", case.name)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs() {
    make_known();
    run("blobs × memory", blobs_cases(), |case| url("blobs", case.name)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tree() {
    make_known();
    run("tree × memory", tree_cases(), |case| url("tree", case.name)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn views() {
    make_known();
    let fresh = |case: &read_model::conformance::Case| url("views", case.name);
    read_model::conformance::run("views × memory", view_cases(), fresh).await;
}
