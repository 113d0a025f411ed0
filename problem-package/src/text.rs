//! Text files.

use std::borrow::Cow;

use bytes::Bytes;

use crate::diagnostic::Report;

/// The byte order mark that some editors write at the start of a text file.
pub(crate) const BOM: char = '\u{feff}';

/// The text of a file, without a byte order mark. Reports an error if it is not UTF-8.
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

/// Converts CRLF line endings to LF if every line ends with CRLF. Any other file is returned
/// unchanged.
pub(crate) fn unix_lines(bytes: &Bytes) -> Cow<'_, Bytes> {
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    let windows_ends = bytes.windows(2).filter(|pair| pair == b"\r\n").count();
    let returns = bytes.iter().filter(|byte| **byte == b'\r').count();
    if ends == 0 || ends != windows_ends || returns != windows_ends {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned(bytes.iter().copied().filter(|byte| *byte != b'\r').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_windows_gets_the_lines_of_unix() {
        let cases = [
            ("1 2\r\n3\r\n", "1 2\n3\n"),
            ("1 2\r\n3", "1 2\n3"),
            ("\r\n", "\n"),
            ("1 2\n3\n", "1 2\n3\n"),
            // Mixed line endings, or a carriage return elsewhere: not a Windows text file.
            ("1 2\r\n3\n", "1 2\r\n3\n"),
            ("1\r2\r\n", "1\r2\r\n"),
            ("1\r", "1\r"),
            ("1\r\r\n", "1\r\r\n"),
            ("", ""),
        ];
        for (bytes, expected) in cases {
            assert_eq!(unix_lines(&Bytes::from(bytes)).as_ref(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let mut report = Report::default();
        assert_eq!(text("a", "\u{feff}x".as_bytes(), &mut report), Some("x"));
        assert_eq!(text("a", b"x", &mut report), Some("x"));
        assert_eq!(text("a", b"x\xff", &mut report), None);
    }
}
