//! The line checkers: compare outputs line by line, as built-in checkers of some judges do.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Comparison, is_space, quote};

/// How lines are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineRule {
    /// Byte for byte.
    Identical,
    /// Ignores space at the ends of lines, and empty lines at the end.
    RightStripped,
    /// As a multiset of lines: ignores their order, and space around and between words.
    SortedLines,
    /// As a multiset of words.
    SortedWords,
    /// Word by word on each line: ignores space around and between words, and empty lines.
    Words,
    /// As a multiset of characters: ignores their order, their case and space.
    Characters,
}

/// Compares a program's output with the expected answer. `token` in the result is the number of the
/// first line that differs, in the order that the rule compares them.
pub fn compare_lines(output: &[u8], answer: &[u8], rule: LineRule) -> Comparison {
    if output == answer {
        return Comparison::Equal;
    }
    match rule {
        LineRule::Identical => {
            match first_difference(with_ends(output), with_ends(answer), bytes) {
                // Only the space differs, at the first line that is not identical.
                Comparison::Differs { token, .. } if same_words(lines(output), lines(answer)) => {
                    Comparison::SpaceDiffers { token }
                }
                found => found,
            }
        }
        LineRule::RightStripped => {
            first_difference(right_stripped(output), right_stripped(answer), bytes)
        }
        LineRule::Words => first_difference(lines(output), lines(answer), by_words),
        LineRule::SortedLines => {
            let sorted = |bytes| {
                let mut lines: Vec<_> = lines(bytes).collect();
                lines.sort_unstable_by(|one, other| by_words(one, other));
                lines.into_iter()
            };
            first_difference(sorted(output), sorted(answer), by_words)
        }
        LineRule::SortedWords => {
            let sorted = |bytes| {
                let mut words: Vec<_> = words(bytes).collect();
                words.sort_unstable();
                words.into_iter()
            };
            first_difference(sorted(output), sorted(answer), bytes)
        }
        LineRule::Characters => {
            let (output, answer) = (characters(output), characters(answer));
            first_difference(
                [output.as_slice()].into_iter(),
                [answer.as_slice()].into_iter(),
                bytes,
            )
        }
    }
}

fn bytes(one: &[u8], other: &[u8]) -> Ordering {
    one.cmp(other)
}

fn by_words(one: &[u8], other: &[u8]) -> Ordering {
    words(one).cmp(words(other))
}

fn same_words<'a>(
    output: impl Iterator<Item = &'a [u8]>,
    answer: impl Iterator<Item = &'a [u8]>,
) -> bool {
    first_difference(output, answer, by_words) == Comparison::Equal
}

fn with_ends(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}

/// Compares item by item, so that no copy of the output is made.
fn first_difference<'a>(
    mut output: impl Iterator<Item = &'a [u8]>,
    mut answer: impl Iterator<Item = &'a [u8]>,
    order: fn(&[u8], &[u8]) -> Ordering,
) -> Comparison {
    for token in 1.. {
        let (actual, expected) = (output.next(), answer.next());
        match (actual, expected) {
            (None, None) => break,
            (Some(actual), Some(expected)) if order(actual, expected).is_eq() => {}
            _ => {
                return Comparison::Differs {
                    token,
                    expected: expected.map(quote),
                    actual: actual.map(quote),
                };
            }
        }
    }
    Comparison::Equal
}

fn right_stripped(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.trim_ascii_end().split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end)
}

/// Lines with at least one word.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
    lines.filter(|line| words(line).next().is_some())
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
    fn a_difference_in_space_is_reported_with_its_line() {
        let identical =
            |output: &[u8], answer: &[u8]| compare_lines(output, answer, LineRule::Identical);
        assert_eq!(identical(b"a\nb \n", b"a\nb\n"), Comparison::SpaceDiffers { token: 2 });
        assert_eq!(identical(b"a", b"a\n"), Comparison::SpaceDiffers { token: 1 });
        assert!(matches!(identical(b"a b\n", b"a\nb\n"), Comparison::Differs { token: 1, .. }));
    }
}
