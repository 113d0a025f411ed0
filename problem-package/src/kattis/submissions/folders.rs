//! The verdicts that the folder of a submission promises.

use std::collections::BTreeSet;

use domain::Verdict;

use crate::package::{Rule, TimeLimitUse};

use Verdict::{
    Accepted, CompileError, MemoryLimitExceeded, OutputLimitExceeded, Partial, PresentationError,
    RuntimeError, TimeLimitExceeded, WrongAnswer,
};

/// The format has fewer verdicts than Assay: its wrong answer includes a presentation error.
pub(super) const WRONG: [Verdict; 2] = [WrongAnswer, PresentationError];
/// Its run-time error includes too much memory or output.
pub(super) const CRASHED: [Verdict; 3] = [RuntimeError, MemoryLimitExceeded, OutputLimitExceeded];

/// Folders whose verdicts are final. `@EXPECTED_RESULTS@` applies to the other folders only.
pub(super) const FINAL: [&str; 4] =
    ["accepted", "wrong_answer", "time_limit_exceeded", "run_time_error"];

/// All verdicts that a test or a submission that compiles may have.
pub(super) fn any_result() -> BTreeSet<Verdict> {
    set(&[&[Accepted, TimeLimitExceeded, Partial], &WRONG, &CRASHED])
}

fn set(parts: &[&[Verdict]]) -> BTreeSet<Verdict> {
    parts.iter().copied().flatten().copied().collect()
}

/// The expected verdicts of the whole submission. If the best score is unknown, accepted and
/// partial cannot be distinguished.
pub(super) fn expected(folder: &str, best_is_unknown: bool) -> Option<BTreeSet<Verdict>> {
    Some(match folder {
        "accepted" if best_is_unknown => set(&[&[Accepted, Partial]]),
        "accepted" => set(&[&[Accepted]]),
        "partially_accepted" if best_is_unknown => set(&[&[Partial, Accepted]]),
        "partially_accepted" => set(&[&[Partial]]),
        "wrong_answer" => set(&[&WRONG]),
        "presentation_error" => set(&[&[PresentationError]]),
        "time_limit_exceeded" => set(&[&[TimeLimitExceeded]]),
        "memory_limit_exceeded" => set(&[&[MemoryLimitExceeded]]),
        "output_limit_exceeded" => set(&[&[OutputLimitExceeded]]),
        "run_time_error" => set(&[&CRASHED]),
        "compiler_error" | "compile_error" => set(&[&[CompileError]]),
        "brute_force" => set(&[&[TimeLimitExceeded], &CRASHED]),
        "rejected" => set(&[&[TimeLimitExceeded, CompileError], &WRONG, &CRASHED]),
        _ => return None,
    })
}

/// Verdicts that cause only a warning. The format's tools call a partial score accepted, and some
/// judges call too much output a wrong answer.
pub(super) fn tolerated(folder: &str, is_scored: bool) -> BTreeSet<Verdict> {
    match folder {
        "accepted" if is_scored => set(&[&[Partial]]),
        "partially_accepted" if is_scored => set(&[&[Accepted]]),
        "wrong_answer" => set(&[&[OutputLimitExceeded]]),
        _ => BTreeSet::new(),
    }
}

/// The older format's rules about the tests of a submission in the folder.
pub(super) fn rules(folder: &str) -> Vec<Rule> {
    let any = any_result;
    let (permitted, required, time_limit) = match folder {
        "accepted" => (set(&[&[Accepted]]), any(), TimeLimitUse::Lower),
        "wrong_answer" => (set(&[&[Accepted], &WRONG]), set(&[&WRONG]), TimeLimitUse::None),
        "time_limit_exceeded" => (
            set(&[&[Accepted, TimeLimitExceeded], &WRONG]),
            set(&[&[TimeLimitExceeded]]),
            TimeLimitUse::Upper,
        ),
        "run_time_error" => (any(), set(&[&CRASHED]), TimeLimitUse::None),
        _ => return Vec::new(),
    };
    let scope = String::new();
    vec![Rule { scope, permitted, required, score: None, message: None, time_limit }]
}

/// The rules of the folder that promises exactly these verdicts, for verdicts given in the source.
pub(super) fn rules_of_verdicts(expected: &BTreeSet<Verdict>) -> Vec<Rule> {
    let mut expected = expected.iter();
    match (expected.next(), expected.next()) {
        (Some(Accepted), None) => rules("accepted"),
        (Some(TimeLimitExceeded), None) => rules("time_limit_exceeded"),
        _ => Vec::new(),
    }
}
