//! The self-test's program: it attempts what a cell must not allow. It is part of the runner's
//! binary, so that a machine without any compiler can be tested.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{ForkResult, Uid, chroot, setuid};

use crate::{spawn, sys};

/// The most processes that the fork attempt tries to make.
const FORKS_MAX: u32 = 1000;

/// Makes the attempt with this name. Prints each action that was allowed but should not be, one per
/// line.
pub(crate) fn make(name: &str, argument: &str) -> ExitCode {
    match name {
        "escape" => report(&escape(argument.parse().unwrap_or(0))),
        "burn" => loop {
            std::hint::spin_loop();
        },
        "sleep" => loop {
            thread::park();
        },
        "touch" => touch(argument.parse().unwrap_or(0)),
        "flood" => flood(),
        "write" => write(argument.parse().unwrap_or(0)),
        "fork" => fork(),
        "leave" => leave(),
        "leftovers" => report(&leftovers()),
        other => {
            eprintln!("there is no attempt {other:?}");
            ExitCode::from(2)
        }
    }
}

fn report(allowed: &[&str]) -> ExitCode {
    for what in allowed {
        println!("{what}");
    }
    if allowed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tries every way out of the cell, and returns the names of those that worked.
fn escape(listening_port: u16) -> Vec<&'static str> {
    let opens = |path: &str| fs::File::open(path).is_ok();
    let writes = |path: &str| OpenOptions::new().append(true).create(true).open(path).is_ok();
    let none = None::<&str>;
    let attempts = [
        ("becoming root", setuid(Uid::from_raw(0)).is_ok()),
        ("mounting", mount(none, "/tmp", Some("tmpfs"), MsFlags::empty(), none).is_ok()),
        ("making a user namespace", unshare(CloneFlags::CLONE_NEWUSER).is_ok()),
        ("changing the root", chroot("/tmp").is_ok()),
        ("tracing process 1", sys::may_trace(1)),
        ("reading process 1's environment", opens("/proc/1/environ")),
        ("reading process 1's memory", opens("/proc/1/mem")),
        ("reading the host's passwords", opens("/etc/shadow")),
        ("reading the kernel's log", opens("/dev/kmsg") || opens("/proc/kmsg")),
        ("reaching a container engine", fs::metadata("/var/run/docker.sock").is_ok()),
        ("writing to the root", writes("/escaped")),
        ("writing to the toolchain", writes("/usr/escaped")),
        ("writing to its program", writes("/box/escaped")),
        ("writing kernel settings", writes("/proc/sys/kernel/core_pattern")),
        ("reaching the host's network", sys::may_connect(listening_port)),
        ("capabilities", status("CapEff") != Some(0)),
        ("new privileges", status("NoNewPrivs") != Some(1)),
        ("unfiltered system calls", status("Seccomp") != Some(2)),
    ];
    attempts.into_iter().filter(|(_, allowed)| *allowed).map(|(what, _)| what).collect()
}

/// A hexadecimal field of `/proc/self/status`.
fn status(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    u64::from_str_radix(value.trim(), 16).ok()
}

fn touch(mib: usize) -> ExitCode {
    let memory = vec![1_u8; mib << 20];
    ExitCode::from(u8::from(std::hint::black_box(memory).is_empty()))
}

fn flood() -> ExitCode {
    let line = [b'x'; 4096];
    while io::stdout().write_all(&line).is_ok() {}
    ExitCode::FAILURE
}

fn write(mib: usize) -> ExitCode {
    let written = fs::File::create("/work/large")
        .and_then(|mut file| (0..mib).try_for_each(|_| file.write_all(&[0; 1 << 20])));
    ExitCode::from(u8::from(written.is_err()))
}

/// Prints the number of processes it could make.
fn fork() -> ExitCode {
    let mut made = 0;
    while made < FORKS_MAX {
        match spawn::fork() {
            Ok(ForkResult::Child) => loop {
                thread::park();
            },
            Ok(ForkResult::Parent { .. }) => made += 1,
            Err(_) => break,
        }
    }
    println!("{made}");
    ExitCode::SUCCESS
}

/// Leaves a file in each writable area, and a running process.
fn leave() -> ExitCode {
    let left = runner::layout::WRITABLE
        .iter()
        .try_for_each(|area| fs::write(format!("{area}/left"), "left"));
    if left.is_err() {
        return ExitCode::FAILURE;
    }
    match spawn::fork() {
        Ok(ForkResult::Child) => loop {
            thread::park();
        },
        Ok(ForkResult::Parent { .. }) => ExitCode::SUCCESS,
        Err(_) => sys::end_fork(1),
    }
}

/// Looks for files and processes of an earlier run.
fn leftovers() -> Vec<&'static str> {
    let files = runner::layout::WRITABLE
        .iter()
        .any(|area| fs::read_dir(area).map_or(true, |mut entries| entries.next().is_some()));
    let own = std::process::id();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().any(|entry| {
        let pid: Option<u32> = entry.file_name().to_str().and_then(|name| name.parse().ok());
        pid.is_some_and(|pid| pid != 1 && pid != own)
    });
    let left = [("a file of an earlier run", files), ("a process of an earlier run", processes)];
    left.into_iter().filter(|(_, there)| *there).map(|(what, _)| what).collect()
}
