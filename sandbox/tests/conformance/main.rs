//! Tests the sandbox's promises for every adapter, with hostile programs.
//!
//! Each file is a table of cases: hostile programs by target, and in `cell.rs` the promises of the
//! port itself. `suite.rs` runs them in each mode, in a separate process, and checks for leftovers
//! after each case and at the end. A missing engine is a failure, not a reason to skip:
//! `scripts/test` prepares a machine.
//!
//! `ASSAY_CONFORMANCE_CASE=memory` runs the cases whose names contain `memory`.
//! `ASSAY_CONFORMANCE_TIMES=1` prints how long each case took.

mod build;
mod case;
mod cell;
mod compile;
mod filesystem;
mod fixture;
mod host;
mod kernel;
mod leftovers;
mod link;
mod memory;
mod output;
mod processes;
mod suite;
mod time;
mod traps;
mod turns;

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{env, fs};

use sandbox::{Adapter, DockerConfig, NativeConfig, SandboxConfig};

use crate::case::Mode;
use crate::suite::{hold, turn};

/// The uid of an ordinary user without special rights.
const NOBODY: u32 = 65_534;

/// The environment variable of a process that runs only one mode.
const ALONE: &str = "ASSAY_CONFORMANCE_ALONE";

#[test]
fn native() {
    // Without root, `native_without_root` is the test for this machine.
    if nix::unistd::geteuid().is_root() {
        alone("native", None, || hold(&native_config(false), Mode::Native));
    }
}

/// A cell with a user namespace and everything else.
#[test]
fn native_in_a_user_namespace() {
    if nix::unistd::geteuid().is_root() {
        alone("native_in_a_user_namespace", None, || {
            hold(&native_config(true), Mode::UserNamespace);
        });
    }
}

/// As the user nobody, who can only use user namespaces to seal a cell.
#[test]
fn native_without_root() {
    let user = nix::unistd::geteuid().is_root().then_some(NOBODY);
    alone("native_without_root", user, || hold(&native_config(false), Mode::WithoutRoot));
}

#[test]
fn docker() {
    alone("docker", None, || {
        let docker = DockerConfig { pool_size: 1, ..DockerConfig::default() };
        let config = SandboxConfig { adapter: Adapter::Docker, docker, ..SandboxConfig::default() };
        build_images(&config);
        hold(&config, Mode::Docker);
    });
}

fn native_config(force_user_namespace: bool) -> SandboxConfig {
    let native = NativeConfig { force_user_namespace, pool_size: 1, ..NativeConfig::default() };
    SandboxConfig { adapter: Adapter::Native, native, ..SandboxConfig::default() }
}

fn build_images(config: &SandboxConfig) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let languages = sandbox::Languages::builtin();
    runtime
        .block_on(sandbox::docker::images::build(&config.docker, languages.all(), |_| {}))
        .expect("the image can be built (scripts/test starts an engine that has the base image)");
}

/// Runs a test again in a separate process, which has no files, children and threads of other
/// tests. There, calls `run`.
fn alone(test: &str, user: Option<u32>, run: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return run();
    }
    let _turn = turn();
    // Another user may not have access to the folder in which this program was built.
    let directory =
        env::temp_dir().join(format!("assay-conformance-{}-{test}", std::process::id()));
    fs::create_dir_all(&directory).expect("a temporary directory can be made");
    let program = directory.join("conformance");
    fs::copy(env::current_exe().expect("this program has a path"), &program)
        .expect("this program can be copied");
    // Services often start with ignored signals, and programs must not inherit that.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' HUP QUIT USR1 USR2; exec \"$0\" \"$@\""]).arg(&program);
    command.args(["--exact", test, "--nocapture"]).current_dir("/").env(ALONE, "1");
    command.env("RUST_BACKTRACE", "0");
    if let Some(user) = user {
        // Setting a user as root also drops supplementary groups.
        command.uid(user).gid(user).env_remove("HOME").env_remove("XDG_CACHE_HOME");
    }
    let output = command.output().expect("this program can be run");
    fs::remove_dir_all(&directory).expect("the copy can be removed");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    // Bypasses the test framework, which hides the output of tests that pass.
    for line in
        said.lines().filter(|line| line.contains(" ms  ") || line.contains(" cases against "))
    {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
