#![doc = include_str!("../README.md")]

pub mod accounts;
mod cancel;
mod commands;
mod import;
mod mutation;
mod packages;
mod pandoc;
mod passwords;
mod payload;
mod problem_cache;
mod problems;
mod query;
mod rates;
mod receive;
mod rejudge;
mod sessions;
mod submit;
mod timing;
mod tokens;
mod upload_body;
mod uploaded;
mod webhooks;

pub use commands::Commands;
pub use mutation::Mutation;
pub use packages::routes;
pub use pandoc::converter as latex_converter;
pub use query::PackageQuery;
pub use receive::{ReceiveError, Received, receive};
pub use tokens::generate as generate_secret;
