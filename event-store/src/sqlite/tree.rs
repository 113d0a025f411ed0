//! [`TreeStore`] in a SQLite file.

use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sqlite::Readers;

use super::database::Kind;
use super::timestamp;
use super::writer::{self, JobError, WriteError, Writer};
use crate::open_error::OpenError;
use crate::{KeptHead, TileId, TreeStore, TreeStoreError};

const KIND: Kind = Kind {
    port: "tree",
    application_id: 0x4173_5472, // "AsTr"
    create: include_str!("tree.sql"),
    upgrades: &[include_str!("tree.2.sql")],
};

/// A file of hashes, heads and exports.
#[derive(Debug)]
pub(crate) struct SqliteTree {
    pub(super) writer: Writer,
    pub(super) readers: Readers,
}

impl SqliteTree {
    pub(crate) async fn open(path: PathBuf) -> Result<Self, OpenError> {
        let (writer, readers) = writer::open(path, &KIND).await?;
        Ok(Self { writer, readers })
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, TreeStoreError> {
        let read = self.readers.run(query).await;
        read.map_err(|error| TreeStoreError::Unavailable(Box::new(error)))
    }
}

#[async_trait]
impl TreeStore for SqliteTree {
    async fn advance(
        &self,
        from: u64,
        tiles: Vec<(TileId, Bytes)>,
        head: &KeptHead,
    ) -> Result<(), TreeStoreError> {
        let head = head.clone();
        let job = move |connection: &Connection| {
            let actual: i64 = connection
                .prepare_cached("SELECT ifnull(max(size), 0) FROM heads")?
                .query_row([], |row| row.get(0))?;
            let actual = actual.cast_unsigned();
            if actual != from {
                let superseded = TreeStoreError::Superseded { expected: from, actual };
                return Err(JobError::Refused(superseded));
            }
            let mut put = connection.prepare_cached(
                "INSERT OR REPLACE INTO tiles (level, number, hashes) VALUES (?1, ?2, ?3)",
            )?;
            for (id, hashes) in &tiles {
                if tile(connection, *id)?.is_some_and(|kept| !id.takes(from, &kept, hashes)) {
                    continue;
                }
                put.execute(params![id.level, id.index.cast_signed(), &hashes[..]])?;
            }
            connection
                .prepare_cached("INSERT INTO heads (size, signed_at, note) VALUES (?1, ?2, ?3)")?
                .execute(params![head.size.cast_signed(), head.at.as_microsecond(), head.note])?;
            Ok(())
        };
        self.writer.run(job).await.map_err(|error| match error {
            WriteError::Refused(error) => error,
            WriteError::NotWritten(error) | WriteError::Unknown(error) => {
                TreeStoreError::Unavailable(error)
            }
        })
    }

    async fn newest_head(&self) -> Result<Option<KeptHead>, TreeStoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT size, signed_at, note FROM heads ORDER BY size DESC LIMIT 1",
                )?
                .query_row([], kept)
                .optional()
        })
        .await
    }

    async fn heads(&self, after: u64, limit: u32) -> Result<Vec<KeptHead>, TreeStoreError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT size, signed_at, note FROM heads WHERE size > ?1 ORDER BY size LIMIT ?2",
                )?
                .query_map(params![after, limit], kept)?
                .collect()
        })
        .await
    }

    async fn tile(&self, id: TileId) -> Result<Option<Bytes>, TreeStoreError> {
        Ok(self.read(move |connection| tile(connection, id)).await?.map(Bytes::from))
    }
}

fn tile(connection: &Connection, id: TileId) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT hashes FROM tiles WHERE level = ?1 AND number = ?2")?
        .query_row(params![id.level, id.index.cast_signed()], |row| row.get(0))
        .optional()
}

fn kept(row: &Row<'_>) -> rusqlite::Result<KeptHead> {
    let size: i64 = row.get(0)?;
    Ok(KeptHead { size: size.cast_unsigned(), at: timestamp(row.get(1)?)?, note: row.get(2)? })
}
