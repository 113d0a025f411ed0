//! Queries as of another time return what was returned then, regardless of later changes.

use domain::Position;
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, Stack};
use tests::waiting::until_true;
use tests::wrong_checker::{self, EXACT, SLOPPY};

/// Fields that exist both now and as of another time.
const SUBMISSION: &str = "id number problemVersion sourceSha256 state verdict createdAt judgedAt
  problem { slug version stats { submissions accepted solvers } } author { login roles }
  judgement { id verdict }
  judgements { id attempt verdict appliedAt problemVersion timeMs judge tests { number verdict } }";
const PROBLEM: &str = "id number slug version title difficulty updatedAt
  limits { timeMs } samples { input output } stats { submissions accepted solvers acceptance }";
const USER: &str = "id login roles createdAt solved { difficulty solved total }";

#[tokio::test(flavor = "multi_thread")]
async fn another_time_on_embedded_stores() {
    journey(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_time_on_redis_and_mongodb() {
    journey(Stack::Cluster).await;
}

struct World {
    deployment: Deployment,
    ada: Api,
    /// The submission of ada, then that of bob.
    submissions: Vec<String>,
    /// Results recorded earlier, with the log's position at that time.
    recorded: Vec<(Position, Value)>,
}

async fn journey(stack: Stack) {
    let deployment = Deployment::start(stack).await;
    let (ada, bob) = (deployment.register("ada").await, deployment.register("bob").await);
    let mut world = World { deployment, ada, submissions: vec![], recorded: vec![] };
    world.import(false).await;
    for (api, program, verdict) in [(&world.ada, EXACT, "WRONG_ANSWER"), (&bob, SLOPPY, "ACCEPTED")]
    {
        let id = api.submitted("sum", "python3", program).await;
        assert_eq!(api.verdict(&id).await, verdict);
        world.submissions.push(id);
    }
    world.record().await;
    world.import(true).await;
    let rejudge = world.rejudge().await;
    world.record().await;
    world.done(&["rejudge", "apply", &rejudge]);
    world.record().await;
    world.done(&["rejudge", "revert", &rejudge, "--reason", "again"]);
    world.record().await;

    let verdicts: Vec<_> = world.recorded.iter().map(|(_, it)| &it["ada"]["verdict"]).collect();
    assert_eq!(verdicts, ["WRONG_ANSWER", "WRONG_ANSWER", "ACCEPTED", "WRONG_ANSWER"]);
    let ranked = ["bob", "bob", "ada", "bob"];
    for ((position, earlier), ranked) in world.recorded.iter().zip(ranked) {
        let now = world.then(json!({ "position": position })).await;
        assert_eq!(now["position"], position.to_string());
        world.is_as_recorded(&now, earlier, ranked);
        // The event at the position is the last one recorded at or before its time.
        let at = now["at"].clone();
        let by_time = world.then(json!({ "at": at })).await;
        world.is_as_recorded(&by_time, earlier, ranked);
    }
    world.nothing_is_there_before_it_came().await;
    world.is_for_auditors_and_exact().await;
    world.is_shown_on_the_command_line();
    world.an_erased_account_may_nothing_from_then_on().await;

    world.done(&["log", "archive", "--keep-events", "0"]);
    let (position, earlier) = &world.recorded[0];
    let archived = world.then(json!({ "position": position })).await;
    world.is_as_recorded(&archived, earlier, "bob");
}

impl World {
    async fn import(&self, mended: bool) {
        let payload = self.deployment.import(&wrong_checker::package(mended)).await;
        assert_eq!(payload["userErrors"], json!([]));
    }

    /// Records the present results and the log's position.
    async fn record(&mut self) {
        self.deployment.projected().await;
        let query = format!(
            "query($ada: ID!, $bob: ID!) {{
              ada: submission(id: $ada) {{ {SUBMISSION} }}
              bob: submission(id: $bob) {{ {SUBMISSION} }}
              problem(slug: \"sum\") {{ {PROBLEM} }}
              user(login: \"ada\") {{ {USER} }}
            }}"
        );
        let variables = json!({ "ada": self.submissions[0], "bob": self.submissions[1] });
        let results = self.deployment.admin().data(&query, variables).await;
        let head = self.deployment.stores().await.log.info().await.unwrap().head;
        self.recorded.push((head, results));
    }

    /// The results as of a position or time.
    async fn then(&self, moment: Value) -> Value {
        let query = format!(
            "query($ada: ID!, $bob: ID!, $position: Position, $at: DateTime) {{
              audit {{ asOf(position: $position, at: $at) {{
                position at
                ada: submission(id: $ada) {{ {SUBMISSION} }}
                bob: submission(id: $bob) {{ {SUBMISSION} }}
                problem(slug: \"sum\") {{ {PROBLEM} }}
                user(login: \"ada\") {{ {USER} problems {{ problem status }} }}
                standings {{ totalCount nodes {{ rank login solved lastSolvedAt }} }}
              }} }}
            }}"
        );
        let mut variables = json!({ "ada": self.submissions[0], "bob": self.submissions[1] });
        for (name, value) in moment.as_object().unwrap() {
            variables[name] = match value {
                Value::Number(position) => json!(position.to_string()),
                other => other.clone(),
            };
        }
        self.deployment.admin().data(&query, variables).await["audit"]["asOf"].take()
    }

    fn is_as_recorded(&self, then: &Value, earlier: &Value, ranked: &str) {
        for name in ["ada", "bob", "problem"] {
            assert_eq!(then[name], earlier[name], "{name}");
        }
        for (field, value) in earlier["user"].as_object().unwrap() {
            assert_eq!(&then["user"][field], value, "{field}");
        }
        let status = if ranked == "ada" { "SOLVED" } else { "ATTEMPTED" };
        assert_eq!(then["user"]["problems"], json!([{ "problem": "sum", "status": status }]));
        let standings = &then["standings"];
        assert_eq!(standings["totalCount"], 1, "{standings}");
        let first = &standings["nodes"][0];
        assert_eq!((&first["rank"], &first["login"]), (&json!(1), &json!(ranked)));
        let since =
            if ranked == "ada" { &earlier["ada"]["judgedAt"] } else { &earlier["bob"]["judgedAt"] };
        assert_eq!(&first["lastSolvedAt"], since);
    }

    /// Rejudges all submissions to the problem, and waits until all trials have ended.
    async fn rejudge(&self) -> String {
        self.deployment.projected().await;
        let preview = self.done(&["rejudge", "preview", "--problem", "sum"]);
        let token = preview.lines().last().unwrap().trim().to_owned();
        let created = self.done(&["rejudge", "create", &token, "--reason", "it was lenient"]);
        let id = created.trim().to_owned();
        let state = "query($id: ID!) { rejudge(id: $id) { state } }";
        until_true("all trials have ended", async || {
            let data = self.deployment.admin().data(state, json!({ "id": id })).await;
            data["rejudge"]["state"] == "READY"
        })
        .await;
        id
    }

    async fn nothing_is_there_before_it_came(&self) {
        let received = self.recorded[0].1["ada"]["number"].as_u64().unwrap();
        let queued = self.then(json!({ "position": received })).await;
        let ada = &queued["ada"];
        assert_eq!((&ada["state"], &ada["verdict"]), (&json!("QUEUED"), &Value::Null));
        assert_eq!((&ada["judgements"], &queued["bob"]), (&json!([]), &Value::Null));
        assert_eq!(queued["problem"]["stats"]["submissions"], 1);
        assert_eq!(queued["standings"], json!({ "totalCount": 0, "nodes": [] }));
        let before = self.then(json!({ "position": received - 1 })).await;
        assert_eq!((&before["ada"], &before["user"]["problems"]), (&Value::Null, &json!([])));
        let nothing = json!({
            "position": "0", "at": null, "ada": null, "bob": null, "problem": null, "user": null,
            "standings": { "totalCount": 0, "nodes": [] },
        });
        assert_eq!(self.then(json!({ "position": 0 })).await, nothing);
        assert_eq!(self.then(json!({ "at": "2000-01-01T00:00:00Z" })).await, nothing);
    }

    async fn is_for_auditors_and_exact(&self) {
        let ask = "query($position: Position, $at: DateTime) {
          audit { asOf(position: $position, at: $at) { position } }
        }";
        let first = json!({ "position": "1" });
        assert_eq!(self.ada.data(ask, first).await["audit"], Value::Null);
        let admin = self.deployment.admin();
        let both = json!({ "position": "1", "at": "2000-01-01T00:00:00Z" });
        for refused in [json!({}), both, json!({ "position": "1000000" })] {
            assert_eq!(admin.ask(ask, refused).await.code(), "BAD_USER_INPUT");
        }
        let future = admin.data(ask, json!({ "at": "2999-01-01T00:00:00Z" })).await;
        let head = self.deployment.stores().await.log.info().await.unwrap().head;
        assert_eq!(future["audit"]["asOf"]["position"], head.to_string());
    }

    async fn an_erased_account_may_nothing_from_then_on(&mut self) {
        self.done(&["account", "grant", "ada", "judge"]);
        self.record().await;
        self.done(&["account", "erase", "ada", "--yes"]);
        self.record().await;
        for ((position, earlier), roles) in
            self.recorded[4..].iter().zip([json!(["USER", "JUDGE"]), json!([])])
        {
            assert_eq!(earlier["user"]["roles"], roles);
            let then = self.then(json!({ "position": position.0 })).await;
            self.is_as_recorded(&then, earlier, "bob");
        }
    }

    fn is_shown_on_the_command_line(&self) {
        let position = self.recorded[2].0.to_string();
        let as_of = |subject: &[&str]| {
            self.done(&[&["audit", "as-of", "--position", &position], subject].concat())
        };
        let shown: Value =
            serde_json::from_str(&as_of(&["submission", &self.submissions[0], "--json"])).unwrap();
        assert_eq!(shown["it"]["verdict"], "ACCEPTED");
        assert!(as_of(&["standings"]).contains("ada"));
        assert!(as_of(&["problem", "sum"]).contains("solvers 1"));
        assert!(as_of(&["user", "ada"]).contains("status SOLVED"));
        let early = ["audit", "as-of", "--position", "1", "problem", "sum"];
        assert_eq!(self.deployment.cli(&early).status.code(), Some(2));
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.deployment.cli(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}
