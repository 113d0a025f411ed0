//! The request loop.

use std::process;

use runner::FrameError;
use runner::message::{RefusalKind, Reply, Request};

use crate::cell::Cell;
use crate::cores::Cores;
use crate::files::{self, Incoming};
use crate::kernel::Linux;
use crate::meter::Meter;
use crate::refusal::Refusal;
use crate::seal::{self, SealError};
use crate::seccomp::Filter;
use crate::signals::Signals;
use crate::wire::Wire;
use crate::{execute, launch, link, listing, sweep, sys, turns};

/// The errors that end the runner.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("the stream to the host failed")]
    Stream(#[from] FrameError),
    #[error(
        "assay-runner kills every process it can see, so it must be process 1 of a cell; it is process {0}"
    )]
    NotInit(u32),
    #[error("the cell could not be sealed")]
    Seal(#[from] SealError),
    #[error("could not {step}")]
    Setup {
        step: &'static str,
        #[source]
        source: std::io::Error,
    },
}

/// What seals the cell.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Jail {
    /// The runner itself, by the plan that the host sends first.
    Own,
    /// A container engine.
    Container { program_uid: u32 },
}

/// Serves one cell from its first frame to its end.
pub(crate) fn run(jail: Jail) -> Result<(), ServeError> {
    let mut wire = Wire::over_stdio()
        .map_err(|source| ServeError::Setup { step: "take over the stream", source })?;
    sys::forget_inherited()
        .map_err(|source| ServeError::Setup { step: "close inherited files", source })?;
    wire.handshake()?;
    // Read this before the host's file system is gone.
    let cores = Cores::of_this_machine();
    let sealed = match jail {
        Jail::Own => {
            let Some(Request::Seal(plan)) = wire.next_request()? else {
                return Err(FrameError::Unexpected {
                    wanted: "a seal plan",
                    got: "another request",
                }
                .into());
            };
            match seal::seal(&mut Linux, &plan, wire.host()) {
                Ok(sealed) => {
                    wire.reply(&Reply::Done, &[])?;
                    sealed
                }
                Err(error) => {
                    let refused = Reply::Refused {
                        kind: RefusalKind::Seal,
                        detail: runner::with_causes(&error),
                    };
                    wire.reply(&refused, &[])?;
                    return Ok(());
                }
            }
        }
        Jail::Container { program_uid } => {
            seal::filter_calls(&mut Linux, Filter::of_cell())?;
            seal::Sealed {
                meter: Meter::observing(),
                program_uid,
                own_uid: true,
                remount_program_area: false,
            }
        }
    };
    if process::id() != 1 {
        return Err(ServeError::NotInit(process::id()));
    }
    sys::make_undumpable()
        .map_err(|source| ServeError::Setup { step: "hide from debuggers", source })?;
    let signals = Signals::take()
        .map_err(|source| ServeError::Setup { step: "take signals", source: source.into() })?;
    let cell = Cell {
        filter: Filter::of_program(sealed.meter.limits_memory()),
        meter: sealed.meter,
        signals,
        program_uid: sealed.program_uid,
        own_uid: sealed.own_uid,
        cores,
        last_core: None,
        standby: None,
        link: None,
    };
    serve(cell, wire, sealed.remount_program_area)
}

fn serve(mut cell: Cell, mut wire: Wire, remount_program_area: bool) -> Result<(), ServeError> {
    sweep::sweep()
        .map_err(|source| ServeError::Setup { step: "empty the writable areas", source })?;
    let mut lock = files::ProgramAreaLock::new(remount_program_area);
    // The request that ended a conversation.
    let mut ahead = None;
    loop {
        let request = match ahead.take() {
            Some(request) => Some(request),
            None => {
                launch::provide_standby(&mut cell);
                wire.next_request()?
            }
        };
        let Some(request) = request else { return Ok(()) };
        let answered = match request {
            Request::Describe => wire.reply(&Reply::Facts(cell.facts()), &[]),
            Request::Put { area, path, executable, bytes } => {
                let owner = cell.own_uid.then_some(cell.program_uid);
                let mut incoming = Incoming::open(area, &path, executable, owner, &mut lock);
                wire.receive(bytes, |data| incoming.write(data))?;
                wire.answer(incoming.finish().map(|()| Reply::Done))
            }
            Request::Execute(command) => {
                execute::execute(&mut cell, &mut wire, &command, &mut lock)
            }
            Request::Turn(turn) => {
                ahead = turns::converse(&mut cell, &mut wire, turn, &mut lock)?;
                Ok(())
            }
            Request::Get { area, path, bytes_max } => match files::read(area, &path, bytes_max) {
                Ok(content) => {
                    wire.reply(&Reply::File { bytes: content.len() as u64 }, &[&content])
                }
                Err(refusal) => wire.answer(Err(refusal)),
            },
            Request::List { area } => match listing::list(area) {
                Ok(listing) => {
                    let data = listing.encode()?;
                    wire.reply(&Reply::Files { bytes: data.len() as u64 }, &[&data])
                }
                Err(refusal) => wire.answer(Err(refusal)),
            },
            Request::Clear => {
                // The next run would see files that cannot be removed, so failing here ends the
                // cell.
                sweep::sweep().map_err(FrameError::from)?;
                wire.reply(&Reply::Done, &[])
            }
            Request::Link(step) => link::step(&step, &mut wire, &mut cell.link),
            Request::Seal(_) => wire
                .answer(Err(Refusal::new(RefusalKind::OutOfOrder, "the cell is already sealed"))),
            Request::Close => {
                wire.reply(&Reply::Done, &[])?;
                return Ok(());
            }
        };
        answered?;
    }
}
