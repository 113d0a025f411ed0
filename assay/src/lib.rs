#![doc = include_str!("../README.md")]

mod account_settings;
mod age;
mod audit_exports;
mod backup;
pub mod cli;
pub mod client;
mod cmd;
pub mod config;
mod exit;
mod expired_runs;
mod judging_threads;
pub mod languages;
mod local_judge;
pub mod own_server;
pub mod pack;
mod parts;
mod program;
mod readiness;
pub mod samples;
mod schema;
pub mod server;
mod settings;
mod signing_key;
pub mod stores;
mod sweep;
pub mod table;
pub mod telemetry;
mod upload;
pub mod verify;

pub use cmd::problem::import::import_archive;
pub use cmd::{print_json, watch};
pub use exit::{Exit, Failure};
pub use program::program;
pub use schema::sdl;
