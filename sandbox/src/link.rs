use std::fs::{File, Permissions};
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use runner::message::{LinkStep, RefusalKind};

use crate::cell::seal::Linking;
use crate::{Cell, SandboxError};

/// Connects the next execution of one cell to the next execution of another. Both executions must
/// be [`linked`](crate::Execution::linked). Each program reads from its standard input, through a
/// kernel pipe, what the other writes to its standard output. The link lasts for one execution of
/// each cell.
///
/// One program is the follower and the other the leader. They differ when one of them ends:
///
/// - After the follower has ended, the leader's output is dropped; the leader never gets SIGPIPE.
/// - After the leader has ended with one of its [accepting](crate::Execution::accepting) exit
///   codes, the follower's output is dropped. After any other end, the follower writes to a closed
///   pipe.
/// - The leader reads end-of-file when the follower has ended, not when the follower closes its
///   output. The follower reads end-of-file as soon as the leader closes its output.
/// - The follower's outcome reports whether the [leader ended first](crate::Outcome::peer_ended).
///
/// The second cell must have been [prepared beside](crate::Sandbox::prepare_beside) the first;
/// otherwise this fails with [`RefusalKind::OutOfOrder`].
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

/// A pipe's reading end and writing end.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    // Programs also open `/dev/stdin` and `/dev/stdout` by name, as users who do not own the pipe.
    let writer = File::from(OwnedFd::from(writer));
    writer.set_permissions(Permissions::from_mode(0o666))?;
    Ok((reader.into(), writer.into()))
}

/// Passes the ends to the runner. Afterwards only the runner holds them.
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
