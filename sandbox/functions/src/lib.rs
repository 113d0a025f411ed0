#![doc = include_str!("../README.md")]

mod context;
mod driver;
mod names;
mod source;

pub use driver::{Driver, DriverError, Drivers, Isolation, Refused, Unsupported};
