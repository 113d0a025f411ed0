//! Programs that use more time than they have, and hide it.

use std::time::Duration;

use sandbox::Limits;

use crate::case::Check::{CpuMs, CpuReached, Kept, Prints, Soon, WallReached};
use crate::case::Mode::WithoutRoot;
use crate::case::{Case, End, IDLE, SHORT, line, probe};

const CPU_BY_PROCESS: &str =
    "a program that disowns its dead children can hide their processor time";

pub(crate) fn cases() -> Vec<Case> {
    [
        line(
            "busy loop",
            [
                probe("in the program", &["burn"]).ends(&[End::Cpu]).checks(&[CpuReached]),
                probe("in the kernel", &["burn-in-the-kernel"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
                // Without cgroups, the supervisor reads times from a file that also contains the
                // process name.
                probe("under a misleading name", &["burn-under-a-name"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
            ],
        ),
        line(
            "sleep / pause / select / read of an empty pipe for ever",
            [
                idle(probe("pause", &["do-nothing"])),
                idle(probe("select", &["select-nothing"])),
                idle(probe("read of an empty pipe", &["read-nothing"])),
                idle(probe("deadlock", &["deadlock"])),
            ],
        ),
        line(
            "prints the right answer, then sleeps",
            // The answer is kept, but the run is not accepted.
            [probe("pause", &["print-then-wait"])
                .limits(IDLE)
                .ends(&[End::Wall])
                .checks(&[WallReached, Prints("42\n")])],
        ),
        line(
            "raise(SIGSTOP) loop ; kill -STOP 0 ; SIGSTOP to parent",
            [
                idle(probe("itself", &["stop-self"])),
                idle(probe("its group", &["stop-group"])),
                idle(probe("the supervisor", &["stop-parent", "1000"])),
                // Every signal, including those that the supervisor waits for.
                probe("storm at the supervisor", &["storm-parent", "300"])
                    .checks(&[Prints("42\n"), Soon]),
            ],
        ),
        line(
            "ignores SIGTERM/SIGINT",
            [probe("ignores and blocks all signals", &["ignore-signals"])
                .ends(&[End::Cpu])
                .checks(&[CpuReached])],
        ),
        line(
            "N threads burn cpu",
            [probe("4 threads", &["burn-in-threads", "4"]).ends(&[End::Cpu]).checks(&[CpuReached])],
        ),
        line(
            "fork children that burn, parent waits / parent exits",
            [
                probe("parent waits", &["burn-in-children", "4"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
                probe("parents exited", &["burn-in-orphans", "4"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
                // The run ends with its first process, and the other processes' time until then
                // counts.
                probe("first process exits", &["burn-then-leave", "120"])
                    .checks(&[CpuMs(115, 600), Soon]),
                probe("first process exits too late", &["burn-then-leave", "400"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
                probe("a chain of short lives", &["burn-in-a-chain", "20"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
                probe("children disowned", &["burn-disowned"])
                    .limits(Limits { wall: Duration::from_millis(1200), ..SHORT })
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached])
                    .weaker(WithoutRoot, &[End::Wall, End::Cpu], &[], CPU_BY_PROCESS),
            ],
        ),
        line(
            "slow output just under the wall limit",
            [
                // 14 × 20 ms, and a little more because pauses are inexact.
                probe("until just before", &["print-slowly", "20", "14"])
                    .limits(Limits { wall: Duration::from_millis(1000), ..SHORT })
                    .checks(&[Kept(14)]),
                idle(probe("for ever", &["print-slowly", "10"])),
            ],
        ),
        line(
            "reads own clock / rdtsc and adapts",
            [
                probe("just under the limit", &["burn-by-own-clock", "200"])
                    .checks(&[CpuMs(198, 260)]),
                probe("just over the limit", &["burn-by-own-clock", "275"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
            ],
        ),
        line(
            "setitimer/alarm to survive, re-exec itself to reset rusage",
            [
                probe("catches every signal, and burns", &["survive", "1"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
                idle(probe("catches every signal, and waits", &["survive", "0"])),
                probe("a thousand timers", &["many-timers", "1000"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
                probe("re-executes itself", &["reexecute", "5"])
                    .ends(&[End::Cpu])
                    .checks(&[CpuReached]),
            ],
        ),
        line(
            "sched_setscheduler(FIFO), nice -20, affinity change",
            [
                filtered("scheduler", &["filtered", "sched_setscheduler", "sched_setattr"]),
                filtered("nice", &["filtered", "setpriority"]),
                filtered("affinity", &["filtered", "sched_setaffinity"]),
            ],
        ),
    ]
    .concat()
}

fn idle(case: Case) -> Case {
    case.limits(IDLE).ends(&[End::Wall]).checks(&[WallReached])
}

fn filtered(name: &'static str, words: &'static [&'static str]) -> Case {
    probe(name, words).ends(&[End::REFUSED]).checks(&[Prints("")])
}
