//! Views are rebuilt while they are served, on both stacks, and clients notice nothing. A projector
//! that is killed in between resumes; events that cannot be applied are parked until they can.

mod parking;

use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use domain::account::{Account, AccountCommand};
use domain::submission::{Submission, SubmissionCommand};
use domain::{Actor, Checkpoint, Position, Role, StreamId};
use event_store::{Context, EventLog, Stream};
use futures::{StreamExt, stream};
use read_model::views::{AccountView, SubmissionView};
use read_model::{Change, Collection, Document, Generation, Generations, PageRequest, View, Views};
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{API, Deployment, PROJECTOR, Stack};
use tests::package::Package;
use tests::waiting::{until, until_true};
use uuid::Uuid;

use crate::replay::{write_history, write_setting};

/// The number of submissions in the log at the start, so that building takes time.
const HISTORIES: usize = 1_200;
/// The number of submissions written concurrently.
const AT_ONCE: usize = 64;
/// The number of concurrent clients.
const CLIENTS: usize = 4;
/// The number of a client's queries between two submissions.
const QUERIES: usize = 12;
/// The projection whose views are rebuilt.
const SUBMISSIONS: &str = "submissions_v5";
const PROGRAM: &str = "print(sum(map(int, input().split())))";

const ONE: &str = "query($id: ID!) { node(id: $id) { ... on Submission { id state } } }";
const LIST: &str = "query($after: String) {
  submissions(first: 3, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } }
}";

#[tokio::test(flavor = "multi_thread")]
async fn rebuilding_under_load_on_embedded_stores() {
    rebuilding_under_load(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilding_under_load_on_redis_and_mongodb() {
    rebuilding_under_load(Stack::Cluster).await;
}

async fn rebuilding_under_load(stack: Stack) {
    let deployment = Deployment::start(stack).await;
    write_log(&deployment.stores().await.log).await;
    let imported = deployment.import(&Package::sum("sum", 1)).await;
    assert_eq!(imported["userErrors"], json!([]));
    deployment.projected().await;
    let load = Load::begin(&deployment).await;

    let before = load.queries.load(Ordering::Relaxed);
    rebuild(&deployment, &[]).await;
    let meanwhile = load.queries.load(Ordering::Relaxed) - before;
    rebuild(&deployment, &["--wait"]).await;
    let (submitted, queries) = load.end().await;
    println!("{stack:?}: {submitted} submissions, {queries} queries, {meanwhile} in the first");
    assert!(meanwhile > 0, "nobody asked while the views were built");

    let views = deployment.views().await;
    let generations = known(&views).await;
    assert_eq!(generations.live, Some(Generation(2)), "{generations:?}");
    assert_eq!((generations.building, generations.retired.len()), (None, 0), "{generations:?}");
    for gone in [Generation(0), Generation(1)] {
        let gone = views.at(gone).reader;
        assert_eq!(gone.count(&SubmissionView::COLLECTION, &[]).await.unwrap(), 0);
        assert!(!gone.checkpoints().await.unwrap().contains_key(SUBMISSIONS));
    }
    let received = views.reader.count(&SubmissionView::COLLECTION, &[]).await.unwrap();
    assert_eq!(received, (HISTORIES + submitted) as u64);
    deployment.projected().await;
    replay_agrees(&deployment);
}

/// Clients that submit, and immediately query their submissions, until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    queries: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<Vec<String>>>,
    people: Vec<Api>,
}

impl Load {
    async fn begin(deployment: &Deployment) -> Self {
        let (stop, queries) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (mut clients, mut people) = (Vec::new(), Vec::new());
        for number in 0..CLIENTS {
            let api = deployment.register(&format!("client-{number}")).await;
            let (stop, queries) = (Arc::clone(&stop), Arc::clone(&queries));
            people.push(api.clone());
            clients.push(tokio::spawn(async move {
                let mut ids = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    ids.push(submit_and_look(&api, &queries).await);
                }
                ids
            }));
        }
        let load = Self { stop, queries, clients, people };
        until_true("everybody asks", async || load.queries.load(Ordering::Relaxed) > CLIENTS).await;
        load
    }

    /// The numbers of submissions and queries. Waits until every submission is judged.
    async fn end(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let mut submitted = 0;
        for (client, api) in self.clients.into_iter().zip(self.people) {
            for id in client.await.expect("no query failed, and none was behind") {
                assert_eq!(api.verdict(&id).await, "ACCEPTED");
                submitted += 1;
            }
        }
        (submitted, self.queries.load(Ordering::Relaxed))
    }
}

/// Queries with a submission's token must include the submission; pages must follow each other.
async fn submit_and_look(api: &Api, queries: &AtomicUsize) -> String {
    let payload = api.submit("sum", "python3", PROGRAM).await;
    let (id, token) = (&payload["submission"]["id"], &payload["token"]);
    assert!(id.is_string() && token.is_string(), "{payload}");
    let mut after = Value::Null;
    let mut met: Vec<String> = Vec::new();
    for _ in 0..QUERIES {
        queries.fetch_add(2, Ordering::Relaxed);
        let one = api.data_after(token, ONE, json!({ "id": id })).await;
        assert_eq!(one["node"]["id"], *id, "it is not there, with its token");
        let list = api.data_after(token, LIST, json!({ "after": after })).await;
        let page = &list["submissions"];
        let ids = page["nodes"].as_array().unwrap().iter();
        met.extend(ids.map(|node| node["id"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(met.first().map(String::as_str), id.as_str(), "the newest come first");
    let whole = met.len();
    met.sort();
    met.dedup();
    assert_eq!(met.len(), whole, "a submission stands on two pages");
    id.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_projector_goes_on_building_on_embedded_stores() {
    a_killed_projector_goes_on_building(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_projector_goes_on_building_on_redis_and_mongodb() {
    a_killed_projector_goes_on_building(Stack::Cluster).await;
}

async fn a_killed_projector_goes_on_building(stack: Stack) {
    let mut deployment = Deployment::stores_only(stack, &[]).await;
    write_log(&deployment.stores().await.log).await;
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    deployment.projected().await;
    let head = deployment.stores().await.log.info().await.unwrap().head;
    let views = deployment.views().await;
    let mut command = deployment.command(&["views", "rebuild", "submissions"]);
    let asking = tokio::task::spawn_blocking(move || command.output().expect("assay can be run"));
    let half_way = until("the views are partly built", async || {
        let built = built(&views).await?;
        (built > Position::START).then_some(built)
    });
    let half_way = half_way.await;
    deployment.kill_hard(PROJECTOR).await;
    let killed_at = built(&views).await.expect("it is not live yet");
    assert!(half_way <= killed_at && killed_at < head, "{half_way} {killed_at} {head}");
    let generations = known(&views).await;
    assert_eq!(
        (generations.live, generations.building),
        (Some(Generation(0)), Some(Generation(1)))
    );
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    succeeded(&asking.await.unwrap());
    let generations = known(&views).await;
    assert_eq!((generations.live, generations.building), (Some(Generation(1)), None));
    println!("{stack:?}: killed at {killed_at} of {head}, and built");
    deployment.projected().await;
    replay_agrees(&deployment);
}

/// Until views are built, requests get the reason, and health checks fail.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_whose_views_are_not_built_answers_why() {
    let mut deployment = Deployment::stores_only(Stack::Embedded, &[]).await;
    write_log(&deployment.stores().await.log).await;
    let answers = async |deployment: &Deployment| {
        let answer = reqwest::get(deployment.address().join("/healthz").unwrap()).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    deployment.start_api_unready(API, "query").await;
    until_true("it says what it waits for", async || {
        let (status, text) = answers(&deployment).await;
        assert_eq!(status, 503, "{text}");
        text.contains("Building views first") && text.contains("submissions_v5 is at 0")
    })
    .await;
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    until_true("it serves", async || answers(&deployment).await.0 == 200).await;
    deployment.terminate(PROJECTOR).await;

    // The views are live, but lack events written since.
    write_history(&deployment.stores().await.log, HISTORIES).await;
    deployment.terminate(API).await;
    deployment.start_api_unready(API, "query").await;
    until_true("it says what it waits for", async || {
        let (status, text) = answers(&deployment).await;
        assert_eq!(status, 503, "{text}");
        text.contains("views that are behind")
    })
    .await;
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    until_true("it serves", async || answers(&deployment).await.0 == 200).await;
    deployment.projected().await;
}

/// The position of the generation that is being built; `None` if there is none.
async fn built(views: &Views) -> Option<Position> {
    let building = views.at(known(views).await.building?).reader;
    let checkpoints = building.checkpoints().await.unwrap();
    Some(checkpoints.get(SUBMISSIONS).map_or(Position::START, |it| it.position))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_applied_is_parked_and_retried_on_embedded_stores() {
    parked_and_retried(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_applied_is_parked_and_retried_on_redis_and_mongodb() {
    parked_and_retried(Stack::Cluster).await;
}

async fn parked_and_retried(stack: Stack) {
    let mut deployment = Deployment::stores_only(stack, &[]).await;
    let log = deployment.stores().await.log;
    write_setting(&log).await;
    write_history(&log, 50).await;
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    deployment.projected().await;
    deployment.terminate(PROJECTOR).await;

    let views = deployment.views().await;
    let account = damage(&views, AccountView::COLLECTION, "user-3", "damage 1").await;
    let page = views.reader.page(&SubmissionView::COLLECTION, &PageRequest::all(1)).await.unwrap();
    let submission = page.items[0].0.key.clone();
    damage(&views, SubmissionView::COLLECTION, &submission, "damage 2").await;
    for (login, role) in
        [("user-3", Role::Judge), ("user-4", Role::Judge), ("user-3", Role::Setter)]
    {
        grant(&log, login, role).await;
    }
    judge_again(&log, &submission).await;
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    deployment.projected().await;

    let parked = parked(&deployment);
    let streams: Vec<_> = parked.iter().map(|it| it["stream"].clone()).collect();
    assert_eq!(streams, [json!("account:user-3"), json!(format!("submission:{submission}"))]);
    assert_eq!(parked[0]["events"], 2);
    assert!(parked[0]["error"].as_str().unwrap().contains("damaged"), "{parked:?}");
    let roles = async |login: &str| {
        let found = views.reader.get(&AccountView::COLLECTION, &[login.to_owned()]).await.unwrap();
        found[0].as_ref().unwrap()["roles"].clone()
    };
    assert_eq!(roles("user-4").await, json!(["USER", "JUDGE"]));

    put(&views, AccountView::COLLECTION, "user-3", account, "repair").await;
    let output = deployment.cli(&["views", "retry"]);
    succeeded(&output);
    until_true("nothing is parked", async || self::parked(&deployment).is_empty()).await;
    assert_eq!(roles("user-3").await, json!(["USER", "SETTER", "JUDGE"]));
    assert_eq!(known(&views).await.live, Some(Generation(1)), "others may depend on a submission");
    deployment.projected().await;
    replay_agrees(&deployment);
}

/// The parked streams listed by `assay views status`.
fn parked(deployment: &Deployment) -> Vec<Value> {
    let output = deployment.cli(&["views", "status", "--json"]);
    succeeded(&output);
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let live = status["generations"].as_array().unwrap().iter().filter(|it| it["state"] == "live");
    live.flat_map(|it| it["parked"].as_array().unwrap().clone()).collect()
}

/// Makes a document unreadable as a view. Returns the original.
async fn damage(views: &Views, collection: Collection, key: &str, token: &str) -> Value {
    let found = views.reader.get(&collection, &[key.to_owned()]).await.unwrap();
    put(views, collection, key, json!({ "damaged": true }), token).await;
    found[0].clone().expect("the document is there")
}

async fn put(views: &Views, collection: Collection, key: &str, document: Value, token: &str) {
    let change = Change::Put { collection, key: key.to_owned(), document: Document::of(&document) };
    let to = Checkpoint::start(Uuid::nil());
    views.writer.commit(token, None, &to, vec![change]).await.unwrap();
}

async fn grant(log: &Arc<dyn EventLog>, login: &str, role: Role) {
    let stream = StreamId::Account(login.parse().unwrap());
    let mut account = Stream::<Account>::load(log.as_ref(), stream).await.unwrap();
    let context = Context::new(Actor::system());
    let grant = vec![AccountCommand::Grant(role)];
    account.execute(log.as_ref(), grant, &context, None, None).await.unwrap();
}

/// Another evaluator takes a submission that is not judged yet.
async fn judge_again(log: &Arc<dyn EventLog>, submission: &str) {
    let stream: StreamId = format!("submission:{submission}").parse().unwrap();
    let mut submission = Stream::<Submission>::load(log.as_ref(), stream).await.unwrap();
    let context = Context::new(Actor::system());
    let start = SubmissionCommand::StartJudging { evaluator: "another".to_owned(), tests: 4 };
    submission.execute(log.as_ref(), vec![start], &context, None, None).await.unwrap();
}

async fn write_log(log: &Arc<dyn EventLog>) {
    write_setting(log).await;
    stream::iter(0..HISTORIES)
        .for_each_concurrent(AT_ONCE, |number| write_history(log, number))
        .await;
}

async fn known(views: &Views) -> Generations {
    views.generations.all().await.unwrap()[SUBMISSIONS].clone()
}

async fn rebuild(deployment: &Deployment, arguments: &[&str]) {
    let mut command = deployment.command(&["views", "rebuild", "submissions"]);
    command.args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output().expect("assay can be run"));
    succeeded(&run.await.unwrap());
}

fn succeeded(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

fn replay_agrees(deployment: &Deployment) {
    let output = deployment.cli(&["replay", "--json"]);
    succeeded(&output);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["differences"], json!([]));
}
