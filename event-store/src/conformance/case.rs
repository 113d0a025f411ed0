//! A test case, and how cases are run.

use std::fmt;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;

/// Maximum number of cases that run at the same time.
const CASES_AT_ONCE_MAX: usize = 8;
/// Time limit of one case.
const CASE_DURATION_MAX: Duration = Duration::from_secs(120);

/// One promise of a port, tested at URLs of its own.
#[derive(Clone)]
pub struct Case<U = String> {
    /// The promise, as a sentence.
    pub name: &'static str,
    pub(super) run: fn(U) -> BoxFuture<'static, ()>,
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
        vec![$($crate::conformance::case::Case {
            name: stringify!($name),
            run: |urls| Box::pin($name(urls)),
        }),+]
    };
}
pub(super) use cases;

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
