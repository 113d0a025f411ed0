#![doc = include_str!("../README.md")]

mod any_schema;
mod attachments;
mod audit_exports;
mod compression;
mod connections;
mod cors;
mod documents;
mod explorer;
mod guard;
mod http;
#[cfg(test)]
mod idle_server;
mod lingering;
mod media;
mod operation;
mod parameters;
mod places;
mod query;
mod request;
mod response;
mod server;
mod shape;
mod socket;
mod sockets;
mod sse;
mod subscription;

pub use connections::serve;
pub use cors::{Cors, InvalidOrigin};
pub use documents::{Documents, DocumentsError};
pub use guard::Guard;
pub use http::router;
pub use lingering::linger;
pub use query::Reads;
pub use server::Serving;
pub use socket::protocol::{Close, Protocol, Step};
pub use subscription::Subscription;
