//! The promises of the port itself.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use sandbox::{CellPath, Ended, Execution, Limits, MemorySource, RefusalKind, SandboxError};

use crate::case::Check::PeakMib;
use crate::case::{AMPLE, Case, End, MIB, Mode, SHORT, line, probe, steps};
use crate::fixture::{Fixture, command, expect, expect_end, expect_error};

pub(crate) fn cases() -> Vec<Case> {
    [
        line(
            "who ended a run",
            // INV-4: an exit code is never interpreted.
            [
                probe("0", &["exit", "0"]),
                probe("1", &["exit", "1"]).ends(&[End::Exit(1)]),
                probe("137", &["exit", "137"]).ends(&[End::Exit(137)]),
                probe("255", &["exit", "255"]).ends(&[End::Exit(255)]),
                probe("SIGSEGV", &["raise", "11"]).ends(&[End::Signal(libc::SIGSEGV)]),
                probe("SIGABRT", &["raise", "6"]).ends(&[End::Signal(libc::SIGABRT)]),
                probe("SIGKILL", &["raise", "9"]).ends(&[End::Signal(libc::SIGKILL)]),
                probe("SIGTERM", &["raise", "15"]).ends(&[End::Signal(libc::SIGTERM)]),
                probe("SIGPIPE", &["raise", "13"]).ends(&[End::Signal(libc::SIGPIPE)]),
                probe("a signal without a name", &["raise", "40"]).ends(&[End::Signal(40)]),
            ],
        ),
        line(
            "what a run used",
            [
                probe("a little", &["exit", "0"]).checks(&[PeakMib(0, 16)]),
                steps("peak of each run", |fixture| peak_of_each_run(fixture).boxed()),
            ],
        ),
        line(
            "cells",
            [
                steps("what there is to work with", |fixture| facts(fixture).boxed()),
                steps("environment", |fixture| environment(fixture).boxed()),
                steps("what cannot be started", |fixture| not_started(fixture).boxed()),
                steps("more files than fit", |fixture| no_space(fixture).boxed()),
                steps("spoiled by a cancelled run", |fixture| cancelled(fixture).boxed()),
                steps("dropped in the middle", |fixture| dropped(fixture).boxed()),
                steps("ceiling", |fixture| ceiling(fixture).boxed()),
                steps("many runs", |fixture| many_runs(fixture).boxed()),
            ],
        ),
    ]
    .concat()
}

async fn peak_of_each_run(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    let large = slot.run(&["touch", "64"], AMPLE).await;
    let small = slot.run(&["exit", "0"], AMPLE).await;
    slot.close().await;
    expect(&large, |outcome| outcome.memory_bytes >= 64 * MIB);
    expect(&small, |outcome| outcome.memory_bytes < 16 * MIB);
    let source = match fixture.mode {
        Mode::Native | Mode::UserNamespace => MemorySource::Cgroup,
        Mode::WithoutRoot | Mode::Docker => MemorySource::PeakRss,
    };
    expect(&small, |outcome| outcome.memory_source == source);
}

/// An adapter's facts match its mode.
async fn facts(fixture: &Fixture) {
    let slot = fixture.slot(&SHORT).await;
    let facts = slot.cell.facts().clone();
    slot.close().await;
    let mode = fixture.mode;
    let cgroups = matches!(mode, Mode::Native | Mode::UserNamespace);
    assert_eq!(facts.own_uid, mode != Mode::WithoutRoot);
    assert_eq!(facts.memory_cgroup, cgroups);
    assert_eq!(facts.pids_cgroup, cgroups);
    assert_eq!(facts.cpu_cgroup, mode != Mode::WithoutRoot);
    assert!(facts.seccomp);
}

/// Given variables are added to the fixed ones or replace them.
async fn environment(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    let mut execution = command(&["environment"], SHORT);
    execution.env = vec![("LANG".to_owned(), "C".to_owned()), ("SEED".to_owned(), "7".to_owned())];
    let outcome = slot.execute(&execution).await;
    slot.close().await;
    let mut variables: Vec<_> =
        std::str::from_utf8(&outcome.stdout).expect("text").lines().collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            "HOME=/work",
            "LANG=C",
            "OPENBLAS_NUM_THREADS=1",
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "SEED=7",
            "TMPDIR=/tmp"
        ]
    );
}

async fn not_started(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    let not_a_program = CellPath::program("text").expect("plain");
    let text = Bytes::from_static(b"\x00\x01 nothing executable");
    slot.cell.put(&not_a_program, text, true).await.expect("it fits");
    let not_executable = CellPath::program("data").expect("plain");
    let data = Bytes::from_static(b"\x7fELF");
    slot.cell.put(&not_executable, data, false).await.expect("it fits");
    for argv in [
        vec!["no-such-compiler"],
        vec!["/box/nothing"],
        vec!["/box/text"],
        vec!["/box/data"],
        vec![],
    ] {
        let argv: Vec<String> = argv.into_iter().map(str::to_owned).collect();
        expect_error(slot.cell.execute(&Execution::new(argv, SHORT)).await, |error| {
            matches!(error, SandboxError::NotStarted { .. })
        });
    }
    // The cell is still usable.
    slot.expect_fresh().await;
    slot.close().await;
}

async fn no_space(fixture: &Fixture) {
    let mut slot = fixture.slot(&Limits { file_bytes: 8 * MIB, ..SHORT }).await;
    let much = Bytes::from(vec![0; 16 << 20]);
    expect_error(
        slot.cell.put(&CellPath::work("much").expect("plain"), much, false).await,
        |error| matches!(error, SandboxError::File { kind: RefusalKind::NoSpace, .. }),
    );
    slot.expect_fresh().await;
    slot.close().await;
}

async fn cancelled(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    let sleep = command(&["do-nothing"], SHORT);
    let soon = Duration::from_millis(50);
    assert!(tokio::time::timeout(soon, slot.cell.execute(&sleep)).await.is_err());
    expect_error(slot.cell.execute(&sleep).await, |error| matches!(error, SandboxError::Spoiled));
    slot.close().await;
}

/// Dropping a cell without closing it destroys it. The check after all cases finds leftovers.
async fn dropped(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    let waiting = command(&["burn-in-orphans", "4"], AMPLE);
    let soon = Duration::from_millis(30);
    assert!(tokio::time::timeout(soon, slot.cell.execute(&waiting)).await.is_err());
    drop(slot);
}

/// No execution gets more than its cell's limits.
async fn ceiling(fixture: &Fixture) {
    let mut slot = fixture.slot(&Limits { memory_bytes: 48 * MIB, processes: 10, ..AMPLE }).await;
    let greedy = Limits { memory_bytes: 1 << 40, processes: 1000, ..AMPLE };
    expect_end(&slot.run(&["touch", "400"], greedy).await, Ended::MemoryLimit);
    let threads = slot.run(&["thread-bomb", "500"], greedy).await;
    let count: u32 = String::from_utf8_lossy(&threads.stdout).trim().parse().expect("a number");
    assert!(count < 15, "{count} threads");
    slot.expect_fresh().await;
    slot.close().await;
}

/// After many runs, like a submission's tests, the cell is still like a fresh one.
async fn many_runs(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    for _ in 0..200 {
        expect_end(&slot.run(&["exit", "0"], AMPLE).await, Ended::Exited { code: 0 });
    }
    slot.expect_fresh().await;
    slot.close().await;
}
