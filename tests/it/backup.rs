//! Backup and restore between both stacks, and incomplete backups.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use domain::submission::{Submission, SubmissionCommand, SubmissionReceived};
use domain::{Actor, Digest, StreamId};
use event_store::{Context, KeptHead, Restoration, Stores, Stream};
use serde_json::{Value, json};
use tests::deployment::{API, Deployment, EVALUATOR, PROJECTOR, Stack};
use tests::log::whole_log;
use tests::package::{Package, copy_folder};
use tests::waiting::until;
use uuid::Uuid;

const RIGHT: &str = "print(sum(map(int, input().split())))";

#[tokio::test(flavor = "multi_thread")]
async fn from_files_to_redis_and_mongodb() {
    drill(Stack::Embedded, Stack::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_redis_and_mongodb_to_files() {
    drill(Stack::Cluster, Stack::Embedded).await;
}

/// One submission is judged, one waits, and part of the log is archived.
async fn drill(from: Stack, to: Stack) {
    let mut original = Deployment::stores_only(from, &[]).await;
    start(&mut original).await;
    assert_eq!(original.import(&Package::sum("sum", 2)).await["userErrors"], json!([]));
    let ada = original.register("ada").await;
    let judged = ada.submitted("sum", "python3", RIGHT).await;
    assert_eq!(ada.verdict(&judged).await, "ACCEPTED");
    original.terminate(EVALUATOR).await;
    let waiting = ada.submitted("sum", "python3", RIGHT).await;
    done(&original, &["log", "archive", "--before", "5"]);
    let signed = heads_of_all(&original).await;
    let folder = original.directory().join("backup");
    let manifest = done(&original, &["backup", "--json", "--out", folder.to_str().unwrap()]);
    let stores = original.stores().await;
    let (info, events) = (stores.log.info().await.unwrap(), whole_log(&stores.log).await);
    assert_eq!(manifest["head"], info.head.0);
    assert_eq!(manifest["blobs"]["missing"], json!([]));

    let mut copy = Deployment::stores_only(to, &[]).await;
    let restored = done(&copy, &["restore", "--replay", "--json", folder.to_str().unwrap()]);
    assert_eq!((&restored["queued"], &restored["head"]), (&json!(1), &manifest["head"]));
    let stores = copy.stores().await;
    let copied = stores.log.info().await.unwrap();
    assert_eq!((copied.log_id, copied.head), (info.log_id, info.head));
    assert_eq!(copied.archived_through, info.archived_through);
    assert_eq!(copied.archived_through.0, 4);
    // Compares the stored bytes.
    assert_eq!(whole_log(&stores.log).await, events);
    assert_eq!(stores.tree.heads(0, 10_000).await.unwrap(), signed);
    fs::copy(original.setting("audit.keys"), copy.setting("audit.keys")).unwrap();
    let verified = done(&copy, &["audit", "verify", "--json"]);
    assert_eq!((&verified["verified"], &verified["broken"]), (&json!(info.head.0), &Value::Null));
    assert_eq!(verified["heads"], signed.len());
    let again = refused(&copy, &["restore", folder.to_str().unwrap()], 3);
    assert!(again.contains("not empty"), "{again}");

    start(&mut copy).await;
    let admin = copy.api().with_token(&original.admin_token);
    assert_eq!(admin.verdict(&waiting).await, "ACCEPTED");
    assert_eq!(admin.verdict(&judged).await, "ACCEPTED");
    let login = "mutation { login(login: \"ada\", password: \"correct horse\") {
        accessToken userErrors { code }
    } }";
    let session = copy.api().data(login, json!({})).await["login"].take();
    let ada = copy.api().with_token(session["accessToken"].as_str().unwrap());
    let next = ada.submitted("sum", "python3", RIGHT).await;
    assert_eq!(ada.verdict(&next).await, "ACCEPTED");
    copy.projected().await;
    assert_eq!(done(&copy, &["replay", "--json"])["differences"], json!([]));
    // The tree continues where it was.
    assert!(heads_of_all(&copy).await.starts_with(&signed));
    assert_eq!(done(&copy, &["audit", "verify", "--json"])["broken"], Value::Null);
}

/// All signed heads, once one covers the whole log.
async fn heads_of_all(deployment: &Deployment) -> Vec<KeptHead> {
    let stores = deployment.stores().await;
    until("a signed head covers the whole log", async || {
        let heads = stores.tree.heads(0, 10_000).await.unwrap();
        let head = stores.log.info().await.unwrap().head;
        heads.last().is_some_and(|last| last.size == head.0).then_some(heads)
    })
    .await
}

async fn start(deployment: &mut Deployment) {
    deployment.start_process(API, Some("command,query"), &[]).await;
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    deployment.start_process(EVALUATOR, Some(EVALUATOR), &[]).await;
}

/// Registers an account, and submits this source.
async fn small(source: &'static str) -> (Deployment, Digest) {
    let deployment = Deployment::stores_only(Stack::Embedded, &[]).await;
    done(&deployment, &["account", "create", "ada", "--json"]);
    let stores = deployment.stores().await;
    let digest = stores.blobs.put(source.into()).await.unwrap();
    receive(&stores, digest).await;
    (deployment, digest)
}

async fn receive(stores: &Stores, source: Digest) {
    let submission = Uuid::new_v4().into();
    let mut stream = Stream::<Submission>::new(StreamId::Submission(submission));
    let received = SubmissionReceived {
        submission,
        author: "ada".parse().unwrap(),
        problem: "sum".parse().unwrap(),
        revision: 1,
        language: "python3".parse().unwrap(),
        source,
        source_bytes: 1,
    };
    let receive = vec![SubmissionCommand::Receive(received)];
    let context = Context::new(Actor::system());
    stream.execute(stores.log.as_ref(), receive, &context, None, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_not_whole_is_refused_before_anything_is_written() {
    let (original, source) = small("print(1)").await;
    let folder = original.directory().join("backup");
    let manifest = done(&original, &["backup", "--json", "--out", folder.to_str().unwrap()]);
    let segment: Digest = manifest["segments"][0]["digest"].as_str().unwrap().parse().unwrap();
    let copy = Deployment::stores_only(Stack::Embedded, &[]).await;

    type Damage = fn(&Path, &Digest, &Digest);
    let damages: [(&str, Damage); 9] = [
        ("was it finished", |folder, _, _| fs::remove_file(folder.join("manifest.json")).unwrap()),
        ("manifest.json", |folder, _, _| fs::write(folder.join("manifest.json"), "{").unwrap()),
        ("format 2", |folder, _, _| change(folder, "\"format\": 1", "\"format\": 2")),
        ("ends at position 2, not at 3", |folder, _, _| {
            change(folder, "\"head\": 2", "\"head\": 3");
        }),
        ("there is no blob", |folder, segment, _| fs::remove_file(blob(folder, segment)).unwrap()),
        ("is damaged", |folder, segment, _| fs::write(blob(folder, segment), "no zstd").unwrap()),
        ("there is no blob", |folder, _, source| fs::remove_file(blob(folder, source)).unwrap()),
        ("is damaged", |folder, _, source| fs::write(blob(folder, source), "no zstd").unwrap()),
        ("credentials.jsonl does not match", |folder, _, _| {
            fs::write(folder.join("credentials.jsonl"), "").unwrap();
        }),
    ];
    for (number, (expected, damage)) in damages.into_iter().enumerate() {
        let damaged = copy.directory().join(format!("damaged-{number}"));
        copy_folder(&folder, &damaged);
        damage(&damaged, &segment, &source);
        let said = refused(&copy, &["restore", damaged.to_str().unwrap()], 2);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    // The refused backups left nothing in the stores.
    let restored = done(&copy, &["restore", "--json", folder.to_str().unwrap()]);
    assert_eq!((&restored["head"], &restored["queued"]), (&json!(2), &json!(1)));
    assert_eq!(copy.stores().await.blobs.get(&source).await.unwrap(), "print(1)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_was_lost_is_reported_and_the_rest_is_saved() {
    let (original, _) = small("print(1)").await;
    let lost = Digest::of(b"never kept");
    receive(&original.stores().await, lost).await;
    let folder = original.directory().join("backup");
    let output = original.cli(&["backup", "--json", "--out", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let manifest: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(manifest["blobs"]["missing"], json!([lost]));
    let copy = Deployment::stores_only(Stack::Embedded, &[]).await;
    assert_eq!(done(&copy, &["restore", "--json", folder.to_str().unwrap()])["head"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_for_the_owner_or_left_out() {
    let (original, _) = small("print(1)").await;
    let (with, without) = (original.directory().join("with"), original.directory().join("without"));
    done(&original, &["backup", "--json", "--out", with.to_str().unwrap()]);
    let secrets = with.join("credentials.jsonl");
    assert_eq!(secrets.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(with.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let blob = with.join("blobs");
    assert_eq!(blob.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let open = original.directory().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    done(&original, &["backup", "--json", "--out", open.to_str().unwrap()]);
    assert_eq!(open.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let arguments = ["backup", "--json", "--without-credentials", "--out"];
    let manifest = done(&original, &[&arguments[..], &[without.to_str().unwrap()]].concat());
    assert_eq!(manifest["credentials"], Value::Null);
    assert!(!without.join("credentials.jsonl").exists());
    let occupied = refused(&original, &["backup", "--out", with.to_str().unwrap()], 2);
    assert!(occupied.contains("already exists"), "{occupied}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_were_restored_in_part_refuse_to_open() {
    let copy = Deployment::stores_only(Stack::Embedded, &[]).await;
    drop(Restoration::begin(&copy.store_urls(), Uuid::new_v4()).await.unwrap());
    for arguments in [&["serve"][..], &["log", "status"], &["backup", "--out", "backup"]] {
        let said = refused(&copy, arguments, 3);
        assert!(said.contains("restored in part") && said.contains("delete"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_interrupted_restore_says_to_delete_is_enough_to_begin_again() {
    let (mut original, _) = small("print(1)").await;
    original.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    let signed = heads_of_all(&original).await;
    let folder = original.directory().join("backup");
    done(&original, &["backup", "--json", "--out", folder.to_str().unwrap()]);

    // Interrupted when everything except the end is written.
    let copy = Deployment::stores_only(Stack::Embedded, &[]).await;
    let info = original.stores().await.log.info().await.unwrap();
    let restoration = Restoration::begin(&copy.store_urls(), info.log_id).await.unwrap();
    let events = whole_log(&original.stores().await.log).await;
    restoration.import(&events).await.unwrap();
    restoration.stores.tree.advance(0, vec![], &signed[0]).await.unwrap();
    drop(restoration);

    let restore = ["restore", "--json", folder.to_str().unwrap()];
    let said = refused(&copy, &restore, 3);
    let (_, cure) = said.split_once("delete the stores of ").unwrap_or_else(|| panic!("{said}"));
    for (named, store) in
        [("the log", "log"), ("the credentials", "credentials"), ("the tree", "tree")]
    {
        assert!(cure.contains(named), "{cure}");
        let file = copy.setting(&format!("stores.{store}")).strip_prefix("sqlite:").unwrap();
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{file}{end}"));
        }
    }
    assert_eq!(done(&copy, &restore)["head"], info.head.0);
    assert_eq!(copy.stores().await.tree.heads(0, 100).await.unwrap(), signed);
}

fn done(deployment: &Deployment, arguments: &[&str]) -> Value {
    let output = deployment.cli(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// The error output of a command that exits with this code.
fn refused(deployment: &Deployment, arguments: &[&str], code: i32) -> String {
    let output = deployment.cli(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn change(folder: &Path, from: &str, to: &str) {
    let path = folder.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

fn blob(folder: &Path, digest: &Digest) -> PathBuf {
    let name = digest.to_string();
    folder.join("blobs").join(&name[..2]).join(format!("{name}.zst"))
}
