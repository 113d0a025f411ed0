//! Configuration: flags, then `ASSAY_*`, then `assay.toml`, then defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Slug;
use event_store::StoreUrls;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use problem_package::Options;
use query_api::ServiceLimits;
use sandbox::SandboxConfig;
use serde::{Deserialize, Serialize};

use crate::{Exit, Failure};

/// The file that is read where no other is named.
const FILE: &str = "assay.toml";
/// What is logged: warnings of all, and what our own parts tell.
const FILTER: &str = "warn,assay=info,command_api=info,evaluator=info,event_store=info,\
                      projector=info,query_api=info,read_model=info,sandbox=info,webhook=info";
/// Test data that an evaluator keeps on its own disk, in bytes.
const CACHE_BYTES_MAX: u64 = 4 << 30;
/// What the names of environment variables begin with. `ASSAY_STORES__LOG` sets `stores.log`.
const PREFIX: &str = "ASSAY_";
const SEPARATOR: &str = "__";
/// The one setting that is in no section: `ASSAY_DRAIN_S`.
const TOP_LEVEL: &str = "drain_s";

/// Every setting.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where things are kept.
    pub stores: StoresConfig,
    /// Who signs the log.
    pub audit: AuditConfig,
    /// The address that is served.
    pub http: HttpConfig,
    /// Where strangers' programs run.
    pub sandbox: SandboxConfig,
    /// How submissions are judged.
    pub evaluator: EvaluatorConfig,
    /// How packages are read.
    pub packages: PackagesConfig,
    /// What is refused.
    pub limits: LimitsConfig,
    /// How other servers are told of events.
    pub webhooks: WebhooksConfig,
    /// Logs.
    pub telemetry: LogConfig,
    /// Seconds that a shutdown waits for what is under way.
    pub drain_s: u64,
}

/// Where things are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoresConfig {
    /// The log and the queue: `sqlite:PATH` or `redis://HOST`.
    pub log: String,
    /// Sources and test data: `file:DIRECTORY` or `mongodb://HOST/DATABASE`.
    pub blobs: String,
    /// Secrets and personal data: `sqlite:PATH` or `mongodb://HOST/DATABASE`.
    pub credentials: String,
    /// The Merkle tree over the log and its signed heads: `sqlite:PATH` or `mongodb://HOST/DATABASE`.
    pub tree: String,
    /// The read model, which can be deleted: `sqlite:PATH` or `mongodb://HOST/DATABASE`.
    pub views: String,
}

/// Who signs the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// The file of the keys that sign tree heads. The projector makes it where nothing was ever signed.
    pub keys: PathBuf,
}

/// The address that is served.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port; port 0 takes any free one.
    pub listen: SocketAddr,
}

/// How submissions are judged.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluatorConfig {
    /// The evaluator's name in events; the host's name where it is empty.
    pub name: String,
    /// Programs that run at the same time; 0 is one for each physical core.
    pub slots: usize,
    /// Whether each slot has a core of its own.
    pub pin_cores: bool,
    /// Whether every language is run once at the start, in the background.
    pub warm_up: bool,
    /// Where test data is kept for the next time, unless the blobs are files of this machine.
    pub cache_dir: PathBuf,
    /// Bytes of test data kept there; 0 keeps none.
    pub cache_bytes_max: u64,
    /// Seconds that work stays with an evaluator that is not heard of.
    pub lease_s: u64,
    /// How often a submission is tried before it is given up.
    pub deliveries_max: u32,
    /// Languages judged here. Each that is named must be installed; empty is all that this machine has.
    pub languages: Vec<String>,
}

/// How packages are read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackagesConfig {
    /// What C++ in Kattis packages is taken for, where they do not say.
    pub cpp: CppStandard,
}

/// The languages that C++ in a package can be taken for, by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CppStandard {
    /// C++17.
    Cpp,
    /// C++20.
    Cpp20,
    /// C++23.
    Cpp23,
}

impl PackagesConfig {
    /// With what a package is read whose slug is given, or `None` to make it of the package.
    pub fn options(&self, slug: Option<Slug>) -> Options {
        let cpp = match self.cpp {
            CppStandard::Cpp => "cpp",
            CppStandard::Cpp20 => "cpp20",
            CppStandard::Cpp23 => "cpp23",
        };
        let cpp = cpp.parse().expect("this is a language id");
        Options { slug, cpp, latex: command_api::latex_converter(), ..Options::default() }
    }
}

/// What is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes of a submitted source.
    pub source_bytes: usize,
    /// Bytes of an uploaded package.
    pub package_bytes: usize,
    /// Submissions of one account in a minute.
    pub submissions_per_minute: u32,
    /// Sign-ins and registrations from one address in a minute.
    pub sign_ins_per_minute: u32,
    /// Subscriptions at the same time on one socket.
    pub subscriptions_per_socket: usize,
}

/// How other servers are told of events.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Whether private networks may be sent to, and without TLS.
    pub allow_private: bool,
    /// How often an event is tried before it is given up.
    pub attempts_max: u32,
    /// Milliseconds between the first attempt and the second; each wait after it is five times as long. What is
    /// really waited is between half of that and all of it.
    pub retry_ms: u64,
    /// Seconds that a receiver may take.
    pub timeout_s: u64,
}

impl WebhooksConfig {
    /// How deliveries are made.
    pub fn settings(&self) -> webhook::Settings {
        webhook::Settings {
            policy: webhook::DestinationPolicy { allow_private: self.allow_private },
            attempts_max: self.attempts_max.max(1),
            first_delay: Duration::from_millis(self.retry_ms.max(1)),
            timeout: Duration::from_secs(self.timeout_s.max(1)),
        }
    }
}

/// Logs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `pretty` or `json`.
    pub format: LogFormat,
    /// As in `warn,assay=info`.
    pub filter: String,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For programs.
    Json,
}

impl Config {
    /// The defaults with all embedded stores below a folder.
    pub fn embedded(folder: &Path) -> Self {
        let below = |scheme: &str, name: &str| format!("{scheme}:{}", folder.join(name).display());
        let limits = ServiceLimits::default();
        Self {
            stores: StoresConfig {
                log: below("sqlite", "log.db"),
                blobs: below("file", "blobs"),
                credentials: below("sqlite", "credentials.db"),
                tree: below("sqlite", "tree.db"),
                views: below("sqlite", "views.db"),
            },
            audit: AuditConfig { keys: folder.join("tree.keys") },
            http: HttpConfig { listen: SocketAddr::from(([127, 0, 0, 1], 8080)) },
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
            limits: LimitsConfig {
                source_bytes: limits.source_bytes,
                package_bytes: limits.package_bytes,
                submissions_per_minute: limits.submissions_per_minute,
                sign_ins_per_minute: limits.sign_ins_per_minute,
                subscriptions_per_socket: limits.subscriptions_per_socket,
            },
            webhooks: WebhooksConfig {
                allow_private: false,
                attempts_max: 10,
                retry_ms: 1_000,
                timeout_s: 15,
            },
            telemetry: LogConfig { format: LogFormat::Pretty, filter: FILTER.to_owned() },
            drain_s: 20,
        }
    }

    /// The stores' addresses.
    pub fn store_urls(&self) -> StoreUrls {
        StoreUrls {
            log: self.stores.log.clone(),
            blobs: self.stores.blobs.clone(),
            credentials: self.stores.credentials.clone(),
            tree: self.stores.tree.clone(),
        }
    }

    /// What a server refuses.
    pub fn service_limits(&self) -> ServiceLimits {
        ServiceLimits {
            source_bytes: self.limits.source_bytes,
            package_bytes: self.limits.package_bytes,
            submissions_per_minute: self.limits.submissions_per_minute,
            sign_ins_per_minute: self.limits.sign_ins_per_minute,
            subscriptions_per_socket: self.limits.subscriptions_per_socket,
            ..ServiceLimits::default()
        }
    }

    /// How long a shutdown waits.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_s)
    }
}

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfigArgs {
    /// Read this file instead of `assay.toml`
    #[arg(long, global = true, value_name = "FILE", env = "ASSAY_CONFIG")]
    pub config: Option<PathBuf>,
    /// Keep the embedded stores below this folder
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ASSAY_DATA",
        default_value = "assay-data"
    )]
    pub data: PathBuf,
    /// Change one setting, as in `--set evaluator.slots=2` (see `assay config`)
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl ConfigArgs {
    /// Everything that says something about settings, the weakest first.
    pub(crate) fn figment(&self) -> Result<Figment, Failure> {
        let mut figment = Figment::from(Serialized::defaults(Config::embedded(&self.data)));
        match &self.config {
            Some(file) if !file.exists() => {
                let message = format!("there is no file {}", file.display());
                return Err(Failure::new(Exit::Usage, message));
            }
            Some(file) => figment = figment.merge(Toml::file_exact(file)),
            None => figment = figment.merge(Toml::file(FILE)),
        }
        // Other variables without the separator are for the command line, not for settings.
        let settings = Env::prefixed(PREFIX)
            .filter(|name| name.as_str().contains(SEPARATOR) || name == TOP_LEVEL);
        figment = figment.merge(settings.split(SEPARATOR));
        for setting in &self.set {
            let (key, value) = setting.split_once('=').ok_or_else(|| {
                Failure::new(Exit::Usage, format!("--set {setting}: expected KEY=VALUE"))
            })?;
            let value: figment::value::Value = value.parse().expect("any text is a value");
            figment = figment.merge(Serialized::default(key, value));
        }
        Ok(figment)
    }

    /// The configuration.
    ///
    /// # Errors
    /// When a setting has no meaning; says which, and where it was made.
    pub fn load(&self) -> Result<Config, Failure> {
        self.figment()?
            .extract()
            .map_err(|error| Failure::new(Exit::Usage, format!("the configuration: {error}")))
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

        args.set = vec!["evaluator.slot=2".to_owned()];
        let message = args.load().unwrap_err().message;
        assert!(message.contains("slot"), "{message}");

        std::fs::write(&file, "drain_s = \"soon\"").unwrap();
        args.set.clear();
        let message = args.load().unwrap_err().message;
        assert!(message.contains("drain_s") && message.contains("a.toml"), "{message}");
    }
}
