//! Reading: pages, wake-ups, checkpoints.

use domain::{Checkpoint, EventId, Position, Recorded, StreamId, Version};
use uuid::Uuid;

use super::case::{Case, LogUrls, cases};
use super::samples::{Store, batch, batch_with_text, stream, wait_for};
use crate::{EVENTS_PER_BATCH_MAX, ReadError, read_stream_whole, verify_checkpoint};

pub(super) fn cases() -> Vec<Case<LogUrls>> {
    cases![
        a_new_log_is_empty,
        every_log_has_an_id_of_its_own_that_stays,
        info_has_the_head_and_the_durability,
        a_stream_is_read_in_pages,
        a_stream_is_read_without_its_neighbours,
        a_stream_that_is_not_there_is_empty,
        a_long_stream_is_read_whole,
        the_log_is_read_in_pages,
        what_nobody_wants_is_left_out_but_for_the_last,
        reading_at_the_head_and_beyond_is_empty,
        two_readers_see_the_same,
        text_of_every_script_reads_back,
        a_large_event_reads_back,
        head_wakes_for_own_appends,
        head_wakes_for_another_handles_appends,
        head_is_there_at_once_after_opening,
        a_checkpoint_that_holds_is_accepted,
        the_starting_checkpoint_is_accepted,
        a_checkpoint_of_another_log_is_refused,
        a_checkpoint_beyond_a_lost_tail_is_refused,
        a_checkpoint_at_another_event_is_refused,
    ]
}

async fn a_new_log_is_empty(urls: LogUrls) {
    let store = Store::open(urls).await;
    let info = store.log.info().await.unwrap();
    assert_eq!((info.head, info.archived_through), (Position::START, Position::START));
    assert_eq!(store.log.read_all(Position::START, 10).await.unwrap(), []);
    assert_eq!(*store.log.head().borrow(), Position::START);
}

async fn every_log_has_an_id_of_its_own_that_stays(urls: LogUrls) {
    let store = Store::open(urls).await;
    let id = store.log.info().await.unwrap().log_id;
    assert!(!id.is_nil());
    assert_eq!(store.another_handle().await.log.info().await.unwrap().log_id, id);
    assert_eq!(store.reopen().await.log.info().await.unwrap().log_id, id);
}

async fn info_has_the_head_and_the_durability(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("ada", 0, 7)).await;
    let info = store.log.info().await.unwrap();
    assert_eq!(info.head, Position(7));
    assert!(!info.durability.is_empty());
}

async fn a_stream_is_read_in_pages(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = batch("ada", 0, 10);
    let all = store.append(&new).await.recorded(&new);
    let stream = stream("ada");
    for (from, limit) in [(1, 4), (5, 4), (9, 4), (10, 1), (1, 10), (1, 1000)] {
        let page = store.log.read_stream(&stream, Version(from), limit).await.unwrap();
        let from = from as usize - 1;
        assert_eq!(page, all[from..(from + limit as usize).min(10)]);
    }
    assert_eq!(store.log.read_stream(&stream, Version(11), 4).await.unwrap(), []);
    assert_eq!(store.log.read_stream(&stream, Version(1), 0).await.unwrap(), []);
}

async fn a_stream_is_read_without_its_neighbours(urls: LogUrls) {
    let store = Store::open(urls).await;
    for version in 0..3 {
        for name in ["ada", "ada-2", "ad"] {
            store.append(&batch(name, version, 1)).await;
        }
    }
    let read = store.log.read_stream(&stream("ada"), Version(1), 10).await.unwrap();
    let placed: Vec<_> = read.iter().map(|event| (event.position.0, event.version.0)).collect();
    assert_eq!(placed, [(1, 1), (4, 2), (7, 3)]);
    assert!(read.iter().all(|event| event.stream == stream("ada")));
}

async fn a_stream_that_is_not_there_is_empty(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("ada", 0, 1)).await;
    assert_eq!(store.log.read_stream(&stream("bob"), Version(1), 10).await.unwrap(), []);
}

async fn a_long_stream_is_read_whole(urls: LogUrls) {
    const BATCHES: usize = 9;
    let store = Store::open(urls).await;
    for number in 0..BATCHES {
        let expected = (number * EVENTS_PER_BATCH_MAX) as u64;
        store.append(&batch("ada", expected, EVENTS_PER_BATCH_MAX)).await;
    }
    let read = read_stream_whole(&*store.log, &stream("ada")).await.unwrap();
    assert_eq!(read.len(), BATCHES * EVENTS_PER_BATCH_MAX);
}

async fn the_log_is_read_in_pages(urls: LogUrls) {
    let store = Store::open(urls).await;
    for name in ["ada", "bob", "eve"] {
        store.append(&batch(name, 0, 5)).await;
    }
    let mut read: Vec<Recorded> = Vec::new();
    loop {
        let page = store.log.read_all(Position(read.len() as u64), 4).await.unwrap();
        assert!(page.len() <= 4);
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, store.log.read_all(Position::START, 1000).await.unwrap());
    assert!(read.iter().map(|event| event.position.0).eq(1..=15));
    assert_eq!(store.log.read_all(Position::START, 0).await.unwrap(), []);
}

async fn what_nobody_wants_is_left_out_but_for_the_last(urls: LogUrls) {
    let store = Store::open(urls).await;
    for version in 0..4 {
        for name in ["ada", "bob", "eve"] {
            store.append(&batch(name, version, 1)).await;
        }
    }
    let all = store.log.read_all(Position::START, 100).await.unwrap();
    for wanted in [vec![], vec![stream("ada")], vec![stream("bob"), stream("eve")]] {
        for (after, limit) in [(0, 100), (0, 5), (3, 4), (11, 1), (12, 5), (0, 0)] {
            let wants = |stream: &StreamId| wanted.contains(stream);
            let read = store.log.read_wanted(Position(after), limit, &wants).await.unwrap();
            let page = &all[after as usize..(after + u64::from(limit)).min(12) as usize];
            let expected = page.iter().filter(|it| wants(&it.stream) || Some(*it) == page.last());
            assert!(read.iter().eq(expected), "{wanted:?} after {after}, {limit}: {read:?}");
        }
    }
}

async fn reading_at_the_head_and_beyond_is_empty(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("ada", 0, 3)).await;
    for after in [3, 4, 1_000_000, u64::MAX] {
        assert_eq!(store.log.read_all(Position(after), 10).await.unwrap(), []);
    }
}

async fn two_readers_see_the_same(urls: LogUrls) {
    let store = Store::open(urls).await;
    let other = store.another_handle().await;
    store.append(&batch("ada", 0, 3)).await;
    other.append(&batch("bob", 0, 2)).await;
    store.append(&batch("ada", 3, 1)).await;
    let one = store.log.read_all(Position::START, 10).await.unwrap();
    assert_eq!(one.len(), 6);
    assert_eq!(one, other.log.read_all(Position::START, 10).await.unwrap());
}

async fn text_of_every_script_reads_back(urls: LogUrls) {
    let store = Store::open(urls).await;
    let text = "Größe 数独 שלום 🦀 e\u{301} \u{0} \u{1f} \" \\ \r\n \u{2028} \u{ffff}";
    let new = batch_with_text("ada", text);
    let appended = store.append(&new).await;
    let read = store.log.read_all(Position::START, 1).await.unwrap();
    assert_eq!(read[0].metadata.traceparent.as_deref(), Some(text));
    assert_eq!(read, appended.recorded(&new));
}

async fn a_large_event_reads_back(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = batch_with_text("ada", "0123456789abcde\n".repeat(93_750));
    let appended = store.append(&new).await;
    assert!(new.events[0].encode().len() > 1_500_000);
    assert_eq!(store.log.read_all(Position::START, 1).await.unwrap(), appended.recorded(&new));
}

async fn head_wakes_for_own_appends(urls: LogUrls) {
    let store = Store::open(urls).await;
    let head = store.log.head();
    store.append(&batch("ada", 0, 3)).await;
    wait_for("the head", head, |head| *head == Position(3)).await;
}

async fn head_wakes_for_another_handles_appends(urls: LogUrls) {
    let store = Store::open(urls).await;
    let other = store.another_handle().await;
    for number in 1..=5 {
        other.append(&batch("ada", number - 1, 1)).await;
        wait_for("the head", store.log.head(), |head| *head == Position(number)).await;
    }
}

async fn head_is_there_at_once_after_opening(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("ada", 0, 3)).await;
    assert_eq!(*store.another_handle().await.log.head().borrow(), Position(3));
}

/// A checkpoint at the second of three events.
async fn checkpoint(store: &Store) -> Checkpoint {
    let log = store.log.info().await.unwrap().log_id;
    let new = batch("ada", 0, 3);
    Checkpoint::at(log, &store.append(&new).await.recorded(&new)[1])
}

fn assert_diverged(outcome: Result<(), ReadError>) {
    assert!(matches!(outcome, Err(ReadError::Diverged(_))), "{outcome:?}");
}

async fn a_checkpoint_that_holds_is_accepted(urls: LogUrls) {
    let store = Store::open(urls).await;
    let checkpoint = checkpoint(&store).await;
    verify_checkpoint(&*store.log, &checkpoint).await.unwrap();
    verify_checkpoint(&*store.reopen().await.log, &checkpoint).await.unwrap();
}

async fn the_starting_checkpoint_is_accepted(urls: LogUrls) {
    let store = Store::open(urls).await;
    let start = Checkpoint::start(store.log.info().await.unwrap().log_id);
    verify_checkpoint(&*store.log, &start).await.unwrap();
}

/// INV-8, as in the next two.
async fn a_checkpoint_of_another_log_is_refused(urls: LogUrls) {
    let store = Store::open(urls).await;
    let checkpoint = Checkpoint { log: Uuid::new_v4(), ..checkpoint(&store).await };
    assert_diverged(verify_checkpoint(&*store.log, &checkpoint).await);
    let start = Checkpoint::start(Uuid::new_v4());
    assert_diverged(verify_checkpoint(&*store.log, &start).await);
}

async fn a_checkpoint_beyond_a_lost_tail_is_refused(urls: LogUrls) {
    let store = Store::open(urls).await;
    let checkpoint = Checkpoint { position: Position(4), ..checkpoint(&store).await };
    assert_diverged(verify_checkpoint(&*store.log, &checkpoint).await);
}

async fn a_checkpoint_at_another_event_is_refused(urls: LogUrls) {
    let store = Store::open(urls).await;
    let checkpoint = Checkpoint { event: EventId(Uuid::new_v4()), ..checkpoint(&store).await };
    assert_diverged(verify_checkpoint(&*store.log, &checkpoint).await);
}
