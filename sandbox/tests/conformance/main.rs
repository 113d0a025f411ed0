//! What every sandbox promises, held against every adapter there is.
//!
//! `cases.rs` is the table; this file runs it against each adapter. A missing engine is a failure, not a reason to
//! skip: `scripts/test` prepares a machine.

mod bench;
mod cases;
mod languages;
mod leftovers;

use std::{env, fs, fs::File, os::unix::process::CommandExt, process::Command, sync::Arc};

use futures::{StreamExt, stream};
use nix::fcntl::{Flock, FlockArg};
use sandbox::{Adapter, NativeConfig, Sandbox, SandboxConfig, resolve};

use crate::bench::{Bench, Strength};

/// How many cases run at once: the machine's processors are shared with what the cases burn.
const AT_ONCE: usize = 2;

/// An ordinary user, to whom this machine owes nothing.
const NOBODY: u32 = 65_534;

#[test]
fn native() {
    if !nix::unistd::geteuid().is_root() {
        // Without root, the test below is the one for this machine.
        return;
    }
    hold(&SandboxConfig { adapter: Adapter::Native, ..SandboxConfig::default() }, Strength::FULL);
}

/// As root, the test runs itself again as nobody, who has only user namespaces to seal a cell with.
#[test]
fn native_without_root() {
    if !nix::unistd::geteuid().is_root() {
        hold(
            &SandboxConfig { adapter: Adapter::Native, ..SandboxConfig::default() },
            Strength::WITHOUT_ROOT,
        );
        return;
    }
    // Nobody may not be able to reach the place where this program was built.
    let directory = env::temp_dir().join(format!("assay-conformance-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a temporary directory can be made");
    let program = directory.join("conformance");
    fs::copy(env::current_exe().expect("this program has a path"), &program)
        .expect("this program can be copied");
    let output = Command::new(&program)
        .args(["--exact", "native_without_root", "--nocapture"])
        .current_dir("/")
        .env_clear()
        .env("PATH", env::var("PATH").unwrap_or_default())
        // Setting a user as root drops supplementary groups as well.
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .expect("this program can be run");
    fs::remove_dir_all(&directory).expect("the copy can be removed");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// A user namespace around a cell that has everything else.
#[test]
fn native_in_a_user_namespace() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let native = NativeConfig { force_user_namespace: true, ..NativeConfig::default() };
    hold(
        &SandboxConfig { adapter: Adapter::Native, native, ..SandboxConfig::default() },
        Strength { own_uid: false, ..Strength::FULL },
    );
}

#[test]
fn docker() {
    let config = SandboxConfig { adapter: Adapter::Docker, ..SandboxConfig::default() };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let languages = sandbox::Languages::builtin();
    runtime
        .block_on(sandbox::docker::images::build(&config.docker, languages.all(), |_| {}))
        .expect("the image can be built (scripts/test starts an engine that has the base image)");
    hold(&config, Strength::DOCKER);
}

/// One adapter at a time: what burns processor time in one would show in the others' clocks. Tests may be processes of
/// their own, so the lock is a file's.
fn turn() -> Flock<File> {
    let path = env::temp_dir().join("assay-conformance.lock");
    // Opened before it is made: in a directory for everyone, a file of somebody else's cannot be opened to be made.
    let file =
        File::open(&path).or_else(|_| File::create(&path)).expect("a lock file can be opened");
    Flock::lock(file, FlockArg::LockExclusive).expect("a file can be locked")
}

/// Runs every case against one adapter and reports all that failed.
fn hold(config: &SandboxConfig, strength: Strength) {
    let _turn = turn();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be built");
    let failures = runtime.block_on(async {
        let sandbox: Arc<dyn Sandbox> = resolve(config).expect("the sandbox can be set up");
        let bench = Bench::new(Arc::clone(&sandbox), strength).await.unwrap_or_else(|error| {
            panic!(
                "the {} sandbox cannot even compile: {error:#?} (scripts/test prepares a machine)",
                sandbox.name()
            )
        });
        let only = env::var("ASSAY_CONFORMANCE_CASE").unwrap_or_default();
        let failures: Vec<String> = stream::iter(cases::cases())
            .filter(|case| futures::future::ready(case.name.contains(&only)))
            .map(|case| bench.judge(case))
            .buffer_unordered(AT_ONCE)
            .filter_map(futures::future::ready)
            .collect()
            .await;
        drop(bench);
        sandbox.shutdown().await;
        failures.into_iter().chain(leftovers::found(config.adapter).await).collect::<Vec<_>>()
    });
    assert!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), failures.join("\n"));
}
