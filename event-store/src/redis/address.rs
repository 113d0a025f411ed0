//! Parses `redis://` URLs.

use redis::io::tcp::TcpSettings;
use redis::{ConnectionInfo, IntoConnectionInfo};
use url::Url;

use crate::open_error::OpenError;

/// Maximum length of a namespace, in characters. Every key begins with it.
const NAMESPACE_CHARS_MAX: usize = 64;
const NAMESPACE_DEFAULT: &str = "assay";

/// The parts of a URL.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) server: ConnectionInfo,
    pub(super) namespace: String,
    /// Whether to accept a server that may lose acknowledged events.
    pub(super) relaxed: bool,
}

impl Address {
    pub(super) fn parse(url: &Url) -> Result<Self, OpenError> {
        let invalid = |reason: String| OpenError::InvalidUrl { port: "log", reason };
        let (mut namespace, mut relaxed) = (NAMESPACE_DEFAULT.to_owned(), false);
        for (name, value) in url.query_pairs() {
            match &*name {
                "namespace" if is_namespace(&value) => namespace = value.into_owned(),
                "namespace" => {
                    return Err(invalid(format!(
                        "a namespace is 1 to {NAMESPACE_CHARS_MAX} letters, digits, '-', '_', '.'"
                    )));
                }
                "durability" if value == "relaxed" => relaxed = true,
                "durability" if value == "full" => relaxed = false,
                "durability" => return Err(invalid("durability is full or relaxed".to_owned())),
                other => {
                    let known = "namespace and durability";
                    return Err(invalid(format!("it has no parameter {other:?}, only {known}")));
                }
            }
        }
        let mut bare = url.clone();
        bare.set_query(None);
        let server = bare.into_connection_info().map_err(|error| invalid(error.to_string()))?;
        // Otherwise a short command waits for the previous answer (Nagle's algorithm).
        let server = server.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Ok(Self { server, namespace, relaxed })
    }
}

fn is_namespace(text: &str) -> bool {
    (1..=NAMESPACE_CHARS_MAX).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, OpenError> {
        Address::parse(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_bare_url_means_full_durability_in_the_default_namespace() {
        let address = parse("redis://localhost:6379/2").unwrap();
        assert_eq!((address.namespace.as_str(), address.relaxed), ("assay", false));
    }

    #[test]
    fn parameters_are_taken_or_refused_by_name() {
        let address = parse("redis://h/?namespace=judge-1&durability=relaxed").unwrap();
        assert_eq!((address.namespace.as_str(), address.relaxed), ("judge-1", true));
        for wrong in ["namespace=", "namespace=a:b", "durability=no", "namspace=x"] {
            let outcome = parse(&format!("redis://u:hunter2@h/?{wrong}"));
            let Err(error) = outcome else { panic!("{wrong} was taken") };
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
