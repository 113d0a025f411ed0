//! A cluster that judges in Docker containers must not leave any behind, however it ends.

use std::process::Command;

use serde_json::json;
use tests::deployment::{Deployment, EVALUATOR, Stack};
use tests::log::events_of;
use tests::package::Package;
use tests::waiting::until_true;

/// The label on every container of ours; it names the creator.
const OWNER_LABEL: &str = "assay.owner";

const RIGHT: &str = "print(sum(map(int, input().split())))";
const CRASH: &str = "int main(void) { return *(volatile int *) 0; }";
const SLOW: &str = "import time\ntime.sleep(0.3)\nprint(sum(map(int, input().split())))";

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_judges_in_containers_and_leaves_none() {
    let settings = [("sandbox.adapter", "docker"), ("evaluator.lease_s", "2")];
    let mut cluster = Deployment::start_with(Stack::Cluster, &settings).await;
    let ada = cluster.register("ada").await;
    let imported = cluster.import(&Package::sum("sum", 12)).await;
    assert_eq!(imported["userErrors"], json!([]));
    for (language, source, verdict) in [
        ("python3", RIGHT, "ACCEPTED"),
        ("python3", "print(0)", "WRONG_ANSWER"),
        ("c", CRASH, "RUNTIME_ERROR"),
        ("c", "int main(void) {", "COMPILE_ERROR"),
    ] {
        let id = ada.submitted("sum", language, source).await;
        assert_eq!(ada.verdict(&id).await, verdict, "{source}");
    }

    // If the evaluator is killed while judging, its containers end too, and the next evaluator
    // judges.
    let id = ada.submitted("sum", "python3", SLOW).await;
    let log = cluster.stores().await.log;
    until_true("some tests are judged", async || {
        events_of(&log, &id).await.iter().any(|it| it.event.kind() == "TestsJudged")
    })
    .await;
    let killed = cluster.pid(EVALUATOR);
    assert!(!containers_of(killed, Which::Running).is_empty(), "it judges in containers");
    cluster.kill_hard(EVALUATOR).await;
    no_containers_of(killed, Which::Running).await;
    // A container that was created but not started does not end by itself; the next evaluator
    // removes it.
    cluster.start_process(EVALUATOR, Some(EVALUATOR), &[]).await;
    no_containers_of(killed, Which::All).await;
    assert_eq!(ada.verdict(&id).await, "ACCEPTED");

    let ended = cluster.pid(EVALUATOR);
    assert_eq!(cluster.terminate(EVALUATOR).await, Some(0));
    assert_eq!(containers_of(ended, Which::All), Vec::<String>::new());
}

/// Which containers to list.
#[derive(Clone, Copy, Debug)]
enum Which {
    Running,
    All,
}

async fn no_containers_of(pid: u32, which: Which) {
    until_true("its containers are gone", async || containers_of(pid, which).is_empty()).await;
}

/// The owner labels of the containers that this process created.
fn containers_of(pid: u32, which: Which) -> Vec<String> {
    let format = format!("{{{{.Label \"{OWNER_LABEL}\"}}}}");
    let filter = format!("label={OWNER_LABEL}");
    let mut list = Command::new("docker");
    list.arg("ps");
    if let Which::All = which {
        list.arg("--all");
    }
    let output = list.args(["--filter", &filter, "--format", &format]).output();
    let output = output.expect("docker can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let owners = String::from_utf8_lossy(&output.stdout).into_owned();
    // The label contains a place, a process id and the process's start time.
    let is_its = |owner: &&str| owner.rsplit(' ').nth(1) == Some(&pid.to_string());
    owners.lines().filter(is_its).map(str::to_owned).collect()
}
