use std::{
    fs::{File, Permissions},
    io::{self, IoSlice},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::PermissionsExt,
    },
};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use runner::message::{LinkStep, RefusalKind};

use crate::{Cell, SandboxError, cell::Linking};

/// Connects the next execution of one cell to the next of another, both of which are to be
/// [`linked`](crate::Execution::linked): what either writes to its standard output, the other reads from its standard
/// input, over a pipe of the kernel's. It holds for one execution of each, and ends with it.
///
/// One follows and the other leads, which shows when one ends:
///
/// - What the leader writes to a follower that has ended is dropped; no SIGPIPE ends a leader.
/// - What the follower writes to a leader that has ended is dropped if the leader ended with one of its
///   [accepting](crate::Execution::accepting) exit codes. Otherwise the follower writes to a closed pipe.
/// - The leader reads the end of its input when the follower has ended, not when that shuts its output. The follower
///   reads the end of its input as soon as the leader shuts its output.
/// - The follower's outcome says whether the [leader ended first](crate::Outcome::peer_ended).
///
/// The second cell is one that was [prepared beside](crate::Sandbox::prepare_beside) the first; others are refused
/// ([`RefusalKind::OutOfOrder`]).
pub async fn link(follower: &mut Cell, leader: &mut Cell) -> Result<(), SandboxError> {
    match (follower.linking(), leader.linking()) {
        (Linking::Socket(_), Linking::Socket(_)) => {
            let failed = SandboxError::Io;
            let (leader_reads, follower_writes) = pipe().map_err(failed)?;
            let (follower_reads, leader_writes) = pipe().map_err(failed)?;
            let (errors, leader_stderr) = pipe().map_err(failed)?;
            let leaders_end = errors.try_clone().map_err(failed)?;
            hand_over(follower, vec![follower_reads, follower_writes, leaders_end]).await?;
            hand_over(leader, vec![leader_reads, leader_writes, leader_stderr, errors]).await
        }
        (Linking::Container { folder: one, .. }, Linking::Container { folder: other, .. })
            if one == other =>
        {
            let name = uuid::Uuid::new_v4().simple().to_string();
            follower.take_link_step(LinkStep::Make { name: name.clone() }).await?;
            leader.take_link_step(LinkStep::Join { name }).await
        }
        _ => Err(SandboxError::Refused {
            kind: RefusalKind::OutOfOrder,
            detail: "the cells were not prepared beside each other".to_owned(),
        }),
    }
}

/// The end to read from, and the one to write to.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    // Programs open `/dev/stdin` and `/dev/stdout` by name as well, as users who do not own the pipe.
    let writer = File::from(OwnedFd::from(writer));
    writer.set_permissions(Permissions::from_mode(0o666))?;
    Ok((reader.into(), writer.into()))
}

/// Nobody has the ends afterwards but the runner.
async fn hand_over(cell: &mut Cell, ends: Vec<OwnedFd>) -> Result<(), SandboxError> {
    let Linking::Socket(socket) = cell.linking() else {
        unreachable!("this is only called for cells that have one")
    };
    let socket = socket.try_clone_to_owned().map_err(SandboxError::Io)?;
    cell.take_link_ends(move || {
        let files: Vec<_> = ends.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&files)];
        let byte = [IoSlice::new(&[0])];
        sendmsg::<()>(socket.as_raw_fd(), &byte, &rights, MsgFlags::MSG_NOSIGNAL, None)?;
        Ok(())
    })
    .await
}
