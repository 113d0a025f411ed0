//! What the folder that a submission is in promises.

use std::collections::BTreeSet;

use domain::Verdict;

use crate::package::{Rule, TimeLimitUse};

use Verdict::{
    Accepted, CompileError, MemoryLimitExceeded, OutputLimitExceeded, Partial, PresentationError,
    RuntimeError, TimeLimitExceeded, WrongAnswer,
};

/// The format knows fewer verdicts than we do: to it a wrong answer is also one with the wrong space.
pub(super) const WRONG: [Verdict; 2] = [WrongAnswer, PresentationError];
/// And a crash is also what became of too much memory or output.
pub(super) const CRASHED: [Verdict; 3] = [RuntimeError, MemoryLimitExceeded, OutputLimitExceeded];

/// Folders of the formats that say all there is to say. `@EXPECTED_RESULTS@` is for the others.
pub(super) const IS_ALL_SAID: [&str; 4] =
    ["accepted", "wrong_answer", "time_limit_exceeded", "run_time_error"];

/// What a test may come to.
pub(super) fn any_result() -> BTreeSet<Verdict> {
    set(&[&[Accepted, TimeLimitExceeded, Partial], &WRONG, &CRASHED])
}

fn set(parts: &[&[Verdict]]) -> BTreeSet<Verdict> {
    parts.iter().copied().flatten().copied().collect()
}

/// The verdicts of the submission as a whole. Where no score is known to be the best, a part of the
/// points is not known to be one.
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

/// Verdicts that are worth a warning only. To the format's tools a part of the score is an accepted program, and some
/// judges call too much output a wrong answer.
pub(super) fn tolerated(folder: &str, is_scored: bool) -> BTreeSet<Verdict> {
    match folder {
        "accepted" if is_scored => set(&[&[Partial]]),
        "partially_accepted" if is_scored => set(&[&[Accepted]]),
        "wrong_answer" => set(&[&[OutputLimitExceeded]]),
        _ => BTreeSet::new(),
    }
}

/// What the older format says of the tests of a submission in the folder.
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

/// The rules of the folder that promises just these verdicts, which the source says itself.
pub(super) fn rules_of_verdicts(expected: &BTreeSet<Verdict>) -> Vec<Rule> {
    let mut expected = expected.iter();
    match (expected.next(), expected.next()) {
        (Some(Accepted), None) => rules("accepted"),
        (Some(TimeLimitExceeded), None) => rules("time_limit_exceeded"),
        _ => Vec::new(),
    }
}
