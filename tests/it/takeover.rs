//! Evaluators that disappear during judging: another takes over, and the submission gets one
//! verdict. A submission that no evaluator can judge is given up visibly and does not block others.

use std::sync::Arc;

use domain::submission::AbandonReason;
use domain::{Digest, Event, Recorded, Verdict};
use event_store::EventLog;
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{ALL, API, Deployment, EVALUATOR, PROJECTOR, Stack};
use tests::log::events_of;
use tests::package::Package;
use tests::waiting::until;

/// The number of hidden tests of the slow problem, and a program that is slow on each.
const TESTS: usize = 24;
const SLOW: &str = "import time\ntime.sleep(0.15)\nprint(sum(map(int, input().split())))";
const QUICK: &str = "print(sum(map(int, input().split())))";

const EVALUATORS: [&str; 2] = ["first", "second"];
/// The lease of an evaluator, in seconds.
const SHORT_LEASE: (&str, &str) = ("evaluator.lease_s", "2");
const SHORT_DRAIN: (&str, &str) = ("drain_s", "1");

#[tokio::test(flavor = "multi_thread")]
async fn another_evaluator_takes_over() {
    let mut cluster = two_evaluators().await;
    let log = cluster.stores().await.log;
    let ada = cluster.register("ada").await;

    // Killed while judging.
    let (id, holder) = slow_submission(&cluster, &ada, &log).await;
    cluster.kill_hard(holder).await;
    let attempts = one_verdict_after_two_attempts(&ada, &log, &id).await;
    assert_eq!(attempts.abandoned, AbandonReason::Superseded);
    audit_shows_both_attempts(&cluster, &id, "superseded");
    tests_of_the_first_are_hidden(&ada, &id).await;
    start_evaluator(&mut cluster, holder).await;

    // Asked to stop while judging: it returns the work in time, and exits normally.
    let (id, holder) = slow_submission(&cluster, &ada, &log).await;
    assert_eq!(cluster.terminate(holder).await, Some(0));
    let attempts = one_verdict_after_two_attempts(&ada, &log, &id).await;
    assert_eq!(attempts.abandoned, AbandonReason::ShutDown);
    audit_shows_both_attempts(&cluster, &id, "shut_down");
    start_evaluator(&mut cluster, holder).await;

    // Paused for longer than its lease and then resumed: its appends are refused (INV-7).
    let (id, holder) = slow_submission(&cluster, &ada, &log).await;
    cluster.pause(holder);
    let attempts = one_verdict_after_two_attempts(&ada, &log, &id).await;
    assert_eq!(attempts.abandoned, AbandonReason::Superseded);
    let before = events_of(&log, &id).await;
    cluster.resume(holder);
    // It has one slot, so when it judges another submission it has finished with this one.
    until("the evaluator that stood still judges again", async || {
        let other = ada.submitted("slow", "python3", QUICK).await;
        ada.verdict(&other).await;
        (evaluator_of(&events_of(&log, &other).await, 1) == Some(holder)).then_some(())
    })
    .await;
    assert_eq!(events_of(&log, &id).await, before);
}

/// An attempt without a verdict shows its author nothing about the tests.
async fn tests_of_the_first_are_hidden(ada: &Api, id: &str) {
    let query = "query($id: ID!) { node(id: $id) { ... on Submission {
        timeline(first: 100) { nodes { type payload } } } } }";
    let data = ada.data(query, json!({ "id": id })).await;
    let events = data["node"]["timeline"]["nodes"].as_array().unwrap();
    let judged = events.iter().filter(|event| event["type"] == "TestsJudged");
    let shown = |attempt: u64| {
        let of = judged.clone().filter(|event| event["payload"]["attempt"] == attempt);
        of.map(|event| event["payload"]["outcomes"].as_array().unwrap().len()).collect::<Vec<_>>()
    };
    assert!(!shown(1).is_empty() && shown(1).iter().all(|tests| *tests == 0), "{events:#?}");
    assert!(shown(2).iter().all(|tests| *tests > 0), "{events:#?}");
}

async fn two_evaluators() -> Deployment {
    let settings = [SHORT_LEASE, SHORT_DRAIN, ("evaluator.slots", "1")];
    let mut cluster = Deployment::stores_only(Stack::Cluster, &settings).await;
    cluster.start_process(API, Some("command,query"), &[]).await;
    cluster.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    for name in EVALUATORS {
        start_evaluator(&mut cluster, name).await;
    }
    let payload = cluster.import(&Package::sum("slow", TESTS)).await;
    assert_eq!(payload["userErrors"], json!([]));
    cluster
}

async fn start_evaluator(cluster: &mut Deployment, name: &'static str) {
    cluster.start_process(name, Some(EVALUATOR), &[("evaluator.name", name)]).await;
}

/// A submission that is being judged, and its evaluator.
async fn slow_submission(
    cluster: &Deployment,
    ada: &Api,
    log: &Arc<dyn EventLog>,
) -> (String, &'static str) {
    let id = ada.submitted("slow", "python3", SLOW).await;
    let holder = until("some tests are judged", async || {
        let events = events_of(log, &id).await;
        let judged = events.iter().any(|it| matches!(it.event, Event::TestsJudged(_)));
        judged.then(|| evaluator_of(&events, 1).expect("it was begun"))
    })
    .await;
    let name = EVALUATORS.into_iter().find(|name| *name == holder);
    assert!(!cluster.said(holder).contains("panicked"), "{}", cluster.said(holder));
    (id, name.expect("one of the two has it"))
}

/// The evaluator that made this attempt.
fn evaluator_of(events: &[Recorded], attempt: u32) -> Option<&'static str> {
    let started = events.iter().find_map(|recorded| match &recorded.event {
        Event::JudgingStarted(started) if started.attempt == attempt => Some(&started.evaluator),
        _ => None,
    });
    started.and_then(|name| EVALUATORS.into_iter().find(|known| name.starts_with(known)))
}

struct Attempts {
    /// Why the first attempt ended.
    abandoned: AbandonReason,
}

async fn one_verdict_after_two_attempts(ada: &Api, log: &Arc<dyn EventLog>, id: &str) -> Attempts {
    let began = std::time::Instant::now();
    assert_eq!(ada.verdict(id).await, "ACCEPTED");
    println!("taken over and judged within {:.1} s", began.elapsed().as_secs_f64());
    let events = events_of(log, id).await;
    let finished: Vec<_> = events
        .iter()
        .filter_map(|it| match &it.event {
            Event::JudgingFinished(finished) => Some((finished.attempt, finished.verdict)),
            _ => None,
        })
        .collect();
    assert_eq!(finished, [(2, Verdict::Accepted)]);
    let (first, second) = (evaluator_of(&events, 1), evaluator_of(&events, 2));
    assert!(first.is_some() && second.is_some() && first != second, "{first:?} {second:?}");
    let of_second = events.iter().filter_map(|it| match &it.event {
        Event::TestsJudged(judged) if judged.attempt == 2 => Some(judged.outcomes.len()),
        _ => None,
    });
    assert_eq!(of_second.sum::<usize>(), TESTS + 1);
    let mut abandoned = events.iter().filter_map(|it| match &it.event {
        Event::AttemptAbandoned(abandoned) => Some(abandoned),
        _ => None,
    });
    let (one, other) = (abandoned.next().expect("the first was abandoned"), abandoned.next());
    assert_eq!((one.attempt, other), (1, None));
    Attempts { abandoned: one.reason.clone() }
}

/// `assay audit` shows the same.
fn audit_shows_both_attempts(cluster: &Deployment, id: &str, reason: &str) {
    let output = cluster.cli(&["audit", id, "--json"]);
    let events: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of_kind = |kind: &str| -> Vec<Value> {
        let events = events.as_array().unwrap().iter();
        events
            .filter(|it| it["body"]["type"] == kind)
            .map(|it| it["body"]["data"].clone())
            .collect()
    };
    let started = of_kind("JudgingStarted");
    assert_eq!(started.iter().map(|it| &it["attempt"]).collect::<Vec<_>>(), [1, 2]);
    let abandoned = of_kind("AttemptAbandoned");
    assert_eq!(abandoned.len(), 1);
    assert_eq!(
        (&abandoned[0]["attempt"], &abandoned[0]["reason"]["kind"]),
        (&json!(1), &json!(reason))
    );
    assert_eq!(of_kind("JudgingFinished").len(), 1);
    let positions = events.as_array().unwrap().iter().map(|it| it["position"].as_u64().unwrap());
    assert!(positions.is_sorted());
}

/// What ends a process from outside is no evidence against the submission, however often. A crash of
/// the code that judges is a failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_again_and_again_judges_in_the_end() {
    const KILLS: u32 = 6;
    let settings = [("evaluator.lease_s", "1"), ("evaluator.slots", "1")];
    let mut deployment = Deployment::start_with(Stack::Embedded, &settings).await;
    deployment.import(&Package::sum("slow", TESTS)).await;
    let ada = deployment.register("ada").await;
    let log = deployment.stores().await.log;
    let id = ada.submitted("slow", "python3", SLOW).await;
    for attempt in 1..=KILLS + 1 {
        until("some tests are judged", async || {
            let judged = |it: &Recorded| match &it.event {
                Event::TestsJudged(judged) => judged.attempt == attempt,
                _ => false,
            };
            events_of(&log, &id).await.iter().any(judged).then_some(())
        })
        .await;
        deployment.kill_hard(ALL).await;
        if attempt > KILLS {
            mark_crash(&deployment, &id);
        }
        deployment.start_process(ALL, None, &[]).await;
    }
    assert_eq!(ada.verdict(&id).await, "ACCEPTED");
    let events = events_of(&log, &id).await;
    let abandoned = events.iter().filter_map(|it| match &it.event {
        Event::AttemptAbandoned(abandoned) => Some(abandoned.reason.clone()),
        _ => None,
    });
    let mut expected = vec![AbandonReason::Superseded; KILLS as usize];
    let detail = "the evaluator crashed while judging it".to_owned();
    expected.push(AbandonReason::Failed { detail });
    assert_eq!(abandoned.collect::<Vec<_>>(), expected);
}

/// Marks the note of the evaluator that was killed, as if one of its threads had crashed.
fn mark_crash(deployment: &Deployment, id: &str) {
    let folder = deployment.directory().join("assay-data/cache");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let notes: Vec<_> =
        entries.filter(|it| it.extension().is_some_and(|it| it == "judging")).collect();
    let [path] = notes.as_slice() else { panic!("{notes:?}") };
    let note = std::fs::read_to_string(path).unwrap();
    let uuid = id.trim_start_matches("sub_");
    let names_it = note.replace('-', "").contains(uuid);
    assert!(note.starts_with("running\n") && names_it, "{note}");
    std::fs::write(path, note.replacen("running", "crashed", 1)).unwrap();
}

/// A test whose data is lost cannot be judged by any evaluator.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_judge_is_given_up_and_the_queue_moves_on() {
    const DELIVERIES: u32 = 3;
    let deliveries = DELIVERIES.to_string();
    let settings = [
        ("evaluator.lease_s", "1"),
        ("evaluator.deliveries_max", &*deliveries),
        ("evaluator.slots", "1"),
    ];
    let deployment = Deployment::start_with(Stack::Embedded, &settings).await;
    let ada = deployment.register("ada").await;
    let lost = Package::sum("lost", 1).file("lost/data/secret/001.in", "40 2\n");
    deployment.import(&lost.file("lost/data/secret/001.ans", "42\n")).await;
    deployment.import(&Package::sum("sum", 1)).await;
    lose_blob(&deployment, b"40 2\n");

    let unlucky = ada.submitted("lost", "python3", QUICK).await;
    for _ in 0..10 {
        let other = ada.submitted("sum", "python3", QUICK).await;
        assert_eq!(ada.verdict(&other).await, "ACCEPTED");
    }
    assert_eq!(ada.verdict(&unlucky).await, "JUDGE_ERROR");
    let log = deployment.stores().await.log;
    let events = events_of(&log, &unlucky).await;
    let kinds: Vec<_> = events.iter().map(|recorded| recorded.event.kind()).collect();
    let started = kinds.iter().filter(|kind| **kind == "JudgingStarted").count();
    assert_eq!(started, DELIVERIES as usize, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "JudgingFinished").count(), 0);
    match &events.last().unwrap().event {
        Event::SubmissionAbandoned(given_up) => assert_eq!(given_up.deliveries, DELIVERIES),
        other => panic!("{other:?}"),
    }
    assert_eq!(deployment.cli(&["watch", &unlucky]).status.code(), Some(5));
    deployment.projected().await;
    let queues = "{ system { queues { name waiting inFlight } } }";
    let queues = ada.data(queues, json!({})).await["system"]["queues"].take();
    for queue in queues.as_array().unwrap() {
        assert_eq!((&queue["waiting"], &queue["inFlight"]), (&json!(0), &json!(0)), "{queue}");
    }
}

/// Removes a file of the blob store, as if the disk had lost it.
fn lose_blob(deployment: &Deployment, bytes: &[u8]) {
    let name = Digest::of(bytes).to_string();
    let mut folders = vec![deployment.directory().join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().replace('/', "").contains(&name) {
                return std::fs::remove_file(path).unwrap();
            }
        }
    }
    panic!("there is no blob {name}");
}
