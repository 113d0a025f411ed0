//! Patterns for file names, which are Python regular expressions.
//!
//! The patterns are untrusted, so the number of matching steps is bounded.

use fancy_regex::{Error, Regex, RegexBuilder, RuntimeError};

use crate::diagnostic::quote;
use crate::limits::{REGEX_BYTES_MAX, REGEX_CHARS_MAX, REGEX_NAME_STEPS_MAX, REGEX_STEPS_MAX};

/// Maximum number of instructions in a compiled pattern.
const INSTRUCTIONS_MAX: usize = 20_000;

/// The parts of a file name that identify a test.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) batch: Option<String>,
    pub(super) case: Option<String>,
}

/// A compiled, case-insensitive pattern.
#[derive(Debug)]
pub(super) struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern that will be matched with `names` names. The error is the reason for the
    /// failure.
    pub(super) fn parse(text: &str, names: usize) -> Result<Self, String> {
        if text.chars().count() > REGEX_CHARS_MAX {
            return Err(format!("it has more than {REGEX_CHARS_MAX} characters"));
        }
        let steps_max = (REGEX_STEPS_MAX / names.max(1)).min(REGEX_NAME_STEPS_MAX);
        let regex = RegexBuilder::new(&of_python(text))
            .case_insensitive(true)
            .backtrack_limit(steps_max)
            .delegate_size_limit(REGEX_BYTES_MAX)
            .delegate_dfa_size_limit(REGEX_BYTES_MAX)
            .max_prog_size(INSTRUCTIONS_MAX)
            .build();
        regex.map(Self).map_err(|error| match error {
            Error::ParseError(at, error) => format!("{error} (after {at} bytes)"),
            error => error.to_string(),
        })
    }

    /// Matches the beginning of a name. Fails if it takes too many steps.
    pub(super) fn find(&self, name: &str) -> Result<Option<Found>, String> {
        let captures = self.0.captures(name).map_err(|error| match error {
            Error::RuntimeError(
                RuntimeError::BacktrackLimitExceeded | RuntimeError::StackOverflow,
            ) => {
                format!("a pattern takes too long to match {}", quote(name))
            }
            error => format!("a pattern cannot be matched with {}: {error}", quote(name)),
        })?;
        // The first match has the smallest start.
        let captures = captures.filter(|it| it.get(0).is_some_and(|whole| whole.start() == 0));
        let text = |group: &str| {
            let captured = captures.as_ref()?.name(group)?;
            Some(captured.as_str().to_owned())
        };
        Ok(captures.is_some().then(|| Found { batch: text("batch"), case: text("case") }))
    }
}

/// Translates a Python pattern for the library. Python has no nested sets and set operations in
/// `[]`, and some escapes differ.
fn of_python(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                // The end of the text, and escapes that are plain characters.
                Some('Z') if !in_class => result.push_str(r"\z"),
                Some(bare @ ('<' | '>')) => result.push(bare),
                Some(escaped) => result.extend(['\\', escaped]),
                None => result.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                result.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    result.push('^');
                }
                // A `]` at the start of a set is a plain character.
                if chars.next_if_eq(&']').is_some() {
                    result.push_str(r"\]");
                }
            }
            ']' if in_class => {
                in_class = false;
                result.push(']');
            }
            '[' | '&' | '~' if in_class => result.extend(['\\', c]),
            c => result.push(c),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::names::{INPUT, OUTPUT};
    use super::*;

    fn find(pattern: &str, name: &str) -> Option<(Option<String>, Option<String>)> {
        let pattern = Pattern::parse(pattern, 1).unwrap_or_else(|why| panic!("{pattern}: {why}"));
        let found = pattern.find(name).unwrap()?;
        Some((found.batch, found.case))
    }

    #[test]
    fn the_default_patterns_find_what_the_format_says() {
        let cases = [
            (INPUT, "test.1.in", None, "1"),
            (INPUT, "test-1.in", None, "1"),
            (INPUT, "test-case-1.in", None, "1"),
            (INPUT, "test-1-2.in", Some("1"), "2"),
            (INPUT, "test-batch-1-case-2.in", Some("1"), "2"),
            (INPUT, "1.2.in", Some("1"), "2"),
            (INPUT, "in1", None, "1"),
            (INPUT, "DATA10.IN", None, "10"),
            (INPUT, "A plus B/1.in", None, "1"),
            (INPUT, "данные/1.in", None, "1"),
            (OUTPUT, "1.2.out", Some("1"), "2"),
            (OUTPUT, "out12.txt", None, "12"),
        ];
        for (pattern, name, batch, case) in cases {
            let expected = Some((batch.map(str::to_owned), Some(case.to_owned())));
            assert_eq!(find(pattern, name), expected, "{name}");
        }
        for name in ["1.out", "readme", "a.in", "1.ans"] {
            assert_eq!(find(INPUT, name), None, "{name}");
        }
    }

    #[test]
    fn patterns_are_read_as_python_reads_them() {
        let cases = [
            (r"^(?P<batch>\d+)-(?P<case>[a-z]+)\.txt$", "10-b.txt", Some((Some("10"), Some("b")))),
            (r"^(?P<batch>\d+)-(?P<case>[a-z]+)\.txt$", "10-b.txt2", None),
            (r"(?P<case>[^.]{2,3}?)x*", "abcd", Some((None, Some("ab")))),
            (r"(?:a|b)+(?P<case>[\d_-]+)(?!z)", "abba1-2", Some((None, Some("1-2")))),
            (r"x(?P<case>.*)", "ax", None),
            (r"(?P<case>(a*)*b)", "aaaa", None),
            (r"a|(?P<case>b)", "b", Some((None, Some("b")))),
            (r"(?P<case>\d+)\.in\Z", "1.in", Some((None, Some("1")))),
            (r"(?P<case>\d+)\.in\Z", "1.in2", None),
            (r"(?P<batch>a)-(?P=batch)(?P<case>\d)", "a-a1", Some((Some("a"), Some("1")))),
            (r"(?P<batch>a)-(?P=batch)(?P<case>\d)", "a-b1", None),
            (r"(?P<x>\w)\1(?P<case>\d)", "aa1", Some((None, Some("1")))),
            (r"(?<=a)b|a(?P<case>b)", "ab", Some((None, Some("b")))),
            (r"(?i)IN(?P<case>\d)", "in1", Some((None, Some("1")))),
            (r"(?x) in (?P<case> \d ) # the case", "in1", Some((None, Some("1")))),
            (r"(?#the case)(?P<case>\d)", "1", Some((None, Some("1")))),
            (r"(?P<case>[[]\d[]])", "[1]", Some((None, Some("[1]")))),
            (r"(?P<case>[]a]+)", "]a", Some((None, Some("]a")))),
            (r"(?P<case>[^]a]+)", "b]", Some((None, Some("b")))),
            (r"(?P<case>[a&&b]+)", "a&b", Some((None, Some("a&b")))),
            (r"(?P<case>[~~a]+)", "~a", Some((None, Some("~a")))),
            (r"(?P<case>\<\d\>)", "<1>", Some((None, Some("<1>")))),
            (r"(?P<case>a{,2})b", "aab", Some((None, Some("aa")))),
            (r"(?P<case>\d+)[-_ ]\w+", "1 año", Some((None, Some("1")))),
            (r"(?P<case>АБВ)", "абв", Some((None, Some("абв")))),
            (r"(.*/)?(?P<case>\d+)$", "a/b/7", Some((None, Some("7")))),
            (r"(?P<batch>\d)?(?P<case>[a-z])", "a", Some((None, Some("a")))),
            (r"\d(?P<case>\d)?", "1", Some((None, None))),
        ];
        for (pattern, name, expected) in cases {
            let expected = expected.map(|(batch, case): (Option<&str>, Option<&str>)| {
                (batch.map(str::to_owned), case.map(str::to_owned))
            });
            assert_eq!(find(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let too_long = "a".repeat(REGEX_CHARS_MAX + 1);
        let deep = "(".repeat(500);
        let large = r"(\w{100}){100}{100}";
        for bad in ["(", ")", "[a", "*", "\\", "(?P<x", &too_long, &deep, large] {
            assert!(Pattern::parse(bad, 1).is_err(), "{bad}");
        }
        let why = Pattern::parse("(a", 1).unwrap_err();
        assert_eq!(why, "Opening parenthesis without closing parenthesis (after 2 bytes)");
    }

    #[test]
    fn matching_ends() {
        // Patterns that need no backtracking match, and others fail within the step limit.
        let name = "a".repeat(200);
        let refused = Err(format!("a pattern takes too long to match {}", quote(&name)));
        let find = |pattern: &str| Pattern::parse(pattern, 10_000).unwrap().find(&name);
        for pattern in ["((((a*)*)*)*)*b", "(?=(a|aa)+b)", "(?P<x>a*)*(?P=x)(a|aa)*b"] {
            let found = find(pattern);
            assert!(found == Ok(None) || found == refused, "{pattern}: {found:?}");
        }
        assert!(find("(a|aa)+$").unwrap().is_some());
        let steps_back: String = (1..6).map(|group| format!("(?:(?=(a))\\{group})*")).collect();
        assert_eq!(find(&format!("^{steps_back}(?<!a)$")), refused);
    }

    proptest! {
        #[test]
        fn arbitrary_patterns_do_not_panic(
            pattern in "[ab()?P<case>:=!|*+{}0-9,\\[\\]^$.\\\\dwS&~-]{0,40}",
            name in "[ab0-9.é]{0,20}",
        ) {
            if let Ok(pattern) = Pattern::parse(&pattern, 10_000) {
                let _ = pattern.find(&name);
            }
        }
    }
}
