//! Leases: expiry, extension, release; declining.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::case::{Case, LogUrls, cases};
use super::samples::{LONG, SHORT, Store, in_time, request};
use crate::{Ability, Lane, QueueError, TakeRequest, Work, WorkReceipt, WorkerId};

pub(super) fn cases() -> Vec<Case<LogUrls>> {
    cases![
        work_whose_lease_ran_out_is_delivered_again,
        work_comes_back_to_its_own_worker_too,
        deliveries_count_up,
        extending_keeps_the_work,
        extending_counts_no_delivery,
        extending_lost_work_is_refused,
        extending_late_keeps_what_nobody_took,
        extending_with_a_strangers_receipt_is_refused,
        released_work_is_there_for_others_at_once,
        released_work_is_withheld_from_who_released_it,
        withheld_work_lets_later_work_pass,
        released_work_cannot_be_extended,
        releasing_lost_work_disturbs_nobody,
        releasing_finished_work_is_no_error,
        returned_work_comes_before_new_work,
        declined_work_is_for_workers_that_can_do_it,
        declining_counts_no_delivery,
        work_declined_without_needs_is_for_every_worker,
        declined_work_survives_reopening,
        declining_lost_work_disturbs_nobody,
        declined_work_wakes_takers,
        declined_work_is_listed_while_no_worker_holds_it,
    ]
}

fn assert_lost(outcome: Result<(), QueueError>) {
    assert!(matches!(outcome, Err(QueueError::LeaseLost)), "{outcome:?}");
}

async fn work_whose_lease_ran_out_is_delivered_again(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let began = Instant::now();
    let first = store.take("w1", SHORT).await.unwrap();
    let second = store.take_in_time("w2", LONG).await;
    assert!(began.elapsed() >= SHORT);
    assert_eq!((first.deliveries, second.deliveries), (1, 2));
    assert_eq!(first.item, second.item);
    assert_eq!(second.receipt.worker.0, "w2");
}

async fn work_comes_back_to_its_own_worker_too(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    store.take("w1", SHORT).await.unwrap();
    assert_eq!(store.take_in_time("w1", SHORT).await.deliveries, 2);
}

async fn deliveries_count_up(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    for deliveries in 1..=5 {
        let work = store.take(&format!("w{deliveries}"), LONG).await.unwrap();
        assert_eq!(work.deliveries, deliveries);
        store.queue.release(&work.receipt).await.unwrap();
    }
}

async fn extending_keeps_the_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    store.enqueue(Lane::Submit, "bob").await;
    let kept = store.take("w1", SHORT).await.unwrap();
    store.queue.extend(&kept.receipt, LONG).await.unwrap();
    let witness = store.take("w1", SHORT).await.unwrap();
    // The witness was taken later, with the same lease; when it is back, the first lease is over
    // too.
    let back = store.take_in_time("w2", LONG).await;
    assert_eq!(back.item, witness.item);
    assert_eq!(store.take("w2", LONG).await, None);
    store.queue.extend(&kept.receipt, LONG).await.unwrap();
}

async fn extending_counts_no_delivery(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    for _ in 0..3 {
        store.queue.extend(&work.receipt, LONG).await.unwrap();
    }
    store.queue.release(&work.receipt).await.unwrap();
    assert_eq!(store.take("w2", LONG).await.unwrap().deliveries, 2);
}

async fn extending_lost_work_is_refused(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let lost = store.take("w1", SHORT).await.unwrap();
    let held = store.take_in_time("w2", LONG).await;
    assert_lost(store.queue.extend(&lost.receipt, LONG).await);
    store.queue.extend(&held.receipt, LONG).await.unwrap();
}

async fn extending_late_keeps_what_nobody_took(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    store.enqueue(Lane::Run, "bob").await;
    let late = store.take("w1", SHORT).await.unwrap();
    store.take("w1", SHORT).await.unwrap();
    let run_only = TakeRequest { lanes: vec![Lane::Run], ..request("w2", LONG) };
    // Take the witness again: once that works, both leases are over.
    in_time("the lease to run out", async {
        while store.queue.take(&run_only).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    store.queue.extend(&late.receipt, LONG).await.unwrap();
    assert_eq!(store.take("w2", LONG).await, None);
}

async fn extending_with_a_strangers_receipt_is_refused(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    let worker = WorkerId("w2".to_owned());
    let stranger = WorkReceipt { worker, ..work.receipt.clone() };
    assert_lost(store.queue.extend(&stranger, LONG).await);
    store.queue.extend(&work.receipt, LONG).await.unwrap();
}

async fn released_work_is_there_for_others_at_once(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    store.queue.release(&work.receipt).await.unwrap();
    let again = store.take("w2", LONG).await.unwrap();
    assert_eq!((again.item, again.deliveries), (work.item, 2));
}

async fn released_work_is_withheld_from_who_released_it(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    let began = Instant::now();
    store.queue.release(&work.receipt).await.unwrap();
    assert_eq!(store.take("w1", LONG).await, None);
    assert_eq!(store.take_in_time("w1", SHORT).await.deliveries, 2);
    assert!(began.elapsed() >= SHORT);
}

async fn withheld_work_lets_later_work_pass(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let next = store.enqueue(Lane::Submit, "bob").await;
    let work = store.take("w1", LONG).await.unwrap();
    store.queue.release(&work.receipt).await.unwrap();
    assert_eq!(store.take("w1", LONG).await.unwrap().item, next);
    assert_eq!(store.take("w1", LONG).await, None);
    assert_eq!(store.take("w2", LONG).await.unwrap().item, work.item);
}

async fn released_work_cannot_be_extended(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    store.queue.release(&work.receipt).await.unwrap();
    assert_lost(store.queue.extend(&work.receipt, LONG).await);
}

async fn releasing_lost_work_disturbs_nobody(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let lost = store.take("w1", SHORT).await.unwrap();
    let held = store.take_in_time("w2", LONG).await;
    store.queue.release(&lost.receipt).await.unwrap();
    assert_eq!(store.take("w3", LONG).await, None);
    store.queue.extend(&held.receipt, LONG).await.unwrap();
}

async fn releasing_finished_work_is_no_error(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    store.queue.discard(&work.receipt).await.unwrap();
    store.queue.release(&work.receipt).await.unwrap();
    assert_eq!(store.take("w2", LONG).await, None);
}

async fn returned_work_comes_before_new_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    let returned = store.enqueue(Lane::Submit, "ada").await;
    let expired = store.enqueue(Lane::Submit, "bob").await;
    let first = store.take("w1", LONG).await.unwrap();
    store.take("w1", std::time::Duration::ZERO).await.unwrap();
    store.queue.release(&first.receipt).await.unwrap();
    let new = store.enqueue(Lane::Submit, "eve").await;
    for item in [returned, expired, new] {
        assert_eq!(store.take("w2", LONG).await.unwrap().item, item);
    }
}

fn abilities(ids: &[&str]) -> BTreeSet<Ability> {
    ids.iter().map(|id| Ability::Judge(id.parse().unwrap())).collect()
}

fn request_with(worker: &str, ids: &[&str]) -> TakeRequest {
    TakeRequest { abilities: Arc::new(abilities(ids)), ..request(worker, LONG) }
}

async fn take_with(store: &Store, worker: &str, ids: &[&str]) -> Option<Work> {
    store.queue.take(&request_with(worker, ids)).await.unwrap()
}

async fn declined_work_is_for_workers_that_can_do_it(urls: LogUrls) {
    let store = Store::open(urls).await;
    let item = store.enqueue(Lane::Submit, "ada").await;
    let later = store.enqueue(Lane::Submit, "bob").await;
    let work = take_with(&store, "w1", &["python3"]).await.unwrap();
    store.queue.decline(&work.receipt, &abilities(&["cpp", "java"])).await.unwrap();
    // What follows it can be taken in the meantime.
    assert_eq!(take_with(&store, "w1", &["python3"]).await.unwrap().item, later);
    for lacking in [&[][..], &["cpp"], &["java"], &["python3", "java", "cpp11"]] {
        assert_eq!(take_with(&store, "w2", lacking).await, None, "{lacking:?}");
    }
    let stats = store.queue.stats().await.unwrap();
    assert_eq!(stats.iter().map(|lane| lane.waiting).sum::<u64>(), 1);
    let work = take_with(&store, "w3", &["cpp", "java", "python3"]).await.unwrap();
    assert_eq!(work.item, item);
}

async fn declining_counts_no_delivery(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let released = store.take("w1", LONG).await.unwrap();
    store.queue.release(&released.receipt).await.unwrap();
    let declined = take_with(&store, "w2", &[]).await.unwrap();
    assert_eq!(declined.deliveries, 2);
    store.queue.decline(&declined.receipt, &abilities(&["cpp"])).await.unwrap();
    assert_eq!(take_with(&store, "w3", &["cpp"]).await.unwrap().deliveries, 2);
}

async fn work_declined_without_needs_is_for_every_worker(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    for _ in 0..3 {
        let work = take_with(&store, "w1", &[]).await.unwrap();
        assert_eq!(work.deliveries, 1);
        store.queue.decline(&work.receipt, &abilities(&[])).await.unwrap();
    }
    assert_eq!(take_with(&store, "w2", &["cpp"]).await.unwrap().deliveries, 1);
}

async fn declined_work_survives_reopening(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = take_with(&store, "w1", &[]).await.unwrap();
    store.queue.decline(&work.receipt, &abilities(&["cpp"])).await.unwrap();
    let store = store.reopen().await;
    assert_eq!(take_with(&store, "w2", &["python3"]).await, None);
    assert!(take_with(&store, "w3", &["cpp"]).await.is_some());
}

async fn declining_lost_work_disturbs_nobody(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let lost = store.take("w1", SHORT).await.unwrap();
    let held = store.take_in_time("w2", LONG).await;
    store.queue.decline(&lost.receipt, &abilities(&["cpp"])).await.unwrap();
    store.queue.extend(&held.receipt, LONG).await.unwrap();
    store.queue.discard(&held.receipt).await.unwrap();
    store.queue.decline(&held.receipt, &abilities(&["cpp"])).await.unwrap();
    assert_eq!(take_with(&store, "w3", &["cpp"]).await, None);
}

async fn declined_work_wakes_takers(urls: LogUrls) {
    let store = Store::open(urls).await;
    let other = store.another_handle().await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = take_with(&store, "w1", &[]).await.unwrap();
    let mut ready = other.queue.ready();
    ready.mark_unchanged();
    store.queue.decline(&work.receipt, &abilities(&["cpp"])).await.unwrap();
    in_time("a wake-up", async {
        while take_with(&other, "w2", &["cpp"]).await.is_none() {
            ready.changed().await.unwrap();
        }
    })
    .await;
}

async fn declined_work_is_listed_while_no_worker_holds_it(urls: LogUrls) {
    let store = Store::open(urls).await;
    let mut items = Vec::new();
    for login in ["ada", "bob", "eve"] {
        items.push(store.enqueue(Lane::Submit, login).await);
    }
    let list = async |after: Option<&WorkReceipt>, limit| {
        store.queue.declined(Lane::Submit, after, limit).await.unwrap()
    };
    // Work that waits, is held, or was declined without needs is not listed.
    let held = take_with(&store, "w1", &[]).await.unwrap();
    store.queue.decline(&held.receipt, &abilities(&[])).await.unwrap();
    assert_eq!(list(None, 10).await, []);
    for _ in 0..3 {
        let work = take_with(&store, "w1", &[]).await.unwrap();
        store.queue.decline(&work.receipt, &abilities(&["cpp"])).await.unwrap();
    }
    let declined = list(None, 10).await;
    assert_eq!(declined.iter().map(|it| it.item.clone()).collect::<Vec<_>>(), items);
    assert!(declined.iter().all(|it| it.needs == abilities(&["cpp"])), "{declined:?}");
    assert_eq!(list(None, 2).await, declined[..2]);
    assert_eq!(list(Some(&declined[0].receipt), 1).await, declined[1..2]);
    assert_eq!(list(Some(&declined[2].receipt), 1).await, []);
    assert_eq!(store.queue.declined(Lane::Rejudge, None, 10).await.unwrap(), []);

    store.queue.discard(&declined[0].receipt).await.unwrap();
    assert_eq!(take_with(&store, "w2", &["cpp"]).await.unwrap().item, items[1]);
    assert_eq!(list(None, 10).await, declined[2..]);
}
