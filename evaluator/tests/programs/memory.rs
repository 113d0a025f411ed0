//! A program must not find anything that it left in another pass of the same test, or in a run that
//! ended near its limit.

use std::env;

use bytes::Bytes;
use domain::Verdict::{Accepted, TimeLimitExceeded};
use domain::problem::Limits;
use evaluator::judge::TestData;
use sandbox::{Adapter, NativeConfig, SandboxConfig};

use crate::judge::{Judge, Validators};

/// How many times each case is run. Set `ASSAY_MEMORY=100` for more.
const RUNS: usize = 1;

const CHANNELS: &str = include_str!("memory/channels.py");

/// Prints what it finds in all channels, and leaves marks in them for the next pass.
const SPEAKS: &str = "print(look())\nmark()\n";

/// Requests a second pass, and accepts if it printed the same as the first.
const COMPARES: &str = r#"
import sys
d = sys.argv[3]
said = sys.stdin.read()
kept = open(d + 'first', 'a+')
kept.seek(0)
first = kept.read()
if not first:
    kept.write(said)
    open(d + 'nextpass.in', 'w').write('again')
    sys.exit(42)
open(d + 'judgemessage.txt', 'w').write(first + said)
sys.exit(42 if first == said else 43)
"#;

/// Ends slightly over its limit, unless it finds a mark of an earlier run.
const WORKS_ONCE: &str = "
import time
seen = look()
mark()
known = seen['pid'] > 1 or any(seen['inode of ' + area] > 200 for area in AREAS)
known = known or any(seen['attributes of ' + area] for area in AREAS)
while not known and time.process_time() + sum(os.times()[2:4]) < 1.015: pass
print(42)
";

/// CPU time limit, in milliseconds.
const LIMIT_MS: u64 = 1_000;
/// The most tries to end near the limit.
const TRIES_MAX: usize = 10;

fn runs() -> usize {
    env::var("ASSAY_MEMORY").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}

fn judges() -> Vec<(&'static str, Judge)> {
    let native = |force_user_namespace| SandboxConfig {
        native: NativeConfig { force_user_namespace, ..NativeConfig::default() },
        ..SandboxConfig::default()
    };
    let docker = SandboxConfig { adapter: Adapter::Docker, ..SandboxConfig::default() };
    vec![
        ("native", Judge::with(&native(false))),
        ("native in a user namespace", Judge::with(&native(true))),
        ("docker", Judge::with(&docker)),
    ]
}

fn test() -> TestData {
    TestData::new(1, Bytes::from_static(b"21\n"), Bytes::from_static(b"42\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_knows_nothing_of_another() {
    let speaks = format!("{CHANNELS}{SPEAKS}");
    let limits = Limits { time_ms: 10_000, memory_kib: 64 * 1024, ..Limits::default() };
    let asked = Validators { passes: 2, ..Validators::python(COMPARES) };
    for (mode, judge) in judges() {
        for _ in 0..runs() {
            let problem_programs = judge.problem_programs(&asked).await.unwrap();
            let judged =
                judge.judge(("python3", &speaks), limits, problem_programs, &test()).await.unwrap();
            assert_eq!(judged.outcome.verdict, Accepted, "{mode}: {:?}", judged.outcome.feedback);
        }
        judge.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_near_the_limit_is_done_again_from_the_beginning() {
    let works = format!("{CHANNELS}{WORKS_ONCE}");
    let limits = Limits { time_ms: LIMIT_MS, memory_kib: 64 * 1024, ..Limits::default() };
    for (mode, judge) in judges() {
        let (mut again, mut tried) = (0, 0);
        while tried < runs() || again == 0 && tried < TRIES_MAX {
            tried += 1;
            let problem_programs = judge.comparing_tokens().await.unwrap();
            let judged =
                judge.judge(("python3", &works), limits, problem_programs, &test()).await.unwrap();
            assert_eq!(judged.outcome.verdict, TimeLimitExceeded, "{mode}: {:?}", judged.outcome);
            again += judged.reruns;
        }
        assert!(again > 0, "{mode}: no run was near its limit");
        judge.shutdown().await;
    }
}
