#![doc = include_str!("../README.md")]

mod projection;
mod projections;
mod runtime;
mod supervisor;
mod workspace;

pub use projection::Projection;
pub use projections::all;
pub use runtime::{ProjectError, Runtime};
pub use supervisor::{Health, Status, Supervisor};
pub use workspace::{Missing, Workspace};
