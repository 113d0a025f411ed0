//! `kill -9` of what a cluster stands on, while many hand in programs: nothing that was acknowledged
//! is lost, and everything is judged once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::{Event, Position, StreamId};
use serde_json::json;
use tests::api::{Api, submission};
use tests::deployment::{Deployment, PROJECTOR, Stack};
use tests::log::{submission_id, whole_log};
use tests::package::Package;
use tests::waiting::{PATIENCE, until_true};

/// Clients at the same time, and what each submits.
const CLIENTS: usize = 8;
const OF_EACH: usize = 25;
const PROGRAM: &str = "#include <stdio.h>\nint main(void) { int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); }";

/// How long a client waits before it tries again.
const RETRY_DELAY: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn servers_and_projectors_are_killed_while_many_submit() {
    let mut cluster = Deployment::start_with(Stack::Cluster, &[("evaluator.lease_s", "5")]).await;
    let imported = cluster.import(&Package::sum("sum", 1)).await;
    assert_eq!(imported["userErrors"], json!([]));
    let mut waves = Waves { users: register(&cluster).await, acknowledged: Vec::new() };

    let wave = waves.begin("redis");
    wave.half_way().await;
    let redis = cluster.redis.as_mut().unwrap();
    redis.kill_hard();
    redis.restart().await;
    waves.end(wave).await;

    let wave = waves.begin("mongod");
    wave.half_way().await;
    let mongo = cluster.mongo.as_mut().unwrap();
    mongo.kill_hard();
    mongo.restart().await;
    waves.end(wave).await;

    let wave = waves.begin("projector");
    wave.half_way().await;
    cluster.kill_hard(PROJECTOR).await;
    cluster.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    waves.end(wave).await;

    each_is_judged_once(&cluster, &waves.acknowledged).await;
    cluster.projected().await;
    replay_agrees(&cluster);
}

async fn register(cluster: &Deployment) -> Vec<Api> {
    let mut users = Vec::new();
    for number in 0..CLIENTS {
        users.push(cluster.register(&format!("user-{number}")).await);
    }
    users
}

/// Clients that submit until everything is acknowledged, wave after wave.
struct Waves {
    users: Vec<Api>,
    acknowledged: Vec<String>,
}

/// One wave under way.
struct Wave {
    name: &'static str,
    began: Instant,
    taken: Arc<AtomicUsize>,
    retries: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Waves {
    fn begin(&self, name: &'static str) -> Wave {
        let (taken, retries) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let clients = self.users.iter().map(|api| {
            let (api, taken, retries) = (api.clone(), Arc::clone(&taken), Arc::clone(&retries));
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for number in 0..OF_EACH {
                    ids.push(submit_surely(&api, &format!("{name} {number}"), &retries).await);
                    taken.fetch_add(1, Ordering::Relaxed);
                }
                ids
            })
        });
        let clients = clients.collect();
        Wave { name, began: Instant::now(), taken, retries, clients }
    }

    async fn end(&mut self, wave: Wave) {
        let before = self.acknowledged.len();
        for client in wave.clients {
            self.acknowledged.extend(client.await.unwrap());
        }
        let count = self.acknowledged.len() - before;
        let (retries, seconds) =
            (wave.retries.load(Ordering::Relaxed), wave.began.elapsed().as_secs_f64());
        println!("{}: {count} acknowledged after {retries} retries in {seconds:.1} s", wave.name);
        assert_eq!(count, CLIENTS * OF_EACH);
    }
}

impl Wave {
    /// Waits until some are acknowledged and most are not.
    async fn half_way(&self) {
        until_true("some submissions are acknowledged", async || {
            self.taken.load(Ordering::Relaxed) >= CLIENTS * OF_EACH / 5
        })
        .await;
        assert!(self.taken.load(Ordering::Relaxed) < CLIENTS * OF_EACH, "all are sent already");
    }
}

/// Tries with the same key until it is acknowledged, as a client should.
async fn submit_surely(api: &Api, key: &str, retries: &AtomicUsize) -> String {
    let mut input = submission("sum", "c", PROGRAM);
    input["idempotencyKey"] = json!(key);
    let began = Instant::now();
    loop {
        let answer = api.try_post(&Api::submit_body(&input)).await;
        if let Ok(answer) = &answer
            && let Some(id) = answer.body["data"]["submit"]["submission"]["id"].as_str()
        {
            return id.to_owned();
        }
        if let Ok(answer) = &answer {
            assert_eq!(answer.code(), "UNAVAILABLE", "{answer:?}");
        }
        assert!(began.elapsed() < PATIENCE, "{key}: {answer:?}");
        retries.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// What became of a submission.
#[derive(Debug, Default, PartialEq)]
struct Fate {
    received: usize,
    verdicts: usize,
    given_up: usize,
}

async fn each_is_judged_once(cluster: &Deployment, acknowledged: &[String]) {
    let began = Instant::now();
    let log = cluster.stores().await.log;
    let (mut read, mut verdicts) = (Position::START, 0);
    until_true("every submission has its verdict", async || {
        let page = log.read_all(read, 1_000).await.expect("the log answers");
        read = page.last().map_or(read, |last| last.position);
        let finished = |event: &Event| matches!(event, Event::JudgingFinished(_));
        verdicts += page.iter().filter(|recorded| finished(&recorded.event)).count();
        verdicts >= acknowledged.len()
    })
    .await;
    println!("all judged {:.1} s after the last was sent", began.elapsed().as_secs_f64());

    let mut fates: BTreeMap<String, Fate> = BTreeMap::new();
    let events = whole_log(&log).await;
    for recorded in &events {
        let StreamId::Submission(id) = &recorded.stream else { continue };
        let fate = fates.entry(id.to_string()).or_default();
        match recorded.event {
            Event::SubmissionReceived(_) => fate.received += 1,
            Event::JudgingFinished(_) => fate.verdicts += 1,
            Event::SubmissionAbandoned(_) => fate.given_up += 1,
            _ => {}
        }
    }
    let judged_once = Fate { received: 1, verdicts: 1, given_up: 0 };
    for id in acknowledged {
        let fate = fates.remove(&submission_id(id).to_string());
        assert_eq!(fate.as_ref(), Some(&judged_once), "{id}");
    }
    assert!(fates.is_empty(), "these were never acknowledged: {fates:?}");
    println!("{} submissions, {} events without a gap", acknowledged.len(), events.len());
}

fn replay_agrees(cluster: &Deployment) {
    let output = cluster.cli(&["replay", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["differences"], json!([]));
    println!("replay: {report}");
}
