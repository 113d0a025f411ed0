//! Messages about a submission's tests: from validators, the checker and the program itself.

use domain::Verdict;
use domain::problem::RevisionContent;
use domain::submission::TestOutcome;

use super::report::Message;
use crate::local_judge::LocalResult;

/// Maximum number of messages per submission in a report.
const MESSAGES_MAX: usize = 100;
/// Maximum length of a message in the table, in characters.
const SHORT_CHARS_MAX: usize = 200;

/// The messages of validators and the checker, by test.
pub(super) fn of(content: &RevisionContent, trial: &LocalResult) -> Vec<Message> {
    let messages = trial.outcomes.values().filter_map(|outcome| {
        let feedback = outcome.feedback.clone().unwrap_or_default();
        let checker = outcome.shown.as_ref().and_then(|shown| shown.checker.clone());
        let judge = feedback.judge.or(checker);
        let is_said = judge.is_some() || feedback.team.is_some();
        let (test, verdict) = (name(content, outcome).to_owned(), outcome.verdict);
        is_said.then_some(Message { test, verdict, judge, team: feedback.team })
    });
    messages.take(MESSAGES_MAX).collect()
}

/// Why a submission's result differs from the package's, or otherwise a message worth showing.
pub(super) fn detail(content: &RevisionContent, trial: &LocalResult, wrong: &[String]) -> String {
    let mut detail = wrong.join("; ");
    // The compiler's output is worth showing only if it was not expected.
    let is_worth_showing = !wrong.is_empty() || !trial.outcomes.is_empty();
    if is_worth_showing && !trial.detail.is_empty() {
        let separator = if detail.is_empty() { "" } else { ": " };
        return format!("{detail}{separator}{}", trial.detail.trim());
    }
    let Some(outcome) = failed_test(trial) else { return detail };
    let test = name(content, outcome);
    let said = said(outcome).map(|said| short(&said));
    if wrong.is_empty() {
        // Show the package's own message; the default checker's message is not worth showing if it
        // was expected.
        let judge = outcome.feedback.as_ref().and_then(|feedback| feedback.judge.as_deref());
        return judge.map_or(detail, |judge| format!("{test}: {}", short(judge)));
    }
    let got = format!("{test} got {}", outcome.verdict);
    if !detail.contains(&got) {
        detail = format!("{detail}; {got}");
        return said.map_or(detail.clone(), |said| format!("{detail}: {said}"));
    }
    said.map_or(detail.clone(), |said| format!("{detail}; {test}: {said}"))
}

/// The first test with the submission's verdict, or else the first that was not accepted.
fn failed_test(trial: &LocalResult) -> Option<&TestOutcome> {
    let failed = || trial.outcomes.values().filter(|it| it.verdict != Verdict::Accepted);
    failed().find(|outcome| outcome.verdict == trial.grade.verdict).or_else(|| failed().next())
}

/// Why a test was not accepted, if any message says so.
fn said(outcome: &TestOutcome) -> Option<String> {
    let feedback = outcome.feedback.as_ref();
    let shown = outcome.shown.as_ref();
    feedback
        .and_then(|feedback| feedback.judge.clone())
        .or_else(|| shown.and_then(|shown| shown.checker.clone()))
        .or_else(|| feedback.and_then(|feedback| feedback.team.clone()))
        .or_else(|| shown.and_then(|shown| crash(&shown.stderr)))
}

/// Words with which runtimes report why a program crashed.
const CRASH_WORDS: [&str; 5] = ["error", "exception", "panic", "fatal", "terminate called"];

/// The line of standard error that says why a program crashed. Lines that runtimes write around it,
/// such as stack frames, are mostly indented.
fn crash(stderr: &str) -> Option<String> {
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    let says_why = |line: &&str| {
        let lower = line.to_lowercase();
        !line.starts_with(char::is_whitespace)
            && CRASH_WORDS.iter().any(|word| lower.contains(word))
    };
    let place = lines.iter().rposition(says_why).unwrap_or(0);
    let line = lines.get(place)?;
    // Rust and C++ continue on the next line.
    let goes_on = |next: &&&str| line.ends_with(':') || next.trim_start().starts_with("what():");
    let rest = lines.get(place + 1).filter(goes_on);
    Some(rest.map_or((*line).to_owned(), |rest| format!("{line} {}", rest.trim())))
}

fn name<'a>(content: &'a RevisionContent, outcome: &TestOutcome) -> &'a str {
    &content.tests[outcome.number as usize - 1].name
}

/// A message as one line for a table.
fn short(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(SHORT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::Digest;
    use domain::grading::Grade;
    use domain::problem::{BlobRef, Test};
    use domain::submission::{Feedback, Shown};

    use super::*;

    fn content() -> RevisionContent {
        let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
        let tests = ["sample/1", "secret/2"].map(|name| Test::new(name, blob, blob)).to_vec();
        RevisionContent { tests, ..RevisionContent::default() }
    }

    fn trial(verdict: Verdict, feedback: Option<Feedback>, shown: Option<Shown>) -> LocalResult {
        let outcome = |number, verdict, feedback, shown| TestOutcome {
            number,
            verdict,
            end: None,
            time_ms: 1,
            memory_kib: 1,
            score: None,
            feedback,
            shown,
        };
        let outcomes = BTreeMap::from([
            (1, outcome(1, Verdict::Accepted, None, None)),
            (2, outcome(2, verdict, feedback, shown)),
        ]);
        let (groups, out_of_range) = (vec![], vec![]);
        let root = verdict;
        let grade =
            Grade { root, verdict, score: None, groups, out_of_range, points_decide: false };
        LocalResult { outcomes, grade, detail: String::new() }
    }

    fn feedback(judge: &str, team: &str) -> Option<Feedback> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(Feedback { judge: text(judge), team: text(team) })
    }

    fn shown(checker: Option<&str>, stderr: &str) -> Option<Shown> {
        let (stdout, stderr) = (String::new(), stderr.to_owned());
        Some(Shown {
            stdout,
            stderr,
            truncated: false,
            checker: checker.map(str::to_owned),
            result: None,
        })
    }

    #[test]
    fn a_disagreement_names_the_test_and_why_it_failed() {
        use Verdict::{Accepted, RuntimeError, TimeLimitExceeded, WrongAnswer};
        let expected = "expected ACCEPTED";
        let rule = "secret/2 got WRONG_ANSWER, permitted are ACCEPTED";
        let cases = [
            (trial(Accepted, None, None), "expected WRONG_ANSWER", "expected WRONG_ANSWER"),
            (trial(Accepted, None, None), "", ""),
            (
                trial(WrongAnswer, None, None),
                expected,
                "expected ACCEPTED; secret/2 got WRONG_ANSWER",
            ),
            (
                trial(WrongAnswer, feedback("too\n small", ""), None),
                expected,
                "expected ACCEPTED; secret/2 got WRONG_ANSWER: too small",
            ),
            (
                trial(WrongAnswer, feedback("", "read the statement"), None),
                expected,
                "expected ACCEPTED; secret/2 got WRONG_ANSWER: read the statement",
            ),
            (
                trial(WrongAnswer, None, shown(Some("token 1 differs"), "debug")),
                expected,
                "expected ACCEPTED; secret/2 got WRONG_ANSWER: token 1 differs",
            ),
            (
                trial(RuntimeError, None, shown(None, "Traceback\nIndexError: 7\n")),
                expected,
                "expected ACCEPTED; secret/2 got RUNTIME_ERROR: IndexError: 7",
            ),
            (
                trial(TimeLimitExceeded, None, shown(None, "")),
                expected,
                "expected ACCEPTED; secret/2 got TIME_LIMIT_EXCEEDED",
            ),
            (
                trial(WrongAnswer, feedback("too small", ""), None),
                rule,
                "secret/2 got WRONG_ANSWER, permitted are ACCEPTED; secret/2: too small",
            ),
            // An expected result needs no reason, but the package's own message is shown.
            (trial(WrongAnswer, None, shown(Some("token 1 differs"), "")), "", ""),
            (trial(WrongAnswer, feedback("too small", ""), None), "", "secret/2: too small"),
        ];
        for (trial, wrong, expected) in cases {
            let wrong: Vec<String> =
                [wrong].iter().filter(|it| !it.is_empty()).map(ToString::to_string).collect();
            assert_eq!(detail(&content(), &trial, &wrong), expected, "{trial:?}");
        }
        let failed = LocalResult {
            detail: "secret/2: it crashed".to_owned(),
            ..trial(Verdict::JudgeError, feedback("it crashed", ""), None)
        };
        assert_eq!(
            detail(&content(), &failed, &[expected.to_owned()]),
            "expected ACCEPTED: secret/2: it crashed"
        );
    }

    #[test]
    fn messages_are_kept_with_the_name_of_their_test() {
        let wrong = Verdict::WrongAnswer;
        let found =
            of(&content(), &trial(wrong, feedback("too small", "no"), shown(Some("x"), "")));
        let message = |judge: &str, team: Option<&str>| Message {
            test: "secret/2".to_owned(),
            verdict: wrong,
            judge: Some(judge.to_owned()),
            team: team.map(str::to_owned),
        };
        assert_eq!(found, [message("too small", Some("no"))]);
        let found = of(&content(), &trial(wrong, None, shown(Some("token 1 differs"), "")));
        assert_eq!(found, [message("token 1 differs", None)]);
        assert_eq!(of(&content(), &trial(wrong, None, shown(None, "debug"))), []);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let text = short(&"é".repeat(SHORT_CHARS_MAX + 1));
        assert_eq!(text.chars().count(), SHORT_CHARS_MAX + 1);
        assert!(text.ends_with("é…"));
        assert_eq!(short(" a\n\tb "), "a b");
    }

    #[test]
    fn the_line_that_says_why_is_shown_of_a_crash() {
        for (stderr, line) in [
            (
                "Traceback (most recent call last):\n  File \"/box/a.py\", line 1\n    raise ValueError('x')\nValueError: x\n",
                "ValueError: x",
            ),
            (
                "/box/a.js:1\nthrow new Error('x')\n^\n\nError: x\n    at Object.<anonymous> (/box/a.js:1:7)\n\nNode.js v20.19.2\n",
                "Error: x",
            ),
            (
                "\nthread 'main' (2) panicked at a.rs:1:13:\nx\nnote: run with `RUST_BACKTRACE=1`\n",
                "thread 'main' (2) panicked at a.rs:1:13: x",
            ),
            (
                "Exception in thread \"main\" java.lang.RuntimeException: x\n\tat Main.main(Main.java:1)\n",
                "Exception in thread \"main\" java.lang.RuntimeException: x",
            ),
            (
                "lua5.4: /box/a.lua:1: x\nstack traceback:\n\t[C]: in function 'error'\n\t[C]: in ?\n",
                "lua5.4: /box/a.lua:1: x",
            ),
            (
                "main: x\nCallStack (from HasCallStack):\n  error, called at a.hs:1:8 in main:Main\n",
                "main: x",
            ),
            (
                "panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t./a.go:2 +0x12\nexit status 2\n",
                "panic: x",
            ),
            ("Error: x\nExecution halted\n", "Error: x"),
            (
                "terminate called after throwing an instance of 'std::runtime_error'\n  what():  x\n",
                "terminate called after throwing an instance of 'std::runtime_error' what():  x",
            ),
            (
                "PHP Fatal error:  Uncaught Exception: x in /box/a.php:2\nStack trace:\n#0 {main}\n  thrown in /box/a.php on line 2\n",
                "PHP Fatal error:  Uncaught Exception: x in /box/a.php:2",
            ),
            ("x at /box/a.pl line 1.\n", "x at /box/a.pl line 1."),
        ] {
            assert_eq!(crash(stderr).as_deref(), Some(line));
        }
        assert_eq!(crash("\n \n"), None);
    }
}
