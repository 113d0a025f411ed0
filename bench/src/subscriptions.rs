//! `assay-bench subscriptions`: many clients follow one submission, each over a socket of its own.
//!
//! Uses a complete embedded server, and clients in the same process. Measures the time from the
//! recording of a change until each client has it, and the time of `submit` without and with these
//! clients.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};

use futures::{Stream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Percentiles, failed, milliseconds, percentile, rounded, show};
use assay::client::{Client, check_user_errors};
use assay::own_server::OwnServer;
use assay::table::table;
use assay::{Exit, Failure, import_archive, pack};

/// Many clients that follow one submission
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Clients, each with a socket of its own. The process needs two descriptors for each
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=9_000))]
    clients: u16,
    /// Submissions whose `submit` is timed, without the clients and with them
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    submissions: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Tests of the submission that is followed.
const TESTS: u32 = 20;
/// For this many clients it has one test more, so that they connect before its verdict.
const CLIENTS_PER_TEST: u16 = 100;
/// Clients that connect at once.
const CONNECTING: usize = 32;
/// How long a change may take to reach a client.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Sleeps on each test, so that each change is a message of its own.
const FOLLOWED: &str = "import time\ntime.sleep(0.3)\nprint(input())\n";

const SUBMIT: &str = "mutation($input: SubmitInput!) {
  submit(input: $input) { submission { id } userErrors { code message field } }
}";

const FOLLOW: &str = "subscription($id: ID!) {
  submission(id: $id) { at cursor test { number verdict } submission { state verdict } }
}";

#[derive(Debug, Serialize)]
struct Report {
    clients: u16,
    /// Messages that all clients received after their first.
    messages: usize,
    /// From the recording of a change to its receipt.
    fan_out_ms: FanOut,
    /// The time of `submit`, without the clients.
    submit_idle_ms: Percentiles,
    /// The time of `submit`, while the clients follow a submission.
    submit_ms: Percentiles,
    /// The 95th percentile with the clients, relative to that without.
    ratio_p95: f64,
}

#[derive(Debug, Serialize)]
struct FanOut {
    p50: f64,
    p99: f64,
    max: f64,
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failure> {
    let server = OwnServer::start(|config| {
        config.limits.connections_per_address = config.limits.connections;
        config.limits.sockets_per_account = config.limits.sockets;
    })
    .await?;
    let report = measure(server.client(), &args).await;
    server.stop().await?;
    show(&report?, args.json, print)
}

async fn measure(client: &Client, args: &Args) -> Result<Report, Failure> {
    import(client, "short", 1).await?;
    import(client, "long", TESTS + u32::from(args.clients / CLIENTS_PER_TEST)).await?;
    eprintln!("timing submit {} times, without clients", args.submissions);
    let idle = time_submit(client, args.submissions).await?;
    eprintln!("connecting {} clients", args.clients);
    let followed = submit(client, "long", FOLLOWED.to_owned()).await?;
    let clients: Vec<_> = futures::stream::iter(0..args.clients)
        .map(|_| follow(client, &followed))
        .buffer_unordered(CONNECTING)
        .try_collect()
        .await?;
    eprintln!("following the submission to its verdict");
    let following: Vec<_> = clients.into_iter().map(|it| tokio::spawn(delays(it))).collect();
    let beside = time_submit(client, args.submissions).await?;
    let mut received = Vec::new();
    for one in following {
        received.extend(one.await.map_err(failed)??);
    }
    let at = |percent| milliseconds(percentile(&received, percent));
    let (idle, beside) = (Percentiles::of(&idle), Percentiles::of(&beside));
    Ok(Report {
        clients: args.clients,
        messages: received.len(),
        fan_out_ms: FanOut { p50: at(50), p99: at(99), max: at(100) },
        submit_idle_ms: idle,
        submit_ms: beside,
        ratio_p95: rounded(beside.p95 / idle.p95),
    })
}

/// Subscribes, and receives the snapshot.
async fn follow(
    client: &Client,
    submission: &str,
) -> Result<impl Stream<Item = Result<Value, Failure>> + Send + use<>, Failure> {
    let mut updates = Box::pin(client.subscribe(FOLLOW, json!({ "id": submission })).await?);
    match updates.next().await {
        Some(snapshot) => snapshot.map(|_| updates),
        None => Err(Failure::new(Exit::Network, "the subscription ended without a message")),
    }
}

/// How long each further message took from the recording of its change to this client.
async fn delays(
    updates: impl Stream<Item = Result<Value, Failure>> + Send,
) -> Result<Vec<Duration>, Failure> {
    let mut updates = std::pin::pin!(updates);
    let (mut delays, mut is_final) = (Vec::new(), false);
    loop {
        let next = tokio::time::timeout(SILENCE_MAX, updates.next()).await.map_err(failed)?;
        let Some(message) = next else { break };
        let message = message?;
        let at = message["submission"]["at"].as_str().unwrap_or_default();
        let at: Timestamp = at.parse().map_err(failed)?;
        delays.push(Timestamp::now().duration_since(at).try_into().unwrap_or_default());
        is_final = message["submission"]["submission"]["state"] == "JUDGED";
    }
    match is_final {
        true => Ok(delays),
        false => Err(Failure::new(Exit::JudgeError, "a subscription ended before the verdict")),
    }
}

/// Times `submit`, one after the other.
async fn time_submit(client: &Client, count: u32) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    for number in 0..count {
        let started = Instant::now();
        submit(client, "short", format!("# {number}\nprint(input())\n")).await?;
        times.push(started.elapsed());
    }
    Ok(times)
}

async fn submit(client: &Client, problem: &str, source: String) -> Result<String, Failure> {
    let problem = format!("prb_{problem}");
    let input = json!({ "problem": problem, "language": "python3", "source": source });
    let data = client.execute(SUBMIT, json!({ "input": input })).await?;
    check_user_errors(&data["submit"])?;
    Ok(data["submit"]["submission"]["id"].as_str().unwrap_or_default().to_owned())
}

async fn import(client: &Client, slug: &str, tests: u32) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(failed)?;
    let package = folder.path().join(slug);
    write_package(&package, tests).map_err(failed)?;
    let archive = pack::pack(&package, |_| true).map_err(failed)?;
    import_archive(client, archive).await.map(drop)
}

fn write_package(folder: &Path, tests: u32) -> io::Result<()> {
    for name in ["problem_statement", "data/secret"] {
        fs::create_dir_all(folder.join(name))?;
    }
    fs::write(folder.join("problem.yaml"), "name: Echo\nlimits: { time_limit: 5 }\n")?;
    fs::write(folder.join("problem_statement/problem.en.md"), "Print the line.\n")?;
    for number in 1..=tests {
        for extension in ["in", "ans"] {
            let file = folder.join(format!("data/secret/{number:03}.{extension}"));
            fs::write(file, format!("{number}\n"))?;
        }
    }
    Ok(())
}

fn print(report: &Report) {
    let Report { clients, messages, fan_out_ms: FanOut { p50, p99, max }, .. } = report;
    println!("{clients} clients received {messages} messages");
    println!("from recording to receipt: p50 {p50} ms, p99 {p99} ms, at most {max} ms");
    let mut submit = table(["submit", "p50 ms", "p95 ms"]);
    for (when, times) in
        [("without clients", report.submit_idle_ms), ("with clients", report.submit_ms)]
    {
        submit.add_row([when.to_owned(), times.p50.to_string(), times.p95.to_string()]);
    }
    println!("{submit}");
    println!("submit p95 with clients: {} times that without", report.ratio_p95);
}
