#![doc = include_str!("../README.md")]

mod backoff;
mod error_chain;
mod status;
mod supervisor;

pub use backoff::Backoff;
pub use error_chain::error_chain;
pub use status::{Health, Reporter, Status};
pub use supervisor::{Fault, Started, Supervisor, Task};
