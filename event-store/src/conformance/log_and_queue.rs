//! Appending and queueing are atomic (INV-6), and the log fences (INV-7).

use domain::Position;

use super::case::{Case, LogUrls, cases};
use super::samples::{LONG, SHORT, Store, batch, stream};
use crate::{AppendBatch, AppendError, Lane, QueueError, WorkItem};

pub(super) fn cases() -> Vec<Case<LogUrls>> {
    cases![
        an_append_queues_work,
        a_conflict_queues_no_work,
        a_retry_queues_no_work_twice,
        a_late_retry_does_not_bring_finished_work_back,
        an_append_completes_work,
        a_conflict_completes_no_work,
        finishing_finished_work_is_no_error,
        one_append_completes_and_queues,
        a_worker_that_lost_its_lease_is_fenced,
        a_batch_too_large_queues_no_work,
    ]
}

/// Appends the stream's next event and finishes the work, if the stream is at the expected version.
async fn complete(
    store: &Store,
    expected: u64,
    work: &crate::Work,
) -> Result<crate::Appended, AppendError> {
    let complete = Some(work.receipt.clone());
    store.log.append(&AppendBatch { complete, ..batch("ada", expected, 1) }).await
}

async fn waiting(store: &Store) -> u64 {
    let stats = store.queue.stats().await.unwrap();
    stats.iter().map(|lane| lane.waiting + lane.in_flight).sum()
}

async fn an_append_queues_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    let item = store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    assert_eq!((work.item, work.deliveries), (item, 1));
    assert_eq!(work.receipt.worker.0, "w1");
}

async fn a_conflict_queues_no_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.append(&batch("ada", 0, 1)).await;
    let item = WorkItem { lane: Lane::Submit, stream: stream("ada"), account: None };
    let stale = AppendBatch { enqueue: Some(item), ..batch("ada", 0, 1) };
    assert!(matches!(store.log.append(&stale).await, Err(AppendError::Conflict { .. })));
    assert_eq!(store.take("w1", LONG).await, None);
}

async fn a_retry_queues_no_work_twice(urls: LogUrls) {
    let store = Store::open(urls).await;
    let item = WorkItem { lane: Lane::Submit, stream: stream("ada"), account: None };
    let new = AppendBatch { enqueue: Some(item), ..batch("ada", 0, 1) };
    store.append(&new).await;
    assert!(store.append(&new).await.repeated);
    assert!(store.take("w1", LONG).await.is_some());
    assert_eq!(store.take("w2", LONG).await, None);
}

async fn a_late_retry_does_not_bring_finished_work_back(urls: LogUrls) {
    let store = Store::open(urls).await;
    let item = WorkItem { lane: Lane::Submit, stream: stream("ada"), account: None };
    let new = AppendBatch { enqueue: Some(item), ..batch("ada", 0, 1) };
    store.append(&new).await;
    let work = store.take("w1", LONG).await.unwrap();
    complete(&store, 1, &work).await.unwrap();
    assert!(store.append(&new).await.repeated);
    assert_eq!(waiting(&store).await, 0);
}

async fn an_append_completes_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", SHORT).await.unwrap();
    complete(&store, 1, &work).await.unwrap();
    assert_eq!(waiting(&store).await, 0);
    assert!(matches!(store.queue.extend(&work.receipt, LONG).await, Err(QueueError::LeaseLost)));
}

async fn a_conflict_completes_no_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    let outcome = complete(&store, 0, &work).await;
    assert!(matches!(outcome, Err(AppendError::Conflict { .. })), "{outcome:?}");
    store.queue.extend(&work.receipt, LONG).await.unwrap();
}

async fn finishing_finished_work_is_no_error(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    complete(&store, 1, &work).await.unwrap();
    complete(&store, 2, &work).await.unwrap();
    assert_eq!(store.log.info().await.unwrap().head, Position(3));
}

async fn one_append_completes_and_queues(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let work = store.take("w1", LONG).await.unwrap();
    let next = WorkItem { lane: Lane::Rejudge, stream: stream("ada"), account: None };
    store
        .append(&AppendBatch {
            enqueue: Some(next.clone()),
            complete: Some(work.receipt.clone()),
            ..batch("ada", 1, 1)
        })
        .await;
    assert_eq!(waiting(&store).await, 1);
    assert_eq!(store.take("w1", LONG).await.unwrap().item, next);
}

/// INV-7: two workers hold the same work; the second to append gets a conflict.
async fn a_worker_that_lost_its_lease_is_fenced(urls: LogUrls) {
    let store = Store::open(urls).await;
    store.enqueue(Lane::Submit, "ada").await;
    let slow = store.take("slow", SHORT).await.unwrap();
    let fast = store.take_in_time("fast", LONG).await;
    assert_eq!(fast.deliveries, 2);
    // The new holder's first event fences the old one.
    store.append(&batch("ada", 1, 1)).await;
    let outcome = complete(&store, 1, &slow).await;
    assert!(matches!(outcome, Err(AppendError::Conflict { .. })), "{outcome:?}");
    store.queue.extend(&fast.receipt, LONG).await.unwrap();
    complete(&store, 2, &fast).await.unwrap();
    assert_eq!(waiting(&store).await, 0);
}

async fn a_batch_too_large_queues_no_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    let item = WorkItem { lane: Lane::Submit, stream: stream("ada"), account: None };
    let empty = AppendBatch { enqueue: Some(item), ..batch("ada", 0, 0) };
    assert!(matches!(store.log.append(&empty).await, Err(AppendError::TooLarge { .. })));
    assert_eq!(waiting(&store).await, 0);
}
