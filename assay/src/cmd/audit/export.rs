//! `assay audit export`

use std::fs::File;
use std::path::PathBuf;

use audit::{ExportError, Filter, Tree};
use domain::{Position, StreamId};
use indicatif::ProgressBar;
use jiff::Timestamp;
use uuid::Uuid;

use super::trail;
use crate::config::Config;
use crate::server::{open_log, open_tree};
use crate::{Exit, Failure};

/// Write events, with what proves them, to a file
///
/// Without a filter these are all events that are signed, with every tree head that ever was. `assay audit verify FILE
/// --key KEY` verifies the file on a machine that has nothing else.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only events of this submission (id or UUID)
    #[arg(long, conflicts_with = "stream")]
    submission: Option<String>,
    /// Only events of this stream, as in `problem:two-sum`
    #[arg(long)]
    stream: Option<String>,
    /// Only events of these types
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events that this actor caused, as in `account:ada`
    #[arg(long)]
    actor: Option<String>,
    /// Only what the request with this correlation id led to
    #[arg(long, value_name = "UUID")]
    correlation: Option<Uuid>,
    /// Only from this position on
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    /// Only up to this position
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
    /// Only what was recorded then or later, as in 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only what was recorded before that
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

pub(super) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let stream = match (&args.submission, &args.stream) {
        (Some(submission), _) => Some(StreamId::Submission(trail::parse(submission)?)),
        (None, Some(stream)) => {
            Some(stream.parse().map_err(|error| Failure::of(Exit::Usage, "--stream", &error))?)
        }
        (None, None) => None,
    };
    let filter = Filter {
        stream,
        types: args.types,
        actor: args.actor,
        correlation: args.correlation,
        from: args.from.map(Position),
        to: args.to.map(Position),
        since: args.since,
        until: args.until,
    };
    let name = args.out.display().to_string();
    let writing = format!("writing {name}");
    let log = open_log(config).await?;
    let tree = Tree::new(open_tree(config).await?);
    let info = log.info().await.map_err(|error| Failure::of(Exit::Network, "the log", &error))?;
    // Nothing that is there is lost, and nothing half-written is left.
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
