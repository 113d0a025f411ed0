//! Documents and checkpoint move together (INV-9).

use std::collections::BTreeMap;

use domain::{EventId, Position};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

use super::case::{Case, cases};
use super::samples::{BOXES, PROJECTION, at, delete, got, keys_of, opened, put};
use crate::{Change, Collection, CommitError, Document, PageRequest};

pub(super) fn cases() -> Vec<Case> {
    cases![
        there_is_no_checkpoint_before_the_first_commit,
        a_commit_moves_documents_and_checkpoint_together,
        a_commit_from_elsewhere_is_superseded_and_changes_nothing,
        each_part_of_a_checkpoint_is_compared,
        a_first_commit_is_only_the_first,
        a_commit_without_changes_moves_the_checkpoint,
        a_commit_to_where_it_already_stands_is_allowed,
        a_commit_that_fails_halfway_leaves_nothing,
        of_two_that_race_exactly_one_wins,
        of_many_first_commits_exactly_one_wins,
        projections_do_not_hold_each_other_up,
        every_projections_checkpoint_is_listed,
        one_commit_changes_several_collections,
        a_reader_of_one_commit_sees_all_of_it,
    ]
}

fn superseded(result: &Result<(), CommitError>) -> bool {
    matches!(result, Err(CommitError::Superseded))
}

async fn there_is_no_checkpoint_before_the_first_commit(url: String) {
    let views = opened(&url).await;
    assert_eq!(views.writer.checkpoint(PROJECTION).await.unwrap(), None);
    assert!(views.reader.checkpoints().await.unwrap().is_empty());
}

async fn a_commit_moves_documents_and_checkpoint_together(url: String) {
    let views = opened(&url).await;
    let mut from = None;
    for position in [1, 2, 700] {
        let change = put("a", json!({ "weight": position }));
        let to = at(position);
        views.writer.commit(PROJECTION, from.as_ref(), &to, vec![change]).await.unwrap();
        assert_eq!(got(&views, &["a"]).await, [Some(json!({ "weight": position }))]);
        assert_eq!(views.writer.checkpoint(PROJECTION).await.unwrap(), Some(to));
        from = Some(to);
    }
}

async fn a_commit_from_elsewhere_is_superseded_and_changes_nothing(url: String) {
    let views = opened(&url).await;
    let change = || vec![put("a", json!({ "weight": 1 })), delete("b")];
    let result = views.writer.commit(PROJECTION, Some(&at(1)), &at(2), change()).await;
    assert!(superseded(&result), "{result:?}");
    assert_eq!(views.writer.checkpoint(PROJECTION).await.unwrap(), None);

    let first = vec![put("b", json!({ "weight": 2 }))];
    views.writer.commit(PROJECTION, None, &at(5), first).await.unwrap();
    for from in [None, Some(at(4)), Some(at(6))] {
        let result = views.writer.commit(PROJECTION, from.as_ref(), &at(7), change()).await;
        assert!(superseded(&result), "{result:?}");
    }
    assert_eq!(got(&views, &["a", "b"]).await, [None, Some(json!({ "weight": 2 }))]);
    assert_eq!(views.writer.checkpoint(PROJECTION).await.unwrap(), Some(at(5)));
}

async fn each_part_of_a_checkpoint_is_compared(url: String) {
    let views = opened(&url).await;
    views.writer.commit(PROJECTION, None, &at(5), vec![]).await.unwrap();
    let (mut log, mut position, mut event) = (at(5), at(5), at(5));
    log.log = Uuid::from_u128(2);
    position.position = Position(6);
    event.event = EventId(Uuid::from_u128(3));
    for from in [log, position, event] {
        let result = views.writer.commit(PROJECTION, Some(&from), &at(6), vec![]).await;
        assert!(superseded(&result), "{result:?}");
    }
    views.writer.commit(PROJECTION, Some(&at(5)), &at(6), vec![]).await.unwrap();
}

async fn a_first_commit_is_only_the_first(url: String) {
    let views = opened(&url).await;
    views.writer.commit(PROJECTION, None, &at(1), vec![]).await.unwrap();
    // Not even with the same target, because the changes may differ.
    let change = vec![put("a", json!({}))];
    let result = views.writer.commit(PROJECTION, None, &at(1), change).await;
    assert!(superseded(&result), "{result:?}");
    assert_eq!(got(&views, &["a"]).await, [None]);
}

async fn a_commit_without_changes_moves_the_checkpoint(url: String) {
    let views = opened(&url).await;
    views.writer.commit(PROJECTION, None, &at(1), vec![]).await.unwrap();
    views.writer.commit(PROJECTION, Some(&at(1)), &at(9), vec![]).await.unwrap();
    assert_eq!(views.writer.checkpoint(PROJECTION).await.unwrap(), Some(at(9)));
    assert_eq!(keys_of(&views, &PageRequest::all(1)).await.0, [""; 0]);
}

async fn a_commit_to_where_it_already_stands_is_allowed(url: String) {
    let views = opened(&url).await;
    views.writer.commit(PROJECTION, None, &at(1), vec![]).await.unwrap();
    let change = vec![put("a", json!({ "weight": 1 }))];
    views.writer.commit(PROJECTION, Some(&at(1)), &at(1), change).await.unwrap();
    assert_eq!(got(&views, &["a"]).await, [Some(json!({ "weight": 1 }))]);
}

async fn a_commit_that_fails_halfway_leaves_nothing(url: String) {
    let views = opened(&url).await;
    views.writer.commit(PROJECTION, None, &at(1), vec![put("a", json!({}))]).await.unwrap();
    let changes = vec![delete("a"), put("b", json!({})), put("c", json!({ "number": u64::MAX }))];
    let result = views.writer.commit(PROJECTION, Some(&at(1)), &at(2), changes).await;
    assert!(matches!(result, Err(CommitError::Unstorable(_))), "{result:?}");
    assert_eq!(got(&views, &["a", "b", "c"]).await, [Some(json!({})), None, None]);
    assert_eq!(views.writer.checkpoint(PROJECTION).await.unwrap(), Some(at(1)));
    views.writer.commit(PROJECTION, Some(&at(1)), &at(2), vec![delete("a")]).await.unwrap();
}

async fn of_two_that_race_exactly_one_wins(url: String) {
    let (left, right) = (opened(&url).await, opened(&url).await);
    left.writer.commit(PROJECTION, None, &at(0), vec![]).await.unwrap();
    for round in 0..20 {
        let (from, to) = (at(round), at(round + 1));
        // Both have the same target and differ only in their changes.
        let commit = |name: &'static str| {
            let own = put(&format!("{round} {name}"), json!({ "owner": name }));
            vec![put("shared", json!({ "owner": name, "weight": round })), own]
        };
        let (a, b) = futures::join!(
            left.writer.commit(PROJECTION, Some(&from), &to, commit("left")),
            right.writer.commit(PROJECTION, Some(&from), &to, commit("right")),
        );
        let (winner, loser) = match (&a, &b) {
            (Ok(()), Err(CommitError::Superseded)) => ("left", "right"),
            (Err(CommitError::Superseded), Ok(())) => ("right", "left"),
            other => panic!("round {round}: {other:?}"),
        };
        let found = got(&left, &[&format!("{round} {winner}"), &format!("{round} {loser}")]).await;
        assert_eq!(found, [Some(json!({ "owner": winner })), None]);
        let shared = json!({ "owner": winner, "weight": round });
        assert_eq!(got(&right, &["shared"]).await, [Some(shared)]);
        assert_eq!(right.writer.checkpoint(PROJECTION).await.unwrap(), Some(to));
    }
}

async fn of_many_first_commits_exactly_one_wins(url: String) {
    let views = opened(&url).await;
    let commits = (0..8).map(|number| {
        let change = vec![put(&format!("box {number}"), json!({ "weight": number }))];
        let writer = &views.writer;
        async move { writer.commit(PROJECTION, None, &at(1), change).await }
    });
    let results = join_all(commits).await;
    assert_eq!(results.iter().filter(|it| it.is_ok()).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|it| superseded(it)).count(), 7, "{results:?}");
    assert_eq!(views.reader.count(&BOXES, &[]).await.unwrap(), 1);
}

async fn projections_do_not_hold_each_other_up(url: String) {
    let views = opened(&url).await;
    let commits = (0..4).map(|number| {
        let writer = &views.writer;
        async move {
            let projection = format!("projection {number}");
            let mut from = None;
            for position in 1..=10 {
                let change = vec![put(&projection, json!({ "weight": position }))];
                writer.commit(&projection, from.as_ref(), &at(position), change).await.unwrap();
                from = Some(at(position));
            }
        }
    });
    join_all(commits).await;
    let checkpoints = views.reader.checkpoints().await.unwrap();
    assert_eq!(checkpoints.len(), 4);
    assert!(checkpoints.values().all(|it| *it == at(10)));
}

async fn every_projections_checkpoint_is_listed(url: String) {
    let views = opened(&url).await;
    let mut expected = BTreeMap::new();
    for (position, projection) in (1..).zip(["problems_v2", "solved/v1", "é \"quoted\" $name"]) {
        views.writer.commit(projection, None, &at(position), vec![]).await.unwrap();
        expected.insert(projection.to_owned(), at(position));
    }
    let far = at(u64::try_from(i64::MAX).unwrap());
    views.writer.commit("far", None, &far, vec![]).await.unwrap();
    expected.insert("far".to_owned(), far);
    assert_eq!(views.reader.checkpoints().await.unwrap(), expected);
}

async fn one_commit_changes_several_collections(url: String) {
    const LIDS: Collection = Collection { name: "lids", schema: 1, indexes: &[] };
    // The same name with a different schema is a different collection.
    const LIDS_2: Collection = Collection { name: "lids", schema: 2, indexes: &[&["weight"]] };
    let views = opened(&url).await;
    views.writer.prepare(&[LIDS, LIDS_2]).await.unwrap();
    let weighing = |weight: i64| json!({ "weight": weight });
    let put = |collection, weight| {
        let document = Document::of(&weighing(weight));
        Change::Put { collection, key: "a".to_owned(), document }
    };
    let changes = vec![put(BOXES, 1), put(LIDS, 2), put(LIDS_2, 3)];
    views.writer.commit(PROJECTION, None, &at(1), changes).await.unwrap();
    for (collection, weight) in [(BOXES, 1), (LIDS, 2), (LIDS_2, 3)] {
        let found = views.reader.get(&collection, &["a".to_owned()]).await.unwrap();
        assert_eq!(found, [Some(weighing(weight))]);
    }
    let delete = Change::Delete { collection: LIDS, key: "a".to_owned() };
    views.writer.commit(PROJECTION, Some(&at(1)), &at(2), vec![delete]).await.unwrap();
    assert_eq!(views.reader.count(&LIDS, &[]).await.unwrap(), 0);
    assert_eq!(views.reader.count(&LIDS_2, &[]).await.unwrap(), 1);
}

async fn a_reader_of_one_commit_sees_all_of_it(url: String) {
    const COMMITS: u64 = 30;
    let views = opened(&url).await;
    let first = vec![put("a", json!({ "weight": 0 })), put("b", json!({ "weight": 0 }))];
    views.writer.commit(PROJECTION, None, &at(0), first).await.unwrap();
    let writing = async {
        for position in 1..=COMMITS {
            let document = json!({ "weight": position });
            let changes = vec![put("b", document.clone()), put("a", document)];
            let from = at(position - 1);
            views.writer.commit(PROJECTION, Some(&from), &at(position), changes).await.unwrap();
        }
    };
    let reading = async {
        let mut seen = 0;
        while seen < COMMITS {
            // Read the checkpoint first: its documents must be there afterwards.
            let checkpoint = views.reader.checkpoints().await.unwrap()[PROJECTION].position.0;
            let weights = got(&views, &["a", "b"]).await;
            for weight in weights.iter().map(|it| it.as_ref().unwrap()["weight"].as_u64().unwrap())
            {
                assert!(weight >= checkpoint && weight >= seen, "{weights:?} at {checkpoint}");
            }
            seen = checkpoint;
        }
    };
    futures::join!(writing, reading);
}
