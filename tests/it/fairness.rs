//! One account floods the queue: the others are still judged soon, and the flood has a limit.

use domain::{Event, Recorded, SubmissionId};
use serde_json::json;
use tests::api::submission;
use tests::deployment::{API, Deployment, EVALUATOR, PROJECTOR, Stack};
use tests::log::{submission_id, whole_log};
use tests::package::Package;
use tests::waiting::until;

/// The number of submissions of the account that floods the queue, and of unjudged ones it may have.
const FLOOD: usize = 12;
/// The number of tests of the problem, and a program that is slow on each.
const TESTS: usize = 4;
const SLOW: &str = "import time\ntime.sleep(0.3)\nprint(sum(map(int, input().split())))";
const QUICK: &str = "print(sum(map(int, input().split())))";

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_delays_only_its_author_on_embedded_stores() {
    a_flood_delays_only_its_author(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_delays_only_its_author_on_redis_and_mongodb() {
    a_flood_delays_only_its_author(Stack::Cluster).await;
}

async fn a_flood_delays_only_its_author(stack: Stack) {
    let most = FLOOD.to_string();
    let settings = [("evaluator.slots", "1"), ("limits.open_submissions", most.as_str())];
    let mut deployment = Deployment::stores_only(stack, &settings).await;
    deployment.start_process(API, Some("command,query"), &[]).await;
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    assert_eq!(deployment.import(&Package::sum("sum", TESTS)).await["userErrors"], json!([]));
    let mut accounts = vec![];
    for login in ["ada", "bob", "eve"] {
        accounts.push(deployment.register(login).await);
    }
    let [ada, bob, eve] = &accounts[..] else { unreachable!("there are three accounts") };

    // Nothing is judged yet.
    let mut keyed = submission("sum", "python3", SLOW);
    keyed["idempotencyKey"] = json!("once");
    let first = ada.submit_input(keyed.clone()).await["submission"]["id"].clone();
    let mut flood = vec![submission_id(first.as_str().unwrap())];
    for _ in 1..FLOOD {
        flood.push(submission_id(&ada.submitted("sum", "python3", SLOW).await));
    }
    let refused = ada.submit("sum", "python3", SLOW).await;
    let error = &refused["userErrors"][0];
    assert_eq!((&error["code"], &error["field"]), (&json!("TOO_MANY"), &json!(null)));
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("12 of your submissions are not judged yet"), "{message}");
    assert_eq!(refused["token"], json!(null));
    let repeated = ada.submit_input(keyed).await;
    assert_eq!((&repeated["submission"]["id"], &repeated["replayed"]), (&first, &json!(true)));
    let bobs = bob.submitted("sum", "python3", QUICK).await;

    deployment.start_process(EVALUATOR, Some(EVALUATOR), &[]).await;
    assert_eq!(bob.verdict(&bobs).await, "ACCEPTED");
    let log = deployment.stores().await.log;
    let begun = begun(&whole_log(&log).await);
    assert_eq!(begun[..2], [flood[0], submission_id(&bobs)], "accounts take turns: {begun:?}");

    // The same in the middle of the flood.
    let eves = eve.submitted("sum", "python3", QUICK).await;
    assert_eq!(eve.verdict(&eves).await, "ACCEPTED");
    let events = whole_log(&log).await;
    let (received, started) = received_and_begun(&events, submission_id(&eves));
    let between = begun_of(&events[received..started], &flood);
    // The evaluator may have taken one while Eve submitted.
    assert!(between <= 1, "{between} of the flood came before");
    assert!(begun_of(&events, &flood) < FLOOD, "the flood was over");

    // A verdict makes room for another submission.
    let again = until("there is room again", async || {
        let payload = ada.submit("sum", "python3", QUICK).await;
        payload["submission"]["id"].as_str().map(str::to_owned)
    });
    again.await;
}

/// The submission whose judging this event begins.
fn begun_by(recorded: &Recorded) -> Option<SubmissionId> {
    let Event::JudgingStarted(_) = recorded.event else { return None };
    match recorded.stream {
        domain::StreamId::Submission(id) => Some(id),
        _ => None,
    }
}

/// The submissions whose judging began, in this order.
fn begun(events: &[Recorded]) -> Vec<SubmissionId> {
    events.iter().filter_map(begun_by).collect()
}

/// How many of these submissions were begun.
fn begun_of(events: &[Recorded], of: &[SubmissionId]) -> usize {
    begun(events).iter().filter(|id| of.contains(id)).count()
}

/// The indexes of the events with which a submission was received, and begun.
fn received_and_begun(events: &[Recorded], id: SubmissionId) -> (usize, usize) {
    let is_received = |it: &Recorded| matches!(&it.event, Event::SubmissionReceived(received) if received.submission == id);
    let received = events.iter().position(is_received).unwrap();
    (received, events.iter().position(|it| begun_by(it) == Some(id)).unwrap())
}
