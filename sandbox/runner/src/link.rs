//! Connecting a program to one of another cell: two pipes, one for each direction.
//!
//! One program leads and the other follows: the interactor leads, the submission follows. Neither may suffer from the
//! other's end, so the runners keep ends of the pipes beside their programs:
//!
//! - The leader's runner reads what the leader writes once the follower has ended, and drops it, so that the leader is
//!   never ended by SIGPIPE. After an end that accepts it does the same for what the follower still writes; after any
//!   other end it shuts that pipe.
//! - The follower's runner keeps the follower's output open until it has seen the follower's end, so the leader cannot
//!   react to that end before. The pipe of the leader's standard error, which the kernel shuts when the leader ends,
//!   tells whether the leader had ended by then. So who ended first does not depend on the scheduler.
//!
//! Runners of one machine that speak to their host over sockets are handed their ends. Runners in containers meet in a
//! folder that only they can enter: the follower's makes the pipes there, the leader's takes the names away.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::{fd::OwnedFd, unix::fs::DirBuilderExt},
    path::{Path, PathBuf},
};

use nix::{
    sys::stat::{Mode, fchmod},
    unistd::{mkfifo, unlink},
};
use runner::{
    FrameError, layout,
    message::{LinkStep, RefusalKind, Reply},
};

use crate::{
    serve::{self, Refusal},
    wire::Wire,
};

/// A cell's ends of a link.
pub(crate) struct Link {
    /// The program's standard input.
    pub(crate) stdin: OwnedFd,
    /// The program's standard output.
    pub(crate) stdout: OwnedFd,
    /// Which of the two the program is.
    pub(crate) role: Role,
}

/// What a program is in a link, with what comes with it.
pub(crate) enum Role {
    /// It ends when it likes.
    Leader {
        /// Its standard error.
        stderr: OwnedFd,
        /// The other end of that.
        errors: OwnedFd,
    },
    /// It is measured by whether the leader had ended before it.
    Follower {
        /// The other end of the leader's standard error: hung up once the leader has ended. Nothing is read from it.
        leader: OwnedFd,
    },
}

/// Takes a step, answers, and puts what came of it into `link`, in place of what was there.
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
    serve::answer(wire, done)
}

fn failed(error: io::Error) -> Refusal {
    Refusal::system("connect the cells", error)
}

fn place(name: &str) -> Result<PathBuf, Refusal> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Refusal::new(RefusalKind::BadName, "a link's name is letters and digits"));
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

/// The pipe that the follower writes to, the one that it reads from, and the leader's standard error.
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
    // Opening one end of a pipe waits for the other. This is both.
    let both = [both_ends(&out)?, both_ends(&into)?, both_ends(&err)?];
    // Programs open `/dev/stdout` by name as well, as a user who does not own the pipes. By their own names nobody gets
    // to them.
    for pipe in &both {
        fchmod(pipe, Mode::from_bits_truncate(0o666))?;
    }
    let role = Role::Follower { leader: reading(&err)? };
    Ok(Link { stdin: reading(&into)?, stdout: writing(&out)?, role })
}

/// Waits for nobody: the maker has the other ends.
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
    use std::{
        fs::{self, File},
        io::{Read, Write},
    };

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
