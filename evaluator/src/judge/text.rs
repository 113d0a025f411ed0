//! Normalises source files: removes encoding details that no author intends.

use bytes::Bytes;
use sandbox::Language;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A source as compilers get it: without a byte order mark, with `\n` line ends, and in UTF-8 if
/// the language's compiler accepts nothing else.
pub(super) fn normalised(language: &Language, source: &Bytes) -> Bytes {
    let mut text = source.clone();
    if text.starts_with(BYTE_ORDER_MARK) {
        text = text.slice(BYTE_ORDER_MARK.len()..);
    }
    if text.windows(2).any(|pair| pair == b"\r\n") {
        let mut lines = Vec::with_capacity(text.len());
        for (at, byte) in text.iter().enumerate() {
            if *byte != b'\r' || text.get(at + 1) != Some(&b'\n') {
                lines.push(*byte);
            }
        }
        text = lines.into();
    }
    if language.utf8_only && std::str::from_utf8(&text).is_err() && !names_its_encoding(&text) {
        // Read it as Latin-1, in which every byte is a character.
        text = text.iter().map(|byte| char::from(*byte)).collect::<String>().into();
    }
    text
}

/// Whether one of the first two lines declares an encoding, as in Python.
fn names_its_encoding(text: &[u8]) -> bool {
    let mut head = text.split(|byte| *byte == b'\n').take(2);
    head.any(|line| {
        line.trim_ascii_start().starts_with(b"#") && line.windows(6).any(|part| part == b"coding")
    })
}

#[cfg(test)]
mod tests {
    use sandbox::Languages;

    use super::*;

    #[test]
    fn what_cannot_be_meant_is_put_right() {
        let cases: [(&str, &[u8], &[u8]); 14] = [
            ("java", b"class A {}\n", b"class A {}\n"),
            ("java", b"\xef\xbb\xbfclass A {}", b"class A {}"),
            ("bash", b"\xef\xbb\xbfecho 1\r\necho 2\r\n", b"echo 1\necho 2\n"),
            ("php", b"\xef\xbb\xbf<?php", b"<?php"),
            ("bash", b"\r\n\r\n", b"\n\n"),
            // A single carriage return may be intended.
            ("python3", b"print('a\rb')\n", b"print('a\rb')\n"),
            ("cpp", b"a\r\r\nb\r", b"a\r\nb\r"),
            ("cpp", b"", b""),
            // Only the first mark is removed.
            ("ocaml", b"\xef\xbb\xbf\xef\xbb\xbf", b"\xef\xbb\xbf"),
            // Latin-1, for compilers that accept only UTF-8.
            ("java", b"// \xe5\xe4\xf6", "// åäö".as_bytes()),
            ("python3", b"# \xe5", "# å".as_bytes()),
            (
                "python3",
                b"#!/usr/bin/python3\n# coding: latin-1\n# \xe5",
                b"#!/usr/bin/python3\n# coding: latin-1\n# \xe5",
            ),
            // C++ prints the bytes of the source.
            ("cpp", b"\"\xe5\"", b"\"\xe5\""),
            ("java", "// å".as_bytes(), "// å".as_bytes()),
        ];
        let languages = Languages::builtin();
        for (language, source, expected) in cases {
            let language = languages.get(language).unwrap();
            let text = normalised(language, &Bytes::from_static(source));
            assert_eq!(text, expected, "{} {source:?}", language.id);
        }
    }
}
