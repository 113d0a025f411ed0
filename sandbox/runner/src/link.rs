//! Connects a program to a program of another cell: two pipes, one for each direction.
//!
//! The interactor is the leader and the submission is the follower. Neither program may be harmed
//! by the other's end, so the runners also hold ends of the pipes:
//!
//! - Once the follower has ended, the leader's runner reads and drops the leader's output, so that
//!   SIGPIPE never ends the leader. When the leader ends with an accepting exit code, its runner
//!   reads and drops the follower's output. After any other end it closes that pipe.
//! - The follower's runner keeps the follower's output open until it has seen the follower's end,
//!   so the leader cannot react to that end earlier. The kernel closes the pipe of the leader's
//!   standard error when the leader ends, so that pipe shows whether the leader had ended by then.
//!   The scheduler therefore cannot change which program ended first.
//!
//! Runners that talk to their host over sockets receive their ends from it. Runners in containers
//! use a folder that only they can enter: the follower's runner makes the pipes there, and the
//! leader's runner opens them and removes their names.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{mkfifo, unlink};
use runner::message::{LinkStep, RefusalKind, Reply};
use runner::{FrameError, layout};

use crate::refusal::Refusal;
use crate::wire::Wire;

/// A cell's ends of a link.
pub(crate) struct Link {
    /// The program's standard input.
    pub(crate) stdin: OwnedFd,
    /// The program's standard output.
    pub(crate) stdout: OwnedFd,
    /// Whether the program is the leader or the follower.
    pub(crate) role: Role,
}

/// A program's role in a link, with the role's additional ends.
pub(crate) enum Role {
    /// The program is the leader.
    Leader {
        /// The program's standard error.
        stderr: OwnedFd,
        /// The reading end of the program's standard error.
        errors: OwnedFd,
    },
    /// The program is the follower. Its report says whether the leader ended first.
    Follower {
        /// The reading end of the leader's standard error, which reports a hang-up once the leader
        /// has ended. It is never read.
        leader: OwnedFd,
    },
}

/// Takes a step and answers the request. The result replaces the content of `link`, which stays
/// `None` on failure.
pub(crate) fn step(
    step: &LinkStep,
    wire: &mut Wire,
    link: &mut Option<Link>,
) -> Result<(), FrameError> {
    *link = None;
    let made = match step {
        LinkStep::Take => {
            wire.reply(&Reply::Done, &[])?;
            handed(wire.receive_files()?)
        }
        LinkStep::Make { name } => place(name).and_then(|place| make(&place).map_err(failed)),
        LinkStep::Join { name } => place(name).and_then(|place| join(&place).map_err(failed)),
    };
    let done = made.map(|made| {
        *link = Some(made);
        Reply::Done
    });
    wire.answer(done)
}

fn failed(error: io::Error) -> Refusal {
    Refusal::system("connect the cells", error)
}

fn place(name: &str) -> Result<PathBuf, Refusal> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Refusal::new(RefusalKind::BadName, "a link's name must be letters and digits"));
    }
    Ok(Path::new(layout::LINKS).join(name))
}

fn handed(files: Vec<OwnedFd>) -> Result<Link, Refusal> {
    match <[OwnedFd; 3]>::try_from(files) {
        Ok([stdin, stdout, leader]) => Ok(Link { stdin, stdout, role: Role::Follower { leader } }),
        Err(files) => match <[OwnedFd; 4]>::try_from(files) {
            Ok([stdin, stdout, stderr, errors]) => {
                Ok(Link { stdin, stdout, role: Role::Leader { stderr, errors } })
            }
            Err(_) => Err(Refusal::new(RefusalKind::OutOfOrder, "a link has three or four ends")),
        },
    }
}

/// The paths of three pipes: the follower's output, the follower's input, and the leader's standard
/// error.
fn pipes(place: &Path) -> [PathBuf; 3] {
    ["out", "in", "err"].map(|end| place.with_extension(end))
}

fn make(place: &Path) -> io::Result<Link> {
    if let Some(folder) = place.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let [out, into, err] = pipes(place);
    for pipe in [&out, &into, &err] {
        mkfifo(pipe, Mode::S_IRUSR | Mode::S_IWUSR)?;
    }
    // Opening one end of a pipe waits for the other end, so open both at once.
    let both = [both_ends(&out)?, both_ends(&into)?, both_ends(&err)?];
    // Programs also open `/dev/stdout` by name, as a user who does not own the pipes. They cannot
    // reach the pipes by their own names.
    for pipe in &both {
        fchmod(pipe, Mode::from_bits_truncate(0o666))?;
    }
    let role = Role::Follower { leader: reading(&err)? };
    Ok(Link { stdin: reading(&into)?, stdout: writing(&out)?, role })
}

/// Opens the leader's ends. This never waits, because `make` has opened the other ends.
fn join(place: &Path) -> io::Result<Link> {
    let [out, into, err] = pipes(place);
    let role = Role::Leader { stderr: writing(&err)?, errors: reading(&err)? };
    let link = Link { stdin: reading(&out)?, stdout: writing(&into)?, role };
    for pipe in [&out, &into, &err] {
        unlink(pipe)?;
    }
    Ok(link)
}

fn reading(pipe: &Path) -> io::Result<OwnedFd> {
    Ok(OpenOptions::new().read(true).open(pipe)?.into())
}

fn writing(pipe: &Path) -> io::Result<OwnedFd> {
    Ok(OpenOptions::new().write(true).open(pipe)?.into())
}

fn both_ends(pipe: &Path) -> io::Result<OwnedFd> {
    Ok(OpenOptions::new().read(true).write(true).open(pipe)?.into())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn what_one_writes_the_other_reads() {
        let folder = std::env::temp_dir().join(format!("assay-link-{}", std::process::id()));
        let place = folder.join("name");
        let ours = make(&place).expect("made");
        let theirs = join(&place).expect("joined");
        assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 0, "no name is left");
        for (stdout, stdin) in [(ours.stdout, theirs.stdin), (theirs.stdout, ours.stdin)] {
            let (mut stdout, mut stdin) = (File::from(stdout), File::from(stdin));
            stdout.write_all(b"hello").expect("there is room");
            drop(stdout);
            let mut heard = String::new();
            stdin.read_to_string(&mut heard).expect("it ends");
            assert_eq!(heard, "hello");
        }
        fs::remove_dir(&folder).expect("removed");
    }

    #[test]
    fn names_lead_nowhere_else() {
        for name in ["", ".", "..", "a/b", "../assay-runner"] {
            assert!(place(name).is_err(), "{name:?}");
        }
    }
}
