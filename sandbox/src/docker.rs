//! Cells in containers of a Docker engine, on this machine or another. The engine need not share a
//! file system with this process: the runner is uploaded into each container, and the attached
//! stream carries the protocol.

mod container;
mod engine;
pub mod images;
mod leftovers;
mod owner;
mod unpacking;

use std::sync::Arc;

use async_trait::async_trait;
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::ImageInspect;
use tokio::sync::OnceCell;

use self::container::{Containers, OpenError, Shape};
use self::engine::{NAME, is_status};
use self::images::Contents;
use crate::pool::Pool;
use crate::spec::Ceiling;
use crate::toolchain::Toolchains;
use crate::{
    Cell, CellSpec, DockerConfig, Finding, Language, LanguageId, Languages, Sandbox, SandboxError,
    Toolchain,
};

/// The cure for a missing image.
const BUILD: &str = "build it with: assay images build";

/// The Docker adapter.
#[derive(Debug)]
pub struct DockerSandbox {
    config: DockerConfig,
    /// Made with the first cell, because reaching the engine takes a round trip.
    pool: OnceCell<Arc<Pool<Containers>>>,
    toolchains: Toolchains,
    languages: Arc<Languages>,
}

impl DockerSandbox {
    /// A sandbox on the configured engine. Does not connect to it yet.
    pub fn connect(config: &DockerConfig, languages: Arc<Languages>) -> Result<Self, SandboxError> {
        // Fails early if the address is malformed.
        engine::client(config)?;
        Ok(Self {
            config: config.clone(),
            pool: OnceCell::new(),
            toolchains: Toolchains::default(),
            languages,
        })
    }

    async fn pool(&self) -> Result<&Arc<Pool<Containers>>, SandboxError> {
        self.pool
            .get_or_try_init(|| async {
                let docker = engine::reach(&self.config).await?;
                leftovers::remove(&docker).await;
                Ok(Pool::new(Containers::of(docker), self.config.pool_size))
            })
            .await
    }

    async fn engine(&self) -> Result<&Docker, SandboxError> {
        Ok(self.pool().await?.opener().engine())
    }

    fn prepared(
        &self,
        spec: &CellSpec,
        shape: &Shape,
        opened: Result<Cell, OpenError>,
    ) -> Result<Cell, SandboxError> {
        let mut cell = opened.map_err(|error| match error {
            OpenError::Engine(error) => {
                missing_or(error, &spec.language, shape.image(), "make a container")
            }
            OpenError::Cell(error) => error,
        })?;
        cell.set_ceiling(Ceiling::of(spec));
        Ok(cell)
    }

    async fn inspect_image(&self, language: &Language) -> Result<ImageInspect, SandboxError> {
        let image = &self.config.image;
        let inspected = self.engine().await?.inspect_image(image).await;
        inspected.map_err(|error| missing_or(error, language, image, "inspect the image"))
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
        self.prepared(spec, &shape, taken)
    }

    /// Never uses a ready container, because a container's folder is fixed when it is made.
    async fn prepare_beside(
        &self,
        spec: &CellSpec,
        other: &mut Cell,
    ) -> Result<Cell, SandboxError> {
        let shape = Shape::of(spec, &self.config);
        let opened = self.pool().await?.opener().open_beside(&shape, other).await;
        self.prepared(spec, &shape, opened)
    }

    async fn toolchains(
        &self,
        languages: &[Arc<Language>],
    ) -> Result<Vec<Result<Toolchain, SandboxError>>, SandboxError> {
        let Some(any) = languages.first() else { return Ok(Vec::new()) };
        let image = self.inspect_image(any).await?;
        let contents = Contents::of(&image, &self.languages);
        let cure = |language: &Language| {
            let image = &self.config.image;
            if contents.lacks(language.id.as_str()) {
                format!("{image} was built without it; add it to evaluator.languages, then {BUILD}")
            } else {
                format!("repair {image}, or {BUILD}")
            }
        };
        // The image's id identifies its exact content.
        let id = image.id.unwrap_or_default();
        self.toolchains.get(self, languages, Some(&id), cure).await
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
        vec![self.examine_engine(docker).await, self.examine_image(docker).await]
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

    async fn examine_image(&self, docker: &Docker) -> Finding {
        let image = &self.config.image;
        let found = match docker.inspect_image(image).await {
            Ok(found) => Contents::of(&found, &self.languages),
            Err(error) => return Finding::missing("image", error.to_string(), BUILD),
        };
        match found {
            Contents { languages: None, .. } => {
                Finding::in_force("image", format!("{image}, not built by assay"))
            }
            Contents { languages: Some(ids), current: true } => {
                Finding::in_force("image", format!("{image}, with {}", ids.join(", ")))
            }
            Contents { languages: Some(ids), current: false } => Finding::weaker(
                "image",
                format!("{image}, with {}, was built from another recipe", ids.join(", ")),
                BUILD,
            ),
        }
    }
}

fn missing_or(
    error: Error,
    language: &Language,
    image: &str,
    action: &'static str,
) -> SandboxError {
    if !is_status(&error, &[404]) {
        return engine::failed(action)(error);
    }
    SandboxError::LanguageUnavailable {
        language: LanguageId::clone(&language.id),
        reason: format!("the engine has no image {image}"),
        cure: BUILD.to_owned(),
    }
}
