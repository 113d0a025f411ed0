//! `assay-bench rejudge`: many submissions are rejudged after a checker was fixed, while others are
//! submitted.
//!
//! Uses a complete embedded server over GraphQL. Measures the time from sending a submission to its
//! last update, before the rejudge and during it. Until the rejudge is applied, public data must
//! not change; then all of it must change at once.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};

use futures::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Percentiles, failed, milliseconds, rounded, show};
use assay::client::{Client, check_user_errors};
use assay::own_server::OwnServer;
use assay::table::table;
use assay::{Exit, Failure, import_archive, pack, watch};

/// Rejudging many submissions while others are submitted
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Submissions to judge again
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    submissions: u32,
    /// Submissions before that, one after the other, for comparison
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    live: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Tests per submission.
const TESTS: u32 = 5;
/// Concurrent submissions where nothing is measured.
const AT_ONCE: usize = 4;
/// The poll interval.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Submissions per page.
const PAGE: u32 = 100;

/// The slug of the problem that is rejudged.
const JUDGED: &str = "judged";
/// The slug of the problem that receives submissions during the rejudge.
const LIVE: &str = "live";

const SUBMIT: &str = "mutation($input: SubmitInput!) {
  submit(input: $input) { submission { id } userErrors { code message field } }
}";

const PUBLIC: &str = "query($after: String, $first: Int!) {
  problem(slug: \"judged\") { stats { submissions accepted solvers acceptance } }
  submissions(first: $first, after: $after, filter: { problem: \"prb_judged\" }) {
    pageInfo { hasNextPage endCursor }
    nodes { id state verdict judgedAt }
  }
}";

const ACCEPTED: &str = "{ problem(slug: \"judged\") { stats { accepted } } }";

const PREVIEW: &str =
    "{ rejudgePreview(selection: { problem: \"prb_judged\" }) { matched selectionToken } }";

const CREATE: &str = "mutation($token: String!) {
  createRejudge(input: { selectionToken: $token, reason: \"bench\" }) { id userErrors { code message field } }
}";

const STATUS: &str = "query($id: ID!) {
  rejudge(id: $id) { state version changed failed progress { done total } matrix { from to count } }
}";

const APPLY: &str = "mutation($id: ID!, $version: Int!) {
  done: applyRejudge(id: $id, expectedVersion: $version) { userErrors { code message field } }
}";

const REVERT: &str = "mutation($id: ID!) {
  done: revertRejudge(id: $id) { userErrors { code message field } }
}";

#[derive(Debug, Serialize)]
struct Report {
    /// Number of rejudged submissions.
    submissions: u32,
    tests: u32,
    preview_ms: f64,
    /// From the creation of the rejudge to the end of its last trial.
    rejudge_s: f64,
    matrix: Vec<Change>,
    live_before: Live,
    live_during: Live,
    /// The 95th percentile during the rejudge, relative to that before.
    ratio_p95: f64,
    /// Number of checks during the rejudge that found public data unchanged.
    public_looks: u32,
    /// From sending the command to the first response in which everything has changed.
    apply_ms: f64,
    revert_ms: f64,
}

#[derive(Debug, Serialize)]
struct Change {
    from: String,
    to: String,
    count: u64,
}

/// Submissions sent one after the other, timed from sending to the last update.
#[derive(Debug, Serialize)]
struct Live {
    submissions: usize,
    latency_ms: Percentiles,
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failure> {
    let server = OwnServer::start(|_| {}).await?;
    let report = measure(server.client(), &args).await;
    server.stop().await?;
    show(&report?, args.json, print)
}

async fn measure(client: &Client, args: &Args) -> Result<Report, Failure> {
    import(client, LIVE, Checker::Exact).await?;
    import(client, JUDGED, Checker::Lenient).await?;
    eprintln!("judging {} submissions with a checker that accepts everything", args.submissions);
    hand_in(client, args.submissions).await?;
    eprintln!("submitting {} others, one after the other", args.live);
    let before = live(client, 0, async |handed_in| Ok(handed_in < args.live)).await?;

    import(client, JUDGED, Checker::Exact).await?;
    let public = public(client).await?;
    let started = Instant::now();
    let preview = client.execute(PREVIEW, json!({})).await?["rejudgePreview"].take();
    let preview_ms = milliseconds(started.elapsed());
    expect(preview["matched"] == args.submissions, "the preview counts all of them", &preview)?;
    eprintln!("rejudging them while submitting others");
    let rejudging = Instant::now();
    let created = client.execute(CREATE, json!({ "token": preview["selectionToken"] })).await?;
    check_user_errors(&created["createRejudge"])?;
    let id = &created["createRejudge"]["id"];
    let (mut rejudge_s, mut public_looks) = (0.0, 0);
    let during = live(client, args.live, async |_| {
        let stats = client.execute(PUBLIC, json!({ "first": 1 })).await?;
        let unchanged = stats["problem"] == public.problem;
        expect(unchanged, "nothing public changes before it is applied", &stats)?;
        public_looks += 1;
        let going_on = status(client, id).await?["state"] == "JUDGING";
        if !going_on {
            rejudge_s = rounded(rejudging.elapsed().as_secs_f64());
        }
        Ok(going_on)
    });
    let during = during.await?;
    let found = status(client, id).await?;
    expect(
        self::public(client).await? == public,
        "nothing public changes before it is applied",
        &found,
    )?;
    expect(found["failed"] == 0, "every trial finds a verdict", &found)?;

    let right = u64::from(args.submissions.div_ceil(2));
    let apply = json!({ "id": id, "version": found["version"] });
    let apply_ms = until_accepted(client, APPLY, apply, right).await?;
    let revert_ms =
        until_accepted(client, REVERT, json!({ "id": id }), u64::from(args.submissions)).await?;
    let reverted = self::public(client).await?;
    expect(reverted == public, "reverting undoes all of it", &reverted.problem)?;

    Ok(Report {
        submissions: args.submissions,
        tests: TESTS,
        preview_ms,
        rejudge_s,
        matrix: matrix(&found),
        ratio_p95: rounded(during.latency_ms.p95 / before.latency_ms.p95),
        live_before: before,
        live_during: during,
        public_looks,
        apply_ms,
        revert_ms,
    })
}

/// How a problem's outputs are compared with its answers.
#[derive(Debug, Clone, Copy)]
enum Checker {
    /// Accepts any number.
    Lenient,
    /// Accepts only the same number.
    Exact,
}

async fn import(client: &Client, slug: &str, checker: Checker) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(failed)?;
    let package = folder.path().join(slug);
    write_package(&package, checker).map_err(failed)?;
    let archive = pack::pack(&package, |_| true).map_err(failed)?;
    import_archive(client, archive).await.map(drop)
}

fn write_package(folder: &Path, checker: Checker) -> io::Result<()> {
    let flags = match checker {
        Checker::Lenient => "validator_flags: float_absolute_tolerance 1e9\n",
        Checker::Exact => "",
    };
    for name in ["problem_statement", "data/secret"] {
        fs::create_dir_all(folder.join(name))?;
    }
    let problem = format!("name: Sum\nlimits: {{ time_limit: 5 }}\n{flags}");
    fs::write(folder.join("problem.yaml"), problem)?;
    fs::write(folder.join("problem_statement/problem.en.md"), "Add two numbers.\n")?;
    for number in 1..=TESTS {
        let test = |extension| folder.join(format!("data/secret/{number}.{extension}"));
        fs::write(test("in"), format!("{number} {number}\n"))?;
        fs::write(test("ans"), format!("{}\n", 2 * number))?;
    }
    Ok(())
}

/// Each program is different, so none benefits from another's compilation.
fn program(number: u32, error: u32) -> String {
    format!("# {number}\nprint(sum(map(int, input().split())) + {error})\n")
}

/// Every second program is correct; the lenient checker accepts all of them.
async fn hand_in(client: &Client, count: u32) -> Result<(), Failure> {
    let judged = futures::stream::iter(0..count)
        .map(|number| submit(client, JUDGED, program(number, number % 2)))
        .buffer_unordered(AT_ONCE);
    judged.try_for_each(async |_| Ok(())).await
}

/// Submits correct programs, one after the other, until stopped.
async fn live(
    client: &Client,
    numbered_from: u32,
    mut goes_on: impl AsyncFnMut(u32) -> Result<bool, Failure>,
) -> Result<Live, Failure> {
    let mut latencies = Vec::new();
    for number in 0.. {
        if !goes_on(number).await? {
            break;
        }
        latencies.push(submit(client, LIVE, program(numbered_from + number, 0)).await?);
    }
    Ok(Live { submissions: latencies.len(), latency_ms: Percentiles::of(&latencies) })
}

/// The time from sending the submission to its last update.
async fn submit(client: &Client, problem: &str, source: String) -> Result<Duration, Failure> {
    let problem = format!("prb_{problem}");
    let input = json!({ "problem": problem, "language": "python3", "source": source });
    let started = Instant::now();
    let data = client.execute(SUBMIT, json!({ "input": input })).await?;
    check_user_errors(&data["submit"])?;
    let id = data["submit"]["submission"]["id"].as_str().unwrap_or_default();
    let last = watch::updates(client, id, None, |_| {}).await?;
    let latency = started.elapsed();
    expect(last["verdict"] == "ACCEPTED", "the correct program is accepted", &last)?;
    Ok(latency)
}

/// The public data of the problem that is rejudged.
#[derive(Debug, PartialEq)]
struct Public {
    problem: Value,
    submissions: Vec<Value>,
}

async fn public(client: &Client) -> Result<Public, Failure> {
    let (mut after, mut submissions) = (Value::Null, Vec::new());
    loop {
        let mut data = client.execute(PUBLIC, json!({ "first": PAGE, "after": after })).await?;
        let page = &mut data["submissions"];
        if let Value::Array(nodes) = page["nodes"].take() {
            submissions.extend(nodes);
        }
        if page["pageInfo"]["hasNextPage"] != true {
            return Ok(Public { problem: data["problem"].take(), submissions });
        }
        after = page["pageInfo"]["endCursor"].take();
    }
}

async fn status(client: &Client, id: &Value) -> Result<Value, Failure> {
    Ok(client.execute(STATUS, json!({ "id": id })).await?["rejudge"].take())
}

/// Sends the command and waits until `count` submissions are accepted. Fails on any intermediate
/// state.
async fn until_accepted(
    client: &Client,
    command: &str,
    variables: Value,
    accepted: u64,
) -> Result<f64, Failure> {
    let now = async || {
        let mut data = client.execute(ACCEPTED, json!({})).await?;
        Ok::<_, Failure>(data["problem"]["stats"]["accepted"].take())
    };
    let before = now().await?;
    let started = Instant::now();
    check_user_errors(&client.execute(command, variables).await?["done"])?;
    loop {
        let counted = now().await?;
        if counted == accepted {
            return Ok(milliseconds(started.elapsed()));
        }
        expect(counted == before, "everything changes at once", &counted)?;
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn expect(holds: bool, what: &str, seen: &Value) -> Result<(), Failure> {
    match holds {
        true => Ok(()),
        false => Err(Failure::new(Exit::JudgeError, format!("not so: {what}: {seen}"))),
    }
}

fn matrix(rejudge: &Value) -> Vec<Change> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let cells = rejudge["matrix"].as_array().map(Vec::as_slice).unwrap_or_default();
    let change = |cell: &Value| Change {
        from: text(&cell["from"]),
        to: text(&cell["to"]),
        count: cell["count"].as_u64().unwrap_or_default(),
    };
    cells.iter().map(change).collect()
}

fn print(report: &Report) {
    let mut matrix = table(["from", "to", "submissions"]);
    for Change { from, to, count } in &report.matrix {
        matrix.add_row([from.clone(), to.clone(), count.to_string()]);
    }
    println!("{matrix}");
    let mut live = table(["live submissions", "count", "p50 ms", "p95 ms"]);
    for (when, Live { submissions, latency_ms }) in
        [("before", &report.live_before), ("during", &report.live_during)]
    {
        let Percentiles { p50, p95 } = latency_ms;
        live.add_row([when.to_owned(), submissions.to_string(), p50.to_string(), p95.to_string()]);
    }
    println!("{live}");
    let Report { submissions, tests, rejudge_s, ratio_p95, .. } = report;
    println!("{submissions} submissions x {tests} tests judged again in {rejudge_s} s");
    println!("live p95 during it: {ratio_p95} times that before");
    println!("nothing public changed before it was applied, in {} looks", report.public_looks);
    let Report { preview_ms, apply_ms, revert_ms, .. } = report;
    println!(
        "preview {preview_ms} ms; everything changed {apply_ms} ms after applying, {revert_ms} ms after reverting"
    );
}
