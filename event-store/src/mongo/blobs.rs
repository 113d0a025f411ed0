//! [`Blobs`] in MongoDB, laid out as GridFS, so that its tools read them: `blobs.files` and
//! `blobs.chunks`.
//!
//! The driver's own upload is not used: when the last write's answer is lost, it removes the chunks
//! of a file that may be there.

use async_trait::async_trait;
use bytes::Bytes;
use domain::Digest;
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, DateTime, doc};
use mongodb::error::Error;
use serde::{Deserialize, Serialize};

use super::{connect, index, is_duplicate, unavailable, unique};
use crate::blobs::{compress, decompress, name};
use crate::resolver::OpenError;
use crate::{BlobError, Blobs};

const PORT: &str = "blobs";
/// Bytes of one chunk; GridFS's own default.
const CHUNK_BYTES: usize = 255 * 1024;
/// Chunks that are sent at once.
const CHUNKS_PER_WRITE: usize = 32;

/// An entry of `blobs.files`. Several writers of one blob each have chunks of their own; the unique
/// index on the name decides whose count.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    #[serde(rename = "_id")]
    id: ObjectId,
    /// The digest.
    filename: String,
    /// Of the compressed form.
    length: i64,
    #[serde(rename = "chunkSize")]
    chunk_size: i32,
    #[serde(rename = "uploadDate")]
    upload_date: DateTime,
}

#[derive(Debug, Serialize, Deserialize)]
struct Chunk {
    #[serde(rename = "_id")]
    id: ObjectId,
    files_id: ObjectId,
    n: i32,
    data: Binary,
}

/// A database of blobs.
#[derive(Debug)]
pub(crate) struct MongoBlobs {
    files: Collection<File>,
    chunks: Collection<Chunk>,
}

impl MongoBlobs {
    pub(crate) async fn open(url: &str) -> Result<Self, OpenError> {
        let database = connect(url, PORT).await?;
        let blobs = Self {
            files: database.collection("blobs.files"),
            chunks: database.collection("blobs.chunks"),
        };
        blobs.index().await.map_err(|error| unavailable(PORT, error))?;
        Ok(blobs)
    }

    async fn index(&self) -> Result<(), Error> {
        self.files.create_index(unique(doc! { "filename": 1 })).await?;
        self.chunks.create_index(unique(doc! { "files_id": 1, "n": 1 })).await?;
        // Expected by drivers that look at a bucket.
        self.files.create_index(index(doc! { "filename": 1, "uploadDate": 1 })).await?;
        Ok(())
    }

    async fn find(&self, digest: &Digest) -> Result<Option<File>, BlobError> {
        self.files.find_one(doc! { "filename": digest.to_string() }).await.map_err(not_available)
    }

    /// Writes the chunks, and then the file that makes them count.
    async fn write(&self, digest: &Digest, kept: &[u8]) -> Result<(), Error> {
        let file = File {
            id: ObjectId::new(),
            filename: digest.to_string(),
            length: kept.len() as i64,
            chunk_size: CHUNK_BYTES as i32,
            upload_date: DateTime::now(),
        };
        let chunks: Vec<Chunk> = (0..)
            .zip(kept.chunks(CHUNK_BYTES))
            .map(|(n, bytes)| Chunk {
                id: ObjectId::new(),
                files_id: file.id,
                n,
                data: Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() },
            })
            .collect();
        for some in chunks.chunks(CHUNKS_PER_WRITE) {
            if let Err(error) = self.chunks.insert_many(some).await {
                self.remove_chunks(file.id).await;
                return Err(error);
            }
        }
        match self.files.insert_one(&file).await {
            // Another writer was faster, with the same bytes.
            Err(error) if is_duplicate(&error) => {
                self.remove_chunks(file.id).await;
                Ok(())
            }
            // Whether the file is there is not known, so its chunks stay.
            outcome => outcome.map(drop),
        }
    }

    /// Chunks without a file are never read; leaving some behind costs space only.
    async fn remove_chunks(&self, id: ObjectId) {
        if let Err(error) = self.chunks.delete_many(doc! { "files_id": id }).await {
            tracing::warn!(%error, file = %id, "chunks of an unfinished blob could not be removed");
        }
    }
}

#[async_trait]
impl Blobs for MongoBlobs {
    async fn put(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        let digest = name(&bytes).await?;
        if !self.contains(&digest).await? {
            let kept = compress(bytes).await?;
            self.write(&digest, &kept).await.map_err(not_available)?;
        }
        Ok(digest)
    }

    async fn put_again(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        let digest = name(&bytes).await?;
        let kept = compress(bytes).await?;
        if let Some(file) = self.find(&digest).await? {
            self.files.delete_one(doc! { "_id": file.id }).await.map_err(not_available)?;
            self.remove_chunks(file.id).await;
        }
        self.write(&digest, &kept).await.map_err(not_available)?;
        Ok(digest)
    }

    async fn get(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        let file = self.find(digest).await?.ok_or(BlobError::NotFound(*digest))?;
        let find = self.chunks.find(doc! { "files_id": file.id }).sort(doc! { "n": 1 });
        let mut chunks = find.await.map_err(not_available)?;
        let mut kept = Vec::with_capacity(usize::try_from(file.length).unwrap_or_default());
        while let Some(chunk) = chunks.try_next().await.map_err(not_available)? {
            kept.extend_from_slice(&chunk.data.bytes);
        }
        // A chunk that is missing or changed is found by the digest.
        decompress(*digest, kept).await
    }

    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError> {
        Ok(self.find(digest).await?.is_some())
    }
}

fn not_available(error: Error) -> BlobError {
    BlobError::Unavailable(Box::new(error))
}
