//! Runs the cases against one sandbox, checks for leftovers, and reports failures.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs};

use futures::FutureExt;
use nix::fcntl::{Flock, FlockArg};
use sandbox::{Sandbox, SandboxConfig, resolve};

use crate::case::{Case, Mode, Program};
use crate::fixture::{Fixture, PROBE};
use crate::host::{self, Snapshot};
use crate::{
    build, cell, compile, filesystem, kernel, link, memory, output, processes, time, turns,
};

/// How many cases run at the same time. The cases themselves need the machine's processors.
const AT_ONCE: usize = 2;

/// How long one case may take, with all its runs.
const CASE_MAX: Duration = Duration::from_secs(60);

/// All cases, the slowest first.
pub(crate) fn cases() -> Vec<Case> {
    let sections = [
        ("compile", compile::cases()),
        ("build", build::cases()),
        ("memory", memory::cases()),
        ("time", time::cases()),
        ("processes", processes::cases()),
        ("filesystem", filesystem::cases()),
        ("output", output::cases()),
        ("kernel", kernel::cases()),
        ("cell", cell::cases()),
        ("link", link::cases()),
        ("turns", turns::cases()),
    ];
    sections.into_iter().flat_map(|(_, cases)| cases).collect()
}

/// Allows one adapter at a time: processor time that one uses would affect the others' clocks.
/// Tests may run in separate processes, so the lock is a file lock.
pub(crate) fn turn() -> Flock<File> {
    let path = env::temp_dir().join("assay-conformance.lock");
    // Try to open first: in a shared directory, another user's file cannot be opened with the flag
    // to create it.
    let file =
        File::open(&path).or_else(|_| File::create(&path)).expect("a lock file can be opened");
    Flock::lock(file, FlockArg::LockExclusive).expect("a file can be locked")
}

/// Runs every case and reports all failures. The process must do nothing else, so that everything
/// left at the end comes from a cell.
pub(crate) fn hold(config: &SandboxConfig, mode: Mode) {
    let started = Instant::now();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be built");
    let only = env::var("ASSAY_CONFORMANCE_CASE").unwrap_or_default();
    let cases: VecDeque<_> =
        cases().into_iter().filter(|case| named(case).contains(&only)).collect();
    let count = cases.len();
    assert!(count > 0, "no case has {only:?} in its name");
    let before = Snapshot::take(mode);
    let mut failures = runtime.block_on(async {
        let sandbox: Arc<dyn Sandbox> = resolve(config).expect("the sandbox can be set up");
        let fixture = Fixture::new(Arc::clone(&sandbox), mode).await.unwrap_or_else(|error| {
            panic!(
                "the {} sandbox cannot even compile: {error:#?} (scripts/test prepares a machine)",
                sandbox.name()
            )
        });
        let queue = Mutex::new(cases);
        let workers = (0..AT_ONCE).map(|_| work(&fixture, &queue));
        let failures = futures::future::join_all(workers).await.concat();
        sandbox.shutdown().await;
        failures
    });
    failures.extend(runtime.block_on(before.left_since(mode)));
    assert!(
        failures.is_empty(),
        "{} of {count} cases against {} failed:\n{}",
        failures.len(),
        mode.name(),
        failures.join("\n")
    );
    println!("{count} cases against {}, all as expected, {:.0?}", mode.name(), started.elapsed());
}

fn named(case: &Case) -> String {
    format!("{}: {}", case.line, case.name)
}

/// Runs cases until there are none left. Returns the failures.
async fn work(fixture: &Fixture, queue: &Mutex<VecDeque<Case>>) -> Vec<String> {
    let mut shared = None;
    let mut failures = Vec::new();
    while let Some(case) = take(queue) {
        let started = Instant::now();
        let cells_before = shared.is_some();
        let wrong = outcome_of(fixture.judge(&case, &mut shared)).await;
        let wrong = match wrong {
            None if case.own_cell
                || !matches!(case.program, Program::Probe(_))
                || !cells_before =>
            {
                host::cells_left(fixture.mode, || fixture.open()).await
            }
            wrong => wrong,
        };
        if let Some(wrong) = wrong {
            failures.push(format!("{} ({:.1?}): {wrong}", named(&case), started.elapsed()));
        }
        if env::var_os("ASSAY_CONFORMANCE_TIMES").is_some() {
            println!("{:>6} ms  {}", started.elapsed().as_millis(), named(&case));
        }
    }
    if let Some(slot) = shared {
        slot.close().await;
    }
    failures
}

fn take(queue: &Mutex<VecDeque<Case>>) -> Option<Case> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// The failure's message if a case panics or takes too long.
async fn outcome_of(judging: impl Future<Output = ()>) -> Option<String> {
    let caught = AssertUnwindSafe(judging).catch_unwind();
    match tokio::time::timeout(CASE_MAX, Box::pin(caught)).await {
        Ok(Ok(())) => None,
        Ok(Err(panic)) => Some(
            panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                .unwrap_or_default(),
        ),
        Err(_) => Some("took too long".to_owned()),
    }
}

/// The documentation must list what a mode cannot enforce, with the same reason.
#[test]
fn what_is_weaker_is_documented() {
    let documentation = include_str!("../../../docs/security.md");
    for case in cases() {
        for weaker in &case.weaker {
            assert!(
                documentation.contains(weaker.reason),
                "{}: docs/security.md does not say that {:?}",
                named(&case),
                weaker.reason
            );
        }
    }
}

/// Cases are selected by name, and failures are reported by name.
#[test]
fn every_case_has_a_name_of_its_own() {
    let cases = cases();
    let names: std::collections::BTreeSet<_> = cases.iter().map(named).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.iter().all(|case| !case.line.is_empty()));
}

/// The probe's parts are compiled as one source, so no compiler warning shows an unused behaviour.
#[test]
fn every_behaviour_is_used() {
    let sources = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance"))
        .expect("the tests' own folder");
    let mut text: String = sources
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .map(|entry| fs::read_to_string(entry.path()).expect("a source"))
        .collect();
    text += &PROBE.concat();
    let behaviours = PROBE.iter().flat_map(|part| part.lines()).filter_map(|line| {
        let (name, function) = line.trim().strip_prefix("{\"")?.split_once("\", ")?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        function.strip_suffix("},")?.bytes().all(plain).then_some(name)
    });
    for behaviour in behaviours {
        // One mention is in the table of behaviours; another must use it.
        let mentions = text.matches(&format!("\"{behaviour}\"")).count();
        assert!(mentions > 1, "{behaviour} is never used");
    }
}
