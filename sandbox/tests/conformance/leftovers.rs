//! When a host process is killed, its cells end too.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::{Ended, Limits, NativeConfig, SandboxConfig, resolve};

use crate::case::{AMPLE, Mode};
use crate::fixture::{Fixture, expect_end};
use crate::host::{cgroups_of, gone};
use crate::suite::turn;

/// How long the victim may take to start its program, which it first compiles.
const STARTING_MAX: Duration = Duration::from_secs(60);

/// The environment variable of the process that will be killed.
const VICTIM: &str = "ASSAY_CONFORMANCE_VICTIM";

/// Kills a process with a running cell. The kernel and the runner end the cell, and the next
/// process that starts removes the cgroups.
#[tokio::test]
async fn a_killed_evaluator_leaves_nothing() {
    if !nix::unistd::geteuid().is_root() {
        // Without root there may be no cgroups to check.
        return;
    }
    let _turn = turn();
    let mut victim = Command::new(env::current_exe().expect("this program has a path"))
        .args(["--exact", "leftovers::victim"])
        .env(VICTIM, "1")
        .stdout(Stdio::null())
        .spawn()
        .expect("this program can be run");
    let members = || members_of_cells_of(victim.id()).concat();
    let runs = |pid: &String| {
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline"));
        command.is_ok_and(|command| command.contains("do-nothing"))
    };
    let deadline = tokio::time::Instant::now() + STARTING_MAX;
    while !members().iter().any(runs) {
        assert!(tokio::time::Instant::now() < deadline, "the program never ran in a cgroup");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pid = victim.id();
    kill_9(pid);
    assert_eq!(gone(members).await, None);
    victim.wait().expect("it was killed");

    let next = resolve(&SandboxConfig::default()).expect("the sandbox can be set up");
    assert_eq!(cgroups_of(pid), Vec::<PathBuf>::new());
    next.shutdown().await;
}

/// A standby process may be killed while it waits, for example by the kernel when memory runs out.
#[tokio::test]
async fn a_killed_standby_is_replaced() {
    if !nix::unistd::geteuid().is_root() {
        // Without root there may be no cgroups to check.
        return;
    }
    let _turn = turn();
    // No pool, because its cells would have standby processes too.
    let native = NativeConfig { pool_size: 0, ..NativeConfig::default() };
    let config = SandboxConfig { native, ..SandboxConfig::default() };
    let sandbox = resolve(&config).expect("the sandbox can be set up");
    let fixture = Fixture::new(sandbox, Mode::Native).await.expect("a compiler");
    let mut slot = fixture.slot(&AMPLE).await;
    let own = std::process::id();
    let without = || {
        let cells = members_of_cells_of(own).into_iter();
        cells.filter(Vec::is_empty).map(|_| "a cell without a process".to_owned()).collect()
    };
    assert_eq!(gone(without).await, None);
    for waiting in members_of_cells_of(own).concat() {
        kill_9(waiting.parse().expect("a process id"));
    }
    assert_eq!(gone(|| members_of_cells_of(own).concat()).await, None);
    for _ in 0..3 {
        expect_end(&slot.run(&["exit", "7"], AMPLE).await, Ended::Exited { code: 7 });
    }
    slot.expect_fresh().await;
    slot.close().await;
    fixture.sandbox.shutdown().await;
}

/// The processes in each cgroup of a process's cells.
fn members_of_cells_of(pid: u32) -> Vec<Vec<String>> {
    cgroups_of(pid)
        .into_iter()
        .flat_map(|path| fs::read_dir(path).into_iter().flatten().flatten())
        .filter_map(|cell| fs::read_to_string(cell.path().join("cgroup.procs")).ok())
        .map(|members| members.lines().map(str::to_owned).collect())
        .collect()
}

fn kill_9(pid: u32) {
    let pid = Pid::from_raw(pid.try_into().expect("process ids are small"));
    kill(pid, Signal::SIGKILL).expect("it lives");
}

/// Not a separate test: the process that the test above kills.
#[tokio::test]
async fn victim() {
    if env::var_os(VICTIM).is_none() {
        return;
    }
    let sandbox = resolve(&SandboxConfig::default()).expect("the sandbox can be set up");
    let fixture = Fixture::new(sandbox, Mode::Native).await.expect("a compiler");
    let limits = Limits { wall: Duration::from_secs(60), ..AMPLE };
    let mut slot = fixture.slot(&limits).await;
    // The process is killed before this ends.
    slot.run(&["do-nothing"], limits).await;
}
