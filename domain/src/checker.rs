//! The token checker: compares a program's output with the expected answer.
//!
//! Both are bytes. A token is a run of bytes that are not ASCII white space.
//! Tokens are equal when their bytes are equal, ignoring ASCII case unless `case_sensitive` is set.
//! If a tolerance is set, decimal numbers are also equal when they differ by no more than that.

mod lines;

use serde::{Deserialize, Serialize};

pub use lines::{LineRule, compare_lines};

/// How strictly tokens are compared. By default case and space do not matter, as in most judges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenOptions {
    /// Whether `A` differs from `a`.
    pub case_sensitive: bool,
    /// Whether the space before, between and after tokens must be equal too.
    pub space_sensitive: bool,
    /// The absolute difference that numbers may have.
    pub float_absolute: Option<f64>,
    /// The difference that numbers may have, as a fraction of the expected number.
    pub float_relative: Option<f64>,
}

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// The output is accepted.
    Equal,
    /// The tokens are equal, but the space differs where it matters.
    SpaceDiffers {
        /// Number of the first token, from 1, with different space before it.
        token: usize,
    },
    /// A token differs. `None` means that the answer or the output ends before it.
    Differs {
        /// Number of the first token that differs, from 1.
        token: usize,
        /// The answer's token, shortened.
        expected: Option<String>,
        /// The output's token, shortened.
        actual: Option<String>,
    },
}

/// Characters of a token that a comparison quotes.
const QUOTED_CHARS_MAX: usize = 40;

/// Bytes that are compared at once.
const BLOCK_BYTES: usize = 4 << 10;

impl Comparison {
    /// A message for the author; `None` if equal. It quotes the answer, so only visible tests may
    /// show it.
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Equal => None,
            Self::SpaceDiffers { token } => Some(format!("the space before token {token} differs")),
            Self::Differs { token, expected: Some(expected), actual: Some(actual) } => {
                Some(format!("token {token} is {actual:?}, expected {expected:?}"))
            }
            Self::Differs { token, expected: Some(expected), actual: None } => {
                Some(format!("the output ends before token {token}, expected {expected:?}"))
            }
            Self::Differs { token, actual, .. } => Some(format!(
                "token {token} is {:?}, expected the end",
                actual.as_deref().unwrap_or("")
            )),
        }
    }
}

/// Compares a program's output with the expected answer.
pub fn compare(output: &[u8], answer: &[u8], options: &TokenOptions) -> Comparison {
    if output == answer {
        return Comparison::Equal;
    }
    // Most outputs begin like the answer; that part is not split into tokens.
    let common = common_tokens_end(output, answer);
    let (before, answer) = answer.split_at(common);
    let (mut output, mut answer) = (Tokens(&output[common..]), Tokens(answer));
    let mut space_differs = None;
    let numbered = |token: usize| token + tokens(before);
    for token in 1.. {
        let ((actual_space, actual), (expected_space, expected)) = (output.next(), answer.next());
        if options.space_sensitive && space_differs.is_none() && actual_space != expected_space {
            space_differs = Some(token);
        }
        match (actual, expected) {
            (None, None) => break,
            (Some(actual), Some(expected)) if equal(actual, expected, options) => {}
            _ => {
                return Comparison::Differs {
                    token: numbered(token),
                    expected: expected.map(quote),
                    actual: actual.map(quote),
                };
            }
        }
    }
    space_differs
        .map_or(Comparison::Equal, |token| Comparison::SpaceDiffers { token: numbered(token) })
}

/// Counts the tokens.
fn tokens(bytes: &[u8]) -> usize {
    let mut tokens = Tokens(bytes);
    std::iter::from_fn(|| tokens.next().1).count()
}

/// The end of the last token of the common beginning.
fn common_tokens_end(output: &[u8], answer: &[u8]) -> usize {
    let length = output.len().min(answer.len());
    let (output, answer) = (&output[..length], &answer[..length]);
    let chunks = output.chunks(BLOCK_BYTES).zip(answer.chunks(BLOCK_BYTES));
    let equal = chunks.take_while(|(one, other)| one == other).count() * BLOCK_BYTES;
    let equal = equal.min(length);
    let rest = output[equal..].iter().zip(&answer[equal..]);
    let common = equal + rest.take_while(|(one, other)| one == other).count();
    // The last token may be cut off, so leave it out, and the space before it.
    let cut = answer[..common].iter().rposition(|byte| is_space(*byte)).map_or(0, |at| at + 1);
    answer[..cut].iter().rposition(|byte| !is_space(*byte)).map_or(0, |at| at + 1)
}

/// Yields each token with the space before it; at the end, the remaining space and `None`.
struct Tokens<'a>(&'a [u8]);

impl<'a> Tokens<'a> {
    fn next(&mut self) -> (&'a [u8], Option<&'a [u8]>) {
        let space = self.0.iter().take_while(|byte| is_space(**byte)).count();
        let (space, rest) = self.0.split_at(space);
        let token = rest.iter().take_while(|byte| !is_space(**byte)).count();
        let (token, rest) = rest.split_at(token);
        self.0 = rest;
        (space, (!token.is_empty()).then_some(token))
    }
}

/// White space as in C's `isspace`: unlike Rust's, it includes the vertical tab.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn equal(actual: &[u8], expected: &[u8], options: &TokenOptions) -> bool {
    if actual == expected || !options.case_sensitive && actual.eq_ignore_ascii_case(expected) {
        return true;
    }
    if options.float_absolute.is_none() && options.float_relative.is_none() {
        return false;
    }
    let (Some(actual), Some(expected)) = (number(actual), number(expected)) else {
        return false;
    };
    // Infinities are compared with `==`, as their difference is not a number.
    let difference = (actual - expected).abs();
    actual == expected
        || options.float_absolute.is_some_and(|tolerance| difference <= tolerance)
        || options.float_relative.is_some_and(|tolerance| {
            expected.is_finite() && difference <= tolerance * expected.abs()
        })
}

/// Parses a decimal number, with an optional point and exponent. Words such as `inf` and `nan` are
/// not numbers.
fn number(token: &[u8]) -> Option<f64> {
    let unsigned = token.strip_prefix(b"-").or(token.strip_prefix(b"+")).unwrap_or(token);
    let begins = unsigned.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.');
    std::str::from_utf8(token).ok().filter(|_| begins)?.parse().ok()
}

fn quote(token: &[u8]) -> String {
    let text = String::from_utf8_lossy(&token[..token.len().min(4 * QUOTED_CHARS_MAX)]);
    let mut quoted: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if quoted.len() < token.len() {
        quoted.push('…');
    }
    quoted
}

#[cfg(test)]
mod table;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    use table::{ABSOLUTE, CASE, PLAIN, RELATIVE, SPACE};

    #[test]
    fn a_difference_is_reported_with_its_token() {
        let found = compare(b"1 3", b"1 2", &PLAIN);
        assert_eq!(found.message().unwrap(), "token 2 is \"3\", expected \"2\"");
        let found = compare(b"1", b"1 2", &PLAIN);
        assert_eq!(found.message().unwrap(), "the output ends before token 2, expected \"2\"");
        let found = compare(b"1 2 3", b"1 2", &PLAIN);
        assert_eq!(found.message().unwrap(), "token 3 is \"3\", expected the end");
        assert_eq!(compare(b"1  2", b"1 2", &SPACE), Comparison::SpaceDiffers { token: 2 });
        let long = compare(&[b'x'; 1000], b"y", &PLAIN).message().unwrap();
        assert!(long.len() < 200, "{long}");
    }

    proptest! {
        /// A common beginning only changes the token's number.
        #[test]
        fn a_common_beginning_does_not_matter(
            beginning in proptest::collection::vec("[ab0. ]{1,3}", 0..4),
            output in "[ab01. \n]{0,8}",
            answer in "[ab01. \n]{0,8}",
        ) {
            let beginning = beginning.concat() + "\n";
            for options in [PLAIN, CASE, SPACE, ABSOLUTE, RELATIVE] {
                let alone = compare(format!("\n{output}").as_bytes(), format!("\n{answer}").as_bytes(), &options);
                let after = compare((beginning.clone() + &output).as_bytes(), (beginning.clone() + &answer).as_bytes(), &options);
                let before = tokens(beginning.as_bytes());
                let moved = match alone {
                    Comparison::Equal => Comparison::Equal,
                    Comparison::SpaceDiffers { token } => Comparison::SpaceDiffers { token: token + before },
                    Comparison::Differs { token, expected, actual } => {
                        Comparison::Differs { token: token + before, expected, actual }
                    }
                };
                prop_assert_eq!(moved, after);
            }
        }

        #[test]
        fn tokens_are_equal_whatever_the_space_between_them(tokens in proptest::collection::vec("[!-~]{1,6}", 0..20)) {
            let one = tokens.join(" ").into_bytes();
            let other = tokens.join("\r\n\t").into_bytes();
            prop_assert_eq!(compare(&one, &other, &PLAIN), Comparison::Equal);
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(output: Vec<u8>, answer: Vec<u8>) {
            for options in [PLAIN, CASE, SPACE, ABSOLUTE, RELATIVE] {
                let found = compare(&output, &answer, &options);
                prop_assert_eq!(found.message().is_none(), found == Comparison::Equal);
            }
        }
    }
}
