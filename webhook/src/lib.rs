#![doc = include_str!("../README.md")]

mod address;
mod backoff;
mod destination;
mod dispatcher;
mod fault;
mod follower;
mod message;
mod progress;
mod secret;
mod sender;
mod settings;

pub use destination::{Destination, DestinationPolicy, InvalidDestination};
pub use dispatcher::Dispatcher;
pub use secret::{InvalidSecret, SigningSecret, secret_name};
pub use settings::Settings;
