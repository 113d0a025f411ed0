//! `assay log`

use domain::Position;
use event_store::{ArchiveError, ArchiveStatus, EventLog, Stores};
use indicatif::{HumanBytes, ProgressBar};
use jiff::Timestamp;
use serde_json::json;

use super::print_json;
use crate::age::Age;
use crate::config::Config;
use crate::stores::open_existing_stores;
use crate::table::table;
use crate::{Exit, Failure};

/// Show where the log's events are stored, and move old events to the archive
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Show how far the log goes, and how much of it is archived
    Status(Status),
    /// Move old events into segments in the blob store; readers see no difference
    Archive(Archive),
    /// Merge small segments and return free space to the file system
    Compact(Compact),
}

/// Show how far the log goes, and how much of it is archived
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Status {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Move old events into segments in the blob store; readers see no difference
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Archive {
    #[command(flatten)]
    which: Which,
    /// Show what would be archived, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Selects the old events.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Events recorded longer ago than this, for example 30d or 12h
    #[arg(long, value_name = "AGE")]
    older_than: Option<Age>,
    /// All events except the newest N
    #[arg(long, value_name = "N")]
    keep_events: Option<u64>,
    /// Events before this position
    #[arg(long, value_name = "POSITION")]
    before: Option<u64>,
}

/// Merge small segments and return free space to the file system
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Compact {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    let stores = open_existing_stores(config).await?;
    match command {
        Command::Status(args) => status(&stores, &args).await,
        Command::Archive(args) => archive(&stores, &args).await,
        Command::Compact(args) => compact(&stores, &args).await,
    }
}

async fn status(stores: &Stores, args: &Status) -> Result<Exit, Failure> {
    let ArchiveStatus { log, segments, hot } = stores.archive.status().await.map_err(reading)?;
    let sealed_through = segments.last().map_or(Position::START, |segment| segment.last);
    let archived_bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    if args.json {
        print_json(&json!({
            "log_id": log.log_id,
            "head": log.head,
            "archived_through": log.archived_through,
            "sealed_through": sealed_through,
            "hot": hot,
            "archived_bytes": archived_bytes,
            "segments": segments,
            "durability": log.durability,
        }))?;
        return Ok(Exit::Done);
    }
    let mut rows = table(["", "log"]);
    let mut row = |what: &str, found: String| {
        rows.add_row([what.to_owned(), found]);
    };
    row("id", log.log_id.to_string());
    row("head", log.head.to_string());
    row("archived through", log.archived_through.to_string());
    if sealed_through > log.archived_through {
        row("sealed but not trimmed through", sealed_through.to_string());
    }
    row("in the log's store", format!("{} events, {}", hot.events, HumanBytes(hot.bytes)));
    let (count, size) = (segments.len(), HumanBytes(archived_bytes));
    row("in the archive", format!("{count} segments, {size} before compression"));
    row("durability", log.durability);
    println!("{rows}");
    Ok(Exit::Done)
}

async fn archive(stores: &Stores, args: &Archive) -> Result<Exit, Failure> {
    let info = stores.log.info().await.map_err(reading)?;
    let (mark, head) = (info.archived_through, info.head);
    let through = args.which.through(stores.log.as_ref(), mark, head).await?.min(head);
    let events = through.0.saturating_sub(mark.0);
    let reached = if args.dry_run {
        mark
    } else {
        let bar = match args.json {
            true => ProgressBar::hidden(),
            false => ProgressBar::new(events),
        };
        let advance = |reached: Position| bar.set_position(reached.0.saturating_sub(mark.0));
        let archived = stores.archive.archive(through, advance).await;
        bar.finish_and_clear();
        archived.map_err(archiving)?
    };
    if args.json {
        print_json(&json!({
            "dry_run": args.dry_run,
            "events": events,
            "through": through,
            "archived_through": reached,
        }))?;
    } else if args.dry_run {
        println!("{events} events would be archived, through position {through}");
    } else {
        println!("{events} events archived; the archive goes through position {reached}");
    }
    Ok(Exit::Done)
}

impl Which {
    /// The position of the last old event.
    async fn through(
        &self,
        log: &dyn EventLog,
        mark: Position,
        head: Position,
    ) -> Result<Position, Failure> {
        match self {
            Self { keep_events: Some(kept), .. } => Ok(Position(head.0.saturating_sub(*kept))),
            Self { before: Some(position), .. } => Ok(Position(position.saturating_sub(1))),
            Self { older_than, .. } => {
                let since = older_than.expect("one of the three options is given").ago();
                last_before(log, since, mark, head).await
            }
        }
    }
}

/// The position of the last event recorded before a time, by binary search: times in the log never
/// decrease.
async fn last_before(
    log: &dyn EventLog,
    time: Timestamp,
    mark: Position,
    head: Position,
) -> Result<Position, Failure> {
    let (mut old, mut candidates_end) = (mark.0, head.0);
    while old < candidates_end {
        let middle = old + (candidates_end - old).div_ceil(2);
        let read = log.read_all(Position(middle - 1), 1).await.map_err(reading)?;
        match read.first().is_some_and(|event| event.recorded_at < time) {
            true => old = middle,
            false => candidates_end = middle - 1,
        }
    }
    Ok(Position(old))
}

async fn compact(stores: &Stores, args: &Compact) -> Result<Exit, Failure> {
    let before = stores.archive.status().await.map_err(reading)?;
    let bar = match args.json {
        true => ProgressBar::hidden(),
        false => ProgressBar::new(before.segments.len() as u64),
    };
    let merged = stores.archive.compact(|done| bar.set_position(done as u64)).await;
    bar.finish_and_clear();
    let (segments_before, segments) = merged.map_err(archiving)?;
    stores.archive.give_back_space().await.map_err(archiving)?;
    if args.json {
        print_json(&json!({ "segments_before": segments_before, "segments": segments }))?;
    } else {
        println!("{segments_before} segments were merged into {segments}; free space was returned");
    }
    Ok(Exit::Done)
}

fn reading(error: event_store::ReadError) -> Failure {
    Failure::of(Exit::Network, "reading the log", &error)
}

fn archiving(error: ArchiveError) -> Failure {
    Failure::of(Exit::Network, "archiving", &error)
}
