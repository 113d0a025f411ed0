//! What the integration tests stand on: servers, and whole deployments, of their own.

pub mod api;
pub mod deployment;
pub mod log;
pub mod mongo_server;
pub mod package;
pub mod proxy;
pub mod redis_server;
pub mod small_disk;
pub mod waiting;

mod private_server;
mod process;
