//! A projection that fails at some events continues with the others, and later retries the failed
//! ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::{Event, Recorded, StreamId};
use futures::{StreamExt, stream};
use projector::{Missing, Projection, Runtime, Workspace};
use read_model::views::ParkedView;
use read_model::{Collection, Generation, PageRequest, View, Views};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tests::deployment::{Deployment, Stack};
use uuid::Uuid;

use crate::replay::{write_history, write_setting};

/// The number of submissions. One in seven is too large to be stored, and the projection panics at
/// one in five.
const HISTORIES: usize = 200;
/// The number of submissions written concurrently.
const AT_ONCE: usize = 64;

/// A summary of one stream's events.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sum {
    stream: StreamId,
    events: u64,
    greatest: u64,
}

impl View for Sum {
    const COLLECTION: Collection = Collection { name: "sums", schema: 1, indexes: &[] };

    fn key(&self) -> String {
        self.stream.to_string()
    }
}

/// Maintains [`Sum`]; fails at some events until `mended`.
#[derive(Debug)]
struct Sums {
    mended: Arc<AtomicBool>,
}

impl Projection for Sums {
    fn name(&self) -> &'static str {
        "sums"
    }

    fn version(&self) -> u32 {
        1
    }

    fn collections(&self) -> Vec<Collection> {
        vec![Sum::COLLECTION]
    }

    fn parked_name(&self) -> &'static str {
        "parked_sums"
    }

    fn streams_are_apart(&self) -> bool {
        true
    }

    fn wants(&self, _: &StreamId) -> bool {
        true
    }

    fn apply(&self, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing> {
        let stream = recorded.stream.clone();
        let known = views.get::<Sum>(&stream.to_string())?;
        let mut sum = known.unwrap_or(Sum { stream, events: 0, greatest: 0 });
        sum.events += 1;
        if !self.mended.load(Ordering::Relaxed) && matches!(recorded.event, Event::Compiled(_)) {
            match kind(&recorded.stream) {
                Kind::Panics => panic!("as it should"),
                Kind::IsTooGreat => sum.greatest = u64::MAX,
                Kind::IsFine => {}
            }
        }
        views.put(sum);
        Ok(())
    }
}

enum Kind {
    Panics,
    IsTooGreat,
    IsFine,
}

fn kind(stream: &StreamId) -> Kind {
    let StreamId::Submission(id) = stream else { return Kind::IsFine };
    match id.to_string().parse::<Uuid>().unwrap().as_u128() {
        id if id.is_multiple_of(5) => Kind::Panics,
        id if id.is_multiple_of(7) => Kind::IsTooGreat,
        _ => Kind::IsFine,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_parked_alone_and_taken_up_where_it_was_left() {
    let deployment = Deployment::stores_only(Stack::Embedded, &[]).await;
    let log = deployment.stores().await.log;
    write_setting(&log).await;
    stream::iter(0..HISTORIES)
        .for_each_concurrent(AT_ONCE, |number| write_history(&log, number))
        .await;
    let views = deployment.views().await;
    let mended = Arc::new(AtomicBool::new(false));
    let projection: Arc<dyn Projection> = Arc::new(Sums { mended: Arc::clone(&mended) });
    let of = |generation| Runtime {
        log: Arc::clone(&log),
        views: views.at(generation),
        projection: Arc::clone(&projection),
    };
    let (broken, whole) = (of(Generation(1)), of(Generation(2)));
    let head = log.info().await.unwrap().head;
    broken.catch_up(head, |_| {}).await.unwrap();

    let parked = documents(&broken.views, &projection.parked()).await;
    let parked: Vec<ParkedView> =
        parked.into_iter().map(|it| serde_json::from_value(it).unwrap()).collect();
    assert!(parked.iter().all(|it| !matches!(kind(&it.stream), Kind::IsFine)), "{parked:?}");
    let panicked = parked.iter().filter(|it| it.error.contains("panicked")).count();
    assert!(panicked > 0 && panicked < parked.len(), "{parked:?}");
    mended.store(true, Ordering::Relaxed);
    whole.catch_up(head, |_| {}).await.unwrap();
    let missed: i64 = parked.iter().map(|it| it.events).sum();
    let (some, all) = (counted(&broken.views).await, counted(&whole.views).await);
    assert_eq!(some + missed.unsigned_abs(), all);
    assert_eq!(all, head.0);

    broken.follow(|| false, |_| {}).await.unwrap();
    assert_eq!(documents(&broken.views, &projection.parked()).await, [] as [Value; 0]);
    let (taken_up, replayed) = (
        documents(&broken.views, &Sum::COLLECTION).await,
        documents(&whole.views, &Sum::COLLECTION).await,
    );
    assert_eq!(taken_up, replayed);
}

async fn counted(views: &Views) -> u64 {
    let sums = documents(views, &Sum::COLLECTION).await;
    sums.iter().map(|sum| sum["events"].as_u64().unwrap()).sum()
}

async fn documents(views: &Views, collection: &Collection) -> Vec<Value> {
    let page = views.reader.page(collection, &PageRequest::all(1_000)).await.unwrap();
    page.items.into_iter().map(|(_, document)| document).collect()
}
