//! The protocol between the sandbox's host side and `assay-runner`, the small static program that is PID 1 of every
//! cell. Both sides are built from this library, so they cannot disagree about it.
//!
//! The exchange: each side sends its handshake; then the host sends a [`Request`](message::Request), with the data it
//! announces, and the runner answers with one [`Reply`](message::Reply) and the data that announces. One request at a
//! time. The stream's end is the cell's end: a runner whose host is gone kills what it runs and exits.

pub mod frame;
pub mod layout;
pub mod message;

pub use frame::FrameError;
