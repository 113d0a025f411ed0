//! A `redis-server` of the tests' own.

use std::path::Path;
use std::time::Instant;

use crate::private_server::{
    PrivateServer, START_LOOK_EVERY, START_WAIT, binary, free_port, listens,
};
use crate::proxy::Proxy;

/// Settings that Assay demands of a server.
const DURABLE: [&str; 6] =
    ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"];

/// Room for its data on a disk of its own.
const DISK_MEBIBYTES: u32 = 64;

/// A running server; ends when dropped, and when the test binary ends.
#[derive(Debug)]
pub struct RedisServer {
    server: PrivateServer,
    port: u16,
    proxy: Option<Proxy>,
}

impl RedisServer {
    /// A server that loses nothing that it acknowledged.
    ///
    /// # Panics
    /// When there is no `redis-server`, or it does not start.
    pub async fn start() -> Self {
        Self::start_with(&DURABLE, None).await
    }

    /// The same behind a network, and on a disk, that tests can spoil.
    ///
    /// # Panics
    /// As [`Self::start`], and where no file system can be mounted.
    pub async fn start_exposed() -> Self {
        let mut server = Self::start_with(&DURABLE, Some(DISK_MEBIBYTES)).await;
        server.proxy = Some(Proxy::start(server.port).await);
        server
    }

    /// A server as Redis comes: without a log of its writes.
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
            // PING is refused while the server still reads its data.
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                && redis::cmd("PING").query_async::<()>(&mut connection).await.is_ok()
            {
                return;
            }
            assert!(began.elapsed() < START_WAIT, "no redis-server: {}", self.server.said());
            tokio::time::sleep(START_LOOK_EVERY).await;
        }
    }

    /// Where it is, by way of the network before it.
    pub fn url(&self) -> String {
        let port = self.proxy.as_ref().map_or(self.port, Proxy::port);
        format!("redis://127.0.0.1:{port}")
    }

    /// The network before it.
    ///
    /// # Panics
    /// When it was started without.
    pub fn network(&self) -> &Proxy {
        self.proxy.as_ref().expect("it was started behind a network")
    }

    /// Leaves no room on its disk.
    ///
    /// # Panics
    /// When it was started without one of its own.
    pub fn fill_disk(&self) {
        self.server.disk().fill();
    }

    /// Makes room again.
    ///
    /// # Panics
    /// When there is room.
    pub fn empty_disk(&self) {
        self.server.disk().empty();
    }

    /// Where its data is.
    pub fn directory(&self) -> &Path {
        self.server.directory()
    }

    /// Whether it takes connections.
    pub fn listens(&self) -> bool {
        listens(self.port)
    }

    /// Where it is, for one case alone.
    pub fn url_in(&self, namespace: &str) -> String {
        format!("{}/?namespace={namespace}", self.url())
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
        self.answers().await;
    }
}
