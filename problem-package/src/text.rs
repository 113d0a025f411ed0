//! Files that are texts.

use domain::Slug;

use crate::diagnostic::Report;

/// What some editors begin a text file with.
pub(crate) const BOM: char = '\u{feff}';

/// The text of a file, or an error that it is none.
pub(crate) fn text<'a>(path: &str, bytes: &'a [u8], report: &mut Report) -> Option<&'a str> {
    match str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix(BOM).unwrap_or(text)),
        Err(error) => {
            let message = format!("is not UTF-8 after byte {}", error.valid_up_to());
            report.error(path, message, "a text file in UTF-8");
            None
        }
    }
}

/// `Dynamic programming` is the tag `dynamic-programming`.
pub(crate) fn tag(keyword: &str) -> Option<Slug> {
    let words: Vec<String> = keyword
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let mut report = Report::default();
        assert_eq!(text("a", "\u{feff}x".as_bytes(), &mut report), Some("x"));
        assert_eq!(text("a", b"x", &mut report), Some("x"));
        assert_eq!(text("a", b"x\xff", &mut report), None);
    }
}
