//! [`TreeStore`] in MongoDB: `tree.tiles` and `tree.heads`.
//!
//! There is no transaction: tiles are written first, and the head makes them valid. A unique index
//! on the previous head's size lets only one of several rival signers store the next head. Rivals
//! read the same log, so one's tile is a prefix of the other's, and the longer one stays. If the
//! log has lost its tail, tiles of a signer that died before storing its head may cover lost
//! events; those are overwritten.

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use futures::future::try_join_all;
use jiff::Timestamp;
use mongodb::Collection;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use mongodb::error::Error;
use serde::{Deserialize, Serialize};

use super::{connect, is_duplicate, unavailable, unique};
use crate::open_error::OpenError;
use crate::{KeptHead, TileId, TreeStore, TreeStoreError};

const PORT: &str = "tree";
/// Maximum attempts to store a tile while rival signers store it too.
const PUT_TRIES_MAX: u32 = 16;

#[derive(Debug, Serialize, Deserialize)]
struct Tile {
    /// The key: `<level>/<index>`.
    #[serde(rename = "_id")]
    id: String,
    bytes: i64,
    hashes: Binary,
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    #[serde(rename = "_id")]
    size: i64,
    /// The size of the previous head; unique.
    previous: i64,
    /// In microseconds since 1970.
    signed_at: i64,
    note: String,
}

/// A database of tiles, heads and exports.
#[derive(Debug)]
pub(crate) struct MongoTree {
    tiles: Collection<Tile>,
    heads: Collection<Head>,
    pub(super) exports: Collection<Document>,
}

impl MongoTree {
    pub(crate) async fn open(url: &str) -> Result<Self, OpenError> {
        let database = connect(url, PORT).await?;
        let tree = Self {
            tiles: database.collection("tree.tiles"),
            heads: database.collection("tree.heads"),
            exports: database.collection("tree.exports"),
        };
        let indexed = tree.heads.create_index(unique(doc! { "previous": 1 })).await;
        indexed.map_err(|error| unavailable(PORT, error))?;
        Ok(tree)
    }

    /// Stores a tile. `false` if rivals kept changing it at every attempt.
    async fn put_tile(&self, from: u64, id: TileId, hashes: Bytes) -> Result<bool, TreeStoreError> {
        let bytes = length(hashes.len() as u64);
        let binary = Binary { subtype: BinarySubtype::Generic, bytes: hashes.to_vec() };
        let tile = Tile { id: name(id), bytes, hashes: binary };
        for _ in 0..PUT_TRIES_MAX {
            let found = self.tiles.find_one(doc! { "_id": &tile.id }).await;
            let Some(kept) = found.map_err(not_available)? else {
                match self.tiles.insert_one(&tile).await {
                    Err(error) if is_duplicate(&error) => continue,
                    outcome => return outcome.map(|_| true).map_err(not_available),
                }
            };
            if !id.takes(from, &kept.hashes.bytes, &hashes) {
                return Ok(true);
            }
            let unchanged = doc! { "_id": &tile.id, "hashes": kept.hashes };
            let put = self.tiles.replace_one(unchanged, &tile).await.map_err(not_available)?;
            if put.matched_count == 1 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[async_trait]
impl TreeStore for MongoTree {
    async fn advance(
        &self,
        from: u64,
        tiles: Vec<(TileId, Bytes)>,
        head: &KeptHead,
    ) -> Result<(), TreeStoreError> {
        let superseded = async || {
            let actual = self.newest_head().await?.map_or(0, |head| head.size);
            Err(TreeStoreError::Superseded { expected: from, actual })
        };
        if self.newest_head().await?.map_or(0, |head| head.size) != from {
            return superseded().await;
        }
        let put = tiles.into_iter().map(|(id, hashes)| self.put_tile(from, id, hashes));
        if try_join_all(put).await?.contains(&false) {
            return superseded().await;
        }
        let head = Head {
            size: length(head.size),
            previous: length(from),
            signed_at: head.at.as_microsecond(),
            note: head.note.clone(),
        };
        match self.heads.insert_one(head).await {
            Err(error) if is_duplicate(&error) => superseded().await,
            outcome => outcome.map(drop).map_err(not_available),
        }
    }

    async fn newest_head(&self) -> Result<Option<KeptHead>, TreeStoreError> {
        let newest = self.heads.find_one(doc! {}).sort(doc! { "_id": -1 });
        newest.await.map_err(not_available)?.map(kept).transpose()
    }

    async fn heads(&self, after: u64, limit: u32) -> Result<Vec<KeptHead>, TreeStoreError> {
        if limit == 0 {
            return Ok(vec![]);
        }
        let larger = doc! { "_id": { "$gt": length(after) } };
        let find = self.heads.find(larger).sort(doc! { "_id": 1 }).limit(i64::from(limit));
        let found: Vec<Head> =
            find.await.map_err(not_available)?.try_collect().await.map_err(not_available)?;
        found.into_iter().map(kept).collect()
    }

    async fn tile(&self, id: TileId) -> Result<Option<Bytes>, TreeStoreError> {
        let found = self.tiles.find_one(doc! { "_id": name(id) }).await.map_err(not_available)?;
        Ok(found.map(|tile| tile.hashes.bytes.into()))
    }
}

fn name(id: TileId) -> String {
    format!("{}/{}", id.level, id.index)
}

/// MongoDB's integers are signed; no tree exceeds the largest.
fn length(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn kept(head: Head) -> Result<KeptHead, TreeStoreError> {
    let damaged =
        || TreeStoreError::Damaged(format!("the head of {} has no valid time", head.size));
    Ok(KeptHead {
        size: head.size.cast_unsigned(),
        at: Timestamp::from_microsecond(head.signed_at).map_err(|_| damaged())?,
        note: head.note,
    })
}

fn not_available(error: Error) -> TreeStoreError {
    TreeStoreError::Unavailable(Box::new(error))
}
