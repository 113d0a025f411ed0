//! Access to the data that a revision refers to by digest.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Digest;
use domain::problem::{ProgramFile, Test};

use super::TestData;

/// A source of bytes by digest.
#[async_trait]
pub trait Materials: Send + Sync + Debug {
    /// The bytes with this digest.
    async fn bytes(&self, digest: &Digest) -> Result<Bytes, MaterialError>;
}

/// Bytes that could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("fetching {digest} failed")]
pub struct MaterialError {
    /// The digest of the bytes.
    pub digest: Digest,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

#[async_trait]
impl Materials for BTreeMap<Digest, Bytes> {
    async fn bytes(&self, digest: &Digest) -> Result<Bytes, MaterialError> {
        self.get(digest).cloned().ok_or_else(|| MaterialError {
            digest: *digest,
            source: "there are no bytes with this digest".into(),
        })
    }
}

/// Fetches the content of files; returns each path with its content.
pub async fn fetch_files(
    materials: &dyn Materials,
    files: &[ProgramFile],
) -> Result<Vec<(String, Bytes)>, MaterialError> {
    let mut fetched = Vec::with_capacity(files.len());
    for file in files {
        fetched.push((file.path.clone(), materials.bytes(&file.content.digest).await?));
    }
    Ok(fetched)
}

/// Fetches a test's input, answer and files.
pub async fn fetch_test(
    materials: &dyn Materials,
    number: u32,
    test: &Test,
) -> Result<TestData, MaterialError> {
    Ok(TestData {
        number,
        sample: test.sample,
        full_feedback: test.full_feedback,
        is_static: test.is_static,
        input: materials.bytes(&test.input.digest).await?,
        answer: materials.bytes(&test.answer.digest).await?,
        args: test.args.clone(),
        files: fetch_files(materials, &test.files).await?,
        tokens: test.tokens,
        validator_args: test.validator_args.clone(),
    })
}
