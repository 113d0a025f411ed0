#![doc = include_str!("../README.md")]

pub mod access;
mod addresses;
mod api;
mod auth;
mod client_address;
pub mod connection;
mod consistency;
pub mod cursor;
mod error;
mod folds;
mod gate;
mod hub;
mod id;
pub mod loaders;
mod moment;
pub mod nodes;
mod parts;
pub mod prices;
mod renderer;
mod revisions;
mod scalars;
pub mod selection;

pub use api::{Api, Catalogue, CatalogueLanguage, ServiceLimits, limited};
pub use auth::{AuthError, Authenticator, Secret, Viewer, account_in_log};
pub use client_address::{ClientAddress, TrustedProxies};
pub use consistency::Freshness;
pub use error::{ApiError, Code, with_codes};
pub use folds::{Folds, STREAM_PAGE};
pub use gate::{Gate, TraceParent, refusal, secret};
pub use hub::{Feed, Hub, Topic};
pub use id::GlobalId;
pub use parts::{Health, Part, Parts};
pub use renderer::Renderer;
pub use revisions::Revisions;
pub use scalars::{ConsistencyToken, DateTime, Html, Markdown, PositionScalar, Sha256};
pub use selection::PinnedSelection;
