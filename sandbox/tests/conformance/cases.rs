//! The table of what every sandbox promises.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use sandbox::{
    CellPath, CellSpec, Ended, Execution, Limits, MemorySource, RefusalKind, SandboxError, Stack,
};

use crate::{
    bench::{Bench, expect, expect_end, expect_error, probe, short},
    languages,
};

const MIB: u64 = 1 << 20;

/// How much longer than its limit a run may appear to last on a busy machine.
const GRACE: Duration = Duration::from_millis(1500);

/// One promise.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a Bench) -> BoxFuture<'a, ()>,
}

const fn case(name: &'static str, run: for<'a> fn(&'a Bench) -> BoxFuture<'a, ()>) -> Case {
    Case { name, run }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        // The slow ones first, so that nothing waits for them at the end.
        case("java: hello", |b| Box::pin(languages::java(b))),
        case("compile errors in every language", |b| Box::pin(languages::compile_errors(b))),
        case("c++: hello", |b| Box::pin(languages::cpp(b))),
        case("c: hello", |b| Box::pin(languages::c(b))),
        case("python: hello", |b| Box::pin(languages::python(b))),
        case("javascript: hello", |b| Box::pin(languages::javascript(b))),
        case("ends: exit codes", |b| Box::pin(exit_codes(b))),
        case("ends: signals", |b| Box::pin(signals(b))),
        case("time: processor", |b| Box::pin(processor_time(b))),
        case("time: processor, in threads and children", |b| Box::pin(shared_processor_time(b))),
        case("time: processor, in children nobody waits for", |b| {
            Box::pin(unwaited_processor_time(b))
        }),
        case("time: wall", |b| Box::pin(wall_time(b))),
        case("time: signals ignored", |b| Box::pin(ignored_signals(b))),
        case("memory: touched", |b| Box::pin(touched_memory(b))),
        case("memory: python", |b| Box::pin(python_memory(b))),
        case("memory: in children", |b| Box::pin(childrens_memory(b))),
        case("memory: reserved only", |b| Box::pin(reserved_memory(b))),
        case("memory: files in memory", |b| Box::pin(file_memory(b))),
        case("memory: peak of each run", |b| Box::pin(peak_of_each_run(b))),
        case("output: endless", |b| Box::pin(endless_output(b))),
        case("output: at the limit", |b| Box::pin(output_at_the_limit(b))),
        case("output: errors are cut", |b| Box::pin(errors_are_cut(b))),
        case("output: kept when stopped", |b| Box::pin(output_is_kept(b))),
        case("output: closed", |b| Box::pin(closed_output(b))),
        case("input: never read", |b| Box::pin(unread_input(b))),
        case("input: echoed", |b| Box::pin(echoed_input(b))),
        case("input: cannot be changed", |b| Box::pin(unchangeable_input(b))),
        case("processes: fork bomb", |b| Box::pin(fork_bomb(b))),
        case("processes: zombies and orphans", |b| Box::pin(zombies(b))),
        case("processes: daemon", |b| Box::pin(daemon(b))),
        case("processes: killing everyone", |b| Box::pin(killing(b))),
        case("files: limits", |b| Box::pin(file_limits(b))),
        case("files: gone after the run", |b| Box::pin(files_are_gone(b))),
        case("files: litter", |b| Box::pin(litter(b))),
        case("files: only regular ones leave", |b| Box::pin(only_regular_files(b))),
        case("files: names", |b| Box::pin(file_names(b))),
        case("stack", |b| Box::pin(stack(b))),
        case("walls: privileges", |b| Box::pin(privileges(b))),
        case("walls: network", |b| Box::pin(network(b))),
        case("walls: the host's files", |b| Box::pin(host_files(b))),
        case("walls: environment and descriptors", |b| Box::pin(surroundings(b))),
        case("compile: many errors", |b| Box::pin(many_errors(b))),
        case("compile: no secrets, no endless input", |b| Box::pin(hostile_includes(b))),
        case("cell: what it has to work with", |b| Box::pin(facts(b))),
        case("cell: what cannot be started", |b| Box::pin(not_started(b))),
        case("cell: spoiled by a cancelled run", |b| Box::pin(cancelled(b))),
        case("cell: dropped in the middle", |b| Box::pin(dropped(b))),
        case("cell: its ceiling", |b| Box::pin(ceiling(b))),
    ]
}

async fn exit_codes(bench: &Bench) {
    let mut cell = bench.cell(&short()).await;
    for code in [0, 1, 7, 137, 255] {
        let outcome =
            cell.execute(&probe(&["exit", &code.to_string()], short())).await.expect("an outcome");
        expect_end(&outcome, Ended::Exited { code });
    }
    cell.close().await.expect("the cell closes");
}

async fn signals(bench: &Bench) {
    let mut cell = bench.cell(&short()).await;
    for signal in [
        libc::SIGSEGV,
        libc::SIGABRT,
        libc::SIGFPE,
        libc::SIGKILL,
        libc::SIGTERM,
        libc::SIGPIPE,
        40,
    ] {
        let outcome = cell
            .execute(&probe(&["raise", &signal.to_string()], short()))
            .await
            .expect("an outcome");
        expect_end(&outcome, Ended::Signaled { signal });
    }
    cell.close().await.expect("the cell closes");
}

async fn processor_time(bench: &Bench) {
    let limits = short();
    let outcome = bench.run(&["burn"], limits).await;
    expect(&outcome, |outcome| {
        outcome.ended == Ended::CpuLimit
            && outcome.cpu >= limits.cpu
            && outcome.wall < limits.cpu + GRACE
    });
}

async fn shared_processor_time(bench: &Bench) {
    let limits = short();
    for words in [["threads-burn", "4"], ["children-burn", "4"]] {
        let outcome = bench.run(&words, limits).await;
        expect(&outcome, |outcome| outcome.ended == Ended::CpuLimit && outcome.cpu >= limits.cpu);
    }
}

async fn unwaited_processor_time(bench: &Bench) {
    if !bench.strength.cpu_cgroup {
        return;
    }
    expect_end(&bench.run(&["unwaited-burn"], short()).await, Ended::CpuLimit);
}

async fn wall_time(bench: &Bench) {
    let limits = Limits { wall: Duration::from_millis(400), ..short() };
    for words in ["sleep", "stop", "read-nothing", "print-and-sleep"] {
        let outcome = bench.run(&[words], limits).await;
        expect(&outcome, |outcome| {
            outcome.ended == Ended::WallLimit
                && outcome.wall >= limits.wall
                && outcome.wall < limits.wall + GRACE
        });
    }
}

async fn ignored_signals(bench: &Bench) {
    expect_end(&bench.run(&["ignore-signals"], short()).await, Ended::CpuLimit);
}

async fn touched_memory(bench: &Bench) {
    let limits = Limits { memory_bytes: 64 * MIB, ..Limits::default() };
    expect_end(&bench.run(&["touch-for-ever"], limits).await, Ended::MemoryLimit);
    expect_end(&bench.run(&["touch", "80"], limits).await, Ended::MemoryLimit);
    let fits = bench.run(&["touch", "48"], limits).await;
    expect(&fits, |outcome| {
        outcome.ended.is_success() && (48 * MIB..=64 * MIB).contains(&outcome.memory_bytes)
    });
}

async fn python_memory(bench: &Bench) {
    let python = bench.language("python3");
    let limits = python.run_limits(Duration::from_secs(4), 64 * MIB, MIB);
    let mut cell = bench.sandbox.prepare(&CellSpec::run(python, &limits)).await.expect("a cell");
    let source = Bytes::from_static(b"parts = []\nwhile True: parts.append(bytearray(1 << 20))\n");
    cell.put(&CellPath::program("main.py").expect("plain"), source, false).await.expect("it fits");
    let outcome =
        cell.execute(&Execution::new(python.run_argv(64 * MIB), limits)).await.expect("an outcome");
    expect_end(&outcome, Ended::MemoryLimit);
    cell.close().await.expect("the cell closes");
}

/// Four children of 40 MiB each, where 100 are allowed.
async fn childrens_memory(bench: &Bench) {
    let limits = Limits { memory_bytes: 100 * MIB, ..Limits::default() };
    expect_end(&bench.run(&["touch-in-children", "40"], limits).await, Ended::MemoryLimit);
}

/// Runtimes reserve far more than they use (never `RLIMIT_AS`).
async fn reserved_memory(bench: &Bench) {
    let limits = Limits { memory_bytes: 64 * MIB, ..Limits::default() };
    expect_end(&bench.run(&["reserve", "65536"], limits).await, Ended::Exited { code: 0 });
}

async fn file_memory(bench: &Bench) {
    if !bench.strength.memory_cgroup {
        return;
    }
    let limits = Limits { memory_bytes: 32 * MIB, file_bytes: 64 * MIB, ..Limits::default() };
    expect_end(
        &bench.run(&["write-mib", "48", "/dev/shm/large"], limits).await,
        Ended::MemoryLimit,
    );
}

async fn peak_of_each_run(bench: &Bench) {
    let mut cell = bench.cell(&Limits::default()).await;
    let large =
        cell.execute(&probe(&["touch", "64"], Limits::default())).await.expect("an outcome");
    let small = cell.execute(&probe(&["exit", "0"], Limits::default())).await.expect("an outcome");
    cell.close().await.expect("the cell closes");
    expect(&large, |outcome| outcome.memory_bytes >= 64 * MIB);
    expect(&small, |outcome| outcome.memory_bytes < 16 * MIB);
    let source =
        if bench.strength.memory_cgroup { MemorySource::Cgroup } else { MemorySource::PeakRss };
    expect(&small, |outcome| outcome.memory_source == source);
}

async fn endless_output(bench: &Bench) {
    let limits = Limits { stdout_bytes: MIB, ..Limits::default() };
    let outcome = bench.run(&["print-for-ever"], limits).await;
    expect(&outcome, |outcome| {
        outcome.ended == Ended::OutputLimit && outcome.stdout.len() as u64 == MIB
    });
}

async fn output_at_the_limit(bench: &Bench) {
    let limits = Limits { stdout_bytes: 300_000, ..Limits::default() };
    let at = bench.run(&["print", "300000"], limits).await;
    expect(&at, |outcome| outcome.ended.is_success() && outcome.stdout.len() == 300_000);
    let over = bench.run(&["print", "300001"], limits).await;
    expect(&over, |outcome| outcome.ended == Ended::OutputLimit && outcome.stdout.len() == 300_000);
}

async fn errors_are_cut(bench: &Bench) {
    let limits = Limits { stderr_bytes: 1000, ..Limits::default() };
    let outcome = bench.run(&["complain", "200000"], limits).await;
    expect(&outcome, |outcome| {
        outcome.ended.is_success() && outcome.stderr.len() == 1000 && outcome.stderr_truncated
    });
    let outcome = bench.run(&["complain", "1000"], limits).await;
    expect(&outcome, |outcome| outcome.stderr.len() == 1000 && !outcome.stderr_truncated);
}

/// The right answer and then nothing for ever is not an accepted answer, but it is an answer.
async fn output_is_kept(bench: &Bench) {
    let limits = Limits { wall: Duration::from_millis(300), ..Limits::default() };
    let outcome = bench.run(&["print-and-sleep"], limits).await;
    expect(&outcome, |outcome| outcome.ended == Ended::WallLimit && outcome.stdout == "done\n");
}

async fn closed_output(bench: &Bench) {
    expect_end(&bench.run(&["close-all"], short()).await, Ended::Exited { code: 0 });
}

async fn unread_input(bench: &Bench) {
    let outcome =
        bench.feed(&["exit", "0"], Limits::default(), Bytes::from(vec![b'x'; 50 << 20])).await;
    expect(&outcome, |outcome| outcome.ended.is_success() && outcome.wall < GRACE);
}

async fn echoed_input(bench: &Bench) {
    let input: Bytes = (0..5_u32 << 20).map(|at| (at % 251) as u8).collect();
    let outcome = bench.feed(&["cat"], Limits::default(), input.clone()).await;
    assert!(outcome.ended.is_success() && outcome.stdout == input, "{:?}", outcome.ended);
}

async fn unchangeable_input(bench: &Bench) {
    let outcome = bench.feed(&["spoil-stdin"], short(), Bytes::from_static(b"as it was")).await;
    expect_end(&outcome, Ended::Exited { code: 1 });
}

async fn fork_bomb(bench: &Bench) {
    let limits = Limits { processes: 20, ..Limits::default() };
    let outcome = bench.run(&["fork-bomb"], limits).await;
    expect(&outcome, |outcome| outcome.wall < limits.wall + GRACE);
}

async fn zombies(bench: &Bench) {
    let limits = Limits { processes: 20, ..Limits::default() };
    let outcome = bench.run(&["zombies"], limits).await;
    let made: u32 = String::from_utf8_lossy(&outcome.stdout).trim().parse().expect("a number");
    // The engine's own limit may count a few of its processes too; the cell's next run must find them all gone.
    assert!((10..=24).contains(&made), "{made} zombies");
    expect_end(&bench.run(&["orphans", "200"], limits).await, Ended::Exited { code: 0 });
}

/// The verdict is the parent's, at once, although the daemon holds its output open; and the daemon is dead.
async fn daemon(bench: &Bench) {
    let outcome = bench.run(&["daemon"], Limits::default()).await;
    expect(&outcome, |outcome| {
        outcome.ended.is_success() && outcome.stdout == "parent is done\n" && outcome.wall < GRACE
    });
}

async fn killing(bench: &Bench) {
    expect_end(&bench.run(&["kill-init"], short()).await, Ended::Exited { code: 0 });
    // Nobody but the program itself is there to be killed, and the call spares its caller.
    expect_end(&bench.run(&["kill-everyone"], short()).await, Ended::Exited { code: 0 });
}

async fn file_limits(bench: &Bench) {
    let limits = Limits { file_bytes: 4 * MIB, ..Limits::default() };
    expect_end(
        &bench.run(&["write-mib", "3", "/tmp/file"], limits).await,
        Ended::Exited { code: 0 },
    );
    expect_end(&bench.run(&["write-mib", "5", "/tmp/file"], limits).await, Ended::FileLimit);
    let limits = Limits { open_files: 20, ..Limits::default() };
    let outcome = bench.run(&["open-many"], limits).await;
    expect(&outcome, |outcome| outcome.ended.is_success() && outcome.stdout == "17\n");
    // The area is full before the file limit is reached.
    let mut cell = bench.cell(&Limits { file_bytes: 8 * MIB, ..Limits::default() }).await;
    let large = probe(
        &["write-mib", "32", "/work/file"],
        Limits { file_bytes: 64 * MIB, ..Limits::default() },
    );
    expect_end(&cell.execute(&large).await.expect("an outcome"), Ended::Exited { code: 1 });
    let again = probe(&["write-mib", "4", "/work/file"], Limits::default());
    expect_end(&cell.execute(&again).await.expect("an outcome"), Ended::Exited { code: 0 });
    let much = Bytes::from(vec![0; 16 << 20]);
    expect_error(cell.put(&CellPath::work("much").expect("plain"), much, false).await, |error| {
        matches!(error, SandboxError::File { kind: RefusalKind::NoSpace, .. })
    });
    cell.close().await.expect("the cell closes");
}

async fn files_are_gone(bench: &Bench) {
    let mut cell = bench.cell(&short()).await;
    for path in ["/work/left", "/tmp/left", "/dev/shm/left"] {
        let mut ended = async |words: &[&str], keep: bool| {
            let execution = probe(words, short());
            let execution = if keep { execution.keeping() } else { execution };
            cell.execute(&execution).await.expect("an outcome").ended
        };
        assert_eq!(ended(&["write", path], true).await, Ended::Exited { code: 0 }, "{path}");
        assert_eq!(
            ended(&["exists", path], false).await,
            Ended::Exited { code: 0 },
            "{path} was to be kept"
        );
        assert_eq!(
            ended(&["exists", path], false).await,
            Ended::Exited { code: 1 },
            "{path} was left"
        );
    }
    cell.close().await.expect("the cell closes");
}

async fn litter(bench: &Bench) {
    let mut cell = bench.cell(&short()).await;
    for _ in 0..2 {
        let littered =
            cell.execute(&probe(&["litter"], Limits::default())).await.expect("an outcome");
        expect_end(&littered, Ended::Exited { code: 0 });
        for area in ["/work", "/tmp", "/dev/shm"] {
            let left = cell.execute(&probe(&["list", area], short())).await.expect("an outcome");
            expect(&left, |outcome| outcome.ended.is_success() && outcome.stdout.is_empty());
        }
    }
    cell.close().await.expect("the cell closes");
}

async fn only_regular_files(bench: &Bench) {
    let mut cell = bench.cell(&short()).await;
    let tricks: [&[&str]; 5] = [
        &["symlink", "/etc/passwd", "/work/main"],
        &["symlink", "/dev/urandom", "/work/main"],
        &["symlink", "/work/nowhere", "/work/main"],
        &["mkfifo", "/work/main"],
        &["mkdir", "/work/main"],
    ];
    let artifact = CellPath::work("main").expect("plain");
    for trick in tricks {
        let outcome = cell.execute(&probe(trick, short()).keeping()).await.expect("an outcome");
        expect_end(&outcome, Ended::Exited { code: 0 });
        expect_error(cell.get(&artifact, MIB).await, |error| {
            matches!(error, SandboxError::File { kind: RefusalKind::NotRegular, .. })
        });
        let nothing = probe(&["exit", "0"], short());
        expect_end(&cell.execute(&nothing).await.expect("an outcome"), Ended::Exited { code: 0 });
        expect_error(cell.get(&artifact, MIB).await, |error| {
            matches!(error, SandboxError::File { kind: RefusalKind::NotFound, .. })
        });
    }
    let write = probe(&["write", "/work/main"], short()).keeping();
    expect_end(&cell.execute(&write).await.expect("an outcome"), Ended::Exited { code: 0 });
    expect_error(cell.get(&artifact, 999).await, |error| {
        matches!(error, SandboxError::File { kind: RefusalKind::TooLarge, .. })
    });
    assert_eq!(cell.get(&artifact, 1000).await.expect("a regular file").len(), 1000);
    cell.close().await.expect("the cell closes");
}

async fn file_names(bench: &Bench) {
    let long = "x".repeat(300);
    for name in
        ["", ".", "..", "../x", "/etc/passwd", "a/b", "-rf", ".hidden", "a\0b", "a\nb", &long]
    {
        expect_error(CellPath::work(name), |error| matches!(error, SandboxError::BadPath { .. }));
    }
    let mut cell = bench.cell(&short()).await;
    let path = CellPath::work("naïve main;$(x).txt").expect("odd, but plain");
    cell.put(&path, Bytes::from_static(b"content"), false).await.expect("it fits");
    assert_eq!(cell.get(&path, 100).await.expect("it is there"), "content");
    cell.close().await.expect("the cell closes");
}

async fn stack(bench: &Bench) {
    // 64 MiB of frames.
    let deep = ["recurse", "60000"];
    expect_end(&bench.run(&deep, Limits::default()).await, Ended::Exited { code: 0 });
    let limits = Limits { stack: Stack::Bytes(8 * MIB), ..Limits::default() };
    expect_end(&bench.run(&deep, limits).await, Ended::Signaled { signal: libc::SIGSEGV });
}

/// Everything the probe tries is refused; what is not, it names.
async fn privileges(bench: &Bench) {
    let outcome = bench.run(&["privileges"], short()).await;
    expect(&outcome, |outcome| {
        outcome.ended == Ended::Exited { code: 1 } && outcome.stdout.is_empty()
    });
}

async fn network(bench: &Bench) {
    let limits = Limits { wall: Duration::from_secs(2), ..short() };
    expect_end(&bench.run(&["network"], limits).await, Ended::Exited { code: 1 });
}

/// INV-12: what the judge has is not there, whoever owns it.
async fn host_files(bench: &Bench) {
    let mut cell = bench.cell(&short()).await;
    let here = env!("CARGO_MANIFEST_DIR");
    let absent = [
        here,
        "/root/.cargo",
        "/var/run/docker.sock",
        "/sys/kernel/security",
        "/dev/sda",
        "/dev/vda",
        "/dev/mem",
        "/dev/kmsg",
    ];
    for path in absent {
        let outcome = cell.execute(&probe(&["readable", path], short())).await.expect("an outcome");
        expect_end(&outcome, Ended::Exited { code: 1 });
        let outcome = cell.execute(&probe(&["list", path], short())).await.expect("an outcome");
        assert!(outcome.stdout.is_empty(), "{path} is there: {outcome:?}");
    }
    for path in ["/etc/shadow", "/proc/1/environ", "/proc/kcore", "/proc/kmsg"] {
        let outcome = cell.execute(&probe(&["readable", path], short())).await.expect("an outcome");
        assert_eq!(outcome.ended, Ended::Exited { code: 1 }, "{path} can be read");
    }
    for path in ["/dev/zero", "/dev/urandom", "/proc/self/status"] {
        let outcome = cell.execute(&probe(&["readable", path], short())).await.expect("an outcome");
        assert_eq!(outcome.ended, Ended::Exited { code: 0 }, "{path} cannot be read");
    }
    cell.close().await.expect("the cell closes");
}

async fn surroundings(bench: &Bench) {
    let mut cell = bench.cell(&short()).await;
    let mut execution = probe(&["environment"], short());
    execution.env = vec![("LANG".to_owned(), "C".to_owned()), ("SEED".to_owned(), "7".to_owned())];
    let outcome = cell.execute(&execution).await.expect("an outcome");
    let mut variables: Vec<_> =
        std::str::from_utf8(&outcome.stdout).expect("text").lines().collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        ["HOME=/work", "LANG=C", "PATH=/usr/local/bin:/usr/bin:/bin", "SEED=7", "TMPDIR=/tmp"]
    );
    let outcome = cell.execute(&probe(&["descriptors"], short())).await.expect("an outcome");
    expect(&outcome, |outcome| outcome.stdout == "0 1 2 ");
    let outcome = cell.execute(&probe(&["where"], short())).await.expect("an outcome");
    expect(&outcome, |outcome| outcome.stdout == "/work cell 1\n");
    cell.close().await.expect("the cell closes");
}

async fn many_errors(bench: &Bench) {
    let source = format!("#error {}\n", "x".repeat(500)).repeat(1000);
    let (outcome, artifact) = bench.compile("c", &source).await.expect("a compiler");
    expect(&outcome, |outcome| {
        outcome.ended == Ended::Exited { code: 1 }
            && outcome.stderr_truncated
            && outcome.stderr.len() as u64 == sandbox::COMPILER_TEXT_BYTES_MAX
    });
    assert!(artifact.is_none());
}

async fn hostile_includes(bench: &Bench) {
    for include in
        ["/etc/shadow", "/proc/1/environ", "/dev/stdin", "/dev/random", "/root/.cargo/config.toml"]
    {
        let (outcome, artifact) = bench
            .compile("c", &format!("#include \"{include}\"\nint main(void) {{ return 0; }}"))
            .await
            .expect("a compiler");
        let harmless = artifact.is_some() && include == "/dev/stdin";
        assert!(harmless || !outcome.ended.is_success(), "{include}: {outcome:?}");
        assert!(
            !String::from_utf8_lossy(&outcome.stderr).contains("root:"),
            "{include}: {outcome:?}"
        );
    }
}

/// What an adapter says it holds is what it holds.
async fn facts(bench: &Bench) {
    let cell = bench.cell(&short()).await;
    let facts = cell.facts().clone();
    cell.close().await.expect("the cell closes");
    let strength = bench.strength;
    assert_eq!(facts.own_uid, strength.own_uid);
    assert_eq!(facts.memory_cgroup, strength.memory_cgroup);
    assert_eq!(facts.pids_cgroup, strength.pids_cgroup);
    assert_eq!(facts.cpu_cgroup, strength.cpu_cgroup);
    assert!(facts.seccomp);
}

async fn not_started(bench: &Bench) {
    let mut cell = bench.cell(&short()).await;
    let not_a_program = CellPath::program("text").expect("plain");
    cell.put(&not_a_program, Bytes::from_static(b"\x00\x01 nothing executable"), true)
        .await
        .expect("it fits");
    let not_executable = CellPath::program("data").expect("plain");
    cell.put(&not_executable, Bytes::from_static(b"\x7fELF"), false).await.expect("it fits");
    for argv in [
        vec!["no-such-compiler"],
        vec!["/box/nothing"],
        vec!["/box/text"],
        vec!["/box/data"],
        vec![],
    ] {
        let argv: Vec<String> = argv.into_iter().map(str::to_owned).collect();
        expect_error(cell.execute(&Execution::new(argv, short())).await, |error| {
            matches!(error, SandboxError::NotStarted { .. })
        });
    }
    // The cell is none the worse for it.
    let outcome = cell.execute(&probe(&["exit", "0"], short())).await.expect("an outcome");
    expect_end(&outcome, Ended::Exited { code: 0 });
    cell.close().await.expect("the cell closes");
}

async fn cancelled(bench: &Bench) {
    let mut cell = bench.cell(&short()).await;
    let sleep = probe(&["sleep"], short());
    assert!(tokio::time::timeout(Duration::from_millis(50), cell.execute(&sleep)).await.is_err());
    expect_error(cell.execute(&sleep).await, |error| matches!(error, SandboxError::Spoiled));
    cell.close().await.expect("the cell closes all the same");
}

/// A cell that nobody closes is gone all the same; that nothing is left is looked at when all cases are through.
async fn dropped(bench: &Bench) {
    let mut cell = bench.cell(&short()).await;
    let sleep = probe(&["daemon"], short());
    assert!(tokio::time::timeout(Duration::from_millis(1), cell.execute(&sleep)).await.is_err());
    drop(cell);
}

/// No execution gets more than its cell was made for.
async fn ceiling(bench: &Bench) {
    let mut cell = bench.cell(&Limits { memory_bytes: 48 * MIB, ..Limits::default() }).await;
    let greedy = probe(&["touch", "400"], Limits { memory_bytes: 1 << 40, ..Limits::default() });
    expect_end(&cell.execute(&greedy).await.expect("an outcome"), Ended::MemoryLimit);
    cell.close().await.expect("the cell closes");
}
