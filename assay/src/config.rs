//! The configuration. Flags override `ASSAY_*` variables, which override `assay.toml`, which
//! overrides the defaults.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use command_api::Registration;
use domain::LanguageId;
use event_store::StoreUrls;
use graphql::ServiceLimits;
use graphql::access::SourcePolicy;
use ipnet::IpNet;
use query_api::{Documents, Serving};
use sandbox::SandboxConfig;
use serde::{Deserialize, Serialize};

use crate::settings::{Settings, Source};
use crate::{Exit, Failure};

/// The file that is read by default.
const FILE: &str = "assay.toml";
/// The default log filter: warnings of every module, and info of Assay's own crates.
pub(crate) const FILTER: &str = "warn,assay=info,command_api=info,evaluator=info,event_store=info,\
                      graphql=info,projector=info,query_api=info,read_model=info,sandbox=info,webhook=info";
/// Default size of an evaluator's cache of test data, in bytes.
const CACHE_BYTES_MAX: u64 = 4 << 30;
/// The prefix of environment variables. `ASSAY_STORES__LOG` sets `stores.log`.
const PREFIX: &str = "ASSAY_";
const SEPARATOR: &str = "__";
/// The only setting outside a section: `ASSAY_DRAIN_S`.
const TOP_LEVEL: &str = "drain_s";

/// Every setting.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How accounts are made.
    pub accounts: AccountsConfig,
    /// The addresses of the stores.
    pub stores: StoresConfig,
    /// The signing of the log.
    pub audit: AuditConfig,
    /// The documents that clients may send.
    pub graphql: GraphqlConfig,
    /// The address to listen on, and the proxies in front of it.
    pub http: HttpConfig,
    /// The sandbox that runs untrusted programs.
    pub sandbox: SandboxConfig,
    /// How submissions are judged.
    pub evaluator: EvaluatorConfig,
    /// How packages are read.
    pub packages: PackagesConfig,
    /// How runs on own inputs are kept.
    pub runs: RunsConfig,
    /// Limits on clients.
    pub limits: LimitsConfig,
    /// What is shown of submissions.
    pub submissions: SubmissionsConfig,
    /// The delivery of events to other servers.
    pub webhooks: WebhooksConfig,
    /// The mail that this server sends.
    #[serde(default)]
    pub mail: MailConfig,
    /// The identity providers, by name.
    #[serde(default)]
    pub oidc: BTreeMap<String, OidcConfig>,
    /// The removal of stored data that no event names.
    pub sweep: SweepConfig,
    /// The logging of this process.
    pub telemetry: LogConfig,
    /// How long a shutdown waits for work in progress, in seconds.
    pub drain_s: u64,
}

/// How accounts are made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountsConfig {
    /// Who may register: `open`, `invitation` or `closed`.
    pub registration: Registration,
    /// This server's address for browsers, which identity providers lead back to.
    pub public_url: Option<String>,
    /// The page to which a sign-in at an identity provider returns.
    pub return_to: Option<String>,
}

/// How mail is sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The SMTP server's URL; without it no mail is sent.
    pub smtp: Option<String>,
    /// The sender of mails.
    pub from: Option<String>,
    /// The page on which people enter a new password, with `{token}` in it.
    pub reset_url: Option<String>,
}

/// An identity provider. What is missing is noticed when the server starts, because settings may
/// come one by one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// The issuer's URL.
    pub issuer: String,
    /// This server's id at the provider.
    pub client_id: String,
    /// This server's secret at the provider, if it has one.
    pub client_secret: Option<String>,
    /// The scopes to ask for, besides `openid`.
    pub scopes: Vec<String>,
    /// Whether the first sign-in of somebody registers an account.
    pub register: bool,
}

/// The addresses of the stores.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoresConfig {
    /// The log and the queue: `sqlite:PATH` or `redis://HOST`.
    pub log: String,
    /// Sources and test data: `file:DIRECTORY` or `mongodb://HOST/DATABASE`.
    pub blobs: String,
    /// Secrets and personal data: `sqlite:PATH` or `mongodb://HOST/DATABASE`.
    pub credentials: String,
    /// The Merkle tree over the log and its signed heads: `sqlite:PATH` or
    /// `mongodb://HOST/DATABASE`.
    pub tree: String,
    /// The read model, which can be deleted: `sqlite:PATH` or `mongodb://HOST/DATABASE`.
    pub views: String,
}

/// The signing of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// The file with the keys that sign tree heads. The projector creates it if nothing was ever
    /// signed.
    pub keys: PathBuf,
    /// Hours until an export that was asked for over the API is removed; at least 1.
    pub export_keep_hours: NonZeroU32,
}

/// The documents that clients may send.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphqlConfig {
    /// A manifest or a folder of documents that clients can send by their ids.
    pub documents: Option<PathBuf>,
    /// Whether the schema is kept from clients: no introspection, no suggestions in errors, no
    /// explorer, and by GET only documents with an id.
    pub hardened: bool,
    /// Whether only those documents are executed.
    pub only_trusted_documents: bool,
}

impl GraphqlConfig {
    /// Reads the documents.
    ///
    /// # Errors
    /// If a file cannot be used, or only trusted documents are executed and there are none.
    pub(crate) fn serving(&self) -> Result<Serving, Failure> {
        let documents = match &self.documents {
            Some(path) => Documents::read(path, self.only_trusted_documents)
                .map_err(|error| Failure::of(Exit::Usage, "reading graphql.documents", &error))?,
            None if self.only_trusted_documents => {
                let message = "graphql.only_trusted_documents needs graphql.documents";
                return Err(Failure::new(Exit::Usage, message.to_owned()));
            }
            None => Documents::default(),
        };
        Ok(Serving { documents, hardened: self.hardened })
    }
}

/// The address to listen on, and the proxies in front of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The origins of other websites whose pages may use the API, for example
    /// `https://judge.example.org`; `*` alone allows every origin.
    pub cors_origins: Vec<String>,
    /// Address and port. With port 0, any free port is used.
    pub listen: SocketAddr,
    /// The networks of the proxies that report their clients' addresses, for example `10.0.0.0/8`.
    pub trusted_proxies: Vec<IpNet>,
}

/// How submissions are judged.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluatorConfig {
    /// The evaluator's name in events; if empty, the host's name.
    pub name: String,
    /// Programs that run at once; 0 means one per physical core.
    pub slots: usize,
    /// Whether each slot has its own core.
    pub pin_cores: bool,
    /// Whether every language is run once in the background at start.
    pub warm_up: bool,
    /// Where test data is cached between restarts, unless the blob store is a folder on this
    /// machine, and where the evaluator notes what it is judging in case that crashes it.
    pub cache_dir: PathBuf,
    /// Maximum size of that cache, in bytes; 0 disables it.
    pub cache_bytes_max: u64,
    /// How long work stays assigned to an evaluator that does not renew its lease, in seconds.
    pub lease_s: u64,
    /// How many attempts to judge a submission may fail before it is given up.
    pub deliveries_max: u32,
    /// The languages to judge. Each language listed must be installed; an empty list means all that
    /// this machine has.
    pub languages: Vec<String>,
}

/// How packages are read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackagesConfig {
    /// The C++ standard for Kattis packages that do not name one.
    pub cpp: CppStandard,
}

/// The C++ standards that a package can default to, by language id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CppStandard {
    /// The standard C++17.
    Cpp,
    /// The standard C++20.
    Cpp20,
    /// The standard C++23.
    Cpp23,
}

impl CppStandard {
    /// The language id.
    pub(crate) fn id(self) -> LanguageId {
        let id = match self {
            Self::Cpp => "cpp",
            Self::Cpp20 => "cpp20",
            Self::Cpp23 => "cpp23",
        };
        id.parse().expect("these are language ids")
    }
}

/// How runs on own inputs are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunsConfig {
    /// Hours until a run is removed with its source, inputs and outputs; at least 1.
    pub keep_hours: NonZeroU32,
}

/// Limits on clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Maximum cost of the requests of an account per minute, or of a network without one.
    pub cost_per_minute: u32,
    /// Maximum size of a submitted source, in bytes.
    pub source_bytes: usize,
    /// Maximum size of an uploaded package, in bytes.
    pub package_bytes: usize,
    /// Submissions per account and minute.
    pub submissions_per_minute: u32,
    /// Submissions of an account that are not judged yet.
    pub open_submissions: u64,
    /// Runs on own inputs per account and minute.
    pub runs_per_minute: u32,
    /// Unfinished runs of an account.
    pub open_runs: u32,
    /// Sign-ins and registrations per client network and minute.
    pub sign_ins_per_minute: u32,
    /// Sign-ins per account and minute.
    pub sign_ins_per_account_per_minute: u32,
    /// Concurrent subscriptions per socket.
    pub subscriptions_per_socket: usize,
    /// Maximum number of open connections.
    pub connections: usize,
    /// Maximum number of open connections from one address that is no trusted proxy.
    pub connections_per_address: usize,
    /// Maximum number of open sockets.
    pub sockets: usize,
    /// Maximum number of open sockets of one account.
    pub sockets_per_account: usize,
}

/// What is shown of submissions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmissionsConfig {
    /// Who may see sources, besides judges: `own`, `after_solving` or `never`.
    pub public_source: SourcePolicy,
}

/// The delivery of events to other servers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Whether events may be sent to private networks and without TLS.
    pub allow_private: bool,
    /// How many times an event is tried before it is given up.
    pub attempts_max: u32,
    /// The delay between the first attempt and the second, in milliseconds. Each later delay is
    /// five times as long. The actual delay is chosen at random between half of that and all of it.
    pub retry_ms: u64,
    /// How long a receiver may take to respond, in seconds.
    pub timeout_s: u64,
}

impl WebhooksConfig {
    /// The settings for deliveries.
    pub fn settings(&self) -> webhook::Settings {
        webhook::Settings {
            policy: webhook::DestinationPolicy { allow_private: self.allow_private },
            attempts_max: self.attempts_max.max(1),
            first_delay: Duration::from_millis(self.retry_ms.max(1)),
            timeout: Duration::from_secs(self.timeout_s.max(1)),
        }
    }
}

/// The removal of stored data that no event names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepConfig {
    /// Hours between two sweeps by the role `projector`; 0 turns them off.
    pub every_h: u64,
    /// Days to keep such data after it was last stored; at least 1.
    pub keep_days: NonZeroU32,
}

/// The logging of this process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `pretty` or `json`.
    pub format: LogFormat,
    /// A `tracing` filter, for example `warn,assay=info`.
    pub filter: String,
}

/// The format of log output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Readable text.
    Pretty,
    /// JSON, for programs.
    Json,
}

impl Config {
    /// The defaults, with all embedded stores in a folder.
    pub fn embedded(folder: &Path) -> Self {
        let StoreUrls { log, blobs, credentials, tree } = StoreUrls::embedded(folder);
        let views = format!("sqlite:{}", folder.join("views.db").display());
        let limits = ServiceLimits::default();
        Self {
            accounts: AccountsConfig {
                registration: Registration::Open,
                public_url: None,
                return_to: None,
            },
            stores: StoresConfig { log, blobs, credentials, tree, views },
            audit: AuditConfig {
                keys: folder.join("tree.keys"),
                export_keep_hours: const { NonZeroU32::new(24).unwrap() },
            },
            graphql: GraphqlConfig {
                documents: None,
                hardened: false,
                only_trusted_documents: false,
            },
            http: HttpConfig {
                cors_origins: vec![],
                listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
                trusted_proxies: vec![],
            },
            sandbox: SandboxConfig::default(),
            evaluator: EvaluatorConfig {
                name: String::new(),
                slots: 0,
                pin_cores: true,
                warm_up: true,
                cache_dir: folder.join("cache"),
                cache_bytes_max: CACHE_BYTES_MAX,
                lease_s: 30,
                deliveries_max: 3,
                languages: vec![],
            },
            packages: PackagesConfig { cpp: CppStandard::Cpp23 },
            runs: RunsConfig { keep_hours: const { NonZeroU32::new(24).unwrap() } },
            limits: LimitsConfig {
                cost_per_minute: limits.cost_per_minute,
                source_bytes: limits.source_bytes,
                package_bytes: limits.package_bytes,
                submissions_per_minute: limits.submissions_per_minute,
                open_submissions: limits.open_submissions,
                runs_per_minute: limits.runs_per_minute,
                open_runs: limits.open_runs,
                sign_ins_per_minute: limits.sign_ins_per_minute,
                sign_ins_per_account_per_minute: limits.sign_ins_per_account_per_minute,
                subscriptions_per_socket: limits.subscriptions_per_socket,
                connections: limits.connections,
                connections_per_address: limits.connections_per_address,
                sockets: limits.sockets,
                sockets_per_account: limits.sockets_per_account,
            },
            submissions: SubmissionsConfig { public_source: SourcePolicy::Own },
            webhooks: WebhooksConfig {
                allow_private: false,
                attempts_max: 10,
                retry_ms: 1_000,
                timeout_s: 15,
            },
            mail: MailConfig::default(),
            oidc: BTreeMap::new(),
            sweep: SweepConfig { every_h: 24, keep_days: const { NonZeroU32::new(7).unwrap() } },
            telemetry: LogConfig { format: LogFormat::Pretty, filter: FILTER.to_owned() },
            drain_s: 20,
        }
    }

    /// The addresses of the stores.
    pub fn store_urls(&self) -> StoreUrls {
        StoreUrls {
            log: self.stores.log.clone(),
            blobs: self.stores.blobs.clone(),
            credentials: self.stores.credentials.clone(),
            tree: self.stores.tree.clone(),
        }
    }

    /// The limits that the server enforces.
    pub fn service_limits(&self) -> ServiceLimits {
        ServiceLimits {
            cost_per_minute: self.limits.cost_per_minute,
            source_bytes: self.limits.source_bytes,
            package_bytes: self.limits.package_bytes,
            submissions_per_minute: self.limits.submissions_per_minute,
            open_submissions: self.limits.open_submissions,
            runs_per_minute: self.limits.runs_per_minute,
            open_runs: self.limits.open_runs.max(1),
            run_keep_hours: self.runs.keep_hours.get(),
            export_keep_hours: self.audit.export_keep_hours.get(),
            sign_ins_per_minute: self.limits.sign_ins_per_minute,
            sign_ins_per_account_per_minute: self.limits.sign_ins_per_account_per_minute,
            subscriptions_per_socket: self.limits.subscriptions_per_socket,
            connections: self.limits.connections,
            connections_per_address: self.limits.connections_per_address,
            sockets: self.limits.sockets,
            sockets_per_account: self.limits.sockets_per_account,
            ..ServiceLimits::default()
        }
    }

    /// How long a shutdown waits for work in progress.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_s)
    }
}

/// The command line's options for the configuration.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfigArgs {
    /// Read this file instead of `assay.toml`
    #[arg(long, global = true, value_name = "FILE", env = "ASSAY_CONFIG")]
    pub config: Option<PathBuf>,
    /// Keep the embedded stores in this folder
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ASSAY_DATA",
        default_value = "assay-data"
    )]
    pub data: PathBuf,
    /// Change one setting, for example `--set evaluator.slots=2` (see `assay config`)
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl ConfigArgs {
    /// All sources of settings, merged in order of increasing priority.
    pub(crate) fn settings(&self) -> Result<Settings<Config>, Failure> {
        let mut settings = Settings::new(&Config::embedded(&self.data));
        match &self.config {
            Some(file) if !file.exists() => {
                let message = format!("the file {} does not exist", file.display());
                return Err(Failure::new(Exit::Usage, message));
            }
            Some(file) => settings.merge_file(file)?,
            None if Path::new(FILE).exists() => settings.merge_file(Path::new(FILE))?,
            None => {}
        }
        for (name, value) in std::env::vars_os() {
            let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
            let Some(key) = name.strip_prefix(PREFIX).map(str::to_lowercase) else { continue };
            // Variables without the separator are options of the command line, not settings.
            if key.contains(SEPARATOR) || key == TOP_LEVEL {
                settings.merge_one(
                    &key.replace(SEPARATOR, "."),
                    value,
                    Source::Variable(name.to_owned()),
                )?;
            }
        }
        for setting in &self.set {
            let (key, value) = setting.split_once('=').ok_or_else(|| {
                Failure::new(Exit::Usage, format!("--set {setting}: expected KEY=VALUE"))
            })?;
            settings.merge_one(key, value, Source::Flag)?;
        }
        Ok(settings)
    }

    /// Loads the configuration.
    ///
    /// # Errors
    /// If a setting is invalid. The message names the setting and its source.
    pub fn load(&self) -> Result<Config, Failure> {
        self.settings()?.config()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file_and_unknown_settings_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        std::fs::write(&file, "drain_s = 1\n[evaluator]\nslots = 3\n").unwrap();
        let mut args = ConfigArgs { config: Some(file.clone()), ..ConfigArgs::default() };
        args.set = vec!["drain_s=2".to_owned()];
        let config = args.load().unwrap();
        assert_eq!((config.drain_s, config.evaluator.slots), (2, 3));

        args.set = vec!["sweep.keep_days=0".to_owned()];
        let message = args.load().unwrap_err().message;
        assert!(message.contains("sweep.keep_days"), "{message}");

        args.set = vec![r#"http.trusted_proxies=["10.0.0.0/8", "fd00::/64"]"#.to_owned()];
        assert_eq!(args.load().unwrap().http.trusted_proxies.len(), 2);
        args.set = vec![r#"http.trusted_proxies=["10.0.0.0/33"]"#.to_owned()];
        let message = args.load().unwrap_err().message;
        assert!(message.contains("http.trusted_proxies"), "{message}");

        args.set = vec!["evaluator.slot=2".to_owned()];
        let message = args.load().unwrap_err().message;
        assert!(message.contains("slot"), "{message}");

        std::fs::write(&file, "drain_s = \"soon\"").unwrap();
        args.set.clear();
        let message = args.load().unwrap_err().message;
        assert!(message.contains("drain_s") && message.contains("a.toml"), "{message}");
    }
}
