//! Child processes that crash or are killed, and the notes that they leave behind.
#![allow(unsafe_code, reason = "the test causes a fault and sends signals")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::env;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use crash_note::{LeftNote, Note, left_behind};

/// Set for the child: how it crashes, on which thread, and the folder of its note.
const CRASH: &str = "CRASH";
const THREAD: &str = "THREAD";
const FOLDER: &str = "FOLDER";
/// What the child prints when its work is in progress.
const READY: &str = "in progress";

const NAME: &str = "judge/1 of host";
const WORK: [&str; 2] = ["submission:1", "trial:2"];

/// The child, and a test that does nothing unless it is one.
#[test]
fn child() {
    let Ok(crash) = env::var(CRASH) else { return };
    let note = Note::create(Path::new(&env::var(FOLDER).unwrap()), NAME).unwrap();
    let first = note.enter("submission:0").unwrap();
    let _in_progress = WORK.map(|work| note.enter(work).unwrap());
    drop(first);
    println!("{READY}");
    let is_watched = env::var(THREAD).unwrap() == "watched";
    let crashing = thread::spawn(move || {
        if is_watched {
            note.watch_this_thread();
        }
        match crash.as_str() {
            "overflow" => println!("{}", overflow(1)),
            "abort" => std::process::abort(),
            // SAFETY: none: this is the fault.
            "fault" => unsafe { std::ptr::null_mut::<u8>().wrapping_add(8).write_volatile(1) },
            "panic" => panic!("a panic ends only its thread"),
            _ => loop {
                thread::park();
            },
        }
    });
    let _ = crashing.join();
}

#[allow(unconditional_recursion, reason = "the stack must overflow")]
fn overflow(depth: u64) -> u64 {
    let kept = std::hint::black_box([depth; 64]);
    overflow(depth + 1) + kept[7]
}

#[test]
fn a_crash_of_a_watched_thread_is_noted() {
    for (crash, signal) in
        [("overflow", libc::SIGABRT), ("abort", libc::SIGABRT), ("fault", libc::SIGSEGV)]
    {
        let (ended, left) = run(crash, "watched", None);
        assert_eq!(ended.signal(), Some(signal), "{crash}");
        let [(process, work)] = left.as_slice() else { panic!("{crash}: {left:?}") };
        assert_eq!((process.as_str(), work.as_slice()), (NAME, &WORK.map(str::to_owned)[..]));
    }
}

#[test]
fn a_crash_of_another_thread_is_not_noted() {
    for (crash, signal) in
        [("overflow", libc::SIGABRT), ("abort", libc::SIGABRT), ("fault", libc::SIGSEGV)]
    {
        let (ended, left) = run(crash, "other", None);
        assert_eq!((ended.signal(), left), (Some(signal), vec![]), "{crash}");
    }
}

#[test]
fn a_signal_from_outside_is_not_noted() {
    for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGABRT, libc::SIGSEGV] {
        let (ended, left) = run("none", "watched", Some(signal));
        assert_eq!((ended.signal(), left), (Some(signal), vec![]));
    }
}

#[test]
fn a_panic_is_no_crash() {
    let (ended, left) = run("panic", "watched", None);
    assert_eq!((ended.code(), left), (Some(0), vec![]));
}

#[test]
fn notes_of_running_processes_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let note = Note::create(folder.path(), NAME).unwrap();
    let _entry = note.enter(WORK[0]).unwrap();
    assert!(left_behind(folder.path()).unwrap().is_empty());
    assert_eq!(files(folder.path()), 1);
    assert!(note.enter(&"x".repeat(128)).is_err());
    note.remove().unwrap();
    assert_eq!(files(folder.path()), 0);
}

/// Runs a child until it ends, after this signal if one is given. The notes that it left are read
/// twice: they stay until they are removed.
fn run(crash: &str, thread: &str, signal: Option<i32>) -> (ExitStatus, Vec<(String, Vec<String>)>) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .envs([(CRASH, crash), (THREAD, thread)])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let printed = BufReader::new(child.stdout.take().unwrap());
    let mut lines = printed.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(READY)), "the child did not begin");
    if let Some(signal) = signal {
        let pid = i32::try_from(child.id()).unwrap();
        // SAFETY: `kill` reads no memory. The child has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }
    let ended = child.wait().unwrap();
    let content = |left: &LeftNote| (left.process.clone(), left.in_progress.clone());
    let first: Vec<_> = left_behind(folder.path()).unwrap().iter().map(content).collect();
    let left = left_behind(folder.path()).unwrap();
    assert_eq!(left.iter().map(content).collect::<Vec<_>>(), first);
    for note in left {
        note.remove().unwrap();
    }
    assert_eq!(files(folder.path()), 0);
    (ended, first)
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}
