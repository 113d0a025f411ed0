//! A `mongod` of the tests' own.

use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Document, doc};

use crate::private_server::{
    PrivateServer, START_LOOK_EVERY, START_WAIT, binary, free_port, listens,
};
use crate::proxy::Proxy;

const REPLICA_SET: &str = "rs0";
/// Room for its data on a disk of its own, most of which its journal takes.
const DISK_MEBIBYTES: u32 = 640;
/// How long it may try to write down what it holds.
const WRITE_DOWN_WAIT: Duration = Duration::from_secs(5);
/// How long a primary that steps down stands for no election.
const STEP_DOWN_S: i32 = 2;

/// A running server; ends when dropped, and when the test binary ends.
#[derive(Debug)]
pub struct MongoServer {
    server: PrivateServer,
    port: u16,
    proxy: Option<Proxy>,
}

impl MongoServer {
    /// A replica set of one member, which is primary when this returns.
    ///
    /// # Panics
    /// When there is no `mongod`, or it does not start.
    pub async fn start() -> Self {
        let server = Self::start_with(&["--replSet", REPLICA_SET], None);
        server.initiate().await;
        server
    }

    /// The same behind a network, and on a disk, that tests can spoil. Clients find it at the
    /// address that the replica set knows, which is the network's.
    ///
    /// # Panics
    /// As [`Self::start`], and where no file system can be mounted.
    pub async fn start_exposed() -> Self {
        let settings = ["--replSet", REPLICA_SET, "--oplogSize", "64"];
        let mut server = Self::start_with(&settings, Some(DISK_MEBIBYTES));
        server.proxy = Some(Proxy::start(server.port).await);
        server.initiate().await;
        server
    }

    async fn initiate(&self) {
        let host = format!("127.0.0.1:{}", self.client_port());
        let members = [doc! { "_id": 0, "host": host }];
        let initiate = doc! {
            "replSetInitiate": { "_id": REPLICA_SET, "members": members.as_slice() },
        };
        self.until(initiate, "be initiated", |_| true).await;
        self.is_primary().await;
    }

    /// A server as MongoDB comes: on its own, without transactions.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn start_standalone() -> Self {
        let server = Self::start_with(&[], None);
        server.is_primary().await;
        server
    }

    fn start_with(settings: &[&str], disk: Option<u32>) -> Self {
        let port = free_port();
        let number = port.to_string();
        let mut arguments =
            vec!["--dbpath", "{directory}", "--bind_ip", "127.0.0.1", "--port", &number];
        arguments.extend(["--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]);
        arguments.extend_from_slice(settings);
        let binary = binary("ASSAY_TEST_MONGOD", "mongod");
        Self { server: PrivateServer::start(binary, &arguments, disk), port, proxy: None }
    }

    async fn is_primary(&self) {
        let is_writable =
            |hello: &Document| hello.get_bool("isWritablePrimary").unwrap_or_default();
        self.until(doc! { "hello": 1 }, "be primary", is_writable).await;
    }

    /// Asks again and again, until the answer is the one that is waited for.
    async fn until(&self, command: Document, what: &str, holds: impl Fn(&Document) -> bool) {
        let client = self.operator().await;
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

    /// Connected without the network that may be before it.
    async fn operator(&self) -> Client {
        let url = format!(
            "mongodb://127.0.0.1:{}/?directConnection=true&serverSelectionTimeoutMS=1000",
            self.port
        );
        Client::with_uri_str(url).await.expect("the URL is well formed")
    }

    /// Where a database of it is, by way of the network before it.
    pub fn url(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}", self.client_port())
    }

    fn client_port(&self) -> u16 {
        self.proxy.as_ref().map_or(self.port, Proxy::port)
    }

    /// The network before it.
    ///
    /// # Panics
    /// When it was started without.
    pub fn network(&self) -> &Proxy {
        self.proxy.as_ref().expect("it was started behind a network")
    }

    /// Leaves no room on its disk, and has it write down what it holds in memory, as it does each
    /// minute by itself.
    ///
    /// # Panics
    /// When it was started without one of its own.
    pub async fn fill_disk(&self) {
        self.server.disk().fill();
        // It may not live to answer.
        let admin = self.operator().await.database("admin");
        let write_down = admin.run_command(doc! { "fsync": 1 });
        let _ = tokio::time::timeout(WRITE_DOWN_WAIT, write_down).await;
    }

    /// Makes room again.
    ///
    /// # Panics
    /// When there is room.
    pub fn empty_disk(&self) {
        self.server.disk().empty();
    }

    /// Whether it takes connections.
    pub fn listens(&self) -> bool {
        listens(self.port)
    }

    /// Has it give up being primary, and waits until it is primary again.
    ///
    /// # Panics
    /// When it refuses, or does not come back.
    pub async fn step_down(&self) {
        let step_down = doc! { "replSetStepDown": STEP_DOWN_S, "force": true };
        let operator = self.operator().await;
        operator.database("admin").run_command(step_down).await.expect("it steps down");
        self.is_primary().await;
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
