#![doc = include_str!("../README.md")]

mod crashes;
mod disk_cache;
mod figures;
mod host;
mod interruption;
pub mod judge;
mod library;
mod others;
mod plan;
mod reference;
mod rejudge;
mod run;
mod session;
mod slots;
mod tests_run;
mod tools;
mod warm_up;
mod worker;

pub use disk_cache::DiskCache;
pub use figures::Figures;
pub use slots::physical_cores;
pub use worker::{Config, Evaluator, Ports};
