//! [`ExportStore`] in the tree's own file.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::tree::SqliteTree;
use super::writer::{JobError, WriteError};
use crate::exports::{ExportStore, ExportsError};

#[async_trait]
impl ExportStore for SqliteTree {
    async fn load(&self) -> Result<Option<(u64, String)>, ExportsError> {
        let read = self.readers.run(|connection| {
            connection
                .prepare_cached("SELECT revision, document FROM exports")?
                .query_row([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?)))
                .optional()
        });
        read.await.map_err(|error: rusqlite::Error| ExportsError::Unavailable(Box::new(error)))
    }

    async fn replace(&self, from: u64, document: &str) -> Result<bool, ExportsError> {
        let document = document.to_owned();
        let job = move |connection: &Connection| {
            let from = from.cast_signed();
            let stored: Option<i64> = connection
                .prepare_cached("SELECT revision FROM exports")?
                .query_row([], |row| row.get(0))
                .optional()?;
            if stored.unwrap_or(0) != from {
                return Ok::<_, JobError<ExportsError>>(false);
            }
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO exports (id, revision, document) VALUES (1, ?1, ?2)",
                )?
                .execute(params![from + 1, document])?;
            Ok(true)
        };
        self.writer.run(job).await.map_err(|error| match error {
            WriteError::Refused(error) => error,
            WriteError::NotWritten(error) | WriteError::Unknown(error) => {
                ExportsError::Unavailable(error)
            }
        })
    }
}
