//! Loads views in batches, so that a page of nodes costs one look-up per kind and not one per node.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::dataloader;
use domain::Digest;
use event_store::{Blobs, Credentials, Profile};
use futures::future::try_join_all;
use read_model::{Collection, Condition, View, ViewReader, ViewReaderExt};
use uuid::Uuid;

use crate::ApiError;

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

/// Loads blobs into memory, concurrently.
impl dataloader::Loader<Digest> for Loader {
    type Value = Arc<[u8]>;
    type Error = Arc<ApiError>;

    async fn load(&self, keys: &[Digest]) -> Result<HashMap<Digest, Arc<[u8]>>, Arc<ApiError>> {
        let loaded = keys.iter().map(async |digest| {
            let bytes = self.blobs.get(digest).await.map_err(ApiError::from)?;
            Ok::<_, Arc<ApiError>>((*digest, Arc::from(&bytes[..])))
        });
        Ok(try_join_all(loaded).await?.into_iter().collect())
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
