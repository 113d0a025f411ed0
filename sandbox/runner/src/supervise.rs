//! Watching a program run: its clocks, its output, its end, and the end of everything it started.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        time::TimeSpec,
        wait::WaitStatus,
    },
    unistd::{Pid, SysconfVar, sysconf},
};
use runner::message::Command;

use crate::{
    busy::Busy,
    execute::{Failure, Status, Stopped},
    meter::Mark,
    peer::Peer,
    serve::Cell,
    spawn,
    standby::{self, Given, Spawned},
    sys::{self, Reaping},
};

/// The shortest time between two looks at the processor time used.
const LOOK_MIN: Duration = Duration::from_millis(2);

/// The longest, where nothing but the processor time has to be looked at.
const LOOK_MAX: Duration = Duration::from_millis(500);

/// The longest where memory has to be sampled, because no cgroup limits it.
const LOOK_MAX_SAMPLING: Duration = Duration::from_millis(10);

/// The longest for a linked program, so that whether it computes or waits is seen often enough.
const LOOK_MAX_LINKED: Duration = Duration::from_millis(100);

/// How long killed processes may take to be gone. One that takes longer hangs in the kernel, and the cell is given up.
const DYING_MAX: Duration = Duration::from_secs(10);

/// The shortest time between two looks at what was printed. A program that prints line by line would have the runner
/// woken for each, and wait for it where both share a core.
const READ_INTERVAL: Duration = Duration::from_millis(1);

/// How much is read from a pipe at once, in bytes.
const READ_BYTES: usize = 64 << 10;

/// The longest complaint of a program that could not be started, in bytes.
const COMPLAINT_BYTES_MAX: usize = 1024;

/// Signals, as something to wait for among other things.
pub(crate) struct Signals(SignalFd);

impl Signals {
    /// Blocks SIGCHLD and reads it from a descriptor instead.
    pub(crate) fn take() -> nix::Result<Self> {
        let mut children = SigSet::empty();
        children.add(Signal::SIGCHLD);
        children.thread_block()?;
        Ok(Self(SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?))
    }

    fn drain(&self) {
        while let Ok(Some(_)) = self.0.read_signal() {}
    }
}

/// What watching a program found.
pub(crate) struct Watched {
    pub(crate) stopped: Option<Stopped>,
    pub(crate) status: Option<Status>,
    /// Why it could not be started.
    pub(crate) complaint: Option<String>,
    /// Processor time of all processes, as far as they were waited for.
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    /// Whether the leader of a link had ended before this follower.
    pub(crate) peer_ended: bool,
    /// How long it had been computing without a pause when the follower of its link ended.
    pub(crate) busy: Duration,
    /// The most memory seen in use where no cgroup measures the program's peak.
    pub(crate) memory_bytes_max: u64,
    pub(crate) stdout: Capture,
    pub(crate) stderr: Capture,
}

/// Starts a command and watches it until it and everything it started is gone.
pub(crate) fn supervise(
    cell: &mut Cell,
    host: BorrowedFd<'_>,
    command: &Command,
    mark: &Mark,
    given: Given,
    peer: Option<Peer>,
) -> Result<Watched, Failure> {
    let started = Instant::now();
    let Spawned { pid, stdout, stderr, complaint } = standby::spawn(cell, command, &given)?;
    // Of a link, only the program and `peer` have ends from here on.
    drop(given);
    let (peer, stderr) = match peer {
        Some(Peer::Leader(mut leader)) => {
            let errors = leader.errors.take().unwrap_or(stderr);
            (Some(Peer::Leader(leader)), errors)
        }
        follower => (follower, stderr),
    };
    let mut watch = Watch {
        cell,
        command,
        mark,
        program: pid,
        started,
        next_look: started,
        next_read: started,
        toll: Toll::default(),
        status: None,
        peer,
        busy: Busy::default(),
        stdout: Capture::new(stdout, command.stdout_bytes).map_err(fatal)?,
        stderr: Capture::new(stderr, command.stderr_bytes).map_err(fatal)?,
        complaint: Capture::new(complaint, COMPLAINT_BYTES_MAX as u64).map_err(fatal)?,
    };
    let stopped = watch.until_end(host).map_err(fatal)?;
    let wall = started.elapsed();
    let peer_ended = watch.peer_ended(stopped).map_err(fatal)?;
    let busy = watch.busy_at_follower_end();
    watch.bury().map_err(fatal)?;
    watch.leave_peer(host, stopped).map_err(fatal)?;
    // Files in memory outlive the processes that filled them, until they are swept.
    watch.sample_held();
    // What was written before the end is still in the pipes; now that nobody is left to write, they end.
    watch.stdout.read_rest().map_err(fatal)?;
    watch.stderr.read_rest().map_err(fatal)?;
    watch.complaint.read_rest().map_err(fatal)?;
    let complaint = watch.complaint.into_bytes();
    Ok(Watched {
        stopped,
        status: watch.status,
        complaint: (!complaint.is_empty())
            .then(|| String::from_utf8_lossy(&complaint).into_owned()),
        cpu: watch.toll.reaped_cpu,
        wall,
        peer_ended,
        busy,
        memory_bytes_max: watch.toll.memory_bytes_max,
        stdout: watch.stdout,
        stderr: watch.stderr,
    })
}

fn fatal(error: impl Into<io::Error>) -> Failure {
    Failure::Fatal(error.into())
}

struct Watch<'a> {
    cell: &'a Cell,
    command: &'a Command,
    mark: &'a Mark,
    program: Pid,
    started: Instant,
    next_look: Instant,
    /// When what was printed is next looked at.
    next_read: Instant,
    toll: Toll,
    status: Option<Status>,
    /// The other end of a link.
    peer: Option<Peer>,
    busy: Busy,
    stdout: Capture,
    stderr: Capture,
    complaint: Capture,
}

impl Watch<'_> {
    /// Watches until the program's first process has ended or has to be stopped. Its descendants may live on.
    fn until_end(&mut self, host: BorrowedFd<'_>) -> io::Result<Option<Stopped>> {
        self.schedule_look(Duration::ZERO);
        loop {
            let now = Instant::now();
            if now - self.started > self.command.wall {
                return Ok(Some(Stopped::Wall));
            }
            if now >= self.next_look
                && let Some(stopped) = self.look()
            {
                return Ok(Some(stopped));
            }
            self.wait(host)?;
            self.reap();
            if self.status.is_some() {
                return Ok(None);
            }
            self.read_on()?;
            if self.stdout.overflowed() && !self.command.drop_excess {
                return Ok(Some(Stopped::Output));
            }
        }
    }

    /// Takes in what was printed, unless that was done just before.
    fn read_on(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if now < self.next_read {
            return Ok(());
        }
        let complained = self.stderr.read_on()?;
        let printed = self.stdout.read_on()?;
        if complained || printed {
            self.next_read = now + READ_INTERVAL;
        }
        Ok(())
    }

    /// Whether the leader ended before this follower, which has ended now or is about to be stopped.
    fn peer_ended(&self, stopped: Option<Stopped>) -> io::Result<bool> {
        match &self.peer {
            Some(Peer::Follower(follower)) => follower.leader_ended(stopped.is_none()),
            Some(Peer::Leader(_)) | None => Ok(false),
        }
    }

    /// How long the program had been computing when the follower ended, which may be itself.
    fn busy_at_follower_end(&self) -> Duration {
        match &self.peer {
            Some(Peer::Leader(leader)) => leader.busy.unwrap_or_default(),
            Some(Peer::Follower(_)) => self.busy.lasted(),
            None => Duration::ZERO,
        }
    }

    /// Gives up the link: at once, or after an end that accepts once the follower has ended, too.
    fn leave_peer(&mut self, host: BorrowedFd<'_>, stopped: Option<Stopped>) -> io::Result<()> {
        let accepts = match self.status {
            Some(Status::Exited(code)) => self.command.accepting.contains(&code),
            _ => false,
        };
        match self.peer.take() {
            Some(Peer::Leader(leader)) if accepts && stopped.is_none() => {
                leader.hear_out(host, self.started + self.command.wall)
            }
            _ => Ok(()),
        }
    }

    /// Waits until there is something to do.
    fn wait(&mut self, host: BorrowedFd<'_>) -> io::Result<()> {
        let now = Instant::now();
        let reads = now >= self.next_read;
        let mut deadline = self.next_look.min(self.started + self.command.wall + LOOK_MIN);
        if !reads {
            deadline = deadline.min(self.next_read);
        }
        let patience = deadline.saturating_duration_since(now);
        let mut watched = vec![
            // No events are asked for on the host's side: only its end is reported.
            PollFd::new(host, PollFlags::empty()),
            PollFd::new(self.cell.signals.0.as_fd(), PollFlags::POLLIN),
        ];
        let pipes = [&self.stdout, &self.stderr].into_iter().filter(|_| reads);
        let pipes = pipes.filter_map(|capture| capture.pipe.as_ref());
        watched.extend(pipes.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        if let Some(Peer::Leader(leader)) = &self.peer {
            watched.extend(leader.awaited());
        }
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

    /// Compares what has been used with what may be, and says when to look again.
    fn look(&mut self) -> Option<Stopped> {
        let meter = &self.cell.meter;
        if !meter.limits_memory() || !meter.measures_cpu() {
            self.toll.sample();
        }
        self.sample_held();
        let meter = &self.cell.meter;
        let cpu = meter.cpu_since(self.mark).unwrap_or_else(|| self.toll.cpu());
        if cpu > self.command.cpu {
            return Some(Stopped::Cpu);
        }
        if !meter.limits_memory() && self.toll.memory_bytes_max > self.command.memory_bytes {
            return Some(Stopped::Memory);
        }
        if self.peer.is_some() {
            self.busy.look();
        }
        self.schedule_look(cpu);
        None
    }

    /// What the cell holds beyond what it held before the run, less what the runner itself holds of the output.
    fn sample_held(&mut self) {
        let captured = (self.stdout.bytes().len() + self.stderr.bytes().len()) as u64;
        let held = self.cell.meter.held_since(self.mark).saturating_sub(captured);
        self.toll.memory_bytes_max = self.toll.memory_bytes_max.max(held);
    }

    /// Processor time passes at most as fast as all the processors that the program may use let it, so there is nothing
    /// to see before.
    fn schedule_look(&mut self, cpu: Duration) {
        let processors = self.cell.cores.processors(self.command.core);
        let soonest = self.command.cpu.saturating_sub(cpu) / processors;
        let look_max = match (self.cell.meter.limits_memory(), &self.peer) {
            (false, _) => LOOK_MAX_SAMPLING,
            (true, Some(_)) => LOOK_MAX_LINKED,
            (true, None) => LOOK_MAX,
        };
        self.next_look = Instant::now() + soonest.clamp(LOOK_MIN, look_max);
    }

    /// Takes in every child that has ended. Orphans in the cell become the runner's children.
    fn reap(&mut self) -> Option<()> {
        self.cell.signals.drain();
        loop {
            match sys::reap() {
                Reaping::One(reaped) => {
                    self.toll.add(&reaped);
                    if reaped.pid == self.program.as_raw() {
                        self.status = status(self.program, reaped.status);
                    }
                }
                Reaping::NoneYet => return Some(()),
                Reaping::NoChildren => return None,
            }
        }
    }

    /// Kills everything in the cell and waits until it is gone.
    fn bury(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + DYING_MAX;
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
            let mut watched = [PollFd::new(self.cell.signals.0.as_fd(), PollFlags::POLLIN)];
            match ppoll(&mut watched, Some(TimeSpec::from_duration(patience)), None) {
                Err(error) if !spawn::is_transient(error) => return Err(error.into()),
                _ => {}
            }
        }
    }
}

/// Nobody waits for the outcome any more.
pub(crate) fn host_is_gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the host is gone")
}

fn status(pid: Pid, raw: i32) -> Option<Status> {
    match WaitStatus::from_raw(pid, raw) {
        Ok(WaitStatus::Exited(_, code)) => Some(Status::Exited(code)),
        Ok(WaitStatus::Signaled(_, signal, _)) => Some(Status::Signaled(signal as i32)),
        // A real-time signal has no name; its number is in the status itself.
        Err(Errno::EINVAL) => Some(Status::Signaled(raw & 0x7f)),
        _ => None,
    }
}

/// What the program's processes have used, as far as it shows from their parent and from `/proc`.
#[derive(Default)]
struct Toll {
    reaped_cpu: Duration,
    living_cpu: Duration,
    memory_bytes_max: u64,
}

impl Toll {
    fn add(&mut self, reaped: &sys::Reaped) {
        self.reaped_cpu += reaped.cpu;
        self.memory_bytes_max = self.memory_bytes_max.max(reaped.rss_bytes_max);
    }

    fn cpu(&self) -> Duration {
        self.reaped_cpu + self.living_cpu
    }

    /// Looks at every process of the cell but the runner.
    fn sample(&mut self) {
        let mut private_pages = 0;
        let mut shared_pages_max = 0;
        let mut ticks = 0;
        for usage in living() {
            private_pages += usage.resident_pages.saturating_sub(usage.shared_pages);
            shared_pages_max = shared_pages_max.max(usage.shared_pages);
            ticks += usage.cpu_ticks;
        }
        let ticks_per_s = u64::try_from(sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100))
            .unwrap_or(100);
        self.living_cpu = Duration::from_millis(ticks * 1000 / ticks_per_s.max(1));
        let page_bytes =
            u64::try_from(sysconf(SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096))
                .unwrap_or(4096);
        self.memory_bytes_max =
            self.memory_bytes_max.max((private_pages + shared_pages_max) * page_bytes);
    }
}

struct Usage {
    resident_pages: u64,
    shared_pages: u64,
    cpu_ticks: u64,
}

fn living() -> Vec<Usage> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            if pid == 1 { None } else { usage(pid) }
        })
        .collect()
}

fn usage(pid: u32) -> Option<Usage> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut pages = statm.split(' ').skip(1).map(|field| field.trim().parse::<u64>());
    // The name may hold anything; fields are counted from behind its closing parenthesis. Of those, the times of the
    // process and of the children it waited for are the 12th to the 15th.
    let times = stat
        .rsplit_once(')')?
        .1
        .split(' ')
        .skip(12)
        .take(4)
        .map(|field| field.parse::<u64>().unwrap_or(0));
    Some(Usage {
        resident_pages: pages.next()?.ok()?,
        shared_pages: pages.next()?.ok()?,
        cpu_ticks: times.sum(),
    })
}

/// What a program writes, up to a limit.
pub(crate) struct Capture {
    pipe: Option<File>,
    bytes: Vec<u8>,
    bytes_max: u64,
    overflowed: bool,
}

impl Capture {
    fn new(pipe: OwnedFd, bytes_max: u64) -> nix::Result<Self> {
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self { pipe: Some(pipe.into()), bytes: Vec::new(), bytes_max, overflowed: false })
    }

    /// Reads what there is, never waiting; whether that was anything. Past the limit it still reads, and drops, so that
    /// the writer can go on.
    fn read_on(&mut self) -> io::Result<bool> {
        let mut buffer = [0; READ_BYTES];
        let mut any = false;
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => {
                    any = true;
                    self.keep(&buffer[..count]);
                    // A writer as fast as this reader must not keep the supervisor from its clocks.
                    if count < buffer.len() || self.overflowed {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(any),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(any)
    }

    /// Reads what is left once nobody can write any more.
    fn read_rest(&mut self) -> io::Result<()> {
        while !self.overflowed && self.read_on()? {}
        Ok(())
    }

    fn keep(&mut self, read: &[u8]) {
        let room = usize::try_from(self.bytes_max).unwrap_or(usize::MAX) - self.bytes.len();
        self.bytes.extend_from_slice(&read[..read.len().min(room)]);
        self.overflowed |= read.len() > room;
    }

    /// Whether there was more than the limit.
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
