//! `assay bench log`: how fast the log takes events, and gives them back.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::submission::SubmissionReceived;
use domain::{Actor, Digest, EventId, Metadata, NewEvent, Position, StreamId, Version};
use event_store::{AppendBatch, Archive, Blobs, EventLog, Floor, open_blobs, open_log};
use futures::future::try_join_all;
use serde::Serialize;
use uuid::Uuid;

use super::{failed, milliseconds, rounded, show};
use crate::table::table;
use crate::{Exit, Failure};

/// How fast the log takes events, beside what its store takes without Assay, and gives them back
///
/// Logs are made for this in a temporary folder: a file, and a Redis server where there is a program
/// for it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Events that are appended, each by itself
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    appends: usize,
    /// Writers that append at the same time, over one connection
    #[arg(long, value_name = "N", default_value_t = 256)]
    at_once: usize,
    /// How often each is measured, in turns; the middle is told
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// The program of the Redis server
    #[arg(long, value_name = "PROGRAM", default_value = "redis-server")]
    redis_server: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Appends to one stream: about what a submission gets.
const APPENDS_PER_STREAM: usize = 5;
/// Events of one read, as a projection reads.
const PAGE: u32 = 1_024;
/// How long a server may take to start, and how often to look.
const START_WAIT: Duration = Duration::from_secs(10);
const START_LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Debug, Serialize)]
struct Report {
    appends: usize,
    at_once: usize,
    runs: usize,
    body_bytes: usize,
    logs: Vec<Measured>,
}

#[derive(Debug, Serialize)]
struct Measured {
    log: &'static str,
    appends_per_s: f64,
    /// Of the same number of bare `XADD`; or of waits for the disk.
    floor_per_s: f64,
    floor: &'static str,
    /// Appends for each of the floor.
    ratio: f64,
    /// Reading all of it from the store, decoded.
    read_per_s: f64,
    /// The same from the archive, by a process that has nothing in memory.
    read_archived_per_s: f64,
    /// One event of one stream from the archive, by such a process.
    read_archived_stream_ms: f64,
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failure> {
    let folder = tempfile::tempdir().map_err(failed)?;
    let mut logs = Vec::new();
    let below = |name: &str| folder.path().join(name).display().to_string();
    eprintln!("measuring a file");
    logs.push(
        measure("sqlite", &args, &below("blobs-1"), |run| {
            format!("sqlite:{}", below(&format!("log-{run}.db")))
        })
        .await?,
    );
    match Server::start(&args.redis_server, folder.path()) {
        Ok(server) => {
            eprintln!("measuring {}", args.redis_server);
            server.answers().await?;
            let url = |run| format!("redis://127.0.0.1:{}/?namespace=bench-{run}", server.port);
            logs.push(measure("redis", &args, &below("blobs-2"), url).await?);
        }
        Err(error) => eprintln!("redis is left out: {}: {error}", args.redis_server),
    }
    let body_bytes = batch(0, 0).events[0].encode().len();
    let Args { appends, at_once, runs, .. } = args;
    let report = Report { appends, at_once, runs, body_bytes, logs };
    show(&report, args.json, print)
}

/// A server of the measurement's own, which ends with it.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(program: &str, folder: &Path) -> std::io::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let durable = ["--appendonly", "yes", "--appendfsync", "always"];
        let process = Command::new(program)
            .args(["--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "noeviction"])
            .args(durable)
            .args(["--port", &port.to_string(), "--dir", &folder.display().to_string()])
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { process, port })
    }

    async fn answers(&self) -> Result<(), Failure> {
        let began = Instant::now();
        while let Err(error) = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await {
            if began.elapsed() > START_WAIT {
                return Err(failed(error));
            }
            tokio::time::sleep(START_LOOK_EVERY).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Measures logs at fresh addresses, each beside its floor.
async fn measure(
    name: &'static str,
    args: &Args,
    blobs: &str,
    url: impl Fn(usize) -> String,
) -> Result<Measured, Failure> {
    let body = batch(0, 0).events[0].encode();
    let count = args.appends as f64;
    let (mut appends, mut floors, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut reads, mut archived_reads, mut streams) = (Vec::new(), Vec::new(), Vec::new());
    let mut floor_is = "";
    for run in 0..args.runs.max(1) {
        let url = url(run);
        let blobs = open_blobs(&format!("file:{blobs}-{run}")).await.map_err(failed)?;
        let (log, archive) = open(&url, &blobs).await?;
        let took = event_store::floor(&url, &body, args.appends, args.at_once).await;
        let floor = match took.map_err(failed)? {
            Floor::BareAppends(took) => {
                floor_is = "bare XADD";
                count / took.as_secs_f64()
            }
            Floor::Sync(took) => {
                floor_is = "waits for the disk";
                1.0 / took.as_secs_f64()
            }
        };
        let append = count / append_all(&log, args).await?.as_secs_f64();
        appends.push(append);
        floors.push(floor);
        ratios.push(append / floor);
        reads.push(count / read_all(&log).await?.as_secs_f64());
        archive.archive(Position(u64::MAX), |_| ()).await.map_err(failed)?;
        let (cold, _) = open(&url, &blobs).await?;
        let began = Instant::now();
        cold.read_stream(&batch(0, 0).stream, Version(1), 1).await.map_err(failed)?;
        streams.push(milliseconds(began.elapsed()));
        let (cold, _) = open(&url, &blobs).await?;
        archived_reads.push(count / read_all(&cold).await?.as_secs_f64());
    }
    Ok(Measured {
        log: name,
        appends_per_s: middle(appends).round(),
        floor_per_s: middle(floors).round(),
        floor: floor_is,
        ratio: middle(ratios),
        read_per_s: middle(reads).round(),
        read_archived_per_s: middle(archived_reads).round(),
        read_archived_stream_ms: middle(streams),
    })
}

async fn open(
    url: &str,
    blobs: &Arc<dyn Blobs>,
) -> Result<(Arc<dyn EventLog>, Arc<Archive>), Failure> {
    let (log, _, archive) = open_log(url, Arc::clone(blobs)).await.map_err(failed)?;
    Ok((log, archive))
}

async fn append_all(log: &Arc<dyn EventLog>, args: &Args) -> Result<Duration, Failure> {
    let began = Instant::now();
    let writers = (0..args.at_once).map(|writer| {
        let (log, appends, at_once) = (Arc::clone(log), args.appends, args.at_once);
        tokio::spawn(async move {
            for turn in 0..(writer..appends).step_by(at_once).len() {
                let stream = turn / APPENDS_PER_STREAM * at_once + writer;
                let version = turn % APPENDS_PER_STREAM;
                log.append(&batch(stream, version)).await?;
            }
            Ok::<_, event_store::AppendError>(())
        })
    });
    for appended in try_join_all(writers).await.map_err(failed)? {
        appended.map_err(failed)?;
    }
    Ok(began.elapsed())
}

async fn read_all(log: &Arc<dyn EventLog>) -> Result<Duration, Failure> {
    let (began, mut reached) = (Instant::now(), Position::START);
    while let Some(last) = log.read_all(reached, PAGE).await.map_err(failed)?.last() {
        reached = last.position;
    }
    Ok(began.elapsed())
}

/// One event of a submission.
fn batch(stream: usize, version: usize) -> AppendBatch {
    let submission = Uuid::from_u128(stream as u128 + 1).into();
    let received = SubmissionReceived {
        submission,
        author: "ada".parse().expect("a login"),
        problem: "sum-of-two".parse().expect("a slug"),
        revision: 1,
        language: "python3".parse().expect("a language"),
        source: Digest::of(b"print()"),
        source_bytes: 7,
    };
    let metadata = Metadata {
        actor: Actor::system(),
        correlation: Uuid::now_v7(),
        causation: None,
        traceparent: None,
    };
    AppendBatch {
        stream: StreamId::Submission(submission),
        expected: Version(version as u64),
        events: vec![NewEvent { id: EventId(Uuid::now_v7()), event: received.into(), metadata }],
        enqueue: None,
        complete: None,
    }
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    rounded(figures[figures.len() / 2])
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
}
