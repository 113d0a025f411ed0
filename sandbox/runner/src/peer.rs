//! What a runner keeps of its program's link to another cell while the program runs. Why: see [`link`](crate::link).

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, ppoll},
    sys::time::TimeSpec,
};

use crate::{
    busy::Busy,
    link::{Link, Role},
    spawn,
    standby::Given,
    supervise,
};

/// How much is read and dropped at once, in bytes.
const READ_BYTES: usize = 64 << 10;

/// How long a leader may take from shutting its output to shutting its standard error, when it ends. One that takes
/// longer has shut its output itself and goes on.
const LEAVING_MAX: Duration = Duration::from_millis(5);

/// The other end of a link, as this side's runner knows it.
pub(crate) enum Peer {
    /// This side leads.
    Leader(Leader),
    /// This side follows.
    Follower(Follower),
}

impl Peer {
    /// The files of the program, and what the runner keeps.
    pub(crate) fn of(link: Link) -> io::Result<(Given, Option<Self>)> {
        let Link { stdin, stdout, role } = link;
        let (peer, stderr) = match role {
            Role::Leader { stderr, errors } => {
                let leader = Leader {
                    // Not opened again: a named pipe that is opened without a writer never reports a hang-up.
                    heard: stdin.try_clone()?.into(),
                    said: Some(reader(stdout.as_fd())?),
                    busy: None,
                    errors: Some(errors),
                };
                (Self::Leader(leader), Some(stderr))
            }
            Role::Follower { leader } => {
                let (heard, said) = (stdin.try_clone()?, stdout.try_clone()?);
                (Self::Follower(Follower { heard, _said: said, leader }), None)
            }
        };
        Ok((Given { stdin, stdout: Some(stdout), stderr }, Some(peer)))
    }
}

/// What the leader's runner keeps.
pub(crate) struct Leader {
    /// What the follower says. Hung up once the follower has ended, since its runner keeps the other end until then.
    heard: File,
    /// What the leader says; `None` once it has shut its output and nobody listens.
    said: Option<File>,
    /// How long the leader had been computing when the follower ended; `None` until then.
    pub(crate) busy: Option<Duration>,
    /// The leader's standard error; `None` once somebody reads it.
    pub(crate) errors: Option<OwnedFd>,
}

impl Leader {
    /// The follower's end, and from then on what the leader says.
    pub(crate) fn awaited(&self) -> Option<PollFd<'_>> {
        match self.busy.is_some() {
            // No events are asked for: what is there to read is the leader's.
            false => Some(PollFd::new(self.heard.as_fd(), PollFlags::empty())),
            true => Some(PollFd::new(self.said.as_ref()?.as_fd(), PollFlags::POLLIN)),
        }
    }

    /// Drops what the leader says to a follower that has ended, as far as it is there.
    pub(crate) fn read_for_follower(&mut self, busy: &Busy) -> io::Result<()> {
        if self.busy.is_none() && is_hung_up(self.heard.as_fd(), Duration::ZERO)? {
            self.busy = Some(busy.lasted());
        }
        if self.busy.is_some()
            && let Some(said) = &mut self.said
            && !drop_some(said)?
        {
            self.said = None;
        }
        Ok(())
    }

    /// Drops what the follower still says, until it ends; the leader is gone by now.
    pub(crate) fn hear_out(mut self, host: BorrowedFd<'_>, deadline: Instant) -> io::Result<()> {
        loop {
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                return Ok(());
            }
            let mut watched = [
                PollFd::new(host, PollFlags::empty()),
                PollFd::new(self.heard.as_fd(), PollFlags::POLLIN),
            ];
            wait(&mut watched, patience)?;
            let [host_events, heard_events] =
                watched.map(|it| it.revents().unwrap_or(PollFlags::empty()));
            if !host_events.is_empty() {
                return Err(supervise::host_is_gone());
            }
            if !heard_events.is_empty() && !drop_some(&mut self.heard)? {
                return Ok(());
            }
        }
    }
}

/// What the follower's runner keeps.
pub(crate) struct Follower {
    /// What the leader says. Hung up once the leader has ended or shut its output.
    heard: OwnedFd,
    /// Keeps what the follower says open until its end has been seen.
    _said: OwnedFd,
    /// Hung up once the leader has ended.
    leader: OwnedFd,
}

impl Follower {
    /// Whether the leader has ended. Where the follower may have ended because of that, the leader is given the time
    /// to be gone for good.
    pub(crate) fn leader_ended(&self, may_follow_from_it: bool) -> io::Result<bool> {
        let is_leaving = may_follow_from_it && is_hung_up(self.heard.as_fd(), Duration::ZERO)?;
        let patience = if is_leaving { LEAVING_MAX } else { Duration::ZERO };
        is_hung_up(self.leader.as_fd(), patience)
    }
}

/// Another reader of the same pipe, that never waits.
fn reader(end: BorrowedFd<'_>) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", end.as_raw_fd());
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)
}

/// Whether nobody can write to a pipe any more, now or after some time.
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

/// Reads once what is there, and drops it. Whether there may be more, now or later.
fn drop_some(pipe: &mut File) -> io::Result<bool> {
    match pipe.read(&mut [0; READ_BYTES]) {
        Ok(count) => Ok(count > 0),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(error),
    }
}
