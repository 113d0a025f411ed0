//! Opens the stores and the views that a configuration names.

use std::path::Path;
use std::sync::Arc;

use event_store::{EventLog, OpenError, Stores, TreeStore, lasting_fault};
use read_model::Views;

use crate::config::Config;
use crate::{Exit, Failure};

/// The namespace of the live views.
pub const LIVE: &str = "live";
/// What to do about a damaged store that cannot be rebuilt.
pub(crate) const DAMAGED: &str =
    "it is damaged; restore it: docs/operations.md, \"Errors that call for you\"";

/// Opens the log, the queue, the blobs, the credentials and the tree.
pub async fn open_stores(config: &Config) -> Result<Stores, Failure> {
    event_store::open(&config.store_urls()).await.map_err(not_opened)
}

/// Opens the stores of an existing installation, without creating one.
pub(crate) async fn open_existing_stores(config: &Config) -> Result<Stores, Failure> {
    refuse_absent(config)?;
    open_stores(config).await
}

/// Opens only the log of an existing installation.
pub(crate) async fn open_log(config: &Config) -> Result<Arc<dyn EventLog>, Failure> {
    refuse_absent(config)?;
    let blobs = event_store::open_blobs(&config.stores.blobs).await.map_err(not_opened)?;
    let (log, _, _) = event_store::open_log(&config.stores.log, blobs).await.map_err(not_opened)?;
    Ok(log)
}

/// Opens the tree over the log.
pub(crate) async fn open_tree(config: &Config) -> Result<Arc<dyn TreeStore>, Failure> {
    event_store::open_tree(&config.stores.tree).await.map_err(not_opened)
}

/// Opens a read model.
pub async fn open_views(config: &Config, namespace: &str) -> Result<Views, Failure> {
    read_model::open(&config.stores.views, namespace).await.map_err(|error| {
        let failure = Failure::of(Exit::Network, "opening the read model", &error);
        match error {
            error if lasting_fault(&error).is_some() => {
                cured(failure, "delete the read model and start again: it is built from the log")
            }
            read_model::OpenError::Unavailable(_) => silent(failure, "views"),
            _ => failure,
        }
    })
}

/// Whether the embedded log's file is missing.
pub(crate) fn is_absent(config: &Config) -> bool {
    let path = config.stores.log.strip_prefix("sqlite:");
    path.is_some_and(|path| !Path::new(path).exists())
}

fn refuse_absent(config: &Config) -> Result<(), Failure> {
    if !is_absent(config) {
        return Ok(());
    }
    let message = format!(
        "there is no log at {}; set the installation's folder with --data DIR or ASSAY_DATA, or its settings with \
         --config FILE",
        config.stores.log
    );
    Err(Failure::new(Exit::Usage, message))
}

/// A failure to open the stores, with a way to fix it if there is one.
pub(crate) fn not_opened(error: OpenError) -> Failure {
    let failure = Failure::of(Exit::Network, "opening the stores", &error);
    match error {
        error if lasting_fault(&error).is_some() => cured(failure, DAMAGED),
        OpenError::Unavailable { port, .. } => silent(failure, port),
        _ => failure,
    }
}

/// Adds a way to fix a store that does not respond.
fn silent(failure: Failure, store: &str) -> Failure {
    cured(failure, &format!("start it, or set stores.{store} to another address"))
}

fn cured(failure: Failure, cure: &str) -> Failure {
    Failure::new(failure.exit, format!("{}; {cure}", failure.message))
}
