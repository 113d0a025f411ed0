use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::{LanguageError, Languages, SandboxError};

/// Selects and configures the sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// The adapter that makes the cells.
    pub adapter: Adapter,
    /// Options of the native adapter.
    pub native: NativeConfig,
    /// Options of the docker adapter.
    pub docker: DockerConfig,
    /// A folder of further language definitions (`*.toml`). A definition with the id of a built-in
    /// language replaces it.
    pub languages: Option<PathBuf>,
}

impl SandboxConfig {
    /// The built-in languages and those in the configured folder.
    pub fn languages(&self) -> Result<Arc<Languages>, LanguageError> {
        let own = match &self.languages {
            Some(folder) => definitions(folder)
                .map_err(|source| LanguageError::Unreadable { folder: folder.clone(), source })?,
            None => Vec::new(),
        };
        let own = own.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        Languages::with(own).map(Arc::new)
    }
}

/// The definitions in a folder, with the names of their files.
fn definitions(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            found.push((path.display().to_string(), fs::read_to_string(&path)?));
        }
    }
    found.sort();
    Ok(found)
}

/// The available adapters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adapter {
    /// Linux namespaces on this machine.
    #[default]
    Native,
    /// Containers of a Docker engine, here or elsewhere.
    Docker,
}

/// Options of the native adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NativeConfig {
    /// Use a user namespace even as root. Without root, one is always used.
    pub force_user_namespace: bool,
    /// Directories below which cells' cgroups are made, instead of the process's own cgroup: one
    /// for cgroup v2, or three for cgroup v1 (the memory, pids and cpuacct controllers, in this
    /// order).
    pub cgroup_parents: Vec<PathBuf>,
    /// Further directories that every cell sees, read-only and at the same path, for toolchains
    /// installed outside the system's own directories.
    pub binds: Vec<PathBuf>,
    /// A directory to take toolchains from, instead of from this machine; `assay images unpack`
    /// fills one.
    pub rootfs: Option<PathBuf>,
    /// The directory for precompiled standard headers; in the user's cache directory when absent.
    pub cache_dir: Option<PathBuf>,
    /// The number of ready cells to keep for each recently used size.
    pub pool_size: usize,
}

impl Default for NativeConfig {
    fn default() -> Self {
        Self {
            force_user_namespace: false,
            cgroup_parents: Vec::new(),
            binds: Vec::new(),
            rootfs: None,
            cache_dir: None,
            pool_size: 2,
        }
    }
}

/// Options of the docker adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DockerConfig {
    /// The engine's address (`unix:///...`, `tcp://...`, `http://...`). When absent, `DOCKER_HOST`
    /// or the usual socket.
    pub host: Option<String>,
    /// The OCI runtime for cells (`runsc`, ...); the engine's default when absent.
    pub runtime: Option<String>,
    /// The image for cells; `assay images build` makes it.
    pub image: String,
    /// The number of ready containers to keep for each recently used size.
    pub pool_size: usize,
}

impl Default for DockerConfig {
    fn default() -> Self {
        Self {
            host: None,
            runtime: None,
            image: "assay/toolchains:latest".to_owned(),
            pool_size: 2,
        }
    }
}

impl FromStr for SandboxConfig {
    type Err = SandboxError;

    /// Parses an adapter's name. The result has that adapter's default options.
    fn from_str(word: &str) -> Result<Self, SandboxError> {
        let adapter = match word {
            "native" => Adapter::Native,
            "docker" => Adapter::Docker,
            other => {
                return Err(SandboxError::Unavailable {
                    adapter: "chosen",
                    reason: format!("there is no sandbox named {other:?}"),
                    cure: "choose native or docker".to_owned(),
                });
            }
        };
        Ok(Self { adapter, ..Self::default() })
    }
}
