//! A server works normally after its events were archived, on both stacks.

use std::process::Output;

use serde_json::{Value, json};
use tests::deployment::{Deployment, Stack};
use tests::log::whole_log;
use tests::package::Package;

const RIGHT: &str = "print(sum(map(int, input().split())))";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_on_embedded_stores() {
    nobody_notices(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_on_redis_and_mongodb() {
    nobody_notices(Stack::Cluster).await;
}

async fn nobody_notices(stack: Stack) {
    let deployment = Deployment::start(stack).await;
    assert_eq!(deployment.import(&Package::sum("sum", 2)).await["userErrors"], json!([]));
    let ada = deployment.register("ada").await;
    let first = ada.submitted("sum", "python3", RIGHT).await;
    assert_eq!(ada.verdict(&first).await, "ACCEPTED");
    let updates = ada.updates(&first, None).await;
    let trail = printed(&deployment, &["audit", &first]);
    let log = deployment.stores().await.log;
    let events = whole_log(&log).await;

    // Nothing is old enough, and `--dry-run` changes nothing.
    let young = json_of(&deployment, &["log", "archive", "--older-than", "1h", "--json"]);
    assert_eq!((&young["events"], &young["archived_through"]), (&json!(0), &json!(0)));
    let dry_run =
        json_of(&deployment, &["log", "archive", "--keep-events", "0", "--dry-run", "--json"]);
    assert_eq!(
        (&dry_run["events"], &dry_run["archived_through"]),
        (&json!(events.len()), &json!(0))
    );
    let nothing = deployment.cli(&["log", "archive"]);
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");

    // In two segments, while the server runs.
    printed(&deployment, &["log", "archive", "--before", "4"]);
    printed(&deployment, &["log", "archive", "--older-than", "0s"]);
    let status = json_of(&deployment, &["log", "status", "--json"]);
    assert_eq!(status["archived_through"], status["head"]);
    assert_eq!(status["hot"]["events"], 0);
    assert_eq!(status["segments"].as_array().unwrap().len(), 2);
    assert!(printed(&deployment, &["log", "status"]).contains("2 segments"));

    // The log reads the same, for the running server and for new processes.
    assert_eq!(whole_log(&log).await, events);
    assert_eq!(ada.updates(&first, None).await, updates);
    assert_eq!(printed(&deployment, &["audit", &first]), trail);
    // The account and the problem are now read from the archive.
    let second = ada.submitted("sum", "python3", RIGHT).await;
    assert_eq!(ada.verdict(&second).await, "ACCEPTED");

    let merged = json_of(&deployment, &["log", "compact", "--json"]);
    assert_eq!(merged, json!({ "segments_before": 2, "segments": 1 }));
    assert_eq!(ada.updates(&first, None).await, updates);
    deployment.projected().await;
    let replay = json_of(&deployment, &["replay", "--json"]);
    assert_eq!(replay["differences"], json!([]));
}

fn done(deployment: &Deployment, arguments: &[&str]) -> Output {
    let output = deployment.cli(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    output
}

fn printed(deployment: &Deployment, arguments: &[&str]) -> String {
    String::from_utf8(done(deployment, arguments).stdout).unwrap()
}

fn json_of(deployment: &Deployment, arguments: &[&str]) -> Value {
    serde_json::from_slice(&done(deployment, arguments).stdout).unwrap()
}
