//! `assay-runner`: PID 1 of a cell.
//!
//! It is small, static and single-threaded, reads requests from its standard input and answers on its standard
//! output. With `--seal` it first seals itself in (the native sandbox); without, something else has (a container).

mod cores;
mod execute;
mod files;
mod meter;
mod seal;
mod seccomp;
mod serve;
mod spawn;
mod supervise;
mod sweep;
mod sys;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    let sealing = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--seal") => true,
        Some(other) => {
            eprintln!(
                "unknown argument {other}; this program is started by a sandbox, not by hand"
            );
            return ExitCode::from(2);
        }
    };
    match serve::run(sealing) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", serve::with_causes(&error));
            ExitCode::FAILURE
        }
    }
}
