#![doc = include_str!("../README.md")]

mod ahead;
mod parking;
mod projection;
mod projections;
mod runtime;
mod supervisor;
mod upkeep;
mod workspace;

pub use parking::TooManyParked;
pub use projection::Projection;
pub use projections::all;
pub use runtime::{ProjectError, Runtime};
pub use supervisor::{Health, Status, Supervisor};
pub use upkeep::{DROP_GRACE, Retirements, Upkeep};
pub use workspace::{Missing, Workspace};
