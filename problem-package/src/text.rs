//! Files that are texts.

use bytes::Bytes;
use domain::Slug;

use crate::diagnostic::Report;

/// The text of a file, or an error that it is none.
pub(crate) fn text<'a>(path: &str, bytes: &'a Bytes, report: &mut Report) -> Option<&'a str> {
    match str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
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
