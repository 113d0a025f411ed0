//! The basis of the integration tests: private servers, and complete deployments.

pub mod api;
pub mod deployment;
pub mod identity_provider;
pub mod log;
pub mod mongo_server;
pub mod package;
pub mod proxy;
pub mod redis_server;
pub mod small_disk;
pub mod smtp_server;
pub mod waiting;
pub mod wrong_checker;

mod private_server;
mod process;
