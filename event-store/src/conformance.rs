//! Named test cases that every adapter must pass.
//!
//! Each case opens the store through the resolver, as Assay does, at a URL that no other case uses.
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

/// Maximum number of cases that run at the same time.
const CASES_AT_ONCE_MAX: usize = 8;
/// Time limit of one case.
const CASE_DURATION_MAX: Duration = Duration::from_secs(120);

/// One promise of a port, tested at URLs of its own.
#[derive(Clone)]
pub struct Case<U = String> {
    /// The promise, as a sentence.
    pub name: &'static str,
    run: fn(U) -> BoxFuture<'static, ()>,
}

/// The URLs of one case's log.
#[derive(Debug, Clone)]
pub struct LogUrls {
    /// The log and its queue.
    pub log: String,
    /// The blobs for its archive.
    pub blobs: String,
    /// Archive everything after each append. Results must be the same.
    pub archived: bool,
}

impl<U> fmt::Debug for Case<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Makes a case of each function, with the function's name.
macro_rules! cases {
    ($($name:ident,)+) => {
        vec![$($crate::conformance::Case {
            name: stringify!($name),
            run: |urls| Box::pin($name(urls)),
        }),+]
    };
}
use cases;

/// Cases for [`EventLog`](crate::EventLog), alone and with its queue.
pub fn log_cases() -> Vec<Case<LogUrls>> {
    [log::cases(), log_reading::cases(), log_and_queue::cases()].concat()
}

/// Cases for an [`Archive`](crate::Archive) of any log.
pub fn archive_cases() -> Vec<Case<LogUrls>> {
    archive::cases()
}

/// Cases for a [`Restoration`](crate::Restoration) into any log.
pub fn restore_cases() -> Vec<Case<LogUrls>> {
    restore::cases()
}

/// Cases for [`WorkQueue`](crate::WorkQueue).
pub fn queue_cases() -> Vec<Case<LogUrls>> {
    [queue::cases(), queue_leases::cases()].concat()
}

/// Cases for [`Blobs`](crate::Blobs).
pub fn blobs_cases() -> Vec<Case> {
    blobs::cases()
}

/// Cases for [`Credentials`](crate::Credentials).
pub fn credentials_cases() -> Vec<Case> {
    credentials::cases()
}

/// Cases for [`TreeStore`](crate::TreeStore).
pub fn tree_cases() -> Vec<Case> {
    tree::cases()
}

/// Runs the cases, each at URLs from `fresh`, and prints their number and the time taken.
///
/// # Panics
/// If any case fails, after all have run, with the names of the failed ones.
pub async fn run<U>(suite: &str, cases: Vec<Case<U>>, fresh: impl Fn(&Case<U>) -> U) {
    let (count, began) = (cases.len(), Instant::now());
    let failed: Vec<String> = futures::stream::iter(cases)
        .map(|case| {
            let urls = fresh(&case);
            async move {
                // A separate task, so that a panic fails only this case.
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
