#![doc = include_str!("../README.md")]

mod account_input;
pub mod accounts;
mod cancel;
mod commands;
mod import;
mod invitations;
mod mutation;
mod packages;
mod pandoc;
mod passwords;
mod payload;
mod payloads;
mod permission;
mod problem_access;
mod problem_cache;
mod problems;
mod profile;
mod query;
mod receive;
mod rejudge;
mod roles;
mod sessions;
mod settings;
mod sign_in_options;
mod submit;
mod timing;
mod tokens;
mod upload_body;
mod uploaded;
mod webhooks;

use graphql::rates;

pub use commands::Commands;
pub use invitations::InvitationQuery;
pub use mutation::Mutation;
pub use packages::routes;
pub use pandoc::converter as latex_converter;
pub use payloads::AnyPayload;
pub use query::PackageQuery;
pub use receive::{ReceiveError, Received, receive};
pub use settings::{AccountSettings, Registration};
pub use sign_in_options::SignInQuery;
pub use tokens::generate as generate_secret;
