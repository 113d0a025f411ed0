use audit::SignerKey;
use bytes::Bytes;
use command_api::accounts;
use domain::account::{Account, AccountCommand};
use domain::submission::{Submission, SubmissionCommand, SubmissionReceived};
use domain::webhook::{Webhook, WebhookCommand, WebhookCreated};
use domain::{Actor, Aggregate, Login, WebhookId};
use event_store::{Context, ExportPart, NewExport, Profile, StoreUrls, Stream};
use tempfile::TempDir;
use webhook::secret_name;

use super::*;

async fn stores(folder: &TempDir) -> Stores {
    event_store::open(&StoreUrls::embedded(folder.path())).await.unwrap()
}

fn profile() -> Profile {
    Profile { email: Some("ada@example.org".to_owned()), name: None, password_hash: None }
}

fn context() -> Context {
    Context::new(Actor::system())
}

async fn execute<A: Aggregate>(stores: &Stores, stream: StreamId, commands: Vec<A::Command>) {
    let mut stream = Stream::<A>::load(stores.log.as_ref(), stream).await.unwrap();
    stream.execute(stores.log.as_ref(), commands, &context(), None, None).await.unwrap();
}

async fn submit(stores: &Stores, source: &'static [u8]) -> Digest {
    let (id, digest) = (Uuid::now_v7().into(), put(stores, source).await);
    let received = SubmissionReceived {
        submission: id,
        author: "ada".parse().unwrap(),
        problem: "sum".parse().unwrap(),
        revision: 1,
        language: "cpp".parse().unwrap(),
        source: digest,
        source_bytes: source.len() as u64,
    };
    let receive = vec![SubmissionCommand::Receive(received)];
    execute::<Submission>(stores, StreamId::Submission(id), receive).await;
    digest
}

async fn put(stores: &Stores, bytes: &'static [u8]) -> Digest {
    stores.blobs.put(Bytes::from_static(bytes)).await.unwrap()
}

async fn register(stores: &Stores, login: &str) -> (Login, Uuid) {
    let login: Login = login.parse().unwrap();
    let (log, credentials) = (stores.log.as_ref(), stores.credentials.as_ref());
    let registered = accounts::register(log, credentials, &login, &profile(), &context()).await;
    (login, registered.unwrap().0)
}

async fn create_webhook(stores: &Stores) -> WebhookId {
    let id = WebhookId::from(Uuid::now_v7());
    stores.credentials.put_secret(&secret_name(id), "whsec_a").await.unwrap();
    let created = WebhookCreated {
        webhook: id,
        by: "jo".parse().unwrap(),
        url: "https://example.org".to_owned(),
        kinds: ["AccountRegistered".to_owned()].into(),
        after: Position::START,
    };
    let create = vec![WebhookCommand::Create(created)];
    execute::<Webhook>(stores, StreamId::Webhook(id), create).await;
    id
}

/// As if an hour had passed since everything so far.
fn later() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

async fn find(stores: &Stores, before: Timestamp) -> Unnamed {
    Unnamed::find(stores, before, |_| ()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn old_blobs_that_no_event_names_are_deleted() {
    let folder = TempDir::new().unwrap();
    let stores = stores(&folder).await;
    // Also where old events are in the archive, whose segments no event names.
    let archived = submit(&stores, b"int main() { return 1; }").await;
    stores.archive.archive(Position(1), |_| ()).await.unwrap();
    let named = submit(&stores, b"int main() {}").await;
    let package = put(&stores, b"a package").await;
    let segment = stores.archive.status().await.unwrap().segments[0].digest;

    let young = find(&stores, Timestamp::now() - SignedDuration::from_hours(1)).await;
    assert!(young.blobs.is_empty(), "{young:?}");
    let found = find(&stores, later()).await;
    assert_eq!(found.blobs.keys().collect::<Vec<_>>(), [&package]);
    assert_eq!(found.remove(&stores).await.unwrap().0, 1);
    assert!(!stores.blobs.contains(&package).await.unwrap());
    for digest in [archived, named, segment] {
        assert!(stores.blobs.contains(&digest).await.unwrap());
    }
    assert!(find(&stores, later()).await.blobs.is_empty());
}

/// A program is handed in whose bytes are kept already, by nothing that is named, while a sweep
/// runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_is_put_again_during_a_sweep_stays() {
    let folder = TempDir::new().unwrap();
    let stores = stores(&folder).await;
    submit(&stores, b"print(0)").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let source = b"print(1)";
    put(&stores, source).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let before = Timestamp::now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let found = find(&stores, before).await;
    assert_eq!(found.blobs.len(), 1);
    let named = submit(&stores, source).await;
    assert_eq!(found.remove(&stores).await.unwrap(), (0, 0));
    assert!(stores.blobs.contains(&named).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_and_secrets_without_an_owner_go() {
    let folder = TempDir::new().unwrap();
    let stores = stores(&folder).await;
    let (_, ada) = register(&stores, "ada").await;
    // A crash between the profile and the event, and one between the event and the erasure.
    let lost = Uuid::now_v7();
    stores.credentials.put_profile(lost, &profile()).await.unwrap();
    let (bob_login, bob) = register(&stores, "bob").await;
    execute::<Account>(&stores, StreamId::Account(bob_login), vec![AccountCommand::Erase]).await;
    // The same for webhooks.
    let kept = create_webhook(&stores).await;
    let lost_webhook = WebhookId::from(Uuid::now_v7());
    stores.credentials.put_secret(&secret_name(lost_webhook), "whsec_b").await.unwrap();
    let removed = create_webhook(&stores).await;
    let remove = WebhookCommand::Remove { by: "jo".parse().unwrap() };
    execute::<Webhook>(&stores, StreamId::Webhook(removed), vec![remove]).await;

    let young = find(&stores, Timestamp::now() - SignedDuration::from_hours(1)).await;
    // An erased account is erased at once, whatever its age.
    assert_eq!((&young.subjects, young.secrets.len()), (&HashSet::from([bob]), 0));
    let found = find(&stores, later()).await;
    assert_eq!(found.subjects, HashSet::from([lost, bob]));
    let secrets = [lost_webhook, removed].map(secret_name);
    assert_eq!(found.secrets, HashSet::from(secrets));
    found.remove(&stores).await.unwrap();
    let profiles = stores.credentials.profiles(&[ada, lost, bob]).await.unwrap();
    assert_eq!(profiles, [Some(profile()), None, None]);
    let secret = stores.credentials.secret(&secret_name(kept)).await.unwrap();
    assert_eq!(secret.as_deref(), Some("whsec_a"));
}

/// A log that was lost or moved, in the place of which a new one begins.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_the_log_stays() {
    let folder = TempDir::new().unwrap();
    let stores = stores(&folder).await;
    let source = put(&stores, b"a source of another log").await;
    let (old, untimed) = (Uuid::now_v7(), Uuid::new_v4());
    for subject in [old, untimed] {
        stores.credentials.put_profile(subject, &profile()).await.unwrap();
    }
    assert!(find(&stores, later()).await.blobs.is_empty());
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    register(&stores, "ada").await;
    let found = find(&stores, later()).await;
    assert!(found.blobs.is_empty() && found.subjects.is_empty(), "{found:?}");
    assert!(stores.blobs.contains(&source).await.unwrap());
}

async fn sign(stores: &Stores) {
    let tree = Tree::new(Arc::clone(&stores.tree));
    let key = SignerKey::new("assay/test".parse().unwrap(), [1; 32]);
    let signer = audit::Signer::new(Arc::clone(&stores.log), tree, vec![key]);
    signer.catch_up().await.unwrap();
}

/// What the signed log names may still be in the stores, and must stay until the log is repaired.
#[tokio::test]
async fn a_log_that_is_not_the_signed_one_is_refused() {
    let folder = TempDir::new().unwrap();
    let signed = stores(&folder).await;
    submit(&signed, b"a").await;
    sign(&signed).await;
    assert!(find(&signed, later()).await.blobs.is_empty());

    let urls = StoreUrls::embedded(folder.path());
    let log = urls.log.replace("log.db", "other.db");
    let other = event_store::open(&StoreUrls { log, ..urls }).await.unwrap();
    submit(&other, b"b").await;
    let refused = Unnamed::find(&other, later(), |_| ()).await;
    assert!(matches!(refused, Err(SweepError::Signed(SignError::Diverged(_)))), "{refused:?}");
}

/// Somebody makes an event in the middle name something else, so that nothing names its source.
#[tokio::test]
async fn a_log_with_a_changed_event_is_refused() {
    let folder = TempDir::new().unwrap();
    let stores = stores(&folder).await;
    let source = submit(&stores, b"a").await;
    submit(&stores, b"b").await;
    sign(&stores).await;
    let file = rusqlite::Connection::open(folder.path().join("log.db")).unwrap();
    let other = Digest::of(b"c").to_string();
    file.execute(
        "UPDATE events SET body = replace(body, ?1, ?2) WHERE position = 1",
        [source.to_string(), other],
    )
    .unwrap();
    let refused = Unnamed::find(&stores, later(), |_| ()).await;
    assert!(matches!(refused, Err(SweepError::Signed(SignError::Diverged(_)))), "{refused:?}");
}

#[tokio::test]
async fn the_parts_of_an_export_stay() {
    let folder = TempDir::new().unwrap();
    let stores = stores(&folder).await;
    submit(&stores, b"first").await;
    // The time of a file may be some milliseconds old, and what is older than the log stays.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (part, unnamed) = (put(&stores, b"a part").await, put(&stores, b"unnamed").await);
    let new = NewExport {
        id: Uuid::new_v4(),
        requested_by: "ada".parse().unwrap(),
        requested_at: Timestamp::now(),
        filter: "{}".to_owned(),
        keep_hours: 1,
    };
    stores.exports.create(&new).await.unwrap();
    let held = stores.exports.take(Timestamp::now()).await.unwrap().unwrap();
    stores.exports.add_part(&held, 0, ExportPart { digest: part, bytes: 6 }).await.unwrap();
    let found = find(&stores, later()).await;
    assert!(found.blobs.contains_key(&unnamed) && !found.blobs.contains_key(&part), "{found:?}");
    stores.exports.fail(&held, "no", Timestamp::now()).await.unwrap();
    assert!(find(&stores, later()).await.blobs.contains_key(&part));
}
