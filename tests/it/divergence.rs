//! Redis restarts with an older file, so the log has lost events that were acknowledged, read and
//! signed. Every process must detect this, and report what is lost (INV-8).

use std::path::{Path, PathBuf};

use domain::Position;
use serde_json::{Value, json};
use tests::api::{Api, submission};
use tests::deployment::{API, Deployment, EVALUATOR, PROJECTIONS, PROJECTOR, Stack};
use tests::package::Package;
use tests::waiting::until_true;

const RIGHT: &str = "print(sum(map(int, input().split())))";
/// The name of Redis's folder with the append-only files.
const FILES: &str = "appendonlydir";
/// The number of submissions that the older file has, and that it lacks.
const KEPT: usize = 3;
const LOST: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_tail_is_noticed_by_everybody() {
    let mut cluster = Deployment::start(Stack::Cluster).await;
    cluster.import(&Package::sum("sum", 1)).await;
    let ada = cluster.register("ada").await;
    judged(&cluster, &ada, 0..KEPT).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let (older, newer) = (elsewhere.path().join("older"), elsewhere.path().join("newer"));
    copy(&files(&cluster), &older);
    let kept = head(&cluster).await;
    judged(&cluster, &ada, KEPT..KEPT + LOST).await;
    let all = head(&cluster).await;
    assert!(all > kept);

    // While all processes run.
    exchange(&mut cluster, &older, &newer).await;
    running_processes_stop_using_it(&cluster, &ada).await;
    assert_eq!(head(&cluster).await, kept, "somebody wrote behind what is left");
    let report = verified(&cluster, 1);
    assert_eq!(report["broken"]["position"], kept.0 + 1, "{report}");

    // When the processes start again.
    for (name, role) in [(API, "command,query"), (EVALUATOR, EVALUATOR)] {
        cluster.kill_hard(name).await;
        let refused = cluster.cli(&["serve", "--role", role]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(3), "{role}: {said}");
        assert!(said.contains(&format!("it ends at {kept}")), "{role}: {said}");
        assert!(said.contains("docs/operations.md"), "{role}: {said}");
    }
    cluster.kill_hard(PROJECTOR).await;
    cluster.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    projector_stops(&cluster).await;
    cluster.kill_hard(PROJECTOR).await;

    // The newer file is found: nothing was lost.
    exchange(&mut cluster, &newer, &elsewhere.path().join("given-up")).await;
    assert_eq!(verified(&cluster, 0)["verified"], all.0);
    start_everything(&mut cluster, &[]).await;
    judged(&cluster, &ada, 0..KEPT + LOST + 1).await;
    assert!(head(&cluster).await > all);

    // The newer file is lost: the rest is served with a new tree and new views, and authors submit
    // again what is missing.
    for name in [API, EVALUATOR, PROJECTOR] {
        cluster.kill_hard(name).await;
    }
    exchange(&mut cluster, &older, &elsewhere.path().join("lost")).await;
    let memory = format!("{}.head", cluster.setting("audit.keys"));
    std::fs::rename(memory, elsewhere.path().join("signed-last")).unwrap();
    let fresh = ["stores.tree", "stores.views"]
        .map(|key| (key, cluster.mongo.as_ref().unwrap().url("fresh")));
    let fresh = fresh.each_ref().map(|(key, url)| (*key, url.as_str()));
    start_everything(&mut cluster, &fresh).await;
    for number in 0..KEPT + LOST {
        let id = submit(&ada, number).await;
        assert_eq!(ada.verdict(&id).await, "ACCEPTED");
    }
    let report = verified(&cluster, 1);
    assert_eq!(report["broken"]["position"], kept.0 + 1, "the old tree still reports it: {report}");
}

/// Submits each of these, and waits until the verdict is in the views and signed.
async fn judged(cluster: &Deployment, ada: &Api, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let id = submit(ada, number).await;
        assert_eq!(ada.verdict(&id).await, "ACCEPTED");
    }
    cluster.projected().await;
    let (head, tree) = (head(cluster).await, cluster.stores().await.tree);
    until_true("everything is signed", async || {
        let newest = tree.newest_head().await.expect("the tree answers");
        newest.is_some_and(|newest| newest.size == head.0)
    })
    .await;
}

fn input(number: usize) -> Value {
    let mut input = submission("sum", "python3", RIGHT);
    input["idempotencyKey"] = json!(format!("submission {number}"));
    input
}

async fn submit(ada: &Api, number: usize) -> String {
    let payload = ada.submit_input(input(number)).await;
    let id = payload["submission"]["id"].as_str();
    id.unwrap_or_else(|| panic!("not taken: {payload}")).to_owned()
}

async fn running_processes_stop_using_it(cluster: &Deployment, ada: &Api) {
    projector_stops(cluster).await;
    until_true("the API and the evaluator have noticed", async || {
        [API, EVALUATOR].iter().all(|name| cluster.said(name).contains("the log has diverged"))
    })
    .await;
    for number in [0, KEPT, KEPT + LOST] {
        let refused = ada.post(&Api::submit_body(&input(number))).await;
        assert_eq!(refused.code(), "LOG_DIVERGED", "{refused:?}");
    }
    let health = reqwest::get(cluster.address().join("/healthz").unwrap()).await.unwrap();
    assert_eq!(health.status().as_u16(), 503);
}

async fn projector_stops(cluster: &Deployment) {
    until_true("projections and signer have stopped for good", async || {
        let said = cluster.said(PROJECTOR);
        said.matches("the projection stopped").count() == PROJECTIONS
            && said.contains("nothing more is signed")
    })
    .await;
}

async fn start_everything(cluster: &mut Deployment, settings: &[(&str, &str)]) {
    cluster.start_process(API, Some("command,query"), settings).await;
    cluster.start_process(EVALUATOR, Some(EVALUATOR), settings).await;
    cluster.start_process(PROJECTOR, Some(PROJECTOR), settings).await;
}

/// The head of the log, read with a new connection.
async fn head(cluster: &Deployment) -> Position {
    cluster.stores().await.log.info().await.unwrap().head
}

fn verified(cluster: &Deployment, code: i32) -> Value {
    let output = cluster.cli(&["audit", "verify", "--json"]);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn files(cluster: &Deployment) -> PathBuf {
    cluster.redis.as_ref().unwrap().directory().join(FILES)
}

/// Kills Redis, saves its files, and restarts it with others.
async fn exchange(cluster: &mut Deployment, others: &Path, kept: &Path) {
    let files = files(cluster);
    let redis = cluster.redis.as_mut().unwrap();
    redis.kill_hard();
    copy(&files, kept);
    std::fs::remove_dir_all(&files).unwrap();
    copy(others, &files);
    redis.restart().await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
