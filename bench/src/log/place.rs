//! Places for the measured logs: a folder, and a server if its program is installed.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_store::{Archive, Blobs, EventLog, open_blobs, open_log};

use crate::failed;
use assay::Failure;

/// Maximum time for a server to start.
const START_WAIT: Duration = Duration::from_secs(10);
const START_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A store with room for any number of logs.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: &'static str,
    folder: PathBuf,
    server: Option<Server>,
}

impl Place {
    /// Logs in files.
    pub(super) fn sqlite(folder: &Path) -> Self {
        Self { name: "sqlite", folder: folder.join("sqlite"), server: None }
    }

    /// Logs in a private Redis server, configured for durable appends as Assay requires.
    pub(super) async fn redis(folder: &Path, program: &str) -> Result<Self, Failure> {
        let folder = folder.join("redis");
        std::fs::create_dir(&folder).map_err(failed)?;
        let server = Server::start(program, &folder).map_err(failed)?;
        server.answers().await?;
        Ok(Self { name: "redis", folder, server: Some(server) })
    }

    /// The URL of a log.
    pub(super) fn url(&self, log: &str) -> String {
        match &self.server {
            Some(server) => format!("redis://127.0.0.1:{}/?namespace=bench-{log}", server.port),
            None => format!("sqlite:{}", self.folder.join(format!("log-{log}.db")).display()),
        }
    }

    pub(super) fn blobs_folder(&self, log: &str) -> PathBuf {
        self.folder.join(format!("blobs-{log}"))
    }

    pub(super) async fn blobs(&self, log: &str) -> Result<Arc<dyn Blobs>, Failure> {
        let folder = self.blobs_folder(log);
        open_blobs(&format!("file:{}", folder.display())).await.map_err(failed)
    }

    /// Opens the log with empty caches, as a new process would.
    pub(super) async fn open(
        &self,
        url: &str,
        blobs: &Arc<dyn Blobs>,
    ) -> Result<(Arc<dyn EventLog>, Arc<Archive>), Failure> {
        let (log, _, archive) = open_log(url, Arc::clone(blobs)).await.map_err(failed)?;
        Ok((log, archive))
    }
}

/// A private server that ends with the measurement.
#[derive(Debug)]
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(program: &str, folder: &Path) -> std::io::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let durable = ["--appendonly", "yes", "--appendfsync", "always"];
        let process = Command::new(program)
            .args(["--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "noeviction"])
            .args(durable)
            .args(["--port", &port.to_string(), "--dir", &folder.display().to_string()])
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { process, port })
    }

    async fn answers(&self) -> Result<(), Failure> {
        let began = Instant::now();
        while let Err(error) = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await {
            if began.elapsed() > START_WAIT {
                return Err(failed(error));
            }
            tokio::time::sleep(START_POLL_INTERVAL).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
