//! Measures how long a program has been computing without waiting, by sampling.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, iter};

/// How long a program has been computing, or ready to compute, at every sample. Unlike processor
/// time, this does not depend on how many other processes compete for the processor.
#[derive(Default)]
pub(crate) struct Busy {
    since: Option<Instant>,
}

impl Busy {
    /// Samples every process of the cell except the runner.
    pub(crate) fn sample(&mut self) {
        self.since = if computes() { self.since.or_else(|| Some(Instant::now())) } else { None };
    }

    /// The time since the first sample after the program last waited; zero while it waits.
    pub(crate) fn lasted(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

fn computes() -> bool {
    let processes = below("/proc").filter(|process| process != "1");
    let mut tasks = processes.map(|process| format!("/proc/{process}/task"));
    tasks.any(|tasks| below(&tasks).any(|thread| is_computing(&format!("{tasks}/{thread}/stat"))))
}

/// The entries of a directory that are numbers.
fn below(directory: impl AsRef<Path>) -> impl Iterator<Item = String> {
    let mut entries = fs::read_dir(directory).ok();
    iter::from_fn(move || entries.as_mut()?.next()?.ok())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_computing(stat: &str) -> bool {
    fs::read_to_string(stat).is_ok_and(|stat| is_computing_state(&stat))
}

/// Whether the state is running, ready to run, or waiting for a page of memory or a disk. The
/// process name before the state may contain any character.
fn is_computing_state(stat: &str) -> bool {
    let state = stat.rsplit_once(") ").and_then(|(_, fields)| fields.chars().next());
    matches!(state, Some('R' | 'D'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_stands_behind_the_name() {
        for (stat, computing) in [
            ("7 (a) R 1 7", true),
            ("7 (a) D 1 7", true),
            ("7 (a) S 1 7", false),
            ("7 (a) Z 1 7", false),
            ("7 () R (x) S 1 7", false),
            ("7 () S (x) R 1 7", true),
            ("", false),
        ] {
            assert_eq!(is_computing_state(stat), computing, "{stat}");
        }
    }
}
