//! `assay demo`

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::Verdict;
use event_store::Stores;
use futures::StreamExt;
use indicatif::MultiProgress;
use problem_package::SampleSubmission;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use super::audit::trail;
use super::{print_json, problem, watch};
use crate::client::{Client, check_user_errors};
use crate::own_server::OwnServer;
use crate::samples::{self, SAMPLES};
use crate::table::table;
use crate::{Exit, Failure};

/// Judge the sample problems live, using only this machine
///
/// Starts a server on embedded stores in a temporary folder, imports the sample problems, submits
/// their solutions over GraphQL, watches each over a subscription, and prints the results. With
/// --server it uses a running server instead.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Use this server instead of starting one
    #[arg(long, value_name = "URL", requires = "token")]
    server: Option<Url>,
    /// The token of an account on that server; must be a setter
    #[arg(long, value_name = "TOKEN", env = "ASSAY_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Submissions judged at once; by default one per core
    #[arg(long, value_name = "N")]
    at_once: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The end of the output: what to do after the demo.
const NEXT: &str = "
Next, with target/release on the PATH, or `cargo run --release --` in the place of `assay`:
  assay problem verify problems/sum-of-two    check a package, and edit it
  assay serve                                 a server that stays; it prints the administrator's token once
  README.md, \"Serve it\"                      accounts, packages, submissions, subscriptions";

/// The result of a sample submission.
#[derive(Debug, Clone, Serialize)]
struct Row {
    problem: String,
    path: String,
    language: String,
    expected: String,
    verdict: String,
    agrees: bool,
    time_ms: Option<u64>,
    memory_kib: Option<u64>,
    latency_ms: u64,
    updates: u64,
    submission: String,
}

/// A sample submission to judge.
struct Trial {
    problem: String,
    submission: SampleSubmission,
}

const SUBMIT: &str = "mutation($input: SubmitInput!) {
  submit(input: $input) { submission { id } userErrors { code message field } }
}";

pub(crate) async fn run(args: Args) -> Result<Exit, Failure> {
    let started = Instant::now();
    let own = match &args.server {
        Some(_) => None,
        // The samples arrive at once and are few, so warming up would only compete with them.
        None => Some(OwnServer::start(|config| config.evaluator.warm_up = false).await?),
    };
    let client = match (&own, &args.server) {
        (Some(own), _) => own.client().clone(),
        (None, Some(server)) => Client::new(server.clone(), args.token.clone())?,
        (None, None) => unreachable!("there is either an own server or a given one"),
    };
    let rows = judge_samples(&client, &args).await;
    let rows = match rows {
        Ok(rows) => rows,
        Err(failure) => {
            if let Some(own) = own {
                own.stop().await?;
            }
            return Err(failure);
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    let trail = match &own {
        Some(own) => Some(trail_of_one(own.stores(), &rows).await?),
        None => None,
    };
    if let Some(own) = own {
        own.stop().await?;
    }
    report(&rows, trail.as_deref(), seconds, args.json)
}

async fn trail_of_one(stores: &Stores, rows: &[Row]) -> Result<String, Failure> {
    let Some(row) = rows.first() else { return Ok(String::new()) };
    let id = graphql::GlobalId::submission(&row.submission.clone().into());
    let id = id.map_err(|error| Failure::of(Exit::JudgeError, "the demo", &error))?;
    let events = trail::read(stores.log.as_ref(), id).await?;
    let title = format!("The audit trail of {} ({}):\n", row.path, row.submission);
    Ok(title + &trail::trail(&events))
}

async fn judge_samples(client: &Client, args: &Args) -> Result<Vec<Row>, Failure> {
    let data = client.execute("{ languages { id } }", json!({})).await?;
    let languages = data["languages"].as_array().cloned().unwrap_or_default();
    let languages: BTreeSet<&str> = languages.iter().filter_map(|it| it["id"].as_str()).collect();
    let mut trials = Vec::new();
    for (slug, archive) in SAMPLES {
        problem::import::import_archive(client, archive.to_vec()).await?;
        trials.extend(sample_submissions(slug, archive)?);
    }
    let all = trials.len();
    trials.retain(|trial| languages.contains(trial.submission.language.as_str()));
    eprintln!("{} problems imported; judging {} submissions", SAMPLES.len(), trials.len());
    if trials.len() < all {
        eprintln!(
            "{} submissions are left out because their languages are not installed",
            all - trials.len()
        );
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let at_once = args.at_once.unwrap_or(cores).max(1);
    let bars = MultiProgress::new();
    let judged = futures::stream::iter(trials)
        .map(|trial| judge(client, trial, &bars))
        .buffered(at_once)
        .collect::<Vec<_>>()
        .await;
    judged.into_iter().collect()
}

fn sample_submissions(slug: &str, archive: &[u8]) -> Result<Vec<Trial>, Failure> {
    let package = samples::read(slug, archive)?;
    let submissions = package.submissions.into_iter();
    Ok(submissions.map(|submission| Trial { problem: slug.to_owned(), submission }).collect())
}

async fn judge(client: &Client, trial: Trial, bars: &MultiProgress) -> Result<Row, Failure> {
    let Trial { problem, submission } = trial;
    let bar = bars.add(watch::progress_bar());
    bar.set_prefix(format!("{problem} {}", submission.language));
    let input = json!({
        "problem": format!("prb_{problem}"),
        "language": submission.language,
        "source": submission.source(),
    });
    let started = Instant::now();
    let data = client.execute(SUBMIT, json!({ "input": input })).await?;
    check_user_errors(&data["submit"])?;
    let id = data["submit"]["submission"]["id"].as_str().unwrap_or_default().to_owned();
    let mut updates = 0;
    let last = watch::updates(client, &id, None, |update| {
        updates += 1;
        watch::show(&bar, &update["submission"]);
    });
    let last = last.await?;
    let latency = started.elapsed();
    bar.finish_and_clear();
    bars.remove(&bar);
    Ok(row(problem, &submission, id, &last, latency, updates))
}

fn row(
    problem: String,
    submission: &SampleSubmission,
    id: String,
    last: &Value,
    latency: Duration,
    updates: u64,
) -> Row {
    let names: Vec<String> = submission.expected.iter().map(Verdict::to_string).collect();
    let verdict = last["verdict"].as_str().unwrap_or("?").to_owned();
    let judgement = &last["judgement"];
    Row {
        problem,
        path: submission.path.clone(),
        language: submission.language.to_string(),
        agrees: names.contains(&verdict),
        expected: names.join(" or "),
        verdict,
        time_ms: judgement["timeMs"].as_u64(),
        memory_kib: judgement["memoryKb"].as_u64(),
        latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
        updates,
        submission: id,
    }
}

fn report(rows: &[Row], trail: Option<&str>, seconds: f64, json: bool) -> Result<Exit, Failure> {
    let disagree = rows.iter().filter(|row| !row.agrees).count();
    if json {
        print_json(&json!({ "seconds": seconds, "disagree": disagree, "submissions": rows }))?;
    } else {
        let mut lines =
            table(["problem", "submission", "verdict", "", "time", "memory", "latency", "updates"]);
        for row in rows {
            let shown = |figure: Option<u64>, unit: &str| {
                figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure} {unit}"))
            };
            let agrees = match row.agrees {
                true => "as expected".to_owned(),
                false => format!("expected {}", row.expected),
            };
            lines.add_row([
                row.problem.clone(),
                row.path.clone(),
                row.verdict.clone(),
                agrees,
                shown(row.time_ms, "ms"),
                shown(row.memory_kib, "KiB"),
                format!("{} ms", row.latency_ms),
                row.updates.to_string(),
            ]);
        }
        println!("{lines}");
        if let Some(trail) = trail {
            println!("{trail}");
        }
        let agree = rows.len() - disagree;
        println!("{agree} of {} submissions as expected, in {seconds:.1} s", rows.len());
        println!("{NEXT}");
    }
    Ok(if disagree == 0 && !rows.is_empty() { Exit::Done } else { Exit::NotAccepted })
}
