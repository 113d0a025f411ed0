//! The address of a request's client, also behind proxies.

use std::iter::once;
use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address, if known.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub Option<IpAddr>);

/// The networks of the proxies whose headers are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The proxies in these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// The client of a request that arrived from `peer`. If the peer is a trusted proxy, this is
    /// the right-most address in `Forwarded`, or else in `X-Forwarded-For`, that is not a trusted
    /// proxy: clients can forge everything to the left of it. It is the peer if the headers are
    /// malformed or disagree, since a proxy that sets one of them may pass on a forged other.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let by_standard = self.behind(peer, headers, &header::FORWARDED, forwarded_nodes);
        let by_custom = self.behind(peer, headers, &X_FORWARDED_FOR, listed_nodes);
        match (by_standard, by_custom) {
            (Some(one), Some(other)) if one != other => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    /// Whether this address is a trusted proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client according to one header; `None` if there is no such header.
    fn behind(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        name: &HeaderName,
        nodes: fn(&str) -> Option<Vec<&str>>,
    ) -> Option<IpAddr> {
        let mut values = headers.get_all(name).iter().rev().peekable();
        values.peek()?;
        Some(self.right_most(peer, values, nodes).unwrap_or(peer))
    }

    /// The right-most address that is not a trusted proxy; the left-most one if all are trusted.
    /// `None` if a node that must be read is malformed.
    fn right_most<'a>(
        &self,
        peer: IpAddr,
        values: impl Iterator<Item = &'a HeaderValue>,
        nodes: fn(&str) -> Option<Vec<&str>>,
    ) -> Option<IpAddr> {
        let mut client = peer;
        for value in values {
            for node in nodes(value.to_str().ok()?)?.into_iter().rev() {
                client = address(node)?;
                if !self.trusts(client) {
                    return Some(client);
                }
            }
        }
        Some(client)
    }
}

/// The nodes of an `X-Forwarded-For` header, from left to right.
fn listed_nodes(value: &str) -> Option<Vec<&str>> {
    Some(value.split(',').map(str::trim).collect())
}

/// The nodes in the parameters `for` of a `Forwarded` header (RFC 7239), from left to right.
/// `None` if the header is malformed.
fn forwarded_nodes(value: &str) -> Option<Vec<&str>> {
    let elements = split_outside_quotes(value, ',')?;
    elements.into_iter().map(forwarded_node).collect()
}

fn forwarded_node(element: &str) -> Option<&str> {
    let mut found = None;
    for pair in split_outside_quotes(element, ';')? {
        let (name, node) = pair.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("for") && found.replace(node.trim()).is_some() {
            return None;
        }
    }
    let node = found?;
    match node.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"'),
        None => Some(node),
    }
}

/// Splits at the separators that are not in quoted strings. `None` if a quoted string does not
/// end.
fn split_outside_quotes(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let mut ends = Vec::new();
    for (at, char) in text.char_indices() {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if char == separator && !is_quoted => ends.push(at),
            _ => {}
        }
    }
    let mut start = 0;
    let parts = ends.into_iter().chain(once(text.len())).map(|end| {
        let part = &text[start..end];
        start = end + separator.len_utf8();
        part
    });
    let parts = parts.collect();
    (!is_quoted).then_some(parts)
}

/// The address of a node: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or
/// `[2001:db8::1]:80`.
fn address(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    let address = bare.parse().or_else(|_| node.parse().map(|it: SocketAddr| it.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn client(peer: &str, sent: &[(HeaderName, &str)]) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let proxies = TrustedProxies::new(networks.to_vec());
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_client_is_the_right_most_address_that_is_not_a_trusted_proxy() {
        for (value, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
            ("198.51.100.1,203.0.113.7 , 10.0.0.2", "203.0.113.7"),
            ("forged, 203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:4711", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7], fd00::2", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
            // Malformed.
            ("", PROXY),
            ("unknown", PROXY),
            ("203.0.113.7,", PROXY),
            ("203.0.113.7, unknown, 10.0.0.2", PROXY),
            ("203.0.113.7 10.0.0.2", PROXY),
            ("203.0.113.700", PROXY),
            ("é", PROXY),
        ] {
            assert_eq!(client(PROXY, &[(X_FORWARDED_FOR, value)]), expected, "{value}");
        }
        for (value, expected) in [
            ("for=203.0.113.7", "203.0.113.7"),
            ("for=198.51.100.1, For=203.0.113.7;proto=https;by=10.0.0.2", "203.0.113.7"),
            ("for=\"203.0.113.7:4711\", for=10.0.0.2", "203.0.113.7"),
            ("proto=http; for=\"[2001:db8::7]:4711\"", "2001:db8::7"),
            ("for=\"[2001:db8::7]\"", "2001:db8::7"),
            ("for=_hidden, for=203.0.113.7", "203.0.113.7"),
            ("for=203.0.113.7;host=\"a\\\", for=198.51.100.1, \\\"\"", "203.0.113.7"),
            ("for=203.0.113.7;host=\"a;for=198.51.100.1\"", "203.0.113.7"),
            // Malformed.
            ("", PROXY),
            ("for=unknown", PROXY),
            ("for=_hidden", PROXY),
            ("203.0.113.7", PROXY),
            ("proto=https", PROXY),
            ("for=203.0.113.7;for=198.51.100.1", PROXY),
            ("for=\"198.51.100.1, for=203.0.113.7", PROXY),
            ("for=\"203.0.113.7", PROXY),
        ] {
            assert_eq!(client(PROXY, &[(header::FORWARDED, value)]), expected, "{value}");
        }
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let sent = [(X_FORWARDED_FOR, "203.0.113.7"), (header::FORWARDED, "for=203.0.113.7")];
        for (peer, expected) in [
            (PROXY, "203.0.113.7"),
            ("::ffff:10.0.0.1", "203.0.113.7"),
            ("fd00::1", "203.0.113.7"),
            ("198.51.100.1", "198.51.100.1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(client(peer, &sent), expected, "{peer}");
        }
        assert_eq!(client(PROXY, &[]), PROXY);
    }

    #[test]
    fn lines_are_read_together_and_headers_that_disagree_are_not_believed() {
        let lines = [(X_FORWARDED_FOR, "203.0.113.7"), (X_FORWARDED_FOR, "10.0.0.2")];
        assert_eq!(client(PROXY, &lines), "203.0.113.7");
        let forged = [(X_FORWARDED_FOR, "203.0.113.7"), (header::FORWARDED, "for=198.51.100.1")];
        assert_eq!(client(PROXY, &forged), PROXY);
    }
}
