//! The stores as one process sees them: over a network that loses, delays, repeats and reorders
//! messages.

mod blobs;
mod log;
mod tree;
mod views;

use std::sync::Arc;

use evaluator::Ports;
use event_store::{Blobs, TreeStore};
use read_model::Views;

use self::blobs::DistantBlobs;
use self::log::DistantLog;
use self::tree::DistantTree;
use self::views::DistantViews;
use crate::Stores;
use crate::process::{Process, Silence};

/// The cause of a store's error.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The log, queue and blobs as this process sees them.
pub(crate) fn ports(process: &Arc<Process>, stores: &Stores) -> Ports {
    let log = Arc::new(DistantLog { process: Arc::clone(process), log: Arc::clone(&stores.log) });
    Ports { log: log.clone(), queue: log, runs: None, blobs: blobs(process, stores) }
}

fn blobs(process: &Arc<Process>, stores: &Stores) -> Arc<dyn Blobs> {
    Arc::new(DistantBlobs { process: Arc::clone(process), blobs: Arc::clone(&stores.blobs) })
}

/// The tree as this process sees it.
pub(crate) fn tree(process: &Arc<Process>, stores: &Stores) -> Arc<dyn TreeStore> {
    Arc::new(DistantTree { process: Arc::clone(process), tree: Arc::clone(&stores.tree) })
}

/// The views as this process sees them.
pub(crate) fn views(process: &Arc<Process>, stores: &Stores) -> Views {
    let (process, views) = (Arc::clone(process), Arc::clone(&stores.views));
    let distant = Arc::new(DistantViews { process, views });
    Views { reader: distant.clone(), writer: distant.clone(), generations: distant }
}

fn cause(silence: Silence) -> Cause {
    Box::new(silence)
}

/// The text of an outcome in the story.
fn outcome<T, E: std::fmt::Display>(result: &Result<T, E>, text: impl Fn(&T) -> String) -> String {
    match result {
        Ok(value) => text(value),
        Err(error) => format!("refused: {error}"),
    }
}
