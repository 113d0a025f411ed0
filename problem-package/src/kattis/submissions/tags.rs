//! Reads tags in sources: `@EXPECTED_RESULTS@: WRONG-ANSWER, TIMELIMIT` and `@EXPECTED_SCORE@: 40`.

use std::collections::BTreeSet;

use domain::Verdict;

use super::super::programs::Files;
use super::folders::{CRASHED, WRONG};
use crate::diagnostic::{Report, quote};

const RESULTS: &str = "@EXPECTED_RESULTS@:";
const SCORE: &str = "@EXPECTED_SCORE@:";

/// The tags of a submission.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tags {
    verdicts: BTreeSet<Verdict>,
    pub(super) score: Option<(f64, f64)>,
}

impl Tags {
    /// Reads the first tag of each kind in the files.
    pub(super) fn read(path: &str, files: &Files<'_>, report: &mut Report) -> Self {
        let mut tags = Self::default();
        let (mut has_results, mut has_score) = (false, false);
        for (_, bytes) in files {
            if let Some(line) = after(bytes, RESULTS).filter(|_| !has_results) {
                has_results = true;
                tags.read_results(path, &line, report);
            }
            if let Some(line) = after(bytes, SCORE).filter(|_| !has_score) {
                has_score = true;
                tags.score = score(&line);
                if tags.score.is_none() {
                    let message = format!("the expected score is {}", quote(line.trim()));
                    report.warning(path, message, "a number, or two with `-` between them");
                }
            }
        }
        tags
    }

    /// The verdicts of the whole submission, if the source names any.
    pub(super) fn verdicts(&self, is_scored: bool) -> Option<BTreeSet<Verdict>> {
        let mut verdicts = self.verdicts.clone();
        if is_scored && self.score.is_some() && !verdicts.is_empty() {
            verdicts.insert(Verdict::Partial);
        }
        (!verdicts.is_empty()).then_some(verdicts)
    }

    fn read_results(&mut self, path: &str, line: &str, report: &mut Report) {
        for word in line.split(',') {
            // The last word may be followed by the end of a comment.
            let word: String = word
                .trim()
                .chars()
                .take_while(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_'))
                .map(|c| if c == '_' { '-' } else { c.to_ascii_uppercase() })
                .collect();
            let word = word.trim_end_matches('-');
            match verdicts(word) {
                Some(verdicts) => self.verdicts.extend(verdicts),
                None if word == "CHECK-MANUALLY" => {}
                None => {
                    let message = format!("unknown expected result {}", quote(word));
                    report.warning(path, message, "CORRECT, WRONG-ANSWER, TIMELIMIT, RUN-ERROR, …");
                }
            }
        }
    }
}

fn verdicts(word: &str) -> Option<&'static [Verdict]> {
    Some(match word {
        "CORRECT" | "ACCEPTED" => &[Verdict::Accepted],
        "WRONG-ANSWER" | "NO-OUTPUT" => &WRONG,
        "PRESENTATION-ERROR" => &[Verdict::PresentationError],
        "TIMELIMIT" | "TIME-LIMIT" | "TIME-LIMIT-EXCEEDED" => &[Verdict::TimeLimitExceeded],
        "RUN-ERROR" | "RUN-TIME-ERROR" | "RUNTIME-ERROR" => &CRASHED,
        "MEMORY-LIMIT" | "MEMORY-LIMIT-EXCEEDED" => &[Verdict::MemoryLimitExceeded],
        "OUTPUT-LIMIT" | "OUTPUT-LIMIT-EXCEEDED" => &[Verdict::OutputLimitExceeded],
        "COMPILER-ERROR" | "COMPILE-ERROR" => &[Verdict::CompileError],
        _ => return None,
    })
}

/// The text after the tag on its line. The tag's case is ignored.
fn after(bytes: &[u8], tag: &str) -> Option<String> {
    let start =
        bytes.windows(tag.len()).position(|window| window.eq_ignore_ascii_case(tag.as_bytes()))?
            + tag.len();
    let line = bytes[start..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    Some(String::from_utf8_lossy(line).into_owned())
}

/// Parses a score: `40`, `20-40`, `20 .. 40` or `[20, 40]`.
fn score(line: &str) -> Option<(f64, f64)> {
    let text = line.trim().trim_start_matches(['[', '(']);
    let (first, rest) = number(text)?;
    let rest = rest.trim_start();
    let rest = ["..", "-", ",", ":"].iter().find_map(|between| rest.strip_prefix(between));
    match rest.and_then(|rest| number(rest.trim_start())) {
        Some((second, _)) if second < first => None,
        Some((second, _)) => Some((first, second)),
        None => Some((first, first)),
    }
}

/// Parses a decimal number at the start of the text, and returns the rest.
fn number(text: &str) -> Option<(f64, &str)> {
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(&text[sign..]);
    let mut end = sign + whole;
    if text[end..].starts_with('.') {
        let fraction = digits(&text[end + 1..]);
        // `20..40` has no fraction.
        end += if fraction > 0 { 1 + fraction } else { 0 };
    }
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn tags(source: &'static str) -> Tags {
        let bytes = Bytes::from_static(source.as_bytes());
        Tags::read("a", &vec![("a", &bytes)], &mut Report::default())
    }

    #[test]
    fn results_are_read_however_they_are_written() {
        use Verdict::{Accepted, CompileError, TimeLimitExceeded, WrongAnswer};
        let cases: [(&str, &[Verdict]); 7] = [
            ("x\n# @EXPECTED_RESULTS@: CORRECT\n", &[Accepted]),
            (
                "/* @expected_results@: Accepted, TIME_LIMIT_EXCEEDED */",
                &[Accepted, TimeLimitExceeded],
            ),
            ("//@EXPECTED_RESULTS@:timelimit", &[TimeLimitExceeded]),
            ("@EXPECTED_RESULTS@: COMPILER-ERROR, CHECK-MANUALLY", &[CompileError]),
            ("@EXPECTED_RESULTS@: CHECK-MANUALLY", &[]),
            ("@EXPECTED_RESULTS@: PERHAPS", &[]),
            ("@EXPECTED_RESULTS@: WRONG-ANSWER", &[WrongAnswer, Verdict::PresentationError]),
        ];
        for (source, expected) in cases {
            assert_eq!(tags(source).verdicts, expected.iter().copied().collect(), "{source}");
        }
        // Sources of any length are searched.
        let long = Bytes::from(format!("{}@EXPECTED_RESULTS@: CORRECT", "x\n".repeat(10_000)));
        let found = Tags::read("a", &vec![("a", &long)], &mut Report::default());
        assert_eq!(found.verdicts, BTreeSet::from([Accepted]));
    }

    #[test]
    fn scores_are_numbers_or_ranges() {
        let cases = [
            ("@EXPECTED_SCORE@: 40", Some((40.0, 40.0))),
            ("/* @EXPECTED_SCORE@:5 */", Some((5.0, 5.0))),
            ("@EXPECTED_SCORE@: 20-40", Some((20.0, 40.0))),
            ("@EXPECTED_SCORE@: 20..40.5", Some((20.0, 40.5))),
            ("@EXPECTED_SCORE@: [-1.5, 2]", Some((-1.5, 2.0))),
            ("@EXPECTED_SCORE@: 40-20", None),
            ("@EXPECTED_SCORE@: many", None),
        ];
        for (source, expected) in cases {
            assert_eq!(tags(source).score, expected, "{source}");
        }
    }
}
