//! Panics in long-lived tasks: nothing stops for good, and everybody can see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use audit::{KeyName, Signer, SignerKey, Tree};
use domain::account::AccountRegistered;
use domain::{Actor, Event, EventId, Metadata, NewEvent, Position, Recorded, StreamId, Version};
use event_store::{
    AppendBatch, AppendError, Appended, EventLog, LogInfo, ReadError, StoreUrls, Stores,
};
use graphql::Hub;
use projector::Projector;
use read_model::Views;
use supervision::{Health, Supervisor};
use tempfile::TempDir;
use tests::waiting::PATIENCE;
use tokio::sync::watch;
use uuid::Uuid;
use webhook::{DestinationPolicy, Dispatcher, Settings};

/// A log whose readers panic while it says so.
#[derive(Debug)]
struct Panicking {
    log: Arc<dyn EventLog>,
    /// Reads that are left to panic.
    panics: AtomicI64,
}

impl Panicking {
    fn read(&self) {
        let left = self.panics.fetch_sub(1, Ordering::Relaxed);
        assert!(left <= 0, "a reader of the log has a bug");
    }
}

#[async_trait]
impl EventLog for Panicking {
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError> {
        self.log.append(batch).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: u32,
    ) -> Result<Vec<Recorded>, ReadError> {
        self.read();
        self.log.read_stream(stream, from, limit).await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError> {
        self.read();
        self.log.read_all(after, limit).await
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.log.head()
    }

    async fn info(&self) -> Result<LogInfo, ReadError> {
        self.log.info().await
    }

    async fn has_room(&self) -> Result<(), AppendError> {
        self.log.has_room().await
    }
}

struct World {
    log: Arc<Panicking>,
    stores: Stores,
    views: Views,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let stores = event_store::open(&StoreUrls::embedded(folder.path())).await.unwrap();
        let views = format!("sqlite:{}", folder.path().join("views.db").display());
        let views = read_model::open(&views, "live").await.unwrap();
        let log = Panicking { log: Arc::clone(&stores.log), panics: AtomicI64::new(0) };
        Self { log: Arc::new(log), stores, views, _folder: folder }
    }

    fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.log) as Arc<dyn EventLog>
    }

    fn tree(&self) -> Tree {
        Tree::new(Arc::clone(&self.stores.tree))
    }

    /// Every task that a server runs beside serving and judging, in the server's order.
    async fn supervisor(&self) -> Supervisor {
        let name: KeyName = "judge.example/log".parse().unwrap();
        let key = SignerKey::new(name, [7; 32]);
        let settings = Settings {
            policy: DestinationPolicy { allow_private: false },
            attempts_max: 1,
            first_delay: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
        };
        let credentials = Arc::clone(&self.stores.credentials);
        let mut supervisor = Supervisor::default();
        supervisor.add(Arc::new(Projector::new(&self.log(), &self.views, projector::all())));
        supervisor.add(Arc::new(Signer::new(self.log(), self.tree(), vec![key])));
        let dispatcher =
            Dispatcher::new(self.log(), credentials, self.views.clone(), settings).unwrap();
        supervisor.add(Arc::new(dispatcher));
        supervisor.add(Hub::new(self.log()).await.unwrap());
        supervisor
    }

    async fn register(&self, from: u64, to: u64) {
        for number in from..to {
            let login: domain::Login = format!("user-{number}").parse().unwrap();
            let subject = Uuid::from_u128(u128::from(number));
            let event = AccountRegistered { login: login.clone(), subject };
            let metadata = Metadata::new(Actor::system(), subject);
            let id = EventId(Uuid::new_v4());
            let batch = AppendBatch {
                stream: StreamId::Account(login),
                expected: Version::NONE,
                events: vec![NewEvent { id, event: Event::AccountRegistered(event), metadata }],
                enqueue: None,
                complete: None,
            };
            self.log.append(&batch).await.unwrap();
        }
    }

    /// The position that every projection has committed.
    async fn projected(&self) -> Position {
        let checkpoints = self.views.reader.checkpoints().await.unwrap();
        let of = |name: String| checkpoints.get(&name).map_or(Position::START, |it| it.position);
        projector::all().iter().map(|it| of(it.commit_name())).min().unwrap()
    }

    async fn signed(&self) -> u64 {
        let newest = self.stores.tree.newest_head().await.unwrap();
        newest.map_or(0, |head| head.size)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_that_panics_is_started_again() {
    let world = World::new().await;
    let supervisor = world.supervisor().await;
    let statuses = supervisor.statuses();
    let started = supervisor.start();
    world.register(0, 3).await;
    tests::waiting::until_true("the events are projected and signed", async || {
        world.projected().await == Position(3) && world.signed().await == 3
    })
    .await;

    // Enough for each reader to panic more than once.
    world.log.panics.store(20, Ordering::Relaxed);
    world.register(3, 6).await;
    tests::waiting::until_true("later events are projected and signed too", async || {
        world.projected().await == Position(6) && world.signed().await == 6
    })
    .await;
    for mut status in statuses {
        let recovered = status.wait_for(|it| it.health == Health::Running);
        let recovered = tokio::time::timeout(PATIENCE, recovered).await;
        let recovered = recovered.expect("a task did not recover").unwrap().clone();
        // Without webhooks the dispatcher reads no log.
        assert!(recovered.restarts > 0 || recovered.name == "webhooks", "{recovered:?}");
    }
    assert!(started.drain(PATIENCE).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_a_shutdown_is_projected_and_signed() {
    let world = World::new().await;
    let started = world.supervisor().await.start();
    world.register(0, 1).await;
    tests::waiting::until_true("the views are live", async || {
        world.projected().await == Position(1)
    })
    .await;
    world.register(1, 200).await;
    assert!(started.drain(PATIENCE).await.is_empty());
    assert_eq!((world.projected().await, world.signed().await), (Position(200), 200));
}
