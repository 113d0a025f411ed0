//! From URLs to ports (INV-1).

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use crate::archive::{Archive, HotLog, TieredLog};
use crate::file::FileBlobs;
use crate::mongo::{MongoBlobs, MongoCredentials, MongoTree};
use crate::redis::RedisLog;
use crate::sqlite::{SqliteCredentials, SqliteLog, SqliteTree};
use crate::{Blobs, Credentials, EventLog, TreeStore, WorkQueue};

/// Where everything is kept.
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

/// The opened ports.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Every event.
    pub log: Arc<dyn EventLog>,
    /// What waits.
    pub queue: Arc<dyn WorkQueue>,
    /// Where old events are. Readers of the log need not ask it.
    pub archive: Arc<Archive>,
    /// What is large.
    pub blobs: Arc<dyn Blobs>,
    /// What is secret.
    pub credentials: Arc<dyn Credentials>,
    /// What was signed.
    pub tree: Arc<dyn TreeStore>,
}

/// A store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no adapter.
    #[error("{url:?} is no {port} store; expected {expected}")]
    UnknownScheme {
        /// What was given, without secrets.
        url: String,
        /// Which port.
        port: &'static str,
        /// What there is.
        expected: &'static str,
    },
    /// The URL does not parse.
    #[error("the {port} store's address is not valid: {reason}")]
    InvalidUrl {
        /// Which port.
        port: &'static str,
        /// Why.
        reason: String,
    },
    /// The store is there but must not be used as it is.
    #[error("{cause}; {cure}")]
    Refused {
        /// What is wrong.
        cause: String,
        /// How to mend it.
        cure: String,
    },
    /// The store does not answer.
    #[error("the {port} store cannot be opened")]
    Unavailable {
        /// Which port.
        port: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Opens every store, making what is not there yet.
///
/// # Errors
/// When a store's URL names none, or the store does not answer or must not be used as it is.
pub async fn open(urls: &StoreUrls) -> Result<Stores, OpenError> {
    open_stores_on(open_hot(&urls.log, false).await?, urls).await
}

/// Opens the log and the queue, which are one store (INV-6). Old events are in these blobs.
///
/// # Errors
/// As [`open`].
pub async fn open_log(
    url: &str,
    blobs: Arc<dyn Blobs>,
) -> Result<(Arc<dyn EventLog>, Arc<dyn WorkQueue>, Arc<Archive>), OpenError> {
    let Hot { hot, queue } = open_hot(url, false).await?;
    let archive = Arc::new(Archive::new(Arc::clone(&hot), blobs));
    Ok((Arc::new(TieredLog::new(hot, Arc::clone(&archive))), queue, archive))
}

/// An adapter of the log, without an archive.
pub(crate) struct Hot {
    pub(crate) hot: Arc<dyn HotLog>,
    queue: Arc<dyn WorkQueue>,
}

/// Opens the store of the log; one that is being restored only for whoever restores it.
pub(crate) async fn open_hot(url: &str, restoring: bool) -> Result<Hot, OpenError> {
    const PORT: &str = "log";
    match scheme(url) {
        "sqlite" => {
            let store = Arc::new(SqliteLog::open(path(url, PORT)?, restoring).await?);
            Ok(Hot { hot: store.clone(), queue: store })
        }
        "redis" => {
            let store = Arc::new(RedisLog::open(&parse(url, PORT)?, restoring).await?);
            Ok(Hot { hot: store.clone(), queue: store })
        }
        _ => Err(unknown(url, PORT, "sqlite:PATH or redis://HOST")),
    }
}

/// Opens everything else, and puts the archive behind the log.
pub(crate) async fn open_stores_on(log: Hot, urls: &StoreUrls) -> Result<Stores, OpenError> {
    let blobs = open_blobs(&urls.blobs).await?;
    let credentials = open_credentials(&urls.credentials).await?;
    let tree = open_tree(&urls.tree).await?;
    let archive = Arc::new(Archive::new(Arc::clone(&log.hot), Arc::clone(&blobs)));
    let tiered = Arc::new(TieredLog::new(log.hot, Arc::clone(&archive)));
    Ok(Stores { log: tiered, queue: log.queue, archive, blobs, credentials, tree })
}

/// What an adapter answers when [`open_hot`] is wrong about whether the log is being restored.
pub(crate) fn not_whole(restoring: bool) -> OpenError {
    let (cause, cure) = match restoring {
        true => ("the log is not being restored", "begin again"),
        false => (
            "the log was restored in part, and is not whole",
            "delete the stores of the log, the credentials and the tree, and restore again",
        ),
    };
    OpenError::Refused { cause: cause.to_owned(), cure: cure.to_owned() }
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
    const PORT: &str = "tree";
    match scheme(url) {
        "sqlite" => Ok(Arc::new(SqliteTree::open(path(url, PORT)?).await?)),
        "mongodb" => Ok(Arc::new(MongoTree::open(url).await?)),
        _ => Err(unknown(url, PORT, "sqlite:PATH or mongodb://HOST/DATABASE")),
    }
}

pub(crate) fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}

/// The rest of a `scheme:PATH`, as it stands: a path may hold what a URL may not.
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
    // What follows the scheme may hold a password.
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
