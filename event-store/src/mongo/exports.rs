//! [`ExportStore`] in MongoDB: `tree.exports`, a collection of one document.

use async_trait::async_trait;
use mongodb::Collection;
use mongodb::bson::doc;
use mongodb::error::Error;
use serde::{Deserialize, Serialize};

use super::is_duplicate;
use super::tree::MongoTree;
use crate::exports::{ExportStore, ExportsError};

/// The document's id.
const ID: &str = "exports";

#[derive(Debug, Serialize, Deserialize)]
struct StoredExports {
    #[serde(rename = "_id")]
    id: String,
    /// The number of changes so far.
    revision: i64,
    document: String,
}

#[async_trait]
impl ExportStore for MongoTree {
    async fn load(&self) -> Result<Option<(u64, String)>, ExportsError> {
        let found =
            self.stored_exports().find_one(doc! { "_id": ID }).await.map_err(unavailable)?;
        Ok(found.map(|it| (it.revision.cast_unsigned(), it.document)))
    }

    async fn replace(&self, from: u64, document: &str) -> Result<bool, ExportsError> {
        let from = from.cast_signed();
        if from == 0 {
            let (id, document) = (ID.to_owned(), document.to_owned());
            let first = StoredExports { id, revision: 1, document };
            return match self.stored_exports().insert_one(first).await {
                Ok(_) => Ok(true),
                Err(error) if is_duplicate(&error) => Ok(false),
                Err(error) => Err(unavailable(error)),
            };
        }
        let unchanged = doc! { "_id": ID, "revision": from };
        let change = doc! { "$set": { "revision": from + 1, "document": document } };
        let changed = self.exports.update_one(unchanged, change).await.map_err(unavailable)?;
        Ok(changed.matched_count == 1)
    }
}

impl MongoTree {
    fn stored_exports(&self) -> Collection<StoredExports> {
        self.exports.clone_with_type()
    }
}

fn unavailable(error: Error) -> ExportsError {
    ExportsError::Unavailable(Box::new(error))
}
