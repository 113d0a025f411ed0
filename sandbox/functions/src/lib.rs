#![doc = include_str!("../README.md")]

mod context;
mod driver;
mod names;
mod source;

use std::sync::LazyLock;

/// The built-in drivers.
pub fn builtin() -> &'static Drivers {
    static BUILTIN: LazyLock<Drivers> = LazyLock::new(Drivers::builtin);
    &BUILTIN
}

pub use driver::{Driver, DriverError, Drivers, Isolation, Refused, Unsupported};
