//! Restoring: a copy is the same log, or it cannot be opened.

use domain::{Position, Recorded, Version};
use uuid::Uuid;

use super::case::{Case, LogUrls, cases};
use super::samples::{LONG, Store, batch, stream};
use crate::{Lane, OpenError, Restoration, StoreFault, StoreUrls, WorkItem, open};

pub(super) fn cases() -> Vec<Case<LogUrls>> {
    cases![
        a_copy_is_the_same_log,
        a_copy_goes_on_where_the_original_was,
        a_copy_has_its_work_queued,
        a_copy_can_be_archived_while_it_is_made,
        a_store_that_is_not_empty_is_refused,
        a_log_that_is_restored_in_part_cannot_be_opened,
        events_that_do_not_follow_are_refused,
    ]
}

/// The URLs of the original, beside this log.
fn beside(urls: &LogUrls) -> LogUrls {
    LogUrls { log: format!("{}-original", urls.log), ..urls.clone() }
}

fn all_urls(urls: &LogUrls) -> StoreUrls {
    let directory = urls.blobs.strip_prefix("file:").unwrap();
    StoreUrls {
        log: urls.log.clone(),
        blobs: urls.blobs.clone(),
        credentials: format!("sqlite:{directory}-credentials/store.db"),
        tree: format!("sqlite:{directory}-tree/store.db"),
    }
}

/// The original log, with some of its events archived.
async fn original(urls: &LogUrls) -> (Store, Uuid, Vec<Recorded>) {
    let store = Store::open(beside(urls)).await;
    for (name, version) in [("ada", 0), ("bob", 0), ("ada", 3), ("bob", 3)] {
        store.append(&batch(name, version, 3)).await;
    }
    store.archive().archive(Position(7), |_| ()).await.unwrap();
    let log_id = store.log.info().await.unwrap().log_id;
    let events = store.log.read_all(Position::START, 100).await.unwrap();
    (store, log_id, events)
}

async fn restore(urls: &LogUrls, log_id: Uuid, events: &[Recorded], work: &[WorkItem]) -> Store {
    let restoration = Restoration::begin(&all_urls(urls), log_id).await.unwrap();
    for some in events.chunks(5) {
        restoration.import(some).await.unwrap();
    }
    restoration.finish(work).await.unwrap();
    Store::open(urls.clone()).await
}

async fn a_copy_is_the_same_log(urls: LogUrls) {
    let (_original, log_id, events) = original(&urls).await;
    let copy = restore(&urls, log_id, &events, &[]).await;
    let info = copy.log.info().await.unwrap();
    assert_eq!((info.log_id, info.head), (log_id, Position(12)));
    assert_eq!(*copy.log.head().borrow(), Position(12));
    let read = copy.log.read_all(Position::START, 100).await.unwrap();
    assert_eq!(read, events);
    assert!(read.iter().zip(&events).all(|(copy, original)| copy.body == original.body));
    let own = copy.log.read_stream(&stream("bob"), Version(2), 9).await.unwrap();
    assert_eq!(own.iter().map(|event| event.position.0).collect::<Vec<_>>(), [5, 6, 10, 11, 12]);
}

async fn a_copy_goes_on_where_the_original_was(urls: LogUrls) {
    let original = Store::open(beside(&urls)).await;
    let new = batch("ada", 0, 3);
    original.append(&new).await;
    let log_id = original.log.info().await.unwrap().log_id;
    let events = original.log.read_all(Position::START, 100).await.unwrap();
    let copy = restore(&urls, log_id, &events, &[]).await;
    assert!(copy.append(&new).await.repeated);
    let next = copy.append(&batch("ada", 3, 1)).await;
    assert_eq!((next.first, next.version), (Position(4), Version(4)));
    assert!(next.recorded_at >= events[2].recorded_at);
}

async fn a_copy_has_its_work_queued(urls: LogUrls) {
    let (_original, log_id, events) = original(&urls).await;
    let work = [(Lane::Submit, "ada"), (Lane::Rejudge, "bob")].map(|(lane, name)| WorkItem {
        lane,
        stream: stream(name),
        account: None,
    });
    let copy = restore(&urls, log_id, &events, &work).await;
    for item in work {
        let taken = copy.take("w1", LONG).await.unwrap();
        assert_eq!((taken.item, taken.deliveries), (item, 1));
    }
    assert_eq!(copy.take("w1", LONG).await, None);
}

async fn a_copy_can_be_archived_while_it_is_made(urls: LogUrls) {
    let (_original, log_id, events) = original(&urls).await;
    let restoration = Restoration::begin(&all_urls(&urls), log_id).await.unwrap();
    restoration.import(&events[..8]).await.unwrap();
    restoration.stores.archive.archive(Position(7), |_| ()).await.unwrap();
    restoration.import(&events[8..]).await.unwrap();
    restoration.finish(&[]).await.unwrap();
    let copy = Store::open(urls).await;
    assert_eq!(copy.log.info().await.unwrap().archived_through, Position(7));
    assert_eq!(copy.log.read_all(Position::START, 100).await.unwrap(), events);
}

async fn a_store_that_is_not_empty_is_refused(urls: LogUrls) {
    let store = Store::open(urls.clone()).await;
    store.append(&batch("ada", 0, 1)).await;
    let log_id = store.log.info().await.unwrap().log_id;
    for _ in 0..2 {
        let error = Restoration::begin(&all_urls(&urls), Uuid::new_v4()).await.unwrap_err();
        assert!(error.to_string().contains("the log store is not empty"), "{error}");
        // The same holds once all events are archived.
        store.archive().archive(Position(1), |_| ()).await.unwrap();
    }
    let info = store.reopen().await.log.info().await.unwrap();
    assert_eq!((info.log_id, info.head), (log_id, Position(1)));
}

async fn a_log_that_is_restored_in_part_cannot_be_opened(urls: LogUrls) {
    let (_original, log_id, events) = original(&urls).await;
    let restoration = Restoration::begin(&all_urls(&urls), log_id).await.unwrap();
    restoration.import(&events[..4]).await.unwrap();
    drop(restoration);
    let again = Restoration::begin(&all_urls(&urls), log_id).await.unwrap_err();
    for error in [again, open(&all_urls(&urls)).await.unwrap_err()] {
        let OpenError::Refused { cause, cure } = &error else { panic!("{error:?}") };
        assert!(cause.contains("restored in part"), "{cause}");
        assert!(cure.contains("delete"), "{cure}");
    }
}

async fn events_that_do_not_follow_are_refused(urls: LogUrls) {
    let (_original, log_id, events) = original(&urls).await;
    let restoration = Restoration::begin(&all_urls(&urls), log_id).await.unwrap();
    restoration.import(&events[..4]).await.unwrap();
    for wrong in [&events[..4], &events[3..6], &events[5..6]] {
        let outcome = restoration.import(wrong).await;
        assert!(matches!(outcome, Err(StoreFault::Refused(_))), "{outcome:?}");
    }
    restoration.import(&events[4..]).await.unwrap();
}
