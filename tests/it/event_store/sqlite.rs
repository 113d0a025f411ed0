//! The log, the queue, the credentials and the tree in files.

use event_store::conformance::{
    Case, LogUrls, archive_cases, credentials_cases, log_cases, queue_cases, restore_cases, run,
    tree_cases,
};
use event_store::{OpenError, StoreUrls, open, open_credentials};
use tempfile::TempDir;

use super::{log_urls, open_log};

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
async fn concurrent_appends_are_committed_together() {
    let directory = TempDir::new().unwrap();
    let (log, _) =
        open_log(&format!("sqlite:{}/log.db", directory.path().display())).await.unwrap();
    super::appends_share_the_wait_for_the_disk(log).await;
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
