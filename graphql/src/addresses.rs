//! The URLs of a problem's attachments.

use std::collections::HashMap;

use domain::Slug;
use domain::problem::Attachment;

/// The folder under which statements refer to attachments.
const FOLDER: &str = "attachments/";

/// The URL of a problem's attachment on this server, without the host.
pub(crate) fn address(slug: &Slug, path: &str) -> String {
    let mut address = format!("/problems/{slug}/attachments/");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                address.push(byte.into());
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address
}

/// Maps a problem's attachments, as a statement names them, to their URLs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses(HashMap<String, String>);

impl Addresses {
    pub(crate) fn new(slug: &Slug, attachments: &[Attachment]) -> Self {
        let addresses = attachments.iter().map(|it| (it.path.clone(), address(slug, &it.path)));
        Self(addresses.collect())
    }

    /// Names and URLs, ordered by name.
    pub(crate) fn sorted(&self) -> Vec<(&str, &str)> {
        let mut sorted: Vec<_> =
            self.0.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect();
        sorted.sort_unstable();
        sorted
    }

    /// The URL of the attachment that a relative reference names, if there is one.
    pub(crate) fn of(&self, reference: &str) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        let decoded = decode(reference)?;
        let name = decoded.strip_prefix("./").unwrap_or(&decoded);
        let inside = || self.0.get(name.strip_prefix(FOLDER)?);
        self.0.get(name).or_else(inside).map(String::as_str)
    }
}

/// Decodes a percent-encoded reference; `None` if it is not UTF-8.
fn decode(reference: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(reference.len());
    let mut rest = reference.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = |digits: &[u8]| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok();
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) if high.is_ascii_hexdigit() => hex(&[*high, *low]),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use domain::Digest;
    use domain::problem::BlobRef;

    use super::*;

    #[test]
    fn a_reference_names_an_attachment_or_nothing() {
        let attachment = |path: &str| Attachment {
            path: path.to_owned(),
            content: BlobRef { digest: Digest::of(b""), bytes: 0 },
        };
        let attachments = ["fig.png", "data/a b.zip", "Größe.txt", "100%.txt"].map(attachment);
        let addresses = Addresses::new(&"sum".parse().unwrap(), &attachments);
        for (reference, address) in [
            ("fig.png", Some("/problems/sum/attachments/fig.png")),
            ("./fig.png", Some("/problems/sum/attachments/fig.png")),
            ("attachments/fig.png", Some("/problems/sum/attachments/fig.png")),
            ("./attachments/data/a%20b.zip", Some("/problems/sum/attachments/data/a%20b.zip")),
            ("Gr%C3%B6%c3%9fe.txt", Some("/problems/sum/attachments/Gr%C3%B6%C3%9Fe.txt")),
            ("100%.txt", Some("/problems/sum/attachments/100%25.txt")),
            ("100%25.txt", Some("/problems/sum/attachments/100%25.txt")),
            ("Fig.png", None),
            ("%ff.png", None),
            ("%+1", None),
            ("../fig.png", None),
            ("/fig.png", None),
            ("https://example.com/fig.png", None),
        ] {
            assert_eq!(addresses.of(reference), address, "{reference}");
        }
    }

    #[test]
    fn attachments_are_found_where_they_are_served() {
        let attachment = |path: &str| Attachment {
            path: path.to_owned(),
            content: BlobRef { digest: Digest::of(b""), bytes: 0 },
        };
        let attachments = ["fig 1.png", "img/tree.svg"].map(attachment);
        let addresses = Addresses::new(&"sum".parse().unwrap(), &attachments);
        for (markdown, part) in [
            ("![x](<fig 1.png>)", "<img src=\"/problems/sum/attachments/fig%201.png\""),
            ("![x](fig%201.png)", "<img src=\"/problems/sum/attachments/fig%201.png\""),
            ("![x](attachments/img/tree.svg)", "src=\"/problems/sum/attachments/img/tree.svg\""),
            ("<img src=\"img/tree.svg\">", "src=\"/problems/sum/attachments/img/tree.svg\""),
            ("[x](img/tree.svg)", "<a href=\"/problems/sum/attachments/img/tree.svg\""),
            ("![x](other.png)", "<img src=\"other.png\""),
            ("![x](https://example.com/img/tree.svg)", "src=\"https://example.com/img/tree.svg\""),
        ] {
            let addresses = addresses.clone();
            let html =
                statement::to_html(markdown, move |name| addresses.of(name).map(str::to_owned));
            assert!(html.contains(part), "{part} is missing from {html}");
        }
    }
}
