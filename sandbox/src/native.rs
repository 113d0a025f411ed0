//! Cells in Linux namespaces on this machine. The runner's `seal` module builds the jail, step by
//! step. This side starts the runner, chooses the directories that the cell sees, and owns the
//! cell's cgroup.

mod cgroup;
mod headers;
mod root;

use std::io;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use nix::unistd::{getegid, geteuid};
use runner::layout::PROGRAM_UIDS;
use runner::message::{Bind, CgroupPlan, SealPlan, Users};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use self::cgroup::{CellCgroup, Cgroups};
use self::headers::Headers;
use self::root::Root;
use crate::cell::seal::{Linking, Seal};
use crate::pool::{Opener, Pool};
use crate::runner_binary::RunnerFile;
use crate::spec::Ceiling;
use crate::toolchain::Toolchains;
use crate::uids::ProgramUids;
use crate::{
    Cell, CellSpec, Finding, Language, Languages, NativeConfig, Purpose, Sandbox, SandboxError,
    Toolchain,
};

/// Size of the program area, in bytes: room for an artifact and a checker.
const PROGRAM_BYTES_MAX: u64 = 512 << 20;

/// How long a cell may take to end after its stream is closed.
const RUNNER_EXIT_MAX: Duration = Duration::from_secs(10);

/// How much of a dead runner's standard error is read, in bytes.
const RUNNER_STDERR_BYTES_MAX: u64 = 4096;

/// How long to wait for a dead runner's standard error.
const RUNNER_STDERR_WAIT_MAX: Duration = Duration::from_millis(500);

/// Capabilities as bits of `CapEff`. Mapping users needs the first two. Without the third, the
/// other namespaces need a user namespace around them.
const CAP_SETGID: u64 = 1 << 6;
const CAP_SETUID: u64 = 1 << 7;
const CAP_SYS_ADMIN: u64 = 1 << 21;

/// The native adapter.
#[derive(Debug)]
pub struct NativeSandbox {
    pool: Arc<Pool<Jail>>,
    toolchains: Toolchains,
    headers: Headers,
    languages: Arc<Languages>,
}

impl NativeSandbox {
    /// Examines this machine, and removes cgroups that earlier processes left behind.
    pub fn new(config: &NativeConfig, languages: Arc<Languages>) -> Result<Self, SandboxError> {
        Ok(Self {
            pool: Pool::new(Jail::new(config, &languages)?, config.pool_size),
            toolchains: Toolchains::default(),
            headers: Headers::new(config.cache_dir.clone()),
            languages,
        })
    }
}

/// The properties that make two cells interchangeable. Limits are not among them, because each run
/// sets its own.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    disk_bytes_max: u64,
    header: Option<Bind>,
}

/// Opens cells on this machine.
#[derive(Debug)]
struct Jail {
    runner: RunnerFile,
    root: Root,
    users: Users,
    cgroup_parents: Vec<PathBuf>,
    cgroups: Mutex<Result<Cgroups, cgroup::Unusable>>,
    uids: ProgramUids,
}

impl Jail {
    fn new(config: &NativeConfig, languages: &Languages) -> Result<Self, SandboxError> {
        let runner = RunnerFile::new()
            .map_err(|source| SandboxError::Seal { step: "load the runner".to_owned(), source })?;
        Ok(Self {
            runner,
            root: Root::new(config, languages),
            users: users(config.force_user_namespace),
            cgroup_parents: config.cgroup_parents.clone(),
            cgroups: Mutex::new(Cgroups::find(&config.cgroup_parents)),
            uids: ProgramUids::new(),
        })
    }

    fn plan(&self, shape: &Shape, cgroup: CgroupPlan) -> SealPlan {
        SealPlan {
            users: self.users,
            program_uid: self.uids.next(),
            binds: self.root.binds().iter().chain(&shape.header).cloned().collect(),
            links: self.root.links().to_vec(),
            cgroup,
            disk_bytes_max: shape.disk_bytes_max,
            program_bytes_max: PROGRAM_BYTES_MAX,
        }
    }

    /// A cgroup for a cell; `None` on a machine without cgroups. If cgroups were usable and no
    /// longer are, this fails instead of continuing without: what `examine` reported must stay in
    /// force.
    fn cgroup(&self) -> Result<Option<CellCgroup>, SandboxError> {
        let failed =
            |source| SandboxError::Seal { step: "make the cell's cgroup".to_owned(), source };
        let mut cgroups = self.cgroups();
        let Ok(known) = &*cgroups else { return Ok(None) };
        if let Ok(cgroup) = known.cell() {
            return Ok(Some(cgroup));
        }
        // A service manager may have removed our directories, so make them again, once.
        let anew = Cgroups::find(&self.cgroup_parents)
            .map_err(|unusable| failed(io::Error::other(unusable.to_string())))?;
        let cgroup = anew.cell().map_err(failed)?;
        *cgroups = Ok(anew);
        Ok(Some(cgroup))
    }

    fn cgroups(&self) -> MutexGuard<'_, Result<Cgroups, cgroup::Unusable>> {
        self.cgroups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_runner(&self, theirs: OwnedFd) -> io::Result<Child> {
        Command::new(self.runner.path())
            .arg0("assay-runner")
            .arg("--seal")
            .env_clear()
            .stdout(theirs.try_clone()?)
            .stdin(theirs)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

#[async_trait]
impl Opener for Jail {
    type Shape = Shape;
    type Error = SandboxError;

    async fn open(&self, shape: &Shape) -> Result<Cell, SandboxError> {
        let failed = |step: &str| {
            let step = step.to_owned();
            move |source| SandboxError::Seal { step, source }
        };
        let cgroup = self.cgroup()?;
        let plan = self.plan(shape, cgroup.as_ref().map_or(CgroupPlan::None, CellCgroup::plan));
        let (ours, theirs) = UnixStream::pair().map_err(failed("make the runner's stream"))?;
        let theirs = theirs.into_std().map_err(failed("make the runner's stream"))?;
        theirs.set_nonblocking(false).map_err(failed("make the runner's stream"))?;
        let mut runner = self.start_runner(theirs.into()).map_err(failed("start the runner"))?;
        let stream =
            ours.as_fd().try_clone_to_owned().map_err(failed("keep the runner's stream"))?;
        let seal = NativeSeal { stderr: runner.stderr.take(), runner, stream, cgroup };
        let (reader, writer) = ours.into_split();
        Cell::open(Box::new(reader), Box::new(writer), Box::new(seal), Ceiling::NONE, Some(plan))
            .await
    }
}

#[async_trait]
impl Sandbox for NativeSandbox {
    fn name(&self) -> &'static str {
        "native"
    }

    async fn prepare(&self, spec: &CellSpec) -> Result<Cell, SandboxError> {
        let header = match spec.purpose {
            Purpose::Compile => self.headers.bind(self, &spec.language).await?,
            Purpose::Run => None,
        };
        let shape = Shape { disk_bytes_max: spec.disk_bytes_max, header };
        let mut cell = self.pool.take(&shape).await?;
        cell.set_ceiling(Ceiling::of(spec));
        Ok(cell)
    }

    async fn prepare_beside(&self, spec: &CellSpec, _: &mut Cell) -> Result<Cell, SandboxError> {
        self.prepare(spec).await
    }

    async fn toolchains(
        &self,
        languages: &[Arc<Language>],
    ) -> Result<Vec<Result<Toolchain, SandboxError>>, SandboxError> {
        let cure = |language: &Language| self.pool.opener().root.cure(language);
        self.toolchains.get(self, languages, None, cure).await
    }

    async fn examine(&self) -> Vec<Finding> {
        let mut findings = vec![self.examine_users(), self.examine_cgroups()];
        findings.push(match self.examine_cell().await {
            Ok(finding) => finding,
            Err(error) => Finding::missing(
                "cell",
                format!("no cell can be sealed: {}", runner::with_causes(&error)),
                "run as root, or allow unprivileged user namespaces on this machine",
            ),
        });
        findings
    }

    async fn shutdown(&self) {
        self.pool.empty().await;
        if let Ok(cgroups) = &*self.pool.opener().cgroups() {
            cgroups.remove();
        }
    }
}

impl NativeSandbox {
    fn examine_users(&self) -> Finding {
        if self.pool.opener().users == Users::One {
            return Finding::weaker(
                "users",
                format!(
                    "without root, programs run as the runner's user (uid {}, gid {}) in a user namespace",
                    geteuid(),
                    getegid()
                ),
                "run the evaluator as root, so that every cell has its own user",
            );
        }
        Finding::in_force("users", "every cell's program has its own user")
    }

    fn examine_cgroups(&self) -> Finding {
        match &*self.pool.opener().cgroups() {
            Ok(cgroups) => Finding::in_force("cgroups", cgroups.describe()),
            Err(unusable) => Finding::weaker(
                "cgroups",
                format!(
                    "{unusable}: memory is sampled instead of limited, processes are limited by user, and a program \
                     that ignores its dead children can hide their processor time"
                ),
                "run as root, or as a service with a delegated cgroup (systemd: Delegate=yes), or set \
                 native.cgroup_parents",
            ),
        }
    }

    async fn examine_cell(&self) -> Result<Finding, SandboxError> {
        let language = self.languages.all().first().expect("there are languages built in");
        let cell = self.prepare(&CellSpec::compile(language)).await?;
        let seccomp = cell.facts().seccomp;
        cell.close().await?;
        Ok(if seccomp {
            Finding::in_force("cell", "namespaces, read-only root, system call filter")
        } else {
            Finding::weaker(
                "cell",
                "this processor architecture has no system call filter",
                "use x86-64 or aarch64",
            )
        })
    }
}

/// The users of cells, depending on this process's capabilities.
fn users(force_user_namespace: bool) -> Users {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective =
        effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
    let may = |capabilities: u64| geteuid().is_root() && effective & capabilities == capabilities;
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    if may(CAP_SYS_ADMIN) && !force_user_namespace {
        Users::Host
    } else if may(CAP_SETUID | CAP_SETGID) && covers(&map, &PROGRAM_UIDS) {
        Users::Mapped
    } else {
        Users::One
    }
}

/// Whether a user namespace's map covers all of these users.
fn covers(map: &str, users: &RangeInclusive<u32>) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return false;
        };
        first <= u64::from(*users.start()) && u64::from(*users.end()) < first + count
    })
}

/// The seal of a native cell: the runner's process, seen from the host, and the cgroup.
///
/// When this process dies for any reason, the runner sees its stream end and destroys the cell.
#[derive(Debug)]
struct NativeSeal {
    /// Killed when dropped.
    runner: Child,
    stderr: Option<ChildStderr>,
    /// The stream to the runner, for passing descriptors.
    stream: OwnedFd,
    /// Removed when dropped, once the cell's processes are gone.
    cgroup: Option<CellCgroup>,
}

#[async_trait]
impl Seal for NativeSeal {
    async fn tear_down(self: Box<Self>) -> Result<(), SandboxError> {
        let Self { mut runner, stream, cgroup, .. } = *self;
        // The end of the stream may be the runner's only reason to exit.
        drop(stream);
        if timeout(RUNNER_EXIT_MAX, runner.wait()).await.is_err() {
            runner.kill().await.map_err(|source| SandboxError::Seal {
                step: "kill the runner".to_owned(),
                source,
            })?;
        }
        match cgroup {
            Some(cgroup) => cgroup.remove().await.map_err(|source| SandboxError::Seal {
                step: "remove the cell's cgroup".to_owned(),
                source,
            }),
            None => Ok(()),
        }
    }

    fn linking(&self) -> Linking<'_> {
        Linking::Socket(self.stream.as_fd())
    }

    async fn runner_stderr(&mut self) -> String {
        let mut text = Vec::new();
        if let Some(stderr) = self.stderr.take() {
            let mut stderr = stderr.take(RUNNER_STDERR_BYTES_MAX);
            let _ = timeout(RUNNER_STDERR_WAIT_MAX, stderr.read_to_end(&mut text)).await;
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_covers_users_or_does_not() {
        for (map, is_covered) in [
            ("         0          0 4294967295\n", true),
            ("0 100000 65536\n", true),
            ("0 1000 1\n1 100000 65535\n", true),
            ("0 1000 1\n", false),
            ("0 100000 60801\n", false),
            ("1 2\na b c\n", false),
            ("", false),
        ] {
            assert_eq!(covers(map, &PROGRAM_UIDS), is_covered, "{map:?}");
        }
    }
}
