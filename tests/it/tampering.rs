//! Whatever is done to the log behind Assay's back is found, and the first position of it is named.

use domain::{Digest, Position};
use event_store::{SegmentEntry, Stores};
use redis::aio::MultiplexedConnection;
use redis::{Client, cmd};
use serde_json::Value;
use tests::deployment::{Deployment, PROJECTIONS, PROJECTOR, Stack};
use tests::package::Package;
use tests::waiting::until;

const RIGHT: &str = "print(sum(map(int, input().split())))";

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
    let mut deployment = judged_and_signed().await;
    let head = deployment.stores().await.log.info().await.unwrap().head.0;
    deployment.terminate(PROJECTOR).await;

    refuses_to_start_without_its_key(&deployment);
    let (mut connection, namespace) = connected(&deployment).await;
    let log_key = format!("{namespace}:log");
    let tail_key = format!("{namespace}:tail");
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

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_to_the_archive_is_found_and_named() {
    let deployment = judged_and_signed().await;
    for before in ["8", "15"] {
        let archived = deployment.cli(&["log", "archive", "--before", before]);
        assert_eq!(archived.status.code(), Some(0), "{archived:?}");
    }
    let stores = deployment.stores().await;
    let head = verified(&deployment, 0)["verified"].clone();
    let segments = stores.archive.status().await.unwrap().segments;
    assert_eq!(segments.len(), 2);
    let (mut connection, namespace) = connected(&deployment).await;
    let manifest = format!("{namespace}:segments");
    let written: String = field(&mut connection, &manifest, segments[1].first).await;

    // Somebody who knows how segments are made: the blob is whole, and the manifest names it.
    let rewritten = with_another_actor(&stores, &segments[1], Position(11)).await;
    let missing = Digest::of(b"nothing that was ever stored");
    let cases = [
        ("an event of a segment", rewritten, 11),
        ("a segment by another", segments[0].digest, 8),
        ("a segment by nothing", missing, 8),
    ];
    for (what, digest, position) in cases {
        let original = segments[1].digest.to_string();
        let forged = written.replace(&original, &digest.to_string());
        assert_ne!(forged, written, "{what}");
        set_field(&mut connection, &manifest, segments[1].first, &forged).await;
        let report = verified(&deployment, 1);
        assert_eq!(report["broken"]["position"], position, "{what}: {report}");
        // What cannot be a segment of this log is not read either.
        let read = deployment.stores().await.log.read_all(Position(7), 4).await;
        assert_eq!(read.is_ok(), position == 11, "{what}: {read:?}");
    }
    set_field(&mut connection, &manifest, segments[1].first, &written).await;
    assert_eq!(verified(&deployment, 0)["verified"], head);
}

/// A segment in which another did what this event tells, as a blob.
async fn with_another_actor(stores: &Stores, segment: &SegmentEntry, position: Position) -> Digest {
    let bytes = stores.blobs.get(&segment.digest).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let begins = format!("\n{position} ");
    let (before, from) = text.split_at(text.find(&begins).unwrap());
    let (until, actor) = from.split_at(from.find("\"actor\":\"").unwrap() + 9);
    // Of the same length, so that only the body differs.
    let other = if actor.starts_with('x') { "y" } else { "x" };
    let forged = format!("{before}{until}{other}{}", &actor[1..]);
    stores.blobs.put(forged.into()).await.unwrap()
}

/// A cluster with accounts and verdicts, all of it signed and projected.
async fn judged_and_signed() -> Deployment {
    let deployment = Deployment::start(Stack::Cluster).await;
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
    deployment
}

/// Redis itself, and the namespace of the log's keys.
async fn connected(deployment: &Deployment) -> (MultiplexedConnection, String) {
    let redis = deployment.redis.as_ref().unwrap();
    let client = Client::open(redis.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let namespace = deployment.setting("stores.log").rsplit_once("namespace=").unwrap().1;
    (connection, namespace.to_owned())
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

async fn field(connection: &mut MultiplexedConnection, key: &str, position: Position) -> String {
    cmd("HGET").arg(key).arg(position.0).query_async(connection).await.unwrap()
}

async fn set_field(
    connection: &mut MultiplexedConnection,
    key: &str,
    position: Position,
    value: &str,
) {
    let _: () =
        cmd("HSET").arg(key).arg(position.0).arg(value).query_async(connection).await.unwrap();
}
