//! `assay-bench log`: the speed of appending to the log, of reading it and of building views from
//! it, and its size.

mod appends;
mod place;
mod replay;
mod size;

use indicatif::HumanBytes;
use serde::Serialize;

use self::appends::{Appends, Load};
use self::place::Place;
use self::replay::Replay;
use self::size::Size;
use super::{failed, show};
use assay::table::table;
use assay::{Exit, Failure};

/// The speed of appending to the log, beside its bare store, of reading it and of building views
/// from it, and its size
///
/// The logs are created in a temporary folder: a file, and a Redis server if its program is
/// installed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Events to append, one per append
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    appends: usize,
    /// Concurrent writers, over one connection
    #[arg(long, value_name = "N", default_value_t = 256)]
    at_once: usize,
    /// Rounds of appending and reading; the median is reported
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// Events of the log to build views from; 0 skips this part
    #[arg(long, value_name = "N", default_value_t = 250_000)]
    replay: usize,
    /// Events of the logs whose size is measured; 0 skips this part
    #[arg(long, value_name = "N", default_value_t = 250_000)]
    size: usize,
    /// The Redis server's program
    #[arg(long, value_name = "PROGRAM", default_value = "redis-server")]
    redis_server: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    appends: usize,
    at_once: usize,
    runs: usize,
    body_bytes: usize,
    logs: Vec<Appends>,
    replay: Option<Replay>,
    sizes: Vec<Size>,
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failure> {
    let folder = tempfile::tempdir().map_err(failed)?;
    let mut places = vec![Place::sqlite(folder.path())];
    match Place::redis(folder.path(), &args.redis_server).await {
        Ok(redis) => places.push(redis),
        Err(error) => eprintln!("redis is left out: {}: {error}", args.redis_server),
    }
    let Args { appends, at_once, runs, .. } = args;
    let (mut logs, mut sizes) = (vec![], vec![]);
    for place in &places {
        eprintln!("appending to {} and reading it", place.name);
        logs.push(appends::measure(place, Load { appends, at_once, runs }).await?);
    }
    let replay = match args.replay {
        0 => None,
        events => {
            eprintln!("building views of {events} events");
            Some(replay::measure(events, folder.path()).await?)
        }
    };
    for place in places.iter().filter(|_| args.size > 0) {
        eprintln!("filling {} with {} events", place.name, args.size);
        sizes.push(size::measure(place, args.size).await?);
    }
    let body_bytes = appends::body_bytes();
    let report = Report { appends, at_once, runs, body_bytes, logs, replay, sizes };
    show(&report, args.json, print)
}

fn print(report: &Report) {
    let Report { appends, at_once, runs, body_bytes, .. } = report;
    println!(
        "{appends} appends of one event of {body_bytes} bytes, {at_once} at a time; the middle of \
         {runs} runs"
    );
    let mut rows =
        table(["log", "appends/s", "floor/s", "ratio", "read/s", "archived", "cold read"]);
    for log in &report.logs {
        rows.add_row([
            log.log.to_owned(),
            log.appends_per_s.to_string(),
            format!("{} ({})", log.floor_per_s, log.floor),
            format!("{:.2}", log.ratio),
            log.read_per_s.to_string(),
            format!("{}/s", log.read_archived_per_s),
            format!("{:.1} ms", log.read_archived_stream_ms),
        ]);
    }
    println!("{rows}");
    if let Some(Replay { events, seconds, events_per_s, views_bytes }) = &report.replay {
        let views = HumanBytes(*views_bytes);
        println!("views of {events} events, embedded: {seconds:.1} s, {events_per_s}/s, {views}\n");
    }
    if report.sizes.is_empty() {
        return;
    }
    let mut rows =
        table(["log", "events", "appended", "hot", "archived in", "then hot", "in the archive"]);
    for size in &report.sizes {
        rows.add_row([
            size.log.to_owned(),
            size.events.to_string(),
            format!("{:.1} s", size.appended_s),
            HumanBytes(size.hot_bytes).to_string(),
            format!("{:.1} s", size.archived_s),
            HumanBytes(size.archived_bytes).to_string(),
            HumanBytes(size.blobs_bytes).to_string(),
        ]);
    }
    println!("{rows}");
}
