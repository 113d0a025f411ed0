//! A test case, and how cases are run.

use std::fmt;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;

/// Maximum number of cases that run at the same time.
const CASES_AT_ONCE_MAX: usize = 8;
/// Time limit of one case.
const CASE_DURATION_MAX: Duration = Duration::from_secs(120);

/// One promise of the ports, as a test.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise, as a sentence.
    pub name: &'static str,
    pub(super) run: fn(String) -> BoxFuture<'static, ()>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Makes a case of each function, with the function's name.
macro_rules! cases {
    ($($name:ident,)+) => {
        vec![$($crate::conformance::case::Case {
            name: stringify!($name),
            run: |url| Box::pin($name(url)),
        }),+]
    };
}
pub(super) use cases;

/// Runs the cases, each at a URL from `fresh`, and prints their number and the time taken.
///
/// # Panics
/// If any case fails, after all have run, with the names of the failed ones.
pub async fn run(suite: &str, cases: Vec<Case>, fresh: impl Fn(&Case) -> String) {
    let (count, began) = (cases.len(), Instant::now());
    let failed: Vec<String> = futures::stream::iter(cases)
        .map(|case| {
            let url = fresh(&case);
            async move {
                // A separate task, so that a panic fails only this case.
                let task = tokio::spawn(tokio::time::timeout(CASE_DURATION_MAX, (case.run)(url)));
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
