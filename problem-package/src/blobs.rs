//! Files by the digest of their bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::Digest;
use domain::problem::BlobRef;

/// File contents by digest; equal files are stored once.
#[derive(Debug, Default)]
pub(crate) struct Blobs(pub(crate) BTreeMap<Digest, Bytes>);

impl Blobs {
    pub(crate) fn put(&mut self, bytes: &Bytes) -> BlobRef {
        let digest = Digest::of(bytes);
        self.0.entry(digest).or_insert_with(|| bytes.clone());
        BlobRef { digest, bytes: bytes.len() as u64 }
    }
}
