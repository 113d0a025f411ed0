#![doc = include_str!("../README.md")]

pub mod access;
mod api;
mod attachments;
mod auth;
mod connection;
mod consistency;
mod cursor;
mod error;
mod explorer;
mod http;
mod hub;
mod id;
mod lingering;
mod loaders;
mod moment;
pub mod nodes;
mod query;
mod renderer;
mod scalars;
mod selection;
mod socket;
mod subscription;

pub use api::{Api, Catalogue, CatalogueLanguage, Part, Parts, ServiceLimits};
pub use auth::{AuthError, Authenticator, Secret, Viewer, account_in_log};
pub use consistency::Freshness;
pub use error::{ApiError, Code};
pub use http::{ClientAddress, Gate, TraceParent, router, schema_limits};
pub use hub::Hub;
pub use id::GlobalId;
pub use lingering::hear_out;
pub use nodes::Health as PartHealth;
pub use query::{Query, Reads};
pub use renderer::Renderer;
pub use scalars::{ConsistencyToken, DateTime, Html, Markdown, PositionScalar, Sha256};
pub use selection::PinnedSelection;
pub use subscription::Subscription;
