use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::account::{Account, AccountCommand};
use domain::webhook::WebhookCreated;
use event_store::{StoreUrls, Stores};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::*;
use crate::DestinationPolicy;

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The ids of what came, in order.
type Told = Arc<Mutex<Vec<String>>>;

/// A server that takes everything.
async fn receiver() -> (SocketAddr, Told) {
    let told = Told::default();
    let memory = Arc::clone(&told);
    let handler = move |headers: HeaderMap| {
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        memory.lock().unwrap().push(id);
        std::future::ready(StatusCode::OK)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, Router::new().route("/", post(handler))).await });
    (address, told)
}

async fn stores(folder: &Path) -> Stores {
    let below = |scheme: &str, name: &str| format!("{scheme}:{}", folder.join(name).display());
    let urls = StoreUrls {
        log: below("sqlite", "log.db"),
        blobs: below("file", "blobs"),
        credentials: below("sqlite", "credentials.db"),
        tree: below("sqlite", "tree.db"),
    };
    event_store::open(&urls).await.unwrap()
}

async fn create(stores: &Stores, receiver: SocketAddr) -> WebhookId {
    let id = WebhookId::from(Uuid::new_v4());
    let secret = SigningSecret::generate().to_text();
    stores.credentials.put_secret(&secret_name(id), &secret).await.unwrap();
    let created = WebhookCreated {
        webhook: id,
        by: "jo".parse().unwrap(),
        url: format!("http://{receiver}/"),
        kinds: ["AccountRegistered".to_owned()].into(),
        after: Position::START,
    };
    let mut stream = Stream::<Webhook>::new(StreamId::Webhook(id));
    let (log, context) = (stores.log.as_ref(), Context::new(Actor::system()));
    let create = vec![WebhookCommand::Create(created)];
    stream.execute(log, create, &context, None, None).await.unwrap();
    id
}

async fn register(stores: &Stores, login: &str) -> Recorded {
    let login: domain::Login = login.parse().unwrap();
    let mut stream = Stream::<Account>::new(StreamId::Account(login.clone()));
    let register = vec![AccountCommand::Register { login, subject: Uuid::new_v4() }];
    let (log, context) = (stores.log.as_ref(), Context::new(Actor::system()));
    stream.execute(log, register, &context, None, None).await.unwrap().remove(0)
}

async fn until_told(told: &Told, ids: &[String]) {
    let began = Instant::now();
    while !ids.iter().all(|id| told.lock().unwrap().contains(id)) {
        assert!(began.elapsed() < PATIENCE, "not everything was told");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// INV-7: of two that deliver at once, one finds that the other has recorded, and leaves it to that.
#[tokio::test(flavor = "multi_thread")]
async fn two_that_deliver_leave_nothing_out_and_one_stands_by() {
    let folder = tempfile::tempdir().unwrap();
    let stores = stores(folder.path()).await;
    let (address, told) = receiver().await;
    let id = create(&stores, address).await;
    let policy = DestinationPolicy { allow_private: true };
    let timeout = Duration::from_secs(10);
    let (attempts_max, first_delay) = (3, Duration::from_millis(10));
    let settings = Settings { policy, attempts_max, first_delay, timeout };
    let tools = Arc::new(Tools {
        log: Arc::clone(&stores.log),
        credentials: Arc::clone(&stores.credentials),
        sender: Sender::new(policy, timeout).unwrap(),
        settings,
    });
    let cancelled = CancellationToken::new();
    let tasks = [(); 2]
        .map(|()| tokio::spawn(Follower::new(Arc::clone(&tools), id).run(cancelled.clone())));
    let (mut ids, mut last) = (Vec::new(), Position::START);
    for number in 0..200 {
        let recorded = register(&stores, &format!("user{number}")).await;
        ids.push(recorded.id.to_string());
        last = recorded.position;
    }
    until_told(&told, &ids).await;
    cancelled.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    let told = told.lock().unwrap().clone();
    // Each looks before each event whether it is the only one.
    assert!(told.len() <= ids.len() + 2, "{} were told of {}", told.len(), ids.len());
    let stream = Stream::<Webhook>::load(stores.log.as_ref(), StreamId::Webhook(id)).await.unwrap();
    assert!(stream.state.through >= last, "{:?} of {last}", stream.state.through);
}
