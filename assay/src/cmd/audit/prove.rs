//! `assay audit prove`

use std::path::PathBuf;

use audit::{Receipt, Tree};
use domain::Recorded;

use super::trail;
use crate::config::Config;
use crate::stores::open_existing_stores;
use crate::{Exit, Failure};

/// Write receipts for a submission's events
///
/// A receipt is a text (c2sp.org/tlog-proof) with the event and the proof that a signed tree head
/// covers it. `assay audit check` verifies it, and so can any other program that knows the format.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The submission, by id or UUID
    submission: String,
    /// Write a receipt for every event into this folder; by default, print the first event's
    /// receipt
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let id = trail::parse(&args.submission)?;
    let stores = open_existing_stores(config).await?;
    let events = trail::read(stores.log.as_ref(), id).await?;
    let tree = Tree::new(stores.tree);
    let Some(folder) = args.out else {
        print!("{}", receipt(&tree, &events[0]).await?.to_text());
        return Ok(Exit::Done);
    };
    let failed = |error: std::io::Error| {
        Failure::of(Exit::Usage, &format!("writing to {}", folder.display()), &error)
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    for recorded in &events {
        let receipt = receipt(&tree, recorded).await?;
        let path = folder.join(format!("{}.tlog-proof", recorded.position));
        std::fs::write(&path, receipt.to_text()).map_err(failed)?;
        println!("{}  {}", path.display(), recorded.event.kind());
    }
    Ok(Exit::Done)
}

async fn receipt(tree: &Tree, recorded: &Recorded) -> Result<Receipt, Failure> {
    let receipt = Receipt::of(tree, recorded).await;
    let receipt =
        receipt.map_err(|error| Failure::of(Exit::Network, "reading the tree", &error))?;
    receipt.ok_or_else(|| {
        let position = recorded.position;
        let message = format!(
            "no signed tree head covers position {position} yet; with a running projector it takes about a second"
        );
        Failure::new(Exit::Network, message)
    })
}
