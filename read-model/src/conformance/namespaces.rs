//! Namespaces side by side, and erasing them.

use domain::Login;
use serde_json::json;

use super::case::{Case, cases};
use super::opening::open;
use super::samples::{BOXES, PROJECTION, at, filled, got, opened, put};
use crate::views::AccountView;
use crate::{Change, Document, Micros, OpenError, PageRequest, View, ViewReaderExt};

pub(super) fn cases() -> Vec<Case> {
    cases![
        namespaces_do_not_see_each_other,
        erase_removes_its_own_namespace_only,
        what_was_erased_can_be_built_again,
        what_another_erased_can_be_built_again,
        opening_again_finds_everything,
        two_open_at_once_see_the_same,
        a_bad_namespace_is_refused_with_a_cure,
        views_come_back_with_their_types,
    ]
}

async fn namespaces_do_not_see_each_other(url: String) {
    let live = filled(&url, vec![("a", json!({ "weight": 1 }))]).await;
    let rebuild = open(&url, "rebuild").await.unwrap();
    assert_eq!(rebuild.writer.checkpoint(PROJECTION).await.unwrap(), None);
    assert_eq!(got(&rebuild, &["a"]).await, [None]);
    let change = vec![put("a", json!({ "weight": 2 }))];
    rebuild.writer.commit(PROJECTION, None, &at(7), change).await.unwrap();
    assert_eq!(got(&live, &["a"]).await, [Some(json!({ "weight": 1 }))]);
    assert_eq!(live.writer.checkpoint(PROJECTION).await.unwrap(), Some(at(1)));
}

async fn erase_removes_its_own_namespace_only(url: String) {
    let live = filled(&url, vec![("a", json!({ "weight": 1 }))]).await;
    // Names with a common prefix, and one that a pattern would match.
    let others = ["live2", "live-2", "liv", "l-ve"];
    for other in others {
        let views = open(&url, other).await.unwrap();
        views.writer.commit(PROJECTION, None, &at(3), vec![put("a", json!({}))]).await.unwrap();
    }
    live.writer.erase().await.unwrap();
    assert_eq!(got(&live, &["a"]).await, [None]);
    assert_eq!(live.reader.count(&BOXES, &[]).await.unwrap(), 0);
    assert_eq!(live.writer.checkpoint(PROJECTION).await.unwrap(), None);
    assert!(live.reader.checkpoints().await.unwrap().is_empty());
    live.writer.erase().await.unwrap();
    for other in others {
        let views = open(&url, other).await.unwrap();
        assert_eq!(got(&views, &["a"]).await, [Some(json!({}))]);
        assert_eq!(views.reader.checkpoints().await.unwrap()[PROJECTION], at(3));
    }
}

async fn what_was_erased_can_be_built_again(url: String) {
    let views = filled(&url, vec![("a", json!({ "weight": 1 }))]).await;
    views.writer.erase().await.unwrap();
    let change = vec![put("b", json!({ "weight": 2 }))];
    views.writer.commit(PROJECTION, None, &at(1), change).await.unwrap();
    assert_eq!(got(&views, &["a", "b"]).await, [None, Some(json!({ "weight": 2 }))]);
}

async fn what_another_erased_can_be_built_again(url: String) {
    let views = filled(&url, vec![("a", json!({ "weight": 1 }))]).await;
    open(&url, "live").await.unwrap().writer.erase().await.unwrap();
    let change = || vec![put("b", json!({ "weight": 2 }))];
    // Only the first try may still rely on the erased data.
    let first = views.writer.commit(PROJECTION, None, &at(1), change()).await;
    if first.is_err() {
        views.writer.commit(PROJECTION, None, &at(1), change()).await.unwrap();
    }
    assert_eq!(got(&views, &["a", "b"]).await, [None, Some(json!({ "weight": 2 }))]);
}

async fn opening_again_finds_everything(url: String) {
    let views = filled(&url, vec![("a", json!({ "weight": 1 })), ("b", json!({}))]).await;
    let before = views.reader.page(&BOXES, &PageRequest::all(9)).await.unwrap();
    drop(views);
    let views = opened(&url).await;
    assert_eq!(views.reader.page(&BOXES, &PageRequest::all(9)).await.unwrap(), before);
    assert_eq!(views.writer.checkpoint(PROJECTION).await.unwrap(), Some(at(1)));
    let change = vec![put("a", json!({ "weight": 2 }))];
    views.writer.commit(PROJECTION, Some(&at(1)), &at(2), change).await.unwrap();
}

async fn two_open_at_once_see_the_same(url: String) {
    let (one, other) = (opened(&url).await, opened(&url).await);
    one.writer.commit(PROJECTION, None, &at(1), vec![put("a", json!({}))]).await.unwrap();
    assert_eq!(got(&other, &["a"]).await, [Some(json!({}))]);
    let change = vec![put("b", json!({}))];
    other.writer.commit(PROJECTION, Some(&at(1)), &at(2), change).await.unwrap();
    assert_eq!(got(&one, &["a", "b"]).await, [Some(json!({})), Some(json!({}))]);
    assert_eq!(one.writer.checkpoint(PROJECTION).await.unwrap(), Some(at(2)));
}

async fn a_bad_namespace_is_refused_with_a_cure(url: String) {
    for namespace in ["", "two words", "live_2", "live\"; --", "$live", "a.b", "sqlite"] {
        let result = open(&url, namespace).await;
        assert!(matches!(result, Err(OpenError::Refused { .. })), "{namespace:?}: {result:?}");
    }
}

async fn views_come_back_with_their_types(url: String) {
    let views = open(&url, "live").await.unwrap();
    views.writer.prepare(&[AccountView::COLLECTION]).await.unwrap();
    let account = AccountView {
        login: "ada".parse::<Login>().unwrap(),
        subject: uuid::Uuid::from_u128(9),
        roles: [domain::Role::User, domain::Role::Judge].into(),
        is_erased: false,
        created_at: Micros(1_234_567_890_123_456),
    };
    let change = Change::Put {
        collection: AccountView::COLLECTION,
        key: account.key(),
        document: Document::of(&account),
    };
    views.writer.commit("accounts", None, &at(1), vec![change]).await.unwrap();
    assert_eq!(views.reader.one::<AccountView>("ada").await.unwrap(), Some(account.clone()));
    assert_eq!(views.reader.one::<AccountView>("bob").await.unwrap(), None);
    let page = views.reader.views::<AccountView>(&PageRequest::all(9)).await.unwrap();
    assert_eq!(page.items[0].1, account);
}
