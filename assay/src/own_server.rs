//! An embedded server that runs as long as a command.

use event_store::Stores;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::client::Client;
use crate::config::Config;
use crate::server::{Role, Server};
use crate::{Exit, Failure};

/// A server with every role on embedded stores in a temporary folder, with a client for its
/// administrator.
pub struct OwnServer {
    client: Client,
    stores: Stores,
    cancelled: CancellationToken,
    running: JoinHandle<Result<(), Failure>>,
    _folder: tempfile::TempDir,
}

impl OwnServer {
    /// Starts a server. `configure` changes the default configuration.
    pub async fn start(configure: impl FnOnce(&mut Config)) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(|error| {
            Failure::of(Exit::JudgeError, "creating a temporary folder", &error)
        })?;
        let mut config = Config::embedded(folder.path());
        config.http.listen.set_port(0);
        config.limits.submissions_per_minute = u32::MAX;
        config.limits.open_submissions = u32::MAX.into();
        configure(&mut config);
        let server = Server::build(&config, &Role::ALL.into()).await?;
        for reason in server.left_out() {
            eprintln!("Left out: {reason}");
        }
        let address = server.address().expect("a server with every role serves the API");
        let token = server.administrator.as_ref().map(|(_, secret)| secret.0.clone());
        let base = Url::parse(&format!("http://{address}"))
            .map_err(|error| Failure::of(Exit::JudgeError, "the server's address", &error))?;
        let client = Client::new(base, token)?;
        let stores = server.stores().clone();
        let cancelled = CancellationToken::new();
        let running = server.start(cancelled.clone()).await;
        eprintln!("An embedded server runs at http://{address}/graphql");
        Ok(Self { client, stores, cancelled, running, _folder: folder })
    }

    /// The administrator's client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The server's stores.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Drains the server and removes its data.
    pub async fn stop(self) -> Result<(), Failure> {
        self.cancelled.cancel();
        self.running.await.map_err(|error| Failure::of(Exit::JudgeError, "stopping", &error))?
    }
}
