//! Reads `<test>.args`: arguments of the submission.

use bytes::Bytes;

use crate::diagnostic::Report;
use crate::text::text;

/// A file with several lines has one argument per line. A single line is split into words like in a
/// shell.
pub(super) fn read(path: &str, bytes: &Bytes, report: &mut Report) -> Vec<String> {
    let Some(text) = text(path, bytes, report) else { return Vec::new() };
    let text = text.strip_suffix('\n').unwrap_or(text);
    if text.contains('\n') {
        let line = |line: &str| line.strip_suffix('\r').unwrap_or(line).to_owned();
        return text.split('\n').map(line).collect();
    }
    words(text).unwrap_or_else(|| {
        report.error(path, "has a quote that is not closed", "words as a shell reads them");
        Vec::new()
    })
}

/// Splits a line into words, with quotes and backslashes. `None` if a quote is not closed.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &'static str) -> Vec<String> {
        read("1.args", &Bytes::from_static(text.as_bytes()), &mut Report::default())
    }

    #[test]
    fn one_line_is_words_and_several_are_arguments() {
        assert_eq!(
            args("-n 3 'a b' \"c \\\"d\\\\\" e\\ f ''\n"),
            ["-n", "3", "a b", "c \"d\\", "e f", ""]
        );
        assert_eq!(args("-n 3\n'a b'\r\n\nlast"), ["-n 3", "'a b'", "", "last"]);
        assert!(args("").is_empty());
        assert!(args("  \n").is_empty());
        let mut report = Report::default();
        assert!(read("1.args", &Bytes::from_static(b"'a"), &mut report).is_empty());
        assert!(report.has_errors());
    }
}
