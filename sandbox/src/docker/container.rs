//! One container: its isolation settings, and opening a cell in it.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig,
    ResourcesUlimits,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, InspectContainerOptions, RemoveContainerOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use runner::layout;
use runner::message::RefusalKind;
use tokio_util::io::StreamReader;

use super::engine::{self, is_status};
use super::owner;
use crate::cell::seal::{Linking, Seal};
use crate::pool::Opener;
use crate::runner_binary::RUNNER;
use crate::spec::Ceiling;
use crate::uids::ProgramUids;
use crate::{Cell, CellSpec, DockerConfig, SandboxError};

/// The runner's file name in the container.
const RUNNER_NAME: &str = "assay-runner";

/// Memory for the runner, in bytes, including the inputs and outputs that it holds for programs.
/// The engine limits only the container as a whole; the runner enforces the program's own limit by
/// measuring.
const RUNNER_MEMORY_BYTES: u64 = 192 << 20;

/// Processes of the container that do not belong to the program: the runner.
const RUNNER_PROCESSES: u32 = 1;

/// Size of the program area, in bytes.
const PROGRAM_BYTES_MAX: u64 = 512 << 20;

/// The most files and directories in a writable area. This bounds the time for emptying it.
const INODES_MAX: u32 = 20_000;

/// The runner's capabilities: to become the program's user, to kill that user's processes, to give
/// files to that user, and to remove files even if the program changed their permissions. The
/// program has none of these.
const CAPABILITIES: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"];

/// How much of the runner's standard error is kept, in bytes.
const RUNNER_STDERR_BYTES_MAX: usize = 4096;

/// How often to check whether a container is gone, and the pause between two checks.
const REMOVAL_ATTEMPTS_MAX: u32 = 200;
const REMOVAL_PAUSE: Duration = Duration::from_millis(20);

/// The smallest memory class of containers, in bytes. Each class is twice the previous one, so that
/// problems with similar limits share ready containers. The program's own limit is its cell's
/// ceiling, not the container's size.
const MEMORY_CLASS_BYTES_MIN: u64 = 64 << 20;

/// The smallest process class of containers. Each class is twice the previous one. A run's own
/// limit applies to its user, which no other cell shares.
const PROCESSES_CLASS_MIN: u32 = 64;

/// The properties that make two containers interchangeable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    image: String,
    runtime: Option<String>,
    memory_bytes_max: u64,
    processes_max: u32,
    disk_bytes_max: u64,
}

impl Shape {
    pub(super) fn of(spec: &CellSpec, config: &DockerConfig) -> Self {
        Self {
            image: config.image.clone(),
            runtime: config.runtime.clone(),
            memory_bytes_max: memory_class(spec.memory_bytes_max),
            processes_max: processes_class(spec.processes_max),
            disk_bytes_max: spec.disk_bytes_max,
        }
    }

    pub(super) fn image(&self) -> &str {
        &self.image
    }

    fn ceiling(&self) -> Ceiling {
        Ceiling { memory_bytes: self.memory_bytes_max, processes: self.processes_max }
    }

    /// The runner is in a volume, because the root is read-only and nothing can be uploaded to it.
    /// The volume is the container's own, or that of the container given by `beside`. Only root can
    /// write to it.
    fn body(&self, program_uid: u32, beside: Option<&str>) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(self.image.clone()),
            entrypoint: Some(vec![format!("{}/{RUNNER_NAME}", layout::RUNNER)]),
            cmd: Some(vec!["--uid".to_owned(), program_uid.to_string()]),
            env: Some(Vec::new()),
            user: Some("0:0".to_owned()),
            hostname: Some(layout::HOSTNAME.to_owned()),
            working_dir: Some("/".to_owned()),
            labels: Some(owner::labels()),
            volumes: beside.is_none().then(|| vec![layout::RUNNER.to_owned()]),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: Some(true),
            // When this process dies, the runner's input ends, the runner exits, and the engine
            // removes the container.
            stdin_once: Some(true),
            host_config: Some(HostConfig {
                volumes_from: beside.map(|id| vec![id.to_owned()]),
                ..self.host_config()
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn host_config(&self) -> HostConfig {
        let memory = signed(self.memory_bytes_max.saturating_add(RUNNER_MEMORY_BYTES));
        HostConfig {
            auto_remove: Some(true),
            network_mode: Some("none".to_owned()),
            ipc_mode: Some("none".to_owned()),
            cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            readonly_rootfs: Some(true),
            tmpfs: Some(self.areas()),
            memory: Some(memory),
            // Memory and swap together: no swap.
            memory_swap: Some(memory),
            pids_limit: Some(i64::from(self.processes_max.saturating_add(RUNNER_PROCESSES))),
            ulimits: Some(vec![ResourcesUlimits {
                name: Some("core".to_owned()),
                // The same value that the runner sets for programs.
                soft: Some(1),
                hard: Some(1),
            }]),
            // The output of programs is not logged.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            runtime: self.runtime.clone(),
            init: Some(false),
            ..HostConfig::default()
        }
    }

    fn areas(&self) -> HashMap<String, String> {
        let size = self.disk_bytes_max;
        let area = |path: &str| {
            let exec = if path == layout::WORK { "exec" } else { "noexec" };
            let options = format!(
                "rw,{exec},nosuid,nodev,noatime,size={size},nr_inodes={INODES_MAX},mode=1777"
            );
            (path.to_owned(), options)
        };
        let mut areas: HashMap<_, _> = layout::WRITABLE.into_iter().map(area).collect();
        let program = format!(
            "rw,exec,nosuid,nodev,noatime,size={PROGRAM_BYTES_MAX},nr_inodes=1000,mode=0755"
        );
        areas.insert(layout::PROGRAM.to_owned(), program);
        areas
    }
}

fn memory_class(bytes: u64) -> u64 {
    bytes.max(MEMORY_CLASS_BYTES_MIN).checked_next_power_of_two().unwrap_or(bytes)
}

fn processes_class(processes: u32) -> u32 {
    processes.max(PROCESSES_CLASS_MIN).checked_next_power_of_two().unwrap_or(processes)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Why a cell could not be opened.
#[derive(Debug)]
pub(super) enum OpenError {
    Engine(Error),
    Cell(SandboxError),
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

/// Makes containers on one engine.
#[derive(Debug)]
pub(super) struct Containers {
    engine: Docker,
    uids: ProgramUids,
}

impl Containers {
    pub(super) fn of(engine: Docker) -> Self {
        Self { engine, uids: ProgramUids::new() }
    }

    pub(super) fn engine(&self) -> &Docker {
        &self.engine
    }

    /// A fresh cell whose runner shares the folder of `other`'s runner.
    pub(super) async fn open_beside(
        &self,
        shape: &Shape,
        other: &mut Cell,
    ) -> Result<Cell, OpenError> {
        let Linking::Container { id, folder } = other.linking() else {
            return Err(OpenError::Cell(SandboxError::Refused {
                kind: RefusalKind::OutOfOrder,
                detail: "the other cell is not a container".to_owned(),
            }));
        };
        open(&self.engine, shape, self.uids.next(), Some(Beside { id, folder })).await
    }
}

#[async_trait]
impl Opener for Containers {
    type Shape = Shape;
    type Error = OpenError;

    async fn open(&self, shape: &Shape) -> Result<Cell, OpenError> {
        open(&self.engine, shape, self.uids.next(), None).await
    }
}

/// The container that shares its folder with a new one.
#[derive(Clone, Copy)]
struct Beside<'a> {
    id: &'a str,
    folder: &'a str,
}

/// Makes a container, optionally sharing another one's folder, and opens the cell in it.
async fn open(
    docker: &Docker,
    shape: &Shape,
    program_uid: u32,
    beside: Option<Beside<'_>>,
) -> Result<Cell, OpenError> {
    let body = shape.body(program_uid, beside.map(|beside| beside.id));
    let created = docker.create_container(None, body).await?;
    // From here on, dropping the seal removes the container.
    let stderr = Arc::new(Mutex::new(Vec::new()));
    let seal = DockerSeal {
        docker: docker.clone(),
        id: Some(created.id.clone()),
        folder: beside.map_or(created.id.as_str(), |beside| beside.folder).to_owned(),
        stderr: Arc::clone(&stderr),
    };
    // The folder of another container already holds the runner, which is running from it.
    if beside.is_none() {
        let upload = UploadToContainerOptionsBuilder::default().path(layout::RUNNER).build();
        let runner = archive(&[(RUNNER_NAME, RUNNER, 0o755)]);
        docker.upload_to_container(&created.id, Some(upload), bollard::body_full(runner)).await?;
    }
    let attach = AttachContainerOptionsBuilder::default()
        .stream(true)
        .stdin(true)
        .stdout(true)
        .stderr(true)
        .build();
    let AttachContainerResults { output, input } =
        docker.attach_container(&created.id, Some(attach)).await?;
    docker.start_container(&created.id, None).await?;
    let reader = StreamReader::new(runner_output(output, stderr));
    Cell::open(Box::new(reader), Box::new(input), Box::new(seal), shape.ceiling(), None)
        .await
        .map_err(OpenError::Cell)
}

/// The runner's standard output. Its standard error goes to `stderr`.
fn runner_output(
    output: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>,
    stderr: Arc<Mutex<Vec<u8>>>,
) -> Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>> {
    Box::pin(output.filter_map(move |said| {
        let piece = match said {
            Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => Some(Ok(message)),
            Ok(LogOutput::StdErr { message }) => {
                let mut stderr = stderr.lock().unwrap_or_else(PoisonError::into_inner);
                let room = RUNNER_STDERR_BYTES_MAX.saturating_sub(stderr.len());
                stderr.extend_from_slice(&message[..message.len().min(room)]);
                None
            }
            Ok(LogOutput::StdIn { .. }) => None,
            Err(error) => Some(Err(io::Error::other(error))),
        };
        std::future::ready(piece)
    }))
}

/// A tar archive of a few files owned by root.
pub(super) fn archive(files: &[(&str, &[u8], u32)]) -> Bytes {
    let mut archive = tar::Builder::new(Vec::new());
    for &(name, content, mode) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        archive
            .append_data(&mut header, name, content)
            .expect("a vector takes everything, and the names are short");
    }
    archive.into_inner().expect("a vector takes everything").into()
}

/// The seal of a cell in a container.
#[derive(Debug)]
struct DockerSeal {
    docker: Docker,
    /// `None` once the removal has begun.
    id: Option<String>,
    /// The container that first had the volume with the runner.
    folder: String,
    stderr: Arc<Mutex<Vec<u8>>>,
}

#[async_trait]
impl Seal for DockerSeal {
    async fn tear_down(mut self: Box<Self>) -> Result<(), SandboxError> {
        let Some(id) = self.id.take() else { return Ok(()) };
        remove(&self.docker, &id).await.map_err(engine::failed("remove a container"))
    }

    fn linking(&self) -> Linking<'_> {
        // A container that is being removed cannot be linked.
        Linking::Container { id: self.id.as_deref().unwrap_or_default(), folder: &self.folder }
    }

    async fn runner_stderr(&mut self) -> String {
        let stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&stderr).into_owned()
    }
}

impl Drop for DockerSeal {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let docker = self.docker.clone();
        // Without a runtime the process is about to exit, and the end of the stream makes the
        // engine remove the container.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = remove(&docker, &id).await {
                    tracing::warn!(%error, container = id, "a container could not be removed");
                }
            });
        }
    }
}

/// Removes a container with its volume, even while it runs, and waits until it is gone.
pub(super) async fn remove(docker: &Docker, id: &str) -> Result<(), Error> {
    let mut refused = request_removal(docker, id).await;
    for _ in 0..REMOVAL_ATTEMPTS_MAX {
        match docker.inspect_container(id, None::<InspectContainerOptions>).await {
            Err(error) if is_status(&error, &[404]) => return Ok(()),
            Err(error) => return Err(error),
            // The engine has no reliable event for this, so poll.
            Ok(_) => tokio::time::sleep(REMOVAL_PAUSE).await,
        }
        if refused.is_err() {
            refused = request_removal(docker, id).await;
        }
    }
    refused
}

/// Asks the engine to remove a container. It refuses if the container ends while it is killed.
async fn request_removal(docker: &Docker, id: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match docker.remove_container(id, Some(options)).await {
        // Gone already, because the engine removes containers that have ended; or about to go.
        Err(error) if is_status(&error, &[404, 409]) => Ok(()),
        asked => asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_limits_share_containers() {
        assert_eq!(memory_class(1), MEMORY_CLASS_BYTES_MIN);
        assert_eq!(memory_class(200 << 20), 256 << 20);
        assert_eq!(memory_class(256 << 20), 256 << 20);
        assert_eq!(memory_class((256 << 20) + 1), 512 << 20);
        assert_eq!(memory_class(u64::MAX), u64::MAX);
    }
}
