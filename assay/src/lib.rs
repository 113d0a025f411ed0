#![doc = include_str!("../README.md")]

mod backup;
mod bench;
pub mod cli;
pub mod client;
mod cmd;
pub mod config;
mod court;
mod exit;
mod own_server;
mod pack;
mod parts;
mod readiness;
mod samples;
pub mod schema;
mod server;
mod sweep;
mod table;
mod telemetry;
mod upload;
mod verify;

pub use exit::{Exit, Failure};
