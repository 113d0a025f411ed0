//! Cases for [`Exports`](crate::Exports): creation, leases, parts, expiry, and changes by several
//! processes.

use domain::{Digest, Position};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::case::{Case, cases};
use crate::{
    EXPORT_LEASE, EXPORTS_OPEN_MAX, ExportContent, ExportCreation, ExportPart, ExportState,
    Exports, ExportsError, NewExport, open_exports,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        an_export_is_made_and_read_back,
        the_same_id_is_one_export,
        of_many_processes_each_export_has_one,
        only_a_few_exports_are_open,
        another_process_takes_over_when_the_lease_has_expired,
        an_export_that_is_given_back_is_free,
        a_failed_export_has_a_reason,
        an_expired_export_is_gone,
        exports_survive_reopening,
    ]
}

async fn open(url: &str) -> Exports {
    open_exports(url).await.unwrap()
}

fn now() -> Timestamp {
    // Not more exact than the stores.
    Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap()
}

fn new_export() -> NewExport {
    NewExport {
        id: Uuid::new_v4(),
        requested_by: "ada".parse().unwrap(),
        requested_at: now(),
        filter: r#"{"actor":"account:λ"}"#.to_owned(),
        keep_hours: 24,
    }
}

fn part(bytes: &[u8]) -> ExportPart {
    ExportPart { digest: Digest::of(bytes), bytes: bytes.len() as u64 }
}

fn content() -> ExportContent {
    ExportContent { events: 2, head: Position(7), digest: Digest::of(b"whole") }
}

async fn an_export_is_made_and_read_back(url: String) {
    let exports = open(&url).await;
    assert!(exports.take(now()).await.unwrap().is_none());
    let new = new_export();
    let ExportCreation::Created(created) = exports.create(&new).await.unwrap() else { panic!() };
    assert_eq!((created.id, &created.filter, created.takes), (new.id, &new.filter, 0));
    let held = exports.take(now()).await.unwrap().unwrap();
    assert_eq!(held.export.id, new.id);
    assert!(exports.take(now()).await.unwrap().is_none());
    exports.renew(&held, Position(5), now()).await.unwrap();
    exports.add_part(&held, 0, part(b"a")).await.unwrap();
    exports.add_part(&held, 1, part(b"b")).await.unwrap();
    let running = exports.read(new.id, now()).await.unwrap().unwrap();
    let ExportState::Running { position, parts, .. } = &running.state else { panic!() };
    assert_eq!((*position, &parts[..]), (Position(5), &[part(b"a"), part(b"b")][..]));
    let ended_at = now();
    exports.finish(&held, content(), ended_at).await.unwrap();
    let done = exports.read(new.id, now()).await.unwrap().unwrap();
    let parts = vec![part(b"a"), part(b"b")];
    assert_eq!(done.state, ExportState::Done { ended_at, content: content(), parts });
    assert_eq!(exports.list(now()).await.unwrap(), [done]);
    assert_eq!(exports.parts().await.unwrap().len(), 2);
}

async fn the_same_id_is_one_export(url: String) {
    let (one, two) = (open(&url).await, open(&url).await);
    let new = new_export();
    let created = join_all((0..8).map(|number| {
        let exports = if number % 2 == 0 { &one } else { &two };
        exports.create(&new)
    }))
    .await;
    let created = created.into_iter().map(Result::unwrap);
    let count = created.filter(|it| matches!(it, ExportCreation::Created(_))).count();
    assert_eq!(count, 1);
    assert_eq!(one.list(now()).await.unwrap().len(), 1);
}

async fn of_many_processes_each_export_has_one(url: String) {
    let (one, two) = (open(&url).await, open(&url).await);
    for _ in 0..2 {
        one.create(&new_export()).await.unwrap();
    }
    let takes = (0..8).map(|number| if number % 2 == 0 { &one } else { &two }.take(now()));
    let taken: Vec<Uuid> = join_all(takes)
        .await
        .into_iter()
        .filter_map(Result::unwrap)
        .map(|it| it.export.id)
        .collect();
    assert_eq!(taken.len(), 2);
    assert_ne!(taken[0], taken[1]);
}

async fn only_a_few_exports_are_open(url: String) {
    let exports = open(&url).await;
    let new: Vec<NewExport> = (0..2 * EXPORTS_OPEN_MAX).map(|_| new_export()).collect();
    let created = join_all(new.iter().map(|new| exports.create(new))).await;
    let refused = created.into_iter().filter(|it| matches!(it, Ok(ExportCreation::TooMany)));
    assert_eq!(refused.count(), EXPORTS_OPEN_MAX);
}

async fn another_process_takes_over_when_the_lease_has_expired(url: String) {
    let (one, two) = (open(&url).await, open(&url).await);
    one.create(&new_export()).await.unwrap();
    let begun = now();
    let first = one.take(begun).await.unwrap().unwrap();
    one.add_part(&first, 0, part(b"a")).await.unwrap();
    assert!(two.take(begun + EXPORT_LEASE / 2).await.unwrap().is_none());
    let second = two.take(begun + EXPORT_LEASE).await.unwrap().unwrap();
    assert_eq!(second.export.id, first.export.id);
    assert!(second.export.parts().is_empty());
    let lost = |outcome| matches!(outcome, Err(ExportsError::LeaseLost(_)));
    assert!(lost(one.renew(&first, Position(1), now()).await));
    assert!(lost(one.add_part(&first, 1, part(b"b")).await));
    assert!(lost(one.finish(&first, content(), now()).await));
    assert!(lost(one.fail(&first, "no", now()).await));
    assert!(lost(one.give_back(&first).await));
    two.finish(&second, content(), now()).await.unwrap();
}

async fn an_export_that_is_given_back_is_free(url: String) {
    let exports = open(&url).await;
    exports.create(&new_export()).await.unwrap();
    let held = exports.take(now()).await.unwrap().unwrap();
    exports.give_back(&held).await.unwrap();
    assert_eq!(exports.take(now()).await.unwrap().unwrap().export.takes, 1);
}

async fn a_failed_export_has_a_reason(url: String) {
    let exports = open(&url).await;
    let new = new_export();
    exports.create(&new).await.unwrap();
    let held = exports.take(now()).await.unwrap().unwrap();
    exports.fail(&held, "it is too large", now()).await.unwrap();
    let failed = exports.read(new.id, now()).await.unwrap().unwrap();
    let ExportState::Failed { reason, .. } = &failed.state else { panic!("{failed:?}") };
    assert_eq!(reason, "it is too large");
    assert!(exports.take(now()).await.unwrap().is_none());
}

async fn an_expired_export_is_gone(url: String) {
    let exports = open(&url).await;
    let new = new_export();
    exports.create(&new).await.unwrap();
    let held = exports.take(now()).await.unwrap().unwrap();
    exports.add_part(&held, 0, part(b"a")).await.unwrap();
    let ended_at = now();
    exports.finish(&held, content(), ended_at).await.unwrap();
    let expired = ended_at + SignedDuration::from_hours(24);
    assert!(exports.read(new.id, expired).await.unwrap().is_none());
    assert!(exports.list(expired).await.unwrap().is_empty());
    assert!(exports.remove_expired(now()).await.unwrap().is_empty());
    let removed = exports.remove_expired(expired).await.unwrap();
    assert_eq!(removed, [(part(b"a").digest, ended_at)]);
    assert!(exports.parts().await.unwrap().is_empty());
}

async fn exports_survive_reopening(url: String) {
    let exports = open(&url).await;
    let new = new_export();
    exports.create(&new).await.unwrap();
    let before = exports.list(now()).await.unwrap();
    drop(exports);
    assert_eq!(open(&url).await.list(now()).await.unwrap(), before);
}
