//! The ends of a link that the runner keeps while its program runs. [`link`](crate::link) explains
//! why.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::busy::Busy;
use crate::link::{Link, Role};
use crate::spawn;
use crate::standby::Given;
use crate::wire::host_is_gone;

/// How much is read and dropped at a time, in bytes.
const READ_BYTES: usize = 64 << 10;

/// The longest time between the closing of an ending leader's output and of its standard error. A
/// leader that takes longer has closed its output itself and continues to run.
const LEADER_EXIT_MAX: Duration = Duration::from_millis(5);

/// The link's ends that this runner keeps, depending on its program's role.
pub(crate) enum Peer {
    /// This side's program is the leader.
    Leader(Leader),
    /// This side's program is the follower.
    Follower(Follower),
}

impl Peer {
    /// The program's files, and the ends that the runner keeps.
    pub(crate) fn of(link: Link) -> io::Result<(Given, Option<Self>)> {
        let Link { stdin, stdout, role } = link;
        let (peer, stderr) = match role {
            Role::Leader { stderr, errors } => {
                let leader = Leader {
                    // A duplicate, not a second open: a named pipe opened without a writer never
                    // reports a hang-up.
                    follower_output: stdin.try_clone()?.into(),
                    output: Some(reader(stdout.as_fd())?),
                    busy: None,
                    errors: Some(errors),
                };
                (Self::Leader(leader), Some(stderr))
            }
            Role::Follower { leader } => {
                let (leader_output, output) = (stdin.try_clone()?, stdout.try_clone()?);
                (Self::Follower(Follower { leader_output, _output: output, leader }), None)
            }
        };
        Ok((Given { stdin, stdout: Some(stdout), stderr, conversation: None }, Some(peer)))
    }
}

/// The ends that the leader's runner keeps.
pub(crate) struct Leader {
    /// The follower's output. Reports a hang-up once the follower has ended, because its runner
    /// keeps the other end until then.
    follower_output: File,
    /// The leader's output; `None` once the follower has ended and the leader has closed it.
    output: Option<File>,
    /// How long the leader had been computing when the follower ended; `None` until then.
    pub(crate) busy: Option<Duration>,
    /// The leader's standard error; `None` once the supervisor has taken it.
    pub(crate) errors: Option<OwnedFd>,
}

impl Leader {
    /// What to poll: the follower's end and, after that, the leader's output.
    pub(crate) fn awaited(&self) -> Option<PollFd<'_>> {
        match self.busy.is_some() {
            // Requests no events, so only a hang-up is reported: the data is for the leader.
            false => Some(PollFd::new(self.follower_output.as_fd(), PollFlags::empty())),
            true => Some(PollFd::new(self.output.as_ref()?.as_fd(), PollFlags::POLLIN)),
        }
    }

    /// After the follower has ended, drops the leader's output that is available now.
    pub(crate) fn read_for_follower(&mut self, busy: &Busy) -> io::Result<()> {
        if self.busy.is_none() && is_hung_up(self.follower_output.as_fd(), Duration::ZERO)? {
            self.busy = Some(busy.lasted());
        }
        if self.busy.is_some()
            && let Some(output) = &mut self.output
            && !drop_some(output)?
        {
            self.output = None;
        }
        Ok(())
    }

    /// Drops the follower's output until the follower ends. Called after the leader has ended.
    pub(crate) fn drop_until_follower_ends(
        mut self,
        host: BorrowedFd<'_>,
        deadline: Instant,
    ) -> io::Result<()> {
        loop {
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                return Ok(());
            }
            let mut watched = [
                PollFd::new(host, PollFlags::empty()),
                PollFd::new(self.follower_output.as_fd(), PollFlags::POLLIN),
            ];
            wait(&mut watched, patience)?;
            let [host_events, output_events] =
                watched.map(|it| it.revents().unwrap_or(PollFlags::empty()));
            if !host_events.is_empty() {
                return Err(host_is_gone());
            }
            if !output_events.is_empty() && !drop_some(&mut self.follower_output)? {
                return Ok(());
            }
        }
    }
}

/// The ends that the follower's runner keeps.
pub(crate) struct Follower {
    /// The leader's output. Reports a hang-up once the leader has ended or closed its output.
    leader_output: OwnedFd,
    /// Keeps the follower's output open until the follower's end has been seen.
    _output: OwnedFd,
    /// The leader's standard error. Reports a hang-up once the leader has ended.
    leader: OwnedFd,
}

impl Follower {
    /// Whether the leader has ended. If its end may be why the follower has ended, waits a little
    /// for the leader's end to complete.
    pub(crate) fn leader_ended(&self, may_follow_from_it: bool) -> io::Result<bool> {
        let is_leaving =
            may_follow_from_it && is_hung_up(self.leader_output.as_fd(), Duration::ZERO)?;
        let patience = if is_leaving { LEADER_EXIT_MAX } else { Duration::ZERO };
        is_hung_up(self.leader.as_fd(), patience)
    }
}

/// Another, non-blocking reader of the same pipe.
fn reader(end: BorrowedFd<'_>) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", end.as_raw_fd());
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)
}

/// Whether a pipe has no writers left, now or within `patience`.
fn is_hung_up(pipe: BorrowedFd<'_>, patience: Duration) -> io::Result<bool> {
    let mut watched = [PollFd::new(pipe, PollFlags::empty())];
    wait(&mut watched, patience)?;
    Ok(watched[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP)))
}

fn wait(watched: &mut [PollFd<'_>], patience: Duration) -> io::Result<()> {
    match ppoll(watched, Some(TimeSpec::from_duration(patience)), None) {
        Err(error) if !spawn::is_transient(error) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Reads once and drops the data. Returns whether there may be more, now or later.
fn drop_some(pipe: &mut File) -> io::Result<bool> {
    match pipe.read(&mut [0; READ_BYTES]) {
        Ok(count) => Ok(count > 0),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(error),
    }
}
