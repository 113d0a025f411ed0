#![doc = include_str!("../README.md")]

mod file;
mod readers;

pub use file::{File, Profile, Synchronous};
pub use readers::Readers;
