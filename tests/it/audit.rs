//! The log's contents can be proved: receipts and exports.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use domain::account::{Account, AccountCommand, Role};
use domain::grading::CustomGrades;
use domain::submission::{Submission, SubmissionCommand, SubmissionReceived};
use domain::{Actor, Event, StreamId, SubmissionId, Version};
use event_store::{Context, EVENTS_PER_BATCH_MAX, Stream};
use futures::StreamExt;
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, Stack, assay_command};
use tests::log::events_of;
use tests::package::Package;
use tests::waiting::until;

const RIGHT: &str = "print(sum(map(int, input().split())))";
const SUBMIT: &str = "mutation($input: SubmitInput!) {
  submit(input: $input) { submission { id } receipt { position leaf leafHash proof } userErrors { message } }
}";

#[tokio::test(flavor = "multi_thread")]
async fn an_author_proves_a_submission_on_embedded_stores() {
    an_author_proves_a_submission(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_proves_a_submission_on_redis_and_mongodb() {
    an_author_proves_a_submission(Stack::Cluster).await;
}

async fn an_author_proves_a_submission(stack: Stack) {
    let deployment = Deployment::start(stack).await;
    deployment.import(&Package::sum("sum", 3)).await;
    let (ada, bob) = (deployment.register("ada").await, deployment.register("bob").await);
    let input = json!({ "problem": "prb_sum", "language": "python3", "source": RIGHT });
    let submitted = ada.data(SUBMIT, json!({ "input": input })).await["submit"].take();
    let id = submitted["submission"]["id"].as_str().unwrap().to_owned();
    let receipt = &submitted["receipt"];
    assert_eq!(ada.verdict(&id).await, "ACCEPTED");

    // The proof is available within one or two seconds; the receipt names the same event as the
    // payload.
    let asked = "query($id: ID!) { node(id: $id) { ... on Submission {
        receipt { position leaf leafHash proof } timeline(first: 50) { nodes { type position leafHash payload } }
    } } }";
    let node = until("a head covers the submission", async || {
        let node = ada.data(asked, json!({ "id": id })).await["node"].take();
        node["receipt"]["proof"].is_string().then_some(node)
    })
    .await;
    for field in ["position", "leaf", "leafHash"] {
        assert_eq!(node["receipt"][field], receipt[field], "{field}");
    }
    let kinds: Vec<_> = node["timeline"]["nodes"].as_array().unwrap().iter().collect();
    assert_eq!(kinds[0]["type"], "SubmissionReceived");
    assert_eq!(kinds[0]["leafHash"], receipt["leafHash"]);
    assert_eq!(kinds.last().unwrap()["type"], "JudgingFinished");
    assert_eq!(kinds.last().unwrap()["payload"]["verdict"], "ACCEPTED");
    assert_eq!(bob.data(asked, json!({ "id": id })).await["node"], Value::Null);

    // Checked by us and by another program, which need only the file and the key.
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("mine.tlog-proof");
    std::fs::write(&file, node["receipt"]["proof"].as_str().unwrap()).unwrap();
    let key = public_key(&deployment);
    let checked = check(elsewhere.path(), &file, &key);
    let printed = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success() && printed.contains("SubmissionReceived"), "{checked:?}");
    let other = check_with_another_program(&file, &key);
    assert_eq!(other.status.code(), Some(0), "{other:?}");
    let wrong_key = another_key(elsewhere.path());
    assert_eq!(check(elsewhere.path(), &file, &wrong_key).status.code(), Some(1));
    assert_eq!(check_with_another_program(&file, &wrong_key).status.code(), Some(1));
    for forged in forgeries(&file) {
        assert_eq!(check(elsewhere.path(), &forged, &key).status.code(), Some(1), "{forged:?}");
        assert_eq!(check_with_another_program(&forged, &key).status.code(), Some(1), "{forged:?}");
    }

    // A file larger than any receipt is not read further.
    let endless = check(elsewhere.path(), Path::new("/dev/zero"), &key);
    assert_eq!(endless.status.code(), Some(1), "{endless:?}");

    // The operator's receipts of all events, and of the verdict in particular.
    let folder = elsewhere.path().join("receipts");
    let written = deployment.cli(&["audit", "prove", &id, "--out", folder.to_str().unwrap()]);
    assert!(written.status.success(), "{written:?}");
    let receipts: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(receipts.len(), kinds.len());
    for receipt in receipts {
        assert!(check(elsewhere.path(), &receipt, &key).status.success(), "{receipt:?}");
        assert!(check_with_another_program(&receipt, &key).status.success(), "{receipt:?}");
    }

    auditors_see_the_log(&deployment, &id).await;
    auditors_follow_the_log(&deployment).await;
    exports_prove_themselves(&deployment, &id, elsewhere.path(), &key);
    judging_again_comes_to_the_same(&deployment, &id).await;
    keys_are_rotated(&deployment, stack);
    an_erased_person_leaves_the_log_whole(&deployment, &ada, &id).await;
}

async fn auditors_see_the_log(deployment: &Deployment, submission: &str) {
    let asked = "query($filter: EventFilter, $after: String) { audit {
        head { treeSize rootHash origin keyId note }
        verify { ok checked from to brokenAt }
        events(first: 3, filter: $filter, after: $after) {
            nodes { position type actor payload inclusion { treeSize path } }
            pageInfo { hasNextPage endCursor }
        }
        newest: events(last: 1) { nodes { position } }
        event(position: \"1\") { type stream version schema }
    } }";
    let bob = deployment.register("carol").await;
    assert_eq!(bob.data(asked, json!({})).await["audit"], Value::Null);
    let admin = deployment.admin();
    // Until a head covers the newest event, which registered `carol`.
    let audit = until("a head covers everything", async || {
        let audit = admin.data(asked, json!({})).await["audit"].take();
        (audit["head"]["treeSize"] == audit["newest"]["nodes"][0]["position"]).then_some(audit)
    })
    .await;
    assert_eq!(audit["verify"]["ok"], true, "{audit}");
    assert_eq!(audit["verify"]["to"], audit["head"]["treeSize"]);
    assert_eq!(audit["event"]["version"], 1);
    assert!(audit["events"]["nodes"][0]["inclusion"]["path"].as_array().unwrap().len() > 2);

    // All events of the submission, page by page.
    let filter = json!({ "stream": submission });
    let (mut after, mut kinds) = (Value::Null, Vec::new());
    loop {
        let variables = json!({ "filter": filter, "after": after });
        let page = admin.data(asked, variables).await["audit"]["events"].take();
        kinds.extend(page["nodes"].as_array().unwrap().iter().map(|it| it["type"].clone()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(
        (&kinds[0], kinds.last().unwrap()),
        (&json!("SubmissionReceived"), &json!("JudgingFinished"))
    );
    let by_type =
        json!({ "filter": { "types": ["JudgingFinished"], "since": "2020-01-01T00:00:00Z" } });
    let finished = admin.data(asked, by_type).await["audit"]["events"].take();
    assert_eq!(finished["nodes"].as_array().unwrap().len(), 1);
}

/// Follows the log from an early event, over more than one page, and then live.
async fn auditors_follow_the_log(deployment: &Deployment) {
    const FOLLOW: &str = "subscription($after: String, $filter: EventFilter) {
      auditEvents(after: $after, filter: $filter) { cursor node { position type } }
    }";
    let zoe = deployment.register("zoe").await;
    let mut refused = zoe.subscribe(FOLLOW, json!({})).await;
    let refusal = refused.next().await.unwrap().unwrap_err();
    assert!(refusal.to_string().contains("auditors"), "{refusal}");

    let admin = deployment.admin();
    let first = "{ audit { events(first: 1) { edges { cursor } } } }";
    let first = admin.data(first, json!({})).await["audit"]["events"]["edges"][0].take();
    let filter = json!({ "types": ["RoleGranted", "RoleRevoked"], "stream": "account:zoe" });
    let missed = change_roles(deployment, 12).await;
    let after = json!({ "after": first["cursor"], "filter": filter });
    let mut following = admin.subscribe(FOLLOW, after).await;
    let mut followed = Vec::new();
    while followed.len() < missed.len() {
        followed.push(following.next().await.unwrap().unwrap()["auditEvents"].take());
    }
    let live = change_roles(deployment, 1).await;
    while followed.len() < missed.len() + live.len() {
        followed.push(following.next().await.unwrap().unwrap()["auditEvents"].take());
    }
    let positions: Vec<_> = followed.iter().map(|it| it["node"]["position"].clone()).collect();
    let expected: Vec<_> = missed.iter().chain(&live).map(|it| json!(it.to_string())).collect();
    assert_eq!(positions, expected);

    // A client that reconnects misses no event and gets none twice.
    let after = json!({ "after": followed[700 - 1]["cursor"], "filter": filter });
    let mut again = admin.subscribe(FOLLOW, after).await;
    for expected in &followed[700..] {
        assert_eq!(again.next().await.unwrap().unwrap()["auditEvents"], *expected);
    }
}

/// Grants and revokes a role in this many batches. Returns the positions of the events.
async fn change_roles(deployment: &Deployment, batches: usize) -> Vec<u64> {
    let log = deployment.stores().await.log;
    let stream = Stream::<Account>::load(log.as_ref(), StreamId::Account("zoe".parse().unwrap()));
    let mut stream = stream.await.unwrap();
    let mut positions = Vec::new();
    for _ in 0..batches {
        let changes = (0..EVENTS_PER_BATCH_MAX).map(|number| match number % 2 {
            0 => AccountCommand::Grant(Role::Setter),
            _ => AccountCommand::Revoke(Role::Setter),
        });
        let context = Context::new(Actor::system());
        let written = stream.execute(log.as_ref(), changes.collect(), &context, None, None).await;
        positions.extend(written.unwrap().iter().map(|recorded| recorded.position.0));
    }
    positions
}

fn exports_prove_themselves(deployment: &Deployment, submission: &str, folder: &Path, key: &str) {
    for (name, filter) in [("whole.zip", vec![]), ("part.zip", vec!["--submission", submission])] {
        let file = folder.join(name);
        let file = file.to_str().unwrap();
        let arguments = [&["audit", "export", "--out", file], filter.as_slice()].concat();
        let exported = deployment.cli(&arguments);
        assert!(exported.status.success(), "{exported:?}");
        // Existing files are never overwritten.
        assert_eq!(deployment.cli(&arguments).status.code(), Some(2));
        let verify = ["audit", "verify", file, "--key", key, "--json"];
        let verified = assay_command(folder, &verify).output().unwrap();
        assert!(verified.status.success(), "{verified:?}");
        let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
        assert!(report["verified"].as_u64().unwrap() > 3, "{report}");
        let stranger = ["audit", "verify", file, "--key", &another_key(folder)];
        assert_eq!(assay_command(folder, &stranger).output().unwrap().status.code(), Some(1));
    }
}

/// Judges submissions again from the recorded data, and detects a verdict that does not follow from
/// it.
async fn judging_again_comes_to_the_same(deployment: &Deployment, id: &str) {
    let recompute = |arguments: &[&str], code: i32| -> Vec<Value> {
        let output = deployment.cli(&[&["audit", "recompute", "--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let before = deployment.stores().await.log.info().await.unwrap().head;
    let [same] = recompute(&[id], 0).try_into().unwrap();
    assert_eq!(same["recomputed"], json!({ "verdict": "ACCEPTED", "score": null }));
    assert_eq!((&same["recorded"], &same["differences"]), (&same["recomputed"], &json!([])));
    assert_eq!(same["provenance"], json!([]), "{same}");
    assert_eq!(recompute(&["--sample", "5"], 0).len(), 1);

    let (forged, written) = forge_a_verdict(deployment, id).await;
    let [found] = recompute(&[&forged], 1).try_into().unwrap();
    assert_eq!(found["recorded"]["verdict"], "ACCEPTED");
    assert_eq!(found["recomputed"]["verdict"], "WRONG_ANSWER");
    assert!(
        found["differences"].to_string().contains("test 1: ACCEPTED, now WRONG_ANSWER"),
        "{found}"
    );
    // The verdict's provenance is that of another program.
    let on: Vec<_> = found["provenance"].as_array().unwrap().iter().map(|it| &it["on"]).collect();
    assert_eq!(on, ["program"]);
    let after = deployment.stores().await.log.info().await.unwrap().head;
    assert_eq!(after.0 - before.0, written, "nothing is written but what we forged");
    for unknown in ["sub_00000000000000000000000000000000", "nonsense"] {
        assert_eq!(deployment.cli(&["audit", "recompute", unknown]).status.code(), Some(2));
    }
}

/// Writes a wrong program with events that claim it was accepted, with another submission's
/// provenance. Returns its id and the number of events.
async fn forge_a_verdict(deployment: &Deployment, id: &str) -> (String, u64) {
    let stores = deployment.stores().await;
    let events = events_of(&stores.log, id).await;
    let mut received = None;
    let (mut commands, mut attempt) = (Vec::new(), 0);
    for recorded in events {
        match recorded.event {
            Event::SubmissionReceived(it) => received = Some(it),
            Event::JudgingStarted(it) => attempt = it.attempt,
            Event::Compiled(it) => commands.push(SubmissionCommand::RecordCompile(it)),
            Event::TestsJudged(it) => commands.push(SubmissionCommand::RecordTests(it)),
            Event::JudgingFinished(it) => {
                let stream = StreamId::Problem(received.as_ref().unwrap().problem.clone());
                let revised =
                    stores.log.read_stream(&stream, Version(1), 1).await.unwrap().remove(0);
                let Event::ProblemRevised(revised) = revised.event else { panic!("{revised:?}") };
                commands.push(SubmissionCommand::Finish {
                    attempt,
                    rubric: Box::new(revised.content.rubric()),
                    graded: CustomGrades::new(),
                    provenance: Box::new(it.provenance),
                });
            }
            other => panic!("{other:?}"),
        }
    }
    let wrong = "print(0)";
    let source = stores.blobs.put(wrong.into()).await.unwrap();
    let submission: SubmissionId = uuid::Uuid::new_v4().into();
    let received = SubmissionReceived {
        submission,
        source,
        source_bytes: wrong.len() as u64,
        ..received.unwrap()
    };
    let begin = [
        SubmissionCommand::Receive(received),
        SubmissionCommand::StartJudging { evaluator: "forger".to_owned(), tests: 4 },
    ];
    let mut stream = Stream::<Submission>::new(StreamId::Submission(submission));
    let commands: Vec<_> = begin.into_iter().chain(commands).collect();
    let commanded = commands.len();
    let context = Context::new(Actor::system());
    let written =
        stream.execute(stores.log.as_ref(), commands, &context, None, None).await.unwrap();
    assert_eq!(written.len(), commanded);
    (format!("sub_{}", submission.uuid().simple()), written.len() as u64)
}

/// The old key stays trusted until it is retired.
fn keys_are_rotated(deployment: &Deployment, stack: Stack) {
    let old = public_key(deployment);
    let rotated = deployment.cli(&["keys", "rotate"]);
    assert!(rotated.status.success(), "{rotated:?}");
    let printed = String::from_utf8_lossy(&rotated.stdout).into_owned();
    let keys: Vec<&str> = printed.lines().collect();
    assert_eq!((keys.len(), keys[1]), (2, old.as_str()));
    let name = |key: &str| key.split('+').next().unwrap().to_owned();
    assert_eq!(name(keys[0]), name(keys[1]), "{stack:?}");
    let verified = deployment.cli(&["audit", "verify", "--json"]);
    assert!(verified.status.success(), "{verified:?}");
    let retired = deployment.cli(&["keys", "retire"]);
    assert_eq!(retired.stdout, rotated.stdout);
    let verified = deployment.cli(&["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}

async fn an_erased_person_leaves_the_log_whole(deployment: &Deployment, ada: &Api, id: &str) {
    let person = "{ user(login: \"ada\") { login email name } }";
    assert_eq!(ada.data(person, json!({})).await["user"]["email"], "ada@example.org");
    assert_eq!(deployment.cli(&["account", "erase", "ada"]).status.code(), Some(2));
    for message in ["ada is erased", "ada was erased before"] {
        let erased = deployment.cli(&["account", "erase", "ada", "--yes"]);
        assert!(erased.status.success(), "{erased:?}");
        assert!(String::from_utf8_lossy(&erased.stdout).contains(message), "{erased:?}");
    }
    assert_eq!(deployment.cli(&["account", "erase", "nobody", "--yes"]).status.code(), Some(2));

    // Sign-in fails, no personal data is left, and the submissions remain.
    assert_eq!(ada.ask(person, json!({})).await.code(), "UNAUTHENTICATED");
    let login = "mutation { login(login: \"ada\", password: \"correct horse\") { accessToken userErrors { code } } }";
    let refused = deployment.api().data(login, json!({})).await["login"].take();
    assert_eq!(refused["userErrors"][0]["code"], "BAD_CREDENTIALS", "{refused}");
    let register = "mutation { register(input: { login: \"ada\", email: \"b@example.org\", password: \"another horse\" }) {
        accessToken userErrors { code } } }";
    let taken = deployment.api().data(register, json!({})).await["register"].take();
    assert_eq!(taken["userErrors"][0]["code"], "TAKEN", "{taken}");
    assert_eq!(deployment.cli(&["account", "grant", "ada", "judge"]).status.code(), Some(2));
    let admin = deployment.admin();
    let user = admin.data(person, json!({})).await["user"].take();
    assert_eq!(user, json!({ "login": "ada", "email": null, "name": null }));
    let source = "query($id: ID!) { submission(id: $id) { source verdict } }";
    let submission = admin.data(source, json!({ "id": id })).await["submission"].take();
    assert_eq!(submission, json!({ "source": RIGHT, "verdict": "ACCEPTED" }));
    let verified = deployment.cli(&["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}

fn public_key(deployment: &Deployment) -> String {
    let shown = deployment.cli(&["keys", "show"]);
    assert!(shown.status.success(), "{shown:?}");
    String::from_utf8(shown.stdout).unwrap().trim().to_owned()
}

/// A key that did not sign this log.
fn another_key(folder: &Path) -> String {
    let file = folder.join("another.keys");
    let setting = format!("audit.keys={}", file.display());
    let arguments = ["--set", &setting, "keys"];
    if !file.exists() {
        let create = [&arguments[..], &["create", "--name", "stranger.example"]].concat();
        assert!(assay_command(folder, &create).output().unwrap().status.success());
    }
    let shown = assay_command(folder, &[&arguments[..], &["show"]].concat()).output().unwrap();
    String::from_utf8(shown.stdout).unwrap().trim().to_owned()
}

fn check(folder: &Path, receipt: &Path, key: &str) -> Output {
    let arguments = ["audit", "check", receipt.to_str().unwrap(), "--key", key];
    assay_command(folder, &arguments).output().unwrap()
}

fn check_with_another_program(receipt: &Path, key: &str) -> Output {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("receipts/check.mjs");
    Command::new("node").arg(program).arg(receipt).arg(key).output().expect("node can be run")
}

/// Copies of the receipt with one change each, in separate files.
fn forgeries(receipt: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(receipt).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let changed = |line: usize, to: String| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[line] = to;
        lines.join("\n") + "\n"
    };
    let flipped = |line: &str| {
        // In the middle, where there is no Base64 padding.
        let middle = line.len() / 2;
        let other = if line.as_bytes()[middle] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &line[..middle], &line[middle + 1..])
    };
    let blank = lines.iter().position(|line| line.is_empty()).unwrap();
    let index: u64 = lines[2].strip_prefix("index ").unwrap().parse().unwrap();
    let size: u64 = lines[blank + 2].parse().unwrap();
    let forged = [
        changed(1, flipped(lines[1])),
        changed(2, format!("index {}", index ^ 1)),
        changed(3, flipped(lines[3])),
        changed(blank + 2, (size + 1).to_string()),
        changed(blank + 3, flipped(lines[blank + 3])),
        changed(lines.len() - 1, flipped(lines[lines.len() - 1])),
    ];
    let write = |(number, text): (usize, String)| {
        let path = receipt.with_extension(format!("forged-{number}"));
        std::fs::write(&path, text).unwrap();
        path
    };
    forged.into_iter().enumerate().map(write).collect()
}
