//! The line checkers: outputs compared line by line, as some judges' built-in checkers do.

use serde::{Deserialize, Serialize};

use super::{Comparison, quote};

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
        }
    };
    if rule == LineRule::Identical {
        // The first line that differs, with its line end.
        return first_difference(
            &output.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>(),
            &answer.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>(),
        );
    }
    first_difference(&items(output), &items(answer))
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
    let mut lines: Vec<Vec<u8>> = bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.trim_ascii_end().to_vec())
        .collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

fn lines_of_words(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(|line| words(line).collect::<Vec<_>>().join(&b' '))
        .filter(|line| !line.is_empty())
        .collect()
}

fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
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
        use LineRule::{Identical, RightStripped, SortedLines, SortedWords};
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
        ];
        for (output, answer, rule, equal) in cases {
            let found = compare_lines(output, answer, *rule);
            assert_eq!(found == Comparison::Equal, *equal, "{output:?} {answer:?} {rule:?}");
        }
    }
}
