//! [`Blobs`] in MongoDB, in GridFS layout, so that GridFS tools can read them: `blobs.files` and
//! `blobs.chunks`.
//!
//! The driver's upload is not used: if the reply to its last write is lost, it removes the chunks
//! of a file that may exist.

use async_trait::async_trait;
use bytes::Bytes;
use domain::Digest;
use futures::TryStreamExt;
use jiff::Timestamp;
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, DateTime, doc};
use mongodb::error::Error;
use serde::{Deserialize, Serialize};

use super::{connect, index, is_duplicate, unavailable, unique};
use crate::blobs::{compress, decompress, name};
use crate::open_error::OpenError;
use crate::{BlobError, Blobs, KeptBlob};

const PORT: &str = "blobs";
/// Size of one chunk, in bytes. GridFS's default.
const CHUNK_BYTES: usize = 255 * 1024;
/// Number of chunks per write.
const CHUNKS_PER_WRITE: usize = 32;

/// An entry of `blobs.files`. Concurrent writers of one blob each write their own chunks; the
/// unique index on `filename` decides which are used.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    #[serde(rename = "_id")]
    id: ObjectId,
    /// The digest.
    filename: String,
    /// Compressed size, in bytes.
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
        // Drivers expect this index on a bucket.
        self.files.create_index(index(doc! { "filename": 1, "uploadDate": 1 })).await?;
        Ok(())
    }

    async fn find(&self, digest: &Digest) -> Result<Option<File>, BlobError> {
        self.files.find_one(doc! { "filename": digest.to_string() }).await.map_err(not_available)
    }

    /// Writes the chunks, then the file entry that makes them valid.
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
            // Another writer stored the same bytes first.
            Err(error) if is_duplicate(&error) => {
                self.remove_chunks(file.id).await;
                Ok(())
            }
            // The file may exist, so its chunks stay.
            outcome => outcome.map(drop),
        }
    }

    /// Removes a file's chunks. Failure only costs space, because chunks without a file are never
    /// read.
    async fn remove_chunks(&self, id: ObjectId) {
        if let Err(error) = self.chunks.delete_many(doc! { "files_id": id }).await {
            tracing::warn!(%error, file = %id, "cannot remove the chunks of an unfinished blob");
        }
    }
}

#[async_trait]
impl Blobs for MongoBlobs {
    async fn put(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        let digest = name(&bytes).await?;
        let filter = doc! { "filename": digest.to_string() };
        let renew = doc! { "$currentDate": { "uploadDate": true } };
        let renewed = self.files.update_one(filter, renew).await.map_err(not_available)?;
        if renewed.matched_count == 0 {
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
        // The digest detects missing and changed chunks.
        match decompress(*digest, kept).await {
            // A removal deletes the file first and its chunks afterwards.
            Err(BlobError::Damaged(_))
                if self.find(digest).await?.is_none_or(|found| found.id != file.id) =>
            {
                Err(BlobError::NotFound(*digest))
            }
            outcome => outcome,
        }
    }

    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError> {
        Ok(self.find(digest).await?.is_some())
    }

    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<KeptBlob>, BlobError> {
        let after = after.map(Digest::to_string).unwrap_or_default();
        let find = self.files.find(doc! { "filename": { "$gt": after } });
        let find =
            find.sort(doc! { "filename": 1 }).limit(i64::try_from(limit).unwrap_or(i64::MAX));
        let files: Vec<File> =
            find.await.map_err(not_available)?.try_collect().await.map_err(not_available)?;
        let kept = files.into_iter().map(|file| {
            let damaged =
                || BlobError::Unavailable(format!("{:?} is no blob", file.filename).into());
            let put_at = Timestamp::from_millisecond(file.upload_date.timestamp_millis());
            Ok(KeptBlob {
                digest: file.filename.parse().map_err(|_| damaged())?,
                bytes: file.length.unsigned_abs(),
                put_at: put_at.map_err(|_| damaged())?,
            })
        });
        kept.collect()
    }

    async fn remove(&self, digest: &Digest, before: Timestamp) -> Result<bool, BlobError> {
        let before = DateTime::from_millis(before.as_millisecond());
        let filter = doc! { "filename": digest.to_string(), "uploadDate": { "$lt": before } };
        let removed = self.files.find_one_and_delete(filter).await.map_err(not_available)?;
        let Some(file) = removed else { return Ok(false) };
        self.remove_chunks(file.id).await;
        Ok(true)
    }

    /// Removes chunks without a file. Their ids contain the time of writing.
    async fn remove_unfinished(&self, before: Timestamp) -> Result<u64, BlobError> {
        let seconds = u32::try_from(before.as_second()).unwrap_or_default();
        let newest = ObjectId::from_parts(seconds, [0; 5], [0; 3]);
        let firsts = self.chunks.clone_with_type::<FirstChunk>();
        let find = firsts.find(doc! { "n": 0, "files_id": { "$lt": newest } });
        let mut firsts = find.projection(doc! { "files_id": 1 }).await.map_err(not_available)?;
        let mut removed = 0;
        while let Some(FirstChunk { files_id }) = firsts.try_next().await.map_err(not_available)? {
            let file = self.files.find_one(doc! { "_id": files_id });
            if file.await.map_err(not_available)?.is_none() {
                self.remove_chunks(files_id).await;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// The field that is read from a blob's first chunk.
#[derive(Debug, Deserialize)]
struct FirstChunk {
    files_id: ObjectId,
}

fn not_available(error: Error) -> BlobError {
    BlobError::Unavailable(Box::new(error))
}
