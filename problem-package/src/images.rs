//! Images in Markdown: embedded as `data:` URLs, or attached to the problem.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pulldown_cmark::{Event, Parser, Tag};

use crate::limits::{ATTACHED_IMAGE_BYTES_MAX, IMAGE_BYTES_MAX};

/// Maximum bytes before the first element of an SVG image, such as comments and a document type.
const SVG_PROLOGUE_BYTES_MAX: usize = 4 * 1024;

/// Extensions of images that browsers show, in the order in which LaTeX searches for them.
const SHOWN: [&str; 6] = ["png", "jpg", "jpeg", "svg", "gif", "webp"];
/// Extensions of images that LaTeX shows but browsers do not.
const PRINTED: [&str; 3] = ["pdf", "eps", "ps"];

/// The replacement of an image in Markdown.
pub(crate) enum Shown {
    /// Show the image from this address.
    At(String),
    /// Replace the image by this Markdown.
    Instead(String),
}

/// How an image can be shown, depending on its size and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Small enough to embed in the Markdown.
    Small,
    /// Can be attached and shown from there.
    Large,
    /// Too large to show.
    TooLarge,
    /// Not an image that browsers can show safely.
    Unknown,
}

/// How an image can be shown. The type is detected from the first bytes, not from the name.
pub(crate) fn kind(bytes: &[u8]) -> Kind {
    match bytes.len() {
        _ if media_type(bytes).is_none() => Kind::Unknown,
        bytes if bytes <= IMAGE_BYTES_MAX => Kind::Small,
        bytes if bytes <= ATTACHED_IMAGE_BYTES_MAX => Kind::Large,
        _ => Kind::TooLarge,
    }
}

/// The `data:` URL of a small image.
pub(crate) fn data_address(bytes: &[u8]) -> Option<String> {
    let media_type = media_type(bytes).filter(|_| bytes.len() <= IMAGE_BYTES_MAX)?;
    Some(format!("data:{media_type};base64,{}", STANDARD.encode(bytes)))
}

/// The media type of an image that is safe in `<img>`. Browsers run no scripts of SVG images there.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 4] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
    ];
    let known = BEGINNINGS.into_iter().find(|(beginning, _)| bytes.starts_with(beginning));
    if let Some((_, media_type)) = known {
        return Some(media_type);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    is_svg(bytes).then_some("image/svg+xml")
}

/// Whether the first element is `<svg>`.
fn is_svg(bytes: &[u8]) -> bool {
    let beginning = &bytes[..bytes.len().min(SVG_PROLOGUE_BYTES_MAX)];
    let text = String::from_utf8_lossy(beginning);
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = match rest {
            _ if rest.starts_with("<!--") => "-->",
            _ if rest.starts_with("<?") => "?>",
            // A document type may declare entities in brackets, which contain `>`.
            _ if rest.starts_with("<!DOCTYPE")
                && rest.split('>').next().is_some_and(|it| it.contains('[')) =>
            {
                "]>"
            }
            _ if rest.starts_with("<!DOCTYPE") => ">",
            _ => break,
        };
        let Some((_, after)) = rest.split_once(end) else { return false };
        rest = after.trim_start();
    }
    let name = rest.strip_prefix("<svg").or_else(|| rest.strip_prefix("<svg:svg"));
    name.is_some_and(|after| after.starts_with(|c: char| c.is_whitespace() || c == '>' || c == '/'))
}

/// Candidate file names for an image named in a text, the best first. LaTeX may omit the extension.
/// A PDF or EPS image may have a version beside it that browsers can show.
pub(crate) fn file_names(name: &str, is_latex: bool) -> Vec<String> {
    let name = name.strip_prefix("./").unwrap_or(name);
    let with = |stem: &str, endings: &[&str]| {
        endings.iter().map(|ending| format!("{stem}.{ending}")).collect::<Vec<_>>()
    };
    let mut names = match name.rsplit_once('.') {
        Some((stem, ending)) if is_printed(ending) => with(stem, &SHOWN),
        _ => vec![],
    };
    names.push(name.to_owned());
    if is_latex {
        names.extend(with(name, &SHOWN));
        names.extend(with(name, &PRINTED));
    }
    names
}

/// Advice for an image that browsers cannot show.
pub(crate) fn cure(name: &str) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    match ending.to_ascii_lowercase().as_str() {
        "pdf" => format!(
            "a PNG or SVG file beside it, from `pdftocairo -svg {stem}.{ending} {stem}.svg`"
        ),
        "eps" | "ps" => format!(
            "a PNG or SVG file beside it, from `ps2pdf -dEPSCrop {stem}.{ending} {stem}.pdf` and \
             `pdftocairo -svg {stem}.pdf {stem}.svg`"
        ),
        _ => "a PNG, JPEG, GIF, WebP or SVG file".to_owned(),
    }
}

fn is_printed(ending: &str) -> bool {
    PRINTED.contains(&ending.to_ascii_lowercase().as_str())
}

/// The path of an attachment, percent-encoded for use as a Markdown link.
pub(crate) fn address(path: &str) -> String {
    let mut address = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => {
                address.push(byte.into());
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address
}

/// Replaces the images of a Markdown text. `show` receives the address of each image and the length
/// of the text around it, in bytes. If it returns `None`, the image stays as it is.
pub(crate) fn show(markdown: &str, mut show: impl FnMut(&str, usize) -> Option<Shown>) -> String {
    let mut result = String::new();
    let mut copied = 0;
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        let Event::Start(Tag::Image { dest_url, .. }) = event else { continue };
        let image = &markdown[range.clone()];
        let start = address_in(image, &dest_url).map(|start| range.start + start);
        // An image nested in the text of another one was copied with it.
        if start.unwrap_or(range.start) < copied {
            continue;
        }
        let around = result.len() + markdown.len() - copied;
        match (show(&dest_url, around), start) {
            (None, _) => {}
            (Some(Shown::At(address)), Some(start)) => {
                result.push_str(&markdown[copied..start]);
                result.push_str(&address);
                copied = start + dest_url.len();
            }
            // The address is a reference definition or is escaped.
            (Some(Shown::At(address)), None) if range.start >= copied => {
                let text = image.strip_prefix("![").and_then(|rest| rest.split(']').next());
                result.push_str(&markdown[copied..range.start]);
                result.push_str(&format!("![{}]({address})", text.unwrap_or_default()));
                copied = range.end;
            }
            (Some(Shown::Instead(text)), _) if range.start >= copied => {
                result.push_str(&markdown[copied..range.start]);
                result.push_str(&text);
                copied = range.end;
            }
            _ => {}
        }
    }
    result.push_str(&markdown[copied..]);
    result
}

/// The offset of the address in `![text](address "title")`.
fn address_in(image: &str, address: &str) -> Option<usize> {
    let text_end = image.rfind("](")?;
    image[text_end..].find(address).map(|offset| text_end + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_an_image_is_detected_from_its_first_bytes() {
        let cases: [(&[u8], Option<&str>); 17] = [
            (b"\x89PNG\r\n\x1a\nrest", Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\x10\0\0\0WAVE", None),
            (b"<svg/>", Some("image/svg+xml")),
            (b"\xef\xbb\xbf<svg xmlns=\"\">", Some("image/svg+xml")),
            (b"<?xml version=\"1.0\"?>\n<!-- a > b -->\n<svg>", Some("image/svg+xml")),
            (
                b"<?xml version=\"1.0\"?>\n<!DOCTYPE svg PUBLIC \"a\" \"b\">\n<svg>",
                Some("image/svg+xml"),
            ),
            (b"<!DOCTYPE svg [<!ENTITY a \"b\">]><svg>", Some("image/svg+xml")),
            (b"<?xml version=\"1.0\"?>\n<html><svg/></html>", None),
            (b"<svgx>", None),
            (b"<!-- <svg> ", None),
            (b"<!DOCTYPE html><html>", None),
            (b"<html><body><script>", None),
            (b"%PDF-1.7", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(media_type(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn addresses_of_images_are_replaced_in_markdown() {
        let at = |name: &str| Some(Shown::At(name.to_owned()));
        let show_one = |name: &str, _| match name {
            "a.png" => at("data:x"),
            "c.pdf" => Some(Shown::Instead("(c)".to_owned())),
            _ => None,
        };
        for (markdown, expected) in [
            ("![a.png](a.png \"a\") ![](b.png)", "![a.png](data:x \"a\") ![](b.png)"),
            ("![![](a.png)](a.png) `![](a.png)`", "![![](a.png)](data:x) `![](a.png)`"),
            ("x ![t](c.pdf) y", "x (c) y"),
            ("![x][y]\n\n[y]: a.png\n", "![x](data:x)\n\n[y]: a.png\n"),
            ("![y]\n\n[y]: a.png\n", "![y](data:x)\n\n[y]: a.png\n"),
        ] {
            assert_eq!(show(markdown, show_one), expected, "{markdown}");
        }
        assert_eq!(address("statement/a b(1).png"), "statement/a%20b%281%29.png");
    }

    #[test]
    fn an_image_that_pages_cannot_show_may_have_one_beside_it() {
        assert_eq!(file_names("./a.png", false), ["a.png"]);
        assert_eq!(file_names("a", true)[..3], ["a", "a.png", "a.jpg"]);
        assert_eq!(file_names("a", true).last().unwrap(), "a.ps");
        let names = file_names("a.PDF", false);
        assert_eq!((&*names[0], &*names[6], names.len()), ("a.png", "a.PDF", 7));
        assert!(cure("b/a.pdf").contains("`pdftocairo -svg b/a.pdf b/a.svg`"));
        assert!(cure("a.eps").contains("`ps2pdf -dEPSCrop a.eps a.pdf`"));
    }
}
