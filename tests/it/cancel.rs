//! Submissions are cancelled while they wait and while they are judged, on both stacks.

use std::sync::Arc;

use domain::{Event, Recorded};
use event_store::EventLog;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{ALL, API, Deployment, EVALUATOR, PROJECTOR, Stack};
use tests::log::events_of;
use tests::package::Package;
use tests::waiting::{until, until_true};

const RIGHT: &str = "print(sum(map(int, input().split())))";
const ENDLESS: &str = "while True: pass";
/// The time limit of the problem, in seconds: far longer than everything else here takes.
const TIME_LIMIT_S: i64 = 50;
/// The cpu time after which a process in a cell counts as endless, in hundredths of a second.
const ENDLESS_CPU: u64 = 30;

const CANCEL: &str = "mutation($id: ID!, $reason: String) {
    cancelSubmission(id: $id, reason: $reason) {
        submission { id state verdict judgement { attempt } } token userErrors { code field }
    }
}";
const SHOW: &str = "query($id: ID!) { submission(id: $id) {
    state verdict judgedAt judgement { attempt } judgements { attempt abandoned verdict }
    receipt { position } timeline(first: 50) { nodes { type payload } }
    problem { viewerStatus stats { submissions accepted } }
} }";

#[tokio::test(flavor = "multi_thread")]
async fn submissions_are_cancelled_on_embedded_stores() {
    journey(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn submissions_are_cancelled_on_redis_and_mongodb() {
    journey(Stack::Cluster).await;
}

async fn journey(stack: Stack) {
    let mut deployment = Deployment::stores_only(stack, &[("evaluator.slots", "1")]).await;
    // At first, nothing judges.
    deployment.start_process(API, Some("command,query,projector"), &[]).await;
    deployment.import(&problem()).await;
    let (ada, bob) = (deployment.register("ada").await, deployment.register("bob").await);
    let queued = cancelled_while_it_waits(&deployment, &ada, &bob).await;
    let kept = ada.submitted("sum", "python3", RIGHT).await;
    deployment.terminate(API).await;

    let judging = match stack {
        Stack::Embedded => {
            deployment.start_process(ALL, None, &[]).await;
            ALL
        }
        Stack::Cluster => {
            deployment.start_process(API, Some("command,query"), &[]).await;
            deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
            deployment.start_process(EVALUATOR, Some(EVALUATOR), &[]).await;
            EVALUATOR
        }
    };
    let log = deployment.stores().await.log;
    assert_eq!(ada.verdict(&kept).await, "ACCEPTED");
    assert_eq!(kinds(&log, &queued).await, ["SubmissionReceived", "SubmissionCancelled"]);
    assert_eq!(codes(&cancel(&ada, &kept, None).await), ["ALREADY_FINAL"]);

    let endless = cancelled_while_it_runs(&deployment, judging, &ada, &log).await;
    deployment.projected().await;
    it_counts_nowhere(&deployment, &ada, &queued, &endless).await;
    everything_is_done(&deployment).await;
    let replay = deployment.cli(&["replay"]);
    assert_eq!(replay.status.code(), Some(0), "{}", String::from_utf8_lossy(&replay.stderr));
}

fn problem() -> Package {
    let manifest = format!("name: Sum\nlimits: {{time_limit: {TIME_LIMIT_S}}}\n");
    Package::sum("sum", 1).without("sum/problem.yaml").file("sum/problem.yaml", manifest)
}

async fn cancel(api: &Api, id: &str, reason: Option<&str>) -> Value {
    let variables = json!({ "id": id, "reason": reason });
    api.data(CANCEL, variables).await["cancelSubmission"].take()
}

fn codes(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().unwrap().iter();
    errors.map(|error| error["code"].as_str().unwrap()).collect()
}

async fn kinds(log: &Arc<dyn EventLog>, id: &str) -> Vec<&'static str> {
    events_of(log, id).await.iter().map(|recorded| recorded.event.kind()).collect()
}

async fn cancelled_while_it_waits(deployment: &Deployment, ada: &Api, bob: &Api) -> String {
    let id = ada.submitted("sum", "python3", ENDLESS).await;
    assert_eq!(codes(&cancel(bob, &id, None).await), ["NOT_FOUND"]);
    let unknown = "sub_00000000-0000-0000-0000-000000000000";
    assert_eq!(cancel(bob, unknown, None).await, cancel(bob, &id, None).await);
    assert_eq!(codes(&cancel(ada, &id, Some(" ")).await), ["INVALID"]);
    let anonymous = deployment.api().ask(CANCEL, json!({ "id": id })).await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
    let refused = ada.ask(CANCEL, json!({ "id": "usr_ada" })).await;
    assert_eq!(refused.code(), "BAD_USER_INPUT");

    let watched = tokio::spawn({
        let (ada, id) = (ada.clone(), id.clone());
        async move { ada.updates(&id, None).await }
    });
    let payload = cancel(ada, &id, Some("an endless loop")).await;
    let submission = json!({ "id": id, "state": "CANCELLED", "verdict": null, "judgement": null });
    assert_eq!(payload["submission"], submission);
    assert!(payload["token"].is_string(), "{payload}");
    let again = cancel(ada, &id, None).await;
    assert_eq!((&again["submission"], &again["token"]), (&submission, &Value::Null));
    assert_eq!(codes(&again), [""; 0]);

    let updates = watched.await.unwrap();
    assert_eq!(updates.last().unwrap()["submission"]["state"], "CANCELLED");
    let later = ada.updates(&id, None).await;
    assert_eq!(later.len(), 1, "a subscription after the end has only a snapshot: {later:?}");
    id
}

/// Only judges cancel what is being judged. Its cell ends, and the only slot is free for the next.
async fn cancelled_while_it_runs(
    deployment: &Deployment,
    judging: &str,
    ada: &Api,
    log: &Arc<dyn EventLog>,
) -> String {
    let id = ada.submitted("sum", "python3", ENDLESS).await;
    until_true("it runs", async || !deployment.busy_in_cells(judging, ENDLESS_CPU).is_empty())
        .await;
    let next = ada.submitted("sum", "python3", RIGHT).await;
    assert_eq!(codes(&cancel(ada, &id, None).await), ["FORBIDDEN"]);
    let mut command = deployment.command(&["cancel", &id, "--reason", "it never ends"]);
    let output = command.env("ASSAY_TOKEN", &deployment.admin_token).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("CANCELLED"));
    until_true("its cell is gone", async || {
        deployment.busy_in_cells(judging, ENDLESS_CPU).is_empty()
    })
    .await;
    assert_eq!(ada.verdict(&next).await, "ACCEPTED");

    let (first, second) = (events_of(log, &id).await, events_of(log, &next).await);
    let [cancelled, started] =
        [last(&first, "SubmissionCancelled"), last(&first, "JudgingStarted")];
    let Event::SubmissionCancelled(event) = &cancelled.event else { unreachable!() };
    assert_eq!((event.attempt, event.reason.as_deref()), (Some(1), Some("it never ends")));
    let judged = last(&second, "JudgingFinished");
    assert!(judged.position > cancelled.position);
    let limit = SignedDuration::from_secs(TIME_LIMIT_S);
    assert!(judged.recorded_at.duration_since(started.recorded_at) < limit);
    assert_eq!(first.last().unwrap().position, cancelled.position);
    id
}

fn last<'a>(events: &'a [Recorded], kind: &str) -> &'a Recorded {
    let found = events.iter().rfind(|recorded| recorded.event.kind() == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {events:?}"))
}

async fn it_counts_nowhere(deployment: &Deployment, ada: &Api, queued: &str, endless: &str) {
    for id in [queued, endless] {
        let shown = ada.data(SHOW, json!({ "id": id })).await["submission"].take();
        assert_eq!(shown["state"], "CANCELLED");
        for field in ["verdict", "judgedAt", "judgement"] {
            assert_eq!(shown[field], Value::Null, "{field}");
        }
        assert!(shown["receipt"]["position"].is_string(), "{shown}");
        let timeline = shown["timeline"]["nodes"].as_array().unwrap();
        assert_eq!(timeline.last().unwrap()["type"], "SubmissionCancelled");
        // The two that count are accepted.
        let problem = json!({ "viewerStatus": "SOLVED",
            "stats": { "submissions": 2, "accepted": 2 } });
        assert_eq!(shown["problem"], problem);
        let attempts = usize::from(id == endless);
        assert_eq!(shown["judgements"].as_array().unwrap().len(), attempts);
    }
    let listed = "{ submissions(filter: {state: [CANCELLED]}) { totalCount } }";
    assert_eq!(ada.data(listed, json!({})).await["submissions"]["totalCount"], 2);

    // A judge cannot select it for a rejudge.
    let preview =
        "query($ids: [ID!]) { rejudgePreview(selection: {submissions: $ids}) { matched } }";
    let preview = deployment.admin().data(preview, json!({ "ids": [queued, endless] })).await;
    assert_eq!(preview["rejudgePreview"]["matched"], 0);

    // The past knows it too.
    let position = deployment.stores().await.log.info().await.unwrap().head;
    let as_of = "query($id: ID!, $position: Position!) { audit { asOf(position: $position) {
        submission(id: $id) { state verdict } } } }";
    let variables = json!({ "id": endless, "position": position.0.to_string() });
    let then = deployment.admin().data(as_of, variables).await["audit"]["asOf"].take();
    assert_eq!(then["submission"], json!({ "state": "CANCELLED", "verdict": null }));
    let trail = deployment.cli(&["audit", endless]);
    let trail = String::from_utf8_lossy(&trail.stdout).into_owned();
    assert!(trail.contains("during attempt 1") && trail.contains("it never ends"), "{trail}");
}

/// The work of cancelled submissions is finished too.
async fn everything_is_done(deployment: &Deployment) {
    let queue = deployment.stores().await.queue;
    until("the queue is empty", async || {
        let lanes = queue.stats().await.unwrap();
        lanes.iter().all(|lane| (lane.waiting, lane.in_flight) == (0, 0)).then_some(())
    })
    .await;
}
