//! What the log says can be proved: receipts, exports, and every way of changing the log behind its back.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, cmd};
use domain::grading::CustomGrades;
use domain::submission::{Submission, SubmissionCommand, SubmissionReceived};
use domain::{Actor, Event, StreamId, SubmissionId, Version};
use event_store::{Context, Stream};
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, PROJECTOR, Stack, assay_command};
use tests::log::events_of;
use tests::package::Package;
use tests::waiting::until;

/// How many projections there are.
const PROJECTIONS: usize = 4;
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

    // The proof is there within a second or two; the receipt names the same event as the payload did.
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

    // Checked by us and by another program, with nothing but the file and the key.
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("mine.tlog-proof");
    std::fs::write(&file, node["receipt"]["proof"].as_str().unwrap()).unwrap();
    let key = public_key(&deployment);
    let checked = check(elsewhere.path(), &file, &key);
    let told = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success() && told.contains("SubmissionReceived"), "{checked:?}");
    let other = check_with_another_program(&file, &key);
    assert_eq!(other.status.code(), Some(0), "{other:?}");
    let wrong_key = another_key(elsewhere.path());
    assert_eq!(check(elsewhere.path(), &file, &wrong_key).status.code(), Some(1));
    assert_eq!(check_with_another_program(&file, &wrong_key).status.code(), Some(1));
    for forged in forgeries(&file) {
        assert_eq!(check(elsewhere.path(), &forged, &key).status.code(), Some(1), "{forged:?}");
        assert_eq!(check_with_another_program(&forged, &key).status.code(), Some(1), "{forged:?}");
    }

    // The operator's receipts of every event, and of the verdict in particular.
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
    // Until the newest event is covered, which `carol` is.
    let audit = until("a head covers everything", async || {
        let audit = admin.data(asked, json!({})).await["audit"].take();
        (audit["head"]["treeSize"] == audit["newest"]["nodes"][0]["position"]).then_some(audit)
    })
    .await;
    assert_eq!(audit["verify"]["ok"], true, "{audit}");
    assert_eq!(audit["verify"]["to"], audit["head"]["treeSize"]);
    assert_eq!(audit["event"]["version"], 1);
    assert!(audit["events"]["nodes"][0]["inclusion"]["path"].as_array().unwrap().len() > 2);

    // Every event of the submission, page by page.
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

fn exports_prove_themselves(deployment: &Deployment, submission: &str, folder: &Path, key: &str) {
    for (name, filter) in [("whole.zip", vec![]), ("part.zip", vec!["--submission", submission])] {
        let file = folder.join(name);
        let file = file.to_str().unwrap();
        let arguments = [&["audit", "export", "--out", file], filter.as_slice()].concat();
        let exported = deployment.cli(&arguments);
        assert!(exported.status.success(), "{exported:?}");
        // What is there is never overwritten.
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

/// What was judged is judged again from what was recorded; a verdict that does not follow is found.
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

    let forged = forge_a_verdict(deployment, id).await;
    let [found] = recompute(&[&forged], 1).try_into().unwrap();
    assert_eq!(found["recorded"]["verdict"], "ACCEPTED");
    assert_eq!(found["recomputed"]["verdict"], "WRONG_ANSWER");
    assert!(
        found["differences"].to_string().contains("test 1: Accepted, now WrongAnswer"),
        "{found}"
    );
    // What its verdict says that it depended on is another's program.
    let on: Vec<_> = found["provenance"].as_array().unwrap().iter().map(|it| &it["on"]).collect();
    assert_eq!(on, ["program"]);
    let after = deployment.stores().await.log.info().await.unwrap().head;
    assert_eq!(after.0 - before.0, 5, "nothing is written but what we forged");
    for unknown in ["sub_00000000000000000000000000000000", "nonsense"] {
        assert_eq!(deployment.cli(&["audit", "recompute", unknown]).status.code(), Some(2));
    }
}

/// A wrong program whose events say that it was accepted, with another's provenance.
async fn forge_a_verdict(deployment: &Deployment, id: &str) -> String {
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
    let commands = begin.into_iter().chain(commands).collect();
    let context = Context::new(Actor::system());
    let written =
        stream.execute(stores.log.as_ref(), commands, &context, None, None).await.unwrap();
    assert_eq!(written.len(), 5);
    format!("sub_{}", submission.uuid().simple())
}

/// The old key goes on to be believed until it is retired.
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
    for told in ["ada is erased", "ada was erased before"] {
        let erased = deployment.cli(&["account", "erase", "ada", "--yes"]);
        assert!(erased.status.success(), "{erased:?}");
        assert!(String::from_utf8_lossy(&erased.stdout).contains(told), "{erased:?}");
    }
    assert_eq!(deployment.cli(&["account", "erase", "nobody", "--yes"]).status.code(), Some(2));

    // Nobody is let in, nothing personal is left, and what was handed in is.
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

/// A key that has signed nothing here.
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

/// The receipt with one thing changed, each in its own file.
fn forgeries(receipt: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(receipt).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let changed = |line: usize, to: String| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[line] = to;
        lines.join("\n") + "\n"
    };
    let flipped = |line: &str| {
        // In the middle, where Base64 has no padding and both letters are digits of it.
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

/// How somebody with access to Redis changes the log behind Assay's back.
type Tampering = fn(&mut Vec<Entry>);

/// An entry of the stream: its id, its fields and values.
type Entry = (String, Vec<(String, String)>);

fn body_of(entry: &mut Entry) -> &mut String {
    &mut entry.1.iter_mut().find(|(field, _)| field == "body").unwrap().1
}

fn exchange_contents(entries: &mut [Entry], one: usize, two: usize) {
    let first = entries[one].1.clone();
    entries[one].1 = std::mem::replace(&mut entries[two].1, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_to_the_log_is_found_and_named() {
    let mut deployment = Deployment::start(Stack::Cluster).await;
    deployment.import(&Package::sum("sum", 3)).await;
    for number in 0..8 {
        deployment.register(&format!("user-{number}")).await;
    }
    let ada = deployment.register("ada").await;
    for _ in 0..3 {
        let id = ada.submitted("sum", "python3", RIGHT).await;
        assert_eq!(ada.verdict(&id).await, "ACCEPTED");
    }
    let head = deployment.stores().await.log.info().await.unwrap().head.0;
    let report = until("a head covers everything", async || {
        let report = verified(&deployment, 0);
        (report["not_covered"] == 0).then_some(report)
    })
    .await;
    assert_eq!(report["verified"], head);
    deployment.projected().await;
    deployment.terminate(PROJECTOR).await;

    refuses_to_start_without_its_key(&deployment);
    let redis = deployment.redis.as_ref().unwrap();
    let namespace =
        deployment.setting("stores.log").rsplit_once("namespace=").unwrap().1.to_owned();
    let log_key = format!("{namespace}:log");
    let tail_key = format!("{namespace}:tail");
    let client = Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let entries: Vec<Entry> = entries(&mut connection, &log_key).await;
    let tail: String = cmd("GET").arg(&tail_key).query_async(&mut connection).await.unwrap();
    assert_eq!(entries.len() as u64, head);

    let cases: [(&str, u64, Tampering); 6] = [
        ("a byte of a body", 5, |entries| {
            let body = body_of(&mut entries[4]);
            *body = body.replacen("user-", "user_", 1).replacen("\"actor\":\"", "\"actor\":\"x", 1);
        }),
        ("the time of an event", 6, |entries| {
            let at = entries[5].1.iter_mut().find(|(field, _)| field == "at").unwrap();
            at.1 = (at.1.parse::<u64>().unwrap() + 1).to_string();
        }),
        ("a body that is no JSON", 7, |entries| body_of(&mut entries[6]).truncate(20)),
        ("an event gone", 4, |entries| drop(entries.remove(3))),
        ("two events exchanged", 3, |entries| exchange_contents(entries, 2, 7)),
        ("the tail cut off", head - 2, |entries| entries.truncate(entries.len() - 3)),
    ];
    for (what, position, tamper) in cases {
        let mut changed = entries.clone();
        tamper(&mut changed);
        assert_ne!(changed, entries, "{what}");
        let cut = changed.last().unwrap().0.trim_end_matches("-0").to_owned();
        let at = tail.split_once(' ').unwrap().1;
        rewrite(&mut connection, &log_key, &changed).await;
        set(&mut connection, &tail_key, &format!("{cut} {at}")).await;
        let report = verified(&deployment, 1);
        assert_eq!(report["broken"]["position"], position, "{what}: {report}");
        assert_eq!(report["broken"]["through"], position, "{what}: {report}");
        let told = deployment.cli(&["audit", "verify"]);
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.contains(&format!("BROKEN at position {position}")), "{what}: {told}");
    }
    // The tail is still cut off: whoever read it before does not go on, and nothing more is signed.
    nobody_goes_on(&mut deployment).await;

    rewrite(&mut connection, &log_key, &entries).await;
    set(&mut connection, &tail_key, &tail).await;
    assert_eq!(verified(&deployment, 0)["verified"], head);
}

/// A new key would be another signer.
fn refuses_to_start_without_its_key(deployment: &Deployment) {
    let elsewhere = deployment.directory().join("elsewhere.keys");
    let setting = format!("audit.keys={}", elsewhere.display());
    let refused = deployment.cli(&["serve", "--role", "projector", "--set", &setting]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("elsewhere.keys") && told.contains("put it back"), "{told}");
    assert!(!elsewhere.exists());
}

/// Projections and the signer stop for good, and say why.
async fn nobody_goes_on(deployment: &mut Deployment) {
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    until("everything that reads the log has refused it", async || {
        let said = deployment.said(PROJECTOR);
        let stopped = said.matches("the projection stopped").count();
        let nothing_signed = said.contains("the log has diverged from what was signed");
        (stopped == PROJECTIONS && nothing_signed).then_some(())
    })
    .await;
    deployment.terminate(PROJECTOR).await;
}

/// Runs `assay audit verify`, which exits with this code.
fn verified(deployment: &Deployment, code: i32) -> Value {
    let output = deployment.cli(&["audit", "verify", "--json"]);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn entries(connection: &mut MultiplexedConnection, key: &str) -> Vec<Entry> {
    cmd("XRANGE").arg(key).arg("-").arg("+").query_async(connection).await.unwrap()
}

/// Puts other entries in the place of a stream.
async fn rewrite(connection: &mut MultiplexedConnection, key: &str, entries: &[Entry]) {
    let _: () = cmd("DEL").arg(key).query_async(connection).await.unwrap();
    for (id, fields) in entries {
        let mut add = cmd("XADD");
        add.arg(key).arg(id);
        for (field, value) in fields {
            add.arg(field).arg(value);
        }
        let _: String = add.query_async(connection).await.unwrap();
    }
}

async fn set(connection: &mut MultiplexedConnection, key: &str, value: &str) {
    let _: () = cmd("SET").arg(key).arg(value).query_async(connection).await.unwrap();
}
