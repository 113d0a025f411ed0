#![doc = include_str!("../README.md")]

mod cells;
mod clients;
mod clock;
mod dice;
mod faults;
mod invariants;
pub mod memory;
mod organiser;
mod process;
mod program;
mod run;
mod service;
mod setting;
mod story;
mod world;

pub use clock::Clock;
pub use run::{Figures, Outcome, Sabotage, run};
pub(crate) use setting::Stores;
