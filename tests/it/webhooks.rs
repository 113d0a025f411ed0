//! Other servers receive events: signed, in order, at least once, again after failures, kills and
//! replays; and on private networks only if that is allowed.

mod receiver;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use domain::account::{Account, AccountCommand};
use domain::webhook::{Webhook, WebhookCommand, WebhookCreated};
use domain::{Actor, Event, Login, Position, Recorded, StreamId, WebhookId};
use event_store::{Context, Stores, Stream};
use serde_json::{Value, json};
use tests::deployment::{ALL, Deployment, PROJECTOR, Stack};
use tests::log::whole_log;
use tests::package::Package;
use tests::waiting::{until, until_true};
use uuid::Uuid;

use self::receiver::{Received, Receiver};

/// Five attempts, which take some seconds.
const ATTEMPTS: &str = "5";
const SETTINGS: [(&str, &str); 3] = [
    ("webhooks.allow_private", "true"),
    ("webhooks.attempts_max", ATTEMPTS),
    ("webhooks.retry_ms", "50"),
];
/// The number of accounts registered while the projector is killed, and the time of each delivery.
const MANY: usize = 300;
const SLOW: Duration = Duration::from_millis(20);
const RIGHT: &str = "print(sum(map(int, input().split())))";

const CREATE: &str = "mutation($input: CreateWebhookInput!) {
  createWebhook(input: $input) {
    id secret userErrors { code message field }
  }
}";

#[tokio::test(flavor = "multi_thread")]
async fn events_are_delivered_on_embedded_stores() {
    journey(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_delivered_on_redis_and_mongodb() {
    journey(Stack::Cluster).await;
}

async fn journey(stack: Stack) {
    let mut world = World::start(stack).await;
    world.judging_is_delivered_in_order().await;
    world.a_server_that_was_away_gets_its_events_later().await;
    world.what_is_refused_for_good_is_a_dead_letter_and_can_be_tried_again().await;
    world.a_killed_projector_loses_nothing().await;
    world.everything_can_be_delivered_again().await;
    world.a_server_that_is_gone_is_left_alone().await;
    world.all_signatures_are_right();
    world.replay_agrees().await;
    world.backups_hold_the_secret().await;
    world.what_is_removed_receives_nothing().await;
}

struct World {
    deployment: Deployment,
    /// The name of the process that delivers.
    deliverer: &'static str,
    stores: Stores,
    receiver: Receiver,
    webhook: String,
    secret: String,
}

impl World {
    async fn start(stack: Stack) -> Self {
        let deployment = Deployment::start_with(stack, &SETTINGS).await;
        deployment.import(&Package::sum("sum", 1)).await;
        let receiver = Receiver::start().await;
        let types = ["AccountRegistered", "JudgingFinished", "SubmissionReceived"];
        let payload = create(&deployment, &receiver.url(), &types).await;
        assert_eq!(payload["userErrors"], json!([]));
        let text = |field: &str| payload[field].as_str().unwrap().to_owned();
        let world = Self {
            stores: deployment.stores().await,
            deliverer: if stack == Stack::Embedded { ALL } else { PROJECTOR },
            webhook: text("id"),
            secret: text("secret"),
            receiver,
            deployment,
        };
        world.deployment.projected().await;
        let shown = world.shown().await;
        assert_eq!((&shown["types"], &shown["state"]), (&json!(types), &json!("ACTIVE")));
        assert_eq!(shown["createdBy"]["login"], "admin");
        world
    }

    async fn judging_is_delivered_in_order(&self) {
        let ada = self.deployment.register("ada").await;
        for _ in 0..3 {
            let id = ada.submitted("sum", "python3", RIGHT).await;
            assert_eq!(ada.verdict(&id).await, "ACCEPTED");
        }
        let wanted = self.wanted().await;
        assert_eq!(wanted.len(), 7);
        self.all_delivered(&wanted).await;
        // There was no failure, so everything was delivered once.
        let delivered = self.receiver.accepted();
        assert_eq!(ids(&delivered), wanted.iter().map(|it| it.id.to_string()).collect::<Vec<_>>());
        for (received, recorded) in delivered.iter().zip(&wanted) {
            let stored: Value = serde_json::from_str(&recorded.body).unwrap();
            let expected = json!({
                "id": recorded.id,
                "type": recorded.event.kind(),
                "schema": stored["schema"],
                "position": recorded.position,
                "at": recorded.recorded_at,
                "stream": recorded.stream,
                "version": recorded.version,
                "actor": recorded.metadata.actor,
                "data": stored["data"],
            });
            assert_eq!(received.message(), expected);
        }
    }

    async fn a_server_that_was_away_gets_its_events_later(&mut self) {
        self.receiver.go_away().await;
        let before = self.failures();
        self.register("bob").await;
        until_true("a delivery fails", async || self.failures() > before).await;
        self.receiver.come_back().await;
        self.all_delivered(&self.wanted().await).await;
        assert_eq!(self.shown().await["deadLetters"], json!([]));
    }

    async fn what_is_refused_for_good_is_a_dead_letter_and_can_be_tried_again(&self) {
        self.receiver.refuse("account:unlucky", 500);
        let unlucky = self.register("unlucky").await;
        let lucky = self.register("lucky").await;
        self.all_delivered(&[lucky]).await;
        let letters = async || self.shown().await["deadLetters"].clone();
        let letter = until("it is shown", async || letters().await.get(0).cloned()).await;
        let position = unlucky.position.to_string();
        assert_eq!(letter["position"], position.as_str());
        assert_eq!(letter["event"], unlucky.id.to_string());
        assert_eq!(letter["attempts"].to_string(), ATTEMPTS);
        assert_eq!(letter["reason"], "it answered 500");
        let tries = self.receiver.all().into_iter().filter(|it| it.id == unlucky.id.to_string());
        let tries: Vec<_> = tries.collect();
        assert_eq!(tries.len().to_string(), ATTEMPTS);
        assert!(tries.iter().all(|it| it.body == tries[0].body));

        // It is still refused, so it is a dead letter again after one attempt.
        self.done(&["webhook", "retry", &self.webhook, &position]);
        until_true("it is dead again", async || letters().await[0]["attempts"] == 1).await;
        self.receiver.accept_all();
        self.done(&["webhook", "retry", &self.webhook, &position]);
        self.all_delivered(&[unlucky]).await;
        until_true("it is no dead letter", async || letters().await == json!([])).await;
        let again = self.deployment.cli(&["webhook", "retry", &self.webhook, &position]);
        assert_eq!(again.status.code(), Some(2), "{again:?}");
    }

    /// At least once: duplicates have the same id and body, and no event is missing.
    async fn a_killed_projector_loses_nothing(&mut self) {
        let before = self.receiver.accepted().len();
        self.receiver.take_long(SLOW);
        for number in 0..MANY {
            self.register(&format!("many{number}")).await;
        }
        for part in [MANY / 4, MANY / 2] {
            until_true("some were delivered", async || {
                self.receiver.accepted().len() >= before + part
            })
            .await;
            self.deployment.kill_hard(self.deliverer).await;
            let role = (self.deliverer == PROJECTOR).then_some(PROJECTOR);
            self.deployment.start_process(self.deliverer, role, &[]).await;
        }
        let wanted = self.wanted().await;
        self.all_delivered(&wanted).await;
        self.receiver.take_long(Duration::ZERO);
        let delivered = self.receiver.accepted();
        println!(
            "{} of {MANY} were delivered again after two kills",
            delivered.len() - before - MANY
        );
        for received in &delivered {
            let first = delivered.iter().find(|first| first.id == received.id).unwrap();
            assert_eq!(first.body, received.body);
        }
        // In order, except for repetitions after a kill and the dead letter that was retried later.
        let mut seen = BTreeSet::new();
        let messages = delivered.iter().map(Received::message);
        let in_turn = messages.filter(|it| it["stream"] != "account:unlucky");
        let positions = in_turn.map(|it| it["position"].as_u64().unwrap());
        let firsts: Vec<_> = positions.filter(|position| seen.insert(*position)).collect();
        assert!(firsts.is_sorted(), "{firsts:?}");
    }

    async fn everything_can_be_delivered_again(&self) {
        let wanted = self.wanted().await;
        let delivered = self.receiver.accepted().len();
        let from = wanted[wanted.len() - 40].position.to_string();
        // Progress is recorded only from time to time, and a replay begins after that.
        let last = wanted[wanted.len() - 1].position.0;
        until_true("it is recorded", async || {
            let shown = self.shown().await;
            shown["position"].as_str().unwrap().parse::<u64>().unwrap() >= last
        })
        .await;
        self.done(&["webhook", "replay", &self.webhook, "--from", &from]);
        let again = &wanted[wanted.len() - 40..];
        until_true("it was delivered again", async || {
            self.receiver.accepted().len() >= delivered + 40
        })
        .await;
        let expected: Vec<_> = again.iter().map(|it| it.id.to_string()).collect();
        assert_eq!(ids(&self.receiver.accepted()[delivered..]), expected);

        let head = self.stores.log.info().await.unwrap().head;
        let ahead = (head.0 + 100).to_string();
        let ahead = self.deployment.cli(&["webhook", "replay", &self.webhook, "--from", &ahead]);
        assert_eq!(ahead.status.code(), Some(2), "{ahead:?}");
    }

    async fn a_server_that_is_gone_is_left_alone(&self) {
        self.receiver.refuse("account:gone", 410);
        let gone = self.register("gone").await;
        let later = self.register("later").await;
        let state = async || self.shown().await["state"].clone();
        until_true("it is disabled", async || state().await == "DISABLED").await;
        self.receiver.accept_all();
        let tries = self.receiver.all().into_iter().filter(|it| it.id == gone.id.to_string());
        assert_eq!(tries.count(), 1);
        let retried = self.deployment.cli(&["webhook", "retry", &self.webhook, "1"]);
        assert_eq!(retried.status.code(), Some(2), "{retried:?}");

        let delivered = self.receiver.accepted().len();
        let position = gone.position.to_string();
        self.done(&["webhook", "replay", &self.webhook, "--from", &position]);
        self.all_delivered(&[gone.clone(), later.clone()]).await;
        assert_eq!(state().await, "ACTIVE");
        let expected = [gone.id.to_string(), later.id.to_string()];
        assert_eq!(ids(&self.receiver.accepted()[delivered..]), expected);
    }

    /// Verified by another program: the example in the documentation.
    fn all_signatures_are_right(&self) {
        let received = self.receiver.all();
        assert!(received.len() > MANY, "{}", received.len());
        assert_eq!(verified(&self.secret, &received), "all are right");
        let mut forged = received[0].clone();
        forged.body = forged.body.replace("AccountRegistered", "AccountErased");
        assert_eq!(verified(&self.secret, &[forged]), "0 is wrong");
        let stale = Received { timestamp: "1700000000".to_owned(), ..received[0].clone() };
        assert_eq!(verified(&self.secret, &[stale]), "0 is wrong");
    }

    async fn replay_agrees(&self) {
        self.deployment.projected().await;
        self.done(&["replay"]);
    }

    async fn backups_hold_the_secret(&self) {
        let folder = self.deployment.directory().join("backup");
        let folder = folder.to_str().unwrap();
        self.done(&["backup", "--out", folder]);
        let copy = Deployment::stores_only(Stack::Embedded, &[]).await;
        let restored = copy.cli(&["restore", folder]);
        assert_eq!(restored.status.code(), Some(0), "{restored:?}");
        let kept = copy.stores().await.credentials.secret(&self.secret_name()).await.unwrap();
        assert_eq!(kept.as_deref(), Some(self.secret.as_str()));
    }

    async fn what_is_removed_receives_nothing(&self) {
        for _ in 0..2 {
            self.done(&["webhook", "remove", &self.webhook]);
        }
        self.deployment.projected().await;
        let delivered = self.receiver.all().len();
        self.register("nobody").await;
        // Another webhook receives the event, so the removed one would have received it too.
        let types = ["--type", "AccountRegistered"];
        let url = self.receiver.url();
        let create = [&["webhook", "create", &url, "--json"][..], &types].concat();
        let other: Value = serde_json::from_str(&self.done(&create)).unwrap();
        self.register("somebody").await;
        until_true("the other receives it", async || self.receiver.all().len() > delivered).await;
        let list: Value = serde_json::from_str(&self.done(&["webhook", "list", "--json"])).unwrap();
        let listed: Vec<_> = list.as_array().unwrap().iter().map(|it| &it["id"]).collect();
        assert_eq!(listed, [&other["id"]]);
        let new = self.receiver.all().split_off(delivered);
        assert!(new.iter().all(|it| it.message()["stream"] == "account:somebody"), "{new:?}");
        assert_eq!(self.stores.credentials.secret(&self.secret_name()).await.unwrap(), None);
        let shown = self.deployment.cli(&["webhook", "show", &self.webhook]);
        assert_eq!(shown.status.code(), Some(2), "{shown:?}");
    }

    /// The events that the webhook must receive, as recorded in the log.
    async fn wanted(&self) -> Vec<Recorded> {
        let events = whole_log(&self.stores.log).await;
        let created = events.iter().position(|it| matches!(it.event, Event::WebhookCreated(_)));
        let kinds = ["AccountRegistered", "JudgingFinished", "SubmissionReceived"];
        let later = events.into_iter().skip(created.unwrap());
        later.filter(|it| kinds.contains(&it.event.kind())).collect()
    }

    /// Waits until the receiver has accepted all of these.
    async fn all_delivered(&self, wanted: &[Recorded]) {
        until_true("everything was delivered", async || {
            let delivered = ids(&self.receiver.accepted()).into_iter().collect::<BTreeSet<_>>();
            wanted.iter().all(|it| delivered.contains(&it.id.to_string()))
        })
        .await;
    }

    async fn register(&self, login: &str) -> Recorded {
        register(&self.stores, login).await
    }

    async fn shown(&self) -> Value {
        serde_json::from_str(&self.done(&["webhook", "show", &self.webhook, "--json"])).unwrap()
    }

    /// The number of failed deliveries that will be retried.
    fn failures(&self) -> usize {
        self.deployment.said(self.deliverer).matches("not delivered").count()
    }

    fn secret_name(&self) -> String {
        let uuid: Uuid = self.webhook.strip_prefix("whk_").unwrap().parse().unwrap();
        format!("webhook:{uuid}")
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.deployment.cli(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Registers an account only with an event, which is fast.
async fn register(stores: &Stores, login: &str) -> Recorded {
    let login: Login = login.parse().unwrap();
    let mut stream = Stream::<Account>::new(StreamId::Account(login.clone()));
    let register = AccountCommand::Register { login, subject: Uuid::new_v4() };
    let context = Context::new(Actor::system());
    let log = stores.log.as_ref();
    stream.execute(log, vec![register], &context, None, None).await.unwrap().remove(0)
}

fn ids(received: &[Received]) -> Vec<String> {
    received.iter().map(|it| it.id.clone()).collect()
}

/// The documented example's output for these messages.
fn verified(secret: &str, received: &[Received]) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/webhooks.md");
    let page = fs::read_to_string(page).unwrap();
    let example = page.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let driver = r#"
import json, sys
secret, messages = json.load(sys.stdin)
numbered = enumerate(messages)
wrong = [n for n, (headers, body) in numbered if not verify(secret, headers, body.encode(), 3600)]
print(f"{wrong[0]} is wrong" if wrong else "all are right", end="")
"#;
    let messages: Vec<_> = received
        .iter()
        .map(|it| {
            let headers = json!({
                "webhook-id": it.id,
                "webhook-timestamp": it.timestamp,
                "webhook-signature": it.signature,
            });
            json!([headers, it.body])
        })
        .collect();
    let mut python = Command::new("python3")
        .args(["-c", &format!("{example}{driver}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 can be run");
    let input = json!([secret, messages]).to_string();
    python.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap()
}

async fn create(deployment: &Deployment, url: &str, types: &[&str]) -> Value {
    let input = json!({ "url": url, "types": types });
    deployment.admin().data(CREATE, json!({ "input": input })).await["createWebhook"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_webhooks() {
    const WEBHOOKS_MAX: usize = 64;
    let deployment = Deployment::start_with(Stack::Embedded, &[]).await;
    let log = deployment.stores().await.log;
    for number in 1..WEBHOOKS_MAX {
        let id = WebhookId::from(Uuid::new_v4());
        let created = WebhookCreated {
            webhook: id,
            by: "admin".parse().unwrap(),
            url: format!("https://1.1.1.1/{number}"),
            kinds: ["RejudgeReverted".to_owned()].into(),
            after: Position::START,
        };
        let (create, context) = (WebhookCommand::Create(created), Context::new(Actor::system()));
        let mut stream = Stream::<Webhook>::new(StreamId::Webhook(id));
        stream.execute(log.as_ref(), vec![create], &context, None, None).await.unwrap();
    }
    deployment.projected().await;
    let types = ["RejudgeReverted"];
    let last = create(&deployment, "https://1.1.1.1/", &types).await;
    assert_eq!(last["userErrors"], json!([]));
    let refused = create(&deployment, "https://1.1.1.1/", &types).await;
    assert_eq!(refused["userErrors"][0]["code"], "TOO_MANY", "{refused}");
    assert_eq!(refused["secret"], Value::Null);
    let removed = deployment.cli(&["webhook", "remove", last["id"].as_str().unwrap()]);
    assert_eq!(removed.status.code(), Some(0), "{removed:?}");
    let next = create(&deployment, "https://1.1.1.1/", &types).await;
    assert_eq!(next["userErrors"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn private_networks_are_refused_at_creation_and_at_delivery() {
    let settings = [SETTINGS[1], SETTINGS[2]];
    let mut deployment = Deployment::stores_only(Stack::Embedded, &settings).await;
    deployment.start_process(ALL, None, &[SETTINGS[0]]).await;
    // Connection attempts would be pending here.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let addresses = [format!("https://127.0.0.1:{port}/"), format!("https://localhost:{port}/")];
    for url in &addresses {
        let payload = create(&deployment, url, &["AccountRegistered"]).await;
        assert_eq!(payload["userErrors"], json!([]));
    }
    deployment.terminate(ALL).await;
    deployment.start_process(ALL, None, &[]).await;

    let more =
        ["http://example.org/", "https://169.254.169.254/", "https://[::ffff:10.0.0.1]/", "x"];
    for url in addresses.iter().map(String::as_str).chain(more) {
        let payload = create(&deployment, url, &["AccountRegistered"]).await;
        let error = &payload["userErrors"][0];
        assert_eq!(error["field"], json!(["input", "url"]), "{url}: {payload}");
        assert_eq!((&error["code"], &payload["secret"]), (&json!("INVALID"), &Value::Null));
    }
    for types in [&[][..], &["Nothing"], &["AccountRegistered", "WebhookAdvanced"]] {
        let payload = create(&deployment, "https://1.1.1.1/", types).await;
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", "types"]), "{payload}");
    }
    let ada = deployment.register("ada").await;
    let input = json!({ "url": "https://1.1.1.1/", "types": ["AccountRegistered"] });
    let refused = ada.data(CREATE, json!({ "input": input })).await;
    assert_eq!(refused["createWebhook"]["userErrors"][0]["code"], "FORBIDDEN");
    assert_eq!(ada.data("{ webhooks { id } }", json!({})).await["webhooks"], json!([]));

    let query = "{ webhooks { url deadLetters { reason } } }";
    let webhooks = until("both are dead letters", async || {
        let webhooks = deployment.admin().data(query, json!({})).await["webhooks"].take();
        let all = webhooks.as_array().unwrap();
        all.iter().all(|it| it["deadLetters"][0].is_object()).then_some(webhooks)
    })
    .await;
    let reason = |place: usize| webhooks[place]["deadLetters"][0]["reason"].as_str().unwrap();
    assert!(reason(0).ends_with("127.0.0.1 is no address of the public network"), "{webhooks}");
    assert!(
        reason(1).contains("localhost leads to no address of the public network"),
        "{webhooks}"
    );
    let connected = listener.accept().map(|(_, peer)| peer);
    assert!(connected.is_err(), "somebody connected: {connected:?}");
}
