//! Starts the parts of a set of roles from a configuration, and drains them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use audit::key_file::{self, KeyFileError};
use audit::{Memory, Signer, Tree};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use command_api::{AccountSettings, Commands};
use domain::Login;
use evaluator::{DiskCache, Evaluator};
use event_store::{LastingFault, Stores, WorkerFacts, lasting_fault};
use graphql::{
    Api, Authenticator, Budgets, Catalogue, Excerpts, Freshness, Hub, Parts, Renderer, Revisions,
    Secret, TrustedProxies,
};
use jiff::SignedDuration;
use projector::Projector;
use query_api::Cors;
use read_model::Views;
use sandbox::Language;
use supervision::{Supervisor, Task};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use webhook::Dispatcher;

use crate::account_settings::account_settings;
use crate::audit_exports::AuditExports;
use crate::config::{Config, EvaluatorConfig, SweepConfig};
use crate::expired_runs::ExpiredRuns;
use crate::judging_threads::{JudgingThreads, open_notes};
use crate::languages::{
    Judged, catalogue, open_languages, open_sandbox, package_options, require_isolation,
    wanted_languages,
};
use crate::readiness::Waiting;
use crate::stores::{DAMAGED, LIVE, open_stores, open_views};
use crate::sweep::Sweeper;
use crate::{Exit, Failure, parts, readiness, schema, signing_key};

/// How long a shutdown waits for clients to disconnect.
const HANG_UP: Duration = Duration::from_secs(2);

/// A role of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Role {
    /// Handles mutations; requires `query`.
    Command,
    /// Handles queries and subscriptions.
    Query,
    /// Judges submissions.
    Evaluator,
    /// Builds the read model, signs the log, and delivers webhooks.
    Projector,
}

impl Role {
    /// Every role: the embedded server.
    pub const ALL: [Self; 4] = [Self::Command, Self::Query, Self::Evaluator, Self::Projector];
}

/// A process with all its parts, ready to run.
pub struct Server {
    stores: Stores,
    views: Views,
    http: Option<Http>,
    judging: Option<(Evaluator, JudgingThreads)>,
    /// The parts besides serving and judging, in the order in which they are drained.
    background: Supervisor,
    drain: Duration,
    /// The first administrator, if this start created one. The secret is not stored anywhere else.
    pub administrator: Option<(Login, Secret)>,
    left_out: Vec<String>,
}

struct Http {
    api: Arc<Api>,
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    cors: Cors,
}

impl Server {
    /// Opens the stores, checks the languages, and binds the address. Fails if any part cannot run.
    ///
    /// # Errors
    /// With the cause, and how to fix it.
    pub async fn build(config: &Config, roles: &BTreeSet<Role>) -> Result<Self, Failure> {
        if roles.contains(&Role::Command) && !roles.contains(&Role::Query) {
            let message = "the command role requires the query role: --role command,query";
            return Err(Failure::new(Exit::Usage, message));
        }
        let stores = open_stores(config).await?;
        let views = open_views(config, LIVE).await?;
        // The parts of the projector check this themselves, so one of them failing does not stop
        // the others.
        if roles.iter().any(|role| *role != Role::Projector) {
            refuse_diverged(&stores, &views).await?;
        }
        let languages = open_languages(config)?;
        let mut judged = Judged::unchecked(wanted_languages(config, &languages)?);
        let mut judging = None;
        if roles.contains(&Role::Evaluator) {
            let sandbox = open_sandbox(config)?;
            judged = judged.check(sandbox.as_ref(), &config.evaluator, &languages).await?;
            require_isolation(sandbox.as_ref(), &judged.languages).await?;
            let cache = test_data_cache(config)?;
            let notes = &config.evaluator.cache_dir;
            let config = evaluator_config(config, &judged.languages, &judged.installed);
            let notes = open_notes(notes, &config.name);
            let languages = Arc::clone(&languages);
            let mut evaluator = Evaluator::new(config, &stores, sandbox, languages, cache);
            let mut watching = None;
            if let Some((note, crashed)) = notes {
                watching = Some(Arc::clone(&note));
                evaluator = evaluator.with_notes(note, crashed);
            }
            let threads = JudgingThreads::start(watching).map_err(|error| {
                Failure::of(Exit::JudgeError, "starting the threads that judge", &error)
            })?;
            judging = Some((evaluator, threads));
        }
        let mut background = Supervisor::default();
        let mut projections = vec![];
        if roles.contains(&Role::Projector) {
            let projector = Projector::new(&stores.log, &views, projector::all());
            projections = projector.statuses();
            background.add(Arc::new(projector));
            background.add(Arc::new(signer(config, &stores).await?));
            background.add(Arc::new(dispatcher(config, &stores, &views)?));
            background.add(Arc::new(ExpiredRuns::new(Arc::clone(&stores.runs))));
            background.add(Arc::new(AuditExports::new(stores.clone())));
            if let Some(sweeper) = sweeper(config, &stores) {
                background.add(Arc::new(sweeper));
            }
        }
        let administrator =
            match roles.contains(&Role::Command) {
                true => command_api::accounts::bootstrap_administrator(&stores).await.map_err(
                    |error| Failure::of(Exit::Network, "creating the first administrator", &error),
                )?,
                false => None,
            };
        let http = if roles.contains(&Role::Query) {
            let hub = Hub::new(Arc::clone(&stores.log)).await;
            let hub = hub.map_err(|error| Failure::of(Exit::Network, "reading the log", &error))?;
            background.add(Arc::clone(&hub) as Arc<dyn Task>);
            let accounts = account_settings(config, &stores, &views)?;
            if let Some(resets) = &accounts.resets {
                background.add(Arc::clone(resets) as Arc<dyn Task>);
            }
            let catalogue = catalogue(&judged.languages, &judged.toolchains);
            let parts = Arc::new(parts::Running {
                evaluator: judging.as_ref().map(|(evaluator, _)| evaluator.figures()),
                projections,
                tasks: background.statuses(),
            });
            let parts = (hub, parts as Arc<dyn Parts>);
            Some(Http::build(config, roles, &stores, &views, catalogue, parts, accounts).await?)
        } else {
            None
        };
        let drain = config.drain();
        let left_out = judged.left_out;
        Ok(Self { stores, views, http, judging, background, drain, administrator, left_out })
    }

    /// The address at which the API is served; `None` without the `query` role.
    pub fn address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|http| http.address)
    }

    /// The languages that are not judged here, each with the reason.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The server's open stores.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Runs in the background. Returns when the server is ready or has ended.
    pub async fn start(self, cancelled: CancellationToken) -> JoinHandle<Result<(), Failure>> {
        let (ready, is_ready) = oneshot::channel();
        let running = tokio::spawn(self.run(cancelled, || {
            let _ = ready.send(());
        }));
        let _ = is_ready.await;
        running
    }

    /// Runs until cancelled, then drains: it takes no new work or requests, finishes or gives back
    /// work in progress, and projects the events written. Calls `ready` when ready; a server of the
    /// API is ready once the views of its version are built, and responds with 503 until then.
    ///
    /// # Errors
    /// If a part ended unexpectedly.
    pub async fn run(
        self,
        cancelled: CancellationToken,
        ready: impl FnOnce() + Send,
    ) -> Result<(), Failure> {
        let serving = cancelled.child_token();
        let mut parts = JoinSet::new();
        let background = self.background.start();
        // The threads run until the end, because cells may still be removed in the background.
        let mut _threads = None;
        if let Some((evaluator, threads)) = self.judging {
            let serving = serving.clone();
            let judge = async move {
                evaluator.run(serving).await;
                Ok(())
            };
            parts.spawn_on(judge, threads.handle());
            _threads = Some(threads);
        }
        if let Some(http) = self.http {
            let waiting = watch::Sender::new(Some("starting".to_owned()));
            parts.spawn(http.serve(waiting.subscribe(), serving.clone()));
            let log = self.stores.log.as_ref();
            let built = readiness::wait_for_views(log, &self.views, &waiting);
            if cancelled.run_until_cancelled(built).await.is_some() {
                waiting.send_replace(None);
                ready();
            }
        } else {
            ready();
        }
        let mut outcome = Ok(());
        if parts.is_empty() {
            serving.cancelled().await;
        }
        while let Some(ended) = parts.join_next().await {
            // If one part fails, stop the others, so that the failure is noticed.
            serving.cancel();
            let ended =
                ended.unwrap_or_else(|error| Err(Failure::of(Exit::JudgeError, "a part", &error)));
            outcome = outcome.and(ended);
        }
        let stuck = background.drain(self.drain).await;
        if !stuck.is_empty() {
            let message = format!("these parts did not stop in time: {}", stuck.join(", "));
            outcome = outcome.and(Err(Failure::new(Exit::JudgeError, message)));
        }
        outcome
    }
}

impl Http {
    async fn build(
        config: &Config,
        roles: &BTreeSet<Role>,
        stores: &Stores,
        views: &Views,
        catalogue: Catalogue,
        (hub, parts): (Arc<Hub>, Arc<dyn Parts>),
        accounts: AccountSettings,
    ) -> Result<Self, Failure> {
        let projections = projector::all().into_iter();
        let projections = projections.map(|it| (it.commit_name(), it.parked()));
        let authenticator =
            Authenticator::new(Arc::clone(&stores.log), Arc::clone(&stores.credentials));
        let limits = config.service_limits();
        let api = Arc::new(Api {
            log: Arc::clone(&stores.log),
            queue: Arc::clone(&stores.queue),
            runs: Arc::clone(&stores.runs),
            blobs: Arc::clone(&stores.blobs),
            tree: Tree::new(Arc::clone(&stores.tree)),
            exports: stores.exports.clone(),
            credentials: Arc::clone(&stores.credentials),
            reader: Arc::clone(&views.reader),
            freshness: Freshness::new(Arc::clone(&views.reader), projections),
            hub,
            revisions: Revisions::new(Arc::clone(&views.reader)),
            renderer: Renderer::default(),
            excerpts: Excerpts::new(Arc::clone(&stores.blobs)),
            authenticator,
            catalogue,
            parts,
            budgets: Arc::new(Budgets::new(limits.cost, limits.cost_per_minute)),
            limits,
            sources: config.submissions.public_source,
            trusted_proxies: TrustedProxies::new(config.http.trusted_proxies.clone()),
            version: env!("CARGO_PKG_VERSION"),
        });
        let serving = config.graphql.serving()?;
        let cors = Cors::of(&config.http.cors_origins)
            .map_err(|error| Failure::new(Exit::Usage, format!("http.cors_origins: {error}")))?;
        let router = if roles.contains(&Role::Command) {
            let destinations = config.webhooks.settings().policy;
            let packages = package_options(config)?;
            let commands =
                Commands::new(stores, Arc::clone(&api), destinations, packages, accounts);
            schema::router(Arc::clone(&api), commands, serving).await
        } else {
            schema::read_only_router(Arc::clone(&api), serving).await
        };
        let router = router
            .map_err(|error| Failure::of(Exit::Usage, "reading graphql.documents", &error))?;
        let wanted = config.http.listen;
        let listener = TcpListener::bind(wanted).await.map_err(|error| {
            let message = format!("listening on {wanted}: {error}; choose another http.listen");
            Failure::new(Exit::Usage, message)
        })?;
        let address = listener.local_addr().map_err(|error| {
            Failure::of(Exit::JudgeError, "reading the listening address", &error)
        })?;
        Ok(Self { api, listener, address, router, cors })
    }

    async fn serve(
        self,
        waiting: watch::Receiver<Waiting>,
        serving: CancellationToken,
    ) -> Result<(), Failure> {
        let router = self.router.layer(from_fn_with_state(waiting, readiness::refuse_until_ready));
        let router = self.cors.apply(router.layer(from_fn(query_api::linger)));
        let served = query_api::serve(self.listener, router, &self.api, serving.clone());
        tokio::select! {
            served = served => {
                served.map_err(|error| Failure::of(Exit::JudgeError, "serving", &error))
            }
            // A subscription may stay open forever; its client resumes elsewhere.
            () = async { serving.cancelled().await; tokio::time::sleep(HANG_UP).await } => Ok(()),
        }
    }
}

/// Refuses a log that lost events which were read or signed before. New events would take the
/// positions of the lost ones (INV-8).
async fn refuse_diverged(stores: &Stores, views: &Views) -> Result<(), Failure> {
    let refused = |error: &(dyn std::error::Error + 'static)| {
        let failure = Failure::of(Exit::Network, "refusing to use the log", error);
        let cure = match lasting_fault(error) {
            Some(LastingFault::Damaged) => DAMAGED,
            _ => "docs/operations.md describes how to repair a log that lost its tail",
        };
        Failure::new(failure.exit, format!("{}; {cure}", failure.message))
    };
    let checkpoints = views.reader.checkpoints().await;
    let checkpoints = checkpoints
        .map_err(|error| Failure::of(Exit::Network, "reading the checkpoints", &error))?;
    for checkpoint in checkpoints.values() {
        let held = event_store::verify_checkpoint(stores.log.as_ref(), checkpoint).await;
        held.map_err(|error| refused(&error))?;
    }
    let tree = Tree::new(Arc::clone(&stores.tree));
    audit::refuse_diverged(stores.log.as_ref(), &tree).await.map_err(|error| refused(&error))
}

/// Makes the signer of the log. Creates its key if nothing has been signed yet; afterwards the log
/// is signed with that key or not at all.
async fn signer(config: &Config, stores: &Stores) -> Result<Signer, Failure> {
    let path = &config.audit.keys;
    let memory = Memory::beside(path);
    let memory = memory.map_err(|error| Failure::of(Exit::Usage, "audit.keys", &error))?;
    let mut keys = key_file::read(path);
    if let Err(KeyFileError::Missing(_)) = keys {
        let newest = stores.tree.newest_head().await;
        let newest =
            newest.map_err(|error| Failure::of(Exit::Network, "reading the tree", &error))?;
        let newest = newest.or_else(|| Some(memory.newest()?.kept()));
        if let Some(newest) = newest {
            let message = format!(
                "audit.keys: the file {} is missing, and {} events were signed with a key from \
                 it; put it back, or name the file where it is",
                path.display(),
                newest.size
            );
            return Err(Failure::new(Exit::Usage, message));
        }
        let name = signing_key::default_name(stores.log.as_ref()).await?;
        let key = signing_key::create(path, name)?;
        tracing::info!(%key, file = %path.display(), "created the key that signs the log");
        keys = key_file::read(path);
    }
    let keys = keys.map_err(|error| Failure::of(Exit::Usage, "audit.keys", &error))?;
    let tree = Tree::new(Arc::clone(&stores.tree));
    Ok(Signer::new(Arc::clone(&stores.log), tree, keys.signers).remembering(memory))
}

/// Makes the part that sends events to other servers.
fn dispatcher(config: &Config, stores: &Stores, views: &Views) -> Result<Dispatcher, Failure> {
    let (log, credentials) = (Arc::clone(&stores.log), Arc::clone(&stores.credentials));
    let settings = config.webhooks.settings();
    Dispatcher::new(log, credentials, views.clone(), settings)
        .map_err(|error| Failure::of(Exit::Network, "starting the webhook client", &error))
}

/// Makes the part that removes stored data that no event names; `None` if it is turned off.
fn sweeper(config: &Config, stores: &Stores) -> Option<Sweeper> {
    let SweepConfig { every_h, keep_days } = config.sweep;
    let age = SignedDuration::from_hours(24 * i64::from(keep_days.get()));
    let every = Duration::from_secs(3_600 * every_h);
    (every_h > 0).then(|| Sweeper { stores: stores.clone(), every, age })
}

/// The cache of test data on disk; `None` for blobs that are local files already.
fn test_data_cache(config: &Config) -> Result<Option<DiskCache>, Failure> {
    let EvaluatorConfig { cache_dir, cache_bytes_max, .. } = &config.evaluator;
    if *cache_bytes_max == 0 || config.stores.blobs.starts_with("file:") {
        return Ok(None);
    }
    DiskCache::open(cache_dir, *cache_bytes_max).map(Some).map_err(|error| {
        let doing = format!("opening evaluator.cache_dir, {}", cache_dir.display());
        Failure::of(Exit::Usage, &doing, &error)
    })
}

/// The configuration of an evaluator that judges submissions in `languages`, and runs programs of
/// problems in those that are `installed`.
pub fn evaluator_config(
    config: &Config,
    languages: &[Arc<Language>],
    installed: &[Arc<Language>],
) -> evaluator::Config {
    let EvaluatorConfig { name, slots, pin_cores, warm_up, lease_s, deliveries_max, .. } =
        &config.evaluator;
    let life = uuid::Uuid::new_v4().simple().to_string();
    let judge = if name.is_empty() { host_name() } else { name.clone() };
    evaluator::Config {
        name: format!("{judge}-{}-{}", std::process::id(), &life[..6]),
        facts: WorkerFacts {
            name: judge,
            host: host_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..WorkerFacts::default()
        },
        slots: if *slots == 0 { evaluator::physical_cores() } else { *slots },
        pin_cores: *pin_cores,
        languages: languages.to_vec(),
        installed: installed.to_vec(),
        warm_up: *warm_up,
        lease: Duration::from_secs((*lease_s).max(1)),
        deliveries_max: (*deliveries_max).max(1),
        drain: config.drain(),
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "evaluator".to_owned() } else { name.to_owned() }
}
