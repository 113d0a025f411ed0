//! Appending: the order, the versions, retries and limits.

use domain::{Position, Version};
use futures::future::join_all;

use super::case::{Case, LogUrls, cases};
use super::samples::{Store, batch, batch_with_text, stream};
use crate::{AppendBatch, AppendError, EVENT_BYTES_MAX, EVENTS_PER_BATCH_MAX};

pub(super) fn cases() -> Vec<Case<LogUrls>> {
    cases![
        the_first_event_stands_at_one,
        a_batch_stands_together,
        positions_are_gapless_under_concurrent_writers,
        one_of_many_rivals_wins,
        a_stream_begins_once,
        a_conflict_has_the_actual_version,
        a_version_ahead_of_the_stream_conflicts,
        a_retry_is_success_and_says_so,
        a_retry_succeeds_after_others_wrote,
        a_retry_succeeds_after_the_stream_moved_on,
        concurrent_retries_write_once,
        a_retry_succeeds_through_another_handle,
        the_same_ids_at_another_version_conflict,
        other_ids_at_the_same_version_conflict,
        a_batch_that_is_half_the_same_conflicts,
        a_batch_that_goes_further_than_the_first_conflicts,
        a_conflict_writes_nothing,
        streams_have_versions_of_their_own,
        the_largest_batch_fits,
        a_batch_too_large_is_refused,
        an_empty_batch_is_refused,
        an_event_too_large_is_refused,
        an_event_of_the_largest_size_fits,
        recorded_at_never_goes_back,
        what_append_returns_is_what_is_read,
        what_was_appended_survives_reopening,
        an_append_after_reopening_goes_on,
    ]
}

fn assert_conflict(outcome: Result<crate::Appended, AppendError>, expected: u64, actual: u64) {
    match outcome {
        Err(AppendError::Conflict { expected: was, actual: is }) => {
            assert_eq!((was, is), (Version(expected), Version(actual)));
        }
        other => panic!("not a conflict: {other:?}"),
    }
}

async fn the_first_event_stands_at_one(urls: LogUrls) {
    let store = Store::open(urls).await;
    let appended = store.append(&batch("ada", 0, 1)).await;
    assert_eq!(appended.first, Position(1));
    assert_eq!(appended.last, Position(1));
    assert_eq!(appended.version, Version(1));
    assert!(!appended.repeated);
}

async fn a_batch_stands_together(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("ada", 0, 2)).await;
    let appended = store.append(&batch("bob", 0, 3)).await;
    assert_eq!((appended.first, appended.last), (Position(3), Position(5)));
    assert_eq!(appended.version, Version(3));
}

/// Positions have no gaps (INV-5).
async fn positions_are_gapless_under_concurrent_writers(urls: LogUrls) {
    const WRITERS: usize = 32;
    const BATCHES: u64 = 8;
    let store = Store::open(urls).await;
    let writers = (0..WRITERS).map(|writer| {
        let store = &store;
        async move {
            let mut positions = Vec::new();
            for version in 0..BATCHES {
                let new = batch(&format!("writer-{writer}"), version, 1);
                positions.push(store.append(&new).await.first.0);
            }
            positions
        }
    });
    let mut positions: Vec<u64> = join_all(writers).await.concat();
    assert!(positions.chunks(BATCHES as usize).all(|own| own.is_sorted()));
    positions.sort_unstable();
    let count = WRITERS as u64 * BATCHES;
    assert_eq!(positions, (1..=count).collect::<Vec<_>>());
    // `read_all` itself fails on a gap.
    let read = store.log.read_all(Position::START, 1000).await.unwrap();
    assert_eq!(read.len() as u64, count);
}

async fn one_of_many_rivals_wins(urls: LogUrls) {
    let store = Store::open(urls).await;
    let rivals: Vec<AppendBatch> = (0..32).map(|_| batch("ada", 0, 1)).collect();
    let outcomes = join_all(rivals.iter().map(|rival| store.log.append(rival))).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    lost.into_iter().for_each(|outcome| assert_conflict(outcome, 0, 1));
    assert_eq!(store.log.info().await.unwrap().head, Position(1));
    store.log.has_room().await.unwrap();
}

async fn a_stream_begins_once(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("ada", 0, 1)).await;
    assert_conflict(store.log.append(&batch("ada", 0, 1)).await, 0, 1);
}

async fn a_conflict_has_the_actual_version(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("ada", 0, 5)).await;
    assert_conflict(store.log.append(&batch("ada", 3, 1)).await, 3, 5);
}

async fn a_version_ahead_of_the_stream_conflicts(urls: LogUrls) {
    let store = Store::open(urls).await;
    assert_conflict(store.log.append(&batch("ada", 4, 1)).await, 4, 0);
    store.append(&batch("ada", 0, 1)).await;
    assert_conflict(store.log.append(&batch("ada", 2, 1)).await, 2, 1);
}

async fn a_retry_is_success_and_says_so(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = batch("ada", 0, 3);
    let first = store.append(&new).await;
    let again = store.append(&new).await;
    assert!(!first.repeated && again.repeated);
    assert_eq!((again.first, again.last), (first.first, first.last));
    assert_eq!((again.version, again.recorded_at), (first.version, first.recorded_at));
    assert_eq!(store.log.info().await.unwrap().head, Position(3));
}

async fn a_retry_succeeds_after_others_wrote(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = batch("ada", 0, 2);
    let first = store.append(&new).await;
    store.append(&batch("bob", 0, 4)).await;
    let again = store.append(&new).await;
    assert!(again.repeated);
    assert_eq!(again.first, first.first);
    assert_eq!(store.log.info().await.unwrap().head, Position(6));
}

async fn a_retry_succeeds_after_the_stream_moved_on(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = batch("ada", 0, 2);
    store.append(&new).await;
    store.append(&batch("bob", 0, 1)).await;
    store.append(&batch("ada", 2, 1)).await;
    let again = store.append(&new).await;
    assert!(again.repeated);
    assert_eq!((again.first, again.last), (Position(1), Position(2)));
    assert_eq!(again.version, Version(3));
}

async fn concurrent_retries_write_once(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = batch("ada", 0, 2);
    let outcomes = join_all((0..16).map(|_| store.log.append(&new))).await;
    let written = outcomes.iter().filter(|outcome| !outcome.as_ref().unwrap().repeated);
    assert_eq!(written.count(), 1);
    assert_eq!(store.log.info().await.unwrap().head, Position(2));
}

async fn a_retry_succeeds_through_another_handle(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = batch("ada", 0, 2);
    store.append(&new).await;
    assert!(store.another_handle().await.append(&new).await.repeated);
}

/// INV-7: equal ids alone are not a retry.
async fn the_same_ids_at_another_version_conflict(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = batch("ada", 0, 1);
    store.append(&new).await;
    store.append(&batch("ada", 1, 2)).await;
    for expected in [1, 2, 9] {
        let moved = AppendBatch { expected: Version(expected), ..new.clone() };
        assert_conflict(store.log.append(&moved).await, expected, 3);
    }
}

async fn other_ids_at_the_same_version_conflict(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("ada", 0, 2)).await;
    assert_conflict(store.log.append(&batch("ada", 0, 2)).await, 0, 2);
}

async fn a_batch_that_is_half_the_same_conflicts(urls: LogUrls) {
    let store = Store::open(urls).await;
    let mut new = batch("ada", 0, 2);
    store.append(&new).await;
    new.events[1].id = batch("ada", 0, 1).events[0].id;
    assert_conflict(store.log.append(&new).await, 0, 2);
}

async fn a_batch_that_goes_further_than_the_first_conflicts(urls: LogUrls) {
    let store = Store::open(urls).await;
    let long = batch("ada", 0, 3);
    let short = AppendBatch { events: long.events[..2].to_vec(), ..long.clone() };
    store.append(&short).await;
    assert_conflict(store.log.append(&long).await, 0, 2);
}

async fn a_conflict_writes_nothing(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("ada", 0, 1)).await;
    assert_conflict(store.log.append(&batch("ada", 0, 5)).await, 0, 1);
    assert_eq!(store.log.info().await.unwrap().head, Position(1));
    assert_eq!(store.append(&batch("bob", 0, 1)).await.first, Position(2));
}

async fn streams_have_versions_of_their_own(urls: LogUrls) {
    let store = Store::open(urls).await;
    for version in 0..4 {
        for name in ["ada", "bob", "eve"] {
            let appended = store.append(&batch(name, version, 1)).await;
            assert_eq!(appended.version, Version(version + 1));
        }
    }
    assert_eq!(store.log.info().await.unwrap().head, Position(12));
}

async fn the_largest_batch_fits(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = batch("ada", 0, EVENTS_PER_BATCH_MAX);
    let appended = store.append(&new).await;
    assert_eq!(appended.last, Position(EVENTS_PER_BATCH_MAX as u64));
    let read = store.log.read_all(Position::START, 100).await.unwrap();
    assert_eq!(read, appended.recorded(&new));
}

async fn a_batch_too_large_is_refused(urls: LogUrls) {
    let store = Store::open(urls).await;
    let outcome = store.log.append(&batch("ada", 0, EVENTS_PER_BATCH_MAX + 1)).await;
    assert!(matches!(outcome, Err(AppendError::TooLarge { actual: 65, .. })), "{outcome:?}");
    assert_eq!(store.log.info().await.unwrap().head, Position::START);
}

async fn an_empty_batch_is_refused(urls: LogUrls) {
    let store = Store::open(urls).await;
    let outcome = store.log.append(&batch("ada", 0, 0)).await;
    assert!(matches!(outcome, Err(AppendError::TooLarge { actual: 0, .. })), "{outcome:?}");
}

async fn an_event_too_large_is_refused(urls: LogUrls) {
    let store = Store::open(urls).await;
    let outcome = store.log.append(&batch_with_text("ada", "x".repeat(EVENT_BYTES_MAX))).await;
    let Err(AppendError::TooLarge { max, actual, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(max == EVENT_BYTES_MAX && actual > max);
    assert_eq!(store.log.info().await.unwrap().head, Position::START);
}

async fn an_event_of_the_largest_size_fits(urls: LogUrls) {
    let store = Store::open(urls).await;
    let overhead = batch_with_text("ada", "").events[0].encode().len();
    let new = batch_with_text("ada", "x".repeat(EVENT_BYTES_MAX - overhead));
    assert_eq!(new.events[0].encode().len(), EVENT_BYTES_MAX);
    let appended = store.append(&new).await;
    let read = store.log.read_stream(&stream("ada"), Version(1), 1).await.unwrap();
    assert_eq!(read, appended.recorded(&new));
}

async fn recorded_at_never_goes_back(urls: LogUrls) {
    let store = Store::open(urls).await;
    let names: Vec<String> = (0..40).map(|number| format!("writer-{number}")).collect();
    join_all(names.iter().map(|name| async { store.append(&batch(name, 0, 2)).await })).await;
    let read = store.log.read_all(Position::START, 100).await.unwrap();
    assert_eq!(read.len(), 80);
    assert!(read.is_sorted_by_key(|recorded| recorded.recorded_at));
    let age = jiff::Timestamp::now().duration_since(read[0].recorded_at);
    assert!(age.abs() < jiff::SignedDuration::from_mins(5), "{age}");
}

async fn what_append_returns_is_what_is_read(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("bob", 0, 1)).await;
    store.append(&batch("ada", 0, 2)).await;
    let new = batch("ada", 2, 3);
    let appended = store.append(&new).await;
    let read = store.log.read_stream(&stream("ada"), Version(3), 10).await.unwrap();
    assert_eq!(read, appended.recorded(&new));
}

async fn what_was_appended_survives_reopening(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("ada", 0, 3)).await;
    let (info, read) =
        (store.log.info().await.unwrap(), store.log.read_all(Position::START, 9).await.unwrap());
    let store = store.reopen().await;
    assert_eq!(store.log.info().await.unwrap(), info);
    assert_eq!(store.log.read_all(Position::START, 9).await.unwrap(), read);
    assert_eq!(*store.log.head().borrow(), Position(3));
}

async fn an_append_after_reopening_goes_on(urls: LogUrls) {
    let store = Store::open(urls).await;
    let first = store.append(&batch("ada", 0, 3)).await;
    let store = store.reopen().await;
    let next = store.append(&batch("ada", 3, 1)).await;
    assert_eq!((next.first, next.version), (Position(4), Version(4)));
    assert!(next.recorded_at >= first.recorded_at);
}
