//! Connecting a program to one of another cell: two pipes, one for each direction.
//!
//! Runners of one machine that speak to their host over sockets are handed their ends. Runners in containers meet in a
//! folder that only they can enter: one makes the pipes there, the other takes the names away. Either way each end is
//! held by the one program alone once it runs, so that both see the other's end as two processes of one machine do.

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

/// A cell's ends of the two pipes.
pub(crate) struct Link {
    /// The program's standard input.
    pub(crate) stdin: OwnedFd,
    /// The program's standard output.
    pub(crate) stdout: OwnedFd,
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
            let [stdin, stdout] = wire.receive_files()?;
            Ok(Link { stdin, stdout })
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

/// The pipe that the maker writes to, and the one that it reads from.
fn pipes(place: &Path) -> [PathBuf; 2] {
    ["out", "in"].map(|end| place.with_extension(end))
}

fn make(place: &Path) -> io::Result<Link> {
    if let Some(folder) = place.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let [out, into] = pipes(place);
    for pipe in [&out, &into] {
        mkfifo(pipe, Mode::S_IRUSR | Mode::S_IWUSR)?;
    }
    // Opening one end of a pipe waits for the other. This is both.
    let both = [both_ends(&out)?, both_ends(&into)?];
    // Programs open `/dev/stdout` by name as well, as a user who does not own the pipes. By their own names nobody gets
    // to them.
    for pipe in &both {
        fchmod(pipe, Mode::from_bits_truncate(0o666))?;
    }
    Ok(Link { stdin: reading(&into)?, stdout: writing(&out)? })
}

/// Waits for nobody: the maker has the other ends.
fn join(place: &Path) -> io::Result<Link> {
    let [out, into] = pipes(place);
    let link = Link { stdin: reading(&out)?, stdout: writing(&into)? };
    for pipe in [&out, &into] {
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
