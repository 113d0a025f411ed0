#![doc = include_str!("../README.md")]

pub mod accounts;
mod commands;
mod mutation;
mod packages;
mod passwords;
mod payload;
mod problems;
mod sessions;
mod submit;
mod tokens;

pub use commands::Commands;
pub use mutation::Mutation;
pub use packages::routes;
pub use tokens::generate as generate_secret;
