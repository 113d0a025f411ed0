//! A checker was wrong: submissions are rejudged in the background, compared, applied and reverted,
//! on both stacks, while evaluators are killed. Before it is applied, only judges see the rejudge.

use std::process::Output;

use futures::StreamExt;
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{ALL, Deployment, EVALUATOR, Stack};
use tests::package::Package;
use tests::waiting::until_true;
use tests::wrong_checker::{self, EXACT, SLOPPY};
use tokio::task::JoinHandle;

/// A program with the same verdict before and after the problem is mended.
const CRASHING: &str = "raise SystemExit(1)";

/// The users, and how many exact, sloppy and crashing programs each submits.
const PEOPLE: [(&str, usize, usize, usize); 3] =
    [("ada", 3, 3, 3), ("bob", 0, 8, 0), ("cleo", 7, 0, 0)];
const EXACT_ONES: usize = 10;
const SLOPPY_ONES: usize = 11;
const CRASHING_ONES: usize = 3;
const ALL_OF_THEM: usize = EXACT_ONES + SLOPPY_ONES + CRASHING_ONES;

/// Work of a killed evaluator is taken over after this time, in seconds.
const SHORT_LEASE: (&str, &str) = ("evaluator.lease_s", "2");

const UPDATES: &str = "subscription($id: ID!, $after: String) {
  rejudge(id: $id, after: $after) { cursor gap rejudge { state progress { done } } }
}";

#[tokio::test(flavor = "multi_thread")]
async fn a_rejudge_on_embedded_stores() {
    journey(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejudge_on_redis_and_mongodb() {
    journey(Stack::Cluster).await;
}

struct World {
    stack: Stack,
    deployment: Deployment,
    /// In the same order as [`PEOPLE`].
    people: Vec<Api>,
}

async fn journey(stack: Stack) {
    let mut world = World::start(stack).await;
    let ids = world.hand_in().await;
    world.import(true).await;
    let token = world.preview().await;
    // Submissions after the preview are not selected.
    let late = world.people[0].submitted("sum", "python3", EXACT).await;
    assert_eq!(world.people[0].verdict(&late).await, "ACCEPTED");
    let before = world.public().await;

    let rejudge = world.create(&token);
    world.kill_an_evaluator().await;
    until_true("some trials have ended", async || world.ended(&rejudge).await >= 3).await;
    assert!(world.ended(&rejudge).await < ALL_OF_THEM, "it was too fast to be interrupted");
    world.kill_an_evaluator().await;
    let watched = world.watched(&rejudge).await;
    world.live_ones_do_not_wait(&rejudge).await;
    world.ready(&rejudge).await;
    assert_eq!(world.public().await, before);
    world.is_nobody_elses(&rejudge, &token).await;
    world.compared(&rejudge).await;

    let (exact, sloppy) = (&ids[0], &ids[3]);
    assert_eq!(world.people[0].verdict(exact).await, "WRONG_ANSWER");
    world.applied(&rejudge).await;
    progress_is_reported_step_by_step(watched.await.unwrap());
    let after = world.public().await;
    world.everything_changed_at_once(&after, &late).await;
    assert_eq!(world.people[0].verdict(exact).await, "ACCEPTED");
    assert_eq!(world.people[0].verdict(sloppy).await, "WRONG_ANSWER");
    world.judgements_show_it(exact, &rejudge).await;
    world.replay_agrees();

    assert_eq!(world.done(&["rejudge", "revert", &rejudge, "--reason", "again"]), "REVERTED\n");
    assert_eq!(world.public().await, before);
    assert_eq!(world.people[0].verdict(exact).await, "WRONG_ANSWER");
    world.replay_agrees();

    world.cancelled(&token).await;
    assert_eq!(world.public().await, before);
    world.replay_agrees();
}

/// Each update has more progress than the one before, up to the last.
fn progress_is_reported_step_by_step(updates: Vec<Value>) {
    let done: Vec<_> =
        updates.iter().map(|it| it["rejudge"]["progress"]["done"].as_u64().unwrap()).collect();
    assert!(done.is_sorted() && done.len() > 3, "{done:?}");
    let states: Vec<_> = updates.iter().map(|it| &it["rejudge"]["state"]).collect();
    assert_eq!(states[states.len() - 2..], ["READY", "APPLIED"], "{states:?}");
}

impl World {
    async fn start(stack: Stack) -> Self {
        let deployment = Deployment::start_with(stack, &[SHORT_LEASE]).await;
        let mut people = Vec::new();
        for (login, ..) in PEOPLE {
            people.push(deployment.register(login).await);
        }
        let world = Self { stack, deployment, people };
        world.import(false).await;
        world.deployment.import(&Package::sum("other", 1)).await;
        world
    }

    async fn import(&self, mended: bool) {
        let payload = self.deployment.import(&wrong_checker::package(mended)).await;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["problem"]["version"], if mended { 2 } else { 1 });
    }

    /// Makes all submissions and waits for their verdicts; ada's come first, exact ones before
    /// sloppy ones.
    async fn hand_in(&self) -> Vec<String> {
        let mut submitted = Vec::new();
        for (api, (_, exact, sloppy, crashing)) in self.people.iter().zip(PEOPLE) {
            let kinds = [
                (EXACT, exact, "WRONG_ANSWER"),
                (SLOPPY, sloppy, "ACCEPTED"),
                (CRASHING, crashing, "RUNTIME_ERROR"),
            ];
            for (program, count, verdict) in kinds {
                for number in 0..count {
                    let program = format!("{program}\n# {number}");
                    let id = api.submitted("sum", "python3", &program).await;
                    submitted.push((api, id, verdict));
                }
            }
        }
        for (api, id, verdict) in &submitted {
            assert_eq!(api.verdict(id).await, *verdict);
        }
        submitted.into_iter().map(|(_, id, _)| id).collect()
    }

    /// What each user sees of their own submissions, when the views are up to date.
    async fn public(&self) -> Vec<Value> {
        const OWN: &str = "{
          viewer {
            solved { difficulty solved total }
            submissions(first: 100) { nodes {
              id number state verdict judgedAt problemVersion
              judgement { id verdict timeMs memoryKb tests { number verdict } }
              judgements { id attempt verdict judge appliedAt }
            } }
          }
          problem(slug: \"sum\") {
            viewerStatus stats { submissions accepted solvers acceptance }
          }
        }";
        self.deployment.projected().await;
        let mut seen = Vec::new();
        for api in &self.people {
            seen.push(api.data(OWN, json!({})).await);
        }
        seen
    }

    async fn preview(&self) -> String {
        self.deployment.projected().await;
        let preview = self.json(&["rejudge", "preview", "--problem", "sum", "--json"]);
        assert_eq!(preview["matched"], ALL_OF_THEM, "{preview}");
        let counts = json!([
            { "verdict": "ACCEPTED", "count": SLOPPY_ONES },
            { "verdict": "WRONG_ANSWER", "count": EXACT_ONES },
            { "verdict": "RUNTIME_ERROR", "count": CRASHING_ONES },
        ]);
        assert_eq!(preview["byVerdict"], counts);
        assert_eq!(preview["sample"].as_array().unwrap().len(), 10);
        let narrow = ["rejudge", "preview", "--author", "ada", "--verdict", "RUNTIME_ERROR"];
        let narrow = self.json(&[&narrow[..], &["--language", "python3", "--json"]].concat());
        assert_eq!(narrow["matched"], CRASHING_ONES);
        assert_ne!(narrow["selectionToken"], preview["selectionToken"]);
        let everything = self.deployment.cli(&["rejudge", "preview"]);
        assert_eq!(everything.status.code(), Some(2), "{everything:?}");
        preview["selectionToken"].as_str().unwrap().to_owned()
    }

    /// The same key and input give the same rejudge.
    fn create(&self, token: &str) -> String {
        let create = ["rejudge", "create", token, "--reason", "the checker was lenient"];
        let create = [&create[..], &["--idempotency-key", "k"]].concat();
        let id = self.done(&create);
        assert_eq!(self.done(&create), id);
        let other = ["rejudge", "create", token, "--reason", "another", "--idempotency-key", "k"];
        let other = self.deployment.cli(&other);
        assert_eq!(other.status.code(), Some(2), "{other:?}");
        id.trim().to_owned()
    }

    async fn kill_an_evaluator(&mut self) {
        let (name, role) = match self.stack {
            Stack::Embedded => (ALL, None),
            Stack::Cluster => (EVALUATOR, Some(EVALUATOR)),
        };
        self.deployment.kill_hard(name).await;
        self.deployment.start_process(name, role, &[]).await;
    }

    async fn rejudge(&self, id: &str) -> Value {
        const REJUDGE: &str = "query($id: ID!) { rejudge(id: $id) {
          state version changed failed progress { done total } matrix { from to count }
        } }";
        self.deployment.admin().data(REJUDGE, json!({ "id": id })).await["rejudge"].take()
    }

    async fn ended(&self, id: &str) -> usize {
        // Its view may not exist yet.
        self.rejudge(id).await["progress"]["done"].as_u64().unwrap_or(0) as usize
    }

    /// Subscribes to a rejudge now. Returns its updates until it is applied.
    async fn watched(&self, id: &str) -> JoinHandle<Vec<Value>> {
        let mut updates = self.deployment.admin().subscribe(UPDATES, json!({ "id": id })).await;
        let first = updates.next().await.expect("a snapshot").expect("an update");
        tokio::spawn(async move {
            let rest = updates.map(|update| update.expect("an update")).collect::<Vec<_>>().await;
            std::iter::once(first).chain(rest).map(|mut it| it["rejudge"].take()).collect()
        })
    }

    /// A live submission is judged before the rejudge has ended.
    async fn live_ones_do_not_wait(&self, id: &str) {
        let admin = self.deployment.admin();
        let live = admin.submitted("other", "python3", EXACT).await;
        assert_eq!(admin.verdict(&live).await, "ACCEPTED");
        let ended = self.ended(id).await;
        assert!(ended < ALL_OF_THEM, "it waited for {ended} trials");
    }

    async fn ready(&self, id: &str) {
        until_true("half of the trials have ended", async || {
            self.ended(id).await >= ALL_OF_THEM / 2
        })
        .await;
        until_true("all of them have", async || self.rejudge(id).await["state"] == "READY").await;
    }

    /// Users who are not judges cannot see the rejudge, and cannot create or apply one.
    async fn is_nobody_elses(&self, rejudge: &str, token: &str) {
        let ada = &self.people[0];
        let seen = "query($id: ID!) {
          node(id: $id) { id } rejudge(id: $id) { id } rejudges { totalCount nodes { id } }
        }";
        let seen = ada.data(seen, json!({ "id": rejudge })).await;
        let rejudges = json!({ "totalCount": 0, "nodes": [] });
        assert_eq!(seen, json!({ "node": null, "rejudge": null, "rejudges": rejudges }));
        let unseen = ada.subscribe(UPDATES, json!({ "id": rejudge })).await.next().await;
        assert!(unseen.unwrap().unwrap_err().message.contains("no such rejudge"));
        let preview = "{ rejudgePreview(selection: { author: \"ada\" }) { matched } }";
        assert_eq!(ada.ask(preview, json!({})).await.code(), "FORBIDDEN");
        let refused = "mutation($id: ID!, $token: String!) {
          createRejudge(input: { selectionToken: $token, reason: \"x\" }) { userErrors { code } }
          applyRejudge(id: $id, expectedVersion: 2) { userErrors { code } }
          cancelRejudge(id: $id) { userErrors { code } }
          revertRejudge(id: $id) { userErrors { code } }
        }";
        let refused = ada.data(refused, json!({ "id": rejudge, "token": token })).await;
        for payload in refused.as_object().unwrap().values() {
            assert_eq!(payload["userErrors"][0]["code"], "FORBIDDEN", "{refused}");
        }
    }

    async fn compared(&self, id: &str) {
        let rejudge = self.rejudge(id).await;
        let matrix = json!([
            { "from": "ACCEPTED", "to": "WRONG_ANSWER", "count": SLOPPY_ONES },
            { "from": "WRONG_ANSWER", "to": "ACCEPTED", "count": EXACT_ONES },
            { "from": "RUNTIME_ERROR", "to": "RUNTIME_ERROR", "count": CRASHING_ONES },
        ]);
        assert_eq!(rejudge["matrix"], matrix);
        assert_eq!(rejudge["changed"], SLOPPY_ONES + EXACT_ONES);
        assert_eq!((&rejudge["failed"], &rejudge["version"]), (&json!(0), &json!(2)));
        let status = self.json(&["rejudge", "status", id, "--json"]);
        assert_eq!(status["changes"].as_array().unwrap().len(), SLOPPY_ONES + EXACT_ONES);
        let all = "query($id: ID!) { rejudge(id: $id) { changes(first: 100, changedOnly: false) {
          totalCount nodes { outcome from to after { verdict problemVersion appliedAt } }
        } } }";
        let all = self.deployment.admin().data(all, json!({ "id": id })).await;
        let changes = &all["rejudge"]["changes"];
        assert_eq!(changes["totalCount"], ALL_OF_THEM);
        let first = &changes["nodes"][0];
        let after = json!({ "verdict": "ACCEPTED", "problemVersion": 2, "appliedAt": null });
        assert_eq!((&first["outcome"], &first["after"]), (&json!("CHANGED"), &after));
        let text = self.done(&["rejudge", "status", id]);
        let all = format!("READY, version 2: {ALL_OF_THEM} of {ALL_OF_THEM} trials have ended\n");
        assert!(text.starts_with(&all), "{text}");
        assert!(self.done(&["rejudge", "status"]).contains(id));
    }

    async fn applied(&self, id: &str) {
        let stale = self.deployment.cli(&["rejudge", "apply", id, "--expected-version", "1"]);
        assert_eq!(stale.status.code(), Some(2), "{stale:?}");
        assert!(String::from_utf8_lossy(&stale.stderr).contains("VERSION_MISMATCH"), "{stale:?}");
        assert_eq!(self.done(&["rejudge", "apply", id]), "APPLIED\n");
        // Applying it again changes nothing.
        assert_eq!(self.done(&["rejudge", "apply", id]), "APPLIED\n");
        let cancel = self.deployment.cli(&["rejudge", "cancel", id]);
        assert_eq!(cancel.status.code(), Some(2), "{cancel:?}");
        assert!(String::from_utf8_lossy(&cancel.stderr).contains("ALREADY_FINAL"), "{cancel:?}");
    }

    async fn everything_changed_at_once(&self, after: &[Value], late: &str) {
        let statuses: Vec<_> = after.iter().map(|it| &it["problem"]["viewerStatus"]).collect();
        assert_eq!(statuses, ["SOLVED", "ATTEMPTED", "SOLVED"]);
        let stats = &after[0]["problem"]["stats"];
        assert_eq!(
            (&stats["submissions"], &stats["accepted"], &stats["solvers"]),
            (&json!(ALL_OF_THEM + 1), &json!(EXACT_ONES + 1), &json!(2))
        );
        let solved = after.iter().map(|it| {
            let counts = it["viewer"]["solved"].as_array().unwrap().iter();
            counts.map(|count| count["solved"].as_i64().unwrap()).sum::<i64>()
        });
        assert_eq!(solved.collect::<Vec<_>>(), [1, 0, 1]);
        let all = "{ submissions(first: 100, filter: { problem: \"prb_sum\" }) {
          nodes { id cursor }
        } }";
        let all = self.deployment.admin().data(all, json!({})).await;
        let nodes = all["submissions"]["nodes"].as_array().unwrap();
        let mut cursors: Vec<_> =
            nodes.iter().filter(|it| it["id"] != late).map(|it| it["cursor"].to_string()).collect();
        assert_eq!(cursors.len(), ALL_OF_THEM);
        cursors.dedup();
        assert_eq!(cursors.len(), 1, "one position: {cursors:?}");
    }

    /// The author sees that it was rejudged, and judges see by which rejudge.
    async fn judgements_show_it(&self, id: &str, rejudge: &str) {
        let judgements = "query($id: ID!) { submission(id: $id) {
          verdict judgement { verdict }
          judgements { verdict judge appliedAt problemVersion rejudge { id reason } }
        } }";
        let as_seen_by = async |api: &Api| {
            let mut data = api.data(judgements, json!({ "id": id })).await;
            data["submission"].take()
        };
        let own = as_seen_by(&self.people[0]).await;
        assert_eq!(
            (&own["verdict"], &own["judgement"]["verdict"]),
            (&json!("ACCEPTED"), &json!("ACCEPTED"))
        );
        let [first, last] = own["judgements"].as_array().unwrap().as_slice() else {
            panic!("{own}")
        };
        assert_eq!(
            (&first["verdict"], &first["appliedAt"]),
            (&json!("WRONG_ANSWER"), &Value::Null)
        );
        assert_eq!((&last["verdict"], &last["problemVersion"]), (&json!("ACCEPTED"), &json!(2)));
        assert!(last["appliedAt"].is_string() && last["judge"].is_string(), "{last}");
        assert_eq!(last["rejudge"], Value::Null);
        let judges = as_seen_by(&self.deployment.admin()).await;
        let shown = json!({ "id": rejudge, "reason": "the checker was lenient" });
        assert_eq!(judges["judgements"][1]["rejudge"], shown);
    }

    /// A cancelled rejudge is not judged further, and cannot be applied.
    async fn cancelled(&self, token: &str) {
        let create = ["rejudge", "create", token, "--reason", "once more"];
        let id = self.done(&create).trim().to_owned();
        assert_eq!(self.done(&["rejudge", "cancel", &id, "--reason", "not now"]), "CANCELLED\n");
        let apply = self.deployment.cli(&["rejudge", "apply", &id]);
        assert_eq!(apply.status.code(), Some(2), "{apply:?}");
        let queues = "{ system { queues { name waiting inFlight } } }";
        until_true("what was queued of it is gone", async || {
            let data = self.deployment.admin().data(queues, json!({})).await;
            let queues = data["system"]["queues"].as_array().unwrap();
            queues.iter().all(|it| it["waiting"] == 0 && it["inFlight"] == 0)
        })
        .await;
        let rejudge = self.rejudge(&id).await;
        assert_eq!(rejudge["state"], "CANCELLED");
        assert!(rejudge["progress"]["done"].as_u64().unwrap() < ALL_OF_THEM as u64, "{rejudge}");
    }

    fn replay_agrees(&self) {
        let report = self.json(&["replay", "--json"]);
        assert_eq!(report["differences"], json!([]), "{report}");
    }

    fn done(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.run(arguments).stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.run(arguments).stdout).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.deployment.cli(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        output
    }
}
