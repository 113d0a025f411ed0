//! `assay-bench asof`: the cost of a query about the past, beside the same query about the present.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Position;
use graphql::GlobalId;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::synthetic::{self, Handed, Shape, Written, login, slug};
use super::{bytes, failed, milliseconds, percentile, rounded, show};
use assay::client::Client;
use assay::config::Config;
use assay::server::{Role, Server};
use assay::stores::{LIVE, open_stores, open_views};
use assay::table::table;
use assay::{Exit, Failure};

/// The cost of a query about the past, beside the same query about the present
///
/// Generates and projects a log in a temporary folder, and queries a server on it over GraphQL, one
/// query after the other, about random positions and times.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Approximate number of events in the log
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    events: usize,
    /// Accounts that submit
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    accounts: usize,
    /// Problems that they submit to
    #[arg(long, value_name = "N", default_value_t = 100)]
    problems: usize,
    /// Queries of each kind
    #[arg(long, value_name = "N", default_value_t = 500)]
    questions: usize,
    /// Move nine tenths of the log to the archive first
    #[arg(long)]
    archived: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A fixed seed, so that each run makes the same queries.
const SEED: u64 = 0x0061_736f_6600;

#[derive(Debug, Serialize)]
struct Report {
    events: u64,
    accounts: usize,
    problems: usize,
    submissions: usize,
    archived_through: u64,
    appended_s: f64,
    projected_s: f64,
    log_bytes: u64,
    views_bytes: u64,
    questions: Vec<Asked>,
}

/// The cost of one kind of query, in milliseconds.
#[derive(Debug, Serialize)]
struct Asked {
    about: &'static str,
    when: &'static str,
    p50: f64,
    p95: f64,
    p99: f64,
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failure> {
    let folder = tempfile::tempdir().map_err(failed)?;
    let mut config = Config::embedded(folder.path());
    config.http.listen.set_port(0);
    let stores = open_stores(&config).await?;
    eprintln!("generating {} events", args.events);
    let began = Instant::now();
    let shape = Shape {
        events: args.events,
        accounts: args.accounts.max(1),
        problems: args.problems.max(1),
    };
    let written = synthetic::write(stores.log.as_ref(), &shape).await?;
    let appended_s = rounded(began.elapsed().as_secs_f64());
    eprintln!("projecting {}", written.head);
    let began = Instant::now();
    let views = open_views(&config, LIVE).await?;
    synthetic::project(&stores.log, &views, written.head).await?;
    let projected_s = rounded(began.elapsed().as_secs_f64());
    let archived_through = match args.archived {
        true => {
            let most = Position(written.head.0 / 10 * 9);
            stores.archive.archive(most, |_| ()).await.map_err(failed)?
        }
        false => Position::START,
    };
    drop(stores);
    eprintln!("asking");
    let questions = ask(&config, &shape, &written, args.questions.max(1)).await?;
    let report = Report {
        events: written.head.0,
        accounts: shape.accounts,
        problems: shape.problems,
        submissions: written.handed_in.len(),
        archived_through: archived_through.0,
        appended_s,
        projected_s,
        log_bytes: bytes(&folder.path().join("log.db")),
        views_bytes: bytes(&folder.path().join("views.db")),
        questions,
    };
    show(&report, args.json, print)
}

/// A query about the past, and the same about the present if there is one.
struct Kind {
    about: &'static str,
    then: &'static str,
    now: Option<&'static str>,
}

const KINDS: [Kind; 4] = [
    Kind {
        about: "submission",
        then: "query($position: Position, $at: DateTime, $id: ID!) {
            audit { asOf(position: $position, at: $at) { it: submission(id: $id) {
                state verdict judgedAt judgements { verdict appliedAt tests { number verdict } }
            } } }
        }",
        now: Some(
            "query($id: ID!) { it: submission(id: $id) {
                state verdict judgedAt judgements { verdict appliedAt tests { number verdict } }
            } }",
        ),
    },
    Kind {
        about: "problem",
        then: "query($position: Position, $at: DateTime, $slug: String!) {
            audit { asOf(position: $position, at: $at) { it: problem(slug: $slug) {
                version title difficulty stats { submissions accepted solvers acceptance }
            } } }
        }",
        now: Some(
            "query($slug: String!) { it: problem(slug: $slug) {
                version title difficulty stats { submissions accepted solvers acceptance }
            } }",
        ),
    },
    Kind {
        about: "user",
        then: "query($position: Position, $at: DateTime, $login: String!) {
            audit { asOf(position: $position, at: $at) { it: user(login: $login) {
                roles solved { difficulty solved total }
            } } }
        }",
        now: Some(
            "query($login: String!) { it: user(login: $login) {
                roles solved { difficulty solved total }
            } }",
        ),
    },
    Kind {
        about: "standings",
        then: "query($position: Position, $at: DateTime) {
            audit { asOf(position: $position, at: $at) { it: standings(first: 100) {
                totalCount nodes { rank login solved lastSolvedAt }
            } } }
        }",
        now: None,
    },
];

/// Starts a server on the generated data and queries it.
async fn ask(
    config: &Config,
    shape: &Shape,
    written: &Written,
    questions: usize,
) -> Result<Vec<Asked>, Failure> {
    let server = Server::build(config, &BTreeSet::from([Role::Command, Role::Query])).await?;
    // The generated events are projected already; the administrator is not yet.
    let log = Arc::clone(&server.stores().log);
    let head = log.info().await.map_err(failed)?.head;
    synthetic::project(&log, &open_views(config, LIVE).await?, head).await?;
    let address = server.address().expect("a server with these roles serves the API");
    let token = server.administrator.as_ref().map(|(_, secret)| secret.0.clone());
    let client = Client::new(Url::parse(&format!("http://{address}")).map_err(failed)?, token)?;
    let cancelled = CancellationToken::new();
    let running = server.start(cancelled.clone()).await;
    let asked = ask_all(&client, shape, written, questions).await;
    cancelled.cancel();
    running.await.map_err(failed)??;
    asked
}

async fn ask_all(
    client: &Client,
    shape: &Shape,
    written: &Written,
    questions: usize,
) -> Result<Vec<Asked>, Failure> {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut asked = Vec::new();
    for kind in &KINDS {
        let (mut by_position, mut by_time, mut now) = (vec![], vec![], vec![]);
        for _ in 0..questions {
            let handed = written.handed_in.choose(&mut random).expect("there are submissions");
            let subject = json!({
                "id": GlobalId::Submission(handed.id).to_string(),
                "slug": slug(random.random_range(0..shape.problems)),
                "login": login(random.random_range(0..shape.accounts)),
            });
            let (position, at) = moment(&mut random, handed, written);
            let with = |field: &str, value: Value| {
                let mut variables = subject.clone();
                variables[field] = value;
                variables
            };
            let then = with("position", json!(position.to_string()));
            by_position.push(timed(client, kind.then, then).await?);
            let then = with("at", json!(at.to_string()));
            by_time.push(timed(client, kind.then, then).await?);
            if let Some(query) = kind.now {
                now.push(timed(client, query, subject).await?);
            }
        }
        for (when, times) in [("position", by_position), ("time", by_time), ("now", now)] {
            if !times.is_empty() {
                asked.push(Asked::of(kind.about, when, &times));
            }
        }
    }
    Ok(asked)
}

/// A random moment after the submission was received.
fn moment(random: &mut StdRng, handed: &Handed, written: &Written) -> (u64, Timestamp) {
    let position = random.random_range(handed.position.0..=written.head.0);
    let us = random.random_range(
        handed.at.as_microsecond()..=written.until.as_microsecond().max(handed.at.as_microsecond()),
    );
    (position, Timestamp::from_microsecond(us).unwrap_or(written.until))
}

/// The time that a query takes, which must return a result.
async fn timed(client: &Client, query: &str, variables: Value) -> Result<Duration, Failure> {
    let began = Instant::now();
    let data = client.execute(query, variables.clone()).await?;
    let took = began.elapsed();
    let audited = &data["audit"]["asOf"]["it"];
    if audited.is_null() && data["it"].is_null() {
        let message = format!("no answer: {variables}: {data}");
        return Err(Failure::new(Exit::JudgeError, message));
    }
    Ok(took)
}

impl Asked {
    fn of(about: &'static str, when: &'static str, times: &[Duration]) -> Self {
        let at = |percent| milliseconds(percentile(times, percent));
        Self { about, when, p50: at(50), p95: at(95), p99: at(99) }
    }
}

fn print(report: &Report) {
    let Report { events, accounts, problems, submissions, archived_through, .. } = report;
    let mebibytes = |bytes: u64| bytes >> 20;
    println!(
        "{events} events ({} MiB), {archived_through} of them archived: {submissions} submissions \
         of {accounts} accounts to {problems} problems",
        mebibytes(report.log_bytes)
    );
    println!(
        "appended in {:.1} s, projected in {:.1} s into {} MiB",
        report.appended_s,
        report.projected_s,
        mebibytes(report.views_bytes)
    );
    let mut rows = table(["about", "by", "p50 ms", "p95 ms", "p99 ms"]);
    for Asked { about, when, p50, p95, p99 } in &report.questions {
        let figure = |figure: &f64| format!("{figure:.3}");
        rows.add_row([
            (*about).to_owned(),
            (*when).to_owned(),
            figure(p50),
            figure(p95),
            figure(p99),
        ]);
    }
    println!("{rows}");
}
