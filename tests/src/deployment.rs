//! A complete Assay on either stack: one process on embedded stores, or one process for each role
//! on Redis and MongoDB.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use assay::client::Client;
use event_store::{StoreUrls, Stores};
use read_model::Views;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use crate::api::Api;
use crate::mongo_server::MongoServer;
use crate::package::Package;
use crate::process::{Process, children, cpu_time};
use crate::redis_server::RedisServer;
use crate::waiting::POLL_INTERVAL;

/// The stores of a deployment, and the number of its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// SQLite and files, with one process for all roles.
    Embedded,
    /// Redis and MongoDB, with one process for each role.
    Cluster,
}

/// The process with all roles on embedded stores.
pub const ALL: &str = "all";
/// The process that serves the API.
pub const API: &str = "api";
/// The process that judges.
pub const EVALUATOR: &str = "evaluator";
/// The process that builds the read model.
pub const PROJECTOR: &str = "projector";

/// The number of projections.
pub const PROJECTIONS: usize = 5;
/// How long the projections may take to catch up on a busy machine.
const PROJECTIONS_PATIENCE: Duration = Duration::from_secs(120);

/// A running Assay. Dropping it ends its processes and servers.
#[derive(Debug)]
pub struct Deployment {
    processes: BTreeMap<String, Process>,
    settings: Settings,
    address: Option<Url>,
    /// The first administrator's token.
    pub admin_token: String,
    /// The Redis server of a cluster.
    pub redis: Option<RedisServer>,
    /// The MongoDB server of a cluster.
    pub mongo: Option<MongoServer>,
    directory: TempDir,
}

/// Settings by key, as listed by `assay config`.
type Settings = BTreeMap<String, String>;

impl Deployment {
    /// A deployment with the usual settings: native cells, and limits that no test reaches.
    ///
    /// # Panics
    /// If a part of it does not start.
    pub async fn start(stack: Stack) -> Self {
        Self::start_with(stack, &[]).await
    }

    /// The same, with additional settings.
    ///
    /// # Panics
    /// If a part of it does not start.
    pub async fn start_with(stack: Stack, settings: &[(&str, &str)]) -> Self {
        let mut deployment = Self::stores_only(stack, settings).await;
        match stack {
            Stack::Embedded => deployment.start_process(ALL, None, &[]).await,
            Stack::Cluster => {
                deployment.start_process(API, Some("command,query"), &[]).await;
                deployment.start_process(EVALUATOR, Some(EVALUATOR), &[]).await;
                deployment.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
            }
        }
        deployment
    }

    /// Only the stores, without any process.
    ///
    /// # Panics
    /// If a server does not start.
    pub async fn stores_only(stack: Stack, settings: &[(&str, &str)]) -> Self {
        let (redis, mongo) = match stack {
            Stack::Embedded => (None, None),
            Stack::Cluster => {
                let (redis, mongo) = tokio::join!(RedisServer::start(), MongoServer::start());
                (Some(redis), Some(mongo))
            }
        };
        Self::on(redis, mongo, settings)
    }

    /// Only the stores of a cluster, behind networks and on disks that tests can break.
    ///
    /// # Panics
    /// If a server does not start, or no file system can be mounted.
    pub async fn exposed_stores_only(settings: &[(&str, &str)]) -> Self {
        let servers = tokio::join!(RedisServer::start_exposed(), MongoServer::start_exposed());
        Self::on(Some(servers.0), Some(servers.1), settings)
    }

    fn on(
        redis: Option<RedisServer>,
        mongo: Option<MongoServer>,
        settings: &[(&str, &str)],
    ) -> Self {
        let directory = TempDir::with_prefix("assay-test-").expect("a temporary directory");
        let mut all = usual_settings(directory.path(), redis.as_ref(), mongo.as_ref());
        all.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let (processes, admin_token) = (BTreeMap::new(), String::new());
        Self { processes, settings: all, address: None, admin_token, redis, mongo, directory }
    }

    /// Starts a process with this role, or with all roles, and waits until it is ready.
    ///
    /// # Panics
    /// If it refuses to start.
    pub async fn start_process(
        &mut self,
        name: &str,
        role: Option<&str>,
        settings: &[(&str, &str)],
    ) {
        let process = self.begin(name, role, settings);
        process.ready().await;
        self.take_in(name, process);
    }

    /// Starts a process that serves the API, and waits until it prints its address. It may become
    /// ready much later.
    ///
    /// # Panics
    /// If it refuses to start.
    pub async fn start_api_unready(&mut self, name: &str, role: &str) {
        let process = self.begin(name, Some(role), &[]);
        process.says("Serving GraphQL at ").await;
        self.take_in(name, process);
    }

    fn begin(&self, name: &str, role: Option<&str>, settings: &[(&str, &str)]) -> Process {
        let mut command = self.command(&["serve"]);
        command.args(role.iter().flat_map(|role| ["--role", role]));
        command.args(
            settings.iter().flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]),
        );
        Process::start(&command, self.directory.path(), name)
    }

    fn take_in(&mut self, name: &str, process: Process) {
        let said = process.said();
        let serving = said.lines().find_map(|line| line.strip_prefix("Serving GraphQL at "));
        if let Some(address) = serving {
            let address: Url = address.parse().expect("an address is printed");
            // After a restart it must have the same address.
            let host = address.host_str().expect("the address has a host");
            let port = address.port().expect("the address has a port");
            self.settings.insert("http.listen".to_owned(), format!("{host}:{port}"));
            self.address = Some(address);
        }
        if let Some(token) = process.printed().lines().next() {
            self.admin_token = token.to_owned();
        }
        self.processes.insert(name.to_owned(), process);
    }

    /// `kill -9`; waits until the process and its cells have ended.
    ///
    /// # Panics
    /// If there is no such process.
    pub async fn kill_hard(&mut self, name: &str) {
        self.take(name).kill_hard().await;
    }

    /// SIGTERM; waits until the process has ended.
    ///
    /// # Panics
    /// If there is no such process, or it does not end.
    pub async fn terminate(&mut self, name: &str) -> Option<i32> {
        self.take(name).terminate().await.code()
    }

    /// Pauses a process.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn pause(&self, name: &str) {
        self.processes[name].pause();
    }

    /// Resumes a process.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn resume(&self, name: &str) {
        self.processes[name].resume();
    }

    fn take(&mut self, name: &str) -> Process {
        self.processes.remove(name).unwrap_or_else(|| panic!("no process {name} runs"))
    }

    /// A process's standard error.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn said(&self, name: &str) -> String {
        self.processes[name].said()
    }

    /// A process's id.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn pid(&self, name: &str) -> u32 {
        self.processes[name].pid()
    }

    /// The processes in all cells of a process that have used more cpu time than this, in
    /// hundredths of a second.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn busy_in_cells(&self, name: &str, cpu: u64) -> Vec<u32> {
        let mut found = Vec::new();
        let mut open: Vec<u32> = children(self.pid(name)).into_iter().collect();
        while let Some(pid) = open.pop() {
            open.extend(children(pid));
            if cpu_time(pid) > cpu {
                found.push(pid);
            }
        }
        found
    }

    /// The value of a setting.
    ///
    /// # Panics
    /// If it is not set.
    pub fn setting(&self, key: &str) -> &str {
        &self.settings[key]
    }

    /// The deployment's own folder.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The address of the API.
    ///
    /// # Panics
    /// If no process serves the API.
    pub fn address(&self) -> &Url {
        self.address.as_ref().expect("something serves the API")
    }

    /// The API without a token.
    pub fn api(&self) -> Api {
        Api::new(self.address().clone(), None)
    }

    /// The API with the administrator's token.
    pub fn admin(&self) -> Api {
        self.api().with_token(&self.admin_token)
    }

    /// The command line's client.
    pub fn client(&self, token: &str) -> Client {
        self.api().with_token(token).client()
    }

    /// Registers an account, and returns the API with its token.
    ///
    /// # Panics
    /// If the registration fails.
    pub async fn register(&self, login: &str) -> Api {
        let input = json!({
            "login": login, "email": format!("{login}@example.org"), "password": "correct horse",
        });
        let register = "mutation($input: RegisterInput!) {
            register(input: $input) { accessToken userErrors { code message } }
        }";
        let data = self.api().data(register, json!({ "input": input })).await;
        let token = data["register"]["accessToken"].as_str();
        self.api().with_token(token.unwrap_or_else(|| panic!("not registered: {data}")))
    }

    /// Imports a package as the administrator, and returns the payload.
    ///
    /// # Panics
    /// If the upload is refused.
    pub async fn import(&self, package: &Package) -> Value {
        import(&self.admin(), package.zip()).await
    }

    /// The command line for this deployment's stores and server, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = assay_command(self.directory.path(), arguments);
        for (key, value) in &self.settings {
            let name = key.to_uppercase().replace('.', "__");
            command.env(format!("ASSAY_{name}"), value);
        }
        if let Some(address) = &self.address {
            command.env("ASSAY_SERVER", address.as_str());
        }
        command
    }

    /// Runs the command line on this deployment's stores and server, as the administrator.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.env("ASSAY_TOKEN", &self.admin_token);
        command.output().expect("assay can be run")
    }

    /// The deployment's stores, opened beside its processes.
    ///
    /// # Panics
    /// If they are unavailable.
    pub async fn stores(&self) -> Stores {
        event_store::open(&self.store_urls()).await.expect("the stores answer")
    }

    /// The URLs of the stores.
    pub fn store_urls(&self) -> StoreUrls {
        let of = |port: &str| self.settings[&format!("stores.{port}")].clone();
        StoreUrls {
            log: of("log"),
            blobs: of("blobs"),
            credentials: of("credentials"),
            tree: of("tree"),
        }
    }

    /// The live views.
    ///
    /// # Panics
    /// If they are unavailable.
    pub async fn views(&self) -> Views {
        read_model::open(&self.settings["stores.views"], "live").await.expect("the views answer")
    }

    /// Waits until every projection has caught up with the log.
    ///
    /// # Panics
    /// If they do not.
    pub async fn projected(&self) {
        let (stores, views) = (self.stores().await, self.views().await);
        let began = Instant::now();
        loop {
            let head = stores.log.info().await.expect("the log answers").head;
            let checkpoints = views.reader.checkpoints().await.expect("the views answer");
            let reached = checkpoints.values().filter(|it| it.position == head).count();
            if reached >= PROJECTIONS {
                return;
            }
            let said =
                || self.processes.iter().map(|(name, it)| format!("{name}: {}\n", it.said()));
            assert!(
                began.elapsed() < PROJECTIONS_PATIENCE,
                "the projections have not caught up with {head}: {checkpoints:?}\n{}",
                said().collect::<String>()
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// Uploads and imports, and returns the payload.
///
/// # Panics
/// If the upload is refused.
pub async fn import(api: &Api, archive: Vec<u8>) -> Value {
    let uploaded = api.upload(archive).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let import = "mutation($package: Sha256!) {
        importProblem(input: { package: $package }) {
            problem { slug version } revised token userErrors { code message }
        }
    }";
    let variables = json!({ "package": uploaded.body["sha256"] });
    api.data(import, variables).await["importProblem"].take()
}

/// `assay` with these arguments, in this folder, without Assay's environment variables.
pub fn assay_command(folder: &Path, arguments: &[&str]) -> Command {
    program_command("assay", folder, arguments)
}

/// `assay-bench`, in the same way.
pub fn bench_command(folder: &Path, arguments: &[&str]) -> Command {
    program_command("assay-bench", folder, arguments)
}

fn program_command(program: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary(program));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ASSAY_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).args(arguments);
    command
}

/// The program under test, which is in the parent of the test binary's folder.
///
/// # Panics
/// If it was not built.
fn binary(program: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this program knows where it is");
    let profile = test.ancestors().nth(2).expect("tests are built below target/<profile>/deps");
    let binary = profile.join(program);
    assert!(
        binary.is_file(),
        "{} was not built; run scripts/test, which builds it first",
        binary.display()
    );
    binary
}

fn usual_settings(
    directory: &Path,
    redis: Option<&RedisServer>,
    mongo: Option<&MongoServer>,
) -> Settings {
    let below = |name: &str| directory.join(name).display().to_string();
    // A new name for each deployment although servers are not shared, because the name is part of
    // the test.
    let name = format!("it{}", &Uuid::new_v4().simple().to_string()[..8]);
    let log = match redis {
        Some(redis) => redis.url_in(&name),
        None => format!("sqlite:{}", below("log.db")),
    };
    let kept = |scheme: &str, file: &str| match mongo {
        Some(mongo) => mongo.url(&name),
        None => format!("{scheme}:{}", below(file)),
    };
    let many = "1000000".to_owned();
    [
        ("stores.log", log),
        ("stores.blobs", kept("file", "blobs")),
        ("stores.credentials", kept("sqlite", "credentials.db")),
        ("stores.tree", kept("sqlite", "tree.db")),
        ("audit.keys", below("tree.keys")),
        ("stores.views", kept("sqlite", "views.db")),
        ("http.listen", "127.0.0.1:0".to_owned()),
        ("evaluator.slots", "2".to_owned()),
        // The tests keep two processors busy enough.
        ("evaluator.warm_up", "false".to_owned()),
        ("evaluator.languages", r#"["c", "cpp", "python3"]"#.to_owned()),
        ("limits.submissions_per_minute", many.clone()),
        ("limits.open_submissions", many.clone()),
        ("limits.sign_ins_per_minute", many.clone()),
        ("limits.sign_ins_per_account_per_minute", many),
        ("limits.cost_per_minute", "4000000000".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}
