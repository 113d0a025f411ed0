//! Nothing is left: no process, no cgroup, no container.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use sandbox::{Adapter, Limits, SandboxConfig, resolve};

use crate::bench::{Bench, Strength, probe};

/// How long what was told to go may take.
const GOING_MAX: Duration = Duration::from_secs(10);

/// Set in the process that is to be killed.
const VICTIM: &str = "ASSAY_CONFORMANCE_VICTIM";

/// What is left of this process's cells, if it does not go away by itself.
pub(crate) async fn found(adapter: Adapter) -> Option<String> {
    gone(|| match adapter {
        Adapter::Native => cgroups_of(std::process::id())
            .into_iter()
            .map(|path| path.display().to_string())
            .collect(),
        Adapter::Docker => containers_of(std::process::id()),
    })
    .await
}

/// Waits until nothing is left; what still is after a while.
async fn gone(left: impl Fn() -> Vec<String>) -> Option<String> {
    let deadline = tokio::time::Instant::now() + GOING_MAX;
    loop {
        let left = left();
        if left.is_empty() {
            return None;
        }
        if tokio::time::Instant::now() > deadline {
            return Some(format!("left behind: {left:?}"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The directories of a process's cells in every cgroup hierarchy.
fn cgroups_of(pid: u32) -> Vec<PathBuf> {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
    hierarchies
        .flat_map(|hierarchy| fs::read_dir(hierarchy.path()).into_iter().flatten().flatten())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("assay-{pid}-")))
        .map(|entry| entry.path())
        .collect()
}

fn containers_of(pid: u32) -> Vec<String> {
    let list = Command::new("docker")
        .args(["ps", "--all", "--no-trunc", "--filter", "label=assay.owner"])
        .args(["--format", "{{.ID}} {{.Label \"assay.owner\"}}"])
        .output()
        .expect("the engine's client is installed");
    assert!(list.status.success(), "{list:?}");
    let pid = pid.to_string();
    let lines = String::from_utf8_lossy(&list.stdout).into_owned();
    // The owner is told as: place, process id, start.
    lines.lines().filter(|line| line.rsplit(' ').nth(1) == Some(&pid)).map(str::to_owned).collect()
}

/// Kills a process with a running cell, the hard way. The kernel and the runner do what is left to do; the cgroups go
/// when the next process starts.
#[tokio::test]
async fn a_killed_evaluator_leaves_nothing() {
    if !nix::unistd::geteuid().is_root() {
        // Without root there may be no cgroups to tell by.
        return;
    }
    let mut victim = Command::new(env::current_exe().expect("this program has a path"))
        .args(["--exact", "leftovers::victim"])
        .env(VICTIM, "1")
        .stdout(Stdio::null())
        .spawn()
        .expect("this program can be run");
    let members = || -> Vec<String> {
        let cells = cgroups_of(victim.id())
            .into_iter()
            .flat_map(|path| fs::read_dir(path).into_iter().flatten().flatten());
        let members =
            cells.filter_map(|cell| fs::read_to_string(cell.path().join("cgroup.procs")).ok());
        members.flat_map(|members| members.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let deadline = tokio::time::Instant::now() + GOING_MAX;
    while members().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "the program never ran in a cgroup");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pid = victim.id();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid as i32),
        nix::sys::signal::Signal::SIGKILL,
    )
    .expect("it lives");
    assert_eq!(gone(members).await, None);
    victim.wait().expect("it was killed");

    let next = resolve(&SandboxConfig::default()).expect("the sandbox can be set up");
    assert_eq!(cgroups_of(pid), Vec::<PathBuf>::new());
    next.shutdown().await;
}

/// Not a test of its own: what the test above kills.
#[tokio::test]
async fn victim() {
    if env::var_os(VICTIM).is_none() {
        return;
    }
    let sandbox = resolve(&SandboxConfig::default()).expect("the sandbox can be set up");
    let bench = Bench::new(sandbox, Strength::FULL).await.expect("a compiler");
    let limits = Limits { wall: Duration::from_secs(60), ..Limits::default() };
    let mut cell = bench.cell(&limits).await;
    let sleep = probe(&["sleep"], limits);
    // It does not get to the end of this.
    let _ = cell.execute(&sleep).await;
}
