//! Submissions and interactors: the table of `docs/interaction.md`, in real cells.

use bytes::Bytes;
use domain::Verdict::{
    self, Accepted, MemoryLimitExceeded, PresentationError, RuntimeError, TimeLimitExceeded,
    WrongAnswer,
};
use domain::problem::{Limits, Protocol};
use evaluator::judge::{Fault, TestData};
use futures::StreamExt;

use crate::judge::{Judge, Validators};

/// The number of cases that run concurrently. Most of them only wait.
const AT_ONCE: usize = 4;
/// CPU time limit of the submissions, in milliseconds. Short, so that blocked programs end soon.
const TIME_MS: u64 = 500;

struct Case {
    name: &'static str,
    submission: &'static str,
    interactor: &'static str,
    /// `Err` is a fault of the interactor; its text must contain this.
    expected: Result<Verdict, &'static str>,
}

/// Sends a number, and expects its double.
const DOUBLE: &str = r#"
import sys
n = int(open(sys.argv[1]).read())
print(n, flush=True)
answer = sys.stdin.readline().split()
sys.exit(42 if answer == [str(2 * n)] else 43)
"#;
const DOUBLES: &str = "print(2 * int(input()), flush=True)";
/// Accepts immediately and ends.
const ACCEPTS: &str = "import sys\nsys.exit(42)";
const REJECTS: &str = "import sys\nsys.exit(43)";
/// Reads to the end of its input, then accepts.
const PATIENT: &str = "import sys\nsys.stdin.read()\nsys.exit(42)";
const PATIENT_REJECTS: &str = "import sys\nsys.stdin.read()\nsys.exit(43)";
const BLOCKS: &str = "import sys\nsys.stdin.readline()\nsys.stdin.read()";
const SPINS: &str = "while True: pass";
const NOTHING: &str = "pass";
const TALKS_ON: &str = "while True: print('x' * 1000, flush=True)";

const CASES: &[Case] = &[
    // Both programs run to their end.
    Case { name: "right", submission: DOUBLES, interactor: DOUBLE, expected: Ok(Accepted) },
    Case {
        name: "wrong",
        submission: "print(3 * int(input()), flush=True)",
        interactor: DOUBLE,
        expected: Ok(WrongAnswer),
    },
    Case {
        name: "many rounds",
        submission: "while (n := int(input())) >= 0: print(n + 1, flush=True)",
        interactor: r#"
import sys
for n in range(2000):
    print(n, flush=True)
    if int(sys.stdin.readline()) != n + 1: sys.exit(43)
print(-1, flush=True)
sys.exit(42)
"#,
        expected: Ok(Accepted),
    },
    Case {
        name: "more than a pipe holds, one way",
        submission: "import sys\ndata = sys.stdin.read(300000)\nprint(len(data), flush=True)",
        interactor: r#"
import sys
sys.stdout.write('y' * 300000)
sys.stdout.flush()
sys.exit(42 if sys.stdin.readline().strip() == '300000' else 43)
"#,
        expected: Ok(Accepted),
    },
    // The submission ends first.
    Case {
        name: "silent, patient",
        submission: NOTHING,
        interactor: PATIENT,
        expected: Ok(Accepted),
    },
    Case {
        name: "silent, patient, rejected",
        submission: NOTHING,
        interactor: PATIENT_REJECTS,
        expected: Ok(WrongAnswer),
    },
    Case {
        name: "ends without an answer",
        submission: "input()",
        interactor: DOUBLE,
        expected: Ok(WrongAnswer),
    },
    Case {
        name: "exits with 3 before the end",
        submission: "import sys\ninput()\nsys.exit(3)",
        interactor: DOUBLE,
        expected: Ok(RuntimeError),
    },
    Case {
        name: "crashes first, and the interactor does for want of an answer",
        submission: "raise SystemExit(1)",
        interactor: "import sys\nint(sys.stdin.readline())\nsys.exit(42)",
        expected: Ok(RuntimeError),
    },
    Case {
        name: "ends well first, and the interactor crashes",
        submission: NOTHING,
        interactor: "import sys\nint(sys.stdin.readline())\nsys.exit(42)",
        expected: Err("exited with 1"),
    },
    Case {
        name: "killed for its memory",
        submission: "input()\nx = bytearray(1 << 30)\nx[::4096] = b'x' * len(x[::4096])",
        interactor: PATIENT_AFTER_A_WORD,
        expected: Ok(MemoryLimitExceeded),
    },
    Case {
        name: "out of cpu time",
        submission: "input()\nwhile True: pass",
        interactor: PATIENT_AFTER_A_WORD,
        expected: Ok(TimeLimitExceeded),
    },
    // The interactor ends first.
    Case {
        name: "accepted early",
        submission: DOUBLES_IF_ASKED,
        interactor: ACCEPTS,
        expected: Ok(Accepted),
    },
    Case {
        name: "rejected early",
        submission: DOUBLES_IF_ASKED,
        interactor: REJECTS,
        expected: Ok(WrongAnswer),
    },
    Case {
        name: "rejected early, then crashes",
        submission: "import sys\nsys.stdin.read()\nsys.exit(7)",
        interactor: REJECTS,
        expected: Ok(WrongAnswer),
    },
    Case {
        name: "rejected early, then too slow",
        submission: "import sys\nsys.stdin.read()\nwhile True: pass",
        interactor: REJECTS,
        expected: Ok(WrongAnswer),
    },
    Case {
        name: "accepted early, then crashes",
        submission: "import sys\nsys.stdin.read()\nsys.exit(7)",
        interactor: ACCEPTS,
        expected: Ok(RuntimeError),
    },
    Case {
        name: "accepted early, then too slow",
        submission: "import sys\nsys.stdin.read()\nwhile True: pass",
        interactor: ACCEPTS,
        expected: Ok(TimeLimitExceeded),
    },
    Case {
        name: "talks to nobody for ever, accepted",
        submission: TALKS_ON,
        interactor: ACCEPTS,
        expected: Ok(TimeLimitExceeded),
    },
    Case {
        name: "talks to nobody for ever, rejected",
        submission: TALKS_ON,
        interactor: REJECTS,
        expected: Ok(WrongAnswer),
    },
    Case {
        name: "the interactor exits with 0",
        submission: NOTHING_LATE,
        interactor: "pass",
        expected: Err("exited with 0"),
    },
    Case {
        name: "the interactor crashes first",
        submission: NOTHING_LATE,
        interactor: "raise SystemError",
        expected: Err("exited with 1"),
    },
    // A program closes one of its streams.
    Case {
        name: "the submission closes its output and waits",
        submission: "import os, sys\nos.close(1)\nsys.stdin.read()",
        interactor: PATIENT,
        expected: Ok(TimeLimitExceeded),
    },
    Case {
        name: "the submission closes its input while more is sent",
        submission: "import os, time\nos.close(0)\ntime.sleep(0.1)",
        interactor: "import sys\nsys.stdout.write('z' * 300000)\nsys.stdout.flush()\nsys.exit(42)",
        expected: Ok(Accepted),
    },
    Case {
        name: "the interactor closes its output and judges on",
        submission: "import sys\nsys.stdin.read()\nprint('done', flush=True)",
        interactor: "import os, sys\nos.close(1)\nsys.exit(42 if sys.stdin.read() == 'done\\n' else 43)",
        expected: Ok(Accepted),
    },
    Case {
        name: "the interactor closes its input while more is sent",
        submission: "print('w' * 300000, flush=True)",
        interactor: "import os, sys, time\nos.close(0)\ntime.sleep(0.2)\nsys.exit(42)",
        expected: Ok(Accepted),
    },
    // One or both programs block.
    Case {
        name: "both wait",
        submission: BLOCKS,
        interactor: PATIENT,
        expected: Ok(TimeLimitExceeded),
    },
    Case {
        name: "the submission sleeps",
        submission: "import time\ntime.sleep(100)",
        interactor: PATIENT,
        expected: Ok(TimeLimitExceeded),
    },
    Case {
        name: "both talk and nobody listens",
        submission: TALKS_ON,
        interactor: TALKS_ON,
        expected: Ok(TimeLimitExceeded),
    },
    Case {
        name: "the interactor computes while the submission waits",
        submission: BLOCKS,
        interactor: SPINS,
        expected: Err("took too long"),
    },
    Case {
        name: "both compute",
        submission: SPINS,
        interactor: SPINS,
        expected: Ok(TimeLimitExceeded),
    },
    Case {
        name: "the interactor never ends after the submission",
        submission: NOTHING,
        interactor: SPINS,
        expected: Err("took too long"),
    },
    Case {
        name: "the interactor takes all memory",
        submission: NOTHING_LATE,
        interactor: "x = bytearray(1 << 30)\nx[::4096] = b'x' * len(x[::4096])",
        expected: Err("too much memory"),
    },
    Case {
        name: "the interactor fills the disk",
        submission: NOTHING_LATE,
        interactor: "import sys\nf = open(sys.argv[3] + 'judgemessage.txt', 'w')\nwhile True: f.write('x' * 65536)",
        expected: Err("validators/main.py"),
    },
];

/// Sends a number first, so that the submission starts to work.
const PATIENT_AFTER_A_WORD: &str =
    "import sys\nprint(1, flush=True)\nsys.stdin.read()\nsys.exit(42)";
/// Reads to the end of its input.
const DOUBLES_IF_ASKED: &str =
    "import sys\nfor line in sys.stdin: print(2 * int(line), flush=True)";
/// Ends when its input ends.
const NOTHING_LATE: &str = "import sys\nsys.stdin.read()";

async fn run(judge: &Judge, case: &Case) -> Result<Verdict, Fault> {
    let problem_programs = judge.problem_programs(&Validators::interactor(case.interactor)).await?;
    let limits = Limits { time_ms: TIME_MS, memory_kib: 64 * 1024, ..Limits::default() };
    let test = TestData::new(1, Bytes::from_static(b"21\n"), Bytes::from_static(b"42\n"));
    let judged = judge.judge(("python3", case.submission), limits, problem_programs, &test).await?;
    Ok(judged.outcome.verdict)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table() {
    let judge = Judge::new();
    let found: Vec<_> = futures::stream::iter(CASES)
        .map(async |case| (case, run(&judge, case).await))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert_eq!(found.len(), CASES.len());
    for (case, found) in found {
        match (&case.expected, found) {
            (Ok(expected), Ok(found)) => assert_eq!(*expected, found, "{}", case.name),
            (Err(words), Err(fault @ Fault::Program { .. })) => {
                assert!(fault.to_string().contains(words), "{}: {fault}", case.name);
            }
            (expected, found) => panic!("{}: expected {expected:?}, found {found:?}", case.name),
        }
    }
}

/// A Testlib interactor writes to its output file, which a checker judges after it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_testlib_interactor_leaves_is_checked() {
    let interactor = r#"
import sys
n = int(open(sys.argv[1]).read())
print(n, flush=True)
open(sys.argv[2], 'w').write(sys.stdin.readline())
sys.exit(0)
"#;
    let checker = r#"
import sys
said, answer = open(sys.argv[2]).read().split(), open(sys.argv[3]).read().split()
sys.stderr.write('compared')
sys.exit(0 if said == answer else 2 if not said else 1)
"#;
    let judge = Judge::new();
    let validators = Validators {
        programs: vec![("python3", interactor), ("python3", checker)],
        protocol: Protocol::Testlib,
        ..Validators::interactor("")
    };
    for (submission, expected) in [
        (DOUBLES, Accepted),
        ("input()\nprint(7, flush=True)", WrongAnswer),
        ("input()", PresentationError),
    ] {
        let problem_programs = judge.problem_programs(&validators).await.unwrap();
        let limits = Limits { time_ms: 1_000, ..Limits::default() };
        let test = TestData::new(1, Bytes::from_static(b"21\n"), Bytes::from_static(b"42\n"));
        let judged =
            judge.judge(("python3", submission), limits, problem_programs, &test).await.unwrap();
        assert_eq!(judged.outcome.verdict, expected, "{submission}");
        assert_eq!(judged.outcome.feedback.unwrap().judge.unwrap(), "compared");
    }
}
