//! Announcing workers and draining them.

use std::collections::BTreeSet;

use super::case::{Case, LogUrls, cases};
use super::samples::{LONG, Store};
use crate::{Ability, Announcement, Lane, WorkerFacts, WorkerId};

pub(super) fn cases() -> Vec<Case<LogUrls>> {
    cases![
        the_abilities_of_workers_are_added_up,
        workers_are_listed_with_what_they_announced_last,
        a_worker_learns_that_its_name_is_drained,
        draining_survives_reopening_and_needs_no_worker,
        the_queue_leaves_it_to_a_drained_worker_to_take_nothing,
    ]
}

fn abilities(ids: &[&str]) -> BTreeSet<Ability> {
    ids.iter().map(|id| Ability::Judge(id.parse().unwrap())).collect()
}

fn announcement(worker: &str, ids: &[&str]) -> Announcement {
    let facts = WorkerFacts { name: format!("name of {worker}"), ..WorkerFacts::default() };
    Announcement { worker: WorkerId(worker.to_owned()), abilities: abilities(ids), facts }
}

async fn the_abilities_of_workers_are_added_up(urls: LogUrls) {
    let store = Store::open(urls).await;
    assert_eq!(store.queue.announced().await.unwrap(), None);
    let announce = async |worker: &str, ids: &[&str]| {
        store.queue.announce(&announcement(worker, ids)).await.unwrap();
    };
    announce("w1", &[]).await;
    assert_eq!(store.queue.announced().await.unwrap(), Some(abilities(&[])));
    announce("w1", &["cpp", "java"]).await;
    announce("w2", &["cpp", "python3"]).await;
    let all = abilities(&["cpp", "java", "python3"]);
    assert_eq!(store.queue.announced().await.unwrap(), Some(all));
    // The last announcement of a worker counts.
    announce("w1", &["cpp"]).await;
    let other = store.another_handle().await;
    assert_eq!(other.queue.announced().await.unwrap(), Some(abilities(&["cpp", "python3"])));
}

async fn workers_are_listed_with_what_they_announced_last(urls: LogUrls) {
    let store = Store::open(urls).await;
    assert_eq!(store.queue.workers().await.unwrap(), []);
    let facts = WorkerFacts {
        name: "north".to_owned(),
        host: "machine \"7\", left".to_owned(),
        version: "1.2.3".to_owned(),
        slots: 8,
        running: 3,
    };
    let first = Announcement { facts, ..announcement("w2", &["cpp", "java"]) };
    store.queue.announce(&first).await.unwrap();
    store.queue.announce(&announcement("w1", &[])).await.unwrap();
    let mut again = first.clone();
    again.facts.running = 4;
    store.queue.announce(&again).await.unwrap();
    let other = store.another_handle().await;
    let workers = other.queue.workers().await.unwrap();
    assert_eq!(workers.iter().map(|it| it.worker.0.as_str()).collect::<Vec<_>>(), ["w1", "w2"]);
    assert_eq!(workers[1].abilities, abilities(&["cpp", "java"]));
    assert_eq!(workers[1].facts, Some(again.facts));
    assert!(workers[0].at <= workers[1].at, "{workers:?}");
}

async fn a_worker_learns_that_its_name_is_drained(urls: LogUrls) {
    let store = Store::open(urls).await;
    let other = store.another_handle().await;
    let is_drained =
        async |worker: &str| store.queue.announce(&announcement(worker, &[])).await.unwrap();
    assert!(!is_drained("w1").await);
    for _ in 0..2 {
        other.queue.set_drained("name of w1", true).await.unwrap();
        assert!(is_drained("w1").await);
        assert!(!is_drained("w2").await);
        let names = store.queue.drained().await.unwrap();
        assert_eq!(names, BTreeSet::from(["name of w1".to_owned()]));
    }
    for _ in 0..2 {
        other.queue.set_drained("name of w1", false).await.unwrap();
        assert!(!is_drained("w1").await);
        assert_eq!(store.queue.drained().await.unwrap(), BTreeSet::new());
    }
}

async fn draining_survives_reopening_and_needs_no_worker(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.queue.set_drained("name of w1", true).await.unwrap();
    let store = store.reopen().await;
    assert!(store.queue.announce(&announcement("w1", &[])).await.unwrap());
}

async fn the_queue_leaves_it_to_a_drained_worker_to_take_nothing(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    store.queue.set_drained("name of w1", true).await.unwrap();
    store.queue.announce(&announcement("w1", &[])).await.unwrap();
    assert!(store.take("w1", LONG).await.is_some());
}
