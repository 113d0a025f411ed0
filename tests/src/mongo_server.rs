//! A `mongod` of the tests' own.

use std::time::Instant;

use mongodb::Client;
use mongodb::bson::{Document, doc};

use crate::private_server::{PrivateServer, START_LOOK_EVERY, START_WAIT, binary, free_port};

const REPLICA_SET: &str = "rs0";

/// A running server; ends when dropped, and when the test binary ends.
#[derive(Debug)]
pub struct MongoServer {
    server: PrivateServer,
    port: u16,
}

impl MongoServer {
    /// A replica set of one member, which is primary when this returns.
    ///
    /// # Panics
    /// When there is no `mongod`, or it does not start.
    pub async fn start() -> Self {
        let server = Self::start_with(&["--replSet", REPLICA_SET]);
        let host = format!("127.0.0.1:{}", server.port);
        let members = [doc! { "_id": 0, "host": host }];
        let initiate = doc! {
            "replSetInitiate": { "_id": REPLICA_SET, "members": members.as_slice() },
        };
        server.until(initiate, "be initiated", |_| true).await;
        server.is_primary().await;
        server
    }

    /// A server as MongoDB comes: on its own, without transactions.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn start_standalone() -> Self {
        let server = Self::start_with(&[]);
        server.is_primary().await;
        server
    }

    fn start_with(settings: &[&str]) -> Self {
        let port = free_port();
        let number = port.to_string();
        let mut arguments =
            vec!["--dbpath", "{directory}", "--bind_ip", "127.0.0.1", "--port", &number];
        arguments.extend(["--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]);
        arguments.extend_from_slice(settings);
        let binary = binary("ASSAY_TEST_MONGOD", "mongod");
        Self { server: PrivateServer::start(binary, &arguments), port }
    }

    async fn is_primary(&self) {
        let is_writable =
            |hello: &Document| hello.get_bool("isWritablePrimary").unwrap_or_default();
        self.until(doc! { "hello": 1 }, "be primary", is_writable).await;
    }

    /// Asks again and again, until the answer is the one that is waited for.
    async fn until(&self, command: Document, what: &str, holds: impl Fn(&Document) -> bool) {
        let url = format!(
            "mongodb://127.0.0.1:{}/?directConnection=true&serverSelectionTimeoutMS=1000",
            self.port
        );
        let client = Client::with_uri_str(url).await.expect("the URL is well formed");
        let began = Instant::now();
        loop {
            match client.database("admin").run_command(command.clone()).await {
                Ok(answer) if holds(&answer) => return,
                outcome => assert!(
                    began.elapsed() < START_WAIT,
                    "mongod does not come to {what}: {outcome:?}\n{}",
                    self.server.said()
                ),
            }
            tokio::time::sleep(START_LOOK_EVERY).await;
        }
    }

    /// Where a database of it is.
    pub fn url(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}", self.port)
    }

    /// Its port on the loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `kill -9`.
    pub fn kill_hard(&mut self) {
        self.server.kill_hard();
    }

    /// Starts it again, on the same data and port.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        self.server.restart();
        self.is_primary().await;
    }
}
