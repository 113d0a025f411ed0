//! The line checkers: outputs compared line by line, as some judges' built-in checkers do.

use serde::{Deserialize, Serialize};

use super::{Comparison, is_space, quote};

/// How lines are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineRule {
    /// Byte for byte.
    Identical,
    /// But for space at the ends of lines, and empty lines at the end.
    RightStripped,
    /// As a set of lines: their order does not matter, nor does space around and between their words.
    SortedLines,
    /// As a set of words.
    SortedWords,
    /// Word by word on each line: space between words and empty lines do not matter, but on which line a word is does.
    Words,
    /// As a set of characters: neither their order nor their case nor space matters.
    Characters,
}

/// Compares a program's output with the expected answer. A difference is told by its line.
pub fn compare_lines(output: &[u8], answer: &[u8], rule: LineRule) -> Comparison {
    if output == answer {
        return Comparison::Equal;
    }
    let items = |bytes| -> Vec<Vec<u8>> {
        match rule {
            LineRule::Identical => vec![],
            LineRule::RightStripped => right_stripped(bytes),
            LineRule::SortedLines => sorted(lines_of_words(bytes)),
            LineRule::SortedWords => sorted(words(bytes).map(<[u8]>::to_vec).collect()),
            LineRule::Words => lines_of_words(bytes),
            LineRule::Characters => vec![characters(bytes)],
        }
    };
    if rule == LineRule::Identical {
        // The first line that differs, with its line end.
        let found = first_difference(&with_ends(output), &with_ends(answer));
        let differs_in_space = lines_of_words(output) == lines_of_words(answer);
        return match found {
            Comparison::Differs { token, .. } if differs_in_space => {
                Comparison::SpaceDiffers { token }
            }
            found => found,
        };
    }
    first_difference(&items(output), &items(answer))
}

fn with_ends(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn first_difference(output: &[Vec<u8>], answer: &[Vec<u8>]) -> Comparison {
    for place in 0..output.len().max(answer.len()) {
        let (actual, expected) = (output.get(place), answer.get(place));
        if actual != expected {
            return Comparison::Differs {
                token: place + 1,
                expected: expected.map(|line| quote(line)),
                actual: actual.map(|line| quote(line)),
            };
        }
    }
    Comparison::Equal
}

fn right_stripped(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> =
        bytes.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end().to_vec()).collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

fn lines_of_words(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .map(|line| words(line).collect::<Vec<_>>().join(&b' '))
        .filter(|line| !line.is_empty())
        .collect()
}

fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| is_space(*byte)).filter(|word| !word.is_empty())
}

fn characters(bytes: &[u8]) -> Vec<u8> {
    let mut characters: Vec<u8> =
        bytes.iter().filter(|byte| !is_space(**byte)).map(u8::to_ascii_lowercase).collect();
    characters.sort_unstable();
    characters
}

fn sorted(mut items: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    items.sort_unstable();
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        use LineRule::{Characters, Identical, RightStripped, SortedLines, SortedWords, Words};
        let cases: &[(&[u8], &[u8], LineRule, bool)] = &[
            (b"a\n", b"a\n", Identical, true),
            (b"a", b"a\n", Identical, false),
            (b"a \n", b"a\n", Identical, false),
            (b"a \n\n", b"a\n", RightStripped, true),
            (b" a\n", b"a\n", RightStripped, false),
            (b"a\nb\n", b"a b\n", RightStripped, false),
            (b"b\na\n", b"a\nb\n", SortedLines, true),
            (b"b  c\na\n", b"a\nb c\n", SortedLines, true),
            (b"a\na\n", b"a\n", SortedLines, false),
            (b"c b\na\n", b"a\nb c\n", SortedLines, false),
            (b"c b\na\n", b"a\nb c\n", SortedWords, true),
            (b"c b\n", b"a\nb c\n", SortedWords, false),
            (b"\xff\n", b"\xfe\n", SortedWords, false),
            (b"", b"\n", SortedLines, true),
            (b"a  b\r\n\n \n\x0bc\n", b"a b\nc\n", Words, true),
            (b"a b c\n", b"a b\nc\n", Words, false),
            (b"a\nb\nc\n", b"a b\nc\n", Words, false),
            (b"A b\n", b"a b\n", Words, false),
            (b"b a\n", b"a b\n", Words, false),
            (b"", b"\n\n", Words, true),
            (b"a\rb", b"a\nb", Words, true),
            (b"C ab\n", b"b\na c\n", Characters, true),
            (b"abb\n", b"aab\n", Characters, false),
            (b"", b" \n", Characters, true),
        ];
        for (output, answer, rule, equal) in cases {
            let found = compare_lines(output, answer, *rule);
            assert_eq!(found == Comparison::Equal, *equal, "{output:?} {answer:?} {rule:?}");
        }
    }

    #[test]
    fn an_output_that_differs_in_space_only_is_told_so_by_its_line() {
        let identical =
            |output: &[u8], answer: &[u8]| compare_lines(output, answer, LineRule::Identical);
        assert_eq!(identical(b"a\nb \n", b"a\nb\n"), Comparison::SpaceDiffers { token: 2 });
        assert_eq!(identical(b"a", b"a\n"), Comparison::SpaceDiffers { token: 1 });
        assert!(matches!(identical(b"a b\n", b"a\nb\n"), Comparison::Differs { token: 1, .. }));
    }
}
