#![doc = include_str!("../README.md")]

mod any_schema;
mod attachments;
mod explorer;
mod guard;
mod http;
mod lingering;
mod media;
mod parameters;
mod places;
mod query;
mod request;
mod response;
mod shape;
mod socket;
mod sockets;
mod subscription;

pub use http::{router, serve};
pub use lingering::linger;
pub use query::Reads;
pub use subscription::Subscription;
