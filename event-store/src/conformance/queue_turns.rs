//! Accounts take turns.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::case::{Case, LogUrls, cases};
use super::samples::{LONG, SHORT, Store, in_time, request, stream};
use crate::{Ability, Lane, TakeRequest, Work, WorkItem};

pub(super) fn cases() -> Vec<Case<LogUrls>> {
    cases![
        a_flood_does_not_delay_another_account,
        accounts_take_turns,
        the_account_with_the_least_in_flight_comes_first,
        work_without_an_account_is_one_accounts,
        each_lane_has_its_own_turns,
        expired_work_is_not_in_flight_and_comes_before_its_accounts_new_work,
        released_work_keeps_its_account,
        an_account_without_work_to_do_is_passed_over,
        declined_work_keeps_its_account,
        every_account_is_served_once_before_any_is_served_twice,
        turns_count_over_all_handles_and_survive_reopening,
        unfinished_work_is_counted_for_each_account,
        withdrawn_work_is_gone_unless_a_worker_holds_it,
    ]
}

/// Queues work of an account in lane `submit`. The name begins with the account.
async fn enqueue(store: &Store, name: &str) -> WorkItem {
    store.enqueue_for(account_of(name), Lane::Submit, name).await
}

fn account_of(name: &str) -> &str {
    name.split('-').next().unwrap()
}

async fn enqueue_all(store: &Store, names: &[&str]) {
    for name in names {
        enqueue(store, name).await;
    }
}

fn name_of(work: &Work) -> String {
    work.item.stream.to_string().strip_prefix("account:").unwrap().to_owned()
}

/// Takes work and holds it.
async fn take(store: &Store, worker: &str) -> (String, Work) {
    let work = store.take(worker, LONG).await.unwrap();
    (name_of(&work), work)
}

/// Takes and finishes one piece of work after the other, until there is none.
async fn finish_all(store: &Store) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(work) = store.take("w1", LONG).await {
        names.push(name_of(&work));
        store.queue.discard(&work.receipt).await.unwrap();
    }
    names
}

async fn a_flood_does_not_delay_another_account(urls: LogUrls) {
    let store = Store::open(urls).await;
    enqueue_all(&store, &["ada-1", "ada-2", "ada-3", "ada-4"]).await;
    let (first, work) = take(&store, "w1").await;
    assert_eq!(first, "ada-1");
    enqueue_all(&store, &["bob-1"]).await;
    store.queue.discard(&work.receipt).await.unwrap();
    assert_eq!(finish_all(&store).await, ["bob-1", "ada-2", "ada-3", "ada-4"]);
}

async fn accounts_take_turns(urls: LogUrls) {
    let store = Store::open(urls).await;
    enqueue_all(&store, &["ada-1", "ada-2", "ada-3", "ada-4"]).await;
    enqueue_all(&store, &["bob-1", "bob-2", "bob-3", "eve-1"]).await;
    let expected = ["ada-1", "bob-1", "eve-1", "ada-2", "bob-2", "ada-3", "bob-3", "ada-4"];
    assert_eq!(finish_all(&store).await, expected);
}

async fn the_account_with_the_least_in_flight_comes_first(urls: LogUrls) {
    let store = Store::open(urls).await;
    enqueue_all(&store, &["ada-1", "ada-2", "ada-3"]).await;
    assert_eq!(take(&store, "w1").await.0, "ada-1");
    enqueue_all(&store, &["bob-1", "bob-2", "bob-3", "bob-4"]).await;
    let (name, bobs_first) = take(&store, "w2").await;
    assert_eq!(name, "bob-1");
    // Each has one in flight; Ada was served longer ago.
    assert_eq!(take(&store, "w3").await.0, "ada-2");
    assert_eq!(take(&store, "w1").await.0, "bob-2");
    // Bob was served last, but has less in flight.
    store.queue.discard(&bobs_first.receipt).await.unwrap();
    assert_eq!(take(&store, "w2").await.0, "bob-3");
    assert_eq!(take(&store, "w2").await.0, "ada-3");
    assert_eq!(take(&store, "w2").await.0, "bob-4");
}

async fn work_without_an_account_is_one_accounts(urls: LogUrls) {
    let store = Store::open(urls).await;
    for name in ["none-1", "none-2", "none-3"] {
        let item = store.enqueue(Lane::Submit, name).await;
        assert_eq!(item.account, None);
    }
    enqueue_all(&store, &["ada-1", "ada-2"]).await;
    assert_eq!(finish_all(&store).await, ["none-1", "ada-1", "none-2", "ada-2", "none-3"]);
}

async fn each_lane_has_its_own_turns(urls: LogUrls) {
    let store = Store::open(urls).await;
    let take_from = async |lane| {
        let request = TakeRequest { lanes: vec![lane], ..request("w1", LONG) };
        name_of(&store.queue.take(&request).await.unwrap().unwrap())
    };
    enqueue_all(&store, &["ada-1"]).await;
    assert_eq!(take_from(Lane::Submit).await, "ada-1");
    store.enqueue_for("ada", Lane::Run, "ada-2").await;
    store.enqueue_for("bob", Lane::Run, "bob-1").await;
    // Neither what Ada has in flight in the other lane nor her turn there counts.
    assert_eq!(take_from(Lane::Run).await, "ada-2");
    assert_eq!(take_from(Lane::Run).await, "bob-1");
}

async fn expired_work_is_not_in_flight_and_comes_before_its_accounts_new_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    enqueue_all(&store, &["ada-1", "bob-1", "ada-2", "bob-2"]).await;
    let first = store.take("w1", SHORT).await.unwrap();
    assert_eq!(name_of(&first), "ada-1");
    let (name, bobs) = take(&store, "w2").await;
    assert_eq!(name, "bob-1");
    in_time("the lease to run out", async {
        while store.queue.stats().await.unwrap()[0].in_flight > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Ada has nothing in flight now, and Bob has.
    let (name, again) = take(&store, "w2").await;
    assert_eq!((name.as_str(), again.deliveries), ("ada-1", 2));
    assert_eq!(again.item, first.item);
    store.queue.discard(&bobs.receipt).await.unwrap();
    assert_eq!(take(&store, "w2").await.0, "bob-2");
    assert_eq!(take(&store, "w2").await.0, "ada-2");
}

async fn released_work_keeps_its_account(urls: LogUrls) {
    let store = Store::open(urls).await;
    enqueue_all(&store, &["ada-1", "ada-2", "bob-1"]).await;
    let (_, work) = take(&store, "w1").await;
    store.queue.release(&work.receipt).await.unwrap();
    // Ada has been served, so it is Bob's turn. Then her oldest work comes first.
    assert_eq!(take(&store, "w2").await.0, "bob-1");
    let (name, again) = take(&store, "w2").await;
    assert_eq!((name.as_str(), again.deliveries, again.item), ("ada-1", 2, work.item));
    assert_eq!(take(&store, "w2").await.0, "ada-2");
}

fn abilities(languages: &[&str]) -> BTreeSet<Ability> {
    languages.iter().map(|id| Ability::Judge(id.parse().unwrap())).collect()
}

async fn an_account_without_work_to_do_is_passed_over(urls: LogUrls) {
    let store = Store::open(urls).await;
    enqueue_all(&store, &["ada-1", "bob-1", "bob-2"]).await;
    let (_, work) = take(&store, "w1").await;
    store.queue.decline(&work.receipt, &abilities(&["cpp"])).await.unwrap();
    assert_eq!(finish_all(&store).await, ["bob-1", "bob-2"]);
    enqueue_all(&store, &["ada-2"]).await;
    assert_eq!(finish_all(&store).await, ["ada-2"]);
}

async fn declined_work_keeps_its_account(urls: LogUrls) {
    let store = Store::open(urls).await;
    enqueue_all(&store, &["ada-1", "ada-2", "bob-1", "bob-2"]).await;
    for expected in ["ada-1", "bob-1", "ada-2"] {
        let (name, work) = take(&store, "w1").await;
        assert_eq!(name, expected);
        store.queue.decline(&work.receipt, &abilities(&["cpp"])).await.unwrap();
    }
    let able = TakeRequest { abilities: Arc::new(abilities(&["cpp"])), ..request("w2", LONG) };
    // Bob was served longer ago than Ada, and his oldest work is what was declined.
    for expected in ["bob-1", "ada-1", "bob-2", "ada-2"] {
        let work = store.queue.take(&able).await.unwrap().unwrap();
        assert_eq!((name_of(&work).as_str(), work.deliveries), (expected, 1));
        let account = work.item.account.unwrap();
        assert_eq!(account.as_str(), account_of(expected));
    }
    assert_eq!(store.queue.take(&able).await.unwrap(), None);
}

async fn every_account_is_served_once_before_any_is_served_twice(urls: LogUrls) {
    const ACCOUNTS: usize = 300;
    const WORKERS: usize = 4;
    let store = Store::open(urls).await;
    let accounts: Vec<String> = (0..ACCOUNTS).map(|number| format!("user{number}")).collect();
    let firsts: Vec<String> = accounts.iter().map(|account| format!("{account}-1")).collect();
    for name in &firsts {
        enqueue(&store, name).await;
    }
    let seconds: Vec<String> = accounts.iter().map(|account| format!("{account}-2")).collect();
    join_all(seconds.iter().map(|name| enqueue(&store, name))).await;
    // Half of the work is finished at once, and half of it stays in flight.
    let mut in_flight = BTreeSet::new();
    for (number, expected) in firsts.iter().enumerate() {
        let (name, work) = take(&store, &format!("w{}", number % WORKERS)).await;
        assert_eq!(name, *expected);
        if number % 2 == 0 {
            store.queue.discard(&work.receipt).await.unwrap();
        } else {
            in_flight.insert(account_of(expected).to_owned());
        }
    }
    // Then those come first that have nothing in flight.
    let mut served = Vec::new();
    for _ in 0..ACCOUNTS {
        served.push(account_of(&take(&store, "w1").await.0).to_owned());
    }
    assert_eq!(served.iter().collect::<BTreeSet<_>>().len(), ACCOUNTS);
    let (idle, busy) = served.split_at(ACCOUNTS - in_flight.len());
    assert!(idle.iter().all(|account| !in_flight.contains(account)));
    assert!(busy.iter().all(|account| in_flight.contains(account)));
}

async fn turns_count_over_all_handles_and_survive_reopening(urls: LogUrls) {
    let store = Store::open(urls).await;
    let other = store.another_handle().await;
    enqueue_all(&store, &["ada-1", "ada-2", "ada-3", "bob-1", "bob-2", "bob-3"]).await;
    let (name, first) = take(&store, "w1").await;
    assert_eq!(name, "ada-1");
    let (name, second) = take(&other, "w2").await;
    assert_eq!(name, "bob-1");
    store.queue.discard(&first.receipt).await.unwrap();
    other.queue.discard(&second.receipt).await.unwrap();
    let (name, third) = take(&store, "w1").await;
    assert_eq!(name, "ada-2");
    store.queue.discard(&third.receipt).await.unwrap();
    drop(other);
    let store = store.reopen().await;
    assert_eq!(finish_all(&store).await, ["bob-2", "ada-3", "bob-3"]);
}

async fn unfinished_work_is_counted_for_each_account(urls: LogUrls) {
    let store = Store::open(urls).await;
    let (ada, bob) = ("ada".parse().unwrap(), "bob".parse().unwrap());
    let count = async |lane| {
        let of_ada = store.queue.unfinished(lane, &ada).await.unwrap();
        (of_ada, store.queue.unfinished(lane, &bob).await.unwrap())
    };
    assert_eq!(count(Lane::Submit).await, (0, 0));
    enqueue_all(&store, &["ada-1", "ada-2", "ada-3", "bob-1"]).await;
    store.enqueue_for("bob", Lane::Run, "bob-2").await;
    assert_eq!(count(Lane::Submit).await, (3, 1));
    assert_eq!(count(Lane::Run).await, (0, 1));
    // Work counts until it is finished: held, expired, released or declined.
    let (_, held) = take(&store, "w1").await;
    let expired = store.take("w1", Duration::ZERO).await.unwrap();
    assert_eq!((name_of(&held).as_str(), name_of(&expired).as_str()), ("ada-1", "bob-1"));
    assert_eq!(count(Lane::Submit).await, (3, 1));
    store.queue.release(&held.receipt).await.unwrap();
    assert_eq!(count(Lane::Submit).await, (3, 1));
    let (_, again) = take(&store, "w2").await;
    store.queue.decline(&again.receipt, &abilities(&["cpp"])).await.unwrap();
    assert_eq!(count(Lane::Submit).await, (3, 1));
    assert_eq!(again.item, held.item);
    store.queue.discard(&again.receipt).await.unwrap();
    store.enqueue(Lane::Submit, "none-1").await;
    assert_eq!(count(Lane::Submit).await, (2, 1));
}

async fn withdrawn_work_is_gone_unless_a_worker_holds_it(urls: LogUrls) {
    let store = Store::open(urls).await;
    enqueue_all(&store, &["ada-1", "ada-2", "ada-3", "bob-1"]).await;
    let (_, held) = take(&store, "w1").await;
    let (_, declined) = take(&store, "w1").await;
    assert_eq!((name_of(&held).as_str(), name_of(&declined).as_str()), ("ada-1", "bob-1"));
    store.queue.decline(&declined.receipt, &abilities(&["cpp"])).await.unwrap();
    let waiting = WorkItem { stream: stream("ada-2"), ..held.item.clone() };
    for item in [&held.item, &declined.item, &waiting, &waiting] {
        store.queue.withdraw(item).await.unwrap();
    }
    let ada = "ada".parse().unwrap();
    assert_eq!(store.queue.unfinished(Lane::Submit, &ada).await.unwrap(), 2);
    let bob = "bob".parse().unwrap();
    assert_eq!(store.queue.unfinished(Lane::Submit, &bob).await.unwrap(), 0);
    store.queue.extend(&held.receipt, LONG).await.unwrap();
    assert_eq!(take(&store, "w2").await.0, "ada-3");
}
