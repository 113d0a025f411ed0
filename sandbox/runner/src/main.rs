//! `assay-runner`: PID 1 of a cell.
//!
//! It is small, static and single-threaded. It reads requests from its standard input and answers
//! on its standard output. With `--seal` it first seals itself in (native sandbox). With `--uid` it
//! already runs in a container, and programs get that uid. With `--attempt` it is the self-test's
//! program.

mod attempt;
mod busy;
mod capture;
mod cell;
mod cores;
mod ending;
mod execute;
mod files;
mod kernel;
mod launch;
mod link;
mod listing;
mod meter;
mod peer;
mod refusal;
mod seal;
mod seccomp;
mod serve;
mod signals;
mod spawn;
mod standby;
mod supervise;
mod sweep;
mod sys;
mod talk;
mod turns;
mod usage;
mod wire;

use std::process::ExitCode;

use crate::serve::Jail;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let jail = match arguments[..] {
        ["--attempt", name, argument] => return attempt::make(name, argument),
        ["--seal"] => Some(Jail::Own),
        ["--uid", uid] => uid.parse().ok().map(|program_uid| Jail::Container { program_uid }),
        _ => None,
    };
    let Some(jail) = jail else {
        eprintln!(
            "unknown arguments {arguments:?}; this program is started by a sandbox, not by hand"
        );
        return ExitCode::from(2);
    };
    match serve::run(jail) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", runner::with_causes(&error));
            ExitCode::FAILURE
        }
    }
}
