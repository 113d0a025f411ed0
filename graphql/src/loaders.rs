//! Loads views in batches, so that a page of nodes costs one look-up per kind and not one per node.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::dataloader;
use bytes::Bytes;
use domain::Digest;
use event_store::{Blobs, Credentials, Profile};
use futures::future::try_join_all;
use futures::{StreamExt, stream};
use read_model::{Collection, Condition, View, ViewReader, ViewReaderExt};
use uuid::Uuid;

use crate::{ApiError, Code};

/// Loads from the read model, the blobs and the credentials.
#[derive(Debug)]
pub struct Loader {
    pub(crate) reader: Arc<dyn ViewReader>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) credentials: Arc<dyn Credentials>,
}

/// The key of a view, with the view's type.
#[derive(Debug)]
pub struct Key<V> {
    key: String,
    view: PhantomData<fn() -> V>,
}

impl<V> Key<V> {
    /// The view with this key.
    pub fn new(key: impl ToString) -> Self {
        Self { key: key.to_string(), view: PhantomData }
    }
}

// Not derived: a derived impl would require the same trait of `V`, which is only a type parameter
// here.
impl<V> Clone for Key<V> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), view: PhantomData }
    }
}

impl<V> PartialEq for Key<V> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<V> Eq for Key<V> {}

impl<V> std::hash::Hash for Key<V> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<V: View> dataloader::Loader<Key<V>> for Loader {
    type Value = V;
    type Error = Arc<ApiError>;

    async fn load(&self, keys: &[Key<V>]) -> Result<HashMap<Key<V>, V>, Arc<ApiError>> {
        let names: Vec<String> = keys.iter().map(|key| key.key.clone()).collect();
        let found = self.reader.many::<V>(&names).await.map_err(ApiError::from)?;
        let keyed = keys.iter().cloned().zip(found);
        Ok(keyed.filter_map(|(key, view)| Some((key, view?))).collect())
    }
}

/// Maximum size of the blobs that are loaded together, in bytes.
const BLOBS_BYTES_MAX: usize = 16 << 20;
/// Blobs that are loaded concurrently.
const BLOBS_AT_ONCE: usize = 8;

/// Loads blobs into memory, up to a limit.
impl dataloader::Loader<Digest> for Loader {
    type Value = Bytes;
    type Error = Arc<ApiError>;

    async fn load(&self, keys: &[Digest]) -> Result<HashMap<Digest, Bytes>, Arc<ApiError>> {
        let mut loading = stream::iter(keys.to_vec())
            .map(|digest| async move { (digest, self.blobs.get(&digest).await) })
            .buffer_unordered(BLOBS_AT_ONCE);
        let (mut loaded, mut total) = (HashMap::with_capacity(keys.len()), 0);
        while let Some((digest, bytes)) = loading.next().await {
            let bytes = bytes.map_err(ApiError::from)?;
            total += bytes.len();
            if total > BLOBS_BYTES_MAX {
                let message = format!(
                    "the texts have more than {} MiB together; ask for fewer at once",
                    BLOBS_BYTES_MAX >> 20
                );
                return Err(ApiError::new(Code::TooLarge, message).into());
            }
            loaded.insert(digest, bytes);
        }
        Ok(loaded)
    }
}

/// Loads a profile by its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject(pub(crate) Uuid);

impl dataloader::Loader<Subject> for Loader {
    type Value = Profile;
    type Error = Arc<ApiError>;

    async fn load(&self, keys: &[Subject]) -> Result<HashMap<Subject, Profile>, Arc<ApiError>> {
        let subjects: Vec<Uuid> = keys.iter().map(|subject| subject.0).collect();
        let found = self.credentials.profiles(&subjects).await.map_err(ApiError::from)?;
        let keyed = keys.iter().copied().zip(found);
        Ok(keyed.filter_map(|(subject, profile)| Some((subject, profile?))).collect())
    }
}

/// The number of views in a collection that meet the conditions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Count {
    collection: Collection,
    conditions: Vec<Condition>,
}

impl Count {
    /// The number of these views that meet the conditions.
    pub fn of<V: View>(conditions: Vec<Condition>) -> Self {
        Self { collection: V::COLLECTION, conditions }
    }
}

impl dataloader::Loader<Count> for Loader {
    type Value = u64;
    type Error = Arc<ApiError>;

    async fn load(&self, keys: &[Count]) -> Result<HashMap<Count, u64>, Arc<ApiError>> {
        let counted = keys.iter().map(async |count| {
            let number = self.reader.count(&count.collection, &count.conditions).await;
            Ok::<_, Arc<ApiError>>((count.clone(), number.map_err(ApiError::from)?))
        });
        Ok(try_join_all(counted).await?.into_iter().collect())
    }
}
