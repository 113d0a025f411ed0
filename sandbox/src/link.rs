use std::{
    fs::{File, Permissions},
    io::{self, IoSlice},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
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
/// The second cell is one that was [prepared beside](crate::Sandbox::prepare_beside) the first; others are refused
/// ([`RefusalKind::OutOfOrder`]).
pub async fn link(a: &mut Cell, b: &mut Cell) -> Result<(), SandboxError> {
    match (a.linking(), b.linking()) {
        (Linking::Socket(_), Linking::Socket(_)) => {
            let failed = SandboxError::Io;
            let (b_reads, a_writes) = pipe().map_err(failed)?;
            let (a_reads, b_writes) = pipe().map_err(failed)?;
            hand_over(a, [a_reads, a_writes]).await?;
            hand_over(b, [b_reads, b_writes]).await
        }
        (Linking::Folder(one), Linking::Folder(other)) if one == other => {
            let name = uuid::Uuid::new_v4().simple().to_string();
            a.take_link_step(LinkStep::Make { name: name.clone() }).await?;
            b.take_link_step(LinkStep::Join { name }).await
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
async fn hand_over(cell: &mut Cell, ends: [OwnedFd; 2]) -> Result<(), SandboxError> {
    let Linking::Socket(socket) = cell.linking() else {
        unreachable!("this is only called for cells that have one")
    };
    let socket = socket.try_clone_to_owned().map_err(SandboxError::Io)?;
    cell.take_link_ends(move || {
        let files = ends.each_ref().map(|end| end.as_fd().as_raw_fd());
        let rights = [ControlMessage::ScmRights(&files)];
        let byte = [IoSlice::new(&[0])];
        sendmsg::<()>(socket.as_raw_fd(), &byte, &rights, MsgFlags::MSG_NOSIGNAL, None)?;
        Ok(())
    })
    .await
}
