//! The protocol between the sandbox's host side and `assay-runner`, the small static program that
//! is PID 1 of every cell. Both sides are built from this library, so they cannot disagree about
//! it.
//!
//! First each side sends its handshake. Then the host sends one [`Request`](message::Request) at a
//! time, with the data it announces. The runner answers each with one [`Reply`](message::Reply) and
//! the data that announces. The cell ends with the stream: a runner whose host is gone kills what
//! it runs and exits.

pub mod frame;
pub mod layout;
pub mod message;

pub use frame::FrameError;

/// An error and its causes, on one line.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
