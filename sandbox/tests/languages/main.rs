//! Tests every language in every kind of cell: its six examples end as expected, and its compiler
//! reveals no secrets.
//!
//! Both adapters use the image's toolchains; `scripts/test` builds and unpacks the image.
//! `ASSAY_TEST_LANGUAGE=rust` tests one language.

mod attacks;
mod examples;
mod fixture;
mod several;

use std::cmp::Reverse;
use std::env;
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures::{FutureExt, StreamExt, stream};
use nix::fcntl::{Flock, FlockArg};
use sandbox::{
    Adapter, DockerConfig, Language, Languages, NativeConfig, Sandbox, SandboxConfig, resolve,
};

use crate::examples::Built;
use crate::fixture::{Fixture, Line};

/// How many languages are tested at the same time. One more than the two processors, because
/// starting a container and reading a toolchain from disk mean waiting.
const AT_ONCE: usize = 3;

#[test]
fn every_language() {
    let configs = [native(), docker()];
    let _turn = turn();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be built").block_on(test_all(&configs));
}

fn native() -> SandboxConfig {
    let rootfs = env::var_os("ASSAY_TEST_ROOTFS").map(PathBuf::from);
    let rootfs = rootfs.expect(
        "ASSAY_TEST_ROOTFS is not set: it names a directory with every toolchain. Run scripts/test, or \
         eval \"$(scripts/toolchains)\"",
    );
    let native = NativeConfig { rootfs: Some(rootfs), ..NativeConfig::default() };
    SandboxConfig { native, ..SandboxConfig::default() }
}

fn docker() -> SandboxConfig {
    // No pool: each cell has its language's size and is used once, so most ready cells would never
    // be used.
    let docker = DockerConfig { pool_size: 0, ..DockerConfig::default() };
    SandboxConfig { adapter: Adapter::Docker, docker, ..SandboxConfig::default() }
}

/// Waits for the conformance tests, which use much processor time. Tests may run in separate
/// processes, so the lock is a file lock.
fn turn() -> Flock<File> {
    let path = env::temp_dir().join("assay-conformance.lock");
    // Try to open first: in a shared directory, another user's file cannot be opened with the flag
    // to create it.
    let file =
        File::open(&path).or_else(|_| File::create(&path)).expect("a lock file can be opened");
    Flock::lock(file, FlockArg::LockExclusive).expect("a file can be locked")
}

async fn test_all(configs: &[SandboxConfig]) {
    let started = Instant::now();
    let sandboxes: Vec<Arc<dyn Sandbox>> =
        configs.iter().map(|config| resolve(config).expect("the sandbox can be set up")).collect();
    let only = env::var("ASSAY_TEST_LANGUAGE").unwrap_or_default();
    let mut chosen = Languages::builtin().all().to_vec();
    chosen.retain(|language| only.is_empty() || language.id.as_str() == only);
    // The slowest compilers first, so that none of them runs alone at the end.
    chosen.sort_by_key(|language| Reverse(language.compiling.cpu_s));
    let tested = stream::iter(chosen)
        .map(|language| test_one(&sandboxes, language))
        .buffer_unordered(AT_ONCE);
    let (lines, failures): (Vec<_>, Vec<_>) = tested.unzip().await;
    for sandbox in &sandboxes {
        sandbox.shutdown().await;
    }
    println!("{} languages, {:.1?}:", lines.len(), started.elapsed());
    println!("{}", Line::HEAD);
    let mut lines: Vec<String> = lines.iter().flatten().map(Line::to_string).collect();
    lines.sort();
    lines.iter().for_each(|line| println!("{line}"));
    let failures: Vec<String> = failures.into_iter().flatten().collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// Tests one language in every sandbox. Returns measurements and failures.
async fn test_one(
    sandboxes: &[Arc<dyn Sandbox>],
    language: Arc<Language>,
) -> (Vec<Line>, Vec<String>) {
    let mut built = Built::default();
    let mut lines = Vec::new();
    let mut all_failures = Vec::new();
    for sandbox in sandboxes {
        let mut line = Line::of(&language.id, sandbox.name());
        let mut failures = Vec::new();
        let tested = AssertUnwindSafe(async {
            let mut fixture = Fixture::open(Arc::clone(sandbox), Arc::clone(&language)).await;
            examples::run(&mut fixture, &mut built, &mut line, &mut failures).await;
            several::run(&mut fixture, &mut failures).await;
            attacks::run(&mut fixture, line.compile_cpu, &mut failures).await;
            fixture.close().await;
        });
        if let Err(panic) = tested.catch_unwind().await {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            failures.push(said.unwrap_or("panicked").to_owned());
        }
        let place = format!("{} in {}", language.id, sandbox.name());
        all_failures.extend(failures.into_iter().map(|failure| format!("{place}: {failure}")));
        lines.push(line);
    }
    (lines, all_failures)
}
