//! The common part of the programs of this crate and of `bench/`.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitCode;

use futures::future::LocalBoxFuture;

use crate::{Exit, Failure};

/// The exit code that shells report for a program that ended by SIGPIPE.
const NO_READER: u8 = 128 + 13;

/// The `main` of a program: runs the command on a runtime and prints its failure.
pub fn program(
    command: impl FnOnce() -> LocalBoxFuture<'static, Result<Exit, Failure>>,
) -> ExitCode {
    // Exit quietly in `assay problem verify … | head`.
    let usual_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.payload_as_str().is_some_and(has_no_reader) {
            usual_hook(panic);
        }
    }));
    match catch_unwind(AssertUnwindSafe(|| run(command))) {
        Ok(exit) => exit,
        Err(panic) => match panic.downcast_ref::<String>() {
            Some(message) if has_no_reader(message) => NO_READER.into(),
            _ => resume_unwind(panic),
        },
    }
}

/// Whether `println!` panicked because the reader has gone.
fn has_no_reader(message: &str) -> bool {
    message.starts_with("failed printing to stdout") && message.contains("Broken pipe")
}

fn run(command: impl FnOnce() -> LocalBoxFuture<'static, Result<Exit, Failure>>) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("assay: starting the runtime failed: {error}");
            return ExitCode::FAILURE;
        }
    };
    let exit = match runtime.block_on(command()) {
        Ok(exit) => exit,
        Err(failure) => {
            eprintln!("assay: {failure}");
            failure.exit
        }
    };
    // Threads that still wait for a store must not delay the exit.
    runtime.shutdown_background();
    exit.into()
}
