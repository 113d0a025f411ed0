//! Watches a run: its clocks, its output, the program's end, and the end of everything it started.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use runner::message::Command;

use crate::busy::Busy;
use crate::capture::Capture;
use crate::cell::Cell;
use crate::ending::{Status, Stopped};
use crate::meter::Mark;
use crate::peer::Peer;
use crate::refusal::Failure;
use crate::standby::{Given, Spawned};
use crate::sys::{self, Reaping};
use crate::talk::Talk;
use crate::usage::{self, Usage};
use crate::wire::host_is_gone;
use crate::{launch, spawn};

/// The shortest time between two checks of the processor time used.
const POLL_MIN: Duration = Duration::from_millis(2);

/// The longest time between two checks if only the processor time must be checked.
const POLL_MAX: Duration = Duration::from_millis(500);

/// The longest time between two checks if memory must be sampled, because no cgroup limits it.
const POLL_MAX_SAMPLING: Duration = Duration::from_millis(10);

/// The longest time between two checks for a linked program, to sample often enough whether it
/// computes or waits.
const POLL_MAX_LINKED: Duration = Duration::from_millis(100);

/// How long killed processes may take to end. A process that takes longer hangs in the kernel, and
/// the cell is given up.
const KILL_WAIT_MAX: Duration = Duration::from_secs(10);

/// The shortest time between two reads of the output. Otherwise a program that prints line by line
/// would wake the runner for each line, and wait for it if both share a core.
const READ_INTERVAL: Duration = Duration::from_millis(1);

/// The longest error text of a program that could not be started, in bytes.
const START_ERROR_BYTES_MAX: usize = 1024;

/// The result of watching a run.
pub(crate) struct Watched {
    pub(crate) stopped: Option<Stopped>,
    pub(crate) status: Option<Status>,
    /// Why the program could not be started.
    pub(crate) start_error: Option<String>,
    /// Processor time of all processes that have been waited for.
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    /// Whether the leader of a link had ended before this follower.
    pub(crate) peer_ended: bool,
    /// How long the program had been computing without a pause when the follower of its link ended.
    pub(crate) busy: Duration,
    /// The most memory seen in use, in bytes, for when no cgroup measures the program's peak.
    pub(crate) memory_bytes_max: u64,
    pub(crate) stdout: Capture,
    pub(crate) stderr: Capture,
}

/// Starts a command and watches it until it and everything it started has ended.
pub(crate) fn supervise(
    cell: &mut Cell,
    host: BorrowedFd<'_>,
    command: &Command,
    mark: &Mark,
    given: Given,
    peer: Option<Peer>,
) -> Result<Watched, Failure> {
    let mut watch = Watch::launch(cell, command, mark, given, peer)?;
    let stopped = watch.until_end(host).map_err(fatal)?;
    let wall = watch.started.elapsed();
    let peer_ended = watch.peer_ended(stopped).map_err(fatal)?;
    let busy = watch.busy_at_follower_end();
    watch.reap_all().map_err(fatal)?;
    watch.leave_peer(host, stopped).map_err(fatal)?;
    // Files in memory outlive the processes that wrote them, until they are removed.
    watch.sample_held();
    watch.read_rest().map_err(fatal)?;
    Ok(Watched {
        stopped,
        status: watch.status,
        start_error: watch.start_error(),
        cpu: watch.usage.reaped_cpu,
        wall,
        peer_ended,
        busy,
        memory_bytes_max: watch.usage.memory_bytes_max,
        stdout: watch.stdout,
        stderr: watch.stderr,
    })
}

pub(crate) fn fatal(error: impl Into<io::Error>) -> Failure {
    Failure::Fatal(error.into())
}

/// A run that is watched.
pub(crate) struct Watch<'a> {
    pub(crate) cell: &'a Cell,
    /// The command, with the limits of this turn if it has turns.
    pub(crate) command: Command,
    pub(crate) mark: Mark,
    program: Pid,
    pub(crate) started: Instant,
    next_check: Instant,
    /// When the output is read next.
    next_read: Instant,
    pub(crate) usage: Usage,
    pub(crate) status: Option<Status>,
    /// The other end of a link.
    peer: Option<Peer>,
    busy: Busy,
    /// The program's conversation with the host.
    pub(crate) talk: Option<Talk>,
    pub(crate) stdout: Capture,
    pub(crate) stderr: Capture,
    start_error: Capture,
}

impl<'a> Watch<'a> {
    /// Starts a command.
    pub(crate) fn launch(
        cell: &'a mut Cell,
        command: &Command,
        mark: &Mark,
        given: Given,
        peer: Option<Peer>,
    ) -> Result<Self, Failure> {
        let started = Instant::now();
        let Spawned { pid, stdout, stderr, start_error } = launch::launch(cell, command, &given)?;
        // From here on, only the program and `peer` hold ends of a link.
        drop(given);
        let (peer, stderr) = match peer {
            Some(Peer::Leader(mut leader)) => {
                let errors = leader.errors.take().unwrap_or(stderr);
                (Some(Peer::Leader(leader)), errors)
            }
            follower => (follower, stderr),
        };
        Ok(Self {
            cell,
            command: command.clone(),
            mark: mark.clone(),
            program: pid,
            started,
            next_check: started,
            next_read: started,
            usage: Usage::default(),
            status: None,
            peer,
            busy: Busy::default(),
            talk: None,
            stdout: Capture::new(stdout, command.stdout_bytes).map_err(fatal)?,
            stderr: Capture::new(stderr, command.stderr_bytes).map_err(fatal)?,
            start_error: Capture::new(start_error, START_ERROR_BYTES_MAX as u64).map_err(fatal)?,
        })
    }

    /// Begins another turn of the program, with these limits.
    pub(crate) fn begin_again(&mut self, cpu: Duration, wall: Duration) -> io::Result<()> {
        self.mark = self.cell.meter.begin_again(&self.mark)?;
        self.usage.begin_again();
        self.limit(cpu, wall);
        Ok(())
    }

    /// Sets the limits of the turn that begins now.
    pub(crate) fn limit(&mut self, cpu: Duration, wall: Duration) {
        (self.command.cpu, self.command.wall) = (cpu, wall);
        self.started = Instant::now();
    }

    /// Processor time of the run or turn so far.
    pub(crate) fn cpu(&mut self) -> Duration {
        let measured = self.cell.meter.cpu_since(&self.mark);
        measured.unwrap_or_else(|| {
            self.usage.sample();
            self.usage.cpu()
        })
    }

    /// Whether there are processes besides the program's first one.
    pub(crate) fn has_others(&self) -> bool {
        usage::processes().any(|pid| pid != self.program.as_raw().cast_unsigned())
    }

    /// Reads the output from before the program's end. Its pipes have no writers left, so they end
    /// after it.
    pub(crate) fn read_rest(&mut self) -> io::Result<()> {
        self.stdout.read_rest()?;
        self.stderr.read_rest()?;
        self.start_error.read_rest()
    }

    /// Why the program could not be started.
    pub(crate) fn start_error(&self) -> Option<String> {
        let error = self.start_error.bytes();
        (!error.is_empty()).then(|| String::from_utf8_lossy(error).into_owned())
    }

    /// Watches until the program's first process has ended or must be stopped, or its turn is over.
    /// Its descendants may still be alive.
    pub(crate) fn until_end(&mut self, host: BorrowedFd<'_>) -> io::Result<Option<Stopped>> {
        self.schedule_check(Duration::ZERO);
        loop {
            let now = Instant::now();
            if now - self.started > self.command.wall {
                return Ok(Some(Stopped::Wall));
            }
            if now >= self.next_check
                && let Some(stopped) = self.check_limits()
            {
                return Ok(Some(stopped));
            }
            self.wait(host)?;
            self.reap();
            if let Some(talk) = &mut self.talk
                && talk.go_on()?
            {
                return Ok(None);
            }
            if self.status.is_some() {
                return Ok(None);
            }
            self.read_on()?;
            if self.stdout.overflowed() && !self.command.drop_excess {
                return Ok(Some(Stopped::Output));
            }
        }
    }

    /// Reads the output, unless it was read just before.
    fn read_on(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if now < self.next_read {
            return Ok(());
        }
        let read_errors = self.stderr.read_on()?;
        let read_output = self.stdout.read_on()?;
        if read_errors || read_output {
            self.next_read = now + READ_INTERVAL;
        }
        Ok(())
    }

    /// Whether the leader ended before this follower, which has just ended or is about to be
    /// stopped.
    fn peer_ended(&self, stopped: Option<Stopped>) -> io::Result<bool> {
        match &self.peer {
            Some(Peer::Follower(follower)) => follower.leader_ended(stopped.is_none()),
            Some(Peer::Leader(_)) | None => Ok(false),
        }
    }

    /// How long the program had been computing when the follower ended. The follower may be this
    /// program.
    fn busy_at_follower_end(&self) -> Duration {
        match &self.peer {
            Some(Peer::Leader(leader)) => leader.busy.unwrap_or_default(),
            Some(Peer::Follower(_)) => self.busy.lasted(),
            None => Duration::ZERO,
        }
    }

    /// Releases the link: after an accepting end once the follower has ended, otherwise
    /// immediately.
    fn leave_peer(&mut self, host: BorrowedFd<'_>, stopped: Option<Stopped>) -> io::Result<()> {
        let accepts = match self.status {
            Some(Status::Exited(code)) => self.command.accepting.contains(&code),
            _ => false,
        };
        match self.peer.take() {
            Some(Peer::Leader(leader)) if accepts && stopped.is_none() => {
                leader.drop_until_follower_ends(host, self.started + self.command.wall)
            }
            _ => Ok(()),
        }
    }

    /// Waits until there is something to do.
    fn wait(&mut self, host: BorrowedFd<'_>) -> io::Result<()> {
        let now = Instant::now();
        let reads = now >= self.next_read;
        let mut deadline = self.next_check.min(self.started + self.command.wall + POLL_MIN);
        if !reads {
            deadline = deadline.min(self.next_read);
        }
        deadline = self.talk.iter().filter_map(Talk::deadline).fold(deadline, Instant::min);
        let patience = deadline.saturating_duration_since(now);
        let mut watched = vec![
            // Requests no events for the host's side, so only its end is reported.
            PollFd::new(host, PollFlags::empty()),
            PollFd::new(self.cell.signals.as_fd(), PollFlags::POLLIN),
        ];
        let pipes = [&self.stdout, &self.stderr].into_iter().filter(|_| reads);
        let pipes = pipes.filter_map(Capture::pipe);
        watched.extend(pipes.map(|pipe| PollFd::new(pipe, PollFlags::POLLIN)));
        if let Some(Peer::Leader(leader)) = &self.peer {
            watched.extend(leader.awaited());
        }
        watched.extend(self.talk.iter().flat_map(Talk::awaited));
        match ppoll(&mut watched, Some(TimeSpec::from_duration(patience)), None) {
            Ok(_) => {}
            Err(error) if spawn::is_transient(error) => {}
            Err(error) => return Err(error.into()),
        }
        if watched[0].revents().is_some_and(|events| !events.is_empty()) {
            return Err(host_is_gone());
        }
        if let Some(Peer::Leader(leader)) = &mut self.peer {
            leader.read_for_follower(&self.busy)?;
        }
        Ok(())
    }

    /// Compares usage with the limits, and schedules the next check.
    fn check_limits(&mut self) -> Option<Stopped> {
        let meter = &self.cell.meter;
        if !meter.limits_memory() || !meter.measures_cpu() {
            self.usage.sample();
        }
        self.sample_held();
        let meter = &self.cell.meter;
        let cpu = meter.cpu_since(&self.mark).unwrap_or_else(|| self.usage.cpu());
        if cpu > self.command.cpu {
            return Some(Stopped::Cpu);
        }
        if !meter.limits_memory() && self.usage.memory_bytes_max > self.command.memory_bytes {
            return Some(Stopped::Memory);
        }
        if self.peer.is_some() {
            self.busy.sample();
        }
        self.schedule_check(cpu);
        None
    }

    /// Samples how much more memory the cell holds than before the run, without the output and the
    /// messages that the runner holds.
    pub(crate) fn sample_held(&mut self) {
        let said = self.talk.as_ref().map_or(0, Talk::bytes);
        let captured = (self.stdout.bytes().len() + self.stderr.bytes().len() + said) as u64;
        let held = self.cell.meter.held_since(&self.mark).saturating_sub(captured);
        self.usage.memory_bytes_max = self.usage.memory_bytes_max.max(held);
    }

    /// Schedules the next check for the earliest time at which the processor time limit can be
    /// reached, if the program uses all its processors.
    fn schedule_check(&mut self, cpu: Duration) {
        let processors = self.cell.cores.processors(self.command.core);
        let soonest = self.command.cpu.saturating_sub(cpu) / processors;
        let poll_max = match (self.cell.meter.limits_memory(), &self.peer) {
            (false, _) => POLL_MAX_SAMPLING,
            (true, Some(_)) => POLL_MAX_LINKED,
            (true, None) => POLL_MAX,
        };
        self.next_check = Instant::now() + soonest.clamp(POLL_MIN, poll_max);
    }

    /// Reaps every child that has ended; orphans in the cell become the runner's children. `None`
    /// if there are no children left.
    fn reap(&mut self) -> Option<()> {
        self.cell.signals.drain();
        loop {
            match sys::reap() {
                Reaping::One(reaped) => {
                    self.usage.add(&reaped);
                    if reaped.pid == self.program.as_raw() {
                        self.status = status(self.program, reaped.status);
                    }
                }
                Reaping::NoneYet => return Some(()),
                Reaping::NoChildren => return None,
            }
        }
    }

    /// Kills every process in the cell and waits until all have ended.
    pub(crate) fn reap_all(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + KILL_WAIT_MAX;
        loop {
            sys::kill_all();
            if self.reap().is_none() {
                return Ok(());
            }
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "killed processes do not go away",
                ));
            }
            let mut watched = [PollFd::new(self.cell.signals.as_fd(), PollFlags::POLLIN)];
            match ppoll(&mut watched, Some(TimeSpec::from_duration(patience)), None) {
                Err(error) if !spawn::is_transient(error) => return Err(error.into()),
                _ => {}
            }
        }
    }
}

fn status(pid: Pid, raw: i32) -> Option<Status> {
    match WaitStatus::from_raw(pid, raw) {
        Ok(WaitStatus::Exited(_, code)) => Some(Status::Exited(code)),
        Ok(WaitStatus::Signaled(_, signal, _)) => Some(Status::Signaled(signal as i32)),
        // A real-time signal has no name here, so take its number from the status.
        Err(Errno::EINVAL) => Some(Status::Signaled(raw & 0x7f)),
        _ => None,
    }
}
