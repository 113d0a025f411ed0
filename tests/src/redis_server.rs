//! A `redis-server` of the tests' own.

use std::time::Instant;

use crate::private_server::{PrivateServer, START_LOOK_EVERY, START_WAIT, binary, free_port};

/// Settings that Assay demands of a server.
const DURABLE: [&str; 6] =
    ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"];

/// A running server; ends when dropped, and when the test binary ends.
#[derive(Debug)]
pub struct RedisServer {
    server: PrivateServer,
    port: u16,
}

impl RedisServer {
    /// A server that loses nothing that it acknowledged.
    ///
    /// # Panics
    /// When there is no `redis-server`, or it does not start.
    pub async fn start() -> Self {
        Self::start_with(&DURABLE).await
    }

    /// A server as Redis comes: without a log of its writes.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn start_forgetful() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(settings: &[&str]) -> Self {
        let port = free_port();
        let number = port.to_string();
        let mut arguments =
            vec!["--bind", "127.0.0.1", "--port", &number, "--dir", "{directory}", "--save", ""];
        arguments.extend_from_slice(settings);
        let binary = binary("ASSAY_TEST_REDIS_SERVER", "redis-server");
        let server = Self { server: PrivateServer::start(binary, &arguments), port };
        server.answers().await;
        server
    }

    async fn answers(&self) {
        let client = redis::Client::open(self.url()).expect("the URL is well formed");
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

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
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
