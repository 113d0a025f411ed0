//! Cases for [`Runs`]: creation, fencing, expiry and wake-ups.

use std::sync::Arc;

use domain::run::{RunCase, RunEvent, RunPhase, RunRequest};
use domain::{Login, RunId, StreamId, Version};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::case::{Case, LogUrls, cases};
use super::opening::{open_blobs, open_log};
use super::samples::{LONG, in_time, request as take_request};
use crate::runs::ENDED_KEPT;
use crate::{
    AppendBatch, AppendError, Creation, Lane, NewRun, RunBatch, Runs, RunsError, Work, WorkQueue,
};

pub(super) fn cases() -> Vec<Case<LogUrls>> {
    cases![
        a_run_and_its_work_are_stored_together,
        the_same_id_is_one_run,
        only_so_many_runs_of_an_author_are_open,
        events_are_read_back_in_order,
        an_append_at_another_version_conflicts,
        a_repeated_append_succeeds_once,
        a_run_that_does_not_exist_takes_no_events,
        finishing_a_run_finishes_its_work,
        the_oldest_ended_runs_of_an_author_go,
        a_run_is_gone_when_it_has_expired,
        an_expired_run_makes_room_for_its_id,
        sweeping_removes_expired_runs_only,
        followers_are_woken_by_this_handle,
        followers_are_woken_by_another_handle,
        a_run_survives_reopening,
        the_log_takes_no_events_of_a_run,
        the_log_does_not_change,
    ]
}

/// The runs and the queue, through one handle.
struct Store {
    urls: LogUrls,
    runs: Arc<dyn Runs>,
    queue: Arc<dyn WorkQueue>,
}

impl Store {
    async fn open(urls: LogUrls) -> Self {
        let (runs, queue) = crate::open_runs(&urls.log).await.unwrap();
        Self { urls, runs, queue }
    }

    async fn create(&self, new: &NewRun) -> RunId {
        assert_eq!(self.runs.create(new).await.unwrap(), Creation::Created);
        new.request.run
    }

    async fn take(&self) -> Option<Work> {
        self.queue.take(&take_request("w1", LONG)).await.unwrap()
    }

    async fn events(&self, id: RunId) -> Vec<RunEvent> {
        let stored = self.runs.read(id, now()).await.unwrap().unwrap();
        stored.events.into_iter().map(|(_, event)| event).collect()
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn new_run(author: &str) -> NewRun {
    let request = RunRequest {
        run: Uuid::new_v4().into(),
        author: author.parse().unwrap(),
        problem: None,
        language: "python3".parse().unwrap(),
        source: "print(input())".to_owned(),
        cases: vec![RunCase::Own { input: "λ\0\n".to_owned() }],
    };
    let requested_at = now();
    NewRun { request, requested_at, expires_at: requested_at + hours(24), open_max: 3 }
}

fn batch(run: RunId, expected: u64, events: Vec<RunEvent>) -> RunBatch {
    let author: Login = "ada".parse().unwrap();
    let expected = Version(expected);
    RunBatch { id: Uuid::new_v4(), run, author, expected, events, complete: None }
}

fn started(attempt: u32) -> RunEvent {
    RunEvent::Started { attempt, evaluator: "judge".to_owned() }
}

async fn a_run_and_its_work_are_stored_together(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = new_run("ada");
    let mut ready = store.queue.ready();
    ready.mark_unchanged();
    let id = store.create(&new).await;
    assert!(ready.has_changed().unwrap());
    let stored = store.runs.read(id, now()).await.unwrap().unwrap();
    assert_eq!(stored.request, new.request);
    assert_eq!(stored.requested_at.as_microsecond(), new.requested_at.as_microsecond());
    assert_eq!(stored.expires_at.as_microsecond(), new.expires_at.as_microsecond());
    assert_eq!(stored.state().phase, RunPhase::Queued);
    let work = store.take().await.unwrap();
    assert_eq!((work.item.lane, work.item.stream), (Lane::Run, StreamId::Run(id)));
    assert_eq!(store.take().await, None);
}

async fn the_same_id_is_one_run(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = new_run("ada");
    let id = store.create(&new).await;
    let mut other = new.clone();
    other.request.source = "print(2)".to_owned();
    assert_eq!(store.runs.create(&other).await.unwrap(), Creation::Existed);
    let stored = store.runs.read(id, now()).await.unwrap().unwrap();
    assert_eq!(stored.request.source, new.request.source);
    assert!(store.take().await.is_some());
    assert_eq!(store.take().await, None);
}

async fn only_so_many_runs_of_an_author_are_open(urls: LogUrls) {
    let store = Store::open(urls).await;
    let first = store.create(&new_run("ada")).await;
    store.create(&new_run("ada")).await;
    store.create(&new_run("ada")).await;
    assert_eq!(store.runs.create(&new_run("ada")).await.unwrap(), Creation::TooManyOpen);
    store.create(&new_run("bob")).await;
    store.runs.append(&batch(first, 0, vec![RunEvent::Finished {}])).await.unwrap();
    store.create(&new_run("ada")).await;
    assert_eq!(store.runs.create(&new_run("ada")).await.unwrap(), Creation::TooManyOpen);
    // Runs that have expired do not count.
    let mut later = new_run("ada");
    later.requested_at += hours(48);
    later.expires_at += hours(48);
    store.create(&later).await;
}

async fn events_are_read_back_in_order(urls: LogUrls) {
    let store = Store::open(urls).await;
    let id = store.create(&new_run("ada")).await;
    let failed = RunEvent::AttemptFailed { detail: Some("no room".to_owned()) };
    store.runs.append(&batch(id, 0, vec![started(1), failed.clone()])).await.unwrap();
    for number in 2..=12 {
        store.runs.append(&batch(id, number, vec![started(number as u32)])).await.unwrap();
    }
    let mut expected = vec![started(1), failed];
    expected.extend((2..=12).map(started));
    assert_eq!(store.events(id).await, expected);
    assert_eq!(store.runs.read(Uuid::new_v4().into(), now()).await.unwrap(), None);
}

/// INV-7: an evaluator that lost a run cannot write to it.
async fn an_append_at_another_version_conflicts(urls: LogUrls) {
    let store = Store::open(urls).await;
    let id = store.create(&new_run("ada")).await;
    store.runs.append(&batch(id, 0, vec![started(1)])).await.unwrap();
    for wrong in [0, 2] {
        let outcome = store.runs.append(&batch(id, wrong, vec![started(2)])).await;
        let Err(RunsError::Conflict { expected, actual }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((expected, actual), (Version(wrong), Version(1)));
    }
    assert_eq!(store.events(id).await, [started(1)]);
}

async fn a_repeated_append_succeeds_once(urls: LogUrls) {
    let store = Store::open(urls).await;
    let id = store.create(&new_run("ada")).await;
    let batch = batch(id, 0, vec![started(1), started(2)]);
    store.runs.append(&batch).await.unwrap();
    store.runs.append(&batch).await.unwrap();
    assert_eq!(store.events(id).await, [started(1), started(2)]);
}

async fn a_run_that_does_not_exist_takes_no_events(urls: LogUrls) {
    let store = Store::open(urls).await;
    let outcome = store.runs.append(&batch(Uuid::new_v4().into(), 0, vec![started(1)])).await;
    assert!(matches!(outcome, Err(RunsError::NotFound)), "{outcome:?}");
}

async fn finishing_a_run_finishes_its_work(urls: LogUrls) {
    let store = Store::open(urls).await;
    let id = store.create(&new_run("ada")).await;
    let work = store.take().await.unwrap();
    let complete = Some(work.receipt.clone());
    // A conflict finishes nothing.
    let lost = RunBatch { complete: complete.clone(), ..batch(id, 5, vec![started(1)]) };
    store.runs.append(&lost).await.unwrap_err();
    store.queue.extend(&work.receipt, LONG).await.unwrap();
    let last = RunBatch { complete, ..batch(id, 0, vec![RunEvent::Finished {}]) };
    store.runs.append(&last).await.unwrap();
    store.queue.extend(&work.receipt, LONG).await.unwrap_err();
}

async fn the_oldest_ended_runs_of_an_author_go(urls: LogUrls) {
    let store = Store::open(urls).await;
    let open = store.create(&new_run("ada")).await;
    let of_bob = store.create(&new_run("bob")).await;
    let ends = |run, author: &str| {
        let author = author.parse().unwrap();
        RunBatch { author, ..batch(run, 0, vec![RunEvent::Finished {}]) }
    };
    store.runs.append(&ends(of_bob, "bob")).await.unwrap();
    let mut ended = Vec::new();
    for number in 0..=ENDED_KEPT {
        let mut new = new_run("ada");
        new.requested_at += SignedDuration::from_millis(i64::from(number));
        ended.push(store.create(&new).await);
        store.runs.append(&ends(ended[number as usize], "ada")).await.unwrap();
    }
    let exists = async |run| store.runs.read(run, now()).await.unwrap().is_some();
    assert!(!exists(ended[0]).await, "one more than are kept");
    for run in ended[1..].iter().chain([&open, &of_bob]) {
        assert!(exists(*run).await);
    }
}

async fn a_run_is_gone_when_it_has_expired(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = new_run("ada");
    let id = store.create(&new).await;
    let just_before = new.expires_at - SignedDuration::from_millis(1);
    assert!(store.runs.read(id, just_before).await.unwrap().is_some());
    assert_eq!(store.runs.read(id, new.expires_at).await.unwrap(), None);
}

async fn an_expired_run_makes_room_for_its_id(urls: LogUrls) {
    let store = Store::open(urls).await;
    let mut new = new_run("ada");
    let id = store.create(&new).await;
    store.runs.append(&batch(id, 0, vec![started(1)])).await.unwrap();
    new.requested_at += hours(25);
    new.expires_at += hours(25);
    assert_eq!(store.create(&new).await, id);
    assert_eq!(store.events(id).await, []);
}

async fn sweeping_removes_expired_runs_only(urls: LogUrls) {
    let store = Store::open(urls).await;
    let old = new_run("ada");
    let mut young = new_run("ada");
    young.expires_at += hours(2);
    let (gone, kept) = (store.create(&old).await, store.create(&young).await);
    store.runs.append(&batch(gone, 0, vec![started(1)])).await.unwrap();
    assert_eq!(store.runs.sweep(now()).await.unwrap(), 0);
    assert_eq!(store.runs.sweep(old.expires_at).await.unwrap(), 1);
    assert_eq!(store.runs.read(gone, now()).await.unwrap(), None);
    assert!(store.runs.read(kept, now()).await.unwrap().is_some());
    let outcome = store.runs.append(&batch(gone, 1, vec![started(2)])).await;
    assert!(matches!(outcome, Err(RunsError::NotFound)), "{outcome:?}");
    assert_eq!(store.runs.sweep(old.expires_at).await.unwrap(), 0);
}

async fn followers_are_woken_by_this_handle(urls: LogUrls) {
    let store = Store::open(urls).await;
    let id = store.create(&new_run("ada")).await;
    let mut changes = store.runs.changes(id);
    changes.mark_unchanged();
    store.runs.append(&batch(id, 0, vec![started(1)])).await.unwrap();
    in_time("a wake-up", changes.changed()).await.unwrap();
}

async fn followers_are_woken_by_another_handle(urls: LogUrls) {
    let one = Store::open(urls.clone()).await;
    let two = Store::open(urls).await;
    let id = one.create(&new_run("ada")).await;
    for version in 0..3 {
        let mut changes = one.runs.changes(id);
        changes.mark_unchanged();
        two.runs.append(&batch(id, version, vec![started(1)])).await.unwrap();
        in_time("a wake-up", async {
            while one.events(id).await.len() <= version as usize {
                changes.changed().await.unwrap();
            }
        })
        .await;
    }
}

async fn a_run_survives_reopening(urls: LogUrls) {
    let store = Store::open(urls).await;
    let id = store.create(&new_run("ada")).await;
    store.runs.append(&batch(id, 0, vec![started(1)])).await.unwrap();
    let urls = store.urls.clone();
    drop(store);
    let store = Store::open(urls).await;
    assert_eq!(store.events(id).await, [started(1)]);
    assert_eq!(store.take().await.unwrap().item.stream, StreamId::Run(id));
}

async fn the_log_takes_no_events_of_a_run(urls: LogUrls) {
    let blobs = open_blobs(&urls.blobs).await.unwrap();
    let (log, _, _) = open_log(&urls.log, blobs).await.unwrap();
    let stream = StreamId::Run(Uuid::new_v4().into());
    let batch = AppendBatch { stream, ..super::samples::batch("ada", 0, 1) };
    let outcome = log.append(&batch).await;
    assert!(matches!(outcome, Err(AppendError::NotInLog(_))), "{outcome:?}");
}

async fn the_log_does_not_change(urls: LogUrls) {
    let blobs = open_blobs(&urls.blobs).await.unwrap();
    let (log, _, _) = open_log(&urls.log, blobs).await.unwrap();
    let before = log.info().await.unwrap().head;
    let store = Store::open(urls).await;
    let id = store.create(&new_run("ada")).await;
    store.runs.append(&batch(id, 0, vec![started(1), RunEvent::Finished {}])).await.unwrap();
    assert_eq!(log.info().await.unwrap().head, before);
}
