//! What the integration tests stand on: servers of their own.

pub mod mongo_server;
pub mod redis_server;

mod private_server;
