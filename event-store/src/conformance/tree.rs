//! The tree: successive heads and growing tiles.

use bytes::Bytes;
use futures::future::join_all;
use jiff::Timestamp;

use super::case::{Case, cases};
use super::opening::open_tree;
use crate::{KeptHead, TILE_HASH_BYTES, TileId, TreeStoreError};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_new_tree_has_no_heads_and_no_tiles,
        a_head_and_its_tiles_read_back,
        a_head_that_does_not_follow_the_newest_is_superseded,
        of_rival_heads_one_is_kept,
        heads_are_read_by_size_and_page,
        a_tile_grows,
        a_tile_grows_no_shorter,
        hashes_that_no_head_covers_give_way,
        hashes_that_a_head_covers_stay,
        another_handle_sees_what_was_kept,
    ]
}

fn head(size: u64) -> KeptHead {
    let at = Timestamp::from_second(1_700_000_000 + size.cast_signed()).unwrap();
    KeptHead { size, at, note: format!("a note on {size} events — signed\n") }
}

fn tile(level: u32, index: u64) -> TileId {
    TileId { level, index }
}

fn hashes(count: u8) -> Bytes {
    (0..count).flat_map(|number| [number; TILE_HASH_BYTES]).collect()
}

async fn a_new_tree_has_no_heads_and_no_tiles(url: String) {
    let tree = open_tree(&url).await.unwrap();
    assert_eq!(tree.newest_head().await.unwrap(), None);
    assert_eq!(tree.heads(0, 10).await.unwrap(), []);
    assert_eq!(tree.tile(tile(0, 0)).await.unwrap(), None);
}

async fn a_head_and_its_tiles_read_back(url: String) {
    let tree = open_tree(&url).await.unwrap();
    let tiles = vec![(tile(0, 0), hashes(255)), (tile(0, 7), hashes(1)), (tile(1, 0), hashes(2))];
    tree.advance(0, tiles.clone(), &head(3)).await.unwrap();
    assert_eq!(tree.newest_head().await.unwrap(), Some(head(3)));
    for (id, hashes) in tiles {
        assert_eq!(tree.tile(id).await.unwrap(), Some(hashes));
    }
    assert_eq!(tree.tile(tile(1, 7)).await.unwrap(), None);
}

async fn a_head_that_does_not_follow_the_newest_is_superseded(url: String) {
    let tree = open_tree(&url).await.unwrap();
    tree.advance(0, vec![], &head(3)).await.unwrap();
    for from in [0, 2, 4] {
        let outcome = tree.advance(from, vec![], &head(9)).await;
        let Err(TreeStoreError::Superseded { expected, actual }) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!((expected, actual), (from, 3));
    }
    assert_eq!(tree.newest_head().await.unwrap(), Some(head(3)));
}

async fn of_rival_heads_one_is_kept(url: String) {
    let (one, two) = (open_tree(&url).await.unwrap(), open_tree(&url).await.unwrap());
    let rivals = (1..=16).map(|size| {
        let tree = if size % 2 == 0 { &one } else { &two };
        let (tree, head) = (tree.clone(), head(size));
        async move { tree.advance(0, vec![], &head).await }
    });
    let outcomes = join_all(rivals).await;
    let superseded = |it: &Result<_, _>| matches!(it, Err(TreeStoreError::Superseded { .. }));
    assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|it| superseded(it)).count(), 15, "{outcomes:?}");
    assert_eq!(one.heads(0, 100).await.unwrap().len(), 1);
}

async fn heads_are_read_by_size_and_page(url: String) {
    let tree = open_tree(&url).await.unwrap();
    let sizes = [3, 10, 11, 400, 70_000_000_000];
    for (from, size) in [0].into_iter().chain(sizes).zip(sizes) {
        tree.advance(from, vec![], &head(size)).await.unwrap();
    }
    let read = async |after, limit| {
        let heads = tree.heads(after, limit).await.unwrap();
        heads.iter().map(|head| head.size).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 100).await, sizes);
    assert_eq!(read(0, 2).await, [3, 10]);
    assert_eq!(read(10, 2).await, [11, 400]);
    assert_eq!(read(9, 1).await, [10]);
    assert!(read(0, 0).await.is_empty());
    assert!(read(u64::MAX, 10).await.is_empty());
}

async fn a_tile_grows(url: String) {
    let tree = open_tree(&url).await.unwrap();
    tree.advance(0, vec![(tile(0, 0), hashes(1))], &head(1)).await.unwrap();
    tree.advance(1, vec![(tile(0, 0), hashes(9))], &head(9)).await.unwrap();
    assert_eq!(tree.tile(tile(0, 0)).await.unwrap(), Some(hashes(9)));
}

async fn a_tile_grows_no_shorter(url: String) {
    let tree = open_tree(&url).await.unwrap();
    tree.advance(0, vec![(tile(0, 0), hashes(9))], &head(1)).await.unwrap();
    tree.advance(1, vec![(tile(0, 0), hashes(5))], &head(2)).await.unwrap();
    assert_eq!(tree.tile(tile(0, 0)).await.unwrap(), Some(hashes(9)));
}

/// The signer that stored them died before its head, and the log has lost those events since.
async fn hashes_that_no_head_covers_give_way(url: String) {
    let tree = open_tree(&url).await.unwrap();
    let gone = Bytes::from([&hashes(3)[..], &[99; 5 * TILE_HASH_BYTES]].concat());
    let all_gone = Bytes::from(vec![99; 2 * TILE_HASH_BYTES]);
    let left = vec![(tile(0, 0), gone.clone()), (tile(0, 1), all_gone)];
    tree.advance(0, left, &head(3)).await.unwrap();
    // The same number of hashes, then more; in the neighbouring tile, fewer.
    for (from, count) in [(3, 8), (8, 10)] {
        let others = vec![(tile(0, 0), hashes(count)), (tile(0, 1), hashes(1))];
        tree.advance(from, others, &head(u64::from(count))).await.unwrap();
        assert_eq!(tree.tile(tile(0, 0)).await.unwrap(), Some(hashes(count)));
        assert_eq!(tree.tile(tile(0, 1)).await.unwrap(), Some(hashes(1)));
    }
}

async fn hashes_that_a_head_covers_stay(url: String) {
    let tree = open_tree(&url).await.unwrap();
    let upper = Bytes::from(vec![7; TILE_HASH_BYTES]);
    let kept = vec![(tile(0, 0), hashes(255)), (tile(0, 1), hashes(4)), (tile(1, 0), upper)];
    tree.advance(0, kept.clone(), &head(256 + 4)).await.unwrap();
    let other = Bytes::from(vec![9; 5 * TILE_HASH_BYTES]);
    let others = [tile(0, 0), tile(0, 1), tile(1, 0)].map(|id| (id, other.clone()));
    tree.advance(260, others.to_vec(), &head(300)).await.unwrap();
    for (id, hashes) in kept {
        assert_eq!(tree.tile(id).await.unwrap(), Some(hashes), "{id:?}");
    }
}

async fn another_handle_sees_what_was_kept(url: String) {
    let (one, two) = (open_tree(&url).await.unwrap(), open_tree(&url).await.unwrap());
    one.advance(0, vec![(tile(0, 0), hashes(3))], &head(3)).await.unwrap();
    assert_eq!(two.newest_head().await.unwrap(), Some(head(3)));
    assert_eq!(two.tile(tile(0, 0)).await.unwrap(), Some(hashes(3)));
    two.advance(3, vec![], &head(4)).await.unwrap();
    drop((one, two));
    let reopened = open_tree(&url).await.unwrap();
    assert_eq!(reopened.newest_head().await.unwrap(), Some(head(4)));
}
