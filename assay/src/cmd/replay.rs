//! `assay replay`

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Position;
use event_store::EventLog;
use indicatif::ProgressBar;
use projector::Runtime;
use read_model::{Collection, Generation, PageRequest, ViewReader, Views, WHOLE_PAGE};
use serde::Serialize;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::print_json;
use crate::config::Config;
use crate::stores::{LIVE, open_existing_stores, open_views};
use crate::table::table;
use crate::{Exit, Failure};

/// Rebuild every view beside the live ones, and compare
///
/// Reads the whole log, folds it into a separate namespace, compares every document with the live
/// one, and removes what it built, also after Ctrl+C. Exits with 1 if anything differs.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Keep the rebuilt views in this namespace
    #[arg(long, value_name = "NAMESPACE")]
    keep: Option<String>,
    /// Read the log only up to this position, and compare nothing; requires --keep
    #[arg(long, value_name = "POSITION", requires = "keep")]
    to: Option<u64>,
}

/// How many times the comparison restarts because the live views moved.
const TRIES_MAX: u32 = 10;
/// How long to wait between tries for live views that lag behind.
const BEHIND_WAIT: Duration = Duration::from_millis(200);
/// Random digits in the name of a temporary namespace.
const NAMESPACE_DIGITS: usize = 16;
/// Differences that are printed; the rest are only counted.
const NAMED_MAX: usize = 20;

#[derive(Debug, Default, Serialize)]
struct Report {
    events: u64,
    seconds: f64,
    events_per_second: f64,
    documents: u64,
    differences: Vec<String>,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    if args.keep.as_deref() == Some(LIVE) {
        let message = format!(
            "--keep {LIVE}: the live views must not be overwritten; choose another namespace, or \
             use `assay views rebuild`"
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let stores = open_existing_stores(config).await?;
    let live = open_views(config, LIVE).await?;
    let namespace = args.keep.clone().unwrap_or_else(own_namespace);
    erase(config, &namespace).await?;
    let report = async {
        // A new namespace has only its first generation.
        let rebuilt = open_views(config, &namespace).await?.at(Generation::FIRST);
        let report = match args.to {
            Some(to) => replay_to(&stores.log, &rebuilt, Position(to), args.json).await,
            None => replay(&stores.log, &live, &rebuilt, args.json).await,
        }?;
        if args.keep.is_some() {
            index(&rebuilt).await?;
        }
        Ok(report)
    };
    let report = tokio::select! {
        report = report => report,
        Ok(()) = tokio::signal::ctrl_c() => Err(Failure::new(Exit::NotAccepted, "interrupted")),
    };
    if args.keep.is_none() {
        // A second Ctrl+C does not wait for this.
        tokio::select! {
            erased = erase(config, &namespace) => erased?,
            Ok(()) = tokio::signal::ctrl_c() => {
                let message = format!("interrupted; the rebuilt views are left in the namespace {namespace}");
                return Err(Failure::new(Exit::NotAccepted, message));
            }
        }
    }
    let report = report?;
    if args.json {
        print_json(&report)?;
    } else {
        print_report(&report);
    }
    Ok(if report.differences.is_empty() { Exit::Done } else { Exit::NotAccepted })
}

/// A new namespace name. It is random, so that no other process uses it, on this or another
/// machine.
fn own_namespace() -> String {
    format!("replay-{}", &Uuid::new_v4().simple().to_string()[..NAMESPACE_DIGITS])
}

/// Erases a namespace over new connections, so that connections left by an interrupted run do not
/// matter.
async fn erase(config: &Config, namespace: &str) -> Result<(), Failure> {
    open_views(config, namespace).await?.writer.erase().await.map_err(writing)
}

/// Creates the indexes, which only queries need.
async fn index(views: &Views) -> Result<(), Failure> {
    for projection in projector::all() {
        views.writer.index(&projection.all_collections()).await.map_err(writing)?;
    }
    Ok(())
}

async fn replay(
    log: &Arc<dyn EventLog>,
    live: &Views,
    rebuilt: &Views,
    quiet: bool,
) -> Result<Report, Failure> {
    let started = Instant::now();
    let mut head = head(log).await?;
    rebuild(log, rebuilt, head, quiet).await?;
    let seconds = started.elapsed().as_secs_f64();
    for _ in 0..TRIES_MAX {
        match compare(live, rebuilt, head).await? {
            Some((documents, differences)) => {
                let events_per_second = head.0 as f64 / seconds;
                return Ok(Report {
                    events: head.0,
                    seconds,
                    events_per_second,
                    documents,
                    differences,
                });
            }
            None => {
                tokio::time::sleep(BEHIND_WAIT).await;
                head = self::head(log).await?;
                rebuild(log, rebuilt, head, true).await?;
            }
        }
    }
    let message = "the live views stay behind the log, or never stop changing; check that a projector is running";
    Err(Failure::new(Exit::Network, message))
}

/// Builds the views as they were at a position.
async fn replay_to(
    log: &Arc<dyn EventLog>,
    rebuilt: &Views,
    to: Position,
    quiet: bool,
) -> Result<Report, Failure> {
    let head = head(log).await?;
    if to > head {
        let message = format!("--to {to}: the log ends at {head}");
        return Err(Failure::new(Exit::Usage, message));
    }
    let started = Instant::now();
    rebuild(log, rebuilt, to, quiet).await?;
    let seconds = started.elapsed().as_secs_f64();
    let mut documents = 0;
    for collection in projector::all().iter().flat_map(|it| it.collections()) {
        documents += rebuilt.reader.count(&collection, &[]).await.map_err(reading)?;
    }
    let events_per_second = to.0 as f64 / seconds;
    Ok(Report { events: to.0, seconds, events_per_second, documents, differences: vec![] })
}

async fn head(log: &Arc<dyn EventLog>) -> Result<Position, Failure> {
    let info = log.info().await.map_err(|error| Failure::of(Exit::Network, "the log", &error))?;
    Ok(info.head)
}

/// Projects the log through `head` into these views.
pub(super) async fn rebuild(
    log: &Arc<dyn EventLog>,
    views: &Views,
    head: Position,
    quiet: bool,
) -> Result<(), Failure> {
    let projections = projector::all();
    let bar = match quiet {
        true => ProgressBar::hidden(),
        false => ProgressBar::new(head.0 * projections.len() as u64),
    };
    // Dropping the set cancels the remaining runs.
    let mut runs = JoinSet::new();
    for projection in projections {
        let runtime = Runtime { log: Arc::clone(log), views: views.clone(), projection };
        let bar = bar.clone();
        runs.spawn(async move {
            let reached = std::sync::atomic::AtomicU64::new(0);
            let advance = |position: Position| {
                let before = reached.swap(position.0, std::sync::atomic::Ordering::Relaxed);
                bar.inc(position.0.saturating_sub(before));
            };
            runtime.catch_up(head, advance).await
        });
    }
    while let Some(run) = runs.join_next().await {
        run.map_err(|error| Failure::of(Exit::JudgeError, "replaying", &error))?
            .map_err(|error| Failure::of(Exit::Network, "replaying", &error))?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// The number of documents and the differences; `None` unless the live views are at this position
/// before and after the comparison.
async fn compare(
    live: &Views,
    rebuilt: &Views,
    head: Position,
) -> Result<Option<(u64, Vec<String>)>, Failure> {
    if !stands_at(live.reader.as_ref(), head).await? {
        return Ok(None);
    }
    let (mut documents, mut differences) = (0, Vec::new());
    for collection in projector::all().iter().flat_map(|it| it.collections()) {
        documents += compare_collection(live, rebuilt, &collection, &mut differences).await?;
    }
    Ok(stands_at(live.reader.as_ref(), head).await?.then_some((documents, differences)))
}

async fn stands_at(reader: &dyn ViewReader, head: Position) -> Result<bool, Failure> {
    let checkpoints = reader.checkpoints().await.map_err(reading)?;
    let wanted: BTreeSet<String> = projector::all().iter().map(|it| it.commit_name()).collect();
    Ok(wanted.iter().all(|name| {
        checkpoints.get(name).map_or(Position::START, |checkpoint| checkpoint.position) == head
    }))
}

/// Compares both sides by key, page by page.
async fn compare_collection(
    live: &Views,
    rebuilt: &Views,
    collection: &Collection,
    differences: &mut Vec<String>,
) -> Result<u64, Failure> {
    let (mut left, mut right) = (Walk::new(live), Walk::new(rebuilt));
    let mut documents = 0;
    loop {
        let (a, b) = (left.peek(collection).await?, right.peek(collection).await?);
        let name = collection.stored_name();
        let (a, b) = match (a, b) {
            (None, None) => return Ok(documents),
            (Some(a), Some(b)) if a.0 == b.0 => (Some(a), Some(b)),
            (Some(a), Some(b)) if a.0 < b.0 => (Some(a), None),
            (Some(a), None) => (Some(a), None),
            (_, b) => (None, b),
        };
        documents += 1;
        match (a, b) {
            (Some((key, a)), Some((_, b))) => {
                if a != b {
                    differences.push(format!("{name}/{key} differs"));
                }
                left.advance();
                right.advance();
            }
            (Some((key, _)), None) => {
                differences.push(format!("{name}/{key} is served but not in the replay"));
                left.advance();
            }
            (None, Some((key, _))) => {
                differences.push(format!("{name}/{key} is in the replay but not served"));
                right.advance();
            }
            (None, None) => {}
        }
    }
}

/// Iterates over documents in key order.
struct Walk<'a> {
    views: &'a Views,
    request: PageRequest,
    page: std::collections::VecDeque<(String, serde_json::Value)>,
    ended: bool,
}

impl<'a> Walk<'a> {
    fn new(views: &'a Views) -> Self {
        Self { views, request: PageRequest::all(WHOLE_PAGE), page: [].into(), ended: false }
    }

    async fn peek(
        &mut self,
        collection: &Collection,
    ) -> Result<Option<(String, serde_json::Value)>, Failure> {
        if self.page.is_empty() && !self.ended {
            let page = self.views.reader.page(collection, &self.request).await.map_err(reading)?;
            self.ended = !page.has_more;
            self.request.after = page.items.last().map(|(place, _)| place.clone());
            self.page.extend(page.items.into_iter().map(|(place, document)| (place.key, document)));
        }
        Ok(self.page.front().cloned())
    }

    fn advance(&mut self) {
        self.page.pop_front();
    }
}

fn print_report(report: &Report) {
    let mut rows = table(["events", "seconds", "events/s", "documents", "differences"]);
    rows.add_row([
        report.events.to_string(),
        format!("{:.2}", report.seconds),
        format!("{:.0}", report.events_per_second),
        report.documents.to_string(),
        report.differences.len().to_string(),
    ]);
    println!("{rows}");
    for difference in report.differences.iter().take(NAMED_MAX) {
        println!("{difference}");
    }
}

fn reading(error: read_model::ReadError) -> Failure {
    Failure::of(Exit::Network, "reading views", &error)
}

fn writing(error: read_model::CommitError) -> Failure {
    Failure::of(Exit::Network, "writing views", &error)
}
