//! `assay sweep`

use indicatif::{HumanBytes, ProgressBar};
use serde_json::json;

use super::print_json;
use crate::age::Age;
use crate::config::Config;
use crate::stores::open_existing_stores;
use crate::sweep::{AGE_MIN, SweepError, Unnamed};
use crate::table::table;
use crate::{Exit, Failure};

/// Remove blobs, personal data and secrets that no event names
///
/// Such data are uploaded packages, the selections of rejudge previews, and the leftovers of a
/// crash. The role `projector` removes them regularly; this command removes them now.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Remove only what was stored longer ago than this, for example 7d or 12h; at least 1h
    #[arg(long, value_name = "AGE", default_value = "7d")]
    older_than: Age,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    if args.older_than < Age(AGE_MIN) {
        let message = "--older-than must be at least 1h: requests in progress store data before the log names it";
        return Err(Failure::new(Exit::Usage, message));
    }
    let stores = open_existing_stores(config).await?;
    let head = stores.log.info().await.map_err(|error| failed(error.into()))?.head;
    let bar = if args.json { ProgressBar::hidden() } else { ProgressBar::new(head.0) };
    let found = Unnamed::find(&stores, args.older_than.ago(), |at| bar.set_position(at.0)).await;
    bar.finish_and_clear();
    let found = found.map_err(failed)?;
    let (mut blobs, mut bytes) = (found.blobs.len() as u64, found.bytes());
    if !args.dry_run {
        (blobs, bytes) = found.remove(&stores).await.map_err(failed)?;
    }
    let (profiles, secrets) = (found.subjects.len(), found.secrets.len());
    if args.json {
        print_json(&json!({
            "dry_run": args.dry_run,
            "blobs": blobs,
            "bytes": bytes,
            "profiles": profiles,
            "secrets": secrets,
        }))?;
        return Ok(Exit::Done);
    }
    let mut rows = table([if args.dry_run { "would remove" } else { "removed" }, "", ""]);
    rows.add_row(["blobs".to_owned(), blobs.to_string(), HumanBytes(bytes).to_string()]);
    rows.add_row(["profiles".to_owned(), profiles.to_string(), String::new()]);
    rows.add_row(["secrets of webhooks".to_owned(), secrets.to_string(), String::new()]);
    println!("{rows}");
    Ok(Exit::Done)
}

fn failed(error: SweepError) -> Failure {
    Failure::of(Exit::Network, "sweeping", &error)
}
