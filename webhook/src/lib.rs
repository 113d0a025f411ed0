#![doc = include_str!("../README.md")]

mod address;
mod backoff;
mod destination;
mod dispatcher;
mod follower;
mod message;
mod secret;
mod sender;

pub use destination::{Destination, DestinationPolicy, InvalidDestination};
pub use dispatcher::{Dispatcher, Settings};
pub use secret::{InvalidSecret, SigningSecret, secret_name};
