//! The page at `/graphql`.

/// A small explorer of our own: GraphiQL's assets come from a package registry, and this page must
/// work with no network.
pub(crate) const PAGE: &str = include_str!("explorer.html");
