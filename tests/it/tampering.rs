//! Every change of the log behind Assay's back is detected, and its first position is reported.

use std::path::PathBuf;

use domain::account::{Account, AccountCommand, Role};
use domain::{Actor, Digest, Position, Version};
use event_store::{Context, SegmentEntry, Stores, Stream};
use mongodb::bson::{Document, doc};
use redis::aio::MultiplexedConnection;
use redis::{Client, ToRedisArgs, cmd};
use serde_json::Value;
use tests::deployment::{Deployment, PROJECTIONS, PROJECTOR, Stack};
use tests::package::Package;
use tests::waiting::until;

const RIGHT: &str = "print(sum(map(int, input().split())))";
const BOB: &str = "account:bob";

/// A change of the log by someone with access to Redis.
type Tampering = fn(&mut Vec<Entry>);

/// An entry of the Redis stream: its id, its fields and values.
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
        let checked = deployment.cli(&["audit", "verify"]);
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(said.contains(&format!("BROKEN at position {position}")), "{what}: {said}");
    }
    // The tail is still cut off: readers that know the lost events stop, and nothing more is
    // signed.
    nobody_goes_on(&mut deployment).await;

    rewrite(&mut connection, &log_key, &entries).await;
    set(&mut connection, &tail_key, &tail).await;
    assert_eq!(verified(&deployment, 0)["verified"], head);

    // The log is complete, but commands read streams through the index.
    let revoked = revoked(&deployment).await;
    let bucket = Digest::of(BOB.as_bytes()).as_bytes()[0];
    let bucket = format!("{namespace}:streams:{bucket:02x}");
    let packed: Vec<u8> =
        cmd("HGET").arg(&bucket).arg(BOB).query_async(&mut connection).await.unwrap();
    let (last, before) = (&packed[packed.len() - 6..], &packed[..packed.len() - 6]);
    for (what, index) in [
        ("the last event cut off", before.to_vec()),
        ("all of them", vec![]),
        ("one of them twice", [&packed, last].concat()),
        ("another's in its place", [before, &[0, 0, 0, 0, 0, 1]].concat()),
    ] {
        set_field(&mut connection, &bucket, BOB, &index).await;
        let report = verified(&deployment, 1);
        assert_eq!(report["broken"]["position"], revoked.0, "{what}: {report}");
        assert_eq!(report["verified"], head, "{what}: {report}");
    }
    set_field(&mut connection, &bucket, BOB, &packed).await;
    assert_eq!(verified(&deployment, 0)["verified"], head);

    // An event that is not signed yet, and has a wrong version in its stream.
    assert!(deployment.cli(&["account", "create", "eve"]).status.success());
    let mut changed = self::entries(&mut connection, &log_key).await;
    let fields = &mut changed.last_mut().unwrap().1;
    fields.iter_mut().find(|(field, _)| field == "version").unwrap().1 = "7".to_owned();
    rewrite(&mut connection, &log_key, &changed).await;
    assert_eq!(verified(&deployment, 1)["broken"]["position"], head + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_cut_off_in_the_archive_is_found_and_named() {
    let mut deployment = Deployment::stores_only(Stack::Embedded, &[]).await;
    revoke_a_judge(&deployment).await;
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    let head = signed(&deployment).await["verified"].clone();
    deployment.terminate(PROJECTOR).await;
    let revoked = revoked(&deployment).await;
    let archive = |before: Position| {
        let archived = deployment.cli(&["log", "archive", "--before", &before.to_string()]);
        assert_eq!(archived.status.code(), Some(0), "{archived:?}");
        assert_eq!(verified(&deployment, 0)["verified"], head);
    };
    let file = deployment.setting("stores.log").strip_prefix("sqlite:").unwrap();
    let file = rusqlite::Connection::open(file).unwrap();
    let select = "SELECT positions FROM trimmed_streams WHERE stream = ?1";
    let change = "UPDATE trimmed_streams SET positions = ?2 WHERE stream = ?1";
    let cut = "UPDATE trimmed_streams SET positions = substr(positions, 1, length(positions) - 6)
               WHERE stream = ?1";

    // The last event is not archived, but those before it are.
    archive(revoked);
    let packed: Vec<u8> = file.query_row(select, [BOB], |row| row.get(0)).unwrap();
    assert_eq!(file.execute(cut, [BOB]).unwrap(), 1);
    assert_eq!(verified(&deployment, 1)["broken"]["position"], revoked.0 - 1);
    file.execute(change, rusqlite::params![BOB, packed]).unwrap();

    archive(revoked.next());
    assert_eq!(file.execute(cut, [BOB]).unwrap(), 1);
    let log = deployment.stores().await.log;
    let read = log.read_stream(&BOB.parse().unwrap(), Version(1), 9).await.unwrap();
    assert_eq!(read.len(), 2, "nobody who reads the stream notices");
    let report = verified(&deployment, 1);
    assert_eq!(report["broken"]["position"], revoked.0, "{report}");
    assert_eq!(report["verified"], head, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_anew_where_the_tree_was_emptied() {
    let mut deployment = Deployment::stores_only(Stack::Cluster, &[]).await;
    revoke_a_judge(&deployment).await;
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    let all = signed(&deployment).await["verified"].as_u64().unwrap();
    let memory = PathBuf::from(format!("{}.head", deployment.setting("audit.keys")));
    let note = std::fs::read_to_string(&memory).unwrap();
    assert!(note.contains(&format!("\n{all}\n")), "{note}");

    let client = mongodb::Client::with_uri_str(deployment.setting("stores.tree")).await.unwrap();
    for name in ["tree.heads", "tree.tiles"] {
        let emptied = client.default_database().unwrap().collection::<Document>(name);
        assert!(emptied.delete_many(doc! {}).await.unwrap().deleted_count > 0);
    }
    // First the running signer, then one that has just started.
    assert!(deployment.cli(&["account", "create", "eve"]).status.success());
    for is_restarted in [false, true] {
        if is_restarted {
            deployment.terminate(PROJECTOR).await;
            deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
        }
        until("the signer has refused", async || {
            deployment.said(PROJECTOR).contains("has lost signed heads").then_some(())
        })
        .await;
        assert_eq!(deployment.stores().await.tree.newest_head().await.unwrap(), None);
        let report = verified(&deployment, 1);
        assert_eq!((&report["heads"], &report["broken"]), (&0.into(), &Value::Null));
    }
    let checked = deployment.cli(&["audit", "verify"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(said.contains("NOTHING SIGNED") && !said.contains("ok:"), "{said}");
    // The newest signed head is still in the file, and the log agrees with it.
    let with_head = ["audit", "verify", "--json", "--head", memory.to_str().unwrap()];
    let verified = deployment.cli(&with_head);
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");

    // The change is intentional.
    deployment.terminate(PROJECTOR).await;
    std::fs::rename(&memory, memory.with_extension("old")).unwrap();
    deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    assert_eq!(signed(&deployment).await["verified"], all + 1);
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

    // The attacker knows the format: the blob is valid, and the manifest names it.
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
        set_field(&mut connection, &manifest, segments[1].first.0, forged.as_bytes()).await;
        let report = verified(&deployment, 1);
        assert_eq!(report["broken"]["position"], position, "{what}: {report}");
        // A segment that cannot belong to this log is not read either.
        let read = deployment.stores().await.log.read_all(Position(7), 4).await;
        assert_eq!(read.is_ok(), position == 11, "{what}: {read:?}");
    }
    set_field(&mut connection, &manifest, segments[1].first.0, written.as_bytes()).await;
    assert_eq!(verified(&deployment, 0)["verified"], head);
}

/// Stores a copy of the segment in which this event has another actor. Returns its digest.
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

/// A cluster with accounts and verdicts, completely signed and projected.
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
    revoke_a_judge(&deployment).await;
    let head = deployment.stores().await.log.info().await.unwrap().head.0;
    assert_eq!(signed(&deployment).await["verified"], head);
    deployment.projected().await;
    deployment
}

/// The verification report, once a head covers everything.
async fn signed(deployment: &Deployment) -> Value {
    until("a head covers everything", async || {
        let output = deployment.cli(&["audit", "verify", "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).ok()?;
        (output.status.success() && report["not_covered"] == 0).then_some(report)
    })
    .await
}

/// Makes bob a judge, and revokes the role again.
async fn revoke_a_judge(deployment: &Deployment) {
    assert!(deployment.cli(&["account", "create", "bob"]).status.success());
    let log = deployment.stores().await.log;
    let stream = Stream::<Account>::load(log.as_ref(), BOB.parse().unwrap());
    let mut stream = stream.await.unwrap();
    for change in [AccountCommand::Grant(Role::Judge), AccountCommand::Revoke(Role::Judge)] {
        let context = Context::new(Actor::system());
        stream.execute(log.as_ref(), vec![change], &context, None, None).await.unwrap();
    }
}

/// The position of the event that revokes the role.
async fn revoked(deployment: &Deployment) -> Position {
    let log = deployment.stores().await.log;
    log.read_stream(&BOB.parse().unwrap(), Version(3), 1).await.unwrap()[0].position
}

/// A connection to Redis, and the namespace of the log's keys.
async fn connected(deployment: &Deployment) -> (MultiplexedConnection, String) {
    let redis = deployment.redis.as_ref().unwrap();
    let client = Client::open(redis.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let namespace = deployment.setting("stores.log").rsplit_once("namespace=").unwrap().1;
    (connection, namespace.to_owned())
}

/// A new key would make a different signer.
fn refuses_to_start_without_its_key(deployment: &Deployment) {
    let elsewhere = deployment.directory().join("elsewhere.keys");
    let setting = format!("audit.keys={}", elsewhere.display());
    let refused = deployment.cli(&["serve", "--role", "projector", "--set", &setting]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("elsewhere.keys") && said.contains("put it back"), "{said}");
    assert!(!elsewhere.exists());
}

/// Projections and the signer stop permanently, and report why.
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

/// Runs `assay audit verify`, which must exit with this code.
fn verified(deployment: &Deployment, code: i32) -> Value {
    let output = deployment.cli(&["audit", "verify", "--json"]);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn entries(connection: &mut MultiplexedConnection, key: &str) -> Vec<Entry> {
    cmd("XRANGE").arg(key).arg("-").arg("+").query_async(connection).await.unwrap()
}

/// Replaces the entries of a stream.
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
    field: impl ToRedisArgs,
    value: &[u8],
) {
    let _: () = cmd("HSET").arg(key).arg(field).arg(value).query_async(connection).await.unwrap();
}
