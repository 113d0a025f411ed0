use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::account::{Account, AccountCommand};
use domain::submission::{Submission, SubmissionCommand, SubmissionReceived, TrialStarted};
use domain::webhook::WebhookCreated;
use domain::{Aggregate, Digest, RejudgeId, SubmissionId, TrialId};
use event_store::{StoreUrls, Stores};
use read_model::views::webhook_checkpoint;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::*;
use crate::DestinationPolicy;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Fast enough that a test can wait until a follower on standby would deliver.
const QUICK: Pace = Pace {
    poll_interval: Duration::from_millis(10),
    record_every: Duration::from_millis(50),
    mark_every: Duration::from_secs(3_600),
    passed_max: 20,
    stand_by: Duration::from_secs(1),
};

/// The ids of received events, in order.
type Delivered = Arc<Mutex<Vec<String>>>;

/// A server that accepts everything.
async fn receiver() -> (SocketAddr, Delivered) {
    let delivered = Delivered::default();
    let memory = Arc::clone(&delivered);
    let handler = move |headers: HeaderMap| {
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        memory.lock().unwrap().push(id);
        std::future::ready(StatusCode::OK)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, Router::new().route("/", post(handler))).await });
    (address, delivered)
}

async fn stores(folder: &Path) -> Stores {
    event_store::open(&StoreUrls::embedded(folder)).await.unwrap()
}

async fn create(stores: &Stores, receiver: SocketAddr) -> WebhookId {
    let id = WebhookId::from(Uuid::new_v4());
    let secret = SigningSecret::generate().to_text();
    stores.credentials.put_secret(&secret_name(id), &secret).await.unwrap();
    let created = WebhookCreated {
        webhook: id,
        by: "jo".parse().unwrap(),
        url: format!("http://{receiver}/"),
        kinds: ["AccountRegistered", "JudgingStarted"].map(str::to_owned).into(),
        after: Position::START,
    };
    let create = vec![WebhookCommand::Create(created)];
    write::<Webhook>(stores, StreamId::Webhook(id), create).await;
    id
}

async fn register(stores: &Stores, login: &str) -> Recorded {
    let login: domain::Login = login.parse().unwrap();
    let register = AccountCommand::Register { login: login.clone(), subject: Uuid::new_v4() };
    write::<Account>(stores, StreamId::Account(login), vec![register]).await.remove(0)
}

/// Executes commands on an empty stream.
async fn write<A: Aggregate>(
    stores: &Stores,
    stream: StreamId,
    commands: Vec<A::Command>,
) -> Vec<Recorded> {
    let (log, context) = (stores.log.as_ref(), Context::new(Actor::system()));
    Stream::<A>::new(stream).execute(log, commands, &context, None, None).await.unwrap()
}

fn tools(stores: &Stores, views: &Views, pace: Pace) -> Arc<Tools> {
    let policy = DestinationPolicy { allow_private: true };
    let timeout = Duration::from_secs(10);
    let (attempts_max, first_delay) = (3, Duration::from_millis(10));
    Arc::new(Tools {
        log: Arc::clone(&stores.log),
        credentials: Arc::clone(&stores.credentials),
        views: views.clone(),
        sender: Sender::new(policy, timeout).unwrap(),
        settings: Settings { policy, attempts_max, first_delay, timeout },
        pace,
    })
}

/// The progress according to the log and the checkpoint.
async fn recorded_through(stores: &Stores, views: &Views, id: WebhookId) -> Position {
    let stream = Stream::<Webhook>::load(stores.log.as_ref(), StreamId::Webhook(id)).await;
    let state = stream.unwrap().state;
    let checkpoint = views.writer.checkpoint(&webhook_checkpoint(id, state.rewinds)).await.unwrap();
    state.through.max(checkpoint.map_or(Position::START, |it| it.position))
}

async fn views(folder: &Path) -> Views {
    let url = format!("sqlite:{}", folder.join("views.db").display());
    read_model::open(&url, "live").await.unwrap()
}

async fn until_delivered(delivered: &Delivered, ids: &[String]) {
    let began = Instant::now();
    while !ids.iter().all(|id| delivered.lock().unwrap().contains(id)) {
        assert!(began.elapsed() < PATIENCE, "not all events were delivered");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// INV-7: of two concurrent followers, one finds that the other has recorded progress, and stands
/// by.
#[tokio::test(flavor = "multi_thread")]
async fn two_followers_deliver_every_event_and_one_stands_by() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, views) = (stores(folder.path()).await, views(folder.path()).await);
    let (address, delivered) = receiver().await;
    let id = create(&stores, address).await;
    let tools = tools(&stores, &views, Pace::new(PATIENCE));
    let cancelled = CancellationToken::new();
    let tasks = [(); 2]
        .map(|()| tokio::spawn(Follower::new(Arc::clone(&tools), id).run(cancelled.clone())));
    let (mut ids, mut last) = (Vec::new(), Position::START);
    for number in 0..200 {
        let recorded = register(&stores, &format!("user{number}")).await;
        ids.push(recorded.id.to_string());
        last = recorded.position;
    }
    until_delivered(&delivered, &ids).await;
    cancelled.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    let delivered = delivered.lock().unwrap().clone();
    // Each checks before each event whether another one delivers.
    assert!(
        delivered.len() <= ids.len() + 2,
        "{} deliveries of {} events",
        delivered.len(),
        ids.len()
    );
    let through = recorded_through(&stores, &views, id).await;
    assert!(through >= last, "{through} of {last}");
}

/// Even with rare events: if there is nothing to deliver, silence is no reason for the other to
/// take over.
#[tokio::test(flavor = "multi_thread")]
async fn with_rare_events_one_of_two_followers_stays_on_standby() {
    const EVENTS: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    let (stores, views) = (stores(folder.path()).await, views(folder.path()).await);
    let (address, delivered) = receiver().await;
    let id = create(&stores, address).await;
    let tools = tools(&stores, &views, QUICK);
    let cancelled = CancellationToken::new();
    let tasks = [(); 2]
        .map(|()| tokio::spawn(Follower::new(Arc::clone(&tools), id).run(cancelled.clone())));
    for number in 0..EVENTS {
        let recorded = register(&stores, &format!("user{number}")).await;
        until_delivered(&delivered, &[recorded.id.to_string()]).await;
        tokio::time::sleep(QUICK.stand_by + QUICK.record_every * 4).await;
        assert!(recorded_through(&stores, &views, id).await >= recorded.position);
    }
    cancelled.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    // Both deliver the first event, because neither knows of the other yet.
    let delivered = delivered.lock().unwrap().len();
    assert!(delivered <= EVENTS + 1, "{delivered} deliveries of {EVENTS} events");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_on_standby_takes_over_from_a_silent_one() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, views) = (stores(folder.path()).await, views(folder.path()).await);
    let (address, delivered) = receiver().await;
    let id = create(&stores, address).await;
    let tools = tools(&stores, &views, QUICK);
    let [mut other, mut this] = [(); 2].map(|()| Follower::new(Arc::clone(&tools), id));
    for follower in [&mut other, &mut this] {
        follower.refresh().await.unwrap();
    }
    let first = register(&stores, "first").await.id.to_string();
    other.deliver_all().await.unwrap();
    assert!(this.refresh().await.unwrap());
    assert!(this.heard_at.is_some() && other.heard_at.is_none());
    // There is nothing to deliver, so it waits forever.
    let standing = tokio::time::timeout(QUICK.stand_by * 2, this.stand_by()).await;
    assert!(standing.is_err(), "{standing:?}");

    let second = register(&stores, "second").await.id.to_string();
    let began = Instant::now();
    this.stand_by().await.unwrap();
    assert!(began.elapsed() >= QUICK.stand_by && this.heard_at.is_none());
    this.deliver_all().await.unwrap();
    assert_eq!(*delivered.lock().unwrap(), [first, second]);
    assert!(other.refresh().await.unwrap() && other.heard_at.is_some());
}

/// A rejudge is invisible until it is applied, although its trials have the same types of events.
#[tokio::test(flavor = "multi_thread")]
async fn trials_are_not_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, views) = (stores(folder.path()).await, views(folder.path()).await);
    let (address, delivered) = receiver().await;
    let id = create(&stores, address).await;
    let (submission, rejudge) =
        (SubmissionId::from(Uuid::new_v4()), RejudgeId::from(Uuid::new_v4()));
    let received = SubmissionReceived {
        submission,
        author: "ada".parse().unwrap(),
        problem: "sum".parse().unwrap(),
        revision: 1,
        language: "cpp".parse().unwrap(),
        source: Digest::of(b"int main() {}"),
        source_bytes: 13,
    };
    let judge = || SubmissionCommand::StartJudging { evaluator: "e1".to_owned(), tests: 1 };
    let tried = TrialStarted { rejudge, submission: received.clone() };
    let tried = vec![SubmissionCommand::StartTrial(tried), judge()];
    let trial = StreamId::Trial(TrialId { rejudge, submission });
    let tried = write::<Submission>(&stores, trial, tried).await.remove(1);
    assert_eq!(tried.event.kind(), "JudgingStarted");
    let judged = vec![SubmissionCommand::Receive(received), judge()];
    let stream = StreamId::Submission(submission);
    let judged = write::<Submission>(&stores, stream, judged).await.remove(1);

    let mut follower = Follower::new(tools(&stores, &views, QUICK), id);
    follower.refresh().await.unwrap();
    follower.deliver_all().await.unwrap();
    assert_eq!(*delivered.lock().unwrap(), [judged.id.to_string()]);
    assert!(recorded_through(&stores, &views, id).await >= judged.position);
}

/// Otherwise the records of some webhooks would make others record, and an idle log would grow
/// forever.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_webhooks_do_not_count_as_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, views) = (stores(folder.path()).await, views(folder.path()).await);
    let (address, _) = receiver().await;
    let id = create(&stores, address).await;
    let mut follower = Follower::new(tools(&stores, &views, QUICK), id);
    follower.refresh().await.unwrap();
    for _ in 0..QUICK.passed_max + 5 {
        create(&stores, address).await;
    }
    follower.deliver_all().await.unwrap();
    assert_eq!(recorded_through(&stores, &views, id).await, Position::START);
    let login: domain::Login = "ada".parse().unwrap();
    let mut commands =
        vec![AccountCommand::Register { login: login.clone(), subject: Uuid::new_v4() }];
    for _ in 0..QUICK.passed_max {
        commands.push(AccountCommand::Grant(domain::Role::Judge));
        commands.push(AccountCommand::Revoke(domain::Role::Judge));
    }
    let passed = write::<Account>(&stores, StreamId::Account(login), commands).await;
    follower.progress.reach(&passed[0]);
    follower.deliver_all().await.unwrap();
    let last = passed.last().unwrap().position;
    assert_eq!(recorded_through(&stores, &views, id).await, last);
}

async fn events_of(stores: &Stores, id: WebhookId) -> usize {
    let log = stores.log.as_ref();
    event_store::read_stream_whole(log, &StreamId::Webhook(id)).await.unwrap().len()
}

/// With a record every ten seconds, 400 days would be 3,456,000 progress events.
#[tokio::test(flavor = "multi_thread")]
async fn progress_is_in_the_log_once_a_day_and_else_in_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, views) = (stores(folder.path()).await, views(folder.path()).await);
    let (address, delivered) = receiver().await;
    let id = create(&stores, address).await;
    let often = Pace { record_every: Duration::ZERO, ..QUICK };
    let mut follower = Follower::new(tools(&stores, &views, often), id);
    follower.refresh().await.unwrap();
    let mut last = Position::START;
    for number in 0..300 {
        last = register(&stores, &format!("user{number}")).await.position;
        follower.deliver_all().await.unwrap();
        assert_eq!(recorded_through(&stores, &views, id).await, last);
    }
    let events = events_of(&stores, id).await;
    assert_eq!((delivered.lock().unwrap().len(), events), (300, 1));

    // The log has no record of progress for the last day.
    let daily = Pace { mark_every: Duration::ZERO, ..often };
    let mut follower = Follower::new(tools(&stores, &views, daily), id);
    follower.refresh().await.unwrap();
    let next = register(&stores, "next").await.position;
    follower.deliver_all().await.unwrap();
    assert_eq!(events_of(&stores, id).await, 2);

    // Without the views, delivery continues after the last mark.
    views.writer.erase().await.unwrap();
    let mut follower = Follower::new(tools(&stores, &views, often), id);
    follower.refresh().await.unwrap();
    assert!(follower.progress.reached() == next && next > last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewind_voids_the_checkpoint_and_a_removal_deletes_it() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, views) = (stores(folder.path()).await, views(folder.path()).await);
    let (address, delivered) = receiver().await;
    let id = create(&stores, address).await;
    let mut follower = Follower::new(tools(&stores, &views, QUICK), id);
    follower.refresh().await.unwrap();
    let first = register(&stores, "first").await;
    register(&stores, "second").await;
    follower.deliver_all().await.unwrap();
    follower.record().await.unwrap();
    let by: domain::Login = "jo".parse().unwrap();
    let through = recorded_through(&stores, &views, id).await;
    let rewind = WebhookCommand::Rewind { by: by.clone(), from: first.position, through };
    command(&stores, id, rewind).await;
    assert!(follower.refresh().await.unwrap());
    follower.deliver_all().await.unwrap();
    follower.record().await.unwrap();
    assert_eq!(delivered.lock().unwrap().len(), 4);
    let checkpoints = views.reader.checkpoints().await.unwrap();
    assert_eq!(checkpoints.into_keys().collect::<Vec<_>>(), [webhook_checkpoint(id, 1)]);

    command(&stores, id, WebhookCommand::Remove { by }).await;
    follower.run(CancellationToken::new()).await;
    assert!(views.reader.checkpoints().await.unwrap().is_empty());
}

async fn command(stores: &Stores, id: WebhookId, command: WebhookCommand) {
    let (log, context) = (stores.log.as_ref(), Context::new(Actor::system()));
    let mut stream = Stream::<Webhook>::load(log, StreamId::Webhook(id)).await.unwrap();
    stream.execute(log, vec![command], &context, None, None).await.unwrap();
}
