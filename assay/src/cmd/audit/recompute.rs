//! `assay audit recompute`

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::problem::{ProblemRevised, RevisionContent};
use domain::submission::{JudgingFinished, Provenance, SubmissionReceived, TestOutcome};
use domain::{Digest, Event, Position, Recorded, StreamId, SubmissionId, Verdict};
use evaluator::judge::{MaterialError, Materials};
use event_store::{Blobs, EventLog, Stores};
use graphql::GlobalId;
use indicatif::ProgressBar;
use rand::Rng;
use serde::Serialize;
use supervision::error_chain;

use super::trail;
use crate::cmd::print_json;
use crate::config::Config;
use crate::languages::{open_languages, open_sandbox};
use crate::local_judge::{Clock, LocalJudge, Tools};
use crate::stores::open_existing_stores;
use crate::table::table;
use crate::{Exit, Failure};

/// Judge submissions again with the recorded inputs, and compare the results
///
/// Uses the recorded source, problem revision, limits and checker, and this machine's compilers and
/// interpreters. If they differ from the recorded ones, the difference is shown with the result.
/// Writes nothing. Exits with 1 if a verdict, a score or a test's verdict differs.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The submission, by id or UUID
    #[arg(required_unless_present = "sample")]
    submission: Option<String>,
    /// Judge this many submissions instead, chosen at random from all that have a verdict
    #[arg(long, value_name = "N", conflicts_with = "submission")]
    sample: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Events per read of the log.
const READ_LIMIT: u32 = 1_024;
/// Scores that differ by less than this are equal.
const SCORE_TOLERANCE: f64 = 1e-6;

/// The recorded and the recomputed result of a submission.
#[derive(Debug, Serialize)]
struct Recomputed {
    submission: String,
    /// The position of the verdict in the log.
    position: Position,
    recorded: Found,
    recomputed: Found,
    /// The differences between the results.
    differences: Vec<String>,
    /// The inputs of the two judgements that differ.
    provenance: Vec<Depended>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Found {
    verdict: Verdict,
    score: Option<f64>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Depended {
    on: String,
    recorded: String,
    here: String,
}

pub(super) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let stores = open_existing_stores(config).await?;
    let chosen = match (&args.submission, args.sample) {
        (Some(submission), _) => vec![trail::parse(submission)?],
        (None, sample) => choose(stores.log.as_ref(), sample.unwrap_or(1)).await?,
    };
    let tools = Arc::new(Tools::new(open_sandbox(config)?, open_languages(config)?));
    let progress =
        if args.json { ProgressBar::hidden() } else { ProgressBar::new(chosen.len() as u64) };
    let mut results = Vec::new();
    let mut failed = None;
    for id in chosen {
        match recompute(&stores, &tools, id).await {
            Ok(result) => results.push(result),
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    tools.close().await;
    if args.json {
        print_json(&results)?;
    } else {
        print_results(&results);
    }
    match failed {
        Some(failure) => Err(failure),
        None if results.iter().all(|it| it.differences.is_empty()) => Ok(Exit::Done),
        None => Ok(Exit::NotAccepted),
    }
}

/// Chooses `count` of the submissions that have a verdict, each with equal probability.
async fn choose(log: &dyn EventLog, count: usize) -> Result<Vec<SubmissionId>, Failure> {
    let mut chosen = Vec::new();
    let (mut position, mut seen) = (Position::START, 0_usize);
    loop {
        let page = log.read_all(position, READ_LIMIT).await.map_err(reading)?;
        let Some(last) = page.last() else { break };
        position = last.position;
        for recorded in page {
            let (StreamId::Submission(id), Event::JudgingFinished(_)) =
                (&recorded.stream, &recorded.event)
            else {
                continue;
            };
            seen += 1;
            if chosen.len() < count {
                chosen.push(*id);
            } else {
                let place = rand::rng().random_range(0..seen);
                if let Some(slot) = chosen.get_mut(place) {
                    *slot = *id;
                }
            }
        }
    }
    if chosen.is_empty() {
        return Err(Failure::new(Exit::Usage, "no submission has a verdict yet"));
    }
    Ok(chosen)
}

/// A submission and its recorded judgement.
struct Case {
    received: SubmissionReceived,
    finished: JudgingFinished,
    position: Position,
    outcomes: BTreeMap<u32, TestOutcome>,
}

impl Case {
    /// The last judgement in a submission's own stream; `None` if there is none.
    fn of(events: &[Recorded]) -> Option<Self> {
        let received = events.iter().find_map(|recorded| match &recorded.event {
            Event::SubmissionReceived(received) => Some(received.clone()),
            _ => None,
        })?;
        let (position, finished) =
            events.iter().rev().find_map(|recorded| match &recorded.event {
                Event::JudgingFinished(finished) => Some((recorded.position, finished.clone())),
                _ => None,
            })?;
        let judged = events.iter().filter_map(|recorded| match &recorded.event {
            Event::TestsJudged(judged) if judged.attempt == finished.attempt => {
                Some(judged.outcomes.clone())
            }
            _ => None,
        });
        let outcomes = judged.flatten().map(|outcome| (outcome.number, outcome)).collect();
        Some(Self { received, finished, position, outcomes })
    }
}

async fn recompute(
    stores: &Stores,
    tools: &Arc<Tools>,
    id: SubmissionId,
) -> Result<Recomputed, Failure> {
    let name = GlobalId::Submission(id).to_string();
    let judging = format!("judging {name} again");
    let failure = |error: &(dyn std::error::Error + 'static)| {
        Failure::new(Exit::JudgeError, format!("{judging}: {}", error_chain(error)))
    };
    let events = trail::read(stores.log.as_ref(), id).await?;
    let case = Case::of(&events)
        .ok_or_else(|| Failure::new(Exit::Usage, format!("{name} has no verdict yet")))?;
    let revised = revision(stores.log.as_ref(), &case.received).await?;
    let provenance = &case.finished.provenance;
    let content = RevisionContent { limits: provenance.limits, ..revised.content.clone() };
    let materials = Arc::new(Stored(Arc::clone(&stores.blobs)));
    let bytes = stores.blobs.get(&case.received.source).await.map_err(|error| failure(&error))?;
    let text = String::from_utf8_lossy(&bytes);

    let judge =
        LocalJudge::open(tools, content, materials).await.map_err(|error| failure(&error))?;
    let source = judge.text(&case.received.language, &text).await;
    let source = source.map_err(|error| failure(&error))?;
    let source =
        source.map_err(|why| Failure::new(Exit::JudgeError, format!("{judging}: {why}")))?;
    let toolchain = tools.cells.sandbox().toolchain(&source.language).await;
    let toolchain = toolchain.map_err(|error| failure(&error))?;
    let here = [
        ("assay", env!("CARGO_PKG_VERSION").to_owned()),
        ("sandbox", tools.cells.sandbox().name().to_owned()),
        ("toolchain", toolchain.version),
        ("language", toolchain.digest),
        ("program", source.digest().to_string()),
        ("revision", revised.digest.to_string()),
    ];
    let depended = differing(provenance, here);
    let clock = Clock { limit_ms: provenance.limits.time_ms, watched_ms: None };
    let trial = judge.judge_source(source, clock, None, |known| known.first_left()).await;
    let recorded = Found { verdict: case.finished.verdict, score: case.finished.score };
    let recomputed = Found { verdict: trial.grade.verdict, score: trial.grade.score };
    let differences = differences(&case.outcomes, &recorded, &trial.outcomes, &recomputed);
    Ok(Recomputed {
        submission: name,
        position: case.position,
        recorded,
        recomputed,
        differences,
        provenance: depended,
    })
}

/// The revision that the submission was judged against.
async fn revision(
    log: &dyn EventLog,
    received: &SubmissionReceived,
) -> Result<ProblemRevised, Failure> {
    let found = event_store::read_revision(log, &received.problem, received.revision).await;
    match found.map_err(reading)?.map(|recorded| recorded.event) {
        Some(Event::ProblemRevised(revised)) => Ok(revised),
        _ => {
            let (problem, revision) = (&received.problem, received.revision);
            let message = format!("the log has no revision {revision} of {problem}");
            Err(Failure::new(Exit::JudgeError, message))
        }
    }
}

fn differing<const N: usize>(provenance: &Provenance, here: [(&str, String); N]) -> Vec<Depended> {
    let recorded = |on: &str| match on {
        "assay" => provenance.assay.clone(),
        "sandbox" => provenance.sandbox.clone(),
        "toolchain" => provenance.toolchain.clone(),
        "language" => provenance.language.to_string(),
        "program" => provenance.program.to_string(),
        _ => provenance.revision.to_string(),
    };
    let depended = here.into_iter().map(|(on, here)| (on, recorded(on), here));
    depended
        .filter(|(_, recorded, here)| recorded != here)
        .map(|(on, recorded, here)| Depended { on: on.to_owned(), recorded, here })
        .collect()
}

/// The differences between two results. Tests that were not judged the first time are ignored.
fn differences(
    outcomes: &BTreeMap<u32, TestOutcome>,
    recorded: &Found,
    again: &BTreeMap<u32, TestOutcome>,
    recomputed: &Found,
) -> Vec<String> {
    let mut found = Vec::new();
    if recorded.verdict != recomputed.verdict {
        found.push(format!("verdict {}, now {}", recorded.verdict, recomputed.verdict));
    }
    let same_score = match (recorded.score, recomputed.score) {
        (Some(then), Some(now)) => (then - now).abs() < SCORE_TOLERANCE,
        (then, now) => then == now,
    };
    if !same_score {
        found.push(format!("score {}, now {}", points(recorded), points(recomputed)));
    }
    for (number, outcome) in outcomes {
        match again.get(number) {
            Some(now) if now.verdict == outcome.verdict => {}
            Some(now) => {
                found.push(format!("test {number}: {}, now {}", outcome.verdict, now.verdict));
            }
            None => found.push(format!("test {number}: {}, now not run", outcome.verdict)),
        }
    }
    found
}

fn points(found: &Found) -> String {
    found.score.map_or_else(|| "none".to_owned(), |score| score.to_string())
}

fn print_results(results: &[Recomputed]) {
    let mut rows = table(["submission", "position", "recorded", "recomputed", ""]);
    for result in results {
        let shown = |found: &Found| match found.score {
            Some(score) => format!("{} {score}", found.verdict),
            None => found.verdict.to_string(),
        };
        let same = if result.differences.is_empty() { "same" } else { "DIFFERENT" };
        rows.add_row([
            result.submission.clone(),
            result.position.to_string(),
            shown(&result.recorded),
            shown(&result.recomputed),
            same.to_owned(),
        ]);
    }
    println!("{rows}");
    for result in results {
        for difference in &result.differences {
            println!("{}: {difference}", result.submission);
        }
        for Depended { on, recorded, here } in &result.provenance {
            println!("{}: {on} was {recorded}, here {here}", result.submission);
        }
    }
    let same = results.iter().filter(|it| it.differences.is_empty()).count();
    println!("{same} of {} results are the same", results.len());
}

/// The installation's blobs.
#[derive(Debug)]
struct Stored(Arc<dyn Blobs>);

#[async_trait]
impl Materials for Stored {
    async fn bytes(&self, digest: &Digest) -> Result<Bytes, MaterialError> {
        let failed = |error| MaterialError { digest: *digest, source: Box::new(error) };
        self.0.get(digest).await.map_err(failed)
    }
}

fn reading(error: event_store::ReadError) -> Failure {
    Failure::of(Exit::Network, "reading the log", &error)
}
