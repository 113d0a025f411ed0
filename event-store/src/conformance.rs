//! What every adapter must do, as named cases.
//!
//! A case opens the store at a URL that no other case uses, through the resolver, as Assay does.
#![allow(clippy::unwrap_used, reason = "a panic is how a case fails")]

use std::fmt;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;

mod archive;
mod blobs;
mod credentials;
mod log;
mod log_and_queue;
mod log_reading;
mod opening;
mod queue;
mod queue_leases;
mod restore;
mod samples;
mod tree;

pub use opening::TestAdapters;

/// Cases that run at the same time.
const CASES_AT_ONCE_MAX: usize = 8;
/// How long one case may take.
const CASE_DURATION_MAX: Duration = Duration::from_secs(120);

/// One thing that every adapter of a port must do, at a URL of its own, or several.
#[derive(Clone)]
pub struct Case<U = String> {
    /// The promise, as a sentence.
    pub name: &'static str,
    run: fn(U) -> BoxFuture<'static, ()>,
}

/// Where a case finds a log.
#[derive(Debug, Clone)]
pub struct LogUrls {
    /// The log and its queue.
    pub log: String,
    /// The blobs that it is archived to.
    pub blobs: String,
    /// Whether everything is archived after each append: nobody may notice.
    pub archived: bool,
}

impl<U> fmt::Debug for Case<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Names cases after their functions.
macro_rules! cases {
    ($($name:ident,)+) => {
        vec![$($crate::conformance::Case {
            name: stringify!($name),
            run: |urls| Box::pin($name(urls)),
        }),+]
    };
}
use cases;

/// What [`EventLog`](crate::EventLog) promises, alone and together with its queue.
pub fn log_cases() -> Vec<Case<LogUrls>> {
    [log::cases(), log_reading::cases(), log_and_queue::cases()].concat()
}

/// What an [`Archive`](crate::Archive) promises on every log.
pub fn archive_cases() -> Vec<Case<LogUrls>> {
    archive::cases()
}

/// What a [`Restoration`](crate::Restoration) promises on every log.
pub fn restore_cases() -> Vec<Case<LogUrls>> {
    restore::cases()
}

/// What [`WorkQueue`](crate::WorkQueue) promises.
pub fn queue_cases() -> Vec<Case<LogUrls>> {
    [queue::cases(), queue_leases::cases()].concat()
}

/// What [`Blobs`](crate::Blobs) promises.
pub fn blobs_cases() -> Vec<Case> {
    blobs::cases()
}

/// What [`Credentials`](crate::Credentials) promises.
pub fn credentials_cases() -> Vec<Case> {
    credentials::cases()
}

/// What [`TreeStore`](crate::TreeStore) promises.
pub fn tree_cases() -> Vec<Case> {
    tree::cases()
}

/// Runs the cases, each at a URL from `fresh`, and prints how many there were.
///
/// # Panics
/// When a case fails, after all have run, with the names of those that did.
pub async fn run<U>(suite: &str, cases: Vec<Case<U>>, fresh: impl Fn(&Case<U>) -> U) {
    let (count, began) = (cases.len(), Instant::now());
    let failed: Vec<String> = futures::stream::iter(cases)
        .map(|case| {
            let urls = fresh(&case);
            async move {
                // A task of its own: its panic is this case's failure, not the suite's end.
                let task = tokio::spawn(tokio::time::timeout(CASE_DURATION_MAX, (case.run)(urls)));
                match task.await {
                    Ok(Ok(())) => None,
                    Ok(Err(_)) => Some(format!("{} (took too long)", case.name)),
                    Err(_) => Some(case.name.to_owned()),
                }
            }
        })
        .buffer_unordered(CASES_AT_ONCE_MAX)
        .filter_map(std::future::ready)
        .collect()
        .await;
    println!("{suite}: {count} cases, {:.1} s", began.elapsed().as_secs_f64());
    assert!(failed.is_empty(), "{suite}: {} of {count} cases failed: {failed:#?}", failed.len());
}
