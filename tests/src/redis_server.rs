//! A private `redis-server` for the tests.

use std::path::Path;
use std::time::Instant;

use crate::private_server::{
    PrivateServer, START_POLL_INTERVAL, START_WAIT, binary, free_port, listens,
};
use crate::proxy::Proxy;

/// Settings that Assay requires of a server.
const DURABLE: [&str; 6] =
    ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"];

/// The size of the server's own disk, in MiB.
const DISK_MEBIBYTES: u32 = 64;

/// A running server; ends when dropped, and when the test binary ends.
#[derive(Debug)]
pub struct RedisServer {
    server: PrivateServer,
    port: u16,
    proxy: Option<Proxy>,
}

impl RedisServer {
    /// A server with the durability settings that Assay requires.
    ///
    /// # Panics
    /// If there is no `redis-server`, or it does not start.
    pub async fn start() -> Self {
        Self::start_with(&DURABLE, None).await
    }

    /// The same, behind a network and on a disk that tests can break.
    ///
    /// # Panics
    /// As [`Self::start`], and if no file system can be mounted.
    pub async fn start_exposed() -> Self {
        let mut server = Self::start_with(&DURABLE, Some(DISK_MEBIBYTES)).await;
        server.proxy = Some(Proxy::start(server.port).await);
        server
    }

    /// A server with default settings, which has no append-only file.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn start_forgetful() -> Self {
        Self::start_with(&[], None).await
    }

    async fn start_with(settings: &[&str], disk: Option<u32>) -> Self {
        let port = free_port();
        let number = port.to_string();
        let mut arguments =
            vec!["--bind", "127.0.0.1", "--port", &number, "--dir", "{directory}", "--save", ""];
        arguments.extend_from_slice(settings);
        let binary = binary("ASSAY_TEST_REDIS_SERVER", "redis-server");
        let server = PrivateServer::start(binary, &arguments, disk);
        let server = Self { server, port, proxy: None };
        server.answers().await;
        server
    }

    async fn answers(&self) {
        let url = format!("redis://127.0.0.1:{}", self.port);
        let client = redis::Client::open(url).expect("the URL is well formed");
        let began = Instant::now();
        loop {
            // PING fails while the server still loads its data.
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                && redis::cmd("PING").query_async::<()>(&mut connection).await.is_ok()
            {
                return;
            }
            assert!(began.elapsed() < START_WAIT, "no redis-server: {}", self.server.said());
            tokio::time::sleep(START_POLL_INTERVAL).await;
        }
    }

    /// The server's URL, through the network if there is one.
    pub fn url(&self) -> String {
        let port = self.proxy.as_ref().map_or(self.port, Proxy::port);
        format!("redis://127.0.0.1:{port}")
    }

    /// The network in front of the server.
    ///
    /// # Panics
    /// If the server was started without a network.
    pub fn network(&self) -> &Proxy {
        self.proxy.as_ref().expect("it was started behind a network")
    }

    /// Fills the disk.
    ///
    /// # Panics
    /// If the server was started without its own disk.
    pub fn fill_disk(&self) {
        self.server.disk().fill();
    }

    /// Frees the disk.
    ///
    /// # Panics
    /// If the disk is not full.
    pub fn empty_disk(&self) {
        self.server.disk().empty();
    }

    /// The directory with the server's data.
    pub fn directory(&self) -> &Path {
        self.server.directory()
    }

    /// Whether the server accepts connections.
    pub fn listens(&self) -> bool {
        listens(self.port)
    }

    /// The URL of a namespace for one case.
    pub fn url_in(&self, namespace: &str) -> String {
        format!("{}/?namespace={namespace}", self.url())
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
        self.answers().await;
    }
}
