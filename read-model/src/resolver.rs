//! Opens the ports that a URL names (INV-1).

use crate::names::Namespace;
use crate::open_error::{OpenError, without_secrets};
use crate::ports::Views;
use crate::{mongo, sqlite};

/// Opens the read model that `url` names: `sqlite:PATH` or `mongodb://…/DATABASE`.
///
/// The namespace prefixes every table or collection name, so that separate sets of views can share
/// a store and be erased separately. It consists of lower-case letters, digits and hyphens.
pub async fn open(url: &str, namespace: &str) -> Result<Views, OpenError> {
    let namespace = Namespace::parse(namespace).ok_or_else(|| OpenError::Refused {
        cause: format!("{namespace:?} cannot be the namespace of a read model"),
        cure: Namespace::RULE.to_owned(),
    })?;
    match url.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => sqlite::open(path, namespace).await,
        Some(("mongodb", _)) => mongo::open(url, namespace).await,
        _ => Err(OpenError::InvalidUrl { url: without_secrets(url) }),
    }
}
