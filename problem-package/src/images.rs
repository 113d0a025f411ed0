//! Images, put into the Markdown that shows them, so that it stands alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pulldown_cmark::{Event, Parser, Tag};

use crate::limits::IMAGE_BYTES_MAX;

/// The `data:` address of an image, whose type is told by how it begins. `None` for what is none, or is too large.
pub(crate) fn data_address(bytes: &[u8]) -> Option<String> {
    let media_type = media_type(bytes).filter(|_| bytes.len() <= IMAGE_BYTES_MAX)?;
    Some(format!("data:{media_type};base64,{}", STANDARD.encode(bytes)))
}

fn media_type(bytes: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 4] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"<svg", "image/svg+xml"),
    ];
    let known = BEGINNINGS.into_iter().find(|(beginning, _)| bytes.starts_with(beginning));
    let is_svg = || bytes.starts_with(b"<?xml") && bytes.windows(4).any(|window| window == b"<svg");
    known.map(|(_, media_type)| media_type).or_else(|| is_svg().then_some("image/svg+xml"))
}

/// The Markdown with other addresses for the images that it names, where `address` has one.
pub(crate) fn replace_addresses(
    markdown: &str,
    mut address: impl FnMut(&str) -> Option<String>,
) -> String {
    let mut result = String::new();
    let mut copied = 0;
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        let Event::Start(Tag::Image { dest_url, .. }) = event else { continue };
        let image = &markdown[range.clone()];
        let place = image.rfind("](").and_then(|at| Some(at + image[at..].find(&*dest_url)?));
        let Some(start) = place.map(|place| range.start + place) else { continue };
        // An image in the text of an image has been copied with it.
        if start < copied {
            continue;
        }
        if let Some(address) = address(&dest_url) {
            result.push_str(&markdown[copied..start]);
            result.push_str(&address);
            copied = start + dest_url.len();
        }
    }
    result.push_str(&markdown[copied..]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_an_image_is_told_by_how_it_begins() {
        let cases: [(&[u8], Option<&str>); 6] = [
            (b"\x89PNG\r\n\x1a\nrest", Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"<?xml version=\"1.0\"?>\n<svg/>", Some("image/svg+xml")),
            (b"<?xml version=\"1.0\"?>\n<html/>", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(media_type(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn only_known_images_get_another_address() {
        let address = |name: &str| (name == "a.png").then(|| "data:x".to_owned());
        let markdown = "![a.png](a.png \"a\") ![](b.png) ![![](a.png)](a.png) `![](a.png)`";
        let expected = "![a.png](data:x \"a\") ![](b.png) ![![](a.png)](data:x) `![](a.png)`";
        assert_eq!(replace_addresses(markdown, address), expected);
    }
}
