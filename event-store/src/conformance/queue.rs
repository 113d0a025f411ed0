//! Order, lanes, sharing and statistics.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;

use super::case::{Case, LogUrls, cases};
use super::samples::{LONG, SHORT, Store, in_time, request, wait_for};
use crate::{Lane, QueueError, TakeRequest};

pub(super) fn cases() -> Vec<Case<LogUrls>> {
    cases![
        an_empty_queue_answers_at_once,
        no_lanes_mean_no_work,
        the_oldest_comes_first,
        urgent_lanes_come_first,
        only_the_lanes_asked_for_are_looked_at,
        lanes_are_looked_at_in_the_order_asked_for,
        work_in_hand_is_not_delivered_again,
        two_takers_never_share,
        takers_with_handles_of_their_own_never_share,
        discarded_work_is_gone,
        discarding_twice_is_no_error,
        every_lane_has_numbers,
        numbers_follow_the_work,
        the_oldest_wait_counts_from_queueing,
        ready_wakes_for_own_work,
        ready_wakes_for_another_handles_work,
        ready_wakes_for_released_work,
        ready_wakes_for_work_that_another_handle_released,
        work_survives_reopening,
        a_lease_survives_reopening,
    ]
}

async fn an_empty_queue_answers_at_once(urls: LogUrls) {
    let store = Store::open(urls).await;
    let taken = tokio::time::timeout(Duration::from_secs(5), store.take("w1", LONG)).await;
    assert_eq!(taken.unwrap(), None);
}

async fn no_lanes_mean_no_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let request = TakeRequest { lanes: Vec::new(), ..request("w1", LONG) };
    assert_eq!(store.queue.take(&request).await.unwrap(), None);
}

async fn the_oldest_comes_first(urls: LogUrls) {
    let store = Store::open(urls).await;
    let mut queued = Vec::new();
    for number in 0..10 {
        queued.push(store.enqueue(Lane::Submit, &format!("user-{number}")).await);
    }
    for item in queued {
        assert_eq!(store.take("w1", LONG).await.unwrap().item, item);
    }
    assert_eq!(store.take("w1", LONG).await, None);
}

async fn urgent_lanes_come_first(urls: LogUrls) {
    let store = Store::open(urls).await;
    for lane in Lane::ALL.into_iter().rev() {
        store.enqueue(lane, &format!("user-{}", lane.as_str())).await;
    }
    for lane in Lane::ALL {
        assert_eq!(store.take("w1", LONG).await.unwrap().item.lane, lane);
    }
}

async fn only_the_lanes_asked_for_are_looked_at(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let request = TakeRequest { lanes: vec![Lane::Run, Lane::Rejudge], ..request("w1", LONG) };
    assert_eq!(store.queue.take(&request).await.unwrap(), None);
    store.enqueue(Lane::Rejudge, "bob").await;
    let work = store.queue.take(&request).await.unwrap().unwrap();
    assert_eq!((work.item.lane, work.receipt.lane), (Lane::Rejudge, Lane::Rejudge));
}

async fn lanes_are_looked_at_in_the_order_asked_for(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    store.enqueue(Lane::Rejudge, "bob").await;
    let request = TakeRequest { lanes: vec![Lane::Rejudge, Lane::Submit], ..request("w1", LONG) };
    let work = store.queue.take(&request).await.unwrap().unwrap();
    assert_eq!(work.item.lane, Lane::Rejudge);
}

async fn work_in_hand_is_not_delivered_again(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    assert!(store.take("w1", LONG).await.is_some());
    assert_eq!(store.take("w1", LONG).await, None);
    assert_eq!(store.take("w2", LONG).await, None);
    // The holder's lease counts, not the one that another worker asks for.
    assert_eq!(store.take("w3", Duration::ZERO).await, None);
}

async fn two_takers_never_share(urls: LogUrls) {
    let store = Store::open(urls).await;
    share_out([&store; 8]).await;
}

async fn takers_with_handles_of_their_own_never_share(urls: LogUrls) {
    let one = Store::open(urls).await;
    let two = one.another_handle().await;
    share_out([&one, &two, &one, &two]).await;
}

async fn share_out<const TAKERS: usize>(handles: [&Store; TAKERS]) {
    const ITEMS: usize = 40;
    let names: Vec<String> = (0..ITEMS).map(|number| format!("user-{number}")).collect();
    join_all(names.iter().map(|name| handles[0].enqueue(Lane::Submit, name))).await;
    let takers = handles.iter().enumerate().map(|(number, store)| async move {
        let mut taken = Vec::new();
        while let Some(work) = store.take(&format!("w{number}"), LONG).await {
            assert_eq!(work.deliveries, 1);
            taken.push(work.item.stream);
        }
        taken
    });
    let taken = join_all(takers).await.concat();
    assert_eq!(taken.len(), ITEMS);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>().len(), ITEMS);
}

async fn discarded_work_is_gone(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", SHORT).await.unwrap();
    store.queue.discard(&work.receipt).await.unwrap();
    let outcome = store.queue.extend(&work.receipt, LONG).await;
    assert!(matches!(outcome, Err(QueueError::LeaseLost)), "{outcome:?}");
    let stats = store.queue.stats().await.unwrap();
    assert!(stats.iter().all(|lane| lane.waiting + lane.in_flight == 0), "{stats:?}");
}

async fn discarding_twice_is_no_error(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    store.queue.discard(&work.receipt).await.unwrap();
    store.queue.discard(&work.receipt).await.unwrap();
    store.enqueue(Lane::Submit, "bob").await;
    store.queue.discard(&work.receipt).await.unwrap();
    assert!(store.take("w1", LONG).await.is_some());
}

async fn every_lane_has_numbers(urls: LogUrls) {
    let store = Store::open(urls).await;
    let stats = store.queue.stats().await.unwrap();
    assert_eq!(stats.iter().map(|lane| lane.lane).collect::<Vec<_>>(), Lane::ALL);
    for lane in stats {
        assert_eq!((lane.waiting, lane.in_flight, lane.oldest_wait), (0, 0, Duration::ZERO));
    }
}

async fn numbers(store: &Store, lane: Lane) -> (u64, u64) {
    let stats = store.queue.stats().await.unwrap();
    let stats = stats.iter().find(|stats| stats.lane == lane).unwrap();
    (stats.waiting, stats.in_flight)
}

async fn numbers_follow_the_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    for name in ["ada", "bob", "eve"] {
        store.enqueue(Lane::Submit, name).await;
    }
    store.enqueue(Lane::Run, "kim").await;
    assert_eq!(numbers(&store, Lane::Submit).await, (3, 0));
    let first = store.take("w1", LONG).await.unwrap();
    let second = store.take("w1", LONG).await.unwrap();
    assert_eq!(numbers(&store, Lane::Submit).await, (1, 2));
    store.queue.release(&first.receipt).await.unwrap();
    assert_eq!(numbers(&store, Lane::Submit).await, (2, 1));
    store.queue.discard(&second.receipt).await.unwrap();
    assert_eq!(numbers(&store, Lane::Submit).await, (2, 0));
    assert_eq!(numbers(&store, Lane::Run).await, (1, 0));
    assert_eq!(numbers(&store, Lane::Rejudge).await, (0, 0));
    // Work whose lease has expired counts as waiting.
    store.take("w2", SHORT).await.unwrap();
    in_time("the lease to run out", async {
        while numbers(&store, Lane::Submit).await != (2, 0) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn the_oldest_wait_counts_from_queueing(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    store.take("w1", SHORT).await.unwrap();
    // The lease has expired, so the work has waited at least that long.
    let work = store.take_in_time("w2", LONG).await;
    store.queue.release(&work.receipt).await.unwrap();
    let stats = store.queue.stats().await.unwrap();
    let wait = stats.iter().find(|lane| lane.lane == Lane::Submit).unwrap().oldest_wait;
    assert!((SHORT..LONG).contains(&wait), "{wait:?}");
}

async fn ready_wakes_for_own_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    let mut ready = store.queue.ready();
    ready.mark_unchanged();
    store.enqueue(Lane::Submit, "ada").await;
    in_time("the wake-up", ready.changed()).await.unwrap();
}

async fn ready_wakes_for_another_handles_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    let other = store.another_handle().await;
    for (number, lane) in Lane::ALL.into_iter().enumerate() {
        let before = *store.queue.ready().borrow();
        other.enqueue(lane, &format!("user-{number}")).await;
        wait_for("the wake-up", store.queue.ready(), |count| *count > before).await;
    }
}

async fn ready_wakes_for_released_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    let before = *store.queue.ready().borrow();
    store.queue.release(&work.receipt).await.unwrap();
    wait_for("the wake-up", store.queue.ready(), |count| *count > before).await;
}

async fn ready_wakes_for_work_that_another_handle_released(urls: LogUrls) {
    let store = Store::open(urls).await;
    let other = store.another_handle().await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = other.take("w1", LONG).await.unwrap();
    let mut ready = store.queue.ready();
    other.queue.release(&work.receipt).await.unwrap();
    in_time("the work", async {
        while store.take("w2", LONG).await.is_none() {
            ready.changed().await.unwrap();
        }
    })
    .await;
}

async fn work_survives_reopening(urls: LogUrls) {
    let store = Store::open(urls).await;
    let item = store.enqueue(Lane::Submit, "ada").await;
    let store = store.reopen().await;
    assert_eq!(store.take("w1", LONG).await.unwrap().item, item);
}

async fn a_lease_survives_reopening(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    let store = store.reopen().await;
    assert_eq!(store.take("w2", LONG).await, None);
    store.queue.extend(&work.receipt, LONG).await.unwrap();
}
