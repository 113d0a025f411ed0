//! `assay views`

use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use indicatif::{ProgressBar, ProgressStyle};
use projector::{DROP_GRACE, Retirements, Upkeep};
use read_model::views::ParkedView;
use read_model::{Generation, Generations, PageRequest, Views, WHOLE_PAGE};
use serde::Serialize;
use tokio::time::Instant;

use super::print_json;
use crate::config::Config;
use crate::stores::{LIVE, open_log, open_views};
use crate::table::table;
use crate::{Exit, Failure};

/// Show the state of the views, and rebuild them while they are served
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Show each projection's progress, its generations, and its parked streams
    Status(Status),
    /// Rebuild a projection's views beside the live ones, then switch to the new ones
    ///
    /// The running projector builds them; if none runs, this command does. Until the switch, the
    /// old views are served and kept up to date. Stopping this command does not stop the build.
    Rebuild(Rebuild),
    /// Retry events that could not be applied, after fixing the cause
    ///
    /// Parked streams continue at the event that failed. If a view can depend on several streams,
    /// all views of the projection are rebuilt instead, as by `rebuild`.
    Retry(Retry),
    /// Drop views that belong to another version of Assay
    ///
    /// They take up space, but that version needs them to continue.
    Prune(Prune),
}

/// Show each projection's progress, its generations, and its parked streams
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Status {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Rebuild a projection's views beside the live ones, then switch to the new ones
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Rebuild {
    /// The projection, as listed by `assay views status`
    name: String,
    /// Also wait until the old views are dropped
    #[arg(long)]
    wait: bool,
}

/// Retry events that could not be applied, after fixing the cause
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Retry {
    /// The projection; by default every one that has parked streams
    name: Option<String>,
}

/// Drop views that belong to another version of Assay
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Prune {
    /// Show what would be dropped, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// How often a build's progress is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// If a build makes no progress for this long, no projector is running.
const BUILD_STALL_MAX: Duration = Duration::from_secs(10);

pub(crate) async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    let log = open_log(config).await?;
    let views = open_views(config, LIVE).await?;
    let projections = projector::all().into_iter();
    let upkeep = projections.map(|projection| Upkeep {
        log: Arc::clone(&log),
        views: views.clone(),
        projection,
    });
    let upkeep: Vec<Upkeep> = upkeep.collect();
    match command {
        Command::Status(args) => status(&views, &upkeep, &args).await,
        Command::Rebuild(args) => rebuild(named(&upkeep, &args.name)?, args.wait).await,
        Command::Retry(args) => retry(&upkeep, &args).await,
        Command::Prune(args) => prune(&views, &upkeep, &args).await,
    }
}

fn named<'a>(upkeep: &'a [Upkeep], name: &str) -> Result<&'a Upkeep, Failure> {
    upkeep.iter().find(|it| it.projection.name() == name).ok_or_else(|| {
        let known: Vec<_> = upkeep.iter().map(|it| it.projection.name()).collect();
        let known = known.join(", ");
        Failure::new(Exit::Usage, format!("there is no projection {name:?}; choose one of {known}"))
    })
}

/// One generation, as listed.
#[derive(Debug, Serialize)]
struct Row {
    projection: String,
    version: u32,
    generation: Generation,
    /// `live`, `building` or `retired`.
    state: &'static str,
    position: Position,
    lag: u64,
    documents: u64,
    parked: Vec<ParkedView>,
}

async fn status(views: &Views, upkeep: &[Upkeep], args: &Status) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    let all = views.generations.all().await.map_err(reading)?;
    for upkeep in upkeep {
        let Some(generations) = all.get(&upkeep.projection.commit_name()) else { continue };
        let retired = generations.retired.iter().map(|it| (it.generation, "retired"));
        let live = generations.live.map(|it| (it, "live"));
        let building = generations.building.map(|it| (it, "building"));
        for (generation, state) in retired.chain(live).chain(building) {
            rows.push(row(upkeep, generation, state).await?);
        }
    }
    let left: Vec<_> = older(&all, upkeep).into_iter().map(|(name, _)| name.as_str()).collect();
    if args.json {
        print_json(&serde_json::json!({ "generations": rows, "left_by_others": left }))?;
        return Ok(Exit::Done);
    }
    let columns =
        ["projection", "version", "generation", "", "position", "behind", "documents", "parked"];
    let mut listed = table(columns);
    for row in &rows {
        listed.add_row([
            row.projection.clone(),
            row.version.to_string(),
            row.generation.to_string(),
            row.state.to_owned(),
            row.position.to_string(),
            row.lag.to_string(),
            row.documents.to_string(),
            row.parked.len().to_string(),
        ]);
    }
    println!("{listed}");
    for row in &rows {
        for ParkedView { stream, first, events, error, .. } in &row.parked {
            println!(
                "{}: {stream} is parked from {first} on, {events} events: {error}",
                row.projection
            );
        }
    }
    if !left.is_empty() {
        println!("Views of another version: {}; `assay views prune` drops them", left.join(", "));
    }
    Ok(Exit::Done)
}

async fn row(upkeep: &Upkeep, generation: Generation, state: &'static str) -> Result<Row, Failure> {
    let projection = &upkeep.projection;
    let reader = upkeep.views.at(generation).reader;
    let mut documents = 0;
    for collection in projection.collections() {
        documents += reader.count(&collection, &[]).await.map_err(reading)?;
    }
    let position = position(upkeep, generation).await?;
    Ok(Row {
        projection: projection.name().to_owned(),
        version: projection.version(),
        generation,
        state,
        position,
        lag: head(upkeep).await?.0.saturating_sub(position.0),
        documents,
        parked: parked(upkeep, generation).await?,
    })
}

async fn parked(upkeep: &Upkeep, generation: Generation) -> Result<Vec<ParkedView>, Failure> {
    let (collection, reader) = (upkeep.projection.parked(), upkeep.views.at(generation).reader);
    let page = reader.page(&collection, &PageRequest::all(WHOLE_PAGE)).await.map_err(reading)?;
    let parked = page.items.into_iter().map(|(_, document)| serde_json::from_value(document));
    parked
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::of(Exit::JudgeError, "reading parked streams", &error))
}

async fn rebuild(upkeep: &Upkeep, wait: bool) -> Result<Exit, Failure> {
    let before = upkeep.ensure_generations().await.map_err(asking)?;
    let generation = upkeep.ask().await.map_err(asking)?;
    let name = upkeep.projection.name();
    eprintln!("Building generation {generation} of {name} beside the live views.");
    watch(upkeep, generation).await?;
    println!("Generation {generation} of {name} is live.");
    let Some(old) = before.live else { return Ok(Exit::Done) };
    let grace = DROP_GRACE.as_secs();
    if !wait {
        eprintln!("The projector will drop generation {old} in {grace} seconds.");
        return Ok(Exit::Done);
    }
    eprintln!("Generation {old} will be dropped in {grace} seconds.");
    let mut retirements = Retirements::default();
    loop {
        let generations = upkeep.ensure_generations().await.map_err(asking)?;
        if !generations.retired.iter().any(|it| it.generation == old) {
            println!("Generation {old} of {name} was dropped.");
            return Ok(Exit::Done);
        }
        // Drop it as the projector does; either of the two may.
        upkeep.drop_due(&generations, &mut retirements).await.map_err(asking)?;
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Shows a build's progress until it ends. If no projector builds it, this function does.
async fn watch(upkeep: &Upkeep, generation: Generation) -> Result<(), Failure> {
    let bar = ProgressBar::new(head(upkeep).await?.0);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} events, {per_sec}, {eta} left");
    bar.set_style(style.map_err(|it| Failure::of(Exit::JudgeError, "showing progress", &it))?);
    let mut moved = (Instant::now(), Position::START);
    loop {
        let generations = upkeep.ensure_generations().await.map_err(asking)?;
        if generations.building != Some(generation) {
            break;
        }
        let position = position(upkeep, generation).await?;
        bar.set_position(position.0);
        if position != moved.1 {
            moved = (Instant::now(), position);
        } else if moved.0.elapsed() > BUILD_STALL_MAX {
            bar.suspend(|| eprintln!("No projector is building it, so this command does."));
            let advance = |position: Position| bar.set_position(position.0);
            match upkeep.build(generation, || true, advance).await {
                Err(fault) if fault.is_passing() => {}
                built => built.map_err(|it| Failure::of(Exit::JudgeError, "building", &it))?,
            }
            moved.0 = Instant::now();
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    bar.finish_and_clear();
    Ok(())
}

async fn retry(upkeep: &[Upkeep], args: &Retry) -> Result<Exit, Failure> {
    let wanted: Vec<&Upkeep> = match &args.name {
        Some(name) => vec![named(upkeep, name)?],
        None => upkeep.iter().collect(),
    };
    let mut nothing = true;
    for upkeep in wanted {
        let name = upkeep.projection.name();
        let generations = upkeep.ensure_generations().await.map_err(asking)?;
        let Some(live) = generations.live else { continue };
        let count = parked(upkeep, live).await?.len();
        if count == 0 {
            continue;
        }
        nothing = false;
        if upkeep.projection.streams_are_apart() {
            upkeep.ask_retry().await.map_err(asking)?;
            println!("The projector will retry {count} parked streams of {name}.");
        } else {
            eprintln!(
                "{count} streams of {name} are parked; its views depend on several streams, so all are rebuilt."
            );
            rebuild(upkeep, false).await?;
        }
    }
    if nothing {
        println!("No stream is parked.");
    }
    Ok(Exit::Done)
}

/// Projections and versions that this program does not have.
fn older<'a>(
    all: &'a std::collections::BTreeMap<String, Generations>,
    upkeep: &[Upkeep],
) -> Vec<(&'a String, &'a Generations)> {
    let ours: Vec<_> = upkeep.iter().map(|it| it.projection.commit_name()).collect();
    all.iter().filter(|(name, _)| !ours.contains(name)).collect()
}

async fn prune(views: &Views, upkeep: &[Upkeep], args: &Prune) -> Result<Exit, Failure> {
    let all = views.generations.all().await.map_err(reading)?;
    for (name, generations) in older(&all, upkeep) {
        if !args.dry_run {
            for generation in generations.all() {
                let dropped = views.generations.remove(name, &generations.collections, generation);
                dropped.await.map_err(dropping)?;
            }
            views.generations.forget(name).await.map_err(dropping)?;
        }
        println!("{name}");
    }
    Ok(Exit::Done)
}

async fn position(upkeep: &Upkeep, generation: Generation) -> Result<Position, Failure> {
    let writer = upkeep.views.at(generation).writer;
    let checkpoint = writer.checkpoint(&upkeep.projection.commit_name()).await;
    let checkpoint =
        checkpoint.map_err(|error| Failure::of(Exit::Network, "reading views", &error))?;
    Ok(checkpoint.map_or(Position::START, |checkpoint| checkpoint.position))
}

async fn head(upkeep: &Upkeep) -> Result<Position, Failure> {
    let info = upkeep.log.info().await;
    Ok(info.map_err(|error| Failure::of(Exit::Network, "reading the log", &error))?.head)
}

fn reading(error: read_model::ReadError) -> Failure {
    Failure::of(Exit::Network, "reading views", &error)
}

fn dropping(error: read_model::CommitError) -> Failure {
    Failure::of(Exit::Network, "dropping views", &error)
}

fn asking(error: projector::ProjectError) -> Failure {
    Failure::of(Exit::Network, "changing which views there are", &error)
}
