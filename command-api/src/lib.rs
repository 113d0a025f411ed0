#![doc = include_str!("../README.md")]

pub mod accounts;
mod commands;
mod import;
mod mutation;
mod packages;
mod pandoc;
mod passwords;
mod payload;
mod problems;
mod query;
mod receive;
mod rejudge;
mod schema;
mod sessions;
mod submit;
mod timing;
mod tokens;
mod uploaded;
mod webhooks;

pub use commands::Commands;
pub use mutation::Mutation;
pub use pandoc::converter as latex_converter;
pub use query::Query;
pub use receive::{ReceiveError, Received, receive};
pub use schema::{router, sdl};
pub use tokens::generate as generate_secret;
