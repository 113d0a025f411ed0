//! `assay audit export`

use std::fs::File;
use std::path::PathBuf;

use audit::{ExportError, Tree};
use indicatif::ProgressBar;

use super::filter_args::FilterArgs;
use crate::config::Config;
use crate::stores::{open_log, open_tree};
use crate::{Exit, Failure};

/// Write events and their proofs to a file
///
/// Without a filter, the file contains every signed event and every tree head. `assay audit verify
/// FILE --key KEY` verifies it on any machine, without further data.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    filter: FilterArgs,
}

pub(super) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let filter = args.filter.filter()?;
    let name = args.out.display().to_string();
    let writing = format!("writing {name}");
    let log = open_log(config).await?;
    let tree = Tree::new(open_tree(config).await?);
    let info = log.info().await.map_err(|error| Failure::of(Exit::Network, "the log", &error))?;
    // Write to a temporary file first, so that no existing file is overwritten and no partial file
    // remains.
    let unfinished = args.out.with_extension(format!("unfinished-{}", std::process::id()));
    let file = File::create_new(&unfinished)
        .map_err(|error| Failure::of(Exit::Usage, &writing, &error))?;
    let bar = ProgressBar::new(info.head.0);
    let exported =
        audit::export(log.as_ref(), &tree, filter, file, |position| bar.set_position(position.0));
    let exported = exported.await;
    bar.finish_and_clear();
    let finished = exported.and_then(|manifest| {
        std::fs::hard_link(&unfinished, &args.out)?;
        Ok(manifest)
    });
    let _ = std::fs::remove_file(&unfinished);
    let manifest = finished.map_err(|error| match &error {
        ExportError::Io(_) | ExportError::Zip(_) => Failure::of(Exit::Usage, &writing, &error),
        _ => Failure::of(Exit::Network, "exporting", &error),
    })?;
    println!(
        "{name}: {} events of {}, signed by {}",
        manifest.events, manifest.size, manifest.origin
    );
    Ok(Exit::Done)
}
