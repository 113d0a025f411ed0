//! Checks destinations. A webhook's address is untrusted input, and the server is inside a network,
//! so it must not be made to connect to its neighbours or to itself.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::address::is_global;

/// Rules for allowed destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DestinationPolicy {
    /// Whether to allow private networks and connections without TLS.
    pub allow_private: bool,
}

/// An address that passed the checks on the URL alone. The addresses of its name are checked at
/// each connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination(Url);

/// Why an address is refused.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDestination {
    /// The address is not a valid URL.
    #[error("the address is malformed")]
    Malformed(#[source] url::ParseError),
    /// The address does not use TLS.
    #[error("the address must begin with https://")]
    Scheme,
    /// The address contains secrets, which all readers of the log could see.
    #[error("the address must hold no user, password or fragment")]
    Credentials,
    /// The host is not a public address.
    #[error("{0} is no address of the public network")]
    Private(String),
}

impl DestinationPolicy {
    /// Checks an address without resolving its name.
    ///
    /// # Errors
    /// When the address is refused by its text alone.
    pub fn check(self, url: &str) -> Result<Destination, InvalidDestination> {
        let url = Url::parse(url).map_err(InvalidDestination::Malformed)?;
        if url.scheme() != "https" && !(self.allow_private && url.scheme() == "http") {
            return Err(InvalidDestination::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(InvalidDestination::Credentials);
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(InvalidDestination::Malformed(url::ParseError::EmptyHost)),
        };
        match literal.filter(|address| !self.allows(*address)) {
            Some(address) => Err(InvalidDestination::Private(address.to_string())),
            None => Ok(Destination(url)),
        }
    }

    /// Like `check`, but also refuses a name that currently resolves to forbidden addresses only. A
    /// name that does not resolve is accepted, because it may later.
    ///
    /// # Errors
    /// As [`DestinationPolicy::check`].
    pub async fn check_name(self, url: &str) -> Result<Destination, InvalidDestination> {
        let destination = self.check(url)?;
        if let Some(Host::Domain(name)) = destination.0.host()
            && let Ok(found) = tokio::net::lookup_host((name, 0)).await
            && !found.into_iter().any(|address| self.allows(address.ip()))
        {
            return Err(InvalidDestination::Private(name.to_owned()));
        }
        Ok(destination)
    }

    fn allows(self, address: IpAddr) -> bool {
        self.allow_private || is_global(address)
    }
}

impl Destination {
    /// The URL to connect to.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

/// Resolves names for connections and drops forbidden addresses. It is the only lookup, and
/// connections use its results, so a name cannot change between check and connection.
#[derive(Debug)]
pub(crate) struct PublicNames(pub(crate) DestinationPolicy);

/// All addresses of a name are forbidden.
#[derive(Debug, thiserror::Error)]
#[error("{0} leads to no address of the public network")]
struct NoPublicAddress(String);

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(boxed)?;
            let allowed: Vec<SocketAddr> = found.filter(|it| policy.allows(it.ip())).collect();
            if allowed.is_empty() {
                return Err(boxed(NoPublicAddress(name.as_str().to_owned())));
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn boxed(error: impl Error + Send + Sync + 'static) -> Box<dyn Error + Send + Sync> {
    Box::new(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: DestinationPolicy = DestinationPolicy { allow_private: false };
    const LAX: DestinationPolicy = DestinationPolicy { allow_private: true };

    #[test]
    fn private_addresses_are_refused_however_they_are_written() {
        let refused = [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0/",
            "https://10.1.2.3:8443/x",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[2002:7f00:1::]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
            "https://１２７.0.0.1/",
        ];
        for url in refused {
            let error = STRICT.check(url).unwrap_err();
            assert!(matches!(error, InvalidDestination::Private(_)), "{url}: {error}");
            assert!(LAX.check(url).is_ok(), "{url}");
        }
        for url in ["https://example.org/", "https://1.1.1.1:8443/a?b=c", "https://[2606:4700::1]/"]
        {
            assert!(STRICT.check(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn only_tls_and_no_credentials() {
        for url in ["http://example.org/", "ftp://example.org/", "file:///etc/passwd", "HTTP://x/"]
        {
            assert!(matches!(STRICT.check(url), Err(InvalidDestination::Scheme)), "{url}");
        }
        assert!(LAX.check("http://example.org/").is_ok());
        for url in ["https://a@example.org/", "https://a:b@example.org/", "https://example.org/#x"]
        {
            assert!(matches!(LAX.check(url), Err(InvalidDestination::Credentials)), "{url}");
        }
        for url in ["", "example.org", "https://", "https:///x y", "https://[::1", "gopher://x/"] {
            assert!(LAX.check(url).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn names_of_private_addresses_are_refused() {
        let name = || "localhost".parse().unwrap();
        let refused = PublicNames(STRICT).resolve(name()).await.err().unwrap();
        assert!(refused.to_string().contains("localhost leads to no address"), "{refused}");
        let found: Vec<_> = PublicNames(LAX).resolve(name()).await.unwrap().collect();
        assert!(!found.is_empty() && found.iter().all(|it| it.ip().is_loopback()), "{found:?}");

        assert!(STRICT.check("https://localhost/").is_ok());
        let refused = STRICT.check_name("https://localhost/").await;
        assert!(matches!(refused, Err(InvalidDestination::Private(_))), "{refused:?}");
        assert!(LAX.check_name("https://localhost/").await.is_ok());
    }
}
