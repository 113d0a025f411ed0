//! The protocols of validators: their arguments, files, exit codes and results.

use bytes::Bytes;
use domain::Verdict;
use domain::grading::CheckerScore;
use domain::problem::Protocol;
use domain::submission::Feedback;
use domain::text::is_shown_in_lines;
use sandbox::{Area, Ended, Outcome};

const INPUT: &str = "test.in";
const ANSWER: &str = "test.ans";
pub(in crate::judge) const OUTPUT: &str = "output";
pub(super) const FEEDBACK_FOLDER: &str = "feedback/";
pub(super) const SCORE: &str = "feedback/score.txt";
pub(super) const SHARE: &str = "feedback/score_multiplier.txt";
pub(super) const JUDGE_MESSAGE: &str = "feedback/judgemessage.txt";
pub(super) const TEAM_MESSAGE: &str = "feedback/teammessage.txt";
pub(super) const NEXT_PASS: &str = "feedback/nextpass.in";

/// The most characters of a message that are kept.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// The exit codes of the Kattis format.
const KATTIS_ACCEPTED: i32 = 42;
const KATTIS_REJECTED: i32 = 43;

/// Testlib's exit codes for points, and for partially correct outputs: the base plus the part.
const TESTLIB_POINTS: i32 = 7;
const TESTLIB_PART_BASE: i32 = 50;
/// The part that means fully correct, as in Codeforces and Polygon.
const TESTLIB_PART_MAX: i32 = 200;

/// What a validator does in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::judge) enum Role {
    /// Judges the submission's output.
    Checker,
    /// Talks to the submission.
    Interactor,
}

/// A validator's verdict on an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::judge) enum ValidatorVerdict {
    /// The output is right.
    Accepted,
    /// The output is wrong.
    Rejected(Verdict),
    /// The validator failed; the reason.
    Failed(String),
}

/// A validator's complete result.
#[derive(Debug, Clone)]
pub(in crate::judge) struct Validated {
    pub(in crate::judge) verdict: ValidatorVerdict,
    pub(in crate::judge) score: Option<CheckerScore>,
    pub(in crate::judge) feedback: Feedback,
    /// The input for the submission's next pass.
    pub(in crate::judge) next_pass: Option<Bytes>,
}

/// The files of one test, for a validator.
#[derive(Debug, Clone, Copy)]
pub(in crate::judge) struct Files<'a> {
    pub(in crate::judge) input: &'a Bytes,
    pub(in crate::judge) answer: &'a Bytes,
    /// Empty while the submission runs.
    pub(in crate::judge) output: &'a Bytes,
    /// The files that an earlier pass left in the feedback directory: path and content.
    pub(in crate::judge) kept: &'a [(String, Bytes)],
}

/// The files to write to the cell's work area.
pub(super) fn placed(protocol: Protocol, files: &Files<'_>) -> Vec<(String, Bytes)> {
    let mut placed =
        vec![(INPUT.to_owned(), files.input.clone()), (ANSWER.to_owned(), files.answer.clone())];
    if protocol == Protocol::Kattis {
        // The directory must exist, so it gets an empty file.
        placed.push((JUDGE_MESSAGE.to_owned(), Bytes::new()));
        placed.extend(files.kept.iter().cloned());
    } else {
        placed.push((OUTPUT.to_owned(), files.output.clone()));
    }
    placed
}

/// The arguments of a validator.
pub(super) fn arguments(protocol: Protocol, role: Role, further: &[String]) -> Vec<String> {
    let work = |name: &str| format!("{}/{name}", Area::Work.directory());
    let mut arguments = match (protocol, role) {
        (Protocol::Kattis, _) => vec![work(INPUT), work(ANSWER), work(FEEDBACK_FOLDER)],
        (Protocol::Bridged, Role::Interactor) => vec![work(INPUT), work(ANSWER)],
        (Protocol::Testlib | Protocol::Bridged, _) => {
            vec![work(INPUT), work(OUTPUT), work(ANSWER)]
        }
    };
    arguments.extend(further.iter().cloned());
    arguments
}

/// The arguments of a static validator.
pub(super) fn static_arguments(
    language: &str,
    entry_point: &str,
    further: &[String],
) -> Vec<String> {
    let feedback = format!("{}/{FEEDBACK_FOLDER}", Area::Work.directory());
    let own = [language.to_owned(), entry_point.to_owned(), feedback];
    own.into_iter().chain(further.iter().cloned()).collect()
}

/// The exit codes with which a validator accepts.
pub(super) fn accepting(protocol: Protocol) -> Vec<i32> {
    match protocol {
        Protocol::Kattis => vec![KATTIS_ACCEPTED],
        Protocol::Testlib => {
            let parts = TESTLIB_PART_BASE + 1..=TESTLIB_PART_BASE + TESTLIB_PART_MAX;
            [0, TESTLIB_POINTS].into_iter().chain(parts).collect()
        }
        Protocol::Bridged => vec![0],
    }
}

/// The result by the program's end alone, without the files that it left.
pub(super) fn read(protocol: Protocol, outcome: &Outcome) -> Validated {
    let plain = |verdict| Validated {
        verdict,
        score: None,
        feedback: Feedback::default(),
        next_pass: None,
    };
    let code = match outcome.ended {
        Ended::Exited { code } => code,
        other => return plain(ValidatorVerdict::Failed(format!("it {other}"))),
    };
    let failed = || ValidatorVerdict::Failed(format!("it exited with {code}"));
    match protocol {
        Protocol::Kattis => plain(match code {
            KATTIS_ACCEPTED => ValidatorVerdict::Accepted,
            KATTIS_REJECTED => ValidatorVerdict::Rejected(Verdict::WrongAnswer),
            _ => ValidatorVerdict::Failed(format!(
                "it exited with {code} ({KATTIS_ACCEPTED} accepts, {KATTIS_REJECTED} rejects)"
            )),
        }),
        Protocol::Testlib => {
            let mut found = plain(match code {
                0 | TESTLIB_POINTS => ValidatorVerdict::Accepted,
                1 | 4 | 5 => ValidatorVerdict::Rejected(Verdict::WrongAnswer),
                2 | 8 => ValidatorVerdict::Rejected(Verdict::PresentationError),
                _ => failed(),
            });
            found.feedback.judge = excerpt(&outcome.stderr);
            if let Some(part) = part(code, &outcome.stderr) {
                (found.verdict, found.score) = partially(part);
            } else if code == TESTLIB_POINTS {
                match points(&outcome.stderr) {
                    Some(points) => found.score = Some(CheckerScore::Points(points)),
                    None => {
                        found.verdict = ValidatorVerdict::Failed("it gave no points".to_owned());
                    }
                }
            }
            found
        }
        Protocol::Bridged => {
            let mut found = plain(match code {
                0 => ValidatorVerdict::Accepted,
                1 => ValidatorVerdict::Rejected(Verdict::WrongAnswer),
                _ => failed(),
            });
            found.feedback.team = excerpt(&outcome.stdout);
            found.feedback.judge = excerpt(&outcome.stderr);
            found
        }
    }
}

/// The part of an output that is right, from 0 to [`TESTLIB_PART_MAX`]: the `n` of `_pc(n)`.
/// Testlib adds a base to it in the exit code: 50 when compiled for testing systems, 0 by default.
/// The message on standard error always contains the part, so it is used first, and the exit code 1
/// of `_pc(1)` is not mistaken for a wrong answer.
fn part(code: i32, said: &[u8]) -> Option<i32> {
    let said = String::from_utf8_lossy(said);
    let in_words = said.trim_start().strip_prefix("partially correct (");
    let in_words = in_words.and_then(|rest| rest.split_once(')')?.0.trim().parse().ok());
    let part = match in_words {
        Some(part) => part,
        None => code.checked_sub(TESTLIB_PART_BASE)?,
    };
    (0..=TESTLIB_PART_MAX).contains(&part).then_some(part)
}

/// Part 0 is a wrong answer; the largest part is accepted without a score.
fn partially(part: i32) -> (ValidatorVerdict, Option<CheckerScore>) {
    match part {
        0 => (ValidatorVerdict::Rejected(Verdict::WrongAnswer), None),
        TESTLIB_PART_MAX => (ValidatorVerdict::Accepted, None),
        part => {
            let share = f64::from(part) / f64::from(TESTLIB_PART_MAX);
            (ValidatorVerdict::Accepted, Some(CheckerScore::Share(share)))
        }
    }
}

/// The number that Testlib writes after the word `points`.
fn points(said: &[u8]) -> Option<f64> {
    let said = String::from_utf8_lossy(said);
    let mut words = said.split_whitespace().skip_while(|word| *word != "points").skip(1);
    words.next()?.parse().ok().filter(|points: &f64| points.is_finite())
}

/// The largest score. Sums of thousands of such scores are finite, and sums of integers are exact.
const SCORE_MAX: f64 = 1e12;

/// The number that a file consists of, from 0 to [`SCORE_MAX`].
pub(super) fn number(bytes: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    text.parse().ok().filter(|number| (0.0..=SCORE_MAX).contains(number))
}

/// The beginning of a message; `None` if it is empty.
pub(in crate::judge) fn excerpt(bytes: &[u8]) -> Option<String> {
    let shown = &bytes[..bytes.len().min(4 * MESSAGE_CHARS_MAX)];
    let text: String = String::from_utf8_lossy(shown)
        .trim()
        .chars()
        .filter(|c| is_shown_in_lines(*c))
        .take(MESSAGE_CHARS_MAX)
        .collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_no_characters_that_mislead() {
        let said = "a\u{1b}[1mb\r\n\u{202e}txet\u{2069}\n";
        assert_eq!(excerpt(said.as_bytes()).as_deref(), Some("a[1mb\ntxet"));
        assert_eq!(excerpt("\u{202e}\0".as_bytes()), None);
    }

    #[test]
    fn what_testlib_says_of_a_part() {
        // The exit code, the message on standard error, and the expected part.
        let cases = [
            (50, "", Some(0)),
            (51, "", Some(1)),
            (150, "partially correct (100) half of it", Some(100)),
            (250, "", Some(200)),
            (251, "", None),
            (255, "", None),
            (49, "", None),
            (16, "", None),
            // Compiled without a base.
            (0, "partially correct (0) nothing", Some(0)),
            (1, "partially correct (1) a little", Some(1)),
            (3, "partially correct (3) some", Some(3)),
            (7, "partially correct (7) more", Some(7)),
            (200, "partially correct (200) all", Some(200)),
            (5, "partially correct (300)", None),
            (1, "wrong answer partially correct (3)", None),
            (1, "wrong answer", None),
            (0, "ok", None),
        ];
        for (code, said, expected) in cases {
            assert_eq!(part(code, said.as_bytes()), expected, "{code} {said}");
        }
    }

    #[test]
    fn a_part_is_a_share_of_the_test() {
        assert!(matches!(partially(0), (ValidatorVerdict::Rejected(Verdict::WrongAnswer), None)));
        assert!(matches!(partially(200), (ValidatorVerdict::Accepted, None)));
        let (verdict, score) = partially(50);
        assert!(matches!(verdict, ValidatorVerdict::Accepted));
        assert_eq!(score, Some(CheckerScore::Share(0.25)));
    }
}
