//! A service with a full disk reports it immediately, and recovers when there is space.

use serde_json::json;
use tempfile::TempDir;
use tests::deployment::{Deployment, Stack};
use tests::small_disk::SmallDisk;
use tests::waiting::until_true;

const DISK_MEBIBYTES: u32 = 64;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_reported_at_once() {
    let directory = TempDir::new().unwrap();
    let disk = SmallDisk::mount(directory.path(), DISK_MEBIBYTES);
    let log = format!("sqlite:{}/log.db", directory.path().display());
    let deployment = Deployment::start_with(Stack::Embedded, &[("stores.log", &log)]).await;
    assert_eq!(health(&deployment).await, (200, "OK".to_owned()));
    disk.fill();
    assert_eq!(health(&deployment).await, (503, "DOWN".to_owned()));
    disk.empty();
    until_true("it is well again", async || health(&deployment).await.0 == 200).await;
    deployment.register("ada").await;
}

/// The status for load balancers, and the log's health in the API.
async fn health(deployment: &Deployment) -> (u16, String) {
    let answer = reqwest::get(deployment.address().join("/healthz").unwrap()).await.unwrap();
    let data =
        deployment.admin().data("{ system { components { name health } } }", json!({})).await;
    let components = data["system"]["components"].as_array().unwrap();
    let log = components.iter().find(|it| it["name"] == "log").unwrap();
    (answer.status().as_u16(), log["health"].as_str().unwrap().to_owned())
}
