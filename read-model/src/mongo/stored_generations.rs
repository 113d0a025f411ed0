//! The list of generations as it is stored in MongoDB, for readers and writers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use mongodb::ClientSession;
use mongodb::bson::{Document, doc};
use tokio::sync::Mutex;

use super::failure::{Failure, failure};
use super::read_limit::{READ_MAX, within};
use super::store::Store;
use crate::generation::Known;
use crate::reader::unavailable;
use crate::stored::damaged;
use crate::{Generation, Generations, ReadError};

/// Maximum age of a reader's list of generations. It is much shorter than the time a retired
/// generation is kept.
const KNOWN_MAX: Duration = Duration::from_millis(250);

/// One process's copy of the list of generations, refreshed at least that often. It never goes
/// back: after a reader has seen a generation live, it never sees an earlier one.
#[derive(Debug, Default)]
pub(super) struct Serving {
    known: Mutex<Option<(Instant, Arc<Known>)>>,
}

impl Serving {
    pub(super) async fn known(&self, store: &Store) -> Result<Arc<Known>, ReadError> {
        let mut known = self.known.lock().await;
        if let Some((read_at, known)) = &*known
            && read_at.elapsed() < KNOWN_MAX
        {
            return Ok(Arc::clone(known));
        }
        let began = Instant::now();
        let read = Arc::new(read_all(store).await?);
        *known = Some((began, Arc::clone(&read)));
        Ok(read)
    }
}

pub(super) async fn read_all(store: &Store) -> Result<Known, ReadError> {
    within(async {
        let stored = store.generations();
        let find = stored.find(doc! {}).max_time(READ_MAX);
        let cursor = find.await.map_err(unavailable)?;
        let documents: Vec<_> = cursor.try_collect().await.map_err(unavailable)?;
        documents.iter().map(|document| parsed(store, document)).collect()
    })
    .await
}

fn parsed(store: &Store, document: &Document) -> Result<(String, Generations), ReadError> {
    let projection = document.get_str("_id").map_err(unavailable)?.to_owned();
    let text = document.get_str("generations").map_err(unavailable)?;
    let generations = serde_json::from_str(text)
        .map_err(|source| damaged(store.namespace.generations(), &projection, source))?;
    Ok((projection, generations))
}

/// Whether a generation takes commits, as this transaction sees it.
pub(super) async fn takes_commits(
    store: &Store,
    projection: &str,
    generation: Generation,
    session: &mut ClientSession,
) -> Result<bool, Failure> {
    let known = store.generations().find_one(doc! { "_id": projection }).session(session).await;
    let Some(document) = known.map_err(failure)? else { return Ok(true) };
    let (_, known) = parsed(store, &document).map_err(|error| Failure::Final(error.into()))?;
    Ok(known.takes_commits(generation))
}
