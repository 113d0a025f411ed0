//! Opens the ports that URLs name (INV-1).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use crate::archive::{Archive, HotLog, TieredLog};
use crate::file::FileBlobs;
use crate::mongo::{MongoBlobs, MongoCredentials, MongoTree};
use crate::open_error::OpenError;
use crate::redis::RedisLog;
use crate::sqlite::{SqliteCredentials, SqliteLog, SqliteTree};
use crate::{Blobs, Credentials, EventLog, Exports, Runs, TreeStore, WorkQueue};

/// The URLs of all stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrls {
    /// `sqlite:PATH` or `redis://HOST[:PORT][/DB][?namespace=NAME&durability=relaxed]`.
    pub log: String,
    /// `file:DIRECTORY` or `mongodb://…/DATABASE`.
    pub blobs: String,
    /// `sqlite:PATH` or `mongodb://…/DATABASE`.
    pub credentials: String,
    /// `sqlite:PATH` or `mongodb://…/DATABASE`.
    pub tree: String,
}

impl StoreUrls {
    /// Stores without servers, in files below a folder.
    pub fn embedded(folder: &Path) -> Self {
        let below = |scheme: &str, name: &str| format!("{scheme}:{}", folder.join(name).display());
        Self {
            log: below("sqlite", "log.db"),
            blobs: below("file", "blobs"),
            credentials: below("sqlite", "credentials.db"),
            tree: below("sqlite", "tree.db"),
        }
    }
}

/// All ports, opened.
#[derive(Debug, Clone)]
pub struct Stores {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The work queue, in the log's own store.
    pub queue: Arc<dyn WorkQueue>,
    /// The runs, in the log's own store.
    pub runs: Arc<dyn Runs>,
    /// The archive of old events. The log reads from it by itself.
    pub archive: Arc<Archive>,
    /// The blob store.
    pub blobs: Arc<dyn Blobs>,
    /// The credentials store.
    pub credentials: Arc<dyn Credentials>,
    /// The Merkle tree and its signed heads.
    pub tree: Arc<dyn TreeStore>,
    /// The exports that auditors asked for, in the tree's own store.
    pub exports: Exports,
}

/// Opens all stores and creates those that do not exist.
///
/// # Errors
/// When a URL is invalid, or a store does not answer or must not be used in its current state.
pub async fn open(urls: &StoreUrls) -> Result<Stores, OpenError> {
    open_stores_on(open_hot(&urls.log, false).await?, urls).await
}

/// Opens the log and the queue, which share one store (INV-6). `blobs` holds the archived events.
///
/// # Errors
/// As [`open`].
pub async fn open_log(
    url: &str,
    blobs: Arc<dyn Blobs>,
) -> Result<(Arc<dyn EventLog>, Arc<dyn WorkQueue>, Arc<Archive>), OpenError> {
    let Hot { hot, queue, .. } = open_hot(url, false).await?;
    let archive = Arc::new(Archive::new(Arc::clone(&hot), blobs));
    Ok((Arc::new(TieredLog::new(hot, Arc::clone(&archive))), queue, archive))
}

/// Opens the runs and the queue, which are in the log's store.
///
/// # Errors
/// As [`open`].
pub async fn open_runs(url: &str) -> Result<(Arc<dyn Runs>, Arc<dyn WorkQueue>), OpenError> {
    let Hot { queue, runs, .. } = open_hot(url, false).await?;
    Ok((runs, queue))
}

/// A log adapter, its queue and its runs, without the archive.
pub(crate) struct Hot {
    pub(crate) hot: Arc<dyn HotLog>,
    queue: Arc<dyn WorkQueue>,
    runs: Arc<dyn Runs>,
}

/// Opens the log's store. `restoring` must be true if, and only if, it is being restored.
pub(crate) async fn open_hot(url: &str, restoring: bool) -> Result<Hot, OpenError> {
    const PORT: &str = "log";
    match scheme(url) {
        "sqlite" => {
            let store = Arc::new(SqliteLog::open(path(url, PORT)?, restoring).await?);
            Ok(Hot { hot: store.clone(), queue: store.clone(), runs: store })
        }
        "redis" => {
            let store = Arc::new(RedisLog::open(&parse(url, PORT)?, restoring).await?);
            Ok(Hot { hot: store.clone(), queue: store.clone(), runs: store })
        }
        _ => Err(unknown(url, PORT, "sqlite:PATH or redis://HOST")),
    }
}

/// Opens the other stores and adds the archive to the log.
pub(crate) async fn open_stores_on(log: Hot, urls: &StoreUrls) -> Result<Stores, OpenError> {
    let blobs = open_blobs(&urls.blobs).await?;
    let credentials = open_credentials(&urls.credentials).await?;
    let (tree, exports) = open_tree_and_exports(&urls.tree).await?;
    let archive = Arc::new(Archive::new(Arc::clone(&log.hot), Arc::clone(&blobs)));
    let tiered = Arc::new(TieredLog::new(log.hot, Arc::clone(&archive)));
    let (queue, runs) = (log.queue, log.runs);
    Ok(Stores { log: tiered, queue, runs, archive, blobs, credentials, tree, exports })
}

/// Opens the blobs.
///
/// # Errors
/// As [`open`].
pub async fn open_blobs(url: &str) -> Result<Arc<dyn Blobs>, OpenError> {
    const PORT: &str = "blobs";
    match scheme(url) {
        "file" => Ok(Arc::new(FileBlobs::open(path(url, PORT)?).await?)),
        "mongodb" => Ok(Arc::new(MongoBlobs::open(url).await?)),
        _ => Err(unknown(url, PORT, "file:DIRECTORY or mongodb://HOST/DATABASE")),
    }
}

/// Opens the credentials.
///
/// # Errors
/// As [`open`].
pub async fn open_credentials(url: &str) -> Result<Arc<dyn Credentials>, OpenError> {
    const PORT: &str = "credentials";
    match scheme(url) {
        "sqlite" => Ok(Arc::new(SqliteCredentials::open(path(url, PORT)?).await?)),
        "mongodb" => Ok(Arc::new(MongoCredentials::open(url).await?)),
        _ => Err(unknown(url, PORT, "sqlite:PATH or mongodb://HOST/DATABASE")),
    }
}

/// Opens the Merkle tree over the log and its signed heads.
///
/// # Errors
/// As [`open`].
pub async fn open_tree(url: &str) -> Result<Arc<dyn TreeStore>, OpenError> {
    Ok(open_tree_and_exports(url).await?.0)
}

/// Opens the exports, which are in the tree's store.
///
/// # Errors
/// As [`open`].
pub async fn open_exports(url: &str) -> Result<Exports, OpenError> {
    Ok(open_tree_and_exports(url).await?.1)
}

async fn open_tree_and_exports(url: &str) -> Result<(Arc<dyn TreeStore>, Exports), OpenError> {
    const PORT: &str = "tree";
    match scheme(url) {
        "sqlite" => {
            let store = Arc::new(SqliteTree::open(path(url, PORT)?).await?);
            Ok((store.clone(), Exports::new(store)))
        }
        "mongodb" => {
            let store = Arc::new(MongoTree::open(url).await?);
            Ok((store.clone(), Exports::new(store)))
        }
        _ => Err(unknown(url, PORT, "sqlite:PATH or mongodb://HOST/DATABASE")),
    }
}

pub(crate) fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}

/// The `PATH` of a `scheme:PATH`, not URL-decoded, because a path may hold any character.
pub(crate) fn path(url: &str, port: &'static str) -> Result<PathBuf, OpenError> {
    let rest = url.split_once(':').map_or("", |(_, rest)| rest);
    match rest.strip_prefix("//").unwrap_or(rest) {
        "" => Err(OpenError::InvalidUrl { port, reason: "it names no path".to_owned() }),
        path => Ok(path.into()),
    }
}

pub(crate) fn parse(url: &str, port: &'static str) -> Result<Url, OpenError> {
    Url::parse(url).map_err(|error| OpenError::InvalidUrl { port, reason: error.to_string() })
}

fn unknown(url: &str, port: &'static str, expected: &'static str) -> OpenError {
    // The part after the scheme may hold a password.
    let url = match scheme(url) {
        "" => "…".to_owned(),
        scheme => format!("{scheme}:…"),
    };
    OpenError::UnknownScheme { url, port, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_store_is_refused_without_its_secrets() {
        let error = open_hot("postgres://judge:hunter2@host/db", false).await.err().unwrap();
        let message = error.to_string();
        assert!(message.contains("postgres"), "{message}");
        assert!(message.contains("sqlite:PATH"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
        let message = open_blobs("hunter2").await.unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[tokio::test]
    async fn a_url_without_a_path_is_refused() {
        let error = open_hot("sqlite:", false).await.err().unwrap();
        assert!(matches!(error, OpenError::InvalidUrl { port: "log", .. }), "{error}");
    }
}
