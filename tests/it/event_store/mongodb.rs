//! Blobs and credentials in a MongoDB server.

use ::mongodb::Client;
use ::mongodb::bson::{Document, doc};
use bytes::Bytes;
use domain::Digest;
use event_store::conformance::{blobs_cases, credentials_cases, exports_cases, run, tree_cases};
use event_store::{BlobError, OpenError, open_blobs, open_credentials};
use futures::future::join_all;
use tests::mongo_server::MongoServer;
use tokio::sync::OnceCell;

use super::{fresh_name, report};

/// One server for all tests that do not break it.
async fn server() -> &'static MongoServer {
    static SERVER: OnceCell<MongoServer> = OnceCell::const_new();
    SERVER.get_or_init(MongoServer::start).await
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs() {
    let server = server().await;
    run("blobs × mongodb", blobs_cases(), |_| server.url(&fresh_name())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials() {
    let server = server().await;
    run("credentials × mongodb", credentials_cases(), |_| server.url(&fresh_name())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tree() {
    let server = server().await;
    run("tree × mongodb", tree_cases(), |_| server.url(&fresh_name())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exports() {
    let server = server().await;
    run("exports × mongodb", exports_cases(), |_| server.url(&fresh_name())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_alone_is_refused_with_cause_and_cure() {
    let server = MongoServer::start_standalone().await;
    let url = server.url("assay");
    let errors = [open_blobs(&url).await.unwrap_err(), open_credentials(&url).await.unwrap_err()];
    for error in errors {
        let OpenError::Refused { cause, cure } = &error else { panic!("{error:?}") };
        assert!(cause.contains("stands alone"), "{cause}");
        assert!(cure.contains("--replSet rs0") && cure.contains("rs.initiate()"), "{cure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_without_a_database_is_refused_and_its_password_is_not_shown() {
    for url in ["mongodb://judge:hunter2@127.0.0.1:1", "mongodb://judge:hunter2@127.0.0.1:port/x"] {
        let error = open_blobs(url).await.unwrap_err();
        assert!(matches!(error, OpenError::InvalidUrl { .. }), "{error:?}");
        assert!(!report(&error).contains("hunter2"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_whose_chunks_were_changed_is_damaged() {
    let url = server().await.url(&fresh_name());
    let blobs = open_blobs(&url).await.unwrap();
    let digest = blobs.put(Bytes::from("int main() {}")).await.unwrap();
    let client = Client::with_uri_str(&url).await.unwrap();
    let chunks = client.default_database().unwrap().collection::<Document>("blobs.chunks");
    chunks.delete_many(doc! {}).await.unwrap();
    let outcome = blobs.get(&digest).await;
    assert!(matches!(outcome, Err(BlobError::Damaged(damaged)) if damaged == digest));
    assert_eq!(blobs.put_again(Bytes::from("int main() {}")).await.unwrap(), digest);
    assert_eq!(blobs.get(&digest).await.unwrap(), "int main() {}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rival_puts_leave_the_chunks_of_one() {
    const CHUNKS_OF_ONE: u64 = 3;
    let url = server().await.url(&fresh_name());
    let blobs = open_blobs(&url).await.unwrap();
    // Random enough not to be compressed to fewer chunks.
    let bytes: Bytes =
        (0_u32..20_000).flat_map(|n| *Digest::of(&n.to_le_bytes()).as_bytes()).collect();
    join_all((0..8).map(|_| blobs.put(bytes.clone()))).await.into_iter().for_each(|put| {
        put.unwrap();
    });
    let client = Client::with_uri_str(&url).await.unwrap();
    let database = client.default_database().unwrap();
    let count = async |name: &str| {
        database.collection::<Document>(name).count_documents(doc! {}).await.unwrap()
    };
    assert_eq!(count("blobs.files").await, 1);
    assert_eq!(count("blobs.chunks").await, CHUNKS_OF_ONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let mut server = MongoServer::start().await;
    let blobs = open_blobs(&server.url("assay")).await.unwrap();
    let puts = (0..20).map(|number| blobs.put(Bytes::from(format!("blob {number}"))));
    let digests = join_all(puts).await;
    server.kill_hard();
    server.restart().await;
    for digest in digests {
        blobs.get(&digest.unwrap()).await.unwrap();
    }
}
