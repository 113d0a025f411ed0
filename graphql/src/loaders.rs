//! Loads views in batches, so that a page of nodes costs one look-up per kind and not one per node.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::dataloader;
use bytes::Bytes;
use domain::{Digest, RunId};
use event_store::{Blobs, Credentials, Profile, Runs, StoredRun};
use futures::future::try_join_all;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use read_model::views::SubmissionView;
use read_model::{
    Collection, Condition, Direction, Order, PageRequest, Scalar, View, ViewReader, ViewReaderExt,
    WHOLE_PAGE,
};
use uuid::Uuid;

use crate::{ApiError, Code};

/// Loads from the read model, the blobs and the credentials.
#[derive(Debug)]
pub struct Loader {
    pub(crate) reader: Arc<dyn ViewReader>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) runs: Arc<dyn Runs>,
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

/// Loads runs that have not expired, one after the other, because each may be large.
impl dataloader::Loader<RunId> for Loader {
    type Value = Arc<StoredRun>;
    type Error = Arc<ApiError>;

    async fn load(&self, keys: &[RunId]) -> Result<HashMap<RunId, Arc<StoredRun>>, Arc<ApiError>> {
        let mut found = HashMap::new();
        for id in keys {
            let stored = self.runs.read(*id, Timestamp::now()).await.map_err(ApiError::from)?;
            found.extend(stored.map(|stored| (*id, Arc::new(stored))));
        }
        Ok(found)
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

/// A queued submission, by its number, whose place in the queue is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Queued(pub(crate) i64);

/// Finds the places, from 1, of all queued submissions on a page with one count and one read. Only
/// a submission behind [`WHOLE_PAGE`] others of the same page's span is counted on its own.
impl dataloader::Loader<Queued> for Loader {
    type Value = u64;
    type Error = Arc<ApiError>;

    async fn load(&self, keys: &[Queued]) -> Result<HashMap<Queued, u64>, Arc<ApiError>> {
        let Some(first) = keys.iter().map(|key| key.0).min() else { return Ok(HashMap::new()) };
        let queued = Condition::Equals("state", Scalar::Text("QUEUED".to_owned()));
        let ahead = async |number: i64| {
            let before = Condition::LessThan("number", Scalar::Integer(number));
            let conditions = [queued.clone(), before];
            let ahead = self.reader.count(&SubmissionView::COLLECTION, &conditions).await;
            ahead.map_err(|error| Arc::new(ApiError::from(error)))
        };
        let order = Order { field: Some("number"), direction: Direction::Ascending };
        let from = Condition::AtLeast("number", Scalar::Integer(first));
        let conditions = vec![queued.clone(), from];
        let request = PageRequest { conditions, order, ..PageRequest::all(WHOLE_PAGE) };
        let page = self.reader.views::<SubmissionView>(&request);
        let (before_first, page) =
            tokio::try_join!(ahead(first), async { Ok(page.await.map_err(ApiError::from)?) })?;
        let numbers: Vec<i64> = page.items.iter().map(|(_, it)| it.number).collect();
        let known_to = numbers.last().copied().filter(|_| page.has_more).unwrap_or(i64::MAX);
        let placed = keys.iter().map(async |key| {
            let ahead = match key.0 <= known_to {
                true => before_first + numbers.partition_point(|it| *it < key.0) as u64,
                false => ahead(key.0).await?,
            };
            Ok::<_, Arc<ApiError>>((*key, ahead + 1))
        });
        Ok(try_join_all(placed).await?.into_iter().collect())
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

#[cfg(test)]
mod tests {
    use domain::submission::SubmissionReceived;
    use domain::{
        Actor, Checkpoint, EventId, Metadata, Position, Recorded, StreamId, SubmissionId, Version,
    };
    use jiff::Timestamp;
    use read_model::{Change, Document};
    use tempfile::TempDir;

    use super::dataloader::Loader as _;
    use super::*;

    /// Two more than one read returns.
    const QUEUED: u128 = WHOLE_PAGE as u128 + 2;

    /// A submission received at this position.
    fn queued(position: u128) -> SubmissionView {
        let id = SubmissionId::from(Uuid::from_u128(position));
        let received = SubmissionReceived {
            submission: id,
            author: "ada".parse().unwrap(),
            problem: "sum".parse().unwrap(),
            revision: 1,
            language: "cpp".parse().unwrap(),
            source: Digest::of(b""),
            source_bytes: 0,
        };
        let recorded = Recorded {
            position: Position(position as u64),
            stream: StreamId::Submission(id),
            version: Version(1),
            recorded_at: Timestamp::UNIX_EPOCH,
            id: EventId(Uuid::nil()),
            metadata: Metadata::new(Actor::system(), Uuid::nil()),
            event: received.clone().into(),
            body: "".into(),
        };
        SubmissionView::new(&received, &recorded)
    }

    #[tokio::test]
    async fn places_in_the_queue_count_what_is_ahead() {
        let directory = TempDir::new().unwrap();
        let urls = event_store::StoreUrls::embedded(directory.path());
        let stores = event_store::open(&urls).await.unwrap();
        let url = format!("sqlite:{}", directory.path().join("views.db").display());
        let views = read_model::open(&url, "live").await.unwrap();
        // Every tenth position is a submission's.
        let changes = (1..=QUEUED).map(|place| {
            let view = queued(10 * place);
            let (collection, document) = (SubmissionView::COLLECTION, Document::of(&view));
            Change::Put { collection, key: view.key(), document }
        });
        let to = Checkpoint::start(Uuid::nil());
        views.writer.commit("submissions", None, &to, changes.collect()).await.unwrap();
        let (blobs, credentials) = (stores.blobs.clone(), stores.credentials.clone());
        let runs = stores.runs.clone();
        let loader = Loader { reader: views.reader.clone(), blobs, credentials, runs };
        for wanted in [&[1, 2, 7][..], &[5, 6], &[QUEUED], &[1, QUEUED - 1, QUEUED]] {
            let keys: Vec<Queued> = wanted.iter().map(|place| Queued(10 * *place as i64)).collect();
            let places = loader.load(&keys).await.unwrap();
            for (key, place) in keys.iter().zip(wanted) {
                assert_eq!(places[key], *place as u64, "{wanted:?}");
            }
        }
        assert!(loader.load(&[] as &[Queued]).await.unwrap().is_empty());
    }
}
