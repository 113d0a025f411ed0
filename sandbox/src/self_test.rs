//! Tests a sandbox with attempts to escape and to exceed limits, run in a cell like any other
//! program.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::runner_binary::RUNNER;
use crate::{
    Cell, CellPath, CellSpec, Ended, Execution, Finding, Language, Limits, Outcome, Sandbox,
    SandboxError,
};

/// A mebibyte.
const MIB: u64 = 1 << 20;

/// The self-test's program, in the cell's program area.
const PROGRAM: &str = "attempt";

/// How far the number of processes may exceed the limit when the cell's own processes are included
/// in the count.
const PROCESSES_TOLERANCE: u32 = 4;

/// The limits that the attempts must hit. The kernel of a busy machine may enforce one late, and
/// that must not count as a failure. So only the attempts at time limits have short ones.
const LIMITS: Limits = Limits {
    cpu: Duration::from_secs(5),
    wall: Duration::from_secs(15),
    memory_bytes: 32 * MIB,
    processes: 16,
    open_files: 64,
    stdout_bytes: 64 << 10,
    stderr_bytes: 4 << 10,
    file_bytes: 8 * MIB,
    stack: crate::Stack::Unlimited,
};

/// One attempt, and how it must end.
struct Attempt {
    subject: &'static str,
    name: &'static str,
    argument: &'static str,
    limits: Limits,
    holds: fn(&Outcome) -> bool,
}

const ATTEMPTS: &[Attempt] = &[
    Attempt {
        subject: "cpu limit",
        name: "burn",
        argument: "",
        limits: Limits { cpu: Duration::from_millis(60), ..LIMITS },
        holds: |outcome| outcome.ended == Ended::CpuLimit,
    },
    Attempt {
        subject: "wall limit",
        name: "sleep",
        argument: "",
        limits: Limits { wall: Duration::from_millis(400), ..LIMITS },
        holds: |outcome| outcome.ended == Ended::WallLimit,
    },
    Attempt {
        subject: "memory limit",
        name: "touch",
        argument: "64",
        limits: LIMITS,
        holds: |outcome| outcome.ended == Ended::MemoryLimit,
    },
    Attempt {
        subject: "process limit",
        name: "fork",
        argument: "",
        limits: LIMITS,
        holds: |outcome| {
            let made =
                std::str::from_utf8(&outcome.stdout).ok().and_then(|it| it.trim().parse().ok());
            outcome.ended.is_success()
                && made.is_some_and(|made: u32| made <= LIMITS.processes + PROCESSES_TOLERANCE)
        },
    },
    Attempt {
        subject: "output limit",
        name: "flood",
        argument: "",
        limits: LIMITS,
        holds: |outcome| outcome.ended == Ended::OutputLimit,
    },
    Attempt {
        subject: "file limit",
        name: "write",
        argument: "16",
        limits: LIMITS,
        holds: |outcome| outcome.ended == Ended::FileLimit,
    },
    Attempt {
        subject: "leaving files and processes",
        name: "leave",
        argument: "",
        limits: LIMITS,
        holds: |outcome| outcome.ended.is_success(),
    },
    Attempt {
        subject: "leftovers",
        name: "leftovers",
        argument: "",
        limits: LIMITS,
        holds: |outcome| outcome.ended.is_success(),
    },
];

/// Makes every attempt in one cell of this language. Reports a limit that does not hold as
/// [`Level::Missing`](crate::Level::Missing).
///
/// An evaluator must not take work if its sandbox fails this test.
pub async fn self_test(
    sandbox: &dyn Sandbox,
    language: &Arc<Language>,
) -> Result<Vec<Finding>, SandboxError> {
    let mut cell = sandbox.prepare(&CellSpec::run(language, &LIMITS)).await?;
    cell.put(&CellPath::program(PROGRAM)?, Bytes::from_static(RUNNER), true).await?;
    let findings = attempt_all(&mut cell).await;
    cell.close().await?;
    findings
}

async fn attempt_all(cell: &mut Cell) -> Result<Vec<Finding>, SandboxError> {
    // A listener on the host, which no program in the cell must be able to reach.
    let listener = TcpListener::bind("127.0.0.1:0").ok();
    let port = listener.as_ref().and_then(|it| it.local_addr().ok()).map_or(0, |it| it.port());
    let walls = attempt(cell, "escape", &port.to_string(), LIMITS).await?;
    let mut findings = vec![if walls.ended.is_success() {
        Finding::in_force("self-test: walls", "no attempt to get out succeeded")
    } else {
        let allowed = String::from_utf8_lossy(&walls.stdout).lines().collect::<Vec<_>>().join(", ");
        failed("self-test: walls", &walls, &allowed)
    }];
    for Attempt { subject, name, argument, limits, holds } in ATTEMPTS {
        let outcome = attempt(cell, name, argument, *limits).await?;
        if !holds(&outcome) {
            let said = String::from_utf8_lossy(&outcome.stdout[..outcome.stdout.len().min(200)])
                .into_owned();
            findings.push(failed(&format!("self-test: {subject}"), &outcome, said.trim()));
        }
    }
    if findings.len() == 1 {
        let subjects: Vec<_> = ATTEMPTS.iter().map(|attempt| attempt.subject).collect();
        findings.push(Finding::in_force("self-test: limits", subjects.join(", ")));
    }
    Ok(findings)
}

async fn attempt(
    cell: &mut Cell,
    name: &str,
    argument: &str,
    limits: Limits,
) -> Result<Outcome, SandboxError> {
    let words = [&format!("/box/{PROGRAM}"), "--attempt", name, argument];
    cell.execute(&Execution::new(words.map(str::to_owned).to_vec(), limits)).await
}

fn failed(subject: &str, outcome: &Outcome, said: &str) -> Finding {
    Finding::missing(
        subject,
        format!("it does not hold: the attempt {}, {said}", outcome.ended),
        "do not judge untrusted programs on this machine; docs/security.md lists what each sandbox needs",
    )
}
