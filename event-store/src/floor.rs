//! The cost of the log's store without Assay, as a baseline for benchmarks.

use std::time::Duration;

use crate::open_error::OpenError;
use crate::resolver::{parse, path, scheme};

/// The least work a store does for an append.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Floor {
    /// Duration of all the bare `XADD` commands on one connection.
    BareAppends(Duration),
    /// Duration of one disk sync.
    Sync(Duration),
}

/// Memory that the log's server uses, in bytes, as the server reports it. `None` if the store has
/// no server.
///
/// # Errors
/// When the server does not answer.
pub async fn server_memory(url: &str) -> Result<Option<u64>, OpenError> {
    match scheme(url) {
        "redis" => crate::redis::memory(&parse(url, "log")?).await.map(Some),
        _ => Ok(None),
    }
}

/// Measures the store at this URL: writes `appends` entries with this body, `at_once` at a time.
///
/// # Errors
/// When there is no such store, or it does not answer.
pub async fn floor(
    url: &str,
    body: &str,
    appends: usize,
    at_once: usize,
) -> Result<Floor, OpenError> {
    const PORT: &str = "log";
    match scheme(url) {
        "redis" => {
            let url = parse(url, PORT)?;
            crate::redis::bare_appends(&url, body, appends, at_once).await.map(Floor::BareAppends)
        }
        _ => {
            let path = path(url, PORT)?;
            let measured = tokio::task::spawn_blocking(move || crate::sqlite::sync(&path)).await;
            let unavailable = |source| OpenError::Unavailable { port: PORT, source };
            let synced = measured.map_err(|error| unavailable(Box::new(error)))?;
            synced.map(Floor::Sync).map_err(|error| unavailable(Box::new(error)))
        }
    }
}
