//! Cells sealed by a Docker engine, on this machine or another. Nothing assumes that the engine shares a file system
//! with this process: the runner is uploaded into each container, and spoken to over the attached stream.

mod container;
pub mod images;
mod leftovers;

use std::sync::Arc;

use async_trait::async_trait;
use bollard::{Docker, errors::Error};
use tokio::sync::OnceCell;

use self::container::{Containers, OpenError, Shape};
use crate::{
    Cell, CellSpec, DockerConfig, Finding, Language, LanguageId, Sandbox, SandboxError, Toolchain,
    cell::Ceiling, pool::Pool, toolchain::Toolchains,
};

/// The adapter's name.
const NAME: &str = "docker";

/// The adapter.
#[derive(Debug)]
pub struct DockerSandbox {
    config: DockerConfig,
    /// Made with the first cell, because reaching the engine takes a round trip.
    pool: OnceCell<Arc<Pool<Containers>>>,
    toolchains: Toolchains,
}

impl DockerSandbox {
    /// A sandbox of the configured engine, which is not reached for yet.
    pub fn connect(config: &DockerConfig) -> Result<Self, SandboxError> {
        // Finds out now whether the address makes sense.
        client(config)?;
        Ok(Self {
            config: config.clone(),
            pool: OnceCell::new(),
            toolchains: Toolchains::default(),
        })
    }

    async fn pool(&self) -> Result<&Arc<Pool<Containers>>, SandboxError> {
        self.pool
            .get_or_try_init(|| async {
                let docker = reach(&self.config).await?;
                leftovers::remove(&docker).await;
                Ok(Pool::new(Containers::of(docker), self.config.pool_size))
            })
            .await
    }

    async fn engine(&self) -> Result<&Docker, SandboxError> {
        Ok(self.pool().await?.opener().engine())
    }

    /// The image's id, which says exactly what is in it.
    async fn image_id(&self, language: &Language) -> Result<String, SandboxError> {
        let image = images::tag(&self.config, &language.image);
        let inspected = self.engine().await?.inspect_image(&image).await;
        let inspected =
            inspected.map_err(|error| missing_or(error, language, &image, "look at the image"))?;
        Ok(inspected.id.unwrap_or_default())
    }
}

#[async_trait]
impl Sandbox for DockerSandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn prepare(&self, spec: &CellSpec) -> Result<Cell, SandboxError> {
        let shape = Shape::of(spec, &self.config);
        let taken = self.pool().await?.take(&shape).await;
        let mut cell = taken.map_err(|error| match error {
            OpenError::Engine(error) => {
                missing_or(error, &spec.language, shape.image(), "make a container")
            }
            OpenError::Cell(error) => error,
        })?;
        cell.set_ceiling(Ceiling::of(spec));
        Ok(cell)
    }

    async fn toolchain(&self, language: &Language) -> Result<Toolchain, SandboxError> {
        let image = self.image_id(language).await?;
        self.toolchains.get(self, language, Some(image), || build_cure(&language.image)).await
    }

    async fn examine(&self) -> Vec<Finding> {
        let docker = match self.engine().await {
            Ok(docker) => docker,
            Err(error) => {
                return vec![Finding::missing(
                    "engine",
                    error.to_string(),
                    "start the engine, or set docker.host",
                )];
            }
        };
        let mut findings = vec![self.examine_engine(docker).await];
        for image in images::all() {
            findings.push(self.examine_image(docker, image).await);
        }
        findings
    }

    async fn shutdown(&self) {
        if let Some(pool) = self.pool.get() {
            pool.empty().await;
        }
    }
}

impl DockerSandbox {
    async fn examine_engine(&self, docker: &Docker) -> Finding {
        let info = match docker.info().await {
            Ok(info) => info,
            Err(error) => return Finding::missing("engine", error.to_string(), "start the engine"),
        };
        let version = info.server_version.unwrap_or_default();
        let runtime = self
            .config
            .runtime
            .as_deref()
            .or(info.default_runtime.as_deref())
            .unwrap_or("runc")
            .to_owned();
        if info.memory_limit == Some(false) || info.pids_limit == Some(false) {
            return Finding::weaker(
                "engine",
                format!(
                    "version {version}, runtime {runtime}: it cannot limit memory and processes"
                ),
                "enable the memory and pids cgroup controllers on the engine's machine",
            );
        }
        Finding::in_force(
            "engine",
            format!(
                "version {version}, runtime {runtime}; memory is limited by container and measured by process"
            ),
        )
    }

    async fn examine_image(&self, docker: &Docker, image: &images::Image) -> Finding {
        let tag = images::tag(&self.config, image.name);
        let subject = format!("image {}", image.name);
        match docker.inspect_image(&tag).await {
            Ok(found) if images::is_current(image, &found) => Finding::in_force(&subject, tag),
            Ok(_) => Finding::weaker(
                &subject,
                format!("{tag} was built from another recipe"),
                build_cure(image.name),
            ),
            Err(error) => Finding::missing(&subject, error.to_string(), build_cure(image.name)),
        }
    }
}

/// A client for the configured address.
fn client(config: &DockerConfig) -> Result<Docker, SandboxError> {
    let client = match &config.host {
        Some(host) => Docker::connect_with_host(host),
        None => Docker::connect_with_defaults(),
    };
    client.map_err(|error| unavailable(&error))
}

/// A client that agrees with the engine about the version of its interface.
async fn reach(config: &DockerConfig) -> Result<Docker, SandboxError> {
    client(config)?.negotiate_version().await.map_err(|error| unavailable(&error))
}

fn unavailable(error: &Error) -> SandboxError {
    SandboxError::Unavailable {
        adapter: NAME,
        reason: error.to_string(),
        cure: "start the engine, or set docker.host to its address".to_owned(),
    }
}

/// What the operator of a judge does about a missing image.
fn build_cure(image: &str) -> String {
    format!("build it with: assay images build {image}")
}

fn engine_error(action: &'static str) -> impl FnOnce(Error) -> SandboxError {
    move |source| SandboxError::Engine { action, source: Box::new(source) }
}

fn missing_or(
    error: Error,
    language: &Language,
    image: &str,
    action: &'static str,
) -> SandboxError {
    if !is_status(&error, &[404]) {
        return engine_error(action)(error);
    }
    SandboxError::LanguageUnavailable {
        language: LanguageId::clone(&language.id),
        reason: format!("the engine has no image {image}"),
        cure: build_cure(&language.image),
    }
}

/// Whether the engine answered with one of these HTTP statuses.
fn is_status(error: &Error, statuses: &[u16]) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if statuses.contains(status_code))
}
