//! The log and the queue in a Redis server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, Value, cmd};
use domain::{Position, Version};
use event_store::conformance::{
    Case, LogUrls, archive_cases, log_cases, queue_cases, restore_cases, run, runs_cases,
};
use event_store::{
    AppendError, Lane, OpenError, PRESENCE, ReadError, TakeRequest, WorkItem, WorkerId,
    append_surely,
};
use futures::future::join_all;
use tempfile::TempDir;
use tests::redis_server::RedisServer;
use tokio::sync::OnceCell;

use super::{announcement, fresh_name, log_urls, open_log, registration, report};

/// How long to wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// One server for all tests that do not break it.
async fn server() -> &'static RedisServer {
    static SERVER: OnceCell<RedisServer> = OnceCell::const_new();
    SERVER.get_or_init(RedisServer::start).await
}

async fn connection(server: &RedisServer) -> MultiplexedConnection {
    let client = Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn configure(server: &RedisServer, name: &str, value: &str) {
    let mut connection = connection(server).await;
    let mut set = cmd("CONFIG");
    set.arg("SET").arg(name).arg(value).query_async::<()>(&mut connection).await.unwrap();
}

/// Runs cases on separate logs of one server.
async fn run_logs(suite: &str, cases: Vec<Case<LogUrls>>, archived: bool) {
    let (server, directory) = (server().await, TempDir::new().unwrap());
    let fresh =
        |case: &Case<LogUrls>| log_urls(server.url_in(&fresh_name()), archived, case, &directory);
    run(suite, cases, fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log() {
    run_logs("log × redis", log_cases(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archived_log() {
    run_logs("archived log × redis", log_cases(), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archive() {
    run_logs("archive × redis", archive_cases(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restore() {
    run_logs("restore × redis", restore_cases(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue() {
    run_logs("queue × redis", queue_cases(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs() {
    run_logs("runs × redis", runs_cases(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_appends_are_synced_together() {
    let (log, _) = open_log(&server().await.url_in(&fresh_name())).await.unwrap();
    super::appends_share_the_wait_for_the_disk(log).await;
}

#[tokio::test]
async fn a_forgetful_server_is_refused_with_cause_and_cure() {
    let server = RedisServer::start_forgetful().await;
    let error = open_log(&server.url()).await.unwrap_err();
    let OpenError::Refused { cause, cure } = &error else { panic!("{error:?}") };
    assert!(cause.contains("appendonly no") && cause.contains("appendfsync everysec"), "{cause}");
    for line in ["CONFIG SET appendonly yes", "CONFIG SET appendfsync always", "durability=relaxed"]
    {
        assert!(cure.contains(line), "{cure}");
    }
}

#[tokio::test]
async fn a_forgetful_server_will_do_when_that_was_asked_for() {
    let server = RedisServer::start_forgetful().await;
    let (log, _) = open_log(&format!("{}/?durability=relaxed", server.url())).await.unwrap();
    log.append(&registration("ada")).await.unwrap();
    let durability = log.info().await.unwrap().durability;
    assert!(durability.starts_with("relaxed: with appendonly no"), "{durability}");
}

#[tokio::test]
async fn a_server_that_evicts_is_refused() {
    let server = RedisServer::start().await;
    configure(&server, "maxmemory-policy", "allkeys-lru").await;
    let error = open_log(&server.url()).await.unwrap_err();
    assert!(error.to_string().contains("CONFIG SET maxmemory-policy noeviction"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_its_password_is_not_shown() {
    let error = open_log("redis://judge:hunter2@127.0.0.1:1/0").await.unwrap_err();
    assert!(matches!(error, OpenError::Unavailable { .. }), "{error:?}");
    assert!(!report(&error).contains("hunter2"), "{}", report(&error));
}

#[tokio::test]
async fn a_full_server_takes_no_events_and_says_why() {
    let server = RedisServer::start().await;
    let (log, _) = open_log(&server.url()).await.unwrap();
    log.append(&registration("ada")).await.unwrap();
    configure(&server, "maxmemory", "1mb").await;
    let error = log.append(&registration("bob")).await.unwrap_err();
    assert!(matches!(error, AppendError::Unavailable(_)), "{error:?}");
    assert!(report(&error).contains("OOM"), "{}", report(&error));
    assert_eq!(log.read_all(Position::START, 10).await.unwrap().len(), 1);
    configure(&server, "maxmemory", "0").await;
    assert_eq!(log.append(&registration("bob")).await.unwrap().first, Position(2));
}

/// INV-8, for a running process whose server loses events.
#[tokio::test]
async fn a_log_that_is_not_what_it_was_is_not_used_any_more() {
    let server = RedisServer::start().await;
    let losses = [
        ("other", cmd("HSET").arg("other:meta").arg("log_id").arg("another").to_owned()),
        ("shorter", cmd("SET").arg("shorter:tail").arg("1 1").to_owned()),
    ];
    for (namespace, change) in losses {
        let (log, queue) = open_log(&server.url_in(namespace)).await.unwrap();
        log.append(&registration("ada")).await.unwrap();
        log.append(&registration("bob")).await.unwrap();
        let mut connection = connection(&server).await;
        change.query_async::<()>(&mut connection).await.unwrap();
        let mut cut = cmd("CLIENT");
        cut.arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("yes");
        cut.query_async::<()>(&mut connection).await.unwrap();

        let error = log.read_all(Position(2), 1).await.unwrap_err();
        assert!(matches!(error, ReadError::Diverged(_)), "{namespace}: {error:?}");
        let error = log.append(&registration("eve")).await.unwrap_err();
        let error = match error {
            // The cut connection had not been detected yet.
            AppendError::Unknown(_) => log.append(&registration("eve")).await.unwrap_err(),
            error => error,
        };
        assert!(matches!(error, AppendError::Unavailable(_)), "{namespace}: {error:?}");
        assert!(report(&error).contains("diverged"), "{namespace}: {}", report(&error));
        let error = queue.stats().await.unwrap_err();
        assert!(report(&error).contains("diverged"), "{namespace}: {}", report(&error));
    }
}

#[tokio::test]
async fn a_replica_takes_no_events_and_says_why() {
    let server = RedisServer::start().await;
    let (log, _) = open_log(&server.url()).await.unwrap();
    configure(&server, "min-replicas-to-write", "1").await;
    let error = log.append(&registration("ada")).await.unwrap_err();
    assert!(matches!(error, AppendError::Unavailable(_)), "{error:?}");
    assert!(report(&error).contains("NOREPLICAS"), "{}", report(&error));
    configure(&server, "min-replicas-to-write", "0").await;
    let mut connection = connection(&server).await;
    let mut follow = cmd("REPLICAOF");
    follow.arg("127.0.0.1").arg(1).query_async::<()>(&mut connection).await.unwrap();
    let error = log.append(&registration("ada")).await.unwrap_err();
    assert!(matches!(error, AppendError::Unavailable(_)), "{error:?}");
    assert!(report(&error).contains("read only replica"), "{}", report(&error));
}

#[tokio::test]
async fn lost_functions_are_loaded_again() {
    let server = RedisServer::start().await;
    let (log, queue) = open_log(&server.url()).await.unwrap();
    let mut connection = connection(&server).await;
    cmd("FUNCTION").arg("FLUSH").query_async::<()>(&mut connection).await.unwrap();
    log.append(&registration("ada")).await.unwrap();
    queue.stats().await.unwrap();
}

/// It was made before the clock was set back. What cannot be read does not count either.
#[tokio::test]
async fn an_announcement_far_in_the_future_does_not_count() {
    let server = server().await;
    let namespace = fresh_name();
    let (_, queue) = open_log(&server.url_in(&namespace)).await.unwrap();
    let later = SystemTime::now() + 2 * PRESENCE;
    let later_us = later.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let mut connection = connection(server).await;
    let mut set = cmd("HSET");
    set.arg(format!("{namespace}:workers"));
    set.arg("w1").arg(format!("{later_us} judge:cpp")).arg("w2").arg("nonsense");
    set.query_async::<()>(&mut connection).await.unwrap();
    assert_eq!(queue.announced().await.unwrap(), None);
    queue.announce(&announcement("w3", [].into())).await.unwrap();
    assert_eq!(queue.announced().await.unwrap(), Some([].into()));
    let mut count = cmd("HLEN");
    let left = count.arg(format!("{namespace}:workers")).query_async::<u64>(&mut connection);
    assert_eq!(left.await.unwrap(), 1);

    // A worker of an older version announces no facts.
    let now_us = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let mut set = cmd("HSET");
    set.arg(format!("{namespace}:workers")).arg("w4").arg(format!("{now_us} judge:cpp"));
    set.query_async::<()>(&mut connection).await.unwrap();
    let workers = queue.workers().await.unwrap();
    assert_eq!(workers.iter().map(|it| it.facts.is_some()).collect::<Vec<_>>(), [true, false]);
}

/// The state in the names of consumers had no account, and entries had none either.
#[tokio::test]
async fn work_of_an_older_version_is_taken_as_nobodys() {
    let server = server().await;
    let namespace = fresh_name();
    let (_, queue) = open_log(&server.url_in(&namespace)).await.unwrap();
    let mut connection = connection(server).await;
    let lane = format!("{namespace}:work:submit");
    let mut ids = Vec::new();
    for login in ["ada", "bob", "eve", "joe"] {
        let mut add = cmd("XADD");
        add.arg(&lane).arg("*").arg("stream").arg(format!("account:{login}")).arg("at").arg(1);
        ids.push(add.query_async::<String>(&mut connection).await.unwrap());
    }
    for (id, consumer) in ids.iter().zip(["released:w1", "needs:judge:cpp", "600000:w1"]) {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg("evaluators").arg("w0").arg("COUNT").arg(1);
        read.arg("STREAMS").arg(&lane).arg(">");
        read.query_async::<Value>(&mut connection).await.unwrap();
        let mut claim = cmd("XCLAIM");
        claim.arg(&lane).arg("evaluators").arg(consumer).arg(0).arg(id).arg("JUSTID");
        claim.query_async::<Value>(&mut connection).await.unwrap();
    }
    let request = |worker: &str, abilities: &[&str]| TakeRequest {
        worker: WorkerId(worker.to_owned()),
        lanes: Lane::ALL.to_vec(),
        lease: Duration::from_secs(600),
        abilities: Arc::new(abilities.iter().map(|it| it.parse().unwrap()).collect()),
    };
    for (login, deliveries) in [("ada", 2), ("joe", 1)] {
        let work = queue.take(&request("w2", &[])).await.unwrap().unwrap();
        assert_eq!(work.item.stream.to_string(), format!("account:{login}"));
        assert_eq!((work.deliveries, work.item.account), (deliveries, None));
    }
    assert_eq!(queue.take(&request("w2", &[])).await.unwrap(), None);
    let work = queue.take(&request("w2", &["judge:cpp"])).await.unwrap().unwrap();
    assert_eq!((work.item.stream.to_string().as_str(), work.deliveries), ("account:bob", 2));
    // Eve's is still held.
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats[0].waiting, stats[0].in_flight), (0, 4));
}

/// INV-5: a gap in the positions is an error.
#[tokio::test]
async fn a_gap_stops_the_reader() {
    let server = server().await;
    let namespace = fresh_name();
    let (log, _) = open_log(&server.url_in(&namespace)).await.unwrap();
    let mut batch = registration("ada");
    for _ in 0..2 {
        let another = registration("ada").events.remove(0);
        batch.events.push(another);
    }
    log.append(&batch).await.unwrap();
    let mut connection = connection(server).await;
    let mut delete = cmd("XDEL");
    delete.arg(format!("{namespace}:log")).arg("2-0");
    delete.query_async::<()>(&mut connection).await.unwrap();

    let error = log.read_all(Position::START, 10).await.unwrap_err();
    let (two, three) = (Position(2), Position(3));
    assert!(
        matches!(error, ReadError::Gap { expected, found } if expected == two && found == three)
    );
    let error = log.read_stream(&batch.stream, Version(1), 10).await.unwrap_err();
    assert!(matches!(error, ReadError::Missing(_)), "{error:?}");
}

/// Appends while the server is killed and restarted: every acknowledged event is in the log once
/// and in order, and the same handle continues to work (INV-5).
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    const WRITERS: usize = 24;
    const EACH: usize = 40;
    const KILLED_AFTER: u64 = 200;
    let mut server = RedisServer::start().await;
    let (log, queue) = open_log(&server.url()).await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let log = log.clone();
        tokio::spawn(async move {
            let mut acknowledged = BTreeMap::new();
            for number in 0..EACH {
                let mut batch = registration(&format!("user-{writer}-{number}"));
                let stream = batch.stream.clone();
                batch.enqueue = Some(WorkItem { lane: Lane::Submit, stream, account: None });
                let appended = loop {
                    match append_surely(&*log, &batch).await {
                        Ok(appended) => break appended,
                        // The server is down; retrying is safe, because the event ids are the same.
                        Err(AppendError::Unavailable(_) | AppendError::Unknown(_)) => {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        Err(error) => panic!("{error:?}"),
                    }
                };
                acknowledged.insert(appended.first, batch.events[0].id);
            }
            acknowledged
        })
    });
    let writers: Vec<_> = writers.collect();
    for kill in 1..=2 {
        let mut head = log.head();
        let enough = head.wait_for(|head| head.0 >= kill * KILLED_AFTER);
        tokio::time::timeout(PATIENCE, enough).await.unwrap().unwrap();
        server.kill_hard();
        server.restart().await;
    }
    let mut acknowledged = BTreeMap::new();
    for writer in join_all(writers).await {
        acknowledged.extend(writer.unwrap());
    }

    let count = WRITERS * EACH;
    assert_eq!(acknowledged.len(), count);
    let read = log.read_all(Position::START, count as u32 + 1).await.unwrap();
    let written: BTreeMap<_, _> = read.iter().map(|event| (event.position, event.id)).collect();
    assert_eq!(written, acknowledged);
    // Each append queued its work once, regardless of retries.
    let waiting: u64 = queue.stats().await.unwrap().iter().map(|lane| lane.waiting).sum();
    assert_eq!(waiting, count as u64);
    // A new handle agrees, and is notified of the old handle's append.
    let (other, _) = open_log(&server.url()).await.unwrap();
    log.append(&registration("last")).await.unwrap();
    let mut head = other.head();
    let last = head.wait_for(|head| head.0 == count as u64 + 1);
    tokio::time::timeout(PATIENCE, last).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_reports_that_the_server_is_away_and_goes_on_when_it_is_back() {
    let mut server = RedisServer::start().await;
    let (log, queue) = open_log(&server.url()).await.unwrap();
    log.append(&registration("ada")).await.unwrap();
    server.kill_hard();
    // The first append may have been sent; the second finds no connection.
    let _ = log.append(&registration("bob")).await.unwrap_err();
    let error = log.append(&registration("bob")).await.unwrap_err();
    assert!(matches!(error, AppendError::Unavailable(_)), "{error:?}");
    let error = log.read_all(Position::START, 1).await.unwrap_err();
    assert!(matches!(error, ReadError::Unavailable(_)), "{error:?}");
    queue.stats().await.unwrap_err();

    server.restart().await;
    assert_eq!(log.append(&registration("bob")).await.unwrap().first, Position(2));
    let (other, _) = open_log(&server.url()).await.unwrap();
    other.append(&registration("eve")).await.unwrap();
    // The connection that watches the head has recovered too.
    let mut head = log.head();
    let seen = head.wait_for(|head| *head == Position(3));
    tokio::time::timeout(PATIENCE, seen).await.unwrap().unwrap();
}
