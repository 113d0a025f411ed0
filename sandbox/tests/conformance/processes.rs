//! Programs that multiply, outlive their run, or attack other processes.

use std::time::Duration;

use futures::FutureExt;
use sandbox::{Limits, Outcome};

use crate::case::Check::{Counts, CpuReached, Prints, Soon};
use crate::case::{AMPLE, Case, End, MIB, SHORT, line, probe, steps};
use crate::fixture::{Fixture, expect};

/// The process limit of a small problem.
const FEW: Limits = Limits { processes: 20, ..SHORT };

pub(crate) fn cases() -> Vec<Case> {
    [
        line(
            "fork bomb, thread bomb",
            [
                // No process of it ends by itself. A clock ends it, or the memory that all of them
                // take.
                probe("fork bomb", &["fork-bomb"]).limits(FEW).ends(&[
                    End::Cpu,
                    End::Wall,
                    End::Memory,
                ]),
                probe("fork bomb that executes itself", &["exec-bomb"]).limits(FEW).ends(&[
                    End::Cpu,
                    End::Wall,
                    End::Memory,
                ]),
                // The count varies by a few processes of the engine and the runner.
                probe("thread bomb", &["thread-bomb", "1000"])
                    .limits(FEW)
                    .checks(&[Counts(15, 24), Soon]),
                probe("10,000 processes", &["many-processes", "10000"])
                    .limits(Limits { processes: 20, ..AMPLE })
                    .checks(&[Counts(15, 24)]),
            ],
        ),
        line(
            "fork + setsid + parent exits",
            [
                probe("daemon that ignores signals", &["leave-daemon"])
                    .checks(&[Prints("42\n"), Soon]),
                probe("stopped child", &["leave-stopped-child"]).checks(&[Prints("42\n"), Soon]),
                probe("a session for each child", &["leave-sessions", "30"])
                    .checks(&[Prints("42\n"), Soon]),
            ],
        ),
        line(
            "double fork, waits for next test and writes the answer",
            [steps("into the next test's output and files", |fixture| forger(fixture).boxed())],
        ),
        line(
            "kill(-1), kill(1), kill(judge pid)",
            [
                // The program is the only process it can kill, and the call spares its caller.
                probe("everyone", &["kill-everyone"]),
                probe("its own group", &["kill-group"]).ends(&[End::Signal(libc::SIGKILL)]),
                probe("process 1, in every way", &["kill-init"]).checks(&[Prints("42\n")]),
                probe("every number", &["kill-every-number", "40000"]).checks(&[Prints("42\n")]),
            ],
        ),
        line(
            "ptrace parent / sibling, process_vm_readv, pidfd_getfd",
            [
                filtered("ptrace", &["filtered", "ptrace-parent", "ptrace-self"]),
                filtered(
                    "process_vm_readv",
                    &["filtered", "process_vm_readv", "process_vm_writev", "process_madvise"],
                ),
                filtered("pidfd_getfd", &["filtered", "pidfd_getfd", "kcmp"]),
            ],
        ),
        line(
            "setuid(0), capset, suid binary in PATH, sudo, reboot",
            [
                filtered("setuid(0), capset", &["privileges"]),
                filtered("set-uid programs", &["set-uid-programs"]),
                filtered("reboot", &["filtered", "reboot"]),
            ],
        ),
        line(
            "execve of /bin/sh, of submitted binary, of output.txt",
            [
                // The shell is in the cell, and sees what the program sees.
                probe("/bin/sh", &["run-shell"]).checks(&[Prints("42\n/work\ncell\n")]),
                probe("a file in the work area", &["run-own-file", "/work/output.txt"])
                    .checks(&[Prints("42\n")]),
                filtered("a file elsewhere", &["run-own-file", "/tmp/output.txt"]),
                filtered("a file in shared memory", &["run-own-file", "/dev/shm/output.txt"]),
            ],
        ),
        line(
            "prctl(SET_DUMPABLE / PDEATHSIG / SECCOMP) tricks, core dump bomb",
            [
                // Without a cgroup that counts, the supervisor must see the process to measure it.
                probe("memory of an undumpable process", &["hide-then", "160", "touch"])
                    .limits(Limits {
                        memory_bytes: 64 * MIB,
                        wall: Duration::from_millis(500),
                        ..SHORT
                    })
                    .ends(&[End::Memory]),
                probe("time of an undumpable process", &["hide-then", "0", "burn"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
                probe("memory of an unreadable program", &["hide-unreadable", "160"])
                    .limits(Limits {
                        memory_bytes: 64 * MIB,
                        wall: Duration::from_millis(500),
                        ..SHORT
                    })
                    .ends(&[End::Memory]),
                probe("orphans below a subreaper", &["burn-below-a-subreaper", "3"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
                // A program can only lower limits, and only its own.
                filtered("limits, its own and the runner's", &["process-settings"]),
                filtered("strict seccomp", &["strict-seccomp"]),
                filtered("a filter of its own", &["own-filter"]),
                probe("core dump bomb", &["core-bomb", "15"]).checks(&[Prints("")]),
                probe("core dumps that start a program", &["core-limit"])
                    .checks(&[Prints("1 1\n")]),
                probe("signals that the judge's parent ignores", &["signals"])
                    .checks(&[Prints("")]),
            ],
        ),
        line(
            "zombie storm: never waits",
            [
                probe("zombies", &["zombies", "100000"])
                    .limits(Limits { processes: 20, ..AMPLE })
                    .checks(&[Counts(15, 24)]),
                probe("orphans", &["orphans", "200"]).limits(Limits { processes: 20, ..AMPLE }),
            ],
        ),
    ]
    .concat()
}

fn filtered(name: &'static str, words: &'static [&'static str]) -> Case {
    probe(name, words).ends(&[End::REFUSED]).checks(&[Prints("")])
}

async fn forger(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    for _ in 0..3 {
        let left = slot.run_keeping(&["leave-forger"], SHORT).await;
        expect(&left, answers_beside_the_forger);
        slot.run(&["exit", "0"], SHORT).await;
        let next = slot.run(&["answer-late", "30"], AMPLE).await;
        expect(&next, |outcome| outcome.ended.is_success() && outcome.stdout == "42\n");
    }
    slot.expect_fresh().await;
    slot.close().await;
}

/// What the daemon writes during its own test belongs to that test, before or after the answer.
pub(crate) fn answers_beside_the_forger(outcome: &Outcome) -> bool {
    let output = String::from_utf8_lossy(&outcome.stdout);
    outcome.ended.is_success() && output.lines().filter(|line| *line != "forged").eq(["42"])
}
