//! A private `mongod` for the tests.

use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Document, doc};

use crate::private_server::{
    PrivateServer, START_POLL_INTERVAL, START_WAIT, binary, free_port, listens,
};
use crate::proxy::Proxy;

const REPLICA_SET: &str = "rs0";
/// The size of the server's own disk, in MiB. The journal takes most of it.
const DISK_MEBIBYTES: u32 = 640;
/// How long an `fsync` on a full disk may take.
const WRITE_DOWN_WAIT: Duration = Duration::from_secs(5);
/// How long a primary that steps down does not stand for election, in seconds.
const STEP_DOWN_S: i32 = 2;

/// A running server; ends when dropped, and when the test binary ends.
#[derive(Debug)]
pub struct MongoServer {
    server: PrivateServer,
    port: u16,
    proxy: Option<Proxy>,
}

impl MongoServer {
    /// A replica set with one member, which is primary when this returns.
    ///
    /// # Panics
    /// If there is no `mongod`, or it does not start.
    pub async fn start() -> Self {
        let server = Self::start_with(&["--replSet", REPLICA_SET], None);
        server.initiate().await;
        server
    }

    /// The same, behind a network and on a disk that tests can break. The replica set is configured
    /// with the network's address, so clients use it.
    ///
    /// # Panics
    /// As [`Self::start`], and if no file system can be mounted.
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

    /// A standalone server with default settings, which has no transactions.
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

    /// Repeats a command until its answer is the expected one.
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
            tokio::time::sleep(START_POLL_INTERVAL).await;
        }
    }

    /// A connection that bypasses the network.
    async fn operator(&self) -> Client {
        let url = format!(
            "mongodb://127.0.0.1:{}/?directConnection=true&serverSelectionTimeoutMS=1000",
            self.port
        );
        Client::with_uri_str(url).await.expect("the URL is well formed")
    }

    /// The URL of a database, through the network if there is one.
    pub fn url(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}", self.client_port())
    }

    fn client_port(&self) -> u16 {
        self.proxy.as_ref().map_or(self.port, Proxy::port)
    }

    /// The network in front of the server.
    ///
    /// # Panics
    /// If the server was started without a network.
    pub fn network(&self) -> &Proxy {
        self.proxy.as_ref().expect("it was started behind a network")
    }

    /// Fills the disk, and makes the server flush its memory, as it otherwise does every minute.
    ///
    /// # Panics
    /// If the server was started without its own disk.
    pub async fn fill_disk(&self) {
        self.server.disk().fill();
        // The server may exit before it answers.
        let admin = self.operator().await.database("admin");
        let write_down = admin.run_command(doc! { "fsync": 1 });
        let _ = tokio::time::timeout(WRITE_DOWN_WAIT, write_down).await;
    }

    /// Frees the disk.
    ///
    /// # Panics
    /// If the disk is not full.
    pub fn empty_disk(&self) {
        self.server.disk().empty();
    }

    /// Whether the server accepts connections.
    pub fn listens(&self) -> bool {
        listens(self.port)
    }

    /// Makes the primary step down, and waits until it is primary again.
    ///
    /// # Panics
    /// If it refuses, or does not become primary again.
    pub async fn step_down(&self) {
        let step_down = doc! { "replSetStepDown": STEP_DOWN_S, "force": true };
        let operator = self.operator().await;
        operator.database("admin").run_command(step_down).await.expect("it steps down");
        self.is_primary().await;
    }

    /// The server's port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `kill -9`.
    pub fn kill_hard(&mut self) {
        self.server.kill_hard();
    }

    /// Starts the server again, on the same data and port.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn restart(&mut self) {
        self.server.restart();
        self.is_primary().await;
    }
}
