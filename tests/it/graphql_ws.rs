//! The most common client for subscriptions, from npm. It is cut off in the middle, resumes after
//! its cursor, and must miss and repeat nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use domain::Event;
use serde_json::{Value, json};
use tests::deployment::{Deployment, Stack};
use tests::log::events_of;
use tests::package::Package;

/// The number of hidden tests, and a program that takes a little time for each.
const TESTS: usize = 60;
const SLOW: &str = "import time\ntime.sleep(0.02)\nprint(sum(map(int, input().split())))";
/// The number of messages after which each connection is cut off.
const CUTS: &str = "1,1,2,3,5,4,7,1,6";

#[tokio::test(flavor = "multi_thread")]
async fn the_npm_client_is_cut_off_and_misses_and_repeats_nothing() {
    let program = install();
    let deployment = Deployment::start(Stack::Embedded).await;
    deployment.import(&Package::sum("long", TESTS)).await;
    let submit = "mutation($input: SubmitInput!) {
        submit(input: $input) { submission { id cursor } }
    }";
    let input = json!({ "problem": "prb_long", "language": "python3", "source": SLOW });
    let admin = deployment.admin();
    let submission =
        admin.data(submit, json!({ "input": input })).await["submit"]["submission"].take();
    let id = submission["id"].as_str().unwrap();
    let cursor = submission["cursor"].as_str().unwrap();

    let url = deployment.address().as_str().replace("http://", "ws://");
    let mut client = Command::new("node");
    client.arg(program).args([&url, &deployment.admin_token, id, cursor, CUTS]);
    let output = tokio::task::spawn_blocking(move || client.output().unwrap()).await.unwrap();
    let (printed, said) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{said}");
    let lines: Vec<&str> = printed.lines().collect();
    let [updates @ .., "done"] = lines.as_slice() else {
        panic!("it did not end: {printed}{said}")
    };
    let updates: Vec<Value> =
        updates.iter().map(|line| serde_json::from_str(line).unwrap()).collect();

    let seen: Vec<_> =
        updates.iter().filter(|it| !it["test"].is_null()).map(|it| it["test"].clone()).collect();
    let log = deployment.stores().await.log;
    let events = events_of(&log, id).await;
    let outcomes: Vec<_> = events
        .iter()
        .flat_map(|recorded| match &recorded.event {
            Event::TestsJudged(judged) => judged.outcomes.clone(),
            _ => vec![],
        })
        .map(|outcome| json!({ "number": outcome.number, "verdict": "ACCEPTED" }))
        .collect();
    assert_eq!(outcomes.len(), TESTS + 1);
    assert_eq!(seen, outcomes, "every test once, in order");
    assert!(updates.iter().all(|update| update["gap"] == false));
    let others =
        events.iter().skip(1).filter(|it| !matches!(it.event, Event::TestsJudged(_))).count();
    assert_eq!(updates.len(), outcomes.len() + others, "and every other event once");
    assert_eq!(updates.last().unwrap()["submission"]["verdict"], "ACCEPTED");
    println!("{} updates over {} connections", updates.len(), CUTS.split(',').count() + 1);
}

/// Installs the client beside the build output, where it is reused.
fn install() -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("graphql-ws");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("graphql-ws");
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["package.json", "client.mjs"] {
        std::fs::copy(sources.join(file), folder.join(file)).unwrap();
    }
    let mut install = Command::new("npm");
    install.args(["install", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline"]);
    let output = install.current_dir(&folder).output().expect("npm can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join("client.mjs")
}
