#![doc = include_str!("../README.md")]

mod ahead;
mod parking;
mod projection;
mod projections;
mod projector;
mod runtime;

mod upkeep;
mod workspace;

pub use parking::TooManyParked;
pub use projection::Projection;
pub use projections::all;
pub use projector::{Projector, Status};
pub use runtime::{ProjectError, Runtime};
pub use upkeep::{DROP_GRACE, Retirements, Upkeep};
pub use workspace::{Missing, Workspace};
