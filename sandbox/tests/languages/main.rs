//! Every language, in every kind of cell: its six examples end as they should, and its compiler gives nothing away.
//!
//! The toolchains are the image's in either adapter; `scripts/test` builds and unpacks it. `ASSAY_TEST_LANGUAGE=rust`
//! tests one.

mod attacks;
mod examples;
mod workbench;

use std::{env, fs::File, panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Instant};

use futures::{FutureExt, StreamExt, stream};
use nix::fcntl::{Flock, FlockArg};
use sandbox::{Adapter, Language, Languages, NativeConfig, Sandbox, SandboxConfig, resolve};

use crate::workbench::{Line, Workbench};

/// How many languages are tested at once: the machine's processors are shared with what the examples burn.
const AT_ONCE: usize = 2;

#[test]
fn native() {
    let rootfs = env::var_os("ASSAY_TEST_ROOTFS").map(PathBuf::from);
    let rootfs = rootfs.expect(
        "ASSAY_TEST_ROOTFS is not set: it names a directory with every toolchain. Run scripts/test, or \
         eval \"$(scripts/toolchains)\"",
    );
    let native = NativeConfig { rootfs: Some(rootfs), ..NativeConfig::default() };
    test(&SandboxConfig { native, ..SandboxConfig::default() });
}

#[test]
fn docker() {
    test(&SandboxConfig { adapter: Adapter::Docker, ..SandboxConfig::default() });
}

/// One adapter at a time, and not while the conformance tests burn processor time. Tests may be processes of their own,
/// so the lock is a file's.
fn turn() -> Flock<File> {
    let path = env::temp_dir().join("assay-conformance.lock");
    // Opened before it is made: in a directory for everyone, a file of somebody else's cannot be opened to be made.
    let file =
        File::open(&path).or_else(|_| File::create(&path)).expect("a lock file can be opened");
    Flock::lock(file, FlockArg::LockExclusive).expect("a file can be locked")
}

fn test(config: &SandboxConfig) {
    let _turn = turn();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be built").block_on(test_all(config));
}

async fn test_all(config: &SandboxConfig) {
    let started = Instant::now();
    let sandbox: Arc<dyn Sandbox> = resolve(config).expect("the sandbox can be set up");
    let only = env::var("ASSAY_TEST_LANGUAGE").unwrap_or_default();
    let languages = Languages::builtin();
    let chosen = languages.all().iter().filter(|it| only.is_empty() || it.id.as_str() == only);
    let tested = stream::iter(chosen.cloned())
        .map(|language| test_one(Arc::clone(&sandbox), language))
        .buffered(AT_ONCE);
    let (lines, failures): (Vec<_>, Vec<_>) = tested.unzip().await;
    sandbox.shutdown().await;
    println!("{} languages, {}, {:.1?}:", lines.len(), sandbox.name(), started.elapsed());
    println!("{}", Line::HEAD);
    lines.iter().for_each(|line| println!("{line}"));
    let failures: Vec<String> = failures.into_iter().flatten().collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// Tests one language; what was measured, and everything that is wrong.
async fn test_one(sandbox: Arc<dyn Sandbox>, language: Arc<Language>) -> (Line, Vec<String>) {
    let id = language.id.clone();
    let mut line = Line::of(&id);
    let mut failures = Vec::new();
    let tested = AssertUnwindSafe(async {
        let mut bench = Workbench::open(sandbox, language).await;
        examples::run(&mut bench, &mut line, &mut failures).await;
        attacks::run(&mut bench, &mut failures).await;
        bench.close().await;
    });
    if let Err(panic) = tested.catch_unwind().await {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        failures.push(said.unwrap_or("panicked").to_owned());
    }
    (line, failures.into_iter().map(|failure| format!("{id}: {failure}")).collect())
}
