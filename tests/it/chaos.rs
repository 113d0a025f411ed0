//! Every part of a cluster is killed, frozen, cut off, slowed down and filled up, in random order,
//! while many clients submit. All acknowledged submissions must be in the log and judged once, and
//! everything derived from the log must agree with it.

mod faults;
mod load;
mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use domain::{Event, Position, Recorded, StreamId, Verdict};
use serde_json::{Value, json};
use tests::deployment::Deployment;
use tests::log::{submission_id, whole_log};
use tests::package::Package;
use tests::waiting::{until, until_true};

use load::{Acknowledged, Load};
use plan::{Phase, Plan};

/// The number of events read at once.
const LOG_PAGE: u32 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_whatever_breaks() {
    let plan = Plan::from_environment();
    println!("ASSAY_CHAOS_SEED={} {:?}", plan.seed, plan.by_kind());
    let mut cluster = faults::cluster().await;
    let imported = cluster.import(&Package::sum("sum", 1)).await;
    assert_eq!(imported["userErrors"], json!([]));

    let began = Instant::now();
    let mut load = Load::start(&cluster).await;
    for phase in &plan.phases {
        carry_out(phase, &mut cluster, &mut load).await;
    }
    let acknowledged = finish(load, &plan).await;
    println!("{} faults in {:.0} s", plan.phases.len(), began.elapsed().as_secs_f64());

    until_all_are_judged(&cluster, acknowledged.len()).await;
    println!("all judged after {:.0} s", began.elapsed().as_secs_f64());
    let events = each_is_judged_once(&cluster, &acknowledged).await;
    the_queue_is_empty(&cluster).await;
    cluster.projected().await;
    replay_agrees(&cluster);
    the_tree_verifies(&cluster, events).await;
    println!("all proved after {:.0} s", began.elapsed().as_secs_f64());
}

async fn carry_out(phase: &Phase, cluster: &mut Deployment, load: &mut Load) {
    let before = load.acknowledged();
    load.allow(phase.submissions);
    load.reaches(before + phase.before).await;
    let began = Instant::now();
    let (retries, acknowledged) = (load.retries(), load.acknowledged());
    faults::inflict(cluster, phase).await;
    let (lasted, meanwhile) = (began.elapsed(), load.acknowledged() - acknowledged);
    // The cluster continues, and the next fault may occur before it has recovered completely.
    load.reaches(before + phase.submissions).await;
    println!(
        "{:?}: {:.1} s, {meanwhile} acknowledged meanwhile, all {} after {:.1} s more and {} retries",
        phase.fault,
        lasted.as_secs_f64(),
        phase.submissions,
        (began.elapsed() - lasted).as_secs_f64(),
        load.retries() - retries
    );
}

async fn finish(load: Load, plan: &Plan) -> Vec<Acknowledged> {
    let retries = load.retries();
    let acknowledged = load.finish().await;
    let ids: BTreeSet<_> = acknowledged.iter().map(|it| &it.id).collect();
    assert_eq!((acknowledged.len(), ids.len()), (plan.submissions(), plan.submissions()));
    let replayed = acknowledged.iter().filter(|it| it.replayed).count();
    println!("{} acknowledged after {retries} retries, {replayed} by a retry", ids.len());
    acknowledged
}

/// Waits for all verdicts; fails if none comes for too long.
async fn until_all_are_judged(cluster: &Deployment, submissions: usize) {
    let log = cluster.stores().await.log;
    let (mut read, mut verdicts) = (Position::START, 0);
    while verdicts < submissions {
        verdicts += until("more is judged", async || {
            let page = log.read_all(read, LOG_PAGE).await.expect("the log answers");
            read = page.last().map_or(read, |last| last.position);
            let ends = |event: &Event| {
                matches!(event, Event::JudgingFinished(_) | Event::SubmissionAbandoned(_))
            };
            let more = page.iter().filter(|recorded| ends(&recorded.event)).count();
            (more > 0).then_some(more)
        })
        .await;
    }
}

/// The events of a submission.
#[derive(Debug, Default, PartialEq)]
struct Fate {
    received: usize,
    verdicts: Vec<Verdict>,
    given_up: usize,
}

/// Returns the number of events in the log.
async fn each_is_judged_once(cluster: &Deployment, acknowledged: &[Acknowledged]) -> usize {
    let events = whole_log(&cluster.stores().await.log).await;
    let mut fates = fates(&events);
    for it in acknowledged {
        let fate = fates.remove(&submission_id(&it.id).to_string());
        let judged_once = Fate { received: 1, verdicts: vec![it.verdict], given_up: 0 };
        assert_eq!(fate, Some(judged_once), "{}", it.id);
    }
    assert!(fates.is_empty(), "these were never acknowledged: {fates:?}");
    let abandoned = |recorded: &&Recorded| matches!(recorded.event, Event::AttemptAbandoned(_));
    println!(
        "{} events without a gap, {} attempts that did not end",
        events.len(),
        events.iter().filter(abandoned).count()
    );
    events.len()
}

fn fates(events: &[Recorded]) -> BTreeMap<String, Fate> {
    let mut fates: BTreeMap<String, Fate> = BTreeMap::new();
    for recorded in events {
        let StreamId::Submission(id) = &recorded.stream else { continue };
        let fate = fates.entry(id.to_string()).or_default();
        match &recorded.event {
            Event::SubmissionReceived(_) => fate.received += 1,
            Event::JudgingFinished(finished) => fate.verdicts.push(finished.verdict),
            Event::SubmissionAbandoned(_) => fate.given_up += 1,
            _ => {}
        }
    }
    fates
}

async fn the_queue_is_empty(cluster: &Deployment) {
    let queue = cluster.stores().await.queue;
    until_true("the queue is empty", async || {
        let lanes = queue.stats().await.expect("the queue answers");
        lanes.iter().all(|lane| (lane.waiting, lane.in_flight) == (0, 0))
    })
    .await;
}

fn replay_agrees(cluster: &Deployment) {
    let report = json_of(cluster, &["replay", "--json"]);
    assert_eq!(report["differences"], json!([]));
    println!("replay: {report}");
}

/// INV-14: every head signed during the run is valid, and the heads cover everything.
async fn the_tree_verifies(cluster: &Deployment, events: usize) {
    let tree = cluster.stores().await.tree;
    until_true("everything is signed", async || {
        let newest = tree.newest_head().await.expect("the tree answers");
        newest.is_some_and(|head| head.size == events as u64)
    })
    .await;
    let report = json_of(cluster, &["audit", "verify", "--json"]);
    assert_eq!((&report["verified"], &report["broken"]), (&json!(events), &Value::Null));
    println!("audit: {report}");
}

/// The JSON output of a command that must succeed.
fn json_of(cluster: &Deployment, arguments: &[&str]) -> Value {
    let output = cluster.cli(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}
