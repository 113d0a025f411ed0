use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    LanguageError, Languages, Sandbox, SandboxError, docker::DockerSandbox, native::NativeSandbox,
};

/// Which sandbox to use and how.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// Which adapter seals the cells.
    pub adapter: Adapter,
    /// Options of the native adapter.
    pub native: NativeConfig,
    /// Options of the docker adapter.
    pub docker: DockerConfig,
    /// A folder of further language definitions (`*.toml`). One with the id of a language that ships with the program
    /// takes its place.
    pub languages: Option<PathBuf>,
}

impl SandboxConfig {
    /// The languages that ship with the program, and those of the folder.
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

/// The adapters there are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adapter {
    /// Linux namespaces on this machine.
    #[default]
    Native,
    /// Containers of a Docker engine, here or elsewhere.
    Docker,
}

/// Options of the native adapter.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NativeConfig {
    /// Seal cells with a user namespace even as root. Without root it is used in any case.
    pub force_user_namespace: bool,
    /// Directories below which cells' cgroups are made, instead of the process's own cgroup: one for cgroup v2, or
    /// one for each of the memory, pids and cpuacct controllers.
    pub cgroup_parents: Vec<PathBuf>,
    /// Directories that every cell sees, read-only, at the same path, beside the system's own: for toolchains
    /// installed elsewhere.
    pub binds: Vec<PathBuf>,
    /// A directory that toolchains are taken from instead of this machine; `assay images unpack` fills one.
    pub rootfs: Option<PathBuf>,
    /// Where compiled standard headers are kept; below the user's caches when absent.
    pub cache_dir: Option<PathBuf>,
    /// How many ready cells to keep of each size that was asked for lately.
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
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DockerConfig {
    /// The engine's address (`unix:///...`, `tcp://...`, `http://...`); the usual place and `DOCKER_HOST` when absent.
    pub host: Option<String>,
    /// The OCI runtime for cells (`runsc`, ...); the engine's default when absent.
    pub runtime: Option<String>,
    /// The image that cells are made from; `assay images build` makes it.
    pub image: String,
    /// How many ready containers to keep of each size that was asked for lately.
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

    /// One word chooses an adapter with its default options.
    fn from_str(word: &str) -> Result<Self, SandboxError> {
        let adapter = match word {
            "native" => Adapter::Native,
            "docker" => Adapter::Docker,
            other => {
                return Err(SandboxError::Unavailable {
                    adapter: "chosen",
                    reason: format!("{other:?} names no sandbox"),
                    cure: "choose native or docker".to_owned(),
                });
            }
        };
        Ok(Self { adapter, ..Self::default() })
    }
}

/// The sandbox that a configuration asks for. Nothing else knows which adapter it has (INV-1).
///
/// Leftovers of earlier processes that died without cleaning up are removed here or with the first cell.
pub fn resolve(config: &SandboxConfig) -> Result<Arc<dyn Sandbox>, SandboxError> {
    Ok(match config.adapter {
        Adapter::Native => Arc::new(NativeSandbox::new(&config.native, config.languages()?)?),
        Adapter::Docker => Arc::new(DockerSandbox::connect(&config.docker, config.languages()?)?),
    })
}
