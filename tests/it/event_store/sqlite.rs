//! The log, the queue, the credentials and the tree in files.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use domain::{Position, Version};
use event_store::conformance::{
    Case, LogUrls, archive_cases, credentials_cases, exports_cases, log_cases, queue_cases,
    restore_cases, run, runs_cases, tree_cases,
};
use event_store::{
    Ability, AppendBatch, Lane, LastingFault, OpenError, PRESENCE, QueueError, ReadError,
    StoreUrls, TakeRequest, WorkItem, WorkerId, lasting_fault, open, open_credentials,
    open_exports, open_tree,
};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{announcement, log_urls, open_log, registration};

/// A separate file for each case, in a directory that does not exist yet.
fn fresh(directory: &TempDir) -> impl Fn(&Case) -> String {
    |case| format!("sqlite:{}/{}/store.db", directory.path().display(), case.name)
}

fn fresh_log(directory: &TempDir, archived: bool) -> impl Fn(&Case<LogUrls>) -> LogUrls {
    move |case| {
        let log = format!("sqlite:{}/{}/store.db", directory.path().display(), case.name);
        log_urls(log, archived, case, directory)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log() {
    let directory = TempDir::new().unwrap();
    run("log × sqlite", log_cases(), fresh_log(&directory, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archived_log() {
    let directory = TempDir::new().unwrap();
    run("archived log × sqlite", log_cases(), fresh_log(&directory, true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archive() {
    let directory = TempDir::new().unwrap();
    run("archive × sqlite", archive_cases(), fresh_log(&directory, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restore() {
    let directory = TempDir::new().unwrap();
    run("restore × sqlite", restore_cases(), fresh_log(&directory, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue() {
    let directory = TempDir::new().unwrap();
    run("queue × sqlite", queue_cases(), fresh_log(&directory, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs() {
    let directory = TempDir::new().unwrap();
    run("runs × sqlite", runs_cases(), fresh_log(&directory, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials() {
    let directory = TempDir::new().unwrap();
    run("credentials × sqlite", credentials_cases(), fresh(&directory)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tree() {
    let directory = TempDir::new().unwrap();
    run("tree × sqlite", tree_cases(), fresh(&directory)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exports() {
    let directory = TempDir::new().unwrap();
    run("exports × sqlite", exports_cases(), fresh(&directory)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_from_before_exports_is_upgraded() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("tree.db");
    let url = format!("sqlite:{}", file.display());
    drop(open_tree(&url).await.unwrap());
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch("DROP TABLE exports; PRAGMA user_version = 1").unwrap();
    drop(connection);
    let exports = open_exports(&url).await.unwrap();
    assert!(exports.list(jiff::Timestamp::now()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_appends_are_committed_together() {
    let directory = TempDir::new().unwrap();
    let (log, _) =
        open_log(&format!("sqlite:{}/log.db", directory.path().display())).await.unwrap();
    super::appends_share_the_wait_for_the_disk(log).await;
}

/// INV-5: a gap in the positions is an error.
#[tokio::test]
async fn a_gap_stops_the_reader() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("log.db");
    let (log, _) = open_log(&format!("sqlite:{}", path.display())).await.unwrap();
    let mut batch = registration("ada");
    for _ in 0..2 {
        let another = registration("ada").events.remove(0);
        batch.events.push(another);
    }
    log.append(&batch).await.unwrap();
    let file = Connection::open(&path).unwrap();
    file.execute("DELETE FROM events WHERE position = 2", []).unwrap();

    let error = log.read_all(Position::START, 10).await.unwrap_err();
    assert!(matches!(error, ReadError::Gap { .. }), "{error:?}");
    let error = log.read_stream(&batch.stream, Version(1), 10).await.unwrap_err();
    assert!(matches!(error, ReadError::Missing(_)), "{error:?}");
}

/// It was made before the clock was set back.
#[tokio::test]
async fn an_announcement_far_in_the_future_does_not_count() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("log.db");
    let (_, queue) = open_log(&format!("sqlite:{}", path.display())).await.unwrap();
    let cpp = [Ability::Judge("cpp".parse().unwrap())].into();
    queue.announce(&announcement("w1", cpp)).await.unwrap();
    let file = Connection::open(&path).unwrap();
    let later_us = 2 * PRESENCE.as_micros() as i64;
    file.execute("UPDATE workers SET announced_at = announced_at + ?1", [later_us]).unwrap();
    assert_eq!(queue.announced().await.unwrap(), None);
    queue.announce(&announcement("w2", [].into())).await.unwrap();
    assert_eq!(queue.announced().await.unwrap(), Some([].into()));
    let left: i64 = file.query_row("SELECT count(*) FROM workers", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn one_file_is_not_opened_as_two_things() {
    let directory = TempDir::new().unwrap();
    let url = format!("sqlite:{}/log.db", directory.path().display());
    open_log(&url).await.unwrap();
    let error = open_credentials(&url).await.unwrap_err();
    assert!(matches!(error, OpenError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("name another file"), "{error}");
}

/// INV-8, while the log is open.
#[tokio::test]
async fn a_log_that_loses_its_tail_or_gets_another_is_not_used_again() {
    for regrown in [false, true] {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite:{}/log.db", directory.path().display());
        let (log, _) = open_log(&url).await.unwrap();
        for login in ["ada", "bob", "eve"] {
            log.append(&registration(login)).await.unwrap();
        }
        assert_eq!(log.read_all(Position::START, 9).await.unwrap().len(), 3);
        let file = Connection::open(directory.path().join("log.db")).unwrap();
        file.execute("DELETE FROM events WHERE position > 1", []).unwrap();
        if regrown {
            // By a process that has not seen what is lost.
            let (other, _) = open_log(&url).await.unwrap();
            for login in ["dan", "fay", "gus"] {
                other.append(&registration(login)).await.unwrap();
            }
        }
        let read = log.read_all(Position(3), 9).await.unwrap_err();
        let info = log.info().await.unwrap_err();
        let appended = log.append(&registration("joe")).await.unwrap_err();
        let errors: [&dyn Error; 3] = [&read, &info, &appended];
        for error in errors {
            assert_eq!(lasting_fault(error), Some(LastingFault::Diverged), "{error:?}");
        }
        let how = if regrown { "another event is at position 3" } else { "it ends at 1" };
        assert!(read.to_string().contains(how), "{read}");
    }
}

#[tokio::test]
async fn damaged_work_does_not_keep_back_the_work_behind_it() {
    let directory = TempDir::new().unwrap();
    let url = format!("sqlite:{}/log.db", directory.path().display());
    let (log, queue) = open_log(&url).await.unwrap();
    for login in ["ada", "bob", "eve", "joe"] {
        let new = registration(login);
        let item = WorkItem { lane: Lane::Submit, stream: new.stream.clone(), account: None };
        log.append(&AppendBatch { enqueue: Some(item), ..new }).await.unwrap();
    }
    let file = Connection::open(directory.path().join("log.db")).unwrap();
    for damage in [
        "UPDATE work SET stream = 'nonsense' WHERE stream = 'account:ada'",
        "UPDATE work SET deliveries = -7 WHERE stream = 'account:bob'",
        "UPDATE work SET needs = '[' WHERE stream = 'account:eve'",
    ] {
        assert_eq!(file.execute(damage, []).unwrap(), 1);
    }
    let request = TakeRequest {
        worker: WorkerId("w1".to_owned()),
        lanes: Lane::ALL.to_vec(),
        lease: Duration::from_secs(600),
        abilities: Arc::new(["judge:cpp".parse::<Ability>().unwrap()].into()),
    };
    for what in ["stream", "deliveries"] {
        let error = queue.take(&request).await.unwrap_err();
        assert!(matches!(error, QueueError::Damaged(_)), "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
    }
    for login in ["eve", "joe"] {
        let work = queue.take(&request).await.unwrap().unwrap();
        assert_eq!(work.item.stream.to_string(), format!("account:{login}"));
    }
    assert_eq!(queue.take(&request).await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_file_is_no_outage() {
    let directory = TempDir::new().unwrap();
    let url = format!("sqlite:{}/store.db", directory.path().display());
    std::fs::write(directory.path().join("store.db"), "not a database".repeat(1_000)).unwrap();
    let errors = [
        open_log(&url).await.map(drop).unwrap_err(),
        open_credentials(&url).await.map(drop).unwrap_err(),
        open_tree(&url).await.map(drop).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(lasting_fault(&error), Some(LastingFault::Damaged), "{error:?}");
    }
}

#[tokio::test]
async fn a_file_of_another_program_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("notes.txt");
    let notes = "not a database, but long enough to have been one once".repeat(100);
    std::fs::write(&path, &notes).unwrap();
    open_log(&format!("sqlite:{}", path.display())).await.unwrap_err();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
}

#[tokio::test]
async fn the_embedded_stores_open_together_and_only_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;

    let directory = TempDir::new().unwrap();
    let root = directory.path().join("a/b");
    let stores = open(&StoreUrls::embedded(&root)).await.unwrap();
    let digest = stores.blobs.put("int main() {}".into()).await.unwrap().to_string();
    let (folder, blob) = (format!("blobs/{}", &digest[..2]), format!("{digest}.zst"));
    for (name, expected) in [
        ("", 0o700),
        ("log.db", 0o600),
        ("credentials.db", 0o600),
        ("tree.db", 0o600),
        ("blobs", 0o700),
        ("blobs/unfinished", 0o700),
        (&folder, 0o700),
        (&format!("{folder}/{blob}"), 0o600),
    ] {
        let mode = root.join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "{name}");
    }
}
