//! Validators are untrusted code. Regardless of their behaviour, a submission is judged by their
//! answers, or not judged.

use bytes::Bytes;
use domain::Verdict::{self, Accepted, PresentationError, RuntimeError, WrongAnswer};
use domain::grading::CheckerScore;
use domain::problem::{Limits, Protocol, ValidationLimits};
use domain::submission::TestOutcome;
use evaluator::judge::{Fault, TestData};
use futures::StreamExt;

use crate::judge::{Judge, Validators};

/// The number of cases that run concurrently.
const AT_ONCE: usize = 2;

fn test() -> TestData {
    TestData::new(1, Bytes::from_static(b"21\n"), Bytes::from_static(b"42\n"))
}

fn limits() -> Limits {
    Limits { time_ms: 1_000, memory_kib: 64 * 1024, ..Limits::default() }
}

/// Judges a program that prints `42`.
async fn judge_42(judge: &Judge, validators: &Validators<'_>) -> Result<TestOutcome, Fault> {
    let problem_programs = judge.problem_programs(validators).await?;
    let judged = judge.judge(("python3", "print(42)"), limits(), problem_programs, &test()).await?;
    Ok(judged.outcome)
}

/// The body of a Python validator, and the verdict, or a part of the fault's text.
const MISBEHAVING: &[(&str, Result<Verdict, &str>)] = &[
    ("exit(42)", Ok(Accepted)),
    ("exit(43)", Ok(WrongAnswer)),
    ("exit(0)", Err("exited with 0")),
    ("exit(1)", Err("exited with 1")),
    ("exit(41)", Err("exited with 41")),
    ("raise ValueError('no such output')", Err("no such output")),
    ("import os\nos.kill(os.getpid(), 11)", Err("crashed with signal 11")),
    ("while True: pass", Err("took too long")),
    ("import time\ntime.sleep(1000)", Err("took too long")),
    ("while True: print('x' * 65536)", Err("took too long")),
    ("print('x' * 50_000_000)\nexit(42)", Ok(Accepted)),
    ("print('x' * 50_000_000)\nexit(43)", Ok(WrongAnswer)),
    ("import sys\nprint('x' * 50_000_000, file=sys.stderr)\nexit(43)", Ok(WrongAnswer)),
    ("x = bytearray(1 << 30)\nx[::4096] = b'x' * len(x[::4096])", Err("too much memory")),
    // Unlimited feedback ends at the size limit of one file, or of the whole area.
    (
        "f = open(d + 'judgemessage.txt', 'wb')\nwhile True: f.write(b'x' * 65536)",
        Err("validators/main.py"),
    ),
    (
        "for n in range(10000):\n  with open(d + str(n), 'wb') as f: f.write(b'x' * 500000)\nexit(42)",
        Err("validators/main.py"),
    ),
    ("import os\nwhile True: os.fork()", Err("validators/main.py")),
    // The validator sees the files it is given, and no other files of the submission.
    ("exit(42 if sys.stdin.read() == '42\\n' else 43)", Ok(Accepted)),
    ("exit(42 if open(a).read() == '42\\n' and open(i).read() == '21\\n' else 43)", Ok(Accepted)),
    ("import os\nexit(42 if not os.path.exists('/work/main.py') else 43)", Ok(Accepted)),
    ("import os\nexit(42 if os.listdir(d) in ([], ['judgemessage.txt']) else 43)", Ok(Accepted)),
    (
        "import socket\ntry: socket.create_connection(('127.0.0.1', 22), 1)\nexcept OSError: exit(42)\nexit(43)",
        Ok(Accepted),
    ),
    // Only regular files with known names are read.
    (
        "import os\nos.remove(d + 'judgemessage.txt')\nos.symlink(a, d + 'judgemessage.txt')\nexit(42)",
        Ok(Accepted),
    ),
    ("import os\nos.mkfifo(d + 'teammessage.txt')\nexit(43)", Ok(WrongAnswer)),
    (
        "open(d + 'score.txt', 'w').write('ten')\nexit(42)",
        Err("holds no number from 0 to 10^12: \"ten\""),
    ),
    (
        "open(d + 'score.txt', 'w').write('-1')\nexit(42)",
        Err("holds no number from 0 to 10^12: \"-1\""),
    ),
    (
        "open(d + 'score.txt', 'w').write('nan')\nexit(42)",
        Err("holds no number from 0 to 10^12: \"nan\""),
    ),
    (
        "open(d + 'score.txt', 'w').write('1e308')\nexit(42)",
        Err("holds no number from 0 to 10^12: \"1e308\""),
    ),
    (
        "open(d + 'score.txt', 'w').write('')\nexit(42)",
        Err("holds no number from 0 to 10^12: \"\""),
    ),
    ("open(d + 'score_multiplier.txt', 'w').write('1.5')\nexit(42)", Err("from 0 to 1: \"1.5\"")),
    (
        "open(d + 'score.txt', 'w').write('1')\nopen(d + 'score_multiplier.txt', 'w').write('1')\nexit(42)",
        Err("both"),
    ),
    ("open(d + 'score.txt', 'w').write('1')\nexit(43)", Err("rejected: \"1\"")),
    // The fault contains all messages of the validator, for the setter.
    (
        "open(d + 'judgemessage.txt', 'w').write('no answer file')\nexit(3)",
        Err("exited with 3 (42 accepts, 43 rejects): no answer file"),
    ),
    (
        "open(d + 'teammessage.txt', 'w').write('sorry')\nsys.stderr.write('at line 7')\nexit(3)",
        Err("exited with 3 (42 accepts, 43 rejects): at line 7: sorry"),
    ),
    (
        "open(d + 'judgemessage.txt', 'w').write('half')\nopen(d + 'score.txt', 'w').write('0.5')\nexit(43)",
        Err("rejected: \"0.5\": half"),
    ),
    ("open(d + 'nextpass.in', 'w').write('1')\nexit(43)", Err("rejected")),
    ("open(d + 'nextpass.in', 'w').write('1')\nexit(42)", Err("asks for another pass after 1")),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_validator_does() {
    let judge = Judge::new();
    let found: Vec<_> = futures::stream::iter(MISBEHAVING)
        .map(async |(body, expected)| {
            let text = format!("import sys\ni, a, d = sys.argv[1:4]\n{body}\n");
            let text = text.replace("exit(", "sys.exit(").replace("sys.sys.", "sys.");
            (body, expected, judge_42(&judge, &Validators::python(&text)).await)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for (body, expected, found) in found {
        match (expected, found) {
            (Ok(expected), Ok(found)) => assert_eq!(*expected, found.verdict, "{body}"),
            (Err(words), Err(fault @ Fault::Program { .. })) => {
                assert!(fault.to_string().contains(words), "{body}: {fault}");
            }
            (expected, found) => panic!("{body}: expected {expected:?}, found {found:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_compile_says_why() {
    let judge = Judge::new();
    let broken = Validators {
        programs: vec![("cpp", "int main() { return nothing; }")],
        ..Validators::python("")
    };
    let fault = judge_42(&judge, &broken).await.unwrap_err().to_string();
    assert!(fault.starts_with("validators/main.cpp failed: it does not compile: "), "{fault}");
    assert!(fault.contains("nothing"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_asked_about_a_program_that_failed() {
    let judge = Judge::new();
    let problem_programs =
        judge.problem_programs(&Validators::python("import sys\nsys.exit(42)")).await.unwrap();
    let crash = ("python3", "print(42)\nraise SystemExit(1)");
    let judged = judge.judge(crash, limits(), problem_programs, &test()).await.unwrap();
    assert_eq!((judged.outcome.verdict, judged.outcome.feedback), (RuntimeError, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_is_kept() {
    let judge = Judge::new();
    let text = r#"
import sys
d = sys.argv[3]
open(d + 'judgemessage.txt', 'w').write('off by one\x1b[31m\n')
open(d + 'teammessage.txt', 'w').write('nearly')
open(d + 'score_multiplier.txt', 'w').write('0.75\n')
sys.exit(42)
"#;
    let outcome = judge_42(&judge, &Validators::python(text)).await.unwrap();
    let feedback = outcome.feedback.unwrap();
    assert_eq!(feedback.judge.as_deref(), Some("off by one[31m"));
    assert_eq!(feedback.team.as_deref(), Some("nearly"));
    assert_eq!(outcome.score, Some(CheckerScore::Share(0.75)));
}

/// All validators must accept. After one has rejected, the next are not run.
#[tokio::test(flavor = "multi_thread")]
async fn several_must_agree() {
    let judge = Judge::new();
    let say = |code| {
        format!(
            "import sys\nopen(sys.argv[3] + 'judgemessage.txt', 'w').write('{code}')\nsys.exit({code})"
        )
    };
    let (yes, no) = (say(42), say(43));
    for (first, second, verdict, said) in [
        (&yes, &yes, Accepted, "42\n42"),
        (&yes, &no, WrongAnswer, "42\n43"),
        (&no, &yes, WrongAnswer, "43"),
    ] {
        let validators = Validators {
            programs: vec![("python3", first), ("python3", second)],
            ..Validators::python("")
        };
        let outcome = judge_42(&judge, &validators).await.unwrap();
        assert_eq!(
            (outcome.verdict, outcome.feedback.unwrap().judge.unwrap().as_str()),
            (verdict, said)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passes_follow_one_another_with_what_was_left() {
    let text = r#"
import os, sys
d = sys.argv[3]
seen = open(d + 'seen', 'a+')
seen.seek(0)
before = seen.read()
said = sys.stdin.read().strip()
seen.write(said + ' ')
if os.path.exists(d + 'nextpass.in'): sys.exit(1)
if said == '44':
    open(d + 'judgemessage.txt', 'w').write(before + said)
    sys.exit(42)
open(d + 'nextpass.in', 'w').write(said)
sys.exit(42)
"#;
    let judge = Judge::new();
    let validators = Validators { passes: 30, ..Validators::python(text) };
    let problem_programs = judge.problem_programs(&validators).await.unwrap();
    let start = TestData { input: Bytes::from_static(b"41"), ..test() };
    let adder = ("python3", "print(int(input()) + 1)");
    let outcome = judge.judge(adder, limits(), problem_programs, &start).await.unwrap().outcome;
    assert_eq!(outcome.verdict, Accepted);
    assert_eq!(outcome.feedback.unwrap().judge.as_deref(), Some("42 43 44"));

    let problem_programs =
        judge.problem_programs(&Validators { passes: 2, ..validators }).await.unwrap();
    let fault = judge.judge(adder, limits(), problem_programs, &start).await;
    assert!(fault.unwrap_err().to_string().contains("another pass after 2"));
}

/// Files that cannot be kept for the next pass are the validator's fault.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_between_passes_is_the_validators_fault() {
    let judge = Judge::new();
    for (left, part) in [
        ("for i in range(1500): open('/work/x%d' % i, 'w')", "there are more than 1000 files"),
        ("for i in range(1500): open(d + 'x%d' % i, 'w')", "there are more than 1000 files"),
        (
            "os.mkdir(d + 'judgemessage.txt'); open(d + 'judgemessage.txt/x', 'w')",
            "the files that it left cannot be kept: ",
        ),
    ] {
        let text = format!(
            "import os, sys\nd = sys.argv[3] + '/'\n\
             if os.path.exists(d + 'judgemessage.txt'): os.remove(d + 'judgemessage.txt')\n\
             open(d + 'nextpass.in', 'w').write('1')\n{left}\nsys.exit(42)\n"
        );
        let validators = Validators { passes: 3, ..Validators::python(&text) };
        let problem_programs = judge.problem_programs(&validators).await.unwrap();
        let adder = ("python3", "print(int(input()) + 1)");
        let start = TestData { input: Bytes::from_static(b"41"), ..test() };
        let fault = judge.judge(adder, limits(), problem_programs, &start).await.unwrap_err();
        let fault = format!("{fault}");
        assert!(fault.contains(part) && !fault.contains("sandbox"), "{left}: {fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_of_testlib_and_bridged_checkers() {
    let judge = Judge::new();
    let cases: &[(Protocol, &str, Result<Verdict, &str>)] = &[
        (Protocol::Testlib, "exit(0)", Ok(Accepted)),
        (Protocol::Testlib, "exit(1)", Ok(WrongAnswer)),
        (Protocol::Testlib, "exit(2)", Ok(PresentationError)),
        (Protocol::Testlib, "exit(3)", Err("exited with 3")),
        (Protocol::Testlib, "sys.stderr.write('points 7.5 fine')\nexit(7)", Ok(Accepted)),
        (Protocol::Testlib, "exit(7)", Err("gave no points")),
        (Protocol::Testlib, "exit(0 if open(o).read() == open(a).read() else 1)", Ok(Accepted)),
        (Protocol::Bridged, "exit(0 if open(o).read() == open(a).read() else 1)", Ok(Accepted)),
        (Protocol::Bridged, "exit(1)", Ok(WrongAnswer)),
        (Protocol::Bridged, "exit(2)", Err("exited with 2")),
    ];
    for (protocol, body, expected) in cases {
        let text =
            format!("import sys\ni, o, a = sys.argv[1:4]\n{body}\n").replace("exit(", "sys.exit(");
        let validators = Validators { protocol: *protocol, ..Validators::python(&text) };
        match (expected, judge_42(&judge, &validators).await) {
            (Ok(expected), Ok(found)) => {
                assert_eq!(*expected, found.verdict, "{protocol:?} {body}");
            }
            (Err(words), Err(fault)) => {
                assert!(fault.to_string().contains(words), "{body}: {fault}");
            }
            (expected, found) => panic!("{body}: expected {expected:?}, found {found:?}"),
        }
    }
}

/// In a problem without scores, an output that gets part of the points is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_nothing_is_wrong() {
    let judge = Judge::new();
    for (said, code, scored, verdict) in [
        ("partially correct (100)", 150, true, Accepted),
        ("partially correct (100)", 150, false, WrongAnswer),
        ("partially correct (200)", 250, false, Accepted),
        ("points 0.5", 7, true, Accepted),
        ("points 0.5", 7, false, WrongAnswer),
        ("ok", 0, false, Accepted),
    ] {
        let text = format!("import sys\nsys.stderr.write('{said}')\nsys.exit({code})\n");
        let validators =
            Validators { protocol: Protocol::Testlib, scored, ..Validators::python(&text) };
        let found = judge_42(&judge, &validators).await.unwrap();
        assert_eq!(found.verdict, verdict, "{said}, scored: {scored}");
    }
}

/// INV-12: the answer is not in the submission's cell.
#[tokio::test(flavor = "multi_thread")]
async fn inv_12_the_submission_sees_no_answer() {
    let judge = Judge::new();
    let looks = r#"
import os
for top in ('/work', '/tmp', '/dev/shm', '/box'):
    for folder, _, files in os.walk(top):
        print(*(os.path.join(folder, name) for name in files), sep='\n', end='')
"#;
    let text = "import sys\nsys.exit(42 if sys.stdin.read().strip() == '/box/main.py' else 43)";
    let limits_of_validator = ValidationLimits::default();
    let validators = Validators { limits: limits_of_validator, ..Validators::python(text) };
    let problem_programs = judge.problem_programs(&validators).await.unwrap();
    let judged =
        judge.judge(("python3", looks), limits(), problem_programs, &test()).await.unwrap();
    assert_eq!(judged.outcome.verdict, Accepted);
}
