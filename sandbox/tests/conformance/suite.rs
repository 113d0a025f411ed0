//! Runs the cases against one sandbox, looks for what they left, and tells what was not as expected.

use std::{
    collections::VecDeque,
    env, fs,
    fs::File,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::FutureExt;
use nix::fcntl::{Flock, FlockArg};
use sandbox::{Sandbox, SandboxConfig, resolve};

use crate::{
    bench::{Bench, PROBE},
    build,
    case::{Case, Mode, Program},
    cell, compile, filesystem,
    host::{self, Snapshot},
    kernel, link, memory, output, processes, time,
};

/// How many cases run at once: the machine's processors are shared with what the cases burn.
const AT_ONCE: usize = 2;

/// How long one case may take, all of its runs together.
const CASE_MAX: Duration = Duration::from_secs(60);

/// Every case there is, those that take longest first.
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
    ];
    sections.into_iter().flat_map(|(_, cases)| cases).collect()
}

/// One adapter at a time: what burns processor time in one would show in the others' clocks. Tests may be processes of
/// their own, so the lock is a file's.
pub(crate) fn turn() -> Flock<File> {
    let path = env::temp_dir().join("assay-conformance.lock");
    // Opened before it is made: in a directory for everyone, a file of somebody else's cannot be opened to be made.
    let file =
        File::open(&path).or_else(|_| File::create(&path)).expect("a lock file can be opened");
    Flock::lock(file, FlockArg::LockExclusive).expect("a file can be locked")
}

/// Runs every case and reports all that failed. The process is to have nothing else to do, so that what is left in the
/// end is a cell's.
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
        let bench = Bench::new(Arc::clone(&sandbox), mode).await.unwrap_or_else(|error| {
            panic!(
                "the {} sandbox cannot even compile: {error:#?} (scripts/test prepares a machine)",
                sandbox.name()
            )
        });
        let queue = Mutex::new(cases);
        let workers = (0..AT_ONCE).map(|_| work(&bench, &queue));
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

/// Takes cases until there are none left; what was wrong with each.
async fn work(bench: &Bench, queue: &Mutex<VecDeque<Case>>) -> Vec<String> {
    let mut shared = None;
    let mut failures = Vec::new();
    while let Some(case) = take(queue) {
        let started = Instant::now();
        let cells_before = shared.is_some();
        let wrong = outcome_of(bench.judge(&case, &mut shared)).await;
        let wrong = match wrong {
            None if case.own_cell
                || !matches!(case.program, Program::Probe(_))
                || !cells_before =>
            {
                host::cells_left(bench.mode, || bench.open()).await
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

/// What a case's panic says, if it panics or does not come to an end.
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

/// What a mode cannot enforce stands in the documentation, with the same reason.
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

/// Names are how a case is asked for, and how a failure is told.
#[test]
fn every_case_has_a_name_of_its_own() {
    let cases = cases();
    let names: std::collections::BTreeSet<_> = cases.iter().map(named).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.iter().all(|case| !case.line.is_empty()));
}

/// The probe's parts are compiled as one, so a behaviour that nobody asks for is seen nowhere else.
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
        // Once where it is listed, and again where it is asked for.
        let mentions = text.matches(&format!("\"{behaviour}\"")).count();
        assert!(mentions > 1, "{behaviour} is never used");
    }
}
