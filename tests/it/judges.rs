//! Evaluators, as operators see and drain them, and work that none of them can do.

use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{API, Deployment, EVALUATOR, PROJECTOR, Stack};
use tests::log::events_of;
use tests::package::Package;
use tests::waiting::{until, until_true};

const PYTHON: &str = "print(sum(map(int, input().split())))";
const CPP: &str = "#include <cstdio>\nint main() { int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); }\n";

const JUDGES: &str = "{ system { judges {
    id name host version slots running languages { id } lastSeenAt drained healthy
} } }";
const DRAIN: &str = "mutation($id: ID!, $drained: Boolean!) {
    drainJudge(id: $id, drained: $drained) { judge { name drained } token userErrors { code field } }
}";
const QUEUES: &str =
    "{ system { queues { name deadLetters stuck { submission rejudge needs } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_evaluator_takes_no_work_until_it_is_undrained() {
    let mut cluster = Deployment::stores_only(Stack::Cluster, &[]).await;
    cluster.start_process(API, Some("command,query"), &[]).await;
    cluster.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    for name in ["north", "south"] {
        start(&mut cluster, name).await;
    }
    assert_eq!(cluster.import(&Package::sum("sum", 1)).await["userErrors"], json!([]));
    let (admin, ada) = (cluster.admin(), cluster.register("ada").await);
    let log = cluster.stores().await.log;
    let judged_by = async || {
        let id = ada.submitted("sum", "python3", PYTHON).await;
        assert_eq!(ada.verdict(&id).await, "ACCEPTED");
        let events = events_of(&log, &id).await;
        let started = events.iter().find_map(|it| match &it.event {
            domain::Event::JudgingStarted(started) => Some(started.evaluator.clone()),
            _ => None,
        });
        started.unwrap().split('-').next().unwrap().to_owned()
    };

    let judges = until("both are known", async || {
        let judges = judges(&admin).await;
        (judges.len() == 2).then_some(judges)
    })
    .await;
    let north = &judges[0];
    assert_eq!((&north["name"], &north["drained"]), (&json!("north"), &json!(false)));
    assert_eq!((&north["slots"], &north["running"]), (&json!(2), &json!(0)));
    assert_eq!(north["healthy"], true);
    assert!(north["host"].is_string() && north["version"].is_string(), "{north}");
    let languages: Vec<_> =
        north["languages"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(languages, ["c", "cpp", "python3"]);
    let node = "query($id: ID!) { node(id: $id) { id ... on Judge { name } } }";
    let found = admin.data(node, json!({ "id": north["id"] })).await["node"].take();
    assert_eq!(found, json!({ "id": north["id"], "name": "north" }));

    // Others neither see nor drain evaluators.
    for api in [&ada, &cluster.api()] {
        assert_eq!(self::judges(api).await, [] as [Value; 0]);
        assert_eq!(api.data(node, json!({ "id": north["id"] })).await["node"], json!(null));
    }
    let refused = drain(&ada, &north["id"], true).await;
    assert_eq!(refused["userErrors"], json!([{ "code": "FORBIDDEN", "field": null }]));
    let unknown = drain(&admin, &json!("evl_nobody-1-abcdef"), true).await;
    assert_eq!(unknown["userErrors"], json!([{ "code": "NOT_FOUND", "field": ["id"] }]));

    let drained = drain(&admin, &north["id"], true).await;
    let expected = json!({
        "judge": { "name": "north", "drained": true }, "token": null, "userErrors": [],
    });
    assert_eq!(drained, expected);
    said(&cluster, "north", "drained: takes no new work").await;
    for _ in 0..4 {
        assert_eq!(judged_by().await, "south");
    }
    // A restart changes nothing.
    cluster.terminate("north").await;
    start(&mut cluster, "north").await;
    said(&cluster, "north", "drained: takes no new work").await;
    assert_eq!(judged_by().await, "south");

    // With both drained, submissions wait; the one that is undrained judges them.
    assert!(cluster.cli(&["judge", "drain", "south"]).status.success());
    said(&cluster, "south", "drained: takes no new work").await;
    let waits = ada.submitted("sum", "python3", PYTHON).await;
    assert!(cluster.cli(&["judge", "undrain", "north"]).status.success());
    assert_eq!(ada.verdict(&waits).await, "ACCEPTED");
    assert_eq!(judged_by().await, "north");
    let listed = cluster.cli(&["judge", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let states: Vec<_> = listed.as_array().unwrap().iter().map(state).collect();
    assert!(states.contains(&("north", false)) && states.contains(&("south", true)), "{states:?}");
}

fn state(row: &Value) -> (&str, bool) {
    (row["name"].as_str().unwrap(), row["drained"].as_bool().unwrap())
}

async fn start(cluster: &mut Deployment, name: &'static str) {
    cluster.start_process(name, Some(EVALUATOR), &[("evaluator.name", name)]).await;
}

async fn said(cluster: &Deployment, name: &str, text: &str) {
    until_true("the evaluator has learned it", async || cluster.said(name).contains(text)).await;
}

async fn judges(api: &Api) -> Vec<Value> {
    let mut data = api.data(JUDGES, json!({})).await;
    data["system"]["judges"].take().as_array().unwrap().clone()
}

async fn drain(api: &Api, id: &Value, drained: bool) -> Value {
    api.data(DRAIN, json!({ "id": id, "drained": drained })).await["drainJudge"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_no_evaluator_can_do_is_listed() {
    let mut deployment = Deployment::stores_only(Stack::Embedded, &[]).await;
    deployment.start_process(API, Some("command,query"), &[]).await;
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    deployment.import(&Package::sum("sum", 1)).await;
    let ada = deployment.register("ada").await;
    // It waits, because no evaluator runs yet.
    let id = ada.submitted("sum", "cpp", CPP).await;
    let only_python = [("evaluator.languages", "[\"python3\"]")];
    deployment.start_process(EVALUATOR, Some(EVALUATOR), &only_python).await;
    let queues = until("the evaluator has declined it", async || {
        let data = deployment.admin().data(QUEUES, json!({})).await;
        let queues = data["system"]["queues"].as_array().unwrap().clone();
        (queues[0]["stuck"] != json!([])).then_some(queues)
    })
    .await;
    let stuck = json!([{ "submission": id, "rejudge": null, "needs": ["judge:cpp"] }]);
    assert_eq!(queues[0]["stuck"], stuck);
    let letters: Vec<_> = queues.iter().map(|queue| queue["deadLetters"].clone()).collect();
    assert_eq!(letters, [0, 0, 0]);
    let seen = ada.data(QUEUES, json!({})).await["system"]["queues"][0].take();
    assert_eq!(seen, json!({ "name": "submit", "deadLetters": null, "stuck": [] }));
}
