//! Reads `<solutions>`: programs with known verdicts.

use std::collections::BTreeSet;

use domain::Verdict;

use super::languages::of_program;
use crate::diagnostic::{Report, quote};
use crate::package::{SampleSubmission, SourceFile};
use crate::tree::FileTree;
use crate::xml::Element;

/// The verdicts that a tag promises; `None` if it promises none.
fn expected(tag: &str) -> Option<&'static [Verdict]> {
    use Verdict::{
        Accepted, CompileError, MemoryLimitExceeded, OutputLimitExceeded, PresentationError,
        RuntimeError, TimeLimitExceeded, WrongAnswer,
    };
    Some(match tag {
        "main" | "accepted" => &[Accepted],
        "wrong-answer" => &[WrongAnswer, PresentationError],
        "presentation-error" => &[PresentationError],
        "time-limit-exceeded" => &[TimeLimitExceeded],
        "time-limit-exceeded-or-accepted" => &[TimeLimitExceeded, Accepted],
        "time-limit-exceeded-or-memory-limit-exceeded" => &[TimeLimitExceeded, MemoryLimitExceeded],
        "memory-limit-exceeded" => &[MemoryLimitExceeded],
        "runtime-error" | "run-time-error" => &[RuntimeError],
        "rejected" => &[
            WrongAnswer,
            PresentationError,
            TimeLimitExceeded,
            MemoryLimitExceeded,
            OutputLimitExceeded,
            RuntimeError,
            CompileError,
        ],
        _ => return None,
    })
}

/// Tags that promise nothing that can be checked.
const NOT_JUDGED: [&str; 2] = ["failed", "do-not-run"];

pub(super) fn read(
    root: Element<'_>,
    tree: &FileTree,
    is_scored: bool,
    report: &mut Report,
) -> Vec<SampleSubmission> {
    let solutions = root.descend(&["assets", "solutions"]);
    let solutions = solutions.into_iter().flat_map(|solutions| solutions.children("solution"));
    let submissions: Vec<_> =
        solutions.filter_map(|solution| read_solution(solution, tree, is_scored, report)).collect();
    let is_accepted =
        |submission: &SampleSubmission| submission.expected == [Verdict::Accepted].into();
    if !submissions.iter().any(is_accepted) {
        report.warning(root.place(), "there is no accepted solution", "<solution tag=\"main\">");
    }
    submissions
}

fn read_solution(
    solution: Element<'_>,
    tree: &FileTree,
    is_scored: bool,
    report: &mut Report,
) -> Option<SampleSubmission> {
    let Some(source) = solution.child("source") else {
        report.warning(solution.place(), "a solution has no <source> and is ignored", "");
        return None;
    };
    let path = source.attribute("path").unwrap_or_default();
    let tag = solution.attribute("tag").unwrap_or_default();
    let mut leave = |message: String, expected: &str| {
        report.warning(
            solution.place(),
            format!("the solution {} {message}", quote(path)),
            expected,
        );
        None
    };
    if NOT_JUDGED.contains(&tag) {
        return leave(format!("has the tag {tag} and is ignored"), "");
    }
    let Some(verdicts) = expected(tag) else {
        return leave(
            format!("has the unknown tag {} and is ignored", quote(tag)),
            "main, accepted, …",
        );
    };
    let kind = source.attribute("type");
    let Some(language) = of_program(kind, path) else {
        let kind = quote(kind.unwrap_or_default());
        return leave(format!("is in no known language and is ignored: its `type` is {kind}"), "");
    };
    let Some(bytes) = tree.get(path) else {
        return leave("is missing".to_owned(), "a source file in the package");
    };
    if solution.child("extra-tags").is_some() {
        let message =
            format!("the solution {} has tags for some tests, which are ignored", quote(path));
        report.warning(solution.place(), message, "");
    }
    let mut expected: BTreeSet<_> = verdicts.iter().copied().collect();
    // In a scored problem, a solution that fails some tests still scores on the others.
    if is_scored && verdicts != [Verdict::Accepted] {
        expected.insert(Verdict::Partial);
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    Some(SampleSubmission {
        path: path.to_owned(),
        language,
        files: vec![SourceFile { path: name.to_owned(), bytes: bytes.clone() }],
        entry_point: None,
        expected,
        tolerated: BTreeSet::new(),
        rules: vec![],
        score: None,
        is_model: (tag == "main").then_some(true),
    })
}
