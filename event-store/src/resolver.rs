//! From URLs to ports (INV-1).

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

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
    let (log, queue) = open_log(&urls.log).await?;
    let blobs = open_blobs(&urls.blobs).await?;
    let credentials = open_credentials(&urls.credentials).await?;
    let tree = open_tree(&urls.tree).await?;
    Ok(Stores { log, queue, blobs, credentials, tree })
}

/// Opens the log and the queue, which are one store (INV-6).
///
/// # Errors
/// As [`open`].
pub async fn open_log(url: &str) -> Result<(Arc<dyn EventLog>, Arc<dyn WorkQueue>), OpenError> {
    const PORT: &str = "log";
    match scheme(url) {
        "sqlite" => {
            let store = Arc::new(SqliteLog::open(path(url, PORT)?).await?);
            Ok((store.clone(), store))
        }
        "redis" => {
            let store = Arc::new(RedisLog::open(&parse(url, PORT)?).await?);
            Ok((store.clone(), store))
        }
        _ => Err(unknown(url, PORT, "sqlite:PATH or redis://HOST")),
    }
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

fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}

/// The rest of a `scheme:PATH`, as it stands: a path may hold what a URL may not.
fn path(url: &str, port: &'static str) -> Result<PathBuf, OpenError> {
    let rest = url.split_once(':').map_or("", |(_, rest)| rest);
    match rest.strip_prefix("//").unwrap_or(rest) {
        "" => Err(OpenError::InvalidUrl { port, reason: "it names no path".to_owned() }),
        path => Ok(path.into()),
    }
}

fn parse(url: &str, port: &'static str) -> Result<Url, OpenError> {
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
        let error = open_log("postgres://judge:hunter2@host/db").await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains("postgres"), "{message}");
        assert!(message.contains("sqlite:PATH"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
        let message = open_blobs("hunter2").await.unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[tokio::test]
    async fn a_url_without_a_path_is_refused() {
        let error = open_log("sqlite:").await.unwrap_err();
        assert!(matches!(error, OpenError::InvalidUrl { port: "log", .. }), "{error}");
    }
}
