//! A client of `mySubmissions` that comes back after a long time gets exactly what it missed, on both
//! stacks.

use domain::submission::{Submission, SubmissionCommand, SubmissionReceived};
use domain::{Actor, Digest, StreamId};
use event_store::{Context, EventLog, Stream};
use futures::StreamExt;
use serde_json::{Value, json};
use tests::deployment::{Deployment, Stack};
use tests::package::Package;
use uuid::Uuid;

const RIGHT: &str = "print(sum(map(int, input().split())))";
/// The number of events of somebody else between those of the viewer, which is more than the log is
/// read for.
const OTHERS: usize = 600;

const MINE: &str = "subscription($after: String) { mySubmissions(after: $after) {
    cursor gap submission { id state } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_late_client_resumes_on_embedded_stores() {
    journey(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_client_resumes_on_redis_and_mongodb() {
    journey(Stack::Cluster).await;
}

async fn journey(stack: Stack) {
    let deployment = Deployment::start(stack).await;
    deployment.import(&Package::sum("sum", 1)).await;
    let ada = deployment.register("ada").await;
    let first = ada.submitted("sum", "python3", RIGHT).await;
    let cursor = ada.updates(&first, None).await[0]["cursor"].clone();
    let log = deployment.stores().await.log;
    let mut mine = vec![first];
    for _ in 0..2 {
        let others = (0..OTHERS / 2).map(|_| receive_from_bob(log.as_ref()));
        futures::future::join_all(others).await;
        let id = ada.submitted("sum", "python3", RIGHT).await;
        assert_eq!(ada.verdict(&id).await, "ACCEPTED");
        mine.push(id);
    }
    deployment.projected().await;

    let mut expected = Vec::new();
    for id in &mine {
        let updates = ada.updates(id, cursor.as_str()).await;
        expected.extend(updates.into_iter().map(|update| update["cursor"].clone()));
    }
    assert!(expected.len() > 8, "{expected:?}");
    let stream = ada.subscribe(MINE, json!({ "after": cursor })).await;
    let updates: Vec<Value> = stream
        .take(expected.len())
        .map(|data| data.expect("an update")["mySubmissions"].take())
        .collect()
        .await;
    let cursors: Vec<_> = updates.iter().map(|update| update["cursor"].clone()).collect();
    assert_eq!(cursors, expected);
    assert!(updates.iter().all(|update| update["gap"] == false));
    let last = &updates.last().unwrap()["submission"];
    assert_eq!(*last, json!({ "id": mine[2], "state": "JUDGED" }));

    // Then it follows what happens.
    let cursor = cursors.last().unwrap();
    let mut stream = ada.subscribe(MINE, json!({ "after": cursor })).await;
    let next = ada.submitted("sum", "python3", RIGHT).await;
    let update = stream.next().await.unwrap().unwrap()["mySubmissions"].take();
    assert_eq!(update["submission"]["id"], next);
}

/// A submission that nobody judges, because no work is queued for it.
async fn receive_from_bob(log: &dyn EventLog) {
    let id = Uuid::now_v7().into();
    let received = SubmissionReceived {
        submission: id,
        author: "bob".parse().unwrap(),
        problem: "sum".parse().unwrap(),
        revision: 1,
        language: "python3".parse().unwrap(),
        source: Digest::of(RIGHT.as_bytes()),
        source_bytes: RIGHT.len() as u64,
    };
    let mut stream = Stream::<Submission>::new(StreamId::Submission(id));
    let receive = vec![SubmissionCommand::Receive(received)];
    let context = Context::new(Actor::system());
    stream.execute(log, receive, &context, None, None).await.unwrap();
}
