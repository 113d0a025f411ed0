//! `assay judge`

use event_store::{Ability, QueueError, Stores};
use jiff::Timestamp;
use serde::Serialize;

use super::print_json;
use crate::config::Config;
use crate::stores::open_existing_stores;
use crate::table::table;
use crate::{Exit, Failure};

/// List evaluators, and stop them from taking work
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// List the evaluators that were seen in the last ten minutes, and the drained names
    List(List),
    /// Let the evaluators with this name finish what they have, and take no new work
    Drain(Name),
    /// Let the evaluators with this name take work again
    Undrain(Name),
}

/// List the evaluators that were seen in the last ten minutes, and the drained names
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The evaluators to change
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Name {
    /// The name in the evaluators' configuration, or their host's name. Draining lasts until it is
    /// undone, also when they restart; they obey within seconds
    name: String,
}

/// An evaluator, as listed; or a drained name that no evaluator has.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    drained: bool,
    /// Whether it was seen in the last 30 seconds.
    healthy: bool,
    /// The unique name of this run of the process.
    worker: Option<String>,
    version: Option<String>,
    slots: Option<u32>,
    running: Option<u32>,
    languages: Vec<String>,
    last_seen_at: Option<Timestamp>,
}

impl Row {
    fn state(&self) -> &'static str {
        match (self.drained, self.healthy) {
            (true, _) => "drained",
            (false, false) => "not seen",
            (false, true) => "takes work",
        }
    }
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    let stores = open_existing_stores(config).await?;
    match command {
        Command::List(args) => list(&stores, args.json).await,
        Command::Drain(args) => set_drained(&stores, &args.name, true).await,
        Command::Undrain(args) => set_drained(&stores, &args.name, false).await,
    }
}

async fn set_drained(stores: &Stores, name: &str, drained: bool) -> Result<Exit, Failure> {
    if name.is_empty() {
        return Err(Failure::new(Exit::Usage, "give the name of an evaluator"));
    }
    let changed = stores.queue.set_drained(name, drained).await;
    changed.map_err(|error| Failure::of(Exit::Network, "writing to the queue", &error))?;
    let rows = rows(stores).await?;
    if !rows.iter().any(|row| row.worker.is_some() && row.name == name) {
        eprintln!("No evaluator with this name was seen in the last ten minutes.");
    }
    Ok(Exit::Done)
}

async fn list(stores: &Stores, json: bool) -> Result<Exit, Failure> {
    let rows = rows(stores).await?;
    if json {
        print_json(&rows)?;
        return Ok(Exit::Done);
    }
    let mut shown =
        table(["name", "state", "running", "slots", "version", "last seen", "languages"]);
    for row in rows {
        let state = row.state();
        let number = |number: Option<u32>| number.map(|it| it.to_string()).unwrap_or_default();
        shown.add_row([
            row.name,
            state.to_owned(),
            number(row.running),
            number(row.slots),
            row.version.unwrap_or_default(),
            row.last_seen_at.map(|at| at.to_string()).unwrap_or_default(),
            row.languages.join(" "),
        ]);
    }
    println!("{shown}");
    Ok(Exit::Done)
}

async fn rows(stores: &Stores) -> Result<Vec<Row>, Failure> {
    let reading = |error: QueueError| Failure::of(Exit::Network, "reading the queue", &error);
    let workers = stores.queue.workers().await.map_err(reading)?;
    let mut absent = stores.queue.drained().await.map_err(reading)?;
    let drained = absent.clone();
    let now = Timestamp::now();
    let mut rows = Vec::new();
    for worker in workers {
        let healthy = worker.is_alive(now);
        let facts = worker.facts;
        let name = facts.as_ref().map_or(&worker.worker.0, |facts| &facts.name).clone();
        absent.remove(&name);
        let languages = worker.abilities.iter().filter_map(|ability| match ability {
            Ability::Judge(language) => Some(language.to_string()),
            Ability::Run(_) => None,
        });
        rows.push(Row {
            drained: drained.contains(&name),
            healthy,
            name,
            languages: languages.collect(),
            version: facts.as_ref().map(|facts| facts.version.clone()),
            slots: facts.as_ref().map(|facts| facts.slots),
            running: facts.as_ref().map(|facts| facts.running),
            worker: Some(worker.worker.0),
            last_seen_at: Some(worker.at),
        });
    }
    rows.extend(absent.into_iter().map(|name| Row {
        name,
        drained: true,
        healthy: false,
        worker: None,
        version: None,
        slots: None,
        running: None,
        languages: vec![],
        last_seen_at: None,
    }));
    Ok(rows)
}
