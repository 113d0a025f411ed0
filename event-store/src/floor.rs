//! What the store of a log takes without Assay, for measurements beside it.

use std::time::Duration;

use crate::resolver::{OpenError, parse, path, scheme};

/// What a store does at the least for an append.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Floor {
    /// So many bare `XADD` on one connection took this long.
    BareAppends(Duration),
    /// One wait for the disk takes this long.
    Sync(Duration),
}

/// Bytes of memory that the server of a log takes up, by its own account; `None` where there is no server.
///
/// # Errors
/// When it does not answer.
pub async fn server_memory(url: &str) -> Result<Option<u64>, OpenError> {
    match scheme(url) {
        "redis" => crate::redis::memory(&parse(url, "log")?).await.map(Some),
        _ => Ok(None),
    }
}

/// Measures the store at this address with entries that hold this body, so many in all and at a time.
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
