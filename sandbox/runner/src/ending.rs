//! What ended a run.

use std::time::Duration;

use nix::sys::signal::Signal;
use runner::message::{Command, Ended};

/// Why the supervisor killed the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    Cpu,
    Wall,
    Memory,
    Output,
}

/// How the program's first process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Exited(i32),
    Signaled(i32),
}

/// The observations that decide what ended a run.
pub(crate) struct Seen {
    pub(crate) stopped: Option<Stopped>,
    pub(crate) status: Option<Status>,
    pub(crate) out_of_memory: bool,
    pub(crate) output_overflowed: bool,
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    pub(crate) memory_bytes: u64,
}

impl Seen {
    /// What ended the run (INV-4). In this order: the kernel's out-of-memory killer, the
    /// supervisor, a limit found exceeded after the end, the program itself.
    pub(crate) fn ended(&self, command: &Command) -> Ended {
        if self.out_of_memory {
            return Ended::MemoryLimit;
        }
        match self.stopped {
            Some(Stopped::Output) => return Ended::OutputLimit,
            Some(Stopped::Memory) => return Ended::MemoryLimit,
            Some(Stopped::Cpu) => return Ended::CpuLimit,
            Some(Stopped::Wall) => return Ended::WallLimit,
            None => {}
        }
        if self.memory_bytes > command.memory_bytes {
            return Ended::MemoryLimit;
        }
        if self.output_overflowed {
            return Ended::OutputLimit;
        }
        if self.cpu > command.cpu {
            return Ended::CpuLimit;
        }
        if self.wall > command.wall {
            return Ended::WallLimit;
        }
        match self.status {
            Some(Status::Signaled(signal)) if signal == Signal::SIGXFSZ as i32 => Ended::FileLimit,
            Some(Status::Signaled(signal)) => Ended::Signaled(signal),
            Some(Status::Exited(code)) => Ended::Exited(code),
            // Unreachable: a supervisor that has not stopped the program has seen it end.
            None => Ended::Signaled(Signal::SIGKILL as i32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command {
            argv: Vec::new(),
            env: Vec::new(),
            stdin_bytes: 0,
            linked: false,
            talks: false,
            accepting: Vec::new(),
            cpu: Duration::from_secs(1),
            wall: Duration::from_secs(3),
            memory_bytes: 1 << 20,
            processes: 1,
            open_files: 16,
            stdout_bytes: 10,
            drop_excess: false,
            stderr_bytes: 10,
            file_bytes: 10,
            stack_bytes: None,
            keep_files: false,
            core: None,
        }
    }

    fn seen(status: Status) -> Seen {
        Seen {
            stopped: None,
            status: Some(status),
            out_of_memory: false,
            output_overflowed: false,
            cpu: Duration::from_millis(10),
            wall: Duration::from_millis(12),
            memory_bytes: 4096,
        }
    }

    /// INV-4: an exit code that looks like a signal is an exit code.
    #[test]
    fn exit_codes_are_not_signals() {
        assert_eq!(seen(Status::Exited(137)).ended(&command()), Ended::Exited(137));
        assert_eq!(seen(Status::Signaled(9)).ended(&command()), Ended::Signaled(9));
    }

    /// INV-4: a program that exits normally, but late or too big, has exceeded its limits.
    #[test]
    fn limits_hold_for_programs_that_exited() {
        let done = || seen(Status::Exited(0));
        let late = Seen { cpu: Duration::from_millis(1001), ..done() };
        assert_eq!(late.ended(&command()), Ended::CpuLimit);
        let slow = Seen { wall: Duration::from_millis(3001), ..done() };
        assert_eq!(slow.ended(&command()), Ended::WallLimit);
        let big = Seen { memory_bytes: (1 << 20) + 1, ..done() };
        assert_eq!(big.ended(&command()), Ended::MemoryLimit);
        let long = Seen { output_overflowed: true, ..done() };
        assert_eq!(long.ended(&command()), Ended::OutputLimit);
    }

    /// INV-4: a child that the kernel killed for memory decides, even if its parent exits normally.
    #[test]
    fn the_kernel_comes_first() {
        let swallowed = Seen { out_of_memory: true, ..seen(Status::Exited(0)) };
        assert_eq!(swallowed.ended(&command()), Ended::MemoryLimit);
        let also_slow =
            Seen { out_of_memory: true, stopped: Some(Stopped::Cpu), ..seen(Status::Signaled(9)) };
        assert_eq!(also_slow.ended(&command()), Ended::MemoryLimit);
    }
}
